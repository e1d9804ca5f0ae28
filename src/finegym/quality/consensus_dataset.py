"""A consensus as a dataset: what is agreed on becomes actions and sub-actions, what is not is counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.names import name_actions, name_sub_actions
from finegym.quality.adjudication import Decision
from finegym.quality.consensus import Consensus, ConsensusSettings, ConsensusUnit, make_consensus
from finegym.quality.unit_files import make_units_of_datasets
from finegym.quality.units import Item, Level, get_set_of_label

Stages = Mapping[str, tuple[tuple[int, int], ...]]
"""Of one annotator: the stages of every sub-action by its instance id."""

LEVELS: tuple[Level, ...] = ("action", "sub-action")
_SETTLED: tuple[Decision, ...] = ("agreed", "one annotator", "decided")
_OPEN: tuple[Decision, ...] = ("third annotator", "adjudicate")


@dataclass(frozen=True)
class ConsensusDataset:
    """What became of a consensus.

    Attributes:
        dataset: actions and sub-actions that are settled (with ``include_open`` those that are open too).
        num_open: units that are left out because nobody has decided about them yet.
        num_absent: units that the votes, or somebody's ruling, say are not there.
        num_homeless: settled sub-actions in a routine that is not settled itself, so that they belong nowhere.
    """

    dataset: Dataset
    num_open: int
    num_absent: int
    num_homeless: int


def make_consensus_dataset(
    base: Dataset,
    sub_actions: Consensus | None,
    actions: Consensus | None = None,
    *,
    stages: Mapping[str, Stages] | None = None,
    include_open: bool = False,
) -> ConsensusDataset:
    """Put a consensus into a dataset.

    Args:
        base: records, and (without ``actions``) the routines that the sub-actions were looked for in.
        sub_actions: of level ``sub-action``; ``None``: sub-actions stay as ``base`` has them (none in new actions).
        actions: of level ``action``; ``None``: the routines of ``base`` stand.
        stages: by annotator, so that sub-actions of several stages get the medians of their inner edges too.
        include_open: units that nobody has decided about are taken in as they stand.
    """
    kept = (*_SETTLED, *_OPEN) if include_open else _SETTLED
    consensuses = [one for one in (sub_actions, actions) if one is not None]
    units = [unit for one in consensuses for unit in one.units]
    videos = base.videos if actions is None else tuple(_add_actions(base.videos, actions, kept))
    num_homeless = 0
    if sub_actions is not None:
        homes = _find_homes(videos, sub_actions.items)
        found: dict[tuple[str, str], list[ConsensusUnit]] = {}
        for unit in sub_actions.units:
            if _is_kept(unit, kept):
                home = homes.get(unit.item_id)
                num_homeless += home is None
                if home is not None:
                    found.setdefault(home, []).append(unit)
        videos = tuple(
            _add_sub_actions(video, found, set(homes.values()), sub_actions, stages or {}) for video in videos
        )
    return ConsensusDataset(
        Dataset(base.codebook, videos),
        0 if include_open else sum(unit.decision in _OPEN for unit in units),
        sum(unit.decision == "left out" or _is_ruled_out(unit) for unit in units),
        num_homeless,
    )


def agree_on_datasets(
    datasets: Mapping[str, Dataset], settings: ConsensusSettings, *, include_open: bool = False
) -> ConsensusDataset:
    """The consensus of several people's datasets: first of their routines, then of what is in those.

    Records that only one of them has are left out, as from every comparison.

    Args:
        datasets: by annotator, all with one codebook.
        settings: how the consensus is found.
        include_open: units that nobody has decided about are taken in as they stand.
    """
    first = next(iter(datasets.values()))
    actions, sub_actions = (
        make_consensus(make_units_of_datasets(datasets, level, first.codebook), settings) for level in LEVELS
    )
    records = {video.id: video for dataset in reversed(list(datasets.values())) for video in dataset.videos}
    base = Dataset(first.codebook, tuple(records[item.id] for item in actions.items))
    stages = {name: collect_stages(dataset) for name, dataset in datasets.items()}
    return make_consensus_dataset(base, sub_actions, actions, stages=stages, include_open=include_open)


def collect_stages(dataset: Dataset) -> Stages:
    """The stages of every sub-action of an annotator's dataset."""
    return {id_: instance.sub_action.stages for id_, instance in dataset.instances.items()}


def _is_kept(unit: ConsensusUnit, kept: Sequence[Decision]) -> bool:
    return unit.decision in kept and not _is_ruled_out(unit)


def _is_ruled_out(unit: ConsensusUnit) -> bool:
    return unit.ruling is not None and not unit.ruling.is_there


def _add_actions(videos: Iterable[Video], actions: Consensus, kept: Sequence[Decision]) -> Iterable[Video]:
    """Records with the routines that several people agree on; nobody has looked for sub-actions in them."""
    record_of = {item.id: item.group for item in actions.items}
    of_record: dict[str, list[ConsensusUnit]] = {}
    for unit in actions.units:
        if _is_kept(unit, kept) and unit.label is not None:
            of_record.setdefault(record_of[unit.item_id], []).append(unit)
    for video in videos:
        units = sorted(of_record.get(video.id, ()), key=lambda unit: (unit.start_ms, unit.end_ms))
        names = name_actions((unit.start_ms, unit.end_ms) for unit in units)
        yield replace(
            video,
            actions=tuple(
                Action(name, str(unit.label), unit.start_ms, unit.end_ms, None)
                for name, unit in zip(names, units, strict=True)
            ),
        )


def _find_homes(videos: Iterable[Video], items: Iterable[Item]) -> dict[str, tuple[str, str]]:
    """By item: the record and the name of the routine that it is, by the largest shared time."""
    actions_of = {video.id: video.actions for video in videos}
    homes = {}
    for item in items:
        shared = {
            action.name: min(action.end_ms, item.end_ms) - max(action.start_ms, item.start_ms)
            for action in actions_of.get(item.group, ())
        }
        best = max(shared, key=shared.__getitem__, default=None)
        if best is not None and shared[best] > 0:
            homes[item.id] = (item.group, best)
    return homes


def _add_sub_actions(
    video: Video,
    found: Mapping[tuple[str, str], Sequence[ConsensusUnit]],
    looked_at: set[tuple[str, str]],
    consensus: Consensus,
    stages: Mapping[str, Stages],
) -> Video:
    actions = []
    for action in video.actions:
        home = (video.id, action.name)
        if home not in looked_at:
            actions.append(action)
            continue
        units = sorted(found.get(home, ()), key=lambda unit: (unit.start_ms, unit.end_ms))
        names = name_sub_actions(((unit.start_ms, unit.end_ms) for unit in units), action.start_ms)
        subs = tuple(_make_sub_action(unit, name, consensus, stages) for unit, name in zip(units, names, strict=True))
        actions.append(replace(action, sub_actions=subs))
    return replace(video, actions=tuple(actions))


def _make_sub_action(unit: ConsensusUnit, name: str, consensus: Consensus, stages: Mapping[str, Stages]) -> SubAction:
    codebook = consensus.codebook
    element_id = unit.label if unit.label in codebook.element_by_id else None
    set_id = None if unit.label is None else get_set_of_label(codebook, unit.label)
    return SubAction(name, _find_stages(unit, stages), element_id, set_id)


def _find_stages(unit: ConsensusUnit, stages: Mapping[str, Stages]) -> tuple[tuple[int, int], ...]:
    """The whole, cut at the medians of the inner edges where most of those who found it have as many stages."""
    given = [
        stages[vote.annotator][vote.unit_id]
        for vote in unit.votes
        if vote.unit_id is not None and vote.unit_id in stages.get(vote.annotator, {})
    ]
    counts = [len(one) for one in given]
    number = max(set(counts), key=counts.count, default=1)
    if number == 1 or 2 * counts.count(number) <= unit.num_found:
        return ((unit.start_ms, unit.end_ms),)
    alike = [one for one in given if len(one) == number]
    edges = [unit.start_ms]
    for place in range(number - 1):
        middle = sorted(one[place][1] for one in alike)
        median = (middle[(len(middle) - 1) // 2] + middle[len(middle) // 2]) // 2
        # Every stage lasts a millisecond at least, this one and those that are still to come.
        edges.append(min(max(median, edges[-1] + 1), unit.end_ms - (number - 1 - place)))
    edges.append(unit.end_ms)
    return tuple(pairwise(edges))
