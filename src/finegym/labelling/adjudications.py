"""Adjudication: a pass of the adjudicator, begun with the consensus, in which she decides what the others differ in.

It is an ordinary pass, so everything that changes it is in its log with its reason; so is every decision, as an
operation of kind ``decide``. Signing it off makes it the result of the item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from finegym.labelling.acceptance import accept_pass
from finegym.labelling.access import REVIEWS, Caller, require_role, write_log
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.comparison_plans import needs_decision
from finegym.labelling.comparisons import compare_items, find_current
from finegym.labelling.loading import Work, load_work, make_columns, read_clock_of
from finegym.labelling.nesting import SegmentState, get_children
from finegym.labelling.projects import read_settings
from finegym.labelling.quality_source import load_signed_off
from finegym.labelling.record_clock import RecordClock
from finegym.labelling.refusals import conflict, forbidden, not_found
from finegym.labelling.settings import Stage
from finegym.labelling.starting import start_pass
from finegym.labelling.tables.adjudication import Comparison
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.work import Operation, Pass, Revision, Segment
from finegym.workspace import Workspace

DECIDE = "decide"


def start_adjudication(session: Session, workspace: Workspace, caller: Caller, item_id: str) -> Pass:
    """The adjudicator's pass on an item: the one there is, or a new one with the consensus in it.

    Raises:
        Refusal: 404, 403; 409 not everybody has signed off, a third person is asked, or it is decided.
    """
    item = session.scalar(select(Item).where(Item.id == item_id).with_for_update())
    if item is None or item.purpose != "work":
        raise not_found("item")
    project = session.get_one(Project, item.project_id)
    require_role(session, caller, project.id, REVIEWS)
    there = session.scalar(
        select(Pass).where(Pass.item_id == item.id, Pass.round == item.round, Pass.kind == "adjudication")
    )
    if there is not None:
        return there
    check_may_adjudicate(session, caller, item)
    row = _get_ground(session, caller, project, item)
    record = session.get_one(Record, item.record_id)
    clock, number = read_clock_of(workspace, record), get_codebook(session, project)[1]
    states = make_segments(session, row, item, clock, number)
    settings = read_settings(project)
    given = states if item.stage == "elements" else []
    made = start_pass(session, caller, item, settings, given=given, kind="adjudication")
    if item.stage != "elements":
        _store_segments(session, made, states)
    row.pass_id = made.id
    return made


def make_segments(session: Session, row: Comparison, item: Item, clock: RecordClock, number: int) -> list[SegmentState]:
    """What an adjudication begins with: the consensus, as far as the votes lead to one.

    In stage elements these are the accepted sub-actions with the labels that were voted for; else new segments, whose
    ids are ``u1``, ``u2``, … until they belong to a pass.
    """
    if item.stage == "elements":
        return _label_sub_actions(session, row, number)
    votes = load_signed_off(session, row.pass_ids)
    segments = {one.id: one for states in votes.values() for one in states}
    found: list[SegmentState] = []
    last_end = 0
    for unit in row.units:
        start, end = clock.find_frame(unit["start_ms"]), clock.find_frame(unit["end_ms"])
        start, end = max(start, last_end, item.start_frame), min(end, item.end_frame)
        if unit["decision"] == "left out" or start >= end:
            continue
        last_end = end
        state = _make_segment(unit, item, (start, end), clock, number)
        found += [state, *_make_stages(unit, state, segments, clock)]
    return found


def name_segment(pass_id: str, unit_id: str) -> str:
    """The id of a unit's segment in the adjudicator's pass."""
    return str(uuid5(NAMESPACE_OID, f"{pass_id}:{unit_id}"))


def find_segment_id(unit: dict[str, Any], row: Pass, stage: str) -> str:
    """The segment that stands for a unit in the adjudicator's pass; it may not be there, or be deleted."""
    if stage == "elements":
        return str(uuid5(NAMESPACE_OID, f"{row.id}:{unit['origin_id']}"))
    return name_segment(row.id, unit["id"])


def load_decisions(session: Session, pass_id: str) -> dict[str, Operation]:
    """The newest decision on every unit."""
    rows = session.scalars(
        select(Operation).where(Operation.pass_id == pass_id, Operation.kind == DECIDE).order_by(Operation.pass_version)
    )
    return {str(row.payload["unit_id"]): row for row in rows}


def find_comparison_of(session: Session, row: Pass) -> Comparison | None:
    """The comparison that an adjudicator's pass decides."""
    if row.kind != "adjudication":
        return None
    query = select(Comparison).where(Comparison.pass_id == row.id).order_by(Comparison.number.desc())
    return session.scalar(query.limit(1))


def find_undecided(session: Session, work: Work) -> Iterator[dict[str, Any]]:
    """What keeps an adjudication from its sign-off: units on which somebody has to decide, as problems."""
    row = find_comparison_of(session, work.pass_)
    if row is None:
        return
    decided = load_decisions(session, work.pass_.id)
    for unit in row.units:
        if needs_decision(unit) and unit["id"] not in decided:
            reasons = "; ".join(reason["text"] for reason in unit["reasons"])
            yield {
                "segment_id": find_segment_id(unit, work.pass_, work.item.stage),
                "field": "decision",
                "error": f"unit {unit['id']} needs a decision: {reasons}",
                "got": unit["id"],
            }


def accept_adjudication(session: Session, caller: Caller, work: Work) -> None:
    """An adjudication that is signed off is the result of its item; nobody reviews it once more."""
    accept_pass(session, caller, work)
    work.pass_.reviewed_at_ms, work.pass_.reviewed_by = caller.now_ms, caller.person_id
    write_log(session, caller.now_ms, "adjudicated", f"{caller.name} decided an item of stage {work.item.stage}.",
              project_id=work.project.id, person_id=caller.person_id, pass_id=work.pass_.id)  # fmt: skip


def load_adjudication(session: Session, pass_id: str, caller: Caller) -> tuple[Work, Comparison]:
    """An adjudicator's pass and what it decides, for those who may.

    Raises:
        Refusal: 404, 403.
    """
    work = load_work(session, pass_id, lock=True)
    require_role(session, caller, work.project.id, REVIEWS)
    check_may_adjudicate(session, caller, work.item)
    row = find_comparison_of(session, work.pass_)
    if row is None:
        raise not_found("adjudication")
    return work, row


def check_may_adjudicate(session: Session, caller: Caller, item: Item) -> None:
    """Nobody decides on her own pass.

    Raises:
        Refusal: 403.
    """
    query = select(Pass.id).where(
        Pass.item_id == item.id, Pass.round == item.round, Pass.person_id == caller.person_id, Pass.kind == "annotation"
    )
    if session.scalar(query.limit(1)) is not None:
        raise forbidden("You annotated this item yourself: somebody else adjudicates it.")


def _get_ground(session: Session, caller: Caller, project: Project, item: Item) -> Comparison:
    if item.state != "submitted":
        raise conflict("not_submitted", f"Not all passes of this item are signed off; it is {item.state}.")
    row = find_current(session, item.id)
    if row is None or row.state == "replaced" or row.round != item.round:
        made = compare_items(session, caller, project, cast(Stage, item.stage), [item.id])
        if not made:
            raise conflict("one_pass", "There is only one pass on this item: review it instead.")
        session.flush()
        row = made[0]
    if row.state not in ("agreed", "adjudicate"):
        raise conflict("third_asked", f"This item is {row.state}: route it to adjudication first.", state=row.state)
    return row


def _make_segment(
    unit: dict[str, Any], item: Item, frames: tuple[int, int], clock: RecordClock, number: int
) -> SegmentState:
    start, end = frames
    return SegmentState(
        id=unit["id"],
        level="action" if item.stage == "routines" else "sub-action",
        parent_id=item.action_id,
        start_frame=start,
        end_frame=end,
        start_ms=clock.get_ms(start),
        end_ms=clock.get_ms(end),
        label=unit["label"],
        path=tuple(unit["path"]),
        is_no_element=unit["is_no_element"],
        origin={"kind": "consensus", "id": unit["id"]},
        codebook_number=number if unit["path"] else None,
    )


def _make_stages(
    unit: dict[str, Any], parent: SegmentState, segments: dict[str, SegmentState], clock: RecordClock
) -> list[SegmentState]:
    """Stages with edges at the medians of the votes that have the commonest number of them."""
    lanes = [get_children(segments, vote["segment_id"]) for vote in unit["votes"] if vote["segment_id"]]
    counts = Counter(len(lane) for lane in lanes if lane)
    if not counts:
        return []
    number = counts.most_common(1)[0][0]
    chosen = [lane for lane in lanes if len(lane) == number]
    inner = [sorted(lane[place].start_frame for lane in chosen)[len(chosen) // 2] for place in range(1, number)]
    edges = [parent.start_frame, *inner, parent.end_frame]
    if any(start >= end for start, end in pairwise(edges)):
        return []  # the sign-off will ask for them
    return [
        SegmentState(
            id=f"{unit['id']}.{place}",
            level="stage",
            parent_id=unit["id"],
            start_frame=start,
            end_frame=end,
            start_ms=clock.get_ms(start),
            end_ms=clock.get_ms(end),
            label=chosen[0][place].label,
            origin={"kind": "consensus", "id": unit["id"]},
        )
        for place, (start, end) in enumerate(pairwise(edges))
    ]


def _label_sub_actions(session: Session, row: Comparison, number: int) -> list[SegmentState]:
    """The sub-actions that everybody labelled, with the labels that were voted for, or as most found them of no use."""
    votes = load_signed_off(session, row.pass_ids)
    units = {unit["origin_id"]: unit for unit in row.units if unit["decision"] != "left out"}
    lanes = [{_get_origin(one): one for one in states} for states in votes.values()]
    given = []
    for one in next(iter(votes.values()), []):
        state = replace(one, id=_get_origin(one), label=None, path=(), is_no_element=False, discard=None)
        unit = units.get(state.id)
        if unit is not None:
            state = replace(
                state,
                label=unit["label"],
                path=tuple(unit["path"]),
                is_no_element=unit["is_no_element"],
                codebook_number=number,
            )
        elif one.level == "sub-action":
            copies = [lane[state.id] for lane in lanes if state.id in lane]
            codes = Counter(copy.discard for copy in copies if copy.discard)
            state = replace(state, label=one.label, discard=codes.most_common(1)[0][0] if codes else None)
        given.append(state)
    parents = {one.id: _get_origin(one) for one in next(iter(votes.values()), [])}
    return [replace(state, parent_id=parents.get(state.parent_id or "", state.parent_id)) for state in given]


def _get_origin(state: SegmentState) -> str:
    return str((state.origin or {}).get("id", state.id))


def _store_segments(session: Session, made: Pass, states: Sequence[SegmentState]) -> None:
    ids = {state.id: name_segment(made.id, state.id) for state in states}
    values = [
        replace(state, id=ids[state.id], parent_id=ids.get(state.parent_id or "", state.parent_id)) for state in states
    ]
    if not values:
        return
    stamp = {"pass_id": made.id, "author_id": made.person_id, "at_ms": made.created_at_ms}
    session.execute(insert(Segment), [{**make_columns(state), **stamp} for state in values])
    session.execute(
        insert(Revision),
        [
            {"segment_id": one.id, "version": 1, "pass_version": 0, "fields": make_columns(one), **stamp}
            for one in values
        ],
    )
