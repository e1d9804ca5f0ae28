"""Records of the workspace become records of a project, with a work item for each chunk that can be shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.errors import VideoError
from finegym.labelling.derive import make_position
from finegym.labelling.record_clock import read_record_clock
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.records import Chunk, Item, Record
from finegym.video.ingest import record as ingest_record
from finegym.video.ingest.chunks import read_chunks
from finegym.video.ingest.proxy import read_proxy_map
from finegym.workspace import Workspace


def add_records(
    session: Session, workspace: Workspace, project_id: str, names: Iterable[str], now_ms: int
) -> dict[str, str]:
    """Take records into a project; those that are there already are left as they are.

    Returns:
        Record name → what became of it: ``added``, ``there``, or why it was left out.
    """
    known = set(session.scalars(select(Record.name).where(Record.project_id == project_id)))
    last = session.scalar(select(func.max(Record.position)).where(Record.project_id == project_id))
    next_position = 0 if last is None else last + 1
    outcome = {}
    for name in names:
        if name in known:
            outcome[name] = "there"
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
        chunks = read_chunks(workspace.get_chunks_file(row.name))
        clock = read_record_clock(workspace, row.name, len(chunks), row.end_ms)
    except VideoError as error:
        return str(error)
    session.add(row)
    session.flush()
    num_hidden = 0
    for chunk in chunks:
        proxy = read_proxy_map(workspace.get_chunk_file(row.name, "proxy", chunk.number, ".npz"))
        if proxy is None:
            num_hidden += 1
            continue
        start, end = int(proxy.frames[0]), int(proxy.frames[-1]) + 1
        times = {"start_ms": clock.get_ms(start), "end_ms": clock.get_ms(end)}
        frames = {"start_frame": start, "end_frame": end}
        session.add(Chunk(record_id=row.id, number=chunk.number, **frames, **times))
        session.add(
            Item(
                id=make_id(),
                project_id=project_id,
                record_id=row.id,
                key=f"routines:{chunk.number}",
                stage="routines",
                chunk_number=chunk.number,
                state="open",
                priority=0,
                position=make_position(row, times["start_ms"]),
                assignees=[],
                round=1,
                created_at_ms=now_ms,
                **frames,
                **times,
            )
        )
    return "added" if not num_hidden else f"added; {num_hidden} of {len(chunks)} chunks cannot be shown"


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
