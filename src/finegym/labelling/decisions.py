"""Decisions of an adjudicator: each says of one unit what stands, and why, and changes the segment accordingly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from finegym.codebook.model import Codebook
from finegym.labelling.access import Caller
from finegym.labelling.adjudications import (
    DECIDE,
    find_segment_id,
    load_adjudication,
    make_segments,
)
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.loading import Work, load_rules, load_segments, read_clock_of
from finegym.labelling.nesting import SegmentState, get_children
from finegym.labelling.operation_kinds import AnyOperation
from finegym.labelling.operations import apply_operations
from finegym.labelling.passes import ANY_VERSION, make_draft
from finegym.labelling.quality_source import load_signed_off
from finegym.labelling.refusals import Refusal, conflict, invalid, invalid_field, not_found
from finegym.labelling.storing import store_draft
from finegym.labelling.tables.adjudication import Comparison
from finegym.labelling.tables.work import Operation, Segment
from finegym.workspace import Workspace

_OPERATION: TypeAdapter[Any] = TypeAdapter(AnyOperation)


def decide(
    session: Session,
    workspace: Workspace,
    caller: Caller,
    pass_id: str,
    seen_version: int,
    *,
    uuid: str,
    unit_id: str,
    choice: str,
    reason: str,
) -> None:
    """Say what stands of a unit. Sent again, it is done once.

    Args:
        session: on the database.
        workspace: holds the frame maps.
        caller: the adjudicator.
        pass_id: her pass.
        seen_version: its version that she has seen.
        uuid: of the decision.
        unit_id: of the comparison.
        choice: ``consensus``; the id of a pass, for what that says; ``own``, for what she made of it; ``none``.
        reason: why.

    Raises:
        Refusal: 404, 403; 409 signed off; 412; 422 no such unit or pass, or the segment does not fit its neighbours.
    """
    work, row = load_adjudication(session, pass_id, caller)
    known = session.get(Operation, uuid)
    if known is not None:
        if (known.pass_id, known.kind) != (pass_id, DECIDE):
            raise conflict("uuid_reused", "This id was used for something else.")
        return
    _check_open(work, seen_version)
    unit = next((one for one in row.units if one["id"] == unit_id), None)
    if unit is None:
        raise not_found("unit of this comparison")
    asked = list(_list_changes(session, workspace, work, row, unit, choice))
    if asked:
        operations = [_make_operation(uuid, place, reason, *one) for place, one in enumerate(asked)]
        _apply(session, workspace, caller, work, operations)
    _write_decision(session, caller, work, uuid, unit_id, choice, reason)


def _make_operation(uuid: str, place: int, reason: str, kind: str, payload: dict[str, Any]) -> Any:
    """An operation that follows from a decision; the same decision gives the same ids."""
    id_ = str(uuid5(NAMESPACE_OID, f"{uuid}:{place}"))
    return _OPERATION.validate_python({"uuid": id_, "kind": kind, "payload": {**payload, "reason": reason}})


def _write_decision(
    session: Session, caller: Caller, work: Work, uuid: str, unit_id: str, choice: str, reason: str
) -> None:
    work.pass_.version += 1
    session.add(
        Operation(
            uuid=uuid,
            pass_id=work.pass_.id,
            pass_version=work.pass_.version,
            kind=DECIDE,
            payload={"unit_id": unit_id, "choice": choice},
            content_hash="",
            reason=reason,
            author_id=caller.person_id,
            at_ms=caller.now_ms,
        )
    )


def _check_open(work: Work, seen_version: int) -> None:
    row = work.pass_
    if row.state in ("accepted", "superseded") or row.signed_off_at_ms is not None:
        raise conflict("pass_closed", f"This adjudication is {row.state}.", state=row.state)
    if seen_version not in (ANY_VERSION, row.version):
        raise Refusal(412, "version_conflict", "The pass was changed since you looked at it.", version=row.version)


def _apply(session: Session, workspace: Workspace, caller: Caller, work: Work, operations: list[Any]) -> None:
    draft = make_draft(session, work, operations)
    problems = apply_operations(draft, operations, load_rules(session, workspace, work))
    if problems:
        raise invalid([{**one, "operation": None} for one in problems])
    store_draft(session, caller, work, draft, operations)


def _list_changes(
    session: Session, workspace: Workspace, work: Work, row: Comparison, unit: dict[str, Any], choice: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The operations that make a unit's segment what was chosen: kinds and payloads."""
    if choice == "own":
        return
    segment_id = find_segment_id(unit, work.pass_, work.item.stage)
    stored = session.get(Segment, segment_id)
    if choice == "none":
        yield from _take_away(work, unit, stored, segment_id, session, row)
        return
    wanted = _find_wanted(session, workspace, work, row, unit, choice)
    if wanted is None:  # that pass has nothing there
        yield from _take_away(work, unit, stored, segment_id, session, row)
        return
    state, stages = wanted
    codebook, _ = get_codebook(session, work.project)
    if work.item.stage == "elements":
        yield "set_discard", {"segment_id": segment_id, "discard": state.discard}
        yield _set_label(state, segment_id, codebook)
        return
    yield from _place(session, work, stored, state, segment_id)
    yield _set_label(state, segment_id, codebook)
    for place, stage in enumerate(stages):
        yield (
            "create_segment",
            {
                "segment_id": str(uuid5(NAMESPACE_OID, f"{segment_id}:{work.pass_.version}:{place}")),
                "level": "stage",
                "parent_id": segment_id,
                "start_frame": stage.start_frame,
                "end_frame": stage.end_frame,
                "label": stage.label,
            },
        )


def _place(
    session: Session, work: Work, stored: Segment | None, state: SegmentState, segment_id: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The segment at its frames, without stages: those of the choice are made after it."""
    frames = {"segment_id": segment_id, "start_frame": state.start_frame, "end_frame": state.end_frame}
    if stored is None:
        yield "create_segment", {**frames, "level": state.level, "parent_id": work.item.action_id}
        return
    if stored.is_deleted:
        yield "restore_segment", {"segment_id": segment_id}
    else:
        for child in get_children(load_segments(session, work.pass_.id), segment_id):
            yield "delete_segment", {"segment_id": child.id}
    yield "move_segment", frames


def _take_away(
    work: Work, unit: dict[str, Any], stored: Segment | None, segment_id: str, session: Session, row: Comparison
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Nothing is there. In stage elements the sub-action stays and is of no use, as one of the passes found."""
    if work.item.stage != "elements":
        if stored is not None and not stored.is_deleted:
            yield "delete_segment", {"segment_id": segment_id, "children": "delete"}
        return
    votes = load_signed_off(session, row.pass_ids)
    copies = (one for states in votes.values() for one in states if (one.origin or {}).get("id") == unit["origin_id"])
    discard = next((one.discard for one in copies if one.discard), None)
    if discard is None:
        raise invalid_field("choice", "nobody found it to be of no use: mark why yourself, and choose own", "none")
    yield "set_discard", {"segment_id": segment_id, "discard": discard}


def _find_wanted(
    session: Session, workspace: Workspace, work: Work, row: Comparison, unit: dict[str, Any], choice: str
) -> tuple[SegmentState, list[SegmentState]] | None:
    """The segment and its stages by the consensus or by a pass."""
    if choice == "consensus":
        _, number = get_codebook(session, work.project)
        states = make_segments(session, row, work.item, read_clock_of(workspace, work.record), number)
        wanted = unit["origin_id"] if work.item.stage == "elements" else unit["id"]
        found = {state.id: state for state in states}
        if wanted not in found:
            raise invalid_field("choice", "the consensus has no place for it between its neighbours", choice)
        return found[wanted], get_children(found, wanted)
    vote = next((one for one in unit["votes"] if one["pass_id"] == choice), None)
    if vote is None:
        expected = "consensus, own, none, or the id of a pass that was compared"
        raise invalid_field("choice", f"must be {expected}", choice)
    if vote["segment_id"] is None:
        return None
    found = {state.id: state for state in load_signed_off(session, [choice])[choice]}
    return found[vote["segment_id"]], get_children(found, vote["segment_id"])


def _set_label(state: SegmentState, segment_id: str, codebook: Codebook) -> tuple[str, dict[str, Any]]:
    """The label with the walk that led to it."""
    element = codebook.element_by_id.get(state.label or "")
    if state.level == "sub-action" and (state.path or state.is_no_element):
        return "set_path", {
            "segment_id": segment_id,
            "set_id": element.set_id if element else state.label,
            "path": list(state.path),
            "label": element.id if element else None,
            "by_name": state.is_no_element,
        }
    return "set_label", {"segment_id": segment_id, "label": state.label}
