"""A model's detections as ghosts, which annotators confirm, change or reject one by one.

The file is ActivityNet's detection JSON, as ``finegym localize`` writes it. For stage ``routines`` its videos are
records and times count from the record's zero; for stage ``sub-actions`` its videos are actions (``RECORD_E_…``) with
times from the action's start, or records as well.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.codebook.model import Codebook
from finegym.labelling.access import Caller, get_project, write_log
from finegym.labelling.clock import format_time
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.loading import read_clock_of
from finegym.labelling.record_clock import RecordClock
from finegym.labelling.refusals import invalid_field, not_found
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.projects import Suggestion, SuggestionBatch
from finegym.labelling.tables.records import Record
from finegym.labelling.values import check_json, check_text
from finegym.workspace import Workspace

MAX_SUGGESTIONS = 200_000
_ACTION_ID = re.compile(r"(?P<record>.+)_E_(?P<start>\d{6})_\d{6}")
NO_LABEL, OUTSIDE = "their label is not in the codebook", "they lie outside of their record"
_LEVEL = {"routines": "action", "sub-actions": "sub-action"}


@dataclass(frozen=True)
class Found:
    """What a model found: a stretch in ms on the record's clock; see ``Suggestion`` for the rest."""

    start_ms: float
    end_ms: float
    label: str | None
    score: float
    doubts: tuple[str, ...] = ()


def load_suggestions_file(
    session: Session,
    workspace: Workspace,
    caller: Caller,
    project_id: str,
    content: bytes,
    *,
    name: str,
    model: str,
    stage: str,
    least_score: float,
) -> tuple[SuggestionBatch, int, Counter[str]]:
    """Store the detections of a file as suggestions.

    Returns:
        Where they come from; how many there are; how many were left out, by reason.

    Raises:
        Refusal: the file is not of the format.
    """
    project = get_project(session, project_id)
    codebook, _ = get_codebook(session, project)
    data = _parse(content)
    sha256, provenance = hashlib.sha256(content).hexdigest(), _get_provenance(data)
    batch = add_batch(
        session, caller, project_id, name=name, model=model, stage=stage, sha256=sha256, provenance=provenance
    )
    left_out: Counter[str] = Counter()
    rows = list(_place(session, workspace, project_id, codebook, data, batch, least_score, left_out))
    if len(rows) > MAX_SUGGESTIONS:
        raise invalid_field("min_score", f"{len(rows)} suggestions are too many; raise min_score", least_score)
    session.add_all(rows)
    text = f"{caller.name} loaded {len(rows)} suggestions of {model or name}."
    write_log(session, caller.now_ms, "suggestions", text, project_id=project_id, person_id=caller.person_id)
    return batch, len(rows), left_out


def add_batch(
    session: Session,
    caller: Caller,
    project_id: str,
    *,
    name: str,
    model: str,
    stage: str,
    sha256: str,
    provenance: dict[str, Any],
) -> SuggestionBatch:
    """Where suggestions of one stage come from; they point at it."""
    batch = SuggestionBatch(
        id=make_id(),
        project_id=project_id,
        name=name,
        model=model,
        stage=stage,
        sha256=sha256,
        provenance=provenance,
        author_id=caller.person_id,
        at_ms=caller.now_ms,
    )
    session.add(batch)
    session.flush()
    return batch


def list_labels(codebook: Codebook, stage: str) -> set[str]:
    """What suggestions of a stage may be called."""
    return set(codebook.event_by_id) if stage == "routines" else {*codebook.set_by_id, *codebook.element_by_id}


def place_found(found: Found, record: Record, clock: RecordClock, batch: SuggestionBatch) -> Suggestion | None:
    """What was found as a ghost on frames of its record; ``None`` where it lies outside of it."""
    start, end = clock.find_frame(found.start_ms), clock.find_frame(found.end_ms)
    end = max(end, start + 1)
    if not clock.is_shown(start) or not clock.is_shown(end - 1):
        return None
    return Suggestion(
        id=make_id(),
        batch_id=batch.id,
        record_id=record.id,
        level=_LEVEL[batch.stage],
        start_frame=start,
        end_frame=end,
        start_ms=clock.get_ms(start),
        end_ms=clock.get_ms(end),
        label=found.label and found.label[:200],
        score=found.score,
        doubts=list(found.doubts),
        is_kept=True,
    )


def _parse(content: bytes) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:  # RecursionError: brackets in brackets, thousands deep
        raise invalid_field("body", f"expected ActivityNet detection JSON: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("results"), dict):
        raise invalid_field("body", 'expected an object with "results", a list of detections by video')
    return data


def _get_provenance(data: dict[str, Any]) -> dict[str, Any]:
    """What the file says of itself, short."""
    known: dict[str, Any] = {key: data[key] for key in ("version", "external_data") if key in data}
    try:
        return check_json(known)
    except ValueError:  # long, or with what no database holds
        return {"version": ascii(data.get("version"))[:200]}


def _iterate(data: dict[str, Any]) -> Iterator[tuple[str, Found]]:
    """Each video's id with what was found in it, on the video's own clock."""
    for video, detections in data["results"].items():
        if not isinstance(detections, list):
            raise invalid_field(f"results.{video}"[:200], "expected a list of detections")
        for number, one in enumerate(detections):
            try:
                start, end = (float(time) for time in one["segment"])
                label, score = check_text(str(one["label"])), float(one["score"])
                if not (end > start and all(map(math.isfinite, (start, end, score)))):
                    raise ValueError("its end must exceed its start, and all numbers be finite")
                yield video, Found(1000 * start, 1000 * end, label, score)
            except (KeyError, TypeError, ValueError) as error:
                where = f"results.{video}.{number}"[:200]
                reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
                raise invalid_field(where, f"expected label, score, segment: {reason}"[:300]) from error


def _place(
    session: Session,
    workspace: Workspace,
    project_id: str,
    codebook: Codebook,
    data: dict[str, Any],
    batch: SuggestionBatch,
    least_score: float,
    left_out: Counter[str],
) -> Iterator[Suggestion]:
    records = {row.name: row for row in session.scalars(select(Record).where(Record.project_id == project_id))}
    actions = _find_actions(session, project_id)
    clocks: dict[str, RecordClock] = {}
    known = list_labels(codebook, batch.stage)
    for video, found in _iterate(data):
        record, offset_ms = _find_record(video, records, actions)
        if record is None:
            left_out["their video is no record or accepted action of this project"] += 1
        elif found.label not in known:
            left_out[NO_LABEL] += 1
        elif found.score < least_score:
            left_out[f"their score is below {least_score:g}"] += 1
        else:
            clock = clocks.setdefault(record.id, read_clock_of(workspace, record))
            moved = replace(found, start_ms=offset_ms + found.start_ms, end_ms=offset_ms + found.end_ms)
            ghost = place_found(moved, record, clock, batch)
            if ghost is None:
                left_out[OUTSIDE] += 1
            else:
                yield ghost


def _find_actions(session: Session, project_id: str) -> dict[str, int]:
    """Start on the record's clock of every accepted action, by the action's id as exports name it."""
    from finegym.labelling.results import list_accepted_actions

    return {id_: state.start_ms for id_, state in list_accepted_actions(session, project_id)}


def _find_record(video: str, records: dict[str, Record], actions: dict[str, int]) -> tuple[Record | None, int]:
    if video in records:
        return records[video], 0
    match = _ACTION_ID.fullmatch(video)
    if match and video in actions and match["record"] in records:
        return records[match["record"]], actions[video]
    return None, 0


def describe_batches(session: Session, project_id: str) -> list[dict[str, Any]]:
    """What was loaded, and how many suggestions each has."""
    rows = session.execute(
        select(SuggestionBatch, func.count(Suggestion.id))
        .outerjoin(Suggestion, Suggestion.batch_id == SuggestionBatch.id)
        .where(SuggestionBatch.project_id == project_id)
        .group_by(SuggestionBatch.id)
        .order_by(SuggestionBatch.at_ms)
    )
    return [
        {
            "id": row.id,
            "name": row.name,
            "model": row.model,
            "stage": row.stage,
            "sha256": row.sha256,
            "provenance": row.provenance,
            "at": format_time(row.at_ms),
            "withdrawn_at": format_time(row.withdrawn_at_ms),
            "num_suggestions": number,
        }
        for row, number in rows
    ]


def withdraw_batch(session: Session, project_id: str, batch_id: str, now_ms: int) -> None:
    """Show a file's suggestions no more; what annotators made of them stays."""
    row = session.get(SuggestionBatch, batch_id)
    if row is None or row.project_id != project_id:
        raise not_found("suggestions")
    row.withdrawn_at_ms = row.withdrawn_at_ms or now_ms
