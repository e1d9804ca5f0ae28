"""From named files to a workspace of records: which are to be done, done, kept, moved, lost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from finegym.annotations.text import format_count
from finegym.errors import VideoError
from finegym.files import check_writable
from finegym.jobs import Engine, Tally, run_jobs
from finegym.video.ingest.item import Growing, ingest_record, is_current
from finegym.video.ingest.probe import read_file_facts
from finegym.video.ingest.record import Record, Settings, read_record, write_record
from finegym.video.ingest.rules import Rules, judge
from finegym.video.ingest.sources import Source, Sources, find_sources
from finegym.workspace import Workspace, make_absolute

# Files younger than this are looked at twice before they are read, so far apart.
FRESH_S = 30.0
SHORT_LOOK_S = 0.5


@dataclass
class Run:
    """What became of everything that one run was given.

    Attributes:
        sources: what was found.
        done: ids of the records ingested now.
        kept: ids of those that an earlier run had finished.
        judged_anew: ids of kept records whose verdict other rules have changed.
        changed: ids of records done now whose file holds other content than the one of an earlier run.
        moved: record id → where its file was before.
        growing: path → how it shows that the file is still being written; left for the next run.
        failed: place (path, or table and line) → why it cannot be taken.
        lost: record id → file that is gone; in the workspace from earlier runs.
    """

    sources: Sources
    done: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    judged_anew: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    growing: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        others = {"moved": self.moved, "still being written": self.growing, "lost": self.lost}
        parts = [f"done {len(self.done)}", f"kept {len(self.kept)}", f"failed {len(self.failed)}"]
        return ", ".join(parts + [f"{name} {len(found)}" for name, found in others.items() if found])


def ingest(
    paths: Sequence[Path],
    workspace: Workspace,
    *,
    rules: Rules,
    settings: Settings,
    routines: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    workers: int = 1,
    engine: Engine = "pool",
    show_progress: bool = True,
) -> Run:
    """Take files, folders and tables into a workspace; finished records are kept, the rest is done.

    Args:
        paths: see ``find_sources``.
        workspace: where it goes; made where it does not exist.
        rules: decide the verdicts, those of kept records included.
        settings: what to make of each record.
        routines: ``(start_ms, end_ms)`` by record id, where they are known: no chunk ends inside of one.
        workers: processes; one record at a time each.
        engine: ``pool`` on this machine, or ``ray``.
        show_progress: whether a bar is drawn on a terminal.

    Raises:
        VideoError: paths are named and hold nothing to be taken.
        OutputError: media are to be copied and ``records/`` cannot be written.
    """
    known = read_records(workspace)
    taken = {record_id: workspace.find_path(record.source.path) for record_id, record in known.items()}
    sources = find_sources(paths, ignored=_list_own_paths(workspace), taken=taken)
    _check_found(paths, sources)
    if settings.copy_media:
        check_writable(workspace.records)
    run = Run(sources, failed=dict(sources.problems))
    for source in sources.found:
        _follow_move(source, known.get(source.record_id), workspace, run)
        _follow_table(source, workspace)
    run.growing = _find_growing(sources.found)
    steady = [
        replace(source, routines=tuple((routines or {}).get(source.record_id, ())))
        for source in sources.found
        if str(source.path) not in run.growing
    ]
    tally: Tally[Record | Growing] = run_jobs(
        steady,
        partial(ingest_record, workspace=workspace, rules=rules, settings=settings),
        key=lambda source: str(source.path),
        is_done=partial(is_current, workspace=workspace, rules=rules, settings=settings),
        workers=workers,
        engine=engine,
        title="ingesting, by record",
        show_progress=show_progress,
    )
    run.failed |= tally.failed
    for path, result in tally.done.items():
        if isinstance(result, Growing):
            run.growing[path] = result.reason
        else:
            run.done.append(result.record_id)
            before = known.get(result.record_id)
            if before is not None and before.source.sha256 != result.source.sha256:
                run.changed.append(result.record_id)
    ids = {str(source.path): source.record_id for source in steady}
    run.kept = [ids[path] for path in tally.skipped]
    _judge_anew(workspace, rules, run)
    run.lost = dict(_find_lost(workspace))
    return run


def read_records(workspace: Workspace) -> dict[str, Record]:
    """All finished records of a workspace by id, sorted."""
    found = (
        (record_id, read_record(workspace.get_record_file(record_id))) for record_id in workspace.list_record_ids()
    )
    return {record_id: record for record_id, record in found if record is not None}


def _check_found(paths: Sequence[Path], sources: Sources) -> None:
    """An empty folder is a mistake; rows and files that cannot be taken are told one by one."""
    if not paths or sources.found or sources.problems or sources.absent:
        return
    others = sources.other_files
    seen = f" ({format_count(len(others), 'other file')}, such as {others[0].name})" if others else ""
    raise VideoError(f"{', '.join(map(str, paths))}: no videos there{seen}. Name videos, or folders that hold some.")


def _list_own_paths(workspace: Workspace) -> list[Path]:
    """What lies in the workspace because ingest put it there."""
    made = []
    for note in workspace.ingest.glob("*/made.txt"):
        made += [make_absolute(workspace.find_path(name)) for name in note.read_text(encoding="utf-8").splitlines()]
    return [make_absolute(workspace.ingest), make_absolute(workspace.clips), *made]


def _follow_move(source: Source, record: Record | None, workspace: Workspace, run: Run) -> None:
    """Where a record's file has only moved, write down its new place."""
    if record is None or record.source.path == workspace.store_path(source.path):
        return
    old = workspace.find_path(record.source.path)
    try:
        if old.exists() or source.path.stat().st_size != record.source.size_bytes:
            return
        facts = read_file_facts(source.path, workspace.store_path(source.path))
    except (OSError, VideoError):
        return  # whatever is wrong with it is told when it is ingested
    if facts.sha256 != record.source.sha256:
        return
    media = facts if record.media_is == "source" else record.media
    moved = record.model_copy(update={"source": facts, "media": media})
    write_record(workspace.get_record_file(record.record_id), moved)
    run.moved[record.record_id] = str(old)


def _follow_table(source: Source, workspace: Workspace) -> None:
    """Take over what a table says now; only another ``duration_s`` needs another look at the record."""
    place = workspace.get_record_file(source.record_id)
    record = read_record(place)
    if record is not None and record.source.path == workspace.store_path(source.path):
        metadata = dict(source.metadata)
        if record.metadata != metadata and record.metadata.get("duration_s") == metadata.get("duration_s"):
            write_record(place, record.model_copy(update={"metadata": metadata}))


def _find_growing(sources: Sequence[Source]) -> dict[str, str]:
    """Files that change within a short look; one look for all of them."""
    now = time.time()
    fresh = {}
    for source in sources:
        stamp = _read_stamp(source.path)
        if stamp is not None and abs(now - stamp[1]) < FRESH_S:
            fresh[source.path] = stamp
    if not fresh:
        return {}
    time.sleep(SHORT_LOOK_S)
    return {str(path): "it grows" for path, stamp in fresh.items() if _read_stamp(path) != stamp}


def _read_stamp(path: Path) -> tuple[int, float] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime


def _judge_anew(workspace: Workspace, rules: Rules, run: Run) -> None:
    """Apply the rules to records that were judged by others; looking at them again is not needed for that."""
    for record_id, record in read_records(workspace).items():
        if record.rules_sha256 == rules.sha256:
            continue
        reasons = judge(record.probe, record.damage, rules)
        verdict = "disqualified" if reasons else "accepted"
        if verdict != record.verdict:
            run.judged_anew.append(record_id)
        update = {"reasons": reasons, "verdict": verdict, "rules_sha256": rules.sha256}
        write_record(workspace.get_record_file(record_id), record.model_copy(update=update))


def _find_lost(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Records whose file is gone."""
    for record_id, record in read_records(workspace).items():
        source, media = workspace.find_path(record.source.path), workspace.find_path(record.media.path)
        if not source.exists():
            kept = f" (its {record.media_is} {media} is there)" if media != source and media.exists() else ""
            yield record_id, f"{source}{kept}"
