"""What must be there before somebody may sign off: "all found" is a statement, and a checked one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from finegym.errors import CodebookError
from finegym.labelling.drafts import PassRules
from finegym.labelling.nesting import SegmentState, check_stages, get_children
from finegym.labelling.walks import follow_walk, parse_walk


def find_gaps(segments: Mapping[str, SegmentState], rules: PassRules) -> list[dict[str, Any]]:
    """What is missing, as problems ``{segment_id, field, error}``; nothing where the pass may be signed off.

    Segments that are discarded need no label. A pass without any segment is complete: there may be nothing to find.
    """
    found = []
    for segment in sorted(segments.values(), key=lambda one: (one.start_frame, one.id)):
        if not segment.is_deleted and segment.discard is None and segment.level != "stage":
            for field, error in _check_segment(segment, segments, rules):
                found.append({"segment_id": segment.id, "field": field, "error": error})
    return found


def _check_segment(
    segment: SegmentState, segments: Mapping[str, SegmentState], rules: PassRules
) -> Iterator[tuple[str, str]]:
    if segment.label is None:
        yield "label", f"{segment.level} at frame {segment.start_frame} has no label"
    if rules.stage == "sub-actions":
        stages = get_children(segments, segment.id)
        for problem in check_stages(segment, stages, rules.num_stages):
            yield problem.field, f"sub-action at frame {segment.start_frame}: {problem.error}"
    if rules.stage == "elements" and segment.label is not None:
        yield from _check_walk(segment, rules)


def _check_walk(segment: SegmentState, rules: PassRules) -> Iterator[tuple[str, str]]:
    book = rules.codebook
    label = str(segment.label)
    set_id = book.element_by_id[label].set_id if label in book.element_by_id else label
    where = f"sub-action at frame {segment.start_frame}"
    if set_id not in book.tree_by_set_id:
        if set_id not in book.set_by_id:
            yield "label", f"{where}: {label} is not in the codebook any more"
        return  # a set without a tree has nothing to ask
    try:
        state = follow_walk(book, set_id, parse_walk(segment.path))
    except CodebookError as error:
        yield "path", f"{where}: {error}"
        return
    if not state.is_complete and not segment.is_no_element:
        yield "path", f"{where}: the walk is not at its end; next is query {state.next_query}"
