"""What missing records cost: each split and side, each event and set, each class.

The field's evaluation sets shrink in silence: whoever downloads FineGym today gets fewer records than its authors had,
and a number measured on the rest is not the published one. This counts the difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finegym.annotations.model import INSTANCE_ID, Dataset
from finegym.annotations.splits import SIDES, Split
from finegym.annotations.subsets import Subset, SubsetClass
from finegym.codebook.model import Codebook
from finegym.errors import AnnotationError


@dataclass(frozen=True, slots=True)
class Kept:
    """How many of something there are, and how many are left without the missing records."""

    total: int
    left: int

    @property
    def lost(self) -> int:
        return self.total - self.left

    @property
    def lost_share(self) -> float | None:
        """In [0, 1]; ``None`` where there was nothing to lose."""
        return self.lost / self.total if self.total else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"total": self.total, "left": self.left, "lost": self.lost, "lost_share": self.lost_share}


@dataclass(frozen=True)
class PartCoverage:
    """Records, actions and sub-actions of a part: a side of a split, an event, everything.

    Attributes:
        name: of the part.
        records: with at least one action (of a split: instance) in the part.
        actions: in the part (of a split: with at least one instance in it).
        sub_actions: instances.
    """

    name: str
    records: Kept
    actions: Kept
    sub_actions: Kept

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        parts = {"records": self.records, "actions": self.actions, "sub_actions": self.sub_actions}
        return {"name": self.name, **{name: kept.to_dict() for name, kept in parts.items()}}


@dataclass(frozen=True)
class GroupCoverage:
    """The instances of a class, a set or an event on each side of a split.

    Attributes:
        id: of the event or the set; of a class, the element, set or event that it stands for.
        name: what people call it.
        sides: ``train`` and ``val``.
        class_index: of a class.
        set_id: of a class of the element or the set level.
        event_id: of a class.
    """

    id: str
    name: str
    sides: Mapping[str, Kept]
    class_index: int | None = None
    set_id: str | None = None
    event_id: str | None = None

    @property
    def total(self) -> Kept:
        """Both sides together."""
        return _add(self.sides.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not known of a group is not there."""
        about = {"class_index": self.class_index, "id": self.id, "name": self.name}
        about |= {"set_id": self.set_id, "event_id": self.event_id}
        sides = {side: kept.to_dict() for side, kept in self.sides.items()}
        return {**{key: value for key, value in about.items() if value is not None}, **sides}


@dataclass(frozen=True)
class SplitCoverage:
    """What is left of a split.

    Attributes:
        split: its name.
        parts: ``train``, ``val``, and ``both`` (a record on both sides counts once).
        events: instances of every event that the split has a class of.
        sets: the same of every set; empty where classes are events.
        classes: in the order of the class index.
        min_instances: what is asked of a class on each side.
        num_not_in_dataset: instances that the dataset does not have; their record is in their id.
    """

    split: str
    parts: tuple[PartCoverage, ...]
    events: tuple[GroupCoverage, ...]
    sets: tuple[GroupCoverage, ...]
    classes: tuple[GroupCoverage, ...]
    min_instances: int
    num_not_in_dataset: int = 0

    def find_emptied(self, side: str) -> list[GroupCoverage]:
        """The classes that had instances on a side and have none left."""
        return [class_ for class_ in self.classes if class_.sides[side].total and not class_.sides[side].left]

    def find_fallen(self, side: str) -> list[GroupCoverage]:
        """The classes that had ``min_instances`` on a side and have fewer left, emptied ones included."""
        wanted = self.min_instances
        return [class_ for class_ in self.classes if class_.sides[side].left < wanted <= class_.sides[side].total]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "split": self.split,
            "num_not_in_dataset": self.num_not_in_dataset,
            "parts": [part.to_dict() for part in self.parts],
            "events": [event.to_dict() for event in self.events],
            "sets": [set_.to_dict() for set_ in self.sets],
            "classes": [class_.to_dict() for class_ in self.classes],
            "emptied": {side: [class_.id for class_ in self.find_emptied(side)] for side in SIDES},
            "min_instances": self.min_instances,
            "fallen_below_min_instances": {side: [class_.id for class_ in self.find_fallen(side)] for side in SIDES},
        }


@dataclass(frozen=True)
class Coverage:
    """What missing records cost a dataset and its splits.

    Attributes:
        missing: the ids of the records that are not there, in the order of the dataset.
        unknown: ids that were named, but that neither the dataset nor a split has.
        parts: every event, and ``all``, of the whole dataset.
        splits: those asked for.
    """

    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    parts: tuple[PartCoverage, ...]
    splits: tuple[SplitCoverage, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "missing": list(self.missing),
            "unknown": list(self.unknown),
            "dataset": [part.to_dict() for part in self.parts],
            "splits": [split.to_dict() for split in self.splits],
        }


def list_record_ids(dataset: Dataset, splits: Iterable[Split] = ()) -> list[str]:
    """The records of a dataset, then those that only its splits name."""
    of_splits = (get_record_id(id_) for split in splits for side in SIDES for id_ in split.get_side(side))
    return list(dict.fromkeys([*(video.id for video in dataset.videos), *of_splits]))


def get_record_id(instance_id: str) -> str:
    """The record of an instance.

    Raises:
        AnnotationError: it is no instance id.

    Example:
        >>> get_record_id("A0xAXXysHUo_E_002184_002237_A_0035_0036")
        'A0xAXXysHUo'
    """
    return _parse_id(instance_id)[0]


def compute_coverage(
    dataset: Dataset,
    splits: Sequence[Split],
    missing: Collection[str],
    *,
    there: Collection[str] = (),
    min_instances: int = 10,
) -> Coverage:
    """Count what is lost with some records.

    Args:
        dataset: all of it.
        splits: of the dataset; instances that the dataset does not have count too.
        missing: ids of records.
        there: ids that somebody says are there; only looked at for ``unknown``.
        min_instances: classes that fall below so many instances on a side are named.

    Raises:
        AnnotationError: an instance of a split has no id of the known form.
    """
    known = list_record_ids(dataset, splits)
    gone = set(missing)
    return Coverage(
        missing=tuple(id_ for id_ in known if id_ in gone),
        unknown=tuple(sorted(gone.union(there) - set(known))),
        parts=_count_dataset(dataset, gone),
        splits=tuple(_count_split(split, dataset, gone, min_instances) for split in splits),
    )


def _count_dataset(dataset: Dataset, gone: set[str]) -> tuple[PartCoverage, ...]:
    """Every event with actions, then all; records without actions are in ``all`` only."""
    parts = []
    for event_id in [*(event.id for event in dataset.codebook.events), "all"]:
        actions = [
            (video.id, action)
            for video in dataset.videos
            for action in video.actions
            if event_id in {action.event_id, "all"}
        ]
        sub_actions = [video_id for video_id, action in actions for _ in action.sub_actions or ()]
        records = [video.id for video in dataset.videos] if event_id == "all" else {video_id for video_id, _ in actions}
        if actions or event_id == "all":
            counted = _count(records, gone), _count([video_id for video_id, _ in actions], gone)
            parts.append(PartCoverage(event_id, *counted, _count(sub_actions, gone)))
    return tuple(parts)


def _count_split(split: Split, dataset: Dataset, gone: set[str], min_instances: int) -> SplitCoverage:
    # Record and action of every instance: both stand in its id, also where the dataset does not have it.
    pairs = {side: [_parse_id(id_) for id_ in split.get_side(side)] for side in SIDES}
    totals = {side: split.count_classes(side) for side in SIDES}
    lefts = {
        side: Counter(
            index
            for (record, _), index in zip(pairs[side], split.get_side(side).values(), strict=True)
            if record not in gone
        )
        for side in SIDES
    }
    codebook = dataset.codebook
    classes = tuple(
        _describe_class(class_, split.subset, codebook, {side: Kept(totals[side][i], lefts[side][i]) for side in SIDES})
        for i, class_ in enumerate(split.subset.classes)
    )
    return SplitCoverage(
        split=split.name,
        parts=(
            *(_count_part(side, pairs[side], gone) for side in SIDES),
            _count_part("both", [pair for side in SIDES for pair in pairs[side]], gone),
        ),
        events=_group(classes, lambda class_: class_.event_id, {event.id: event.name for event in codebook.events}),
        sets=_group(classes, lambda class_: class_.set_id, {set_.id: set_.name for set_ in codebook.sets}),
        classes=classes,
        min_instances=min_instances,
        num_not_in_dataset=sum(id_ not in dataset.instances for side in SIDES for id_ in split.get_side(side)),
    )


def _count_part(name: str, pairs: Sequence[tuple[str, str]], gone: set[str]) -> PartCoverage:
    """A side of a split, from the record and the action of every instance."""
    records = _count({record for record, _ in pairs}, gone)
    actions = _count([record for record, _ in set(pairs)], gone)
    return PartCoverage(name, records, actions, _count([record for record, _ in pairs], gone))


def _describe_class(
    class_: SubsetClass, subset: Subset, codebook: Codebook, sides: Mapping[str, Kept]
) -> GroupCoverage:
    """A class with its set and event, where the codebook knows them."""
    element = codebook.element_by_id.get(class_.id) if subset.level == "element" else None
    set_id = class_.id if subset.level == "set" else element.set_id if element else None
    set_ = codebook.set_by_id.get(set_id or "")
    event_id = class_.id if subset.level == "event" else set_.event_id if set_ else None
    return GroupCoverage(class_.id, class_.name, sides, class_.class_index, set_id, event_id)


def _group(
    classes: Iterable[GroupCoverage], find_id: Callable[[GroupCoverage], str | None], names: Mapping[str, str]
) -> tuple[GroupCoverage, ...]:
    """The classes added up by event or set, in the order of the codebook."""
    members: dict[str, list[GroupCoverage]] = {}
    for class_ in classes:
        id_ = find_id(class_)
        if id_ is not None:
            members.setdefault(id_, []).append(class_)
    return tuple(
        GroupCoverage(id_, names[id_], {side: _add(class_.sides[side] for class_ in members[id_]) for side in SIDES})
        for id_ in names
        if id_ in members
    )


def _add(parts: Iterable[Kept]) -> Kept:
    pairs = [(kept.total, kept.left) for kept in parts]
    return Kept(sum(total for total, _ in pairs), sum(left for _, left in pairs))


def _count(records: Collection[str], gone: set[str]) -> Kept:
    """Things by the record that each is in."""
    return Kept(len(records), sum(record not in gone for record in records))


def _parse_id(instance_id: str) -> tuple[str, str]:
    """Record and action of an instance."""
    match = INSTANCE_ID.match(instance_id)
    if match is None:
        raise AnnotationError(f"expected an instance id like VIDEO_E_000001_000009_A_0000_0002, got {instance_id!r}")
    return match["video"], match["action"]
