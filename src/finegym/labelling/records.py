"""Records of the workspace become records of a project, with a work item for each chunk that can be shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from finegym.errors import VideoError
from finegym.labelling.derive import make_position
from finegym.labelling.record_clock import read_record_clock
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.records import Chunk, Item, Record
from finegym.labelling.tables.work import Pass
from finegym.video.ingest import record as ingest_record
from finegym.video.ingest.chunks import read_chunks
from finegym.video.ingest.proxy import read_proxy_map
from finegym.workspace import Workspace


def add_records(
    session: Session, workspace: Workspace, project_id: str, names: Iterable[str], now_ms: int
) -> dict[str, str]:
    """Take records into a project; of those that are there already, what ingest has changed is followed.

    Returns:
        Record name → what became of it: ``added``, ``there``, or why it was left out.
    """
    known = set(session.scalars(select(Record.name).where(Record.project_id == project_id)))
    last = session.scalar(select(func.max(Record.position)).where(Record.project_id == project_id))
    next_position = 0 if last is None else last + 1
    outcome = {}
    for name in names:
        if name in known:
            outcome[name] = follow_ingest(session, workspace, name, now_ms)
            continue
        found = ingest_record.read_record(workspace.get_record_file(name))
        reason = _find_obstacle(found)
        if found is None or reason:
            outcome[name] = reason
            continue
        outcome[name] = _add_record(session, workspace, project_id, found, next_position, now_ms)
        next_position += 1
    return outcome


def _find_obstacle(found: ingest_record.Record | None) -> str:
    if found is None:
        return "ingest has no finished record of this name"
    if found.verdict != "accepted":
        return f"disqualified: {'; '.join(found.reasons)}"
    if not found.num_chunks or not found.has_proxies:
        return "has no proxies; ingest it again with proxies"
    return ""


def _add_record(
    session: Session, workspace: Workspace, project_id: str, found: ingest_record.Record, position: int, now_ms: int
) -> str:
    probe = found.probe
    row = Record(
        id=make_id(),
        project_id=project_id,
        name=found.record_id,
        sha256=found.media.sha256,
        num_frames=probe.num_frames,
        start_ms=round(probe.clock.start_ms),
        end_ms=round(probe.clock.end_ms),
        fps_average=probe.clock.fps_average,
        width=probe.width,
        height=probe.height,
        competition=found.metadata.get("competition", ""),
        media_path=found.media.path,
        verdict=found.verdict,
        has_proxies=found.has_proxies,
        num_chunks=found.num_chunks,
        position=position,
        added_at_ms=now_ms,
    )
    try:
        spans = _read_spans(workspace, row)
    except VideoError as error:
        return str(error)
    session.add(row)
    session.flush()
    _set_chunks(session, row, spans)
    _set_items(session, row, spans, now_ms)
    num_hidden = found.num_chunks - len(spans)
    return "added" if not num_hidden else f"added; {num_hidden} of {found.num_chunks} chunks cannot be shown"


def follow_ingest(session: Session, workspace: Workspace, name: str, now_ms: int) -> str:
    """A record that projects have was ingested again, perhaps with other chunks: every project follows.

    Items keep their frames once somebody has worked on the record; only what is shown for them changes.
    """
    found = ingest_record.read_record(workspace.get_record_file(name))
    outcome = "there"
    if found is None or not found.has_proxies:
        return outcome
    for row in session.scalars(select(Record).where(Record.name == name)):
        if row.sha256 != found.media.sha256:
            row.verdict = "changed"
            outcome = "there; its file holds other content than before: its labels may point at other frames"
            continue
        row.num_chunks = found.num_chunks
        try:
            spans = _read_spans(workspace, row)
        except VideoError as error:
            return str(error)
        if spans == _load_spans(session, row):
            continue
        _set_chunks(session, row, spans)
        has_work = select(Pass.id).join(Item, Item.id == Pass.item_id).where(Item.record_id == row.id).limit(1)
        if session.scalar(has_work) is None:
            _set_items(session, row, spans, now_ms)
            outcome = "there; its items are the new chunks"
        else:
            outcome = "there; somebody works on it, so its items stay as they were"
    return outcome


@dataclass(frozen=True)
class _Span:
    """Frames and times of a chunk that can be shown."""

    start_frame: int
    end_frame: int
    start_ms: int
    end_ms: int


def _read_spans(workspace: Workspace, row: Record) -> dict[int, _Span]:
    """The chunks of a record by number, as ingest left them; those without a proxy are missing."""
    chunks = read_chunks(workspace.get_chunks_file(row.name))
    clock = read_record_clock(workspace, row.name, len(chunks), row.end_ms)
    spans = {}
    for chunk in chunks:
        proxy = read_proxy_map(workspace.get_chunk_file(row.name, "proxy", chunk.number, ".npz"))
        if proxy is not None:
            start, end = int(proxy.frames[0]), int(proxy.frames[-1]) + 1
            spans[chunk.number] = _Span(start, end, clock.get_ms(start), clock.get_ms(end))
    return spans


def _load_spans(session: Session, row: Record) -> dict[int, _Span]:
    chunks = session.scalars(select(Chunk).where(Chunk.record_id == row.id))
    return {one.number: _Span(one.start_frame, one.end_frame, one.start_ms, one.end_ms) for one in chunks}


def _set_chunks(session: Session, row: Record, spans: Mapping[int, _Span]) -> None:
    session.execute(delete(Chunk).where(Chunk.record_id == row.id))
    session.add_all(Chunk(record_id=row.id, number=number, **asdict(span)) for number, span in spans.items())


def _set_items(session: Session, row: Record, spans: Mapping[int, _Span], now_ms: int) -> None:
    """An item of stage routines for each chunk; those of chunks that are no more become void."""
    query = select(Item).where(Item.record_id == row.id, Item.stage == "routines", Item.purpose == "work")
    there: dict[int | None, Item] = {item.chunk_number: item for item in session.scalars(query)}
    for number, item in there.items():
        item.state = "open" if number in spans else "void"
    for number, span in spans.items():
        if number not in there:
            there[number] = Item(
                id=make_id(),
                project_id=row.project_id,
                record_id=row.id,
                key=f"routines:{number}",
                stage="routines",
                chunk_number=number,
                state="open",
                priority=0,
                assignees=[],
                round=1,
                created_at_ms=now_ms,
            )
            session.add(there[number])
        item = there[number]
        for name, value in asdict(span).items():
            setattr(item, name, value)
        item.position = make_position(row, span.start_ms)


def describe_records(session: Session, project_id: str) -> list[dict[str, Any]]:
    """The records of a project in their order."""
    counts = dict(
        session.execute(
            select(Chunk.record_id, func.count())
            .join(Record, Record.id == Chunk.record_id)
            .where(Record.project_id == project_id)
            .group_by(Chunk.record_id)
        ).all()
    )
    rows = session.scalars(select(Record).where(Record.project_id == project_id).order_by(Record.position))
    return [
        {
            "id": row.id,
            "name": row.name,
            "competition": row.competition,
            "num_frames": row.num_frames,
            "start_ms": row.start_ms,
            "end_ms": row.end_ms,
            "fps_average": row.fps_average,
            "width": row.width,
            "height": row.height,
            "verdict": row.verdict,
            "num_chunks": counts.get(row.id, 0),
            "has_proxies": row.has_proxies,
        }
        for row in rows
    ]
