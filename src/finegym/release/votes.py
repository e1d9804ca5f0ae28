"""Votes: what every annotator found and answered, joined to the sub-actions that came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from finegym.annotations.model import Dataset
from finegym.quality.matching import MATCH_TIOU
from finegym.quality.units import ANSWER_CODES, Units, get_set_of_label
from finegym.release.source import Decision, Stage, Vote, VoteAnswer
from finegym.segments import compute_tiou

_ANSWERS: Mapping[int, VoteAnswer] = {code: answer for answer, code in ANSWER_CODES.items()}


class Thing(NamedTuple):
    """An action or a sub-action of the release."""

    action_id: str
    instance_id: str | None
    start_ms: int
    end_ms: int


def collect_votes(
    units: Units, dataset: Dataset, stage: Stage = "sub-actions", numbers: Mapping[str, str] | None = None
) -> tuple[Vote, ...]:
    """The votes of several annotators on the actions or sub-actions of a dataset.

    A unit is about the thing that it is matched to: one to one for every annotator and record, by the largest sum of
    temporal IoU over pairs that overlap enough.

    Args:
        units: of the level of the stage.
        dataset: what came of them.
        stage: of the work.
        numbers: pseudonym of every annotator; by default numbers in their order among ``units``.

    Returns:
        In the order of ``units``.
    """
    of_record = list_things(dataset, stage)
    records = [units.items[index].group for index in units.item_index.tolist()]
    places: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row, (record, annotator) in enumerate(zip(records, units.annotator_index.tolist(), strict=True)):
        places[record, annotator].append(row)
    matched: dict[int, Thing] = {}
    for (record, _), rows in places.items():
        spans = np.stack([units.start_ms[rows], units.end_ms[rows]], axis=1)
        found = match_to_things(spans, of_record.get(record, ()))
        matched |= {rows[place]: thing for place, thing in found.items()}
    numbers = numbers or number_annotators([units])
    return tuple(_make_vote(units, row, records[row], matched.get(row), stage, numbers) for row in range(len(units)))


def number_annotators(all_units: Iterable[Units]) -> dict[str, str]:
    """``annotator-1``, ``annotator-2`` … for all names, in the order in which they first appear."""
    names = dict.fromkeys(name for units in all_units for name in units.annotators)
    return {name: f"annotator-{number}" for number, name in enumerate(names, start=1)}


def list_things(dataset: Dataset, stage: Stage) -> dict[str, list[Thing]]:
    """What votes of a stage can be about, by record."""
    found: dict[str, list[Thing]] = defaultdict(list)
    if stage == "routines":
        for video in dataset.videos:
            for action in video.actions:
                thing = Thing(f"{video.id}_{action.name}", None, action.start_ms, action.end_ms)
                found[video.id].append(thing)
    else:
        for one in dataset.iterate_instances():
            thing = Thing(one.action_id, one.id, one.sub_action.start_ms, one.sub_action.end_ms)
            found[one.video.id].append(thing)
    return dict(found)


def match_to_things(spans: np.ndarray, things: Sequence[Thing]) -> dict[int, Thing]:
    """Row of ``spans`` (int64 (N, 2), ms) → the thing that it is about, one to one."""
    if not things or not len(spans):
        return {}
    tiou = compute_tiou(spans, np.array([(one.start_ms, one.end_ms) for one in things]))
    tiou[tiou < MATCH_TIOU] = 0
    chosen = zip(*linear_sum_assignment(tiou, maximize=True), strict=True)
    return {int(row): things[column] for row, column in chosen if tiou[row, column] > 0}


def _make_vote(
    units: Units, row: int, record: str, thing: Thing | None, stage: Stage, numbers: Mapping[str, str]
) -> Vote:
    number = int(units.label_index[row])
    event_id, set_id, element_id = _split_label(units, units.labels[number] if number >= 0 else None)
    given = units.answers
    answers = tuple(
        (given.queries[given.query_index[place]][1], _ANSWERS[int(given.answer[place])])
        for place in range(given.start[row], given.start[row + 1])
    )
    return Vote(
        stage=stage,
        annotator=numbers[units.annotators[int(units.annotator_index[row])]],
        video_id=record,
        start_ms=int(units.start_ms[row]),
        end_ms=int(units.end_ms[row]),
        action_id=thing.action_id if thing else None,
        instance_id=thing.instance_id if thing else None,
        event_id=event_id,
        set_id=set_id,
        element_id=element_id,
        answers=answers,
    )


def _split_label(units: Units, label: str | None) -> tuple[str | None, str | None, str | None]:
    """Event, set and element of a label, as far down as it goes."""
    codebook = units.codebook
    if label is None:
        return None, None, None
    if label in codebook.event_by_id:
        return label, None, None
    set_id = get_set_of_label(codebook, label)
    event_id = codebook.set_by_id[set_id].event_id if set_id else None
    return event_id, set_id, label if label in codebook.element_by_id else None


Published = TypeVar("Published", Vote, Decision)


def keep_votes(votes: Iterable[Published], before: Dataset, after: Dataset) -> tuple[Published, ...]:
    """The votes, or decisions, without those on what left the release: by id and by time.

    Args:
        votes: on what ``before`` holds.
        before: the dataset before rules of exclusion.
        after: the dataset after them.
    """
    there = {video.id: {action.name for action in video.actions} for video in after.videos}
    actions = {f"{video_id}_{name}" for video_id, names in there.items() for name in names}
    gone_spans = {
        video.id: [(a.start_ms, a.end_ms) for a in video.actions if a.name not in there.get(video.id, ())]
        for video in before.videos
    }
    return tuple(
        vote
        for vote in votes
        if vote.video_id in there
        and (vote.instance_id is None or vote.instance_id in after.instances)
        and (vote.stage != "routines" or vote.action_id is None or vote.action_id in actions)
        and not any(start < vote.end_ms and vote.start_ms < end for start, end in gone_spans[vote.video_id])
    )


def keep_records(units: Units, records: Collection[str]) -> Units:
    """The units, and the items, of some records only."""
    kept = np.array([item.group in records for item in units.items], bool)
    chosen = units.select(kept[units.item_index])
    number = np.cumsum(kept) - 1
    return replace(
        chosen,
        items=tuple(item for item, is_kept in zip(units.items, kept, strict=True) if is_kept),
        item_index=number[chosen.item_index].astype(np.int32),
        done=chosen.done[:, kept],
    )


def list_votes(votes: Iterable[Vote]) -> Iterator[Sequence[object]]:
    """Rows of the table ``votes``."""
    for number, vote in enumerate(votes):
        yield (number, *vote[: Vote._fields.index("answers")])


def list_vote_answers(votes: Iterable[Vote]) -> Iterator[Sequence[object]]:
    """Rows of the table ``vote_answers``."""
    for number, vote in enumerate(votes):
        for step, (query_id, answer) in enumerate(vote.answers):
            yield number, step, query_id, answer


Count = Literal["votes", "annotators", "answers", "without_result"]


def count_votes(votes: Sequence[Vote]) -> dict[Count, int]:
    """How many votes there are, by how many people."""
    return {
        "annotators": len({vote.annotator for vote in votes}),
        "votes": len(votes),
        "answers": sum(len(vote.answers) for vote in votes),
        "without_result": sum((vote.instance_id or vote.action_id) is None for vote in votes),
    }
