"""From rows and values to what the API answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import REVIEWS, SEES_ALL_WORK, Caller, get_names
from finegym.labelling.clock import format_time
from finegym.labelling.leases import describe_lease
from finegym.labelling.loading import Work, count_annotators, load_suggestions, make_state
from finegym.labelling.nesting import SegmentState
from finegym.labelling.projects import read_settings
from finegym.labelling.settings import ProjectSettings
from finegym.labelling.shapes import (
    ActionShape,
    BatchRef,
    CommentShape,
    ItemShape,
    OperationShape,
    PassSummary,
    PersonRef,
    RecordRef,
    SegmentShape,
    SuggestionShape,
)
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.work import Comment, Operation, Pass, Segment, SuggestionAnswer

Names = Mapping[str, str]


def refer(names: Names, person_id: str) -> PersonRef:
    """Somebody, in short."""
    return PersonRef(id=person_id, name=names.get(person_id, "?"))


def show_segment(state: SegmentState, author: PersonRef, at_ms: int) -> SegmentShape:
    """A segment."""
    return SegmentShape.model_construct(
        id=state.id,
        level=cast(Any, state.level),
        parent_id=state.parent_id,
        start_frame=state.start_frame,
        end_frame=state.end_frame,
        start_ms=state.start_ms,
        end_ms=state.end_ms,
        label=state.label,
        path=list(state.path),
        is_no_element=state.is_no_element,
        discard=cast(Any, state.discard),
        is_deleted=state.is_deleted,
        origin=state.origin,
        codebook_number=state.codebook_number,
        version=state.version,
        author=author,
        time=str(format_time(at_ms)),
    )


def show_segments(session: Session, pass_id: str, ids: Iterable[str] | None = None) -> list[SegmentShape]:
    """The segments of a pass in order of time; without ``ids`` those that are not deleted."""
    query = (
        select(Segment)
        .where(Segment.pass_id == pass_id)
        .order_by(Segment.start_frame, Segment.end_frame.desc(), Segment.id)
    )
    query = query.where(Segment.is_deleted.is_(False)) if ids is None else query.where(Segment.id.in_(list(ids)))
    rows = session.scalars(query).all()
    names = get_names(session, (row.author_id for row in rows))
    return [show_segment(make_state(row), refer(names, row.author_id), row.at_ms) for row in rows]


def show_segments_as_of(session: Session, pass_id: str, version: int, ids: Iterable[str]) -> list[SegmentShape]:
    """Segments as they were at a version of their pass; those that were not there yet are left out."""
    from finegym.labelling.history import load_states_as_of

    states = load_states_as_of(session, pass_id, version, set(ids))
    names = get_names(session, (author for _, author, _ in states.values()))
    return [show_segment(state, refer(names, author), at_ms) for state, author, at_ms in states.values()]


def show_comments(session: Session, pass_id: str, ids: Sequence[str] | None = None) -> list[CommentShape]:
    """The remarks on a pass, in the order they were made."""
    query = select(Comment).where(Comment.pass_id == pass_id).order_by(Comment.at_ms, Comment.id)
    rows = session.scalars(query if ids is None else query.where(Comment.id.in_(ids))).all()
    names = get_names(session, (row.author_id for row in rows))
    return [
        CommentShape(
            id=row.id,
            text=row.text,
            frame=row.frame,
            time_ms=row.time_ms,
            segment_id=row.segment_id,
            author=refer(names, row.author_id),
            time=str(format_time(row.at_ms)),
            resolved_at=format_time(row.resolved_at_ms),
        )
        for row in rows
    ]


def show_operations(session: Session, rows: Sequence[Operation]) -> list[OperationShape]:
    """Operations of a log."""
    names = get_names(session, (row.author_id for row in rows))
    return [
        OperationShape(
            uuid=row.uuid,
            kind=row.kind,
            payload=row.payload,
            author=refer(names, row.author_id),
            time=str(format_time(row.at_ms)),
            version=row.pass_version,
            reason=row.reason,
        )
        for row in rows
    ]


def show_suggestions(session: Session, work: Work) -> list[SuggestionShape]:
    """The ghosts of a pass; none in blind work."""
    if work.pass_.is_blind:
        return []
    answers = dict(
        session.execute(
            select(SuggestionAnswer.suggestion_id, SuggestionAnswer.answer).where(
                SuggestionAnswer.pass_id == work.pass_.id
            )
        ).all()
    )
    return [
        SuggestionShape(
            id=ghost.id,
            batch=BatchRef(id=batch.id, name=batch.name, model=batch.model),
            level=cast(Any, ghost.level),
            start_frame=ghost.start_frame,
            end_frame=ghost.end_frame,
            start_ms=ghost.start_ms,
            end_ms=ghost.end_ms,
            label=ghost.label,
            score=ghost.score,
            doubts=ghost.doubts,
            answer=cast(Any, answers.get(ghost.id)),
        )
        for ghost, batch in load_suggestions(session, work).values()
    ]


def can_see_pass(role: str, caller: Caller, row: Pass, item: Item) -> bool:
    """Whether somebody may know of a pass: her own; all of them for leads, reviewers, viewers; all where not blind."""
    is_open = not row.is_blind and not item.is_blind
    return row.person_id == caller.person_id or role in SEES_ALL_WORK or is_open


def show_items(session: Session, caller: Caller, role: str, project: Project, items: Sequence[Item]) -> list[ItemShape]:
    """Items with those of their passes that the caller may know of."""
    if not items:
        return []
    settings = read_settings(project)
    records = {
        row.id: row for row in session.scalars(select(Record).where(Record.id.in_({item.record_id for item in items})))
    }
    passes = session.scalars(
        select(Pass).where(Pass.item_id.in_([item.id for item in items])).order_by(Pass.created_at_ms, Pass.id)
    ).all()
    item_by_id = {item.id: item for item in items}
    seen = [row for row in passes if can_see_pass(role, caller, row, item_by_id[row.item_id])]
    names = get_names(session, (row.person_id for row in seen))
    counts = _count_segments(session, [row.id for row in seen])
    by_item: dict[str, list[PassSummary]] = {}
    for row in seen:
        item = item_by_id[row.item_id]
        work = Work(row, item, project, records[item.record_id])
        by_item.setdefault(row.item_id, []).append(
            PassSummary(
                id=row.id,
                item_id=row.item_id,
                person=refer(names, row.person_id),
                kind=cast(Any, row.kind),
                state=cast(Any, row.state),
                version=row.version,
                num_segments=counts.get(row.id, 0),
                signed_off_at=format_time(row.signed_off_at_ms),
                lease=describe_lease(session, work, caller.now_ms),
            )
        )
    return [
        _show_item(item, records[item.record_id], *_get_places(item, role, settings), by_item.get(item.id, []))
        for item in items
    ]


def _get_places(item: Item, role: str, settings: ProjectSettings) -> tuple[int, list[str]]:
    """How many people work on an item, and who gets it; a silent gold item looks to its annotator like any other."""
    if item.purpose == "silent" and role == "annotator":
        return settings.get_annotators(item.stage), []
    return count_annotators(item, settings), list(item.assignees)


def _show_item(
    item: Item, record: Record, annotators: int, assignees: list[str], passes: list[PassSummary]
) -> ItemShape:
    action = None
    if item.action_id is not None:
        action = ActionShape(
            segment_id=item.action_id,
            label=item.action_label,
            start_frame=item.start_frame,
            end_frame=item.end_frame,
            start_ms=item.start_ms,
            end_ms=item.end_ms,
        )
    return ItemShape(
        id=item.id,
        project_id=item.project_id,
        stage=cast(Any, item.stage),
        record=RecordRef(id=record.id, name=record.name, fps_average=record.fps_average),
        chunk=item.chunk_number,
        action=action,
        start_frame=item.start_frame,
        end_frame=item.end_frame,
        start_ms=item.start_ms,
        end_ms=item.end_ms,
        state=cast(Any, item.state),
        priority=item.priority,
        annotators=annotators,
        assignees=assignees,
        recheck=item.recheck,
        passes=passes,
    )


def _count_segments(session: Session, pass_ids: Sequence[str]) -> dict[str, int]:
    if not pass_ids:
        return {}
    rows = session.execute(
        select(Segment.pass_id, func.count())
        .where(Segment.pass_id.in_(pass_ids), Segment.is_deleted.is_(False), Segment.level != "stage")
        .group_by(Segment.pass_id)
    )
    return dict(rows.all())


def can_review(role: str, caller: Caller, work: Work) -> bool:
    """Whether somebody may accept or return a pass."""
    return role in REVIEWS and (work.pass_.person_id != caller.person_id or work.settings.may_review_own)
