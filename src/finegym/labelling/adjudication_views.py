"""From rows to what the API answers about comparisons and adjudications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.codebook.model import Codebook
from finegym.labelling.access import REVIEWS, Caller, get_names
from finegym.labelling.adjudication_shapes import (
    AdjudicationShape,
    ComparisonShape,
    DecisionShape,
    LaneShape,
    MemberShape,
    QueryVoteShape,
    QueryVotesShape,
    UnitShape,
    UnitVoteShape,
)
from finegym.labelling.adjudications import find_comparison_of, find_segment_id, load_decisions
from finegym.labelling.clock import format_time
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.comparison_plans import needs_decision
from finegym.labelling.loading import Work, read_clock_of
from finegym.labelling.quality_source import load_signed_off
from finegym.labelling.record_clock import RecordClock
from finegym.labelling.tables.adjudication import Comparison
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item
from finegym.labelling.tables.work import Operation, Pass, Segment
from finegym.labelling.views import refer, show_items, show_segment
from finegym.workspace import Workspace

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def show_comparisons(
    session: Session, caller: Caller, role: str, project: Project, rows: Sequence[Comparison]
) -> list[ComparisonShape]:
    """Comparisons with their items."""
    items = session.scalars(select(Item).where(Item.id.in_({row.item_id for row in rows}))).all()
    shown = {one.id: one for one in show_items(session, caller, role, project, items)}
    names = get_names(session, [id_ for row in rows for id_ in (row.decided_by, row.routed_by)])
    return [
        ComparisonShape(
            id=row.id,
            item=shown[row.item_id],
            state=cast(Any, row.state),
            num_passes=len(row.pass_ids),
            num_units=len(row.units),
            num_open=_count_open(session, row),
            reasons=list(row.reasons),
            pass_id=row.pass_id,
            at=str(format_time(row.at_ms)),
            routed_by=refer(names, row.routed_by) if row.routed_by else None,
            routed_reason=row.routed_reason,
            decided_by=refer(names, row.decided_by) if row.decided_by else None,
            decided_at=format_time(row.decided_at_ms),
        )
        for row in rows
    ]


def show_adjudication(session: Session, workspace: Workspace, role: str, work: Work) -> AdjudicationShape | None:
    """What an adjudicator's pass decides, for those who may decide."""
    row = find_comparison_of(session, work.pass_) if role in REVIEWS else None
    if row is None:
        return None
    codebook, _ = get_codebook(session, work.project)
    clock, decisions = read_clock_of(workspace, work.record), load_decisions(session, work.pass_.id)
    names = get_names(session, (one.author_id for one in decisions.values()))
    living = set(
        session.scalars(select(Segment.id).where(Segment.pass_id == work.pass_.id, Segment.is_deleted.is_(False)))
    )
    return AdjudicationShape(
        comparison_id=row.id,
        state=cast(Any, row.state),
        method=str(row.settings.get("method", "")),
        lanes=_show_lanes(session, row),
        units=[
            _show_unit(unit, segment_id if segment_id in living else None, decisions.get(unit["id"]), names,
                       codebook, clock)
            for unit in row.units
            for segment_id in [find_segment_id(unit, work.pass_, work.item.stage)]
        ],
    )  # fmt: skip


def _count_open(session: Session, row: Comparison) -> int:
    wanted = {unit["id"] for unit in row.units if needs_decision(unit)}
    if row.state == "decided":
        return 0
    return len(wanted - load_decisions(session, row.pass_id).keys()) if row.pass_id else len(wanted)


def _show_lanes(session: Session, row: Comparison) -> list[LaneShape]:
    passes = {one.id: one for one in session.scalars(select(Pass).where(Pass.id.in_(row.pass_ids)))}
    segments = load_signed_off(session, row.pass_ids)
    names = get_names(session, (one.person_id for one in passes.values()))
    lanes = []
    for number, pass_id in enumerate(row.pass_ids):
        one = passes[pass_id]
        person, at_ms = refer(names, one.person_id), one.signed_off_at_ms or one.created_at_ms
        lanes.append(
            LaneShape(
                pass_id=pass_id,
                person=person,
                name=_LETTERS[number % len(_LETTERS)],
                segments=[show_segment(state, person, at_ms) for state in segments.get(pass_id, [])],
            )
        )
    return lanes


def _show_unit(
    unit: dict[str, Any],
    segment_id: str | None,
    decision: Operation | None,
    names: Mapping[str, str],
    codebook: Codebook,
    clock: RecordClock,
) -> UnitShape:
    shown = None
    if decision is not None:
        shown = DecisionShape(
            choice=str(decision.payload["choice"]),
            reason=decision.reason or "",
            by=refer(names, decision.author_id),
            at=str(format_time(decision.at_ms)),
        )
    return UnitShape(
        id=unit["id"],
        segment_id=segment_id,
        members=[MemberShape(pass_id=vote["pass_id"], segment_id=vote["segment_id"]) for vote in unit["votes"]],
        start_ms=unit["start_ms"],
        end_ms=unit["end_ms"],
        start_frame=clock.find_frame(unit["start_ms"]),
        end_frame=clock.find_frame(unit["end_ms"]),
        label=unit["label"],
        is_no_element=unit["is_no_element"],
        presence=unit["presence"],
        confidence=min(unit["presence"], unit["label_belief"]),
        is_left_out=unit["decision"] == "left out",
        reasons=[reason["text"] for reason in unit["reasons"]],
        needs_decision=needs_decision(unit),
        decision=shown,
        votes=[_show_vote(vote, unit) for vote in unit["votes"]],
        queries=[_show_query(query, codebook) for query in unit["queries"]],
    )


def _show_vote(vote: dict[str, Any], unit: dict[str, Any]) -> UnitVoteShape:
    offs = {
        f"{edge}_off_ms": None if vote["segment_id"] is None else vote[f"{edge}_ms"] - unit[f"{edge}_ms"]
        for edge in ("start", "end")
    }
    return UnitVoteShape(pass_id=vote["pass_id"], segment_id=vote["segment_id"], label=vote["label"], **offs)


def _show_query(query: dict[str, Any], codebook: Codebook) -> QueryVotesShape:
    known = codebook.query_by_id.get(query["query"])
    belief = {"yes": query["yes_belief"], "no": 1 - query["yes_belief"]}
    return QueryVotesShape(
        query=query["query"],
        text=known.text if known else query["query"],
        votes=[QueryVoteShape(**vote) for vote in query["votes"]],
        majority=query["majority"],
        confidence=belief.get(query["majority"] or ""),
    )
