"""The rules of nesting, on plain values: what may lie in what, and what a move does to what lies inside.

Frames are a record's, half-open. Deleted segments are in no rule; discarded ones are: a replay that was marked as one
takes its place on the time line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

LEVEL_OF_STAGE = {"routines": ("action",), "sub-actions": ("sub-action", "stage"), "elements": ("sub-action", "stage")}


@dataclass(frozen=True)
class SegmentState:
    """A segment as it is now.

    Attributes:
        id: made by the client.
        level: ``action``, ``sub-action`` or ``stage``.
        parent_id: what it lies in.
        start_frame: of the record.
        end_frame: likewise, exclusive.
        start_ms: on the record's clock.
        end_ms: likewise.
        label: event, set or element id, or a name of a stage.
        path: answers of the tree walk, ``{query, answer}``.
        is_no_element: the walk ended at "no such element".
        discard: why it is of no use.
        is_deleted: taken away.
        origin: where it came from, where not from the annotator: ``{kind, id}``.
        codebook_number: which version of the codebook the walk went through.
        confirmed: frames of the proxy that the browser confirmed, ``{start, end}``.
        version: how often it was changed, from 1.
    """

    id: str
    level: str
    parent_id: str | None
    start_frame: int
    end_frame: int
    start_ms: int
    end_ms: int
    label: str | None = None
    path: tuple[dict[str, str], ...] = ()
    is_no_element: bool = False
    discard: str | None = None
    is_deleted: bool = False
    origin: dict[str, Any] | None = None
    codebook_number: int | None = None
    confirmed: dict[str, Any] | None = None
    version: int = 1


@dataclass(frozen=True)
class NestingProblem:
    """A rule that is broken: by which segment, at which field, and how; and with which other one."""

    segment_id: str
    field: str
    error: str
    other_id: str = ""


Effect = Literal["unchanged", "shifted", "clipped", "deleted", "outside"]


@dataclass(frozen=True)
class ChildEffect:
    """What a move of its parent does to a segment; ``new_frames`` is ``None`` where nothing is left of it."""

    child: SegmentState
    effect: Effect
    new_frames: tuple[int, int] | None


def get_children(segments: Mapping[str, SegmentState], parent_id: str) -> list[SegmentState]:
    """What lies directly in a segment, in order of time."""
    found = [segment for segment in segments.values() if segment.parent_id == parent_id and not segment.is_deleted]
    return sorted(found, key=lambda segment: (segment.start_frame, segment.end_frame, segment.id))


def compute_child_effect(child: SegmentState, old: tuple[int, int], new: tuple[int, int], mode: str) -> ChildEffect:
    """What becomes of a child when its parent goes from ``old`` to ``new`` frames.

    Args:
        child: it.
        old: frames of the parent before.
        new: frames of the parent after.
        mode: ``refuse`` leaves children where they are, ``clip`` cuts them to the parent, ``shift`` moves them along
            with its start.
    """
    start, end = child.start_frame, child.end_frame
    if mode == "shift" and new[0] != old[0]:
        start, end = start + new[0] - old[0], end + new[0] - old[0]
        effect: Effect = "shifted" if new[0] <= start and end <= new[1] else "outside"
        return ChildEffect(child, effect, (start, end))
    if new[0] <= start and end <= new[1]:
        return ChildEffect(child, "unchanged", (start, end))
    if mode != "clip":
        return ChildEffect(child, "outside", (start, end))
    start, end = max(start, new[0]), min(end, new[1])
    return ChildEffect(child, "clipped", (start, end)) if start < end else ChildEffect(child, "deleted", None)


def check_nesting(
    segments: Mapping[str, SegmentState], touched: Iterable[str], bounds: tuple[int, int], outer_id: str | None
) -> Iterator[NestingProblem]:
    """Every rule that segments break which were just changed.

    Args:
        segments: of one pass, by id.
        touched: ids of those that were changed; the others kept the rules before and still do.
        bounds: frames of the work item.
        outer_id: the action that sub-actions lie in, where the pass is about one.
    """
    touched_ids = {id_ for id_ in touched if not segments[id_].is_deleted}
    for id_ in sorted(touched_ids):
        yield from _check_place(segments[id_], segments, bounds, outer_id)
        for child in get_children(segments, id_):
            if child.id not in touched_ids:
                yield from _check_place(child, segments, bounds, outer_id)
    for id_ in sorted(id_ for id_ in touched if segments[id_].is_deleted):
        for child in get_children(segments, id_):
            yield NestingProblem(child.id, "parent_id", f"{child.level} lies in a segment that is deleted")
    yield from _check_neighbours(segments, touched_ids)


def check_stages(segment: SegmentState, stages: list[SegmentState], expected: int) -> Iterator[NestingProblem]:
    """Whether a sub-action has its stages: so many, the first at its start, the last at its end."""
    if expected <= 1 and not stages:
        return
    if len(stages) != max(expected, 2) and not (expected <= 1 and stages):
        yield NestingProblem(segment.id, "stages", f"needs its {expected} stages, has {len(stages)}")
        return
    if stages[0].start_frame != segment.start_frame:
        yield NestingProblem(stages[0].id, "start_frame", "the first stage starts with its sub-action")
    if stages[-1].end_frame != segment.end_frame:
        yield NestingProblem(stages[-1].id, "end_frame", "the last stage ends with its sub-action")


def move(segment: SegmentState, start_frame: int, end_frame: int, get_ms: Any) -> SegmentState:
    """The segment with other edges; an edge that stays keeps its time to the millisecond."""
    return replace(
        segment,
        start_frame=start_frame,
        end_frame=end_frame,
        start_ms=segment.start_ms if start_frame == segment.start_frame else get_ms(start_frame),
        end_ms=segment.end_ms if end_frame == segment.end_frame else get_ms(end_frame),
    )


def _check_place(
    segment: SegmentState, segments: Mapping[str, SegmentState], bounds: tuple[int, int], outer_id: str | None
) -> Iterator[NestingProblem]:
    if segment.start_frame >= segment.end_frame:
        error = f"must exceed start_frame {segment.start_frame}, got {segment.end_frame}"
        yield NestingProblem(segment.id, "end_frame", error)
        return
    if segment.level == "stage":
        parent = segments.get(segment.parent_id or "")
        if parent is None or parent.level != "sub-action" or parent.is_deleted:
            yield NestingProblem(segment.id, "parent_id", "a stage lies in a sub-action of the same pass")
            return
        inside, name = (parent.start_frame, parent.end_frame), "its sub-action"
    else:
        if segment.parent_id != outer_id:
            expected = f"the action of the work item, {outer_id}" if outer_id else "null: an action lies in nothing"
            yield NestingProblem(segment.id, "parent_id", f"must be {expected}")
        inside, name = bounds, "its action" if outer_id else "the chunk"
    if segment.start_frame < inside[0] or segment.end_frame > inside[1]:
        where = "start_frame" if segment.start_frame < inside[0] else "end_frame"
        got = f"[{segment.start_frame}, {segment.end_frame})"
        yield NestingProblem(
            segment.id, where, f"{segment.level} {got} leaves {name}, frames [{inside[0]}, {inside[1]})"
        )


def _check_neighbours(segments: Mapping[str, SegmentState], touched: set[str]) -> Iterator[NestingProblem]:
    groups: dict[tuple[str, str | None], list[SegmentState]] = {}
    wanted = {(segments[id_].level, segments[id_].parent_id) for id_ in touched}
    for segment in segments.values():
        key = (segment.level, segment.parent_id)
        if key in wanted and not segment.is_deleted:
            groups.setdefault(key, []).append(segment)
    for group in groups.values():
        group.sort(key=lambda segment: (segment.start_frame, segment.end_frame, segment.id))
        for left, right in pairwise(group):
            if right.start_frame < left.end_frame and (left.id in touched or right.id in touched):
                mine = left if left.id in touched else right
                other = right if mine is left else left
                error = f"overlaps {other.level} [{other.start_frame}, {other.end_frame})"
                yield NestingProblem(mine.id, "start_frame" if mine is right else "end_frame", error, other.id)
