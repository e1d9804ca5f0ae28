"""What changed from one release to the next: records, actions and sub-actions added, removed, moved, relabelled.

Things with the same id are the same thing. Ids hold floored seconds, so what moved may have another id: what is left
over on both sides is joined inside of the same record (the same action) by time, the largest temporal IoU first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import SIDES, Split
from finegym.codebook.diff import CodebookDiff, compute_diff
from finegym.segments import compute_tiou

SAME_TIOU = 0.5
"""From which overlap on two things with different ids count as one that was moved."""

Level = Literal["record", "action", "sub-action"]
Kind = Literal["added", "removed", "moved", "relabelled", "renamed"]
LEVELS: tuple[Level, ...] = ("record", "action", "sub-action")
KINDS: tuple[Kind, ...] = ("added", "removed", "moved", "relabelled", "renamed")


class ThingChange(NamedTuple):
    """One change of one thing; a thing that moved and got another label has two.

    Attributes:
        level: what it is.
        kind: what happened to it; ``renamed``: only its id is another.
        id: in the new release; in the old one where it was removed.
        old_id: in the old release; ``None`` where it was added.
        before: its times (``moved``) or label (``relabelled``), as text.
        after: likewise.
    """

    level: Level
    kind: Kind
    id: str
    old_id: str | None
    before: str = ""
    after: str = ""


class SplitChange(NamedTuple):
    """What became of a split's lists: instances that both releases have under the same id, and others.

    Attributes:
        name: of the split.
        num_added: instances that the new lists have and the old ones lack.
        num_removed: the other way round.
        num_moved: instances on the other side now.
        num_reclassed: instances whose class index is another.
        is_new: the old release has no split of this name.
        is_gone: the new one has none.
    """

    name: str
    num_added: int
    num_removed: int
    num_moved: int
    num_reclassed: int
    is_new: bool = False
    is_gone: bool = False

    @property
    def is_same(self) -> bool:
        """Whether nothing changed."""
        return not (self.num_added or self.num_removed or self.num_moved or self.num_reclassed) and not (
            self.is_new or self.is_gone
        )


@dataclass(frozen=True)
class ReleaseDiff:
    """The difference of two releases.

    Attributes:
        old: name and version of the old one.
        new: of the new one.
        codebook: what can happen.
        changes: what did happen, in the order of the new release, then what was removed.
        num_same: things that did not change, by level.
        splits: in the order of the new release.
    """

    old: str
    new: str
    codebook: CodebookDiff
    changes: tuple[ThingChange, ...]
    num_same: Mapping[str, int]
    splits: tuple[SplitChange, ...]

    @property
    def is_empty(self) -> bool:
        """Whether both hold the same."""
        return not self.changes and self.codebook.is_empty and all(split.is_same for split in self.splits)

    def count(self) -> dict[str, dict[str, int]]:
        """Changes by level and kind, zeros included."""
        counts = Counter((change.level, change.kind) for change in self.changes)
        return {level: {kind: counts[level, kind] for kind in KINDS} for level in LEVELS}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "format": "finegym-release-diff/1",
            "old": self.old,
            "new": self.new,
            "counts": {level: {**kinds, "same": self.num_same[level]} for level, kinds in self.count().items()},
            "codebook": self.codebook.to_json(),
            "splits": [split._asdict() for split in self.splits],
            "changes": [change._asdict() for change in self.changes],
        }


def compare_releases(
    old: Dataset,
    new: Dataset,
    *,
    old_splits: Sequence[Split] = (),
    new_splits: Sequence[Split] = (),
    old_name: str = "old",
    new_name: str = "new",
) -> ReleaseDiff:
    """Compare what two releases hold."""
    comparing = _Comparing()
    old_videos = {video.id: video for video in old.videos}
    new_ids = {video.id for video in new.videos}
    for video in new.videos:
        comparing.add_record(old_videos.get(video.id), video)
    for video in old.videos:
        if video.id not in new_ids:
            comparing.add_record(video, None)
    order = {"removed": 1}
    comparing.changes.sort(key=lambda change: order.get(change.kind, 0))
    return ReleaseDiff(
        old_name,
        new_name,
        compute_diff(old.codebook, new.codebook),
        tuple(comparing.changes),
        {level: comparing.same[level] for level in LEVELS},
        tuple(_compare_splits(old_splits, new_splits)),
    )


class _Comparing:
    """What was found so far."""

    def __init__(self) -> None:
        self.changes: list[ThingChange] = []
        self.same: Counter[str] = Counter()

    def add(self, level: Level, old_id: str, new_id: str, facts: Iterable[tuple[Kind, str, str]]) -> None:
        """A thing that both have, and what about it may have changed."""
        found = [ThingChange(level, kind, new_id, old_id, one, other) for kind, one, other in facts if one != other]
        if not found and old_id != new_id:
            found = [ThingChange(level, "renamed", new_id, old_id, old_id, new_id)]
        self.changes += found
        self.same[level] += not found

    def add_record(self, old: Video | None, new: Video | None) -> None:
        if old is None or new is None:
            there = new or old
            assert there is not None
            kind: Kind = "added" if old is None else "removed"
            self.changes.append(ThingChange("record", kind, there.id, None if old is None else there.id))
        else:
            self.same["record"] += 1
        old_actions = {f"{old.id}_{action.name}": action for action in old.actions} if old else {}
        new_actions = {f"{new.id}_{action.name}": action for action in new.actions} if new else {}
        for old_id, new_id in _join(old_actions, new_actions):
            self.add_action(old_actions, old_id, new_actions, new_id)

    def add_action(
        self, olds: Mapping[str, Action], old_id: str | None, news: Mapping[str, Action], new_id: str | None
    ) -> None:
        old, new = olds.get(old_id or ""), news.get(new_id or "")
        if old is not None and new is not None:
            facts: list[tuple[Kind, str, str]] = [
                ("moved", _format_span(old.start_ms, old.end_ms), _format_span(new.start_ms, new.end_ms)),
                ("relabelled", old.event_id, new.event_id),
            ]
            self.add("action", str(old_id), str(new_id), facts)
        else:
            self.add_lonely("action", old_id, new_id)
        old_subs = {f"{old_id}_{sub.name}": sub for sub in old.sub_actions or ()} if old else {}
        new_subs = {f"{new_id}_{sub.name}": sub for sub in new.sub_actions or ()} if new else {}
        is_same_action = old is not None and new is not None and old.start_ms == new.start_ms
        for one, other in _join(old_subs, new_subs, by_name=is_same_action):
            self.add_sub_action(old_subs, one, new_subs, other)

    def add_sub_action(
        self, olds: Mapping[str, SubAction], old_id: str | None, news: Mapping[str, SubAction], new_id: str | None
    ) -> None:
        if old_id is None or new_id is None:
            self.add_lonely("sub-action", old_id, new_id)
            return
        old, new = olds[old_id], news[new_id]
        facts: list[tuple[Kind, str, str]] = [
            ("moved", _format_stages(old), _format_stages(new)),
            ("relabelled", old.element_id or old.set_id or "", new.element_id or new.set_id or ""),
        ]
        self.add("sub-action", old_id, new_id, facts)

    def add_lonely(self, level: Level, old_id: str | None, new_id: str | None) -> None:
        kind: Kind = "added" if old_id is None else "removed"
        self.changes.append(ThingChange(level, kind, str(new_id or old_id), old_id))


Things = Mapping[str, Action] | Mapping[str, SubAction]


def _join(old: Things, new: Things, *, by_name: bool = True) -> Iterator[tuple[str | None, str | None]]:
    """Pairs of ids in the order of ``new``; then what only ``old`` has."""
    partner = {id_: id_ for id_ in new if id_ in old} if by_name else {}
    left = [id_ for id_ in old if id_ not in partner.values()]
    right = [id_ for id_ in new if id_ not in partner]
    partner |= _join_by_time(old, left, new, right)
    for id_ in new:
        yield partner.get(id_), id_
    taken = set(partner.values())
    yield from ((id_, None) for id_ in old if id_ not in taken)


def _join_by_time(old: Things, left: list[str], new: Things, right: list[str]) -> dict[str, str]:
    """New id → old id."""
    if not left or not right:
        return {}
    spans = [
        np.array([(things[id_].start_ms, things[id_].end_ms) for id_ in ids], np.float64)
        for things, ids in ((old, left), (new, right))
    ]
    tiou = compute_tiou(*spans)
    joined: dict[str, str] = {}
    for place in np.argsort(-tiou, axis=None, kind="stable").tolist():
        row, column = divmod(place, len(right))
        if tiou[row, column] < SAME_TIOU:
            break
        if right[column] not in joined and left[row] not in joined.values():
            joined[right[column]] = left[row]
    return joined


def _compare_splits(old: Sequence[Split], new: Sequence[Split]) -> Iterator[SplitChange]:
    by_name = {split.name: split for split in old}
    for split in new:
        before = by_name.pop(split.name, None)
        if before is None:
            yield SplitChange(split.name, len(split.train) + len(split.val), 0, 0, 0, is_new=True)
            continue
        sides = [{id_: side for side in SIDES for id_ in one.get_side(side)} for one in (before, split)]
        classes = [{**one.train, **one.val} for one in (before, split)]
        both = sides[0].keys() & sides[1].keys()
        yield SplitChange(
            split.name,
            len(sides[1]) - len(both),
            len(sides[0]) - len(both),
            sum(sides[0][id_] != sides[1][id_] for id_ in both),
            sum(classes[0][id_] != classes[1][id_] for id_ in both),
        )
    for name, split in by_name.items():
        yield SplitChange(name, 0, len(split.train) + len(split.val), 0, 0, is_gone=True)


def _format_span(start_ms: int, end_ms: int) -> str:
    return f"{start_ms}-{end_ms}"


def _format_stages(sub: SubAction) -> str:
    return " ".join(_format_span(start, end) for start, end in sub.stages)
