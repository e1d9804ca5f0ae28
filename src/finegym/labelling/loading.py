"""From rows to values: a pass with everything it depends on, and its segments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from finegym.errors import VideoError
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.drafts import PassRules
from finegym.labelling.nesting import SegmentState
from finegym.labelling.projects import read_settings
from finegym.labelling.record_clock import RecordClock, read_record_clock
from finegym.labelling.refusals import Refusal, not_found
from finegym.labelling.settings import ProjectSettings
from finegym.labelling.tables.projects import Project, Suggestion, SuggestionBatch
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.work import Pass, Segment
from finegym.workspace import Workspace

STATE_FIELDS = tuple(field.name for field in fields(SegmentState))
STATE_COLUMNS = tuple(getattr(Segment, name) for name in STATE_FIELDS)
_PATH = STATE_FIELDS.index("path")


@dataclass
class Work:
    """A pass and what it belongs to."""

    pass_: Pass
    item: Item
    project: Project
    record: Record

    @cached_property
    def settings(self) -> ProjectSettings:
        """The project's rules."""
        return read_settings(self.project)

    @property
    def annotators(self) -> int:
        """How many people work on the item."""
        return count_annotators(self.item, self.settings)


def count_annotators(item: Item, settings: ProjectSettings) -> int:
    """How many people work on an item."""
    return item.annotators if item.annotators is not None else settings.get_annotators(item.stage)


def load_work(session: Session, pass_id: str, *, lock: bool = False) -> Work:
    """A pass by id.

    Raises:
        Refusal: there is none.
    """
    query = (
        select(Pass, Item, Project, Record)
        .join(Item, Item.id == Pass.item_id)
        .join(Project, Project.id == Pass.project_id)
        .join(Record, Record.id == Item.record_id)
        .where(Pass.id == pass_id)
    )
    row = session.execute(query.with_for_update(of=Pass) if lock else query).one_or_none()
    if row is None:
        raise not_found("pass")
    return Work(*row)


def load_segments(session: Session, pass_id: str, *, deleted: Iterable[str] | None = None) -> dict[str, SegmentState]:
    """The segments of a pass by id; of deleted ones all, or only those that are named."""
    query = select(*STATE_COLUMNS).where(Segment.pass_id == pass_id)
    if deleted is not None:
        query = query.where(or_(Segment.is_deleted.is_(False), Segment.id.in_(list(deleted))))
    rows = session.execute(query)
    return {row[0]: read_state_row(row) for row in rows}


def read_state_row(row: Sequence[Any]) -> SegmentState:
    """A row of ``STATE_COLUMNS`` as a value."""
    values = list(row)
    values[_PATH] = tuple(values[_PATH])
    return SegmentState(*values)


def make_state(row: Segment) -> SegmentState:
    """A row as a value."""
    return read_state_row([getattr(row, name) for name in STATE_FIELDS])


def make_columns(state: SegmentState) -> dict[str, Any]:
    """A value as columns of a row."""
    return {**{name: getattr(state, name) for name in STATE_FIELDS}, "path": list(state.path)}


def read_clock_of(workspace: Workspace, record: Record) -> RecordClock:
    """The frames and times of a record.

    Raises:
        Refusal: 409 where its proxies are gone.
    """
    try:
        return read_record_clock(workspace, record.name, record.num_chunks, record.end_ms)
    except VideoError as error:
        raise Refusal(409, "no_frame_map", str(error)) from error


def load_rules(session: Session, workspace: Workspace, work: Work) -> PassRules:
    """The rules that the operations of a pass have to keep."""
    codebook, number = get_codebook(session, work.project)
    clock = read_clock_of(workspace, work.record)
    ghosts = {} if work.pass_.is_blind else load_suggestions(session, work)
    return PassRules(
        stage=work.item.stage,
        bounds=(work.item.start_frame, work.item.end_frame),
        outer_id=work.item.action_id,
        event_id=work.item.action_label,
        codebook=codebook,
        codebook_number=number,
        stages_of_event=work.settings.stages_of_event,
        get_ms=clock.get_ms,
        is_shown=clock.is_shown,
        suggestions={id_: (ghost.label, ghost.start_frame, ghost.end_frame) for id_, (ghost, _) in ghosts.items()},
    )


def load_suggestions(session: Session, work: Work) -> dict[str, tuple[Suggestion, SuggestionBatch]]:
    """The ghosts that lie in an item, by id, in order of time."""
    rows = session.execute(
        select(Suggestion, SuggestionBatch)
        .join(SuggestionBatch, SuggestionBatch.id == Suggestion.batch_id)
        .where(
            Suggestion.record_id == work.record.id,
            Suggestion.start_frame < work.item.end_frame,
            Suggestion.end_frame > work.item.start_frame,
            SuggestionBatch.stage == work.item.stage,
            SuggestionBatch.withdrawn_at_ms.is_(None),
        )
        .order_by(Suggestion.start_frame, Suggestion.id)
    )
    return {ghost.id: (ghost, batch) for ghost, batch in rows}
