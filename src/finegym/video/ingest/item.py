"""Everything about one record, from its file to its ``record.json``."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import av.error

from finegym.errors import FineGymError, OutputError, VideoError
from finegym.files import remove_stale, replace_file, write_text
from finegym.video.index import FrameIndex
from finegym.video.index_cache import read_index
from finegym.video.ingest.chunks import Chunk
from finegym.video.ingest.completeness import check_clock
from finegym.video.ingest.packet_pass import read_packets
from finegym.video.ingest.pictures import look_at_pictures
from finegym.video.ingest.probe import probe_media, read_file_facts
from finegym.video.ingest.record import Damage, FileFacts, Record, Settings, read_record, write_record
from finegym.video.ingest.remux import is_remuxed, remux
from finegym.video.ingest.rules import Rules, judge
from finegym.video.ingest.sources import Source
from finegym.video.ingest.work_items import has_same_chunks, write_views, write_work_items
from finegym.workspace import Workspace, make_absolute

MAX_HOURS = 48


@dataclass(frozen=True)
class Growing:
    """A file that changed while it was read: left for the next run."""

    reason: str


@dataclass(frozen=True)
class _Media:
    """The file to be read from now on."""

    path: Path
    kind: str  # "source", "copy" or "remux"
    damage: tuple[Damage, ...] = ()
    left_out: tuple[str, ...] = ()


def ingest_record(source: Source, *, workspace: Workspace, rules: Rules, settings: Settings) -> Record | Growing:
    """Look at one file and write everything about it into the workspace, ``record.json`` last.

    Raises:
        VideoError: the file cannot be read, or is no video.
        OutputError: the workspace cannot be written.
    """
    place = workspace.get_record_file(source.record_id)
    before = _read_stamp(source.path)
    try:
        remove_stale(place.parent)
        place.unlink(missing_ok=True)  # until it is written again, the record is not done
        record = _make_record(source, workspace, rules, settings)
    except (FineGymError, av.error.FFmpegError, OSError) as error:
        if _read_stamp(source.path) != before:
            return Growing("it changed while it was read")
        if isinstance(error, FineGymError):
            raise
        if isinstance(error, av.error.FFmpegError):
            raise VideoError(f"{source.path}: cannot be read: {error.strerror}") from error
        where = error.filename or workspace.folder
        raise OutputError(f"{where}: cannot be written: {error.strerror}. Free space, then run again.") from error
    if _read_stamp(source.path) != before:
        return Growing("it changed while it was read")
    write_record(place, record)
    return record


def is_current(source: Source, *, workspace: Workspace, rules: Rules, settings: Settings) -> bool:
    """Whether an earlier run has finished a record, with the same file, promise and settings or better ones.

    A file counts as the same while its size and modification time are; that goes for the media made from it too.
    """
    record = read_record(workspace.get_record_file(source.record_id))
    if record is None or record.metadata.get("duration_s") != source.metadata.get("duration_s"):
        return False
    if record.source.path != workspace.store_path(source.path):
        return False
    if not is_unchanged(record.source, workspace) or not is_unchanged(record.media, workspace):
        return False
    made, asked = record.settings, settings
    if made.copy_media != asked.copy_media or (made.is_quick and not asked.is_quick):
        return False
    if asked.is_quick:
        return True
    wants_proxies = asked.proxies and not judge(record.probe, record.damage, rules)
    return has_same_chunks(record, source, workspace, asked) and (record.has_proxies or not wants_proxies)


def is_unchanged(facts: FileFacts, workspace: Workspace) -> bool:
    """Whether a file is there with the size and modification time noted."""
    return _read_stamp(workspace.find_path(facts.path)) == (facts.size_bytes, facts.mtime_ns)


def _read_stamp(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


def _make_record(source: Source, workspace: Workspace, rules: Rules, settings: Settings) -> Record:
    source_facts = read_file_facts(source.path, workspace.store_path(source.path))
    media = _place_media(source, workspace, settings)
    media_facts = source_facts
    if media.kind != "source":
        media_facts = read_file_facts(media.path, workspace.store_path(media.path))
    index = read_index(media.path)
    _check_span(index, source.path)
    packets = read_packets(media.path)
    probe = probe_media(source.path, media.path, index, packets, media.left_out)
    damage = [*media.damage, *check_clock(index, packets, source.metadata)]
    notes = [packets.stop] if packets.stop else []
    pictures = None
    if not settings.is_quick:
        pictures = look_at_pictures(source.record_id, media.path, media_facts.sha256, index, workspace)
        hints = [found for found in damage if found.kind == "frozen_hint"]
        damage = [found for found in damage if found.kind != "frozen_hint"] + [*pictures.damage]
        notes += [*pictures.notes, *_describe_refuted(hints, damage)]
    damage.sort(key=lambda found: (found.start_ms, found.end_ms, found.kind))
    reasons = judge(probe, damage, rules)
    chunks: tuple[Chunk, ...] = ()
    has_proxies = False
    if not settings.is_quick:
        chunks = write_work_items(source, index, workspace, settings)
        has_proxies = settings.proxies and not reasons
    if has_proxies:
        notes += write_views(source.record_id, media.path, media_facts.sha256, chunks, workspace)
    return Record(
        record_id=source.record_id,
        source=source_facts,
        media=media_facts,
        media_is=media.kind,
        metadata=dict(source.metadata),
        settings=settings,
        probe=probe,
        damage=tuple(damage),
        notes=tuple(notes),
        verdict="disqualified" if reasons else "accepted",
        reasons=reasons,
        rules_sha256=rules.sha256,
        num_chunks=len(chunks),
        has_proxies=has_proxies,
        num_cuts=pictures.num_cuts if pictures else None,
        num_replays=pictures.num_replays if pictures else None,
    )


def _check_span(index: FrameIndex, path: Path) -> None:
    """Refuse a clock that runs over days: a damaged time stamp, and all that looks second by second would never end."""
    hours = float(index.pts_ms[-1] - index.pts_ms[0]) / 3_600_000 if index.num_frames else 0.0
    if hours > MAX_HOURS:
        raise VideoError(
            f"{path}: its {index.num_frames} frames span {hours:,.0f} hours, at most {MAX_HOURS} are taken: a time "
            "stamp is damaged. Fetch it again, or cut it before the jump."
        )


def _place_media(source: Source, workspace: Workspace, settings: Settings) -> _Media:
    """The file that is read from now on: the source, its copy, or the MP4 remuxed from it."""
    if is_remuxed(source.path):
        target = _claim(source, ".mp4", workspace)
        made = remux(source.path, target)
        return _Media(target, "remux", made.damage, made.streams_left_out)
    if settings.copy_media and not make_absolute(source.path).is_relative_to(make_absolute(workspace.records)):
        target = _claim(source, source.path.suffix, workspace)
        with replace_file(target) as temporary:
            shutil.copyfile(source.path, temporary)
        return _Media(target, "copy")
    return _Media(source.path, "source")


def _claim(source: Source, suffix: str, workspace: Workspace) -> Path:
    """A name in ``records/`` that holds nothing of the user's; noted before it is written."""
    target = workspace.records / f"{source.record_id}{suffix}"
    remove_stale(workspace.records, target.name)
    note = workspace.get_made_file(source.record_id)
    name = workspace.store_path(target)
    claimed = note.read_text(encoding="utf-8").split("\n") if note.is_file() else []
    if name not in claimed:
        if target.exists():
            raise OutputError(f"{target}: is in the way of what is made from {source.path}. Move it, then run again.")
        write_text(note, "\n".join([*filter(None, claimed), name]) + "\n")
    return target


def _describe_refuted(hints: list[Damage], damage: list[Damage]) -> list[str]:
    """Hints at standing pictures that the pictures did not confirm."""
    still = [found for found in damage if found.kind in ("frozen", "black")]
    refuted = [hint for hint in hints if not any(s.start_ms < hint.end_ms and hint.start_ms < s.end_ms for s in still)]
    return [f"{len(refuted)} stretches of tiny packets show moving pictures"] if refuted else []
