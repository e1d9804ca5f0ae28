"""What the annotation app's database gives to a release: accepted results, votes, codebooks, guidelines, history.

Nothing in it names a person: annotators become numbers when the release is built, and history counts by day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from finegym.labelling.adjudications import load_decisions
from finegym.labelling.offline import find_project, open_existing
from finegym.labelling.quality_source import load_units
from finegym.labelling.results import Results, make_results
from finegym.labelling.tables.adjudication import Comparison
from finegym.labelling.tables.projects import CodebookVersion as CodebookRow
from finegym.labelling.tables.projects import Guideline as GuidelineRow
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.work import Operation, Pass
from finegym.quality.units import Units
from finegym.release.source import (
    CodebookVersion,
    Decision,
    GuidelineVersion,
    HistoryEntry,
    MediaFile,
    ReleaseSource,
    Stage,
)
from finegym.workspace import DATABASE_NAME

_STAGES: tuple[Stage, ...] = ("routines", "sub-actions", "elements")


def is_workspace(folder: Path) -> bool:
    """Whether a folder holds the app's database."""
    return (Path(folder) / DATABASE_NAME).is_file()


def open_workspace_source(
    folder: Path, database_url: str | None = None, project: str | None = None, name: str | None = None
) -> ReleaseSource:
    """Read the accepted work of a project, and everything that led to it.

    Args:
        folder: the workspace.
        database_url: of PostgreSQL; the workspace's own file by default.
        project: name or id; not needed where there is one.
        name: of the dataset; the workspace's by default.

    Raises:
        LabellingError: there is no database, or not one project of that name.
    """
    with open_existing(folder, database_url) as database, database.read() as session:
        found = find_project(session, project)
        return load_release_source(session, found, name or folder.resolve().name)


def load_release_source(session: Session, project: Project, name: str) -> ReleaseSource:
    """The accepted work of a project as a source of releases."""
    results = make_results(session, project)
    records = list(session.scalars(select(Record).where(Record.project_id == project.id).order_by(Record.position)))
    return ReleaseSource(
        name=name,
        dataset=results.dataset,
        codebooks=tuple(_load_codebooks(session, project)),
        guidelines=tuple(_load_guidelines(session, project)),
        units=_load_units(session, project),
        decisions=tuple(_load_decisions(session, project)),
        history=tuple(_load_history(session, project)),
        media={record.name: MediaFile(record.sha256, None) for record in records},
        left_out=_list_left_out(session, project, results),
    )


def _load_codebooks(session: Session, project: Project) -> Iterator[CodebookVersion]:
    """Up to the one that the results are labelled with, which comes last."""
    rows = session.scalars(select(CodebookRow).where(CodebookRow.project_id == project.id).order_by(CodebookRow.number))
    for row in rows:
        yield CodebookVersion(row.number, row.version, row.yaml, _format_day(row.created_at_ms))


def _load_guidelines(session: Session, project: Project) -> Iterator[GuidelineVersion]:
    rows = session.scalars(
        select(GuidelineRow)
        .where(GuidelineRow.project_id == project.id)
        .order_by(GuidelineRow.key, GuidelineRow.version)
    )
    for row in rows:
        yield GuidelineVersion(row.key, row.version, row.title, row.text, _format_day(row.at_ms))


def _load_units(session: Session, project: Project) -> dict[Stage, Units]:
    """Votes of every stage in which anything was signed off."""
    found: dict[Stage, Units] = {}
    for stage in _STAGES:
        units = load_units(session, project, "action" if stage == "routines" else "sub-action", stage, is_named=False)
        if len(units):
            found[stage] = units
    return found


def _load_decisions(session: Session, project: Project) -> Iterator[Decision]:
    """Of every item whose comparison is decided, what stands of each unit and why."""
    rows = session.execute(
        select(Comparison, Item, Record.name)
        .join(Item, Item.id == Comparison.item_id)
        .join(Record, Record.id == Item.record_id)
        .where(Comparison.project_id == project.id, Comparison.state == "decided", Item.state == "accepted")
        .order_by(Record.position, Item.position, Item.id, Comparison.number)
    ).all()
    passes = session.execute(select(Pass.id, Pass.person_id).where(Pass.project_id == project.id))
    people = {row.id: row.person_id for row in passes}
    for comparison, item, record in rows:
        chosen = load_decisions(session, comparison.pass_id) if comparison.pass_id else {}
        for unit in comparison.units:
            yield _make_decision(unit, cast(Stage, item.stage), record, chosen.get(unit["id"]), people)


def _make_decision(
    unit: dict[str, Any], stage: Stage, record: str, decided: Operation | None, people: Mapping[str, str]
) -> Decision:
    choice = str(decided.payload["choice"]) if decided else "none" if unit["decision"] == "left out" else "agreed"
    return Decision(
        stage=stage,
        video_id=record,
        start_ms=unit["start_ms"],
        end_ms=unit["end_ms"],
        num_found=sum(vote["segment_id"] is not None for vote in unit["votes"]),
        num_asked=len(unit["votes"]),
        confidence=min(unit["presence"], unit["label_belief"]),
        doubts="; ".join(reason["text"] for reason in unit["reasons"]),
        choice="annotator" if choice in people else choice,
        annotator=people.get(choice),
        reason=(decided.reason or "") if decided else "",
    )


def _load_history(session: Session, project: Project) -> list[HistoryEntry]:
    """What happened, counted by day and kind, oldest first."""
    entries: list[HistoryEntry] = []
    for stage in _STAGES:
        passes = select(Pass.id).join(Item, Item.id == Pass.item_id).where(Item.stage == stage, Item.purpose == "work")
        of_stage = Pass.id.in_(passes), Pass.project_id == project.id
        signed = _count_days(session, Pass.signed_off_at_ms, *of_stage, Pass.kind == "annotation")
        accepted = _count_days(session, Pass.reviewed_at_ms, *of_stage, Pass.state == "accepted")
        entries += [HistoryEntry(day, "signed off", f"passes of stage {stage}", number) for day, number in signed]
        entries += [HistoryEntry(day, "accepted", f"passes of stage {stage}", number) for day, number in accepted]
    decided = _count_days(session, Comparison.decided_at_ms, Comparison.project_id == project.id)
    entries += [HistoryEntry(day, "adjudicated", "items on which people differed", number) for day, number in decided]
    codebooks = _load_codebooks(session, project)
    entries += [HistoryEntry(str(one.date), "codebook", f"version {one.version}", 1) for one in codebooks]
    pages = _count_days(session, GuidelineRow.at_ms, GuidelineRow.project_id == project.id)
    entries += [HistoryEntry(day, "guidelines", "pages written", number) for day, number in pages]
    return sorted(entries)


def _count_days(
    session: Session, column: InstrumentedAttribute[Any], *where: ColumnElement[bool]
) -> list[tuple[str, int]]:
    """(day, how many) of the times in a column."""
    times = session.scalars(select(column).where(column.is_not(None), *where))
    return sorted(Counter(map(_format_day, times)).items())


def _list_left_out(session: Session, project: Project, results: Results) -> dict[str, tuple[str, ...]]:
    """What the results lack: work that nobody has accepted yet, routines and labels that no format can hold."""
    open_items = session.scalars(
        select(Item.id)
        .where(Item.project_id == project.id, Item.purpose == "work", Item.state.in_(("open", "submitted")))
        .order_by(Item.stage, Item.position, Item.id)
    )
    reasons: dict[str, Iterable[str]] = {
        "work items that are not accepted yet": open_items,
        "routines without an event of the codebook": results.left_out,
        "labels that the codebook no longer has, written without their element": results.old_labels,
    }
    return {reason: found for reason, where in reasons.items() if (found := tuple(where))}


def _format_day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()
