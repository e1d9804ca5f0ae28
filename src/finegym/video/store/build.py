"""``finegym clips build`` as a straight line: what is wanted, what is there, what is left; cut it; pack it.

A finished clip waits in ``.pending`` until the shards are packed, so a run that was stopped, killed included, repeats
none of the clips that it finished. A build for changed annotations keeps the clips whose times, record and settings are
what they were, and encodes only the others.
"""

from __future__ import annotations

import csv
import fcntl
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from finegym.annotations.model import Dataset
from finegym.errors import ConfigError, OutputError, VideoError
from finegym.jobs import Engine, Tally, run_jobs
from finegym.video.store.cut import Record, cut_group, look_into, make_groups
from finegym.video.store.format import (
    INDEX_FILE,
    LOCK_FILE,
    PENDING_FOLDER,
    STORE_FILE,
    ClipFacts,
    StoreFacts,
    StoreSettings,
    Unit,
    make_key,
    parse_store,
)
from finegym.video.store.index import ClipIndex
from finegym.video.store.pack import list_shards, pack_shards
from finegym.video.store.tar import StoredClip, is_sound, scan_tar
from finegym.video.store.units import Segment, list_segments

DEFAULT_CRF, DEFAULT_JPEG_QUALITY = 19, 85


def make_settings(
    *,
    unit: Unit = "sub-action",
    snippet_ms: int = 2000,
    stride_ms: int = 1000,
    short_side: int = 256,
    fast: bool = False,
    crf: int | None = None,
    jpeg_quality: int | None = None,
) -> StoreSettings:
    """Settings with their defaults.

    Args:
        unit: what a clip is.
        snippet_ms: length of a snippet; ignored for other units.
        stride_ms: from one snippet's start to the next one's; ignored for other units.
        short_side: pixels of the shorter side.
        fast: JPEG rather than H.264.
        crf: of H.264.
        jpeg_quality: of JPEG.

    Raises:
        ConfigError: a value is out of range, or belongs to the other encoding.
    """
    if fast and crf is not None:
        raise ConfigError("crf belongs to H.264, and fast makes JPEGs: give jpeg_quality, or leave out fast")
    if not fast and jpeg_quality is not None:
        raise ConfigError("jpeg_quality belongs to JPEGs: give fast too, or crf for H.264")
    quality = jpeg_quality if fast else crf
    default = DEFAULT_JPEG_QUALITY if fast else DEFAULT_CRF
    is_snippet = unit == "snippet"
    try:
        return StoreSettings(
            unit=unit,
            snippet_ms=snippet_ms if is_snippet else 0,
            stride_ms=stride_ms if is_snippet else 0,
            encoding="jpeg" if fast else "mp4",
            quality=default if quality is None else quality,
            short_side=short_side,
        )
    except ValidationError as error:
        raise ConfigError(
            "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        ) from error


@dataclass(frozen=True)
class Build:
    """What a build came to.

    Attributes:
        tally: by instance id: facts of the clips that were cut now, those that were there, those that could not be cut.
        store: ``store.json``, as it is now.
        shortened: clips that reach past the last frame of their record.
    """

    tally: Tally[ClipFacts]
    store: StoreFacts
    shortened: tuple[str, ...]


def build_store(
    dataset: Dataset,
    folder: Path,
    out: Path,
    settings: StoreSettings,
    *,
    only: Collection[str] | None = None,
    shard_mb: int = 128,
    workers: int = 1,
    engine: Engine = "pool",
    verify: bool = False,
    replace: bool = False,
    show_progress: bool = True,
) -> Build:
    """Cut the clips of a dataset into a store.

    Args:
        dataset: what to cut.
        folder: the dataset's folder; records' paths are relative to it.
        out: folder of the store.
        settings: what a clip is and how it is encoded.
        only: cut only these; ``None``: all. Others that are there already stay.
        shard_mb: a shard is closed when it has reached this size, in 10^6 bytes.
        workers: processes; a few clips each at a time.
        engine: where they run; see ``run_jobs``.
        verify: check the bytes of clips that are there, and cut damaged ones anew.
        replace: whether a store of other settings may be replaced.
        show_progress: whether bars are drawn on a terminal.

    Returns:
        The tally. Failures are listed in ``skipped.csv`` too.

    Raises:
        ConfigError: an id of ``only`` is unknown, or the folder holds a store of other settings.
        AnnotationError: an id occurs twice.
        OutputError: the store cannot be written; what was cut waits for the next run.
    """
    out = Path(out)
    segments = list_segments(dataset, settings)
    _check_only(only, segments)
    with _lock(out):
        current = None if replace else _read_current(out, settings)
        tally: Tally[ClipFacts] = Tally()
        records = _look_into_records(segments, Path(folder), workers, engine, show_progress, tally)
        there = _find_clips(out, current, verify)
        left: dict[str, list[Segment]] = {}
        for segment in segments:
            if segment.path not in records or segment.path is None:
                continue
            clip = there.get(segment.instance_id)
            if clip is not None and _fits(clip.facts, segment, records[segment.path], settings):
                tally.skipped.append(segment.instance_id)
            elif only is None or segment.instance_id in only:
                left.setdefault(segment.path, []).append(segment)
        groups = [group for path, some in left.items() for group in make_groups(records[path], some)]
        by_group = run_jobs(
            groups,
            partial(cut_group, folder=Path(folder), out=out, settings=settings),
            key=lambda group: group.name,
            workers=workers,
            engine=engine,
            title="cutting clips, a few at a time",
            show_progress=show_progress,
        )
        for group in groups:
            if group.name in by_group.done:
                done, failed = by_group.done[group.name]
                tally.done |= {facts.instance_id: facts for facts in done}
                tally.failed |= failed
            else:
                tally.failed |= {segment.instance_id: by_group.failed[group.name] for segment in group.segments}
        clips = _gather(out, segments, there, tally)
        store = pack_shards(
            out,
            clips,
            settings=settings,
            skipped=_format_skipped(tally.failed, segments),
            num_skipped=len(tally.failed),
            shard_bytes=shard_mb * 1_000_000,
            known={} if current is None or verify else {shard.name: shard for shard in current.shards},
        )
    shortened = tuple(clip.facts.instance_id for clip in clips if clip.facts.missing_ms)
    return Build(tally, store, shortened)


def _check_only(only: Collection[str] | None, segments: Sequence[Segment]) -> None:
    unknown = sorted(set(only or ()) - {segment.instance_id for segment in segments})
    if unknown:
        raise ConfigError(
            f"{len(unknown)} ids to be cut are not in the dataset; first: {unknown[0]}. Correct the list."
        )


def _read_current(out: Path, settings: StoreSettings) -> StoreFacts | None:
    """The store as it is; ``None`` where there is none, or none that is finished."""
    path = out / STORE_FILE
    if not path.is_file():
        return None
    current = parse_store(path.read_bytes(), path)
    if current.settings != settings:
        raise ConfigError(
            f"{out}: holds {current.settings}; asked for {settings}. Choose another --out, or --replace it."
        )
    return current


@contextmanager
def _lock(out: Path) -> Iterator[None]:
    """One build a store at a time; the lock of a killed one is gone with it.

    The file stays for ever: who removed it while another had it open would let a third lock a new one.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = (out / LOCK_FILE).open("a")
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror}. Choose another folder.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(f"{out}: another build is at work there. Wait for it to end.") from error
        except OSError as error:
            raise OutputError(f"{out}: cannot be locked: {error.strerror}. Build on another file system.") from error
        yield


def _look_into_records(
    segments: Sequence[Segment],
    folder: Path,
    workers: int,
    engine: Engine,
    show_progress: bool,
    tally: Tally[ClipFacts],
) -> Mapping[str, Record]:
    """The records that can be read, by path; clips of the others are failed."""
    paths = list(dict.fromkeys(segment.path for segment in segments if segment.path is not None))
    records = run_jobs(
        paths,
        partial(look_into, folder=folder),
        key=str,
        workers=workers,
        engine=engine,
        title="looking into records",
        show_progress=show_progress,
    )
    for segment in segments:
        if segment.path is None:
            tally.failed[segment.instance_id] = f"record {segment.video_id} has no file in records.csv"
        elif segment.path in records.failed:
            tally.failed[segment.instance_id] = records.failed[segment.path]
    return records.done


def _find_clips(out: Path, current: StoreFacts | None, verify: bool) -> dict[str, StoredClip]:
    """Every whole clip in the folder: in finished shards, in shards that were being packed, and waiting."""
    found: list[StoredClip] = []
    indexed = current and _read_index(out, current)
    if indexed:
        found += indexed
    else:
        found += [clip for path in list_shards(out) for clip in scan_tar(path)]
    pending = out / PENDING_FOLDER
    found += [clip for staging in pending.glob("shards-*") for path in list_shards(staging) for clip in scan_tar(path)]
    found += [
        clip for path in sorted(pending.glob("*.tar")) if not path.name.startswith(".") for clip in scan_tar(path)
    ]
    if verify:
        found = [clip for clip in found if _is_whole(clip)]
    return {clip.facts.instance_id: clip for clip in found}


def _read_index(out: Path, current: StoreFacts) -> list[StoredClip] | None:
    """The clips as the index tells, where index and shards look as they were written."""
    try:
        if any((out / shard.name).stat().st_size != shard.size_bytes for shard in current.shards):
            return None
        index = ClipIndex((out / INDEX_FILE).read_bytes(), current.settings, out / INDEX_FILE)
    except (OSError, VideoError):
        return None
    clips = [index.get(row) for row in range(len(index))]
    return [clip.move(out / clip.path, clip.offset) for clip in clips]


def _is_whole(clip: StoredClip) -> bool:
    with clip.path.open("rb") as file:
        file.seek(clip.offset)
        return is_sound(clip, file.read(clip.length))


def _fits(facts: ClipFacts, segment: Segment, record: Record, settings: StoreSettings) -> bool:
    """Whether a clip shows what would be cut now."""
    made = (facts.record, facts.record_bytes, facts.record_fingerprint, facts.start_ms, facts.end_ms, facts.settings)
    return made == (record.path, record.size_bytes, record.fingerprint, segment.start_ms, segment.end_ms, settings)


def _gather(
    out: Path, segments: Sequence[Segment], there: Mapping[str, StoredClip], tally: Tally[ClipFacts]
) -> list[StoredClip]:
    """The clips that the store is to hold, in the order of the dataset."""
    kept = {instance_id: there[instance_id] for instance_id in tally.skipped}
    clips = []
    for segment in segments:
        if segment.instance_id in tally.done:
            clips += list(scan_tar(out / PENDING_FOLDER / f"{make_key(segment.instance_id)}.tar"))
        elif segment.instance_id in kept:
            clips.append(kept[segment.instance_id])
    return clips


def _format_skipped(failed: Mapping[str, str], segments: Sequence[Segment]) -> str:
    if not failed:
        return ""
    buffer = io.StringIO()
    rows = [(segment.instance_id, failed[segment.instance_id]) for segment in segments if segment.instance_id in failed]
    csv.writer(buffer, lineterminator="\n").writerows([("instance_id", "reason"), *rows])
    return buffer.getvalue()
