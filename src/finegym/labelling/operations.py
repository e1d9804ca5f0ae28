"""What operations do to a pass: pure functions on plain values, all of a request or nothing.

A ``Draft`` begins with a pass as it is and collects what changes. The rules of nesting are looked at when the request
is complete, so that a shared edge can be dragged by moving both neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finegym.errors import CodebookError
from finegym.labelling import operation_kinds as kinds
from finegym.labelling.drafts import Draft, OperationProblem, PassRules, StaleRow
from finegym.labelling.edges import EDGES
from finegym.labelling.labels import LABELS
from finegym.labelling.nesting import check_nesting

_APPLY = {**EDGES, **LABELS}


def apply_operations(draft: Draft, operations: Sequence[kinds.AnyOperation], rules: PassRules) -> list[dict[str, Any]]:
    """Apply a request to a draft.

    Returns:
        The problems, ``{operation, field, error, got}``; the draft is good for nothing where there are any.

    Raises:
        StaleRow: an operation was made on another version of its segment.
    """
    for place, operation in enumerate(operations):
        draft.place = place
        _check_row(draft, operation)
        try:
            _APPLY[operation.kind](draft, operation.payload, rules)
        except OperationProblem as problem:
            return [{"operation": place, "field": problem.field, "error": problem.error, "got": problem.got}]
        except CodebookError as error:
            return [{"operation": place, "field": "path", "error": str(error), "got": None}]
    places = {segment.id: place for place, segment in draft.revisions}
    return [
        {
            # where two changed segments do not fit, the later change is the one to look at
            "operation": max(places.get(id_, -1) for id_ in (problem.segment_id, problem.other_id)),
            "field": problem.field,
            "error": problem.error,
            "got": None,
            "segment_id": problem.segment_id,
        }
        for problem in check_nesting(draft.segments, draft.touched, rules.bounds, rules.outer_id)
    ]


def _check_row(draft: Draft, operation: kinds.AnyOperation) -> None:
    segment_id = getattr(operation.payload, "segment_id", None)
    if operation.based_on is None or segment_id not in draft.segments:
        return
    if draft.segments[segment_id].version != operation.based_on:
        raise StaleRow(segment_id)
