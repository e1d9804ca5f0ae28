"""How far the work is, and how fast it goes: minutes of video a minute of work, by person and stage."""

from __future__ import annotations

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import get_names
from finegym.labelling.loading import Work
from finegym.labelling.settings import STAGES, Stage
from finegym.labelling.shapes import PersonRef
from finegym.labelling.tables.records import Item
from finegym.labelling.tables.work import Pass, Segment
from finegym.labelling.views import refer

MAX_BEAT_MS = 120_000  # what one heartbeat can bring: clients that sleep do not work


class StageProgress(BaseModel):
    """The items of one stage. ``in_work``: open, with somebody at it."""

    stage: Stage
    items: int
    open: int
    in_work: int
    submitted: int
    accepted: int
    void: int
    video_ms: int
    video_ms_accepted: int


class PersonProgress(BaseModel):
    """What one person did in one stage; the rate is ``None`` while no active time is known."""

    person: PersonRef
    stage: Stage
    passes: int
    passes_signed_off: int
    passes_returned: int
    video_ms: int
    active_ms: int
    video_minutes_per_active_minute: float | None
    segments: int


class ProgressShape(BaseModel):
    """The progress of a project."""

    stages: list[StageProgress]
    people: list[PersonProgress]


def beat(work: Work, active_ms: int, now_ms: int) -> None:
    """Add active time that a client reports: never more than has passed since it last did, by the server's clock."""
    row = work.pass_
    since = row.heartbeat_at_ms if row.heartbeat_at_ms is not None else row.created_at_ms
    passed = max(0, now_ms - since)  # a clock that was set back gives nothing
    row.active_ms += min(active_ms, passed, MAX_BEAT_MS)
    row.heartbeat_at_ms = now_ms


def show_progress(session: Session, project_id: str, only_person: str | None) -> ProgressShape:
    """The progress of a project; of one person only where she is named."""
    return ProgressShape(
        stages=_show_stages(session, project_id), people=_show_people(session, project_id, only_person)
    )


def _show_stages(session: Session, project_id: str) -> list[StageProgress]:
    working = select(Pass.id).where(Pass.item_id == Item.id, Pass.round == Item.round).exists()
    length = func.sum(Item.end_ms - Item.start_ms)
    rows = session.execute(
        select(Item.stage, Item.state, working, func.count(), length)
        .where(Item.project_id == project_id, Item.purpose == "work")
        .group_by(Item.stage, Item.state, working)
    )
    counts: dict[str, dict[str, int]] = {stage: {} for stage in STAGES}
    for stage, state, has_pass, number, length_ms in rows:
        found = counts[stage]
        name = "in_work" if state == "open" and has_pass else state
        found[name] = found.get(name, 0) + number
        if state != "void":
            found["items"] = found.get("items", 0) + number
            found["video_ms"] = found.get("video_ms", 0) + int(length_ms)
        if state == "accepted":
            found["video_ms_accepted"] = found.get("video_ms_accepted", 0) + int(length_ms)
    names = [name for name in StageProgress.model_fields if name != "stage"]
    return [
        StageProgress.model_validate({"stage": stage, **{name: counts[stage].get(name, 0) for name in names}})
        for stage in STAGES
    ]


def _show_people(session: Session, project_id: str, only_person: str | None) -> list[PersonProgress]:
    query = (
        select(Pass, Item)
        .join(Item, Item.id == Pass.item_id)
        .where(Pass.project_id == project_id, Item.purpose != "exam")
    )
    query = query.where(Pass.person_id == only_person) if only_person else query
    segments = dict(
        session.execute(
            select(Segment.pass_id, func.count())
            .join(Pass, Pass.id == Segment.pass_id)
            .where(Pass.project_id == project_id, Segment.is_deleted.is_(False), Segment.level != "stage")
            .group_by(Segment.pass_id)
        ).all()
    )
    groups: dict[tuple[str, str], list[tuple[Pass, Item]]] = {}
    for row, item in session.execute(query):
        groups.setdefault((row.person_id, item.stage), []).append((row, item))
    names = get_names(session, (person_id for person_id, _ in groups))
    found = []
    for (person_id, stage), work in groups.items():
        done = [(row, item) for row, item in work if row.signed_off_at_ms is not None]
        video_ms = sum(item.end_ms - item.start_ms for _, item in done)
        active_ms = sum(row.active_ms for row, _ in done)
        found.append(
            PersonProgress(
                person=refer(names, person_id),
                stage=stage,
                passes=len(work),
                passes_signed_off=len(done),
                passes_returned=sum(row.state == "returned" for row, _ in work),
                video_ms=video_ms,
                active_ms=sum(row.active_ms for row, _ in work),
                video_minutes_per_active_minute=round(video_ms / active_ms, 3) if active_ms else None,
                segments=sum(segments.get(row.id, 0) for row, _ in work),
            )
        )
    return sorted(found, key=lambda one: (STAGES.index(one.stage), one.person.name, one.person.id))
