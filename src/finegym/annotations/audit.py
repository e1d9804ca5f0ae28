"""What is on both sides of a split: videos, actions, athletes, competitions, near-duplicates, with instances affected.

A clip for validation from a routine that training has seen shares its gymnast, leotard, hall, camera and light; a model
may know the routine instead of the element. The audit counts, and says what it means; whether that is acceptable is the
reader's decision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from finegym.annotations.groups import find_near_duplicates, get_group_key
from finegym.annotations.model import INSTANCE_ID, Dataset
from finegym.annotations.splits import SIDES, Split
from finegym.annotations.text import format_count, format_share, format_table
from finegym.errors import AnnotationError, join_problems

AUDITED = ("competition", "video", "athlete", "action", "near-duplicate")
_PLURAL = {
    "competition": "competitions",
    "video": "videos",
    "athlete": "athletes",
    "action": "actions",
    "near-duplicate": "pairs of near-duplicate actions",
}


@dataclass(frozen=True)
class Leak:
    """The groups of one kind on both sides.

    Attributes:
        kind: one of ``AUDITED``.
        num_groups: groups of this kind among the instances of the split (near-duplicates: pairs).
        num_train_only: groups with training instances only (near-duplicates: pairs wholly in train).
        num_val_only: the same for validation.
        shared: the ids of the groups on both sides (near-duplicates: ``id = other id``).
        num_train: training instances in shared groups.
        num_val: validation instances in shared groups.
        num_unknown: instances whose group is not known; they are in no other number.
    """

    kind: str
    num_groups: int
    num_train_only: int
    num_val_only: int
    shared: tuple[str, ...]
    num_train: int
    num_val: int
    num_unknown: int = 0


@dataclass(frozen=True)
class Audit:
    """What leaks in a split.

    Attributes:
        split: its name.
        num_train: instances for training.
        num_val: instances for validation.
        leaks: one a kind, in the order of ``AUDITED``; those without shared groups are there too.
        num_not_in_dataset: instances that the dataset does not have; video and action come from their ids.
    """

    split: str
    num_train: int
    num_val: int
    leaks: tuple[Leak, ...]
    num_not_in_dataset: int = 0

    def get(self, kind: str) -> Leak:
        """The leak of a kind."""
        return next(leak for leak in self.leaks if leak.kind == kind)

    @property
    def is_clean(self) -> bool:
        """Whether no group of any kind is on both sides. Kinds that nobody knows anything about count as clean."""
        return not any(leak.shared for leak in self.leaks)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the prose."""
        return {**asdict(self), "is_clean": self.is_clean, "meaning": list(explain_audit(self))}


def audit_split(split: Split, dataset: Dataset, *, allow_unknown: bool = False) -> Audit:
    """Find what is on both sides of a split.

    Args:
        split: to audit.
        dataset: knows athletes, competitions and times.
        allow_unknown: go on with instances that the dataset does not have: their video and action are in their ids,
            nothing else is known of them. They are counted.

    Raises:
        AnnotationError: instances are not in the dataset and that is not allowed.
    """
    missing = [id_ for side in SIDES for id_ in split.get_side(side) if id_ not in dataset.instances]
    if missing and not allow_unknown:
        raise AnnotationError(
            f"split {split.name}: {len(missing)} of {len(split.train) + len(split.val)} instances are not in the "
            f"dataset: {join_problems(missing, 5)}. Give the dataset that the split was made from, or audit them by "
            "their ids alone with --allow-unknown."
        )
    kinds = [kind for kind in AUDITED if kind != "near-duplicate"]
    keys: dict[str, dict[str, list[str | None]]] = {kind: {} for kind in kinds}
    for side in SIDES:
        of_side = [_find_keys(id_, dataset, kinds) for id_ in split.get_side(side)]
        for kind, column in zip(kinds, zip(*of_side, strict=True) if of_side else ((),) * len(kinds), strict=True):
            keys[kind][side] = list(column)
    leaks = [_find_leak(kind, keys[kind]["train"], keys[kind]["val"]) for kind in kinds]
    leaks.append(_find_duplicates(dataset, keys["action"]["train"], keys["action"]["val"]))
    return Audit(split.name, len(split.train), len(split.val), tuple(leaks), len(missing))


def explain_audit(audit: Audit) -> tuple[str, ...]:
    """What an audit means, in sentences."""
    sentences = []
    for leak in audit.leaks:
        what = _PLURAL[leak.kind]
        if leak.num_unknown == audit.num_train + audit.num_val:
            sentences.append(f"Nothing is known about {what}; they may leak.")
            continue
        if leak.num_unknown:
            sentences.append(
                f"The {leak.kind} of {format_count(leak.num_unknown, 'instance')} is not known; they may leak."
            )
        if leak.shared:
            share = format_share(leak.num_val / audit.num_val)
            sentences.append(
                f"{len(leak.shared):,} of {leak.num_groups:,} {what} are on both sides: {leak.num_val:,} of "
                f"{audit.num_val:,} validation instances ({share}) are from {what} that training has seen "
                f"({leak.num_train:,} training instances)."
            )
    if audit.num_not_in_dataset:
        sentences.append(
            f"Judged by their ids alone, because the dataset lacks them: "
            f"{format_count(audit.num_not_in_dataset, 'instance')}."
        )
    return (*sentences, *_conclude(audit))


def format_audit(audit: Audit) -> str:
    """An audit as text: a table, then what it means."""
    header = ("group", "groups", "train only", "val only", "both", "train instances", "val instances", "unknown")
    rows = [
        (
            leak.kind,
            leak.num_groups,
            leak.num_train_only,
            leak.num_val_only,
            len(leak.shared),
            leak.num_train,
            leak.num_val,
            leak.num_unknown,
        )
        for leak in audit.leaks
    ]
    title = f"split {audit.split}: {format_count(audit.num_train, 'instance')} in train, {audit.num_val:,} in val"
    return "\n".join([title, "", format_table(header, rows), "", *explain_audit(audit)])


def _conclude(audit: Audit) -> tuple[str, ...]:
    if audit.is_clean:
        return ("No known group is on both sides.",)
    shared = {leak.kind for leak in audit.leaks if leak.shared}
    sentences = []
    if "action" in shared:
        sentences.append(
            "Validation clips of routines seen in training share gymnast, leotard, hall and camera with it: accuracy "
            "on this split partly measures memory of the routine; expect less on unseen routines."
        )
        sentences.append("Localization needs whole routines on one side; this split cannot be used for it.")
    if "near-duplicate" in shared:
        sentences.append("Near-duplicates are one performance annotated twice: training has seen the very frames.")
    # Only what is shared is advised against: a split by video can share athletes, and has nothing to gain from videos.
    wider = [kind for kind in ("video", "competition", "athlete") if kind in shared]
    if wider:
        sentences.append(
            f"Numbers of this split say little about new {' or '.join(_PLURAL[kind] for kind in wider)}; for those, "
            f"split with --by {','.join(wider)}."
        )
    return tuple(sentences)


def _find_keys(instance_id: str, dataset: Dataset, kinds: Iterable[str]) -> tuple[str | None, ...]:
    instance = dataset.instances.get(instance_id)
    if instance is not None:
        return tuple(get_group_key(instance, kind) for kind in kinds)
    match = INSTANCE_ID.match(instance_id)
    if match is None:
        raise AnnotationError(f"expected an instance id like VIDEO_E_000001_000009_A_0000_0002, got {instance_id!r}")
    known = {"video": match["video"], "action": f"{match['video']}_{match['action']}"}
    return tuple(known.get(kind) for kind in kinds)


def _find_leak(kind: str, train: list[str | None], val: list[str | None]) -> Leak:
    of_train, of_val = Counter(filter(None, train)), Counter(filter(None, val))
    # In the order of the split, which is the order of the dataset in lists that we wrote.
    shared = tuple(key for key in of_train if key in of_val)
    return Leak(
        kind,
        len(of_train | of_val),
        len(of_train) - len(shared),
        len(of_val) - len(shared),
        shared,
        sum(of_train[key] for key in shared),
        sum(of_val[key] for key in shared),
        train.count(None) + val.count(None),
    )


def _find_duplicates(dataset: Dataset, train: list[str | None], val: list[str | None]) -> Leak:
    """Pairs of near-duplicate actions with instances in the split; shared if they bring train and val together."""
    of_train, of_val = Counter(train), Counter(val)
    shared: list[str] = []
    in_train: set[str] = set()
    in_val: set[str] = set()
    num_pairs = num_train_only = num_val_only = 0
    for pair in find_near_duplicates(dataset):
        ids = (pair.action_id, pair.other_id)
        if not all(id_ in of_train or id_ in of_val for id_ in ids):
            continue
        num_pairs += 1
        # One action on both sides is a leak of that action; here it is about the pair.
        if any(left in of_train and right in of_val for left, right in (ids, ids[::-1])):
            shared.append(f"{pair.action_id} = {pair.other_id}")
            in_train.update(id_ for id_ in ids if id_ in of_train)
            in_val.update(id_ for id_ in ids if id_ in of_val)
        elif ids[0] in of_train:
            num_train_only += 1
        else:
            num_val_only += 1
    return Leak(
        "near-duplicate",
        num_pairs,
        num_train_only,
        num_val_only,
        tuple(shared),
        sum(of_train[id_] for id_ in in_train),
        sum(of_val[id_] for id_ in in_val),
    )


def count_swapped(split: Split, other: Split) -> Mapping[str, int]:
    """How the sides of two splits meet: instances of one's training list in the other's validation list, both ways.

    A model trained on one of FineGym's settings and tested on the other meets 99 of its training instances: for every
    class of Gym99, Gym288 holds one of its training instances in val, and one of its val instances in train.
    """
    return {
        f"{split.name}/train in {other.name}/val": len(split.train.keys() & other.val.keys()),
        f"{other.name}/train in {split.name}/val": len(other.train.keys() & split.val.keys()),
    }
