"""Cutting every sub-action of a dataset into a small video of its own.

Training on original records spends nearly all its time on decoding frames that nobody asked for. A cut clip is one
group of pictures of H.264 (a single key frame at its start), made for decoding: it is read from end to end anyway.

A clip's frame k is the record's frame ``first_frame + k``; ``clips.csv`` beside the clips keeps this and the record's
PTS of every frame, so that each frame of a clip can be found in its record.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from finegym.annotations.model import Dataset
from finegym.errors import ConfigError, OutputError, VideoError
from finegym.files import replace_file, write_text
from finegym.jobs import Tally, run_jobs
from finegym.video.index import FrameIndex
from finegym.video.pictures import compute_size
from finegym.video.reader import VideoReader

CLIPS_FILE = "clips.csv"
FAILED_FILE = "failed.csv"
# Rows of a run that goes on, or that was killed: a file a record, a line a clip, gathered into clips.csv at the end.
ROWS_FOLDER = ".rows"
# One group of pictures, B-frames in a fixed pattern and never referred to, no deblocking: cheap to decode whole.
X264_OPTIONS = {
    "preset": "fast",
    "tune": "fastdecode",
    "x264-params": "keyint=infinite:scenecut=0:bframes=3:b-adapt=0:b-pyramid=none",
}


@dataclass(frozen=True)
class ClipRow:
    """One row of ``clips.csv``: where a clip is, and which frames of which record it shows.

    Attributes:
        instance_id: the sub-action.
        path: the clip, relative to the folder of ``clips.csv``.
        record: the record's path as in ``records.csv``.
        record_bytes: size of the record when it was cut.
        start_ms: annotated start on the record's clock.
        end_ms: annotated end on the record's clock.
        missing_ms: how much of the annotated time lies past the record's last frame; 0 for nearly all.
        first_frame: the record's frame that is frame 0 of the clip.
        num_frames: of the clip.
        time_base: seconds in one unit of ``pts``, as a fraction.
        pts: the record's PTS of every frame.
        width: of the clip, in pixels.
        height: of the clip, in pixels.
        short_side: as asked for; a record that is smaller is not enlarged.
        crf: as asked for.
        size_bytes: of the clip's file.
        sha256: of the clip's file.
    """

    instance_id: str
    path: str
    record: str
    record_bytes: int
    start_ms: int
    end_ms: int
    missing_ms: int
    first_frame: int
    num_frames: int
    time_base: Fraction
    pts: tuple[int, ...]
    width: int
    height: int
    short_side: int
    crf: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class _Segment:
    instance_id: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class _Record:
    """The clips to be cut from one record."""

    video_id: str
    path: str
    segments: tuple[_Segment, ...]


def cut_clips(
    dataset: Dataset,
    folder: Path,
    out: Path | None = None,
    *,
    instance_ids: Collection[str] | None = None,
    short_side: int = 256,
    crf: int = 18,
    workers: int = 1,
    show_progress: bool = True,
) -> Tally[ClipRow]:
    """Cut every sub-action of a dataset into ``out/<instance_id>.mp4``, and list them in ``out/clips.csv``.

    Resumable: a clip that an earlier run has cut with the same settings from the same times is skipped. Every record is
    read once, from front to back. Clips are written whole or not at all, also when the run is killed. One run a folder
    at a time.

    Args:
        dataset: what to cut.
        folder: the dataset's folder; records' paths are relative to it.
        out: where the clips go; ``folder/clips`` by default.
        instance_ids: only these; ``None``: all.
        short_side: of the clips in pixels, even; smaller records keep their size.
        crf: x264's constant rate factor: 18 looks like the original, 23 is half the size.
        workers: processes; one record at a time each.
        show_progress: whether a bar is drawn on a terminal.

    Returns:
        The tally by instance id: rows of the clips cut now, those skipped because they were there, those that failed
        with the reason (also in ``out/failed.csv``).

    Raises:
        ConfigError: a setting is out of range, or an instance id is not in the dataset.
        OutputError: ``clips.csv`` cannot be written.
    """
    folder, out = Path(folder), Path(folder) / "clips" if out is None else Path(out)
    if short_side < 2 or short_side % 2:
        raise ConfigError(f"short_side must be even and positive (H.264 halves the chroma planes), got {short_side}")
    if not 0 <= crf <= 51:
        raise ConfigError(f"crf must lie in 0 to 51, got {crf}")
    kept = read_clips(out)
    if (out / ROWS_FOLDER).exists():
        # An earlier run was killed: take over what it finished, remove what it did not.
        kept |= dict(_read_pending(out))
        _write_tables(out, kept, {}, dataset)
        for path in out.glob(".*.mp4"):
            path.unlink()
    tally: Tally[ClipRow] = Tally()
    records = _plan(dataset, folder, out, instance_ids, kept, short_side, crf, tally)
    by_record = run_jobs(
        records,
        partial(_cut_record, folder=folder, out=out, short_side=short_side, crf=crf),
        key=lambda record: record.video_id,
        workers=workers,
        title="cutting clips, by record",
        show_progress=show_progress,
    )
    for record in records:
        if record.video_id in by_record.done:
            rows, reasons = by_record.done[record.video_id]
            tally.done |= {row.instance_id: row for row in rows}
            tally.failed |= reasons
        else:
            # The record stopped half-way (no space left): what it finished is in its row file.
            tally.failed |= {segment.instance_id: by_record.failed[record.video_id] for segment in record.segments}
    for instance_id, row in _read_pending(out):
        kept[instance_id] = row
        if tally.failed.pop(instance_id, None) is not None:
            tally.done[instance_id] = row
    kept |= tally.done
    _write_tables(out, kept, tally.failed, dataset)
    return tally


def read_clips(folder: Path) -> dict[str, ClipRow]:
    """The rows of ``folder/clips.csv`` by instance id; empty where there is no such file.

    Raises:
        VideoError: the file is damaged; the message names the line.
    """
    path = Path(folder) / CLIPS_FILE
    if not path.is_file():
        return {}
    rows: dict[str, ClipRow] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        if header != _COLUMNS:
            raise VideoError(f"{path}: expected the columns {','.join(_COLUMNS)}, got {','.join(header)!r}")
        for row in reader:
            parsed = _parse_row(row)
            if parsed is None:
                raise VideoError(f"{path}, line {reader.line_num}: is damaged. Delete the file to cut the clips again.")
            rows[parsed.instance_id] = parsed
    return rows


def _plan(
    dataset: Dataset,
    folder: Path,
    out: Path,
    instance_ids: Collection[str] | None,
    kept: Mapping[str, ClipRow],
    short_side: int,
    crf: int,
    tally: Tally[ClipRow],
) -> list[_Record]:
    """What is left to be cut, by record; what is there, and what no record shows, goes to the tally."""
    unknown = sorted(set(instance_ids or ()) - dataset.instances.keys())
    if unknown:
        raise ConfigError(f"{len(unknown)} instance ids are not in the dataset; first: {unknown[0]}")
    wanted = None if instance_ids is None else set(instance_ids)
    segments: dict[tuple[str, str], list[_Segment]] = {}
    sizes: dict[str, int] = {}
    for instance in dataset.instances.values():
        if wanted is not None and instance.id not in wanted:
            continue
        path = instance.video.path
        if path is None:
            tally.failed[instance.id] = f"record {instance.video.id} has no file in records.csv"
            continue
        if path not in sizes:
            sizes[path] = (folder / path).stat().st_size if (folder / path).is_file() else -1
        segment = _Segment(instance.id, instance.sub_action.start_ms, instance.sub_action.end_ms)
        row = kept.get(instance.id)
        if row is not None and _is_current(row, segment, path, sizes[path], out, short_side, crf):
            tally.skipped.append(instance.id)
        else:
            segments.setdefault((instance.video.id, path), []).append(segment)
    return [
        _Record(video_id, path, tuple(sorted(found, key=lambda segment: (segment.start_ms, segment.end_ms))))
        for (video_id, path), found in segments.items()
    ]


def _is_current(
    row: ClipRow, segment: _Segment, record: str, record_bytes: int, out: Path, short_side: int, crf: int
) -> bool:
    """Whether a clip is there and shows what would be cut now."""
    asked = (record, record_bytes, segment.start_ms, segment.end_ms, short_side, crf)
    made = (row.record, row.record_bytes, row.start_ms, row.end_ms, row.short_side, row.crf)
    path = out / row.path
    return made == asked and path.is_file() and path.stat().st_size == row.size_bytes


def _cut_record(
    record: _Record, *, folder: Path, out: Path, short_side: int, crf: int
) -> tuple[list[ClipRow], dict[str, str]]:
    """Cut the clips of one record in one pass; clips that cannot be cut, with the reason, are left out."""
    rows: list[ClipRow] = []
    try:
        reader = VideoReader(folder / record.path)
    except VideoError as error:
        return [], {segment.instance_id: str(error) for segment in record.segments}
    failed: dict[str, str] = {}
    with reader:
        for segment in record.segments:
            try:
                row = _cut_clip(reader, segment, record.path, out, short_side, crf)
            except VideoError as error:
                failed[segment.instance_id] = str(error)
                continue
            _append_pending(out, record.video_id, row)
            rows.append(row)
    return rows, failed


def _cut_clip(reader: VideoReader, segment: _Segment, record: str, out: Path, short_side: int, crf: int) -> ClipRow:
    index = reader.index
    frames = index.find_frames_between(segment.start_ms, segment.end_ms)
    height, width = _compute_clip_size(index, short_side)
    path = out / f"{segment.instance_id}.mp4"
    pts = index.pts[frames.start : frames.stop]
    with replace_file(path) as temporary:
        pictures = reader.iterate_frames(frames.start, frames.stop, size=(height, width))
        _encode(temporary, pictures, pts, index, (height, width), crf)
        data = temporary.read_bytes()
    return ClipRow(
        instance_id=segment.instance_id,
        path=path.name,
        record=record,
        record_bytes=index.size_bytes,
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
        missing_ms=max(0, round(segment.end_ms - index.end_ms)),
        first_frame=frames.start,
        num_frames=len(frames),
        time_base=index.time_base,
        pts=tuple(pts.tolist()),
        width=width,
        height=height,
        short_side=short_side,
        crf=crf,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _compute_clip_size(index: FrameIndex, short_side: int) -> tuple[int, int]:
    """(height, width), both even: H.264 halves the chroma planes."""
    height, width = compute_size(index.height, index.width, min(short_side, index.height, index.width))
    return max(2, height // 2 * 2), max(2, width // 2 * 2)


def _encode(
    path: Path, frames: Iterator[np.ndarray], pts: np.ndarray, index: FrameIndex, size: tuple[int, int], crf: int
) -> None:
    """Write frames as one group of pictures; their distances in time are those of the record."""
    with av.open(str(path), "w", format="mp4") as container:
        rate = Fraction(index.fps_average).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), **X264_OPTIONS})
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = index.time_base
        stream.codec_context.thread_count = 1  # the same bytes on every machine, and one process a core
        for picture, time in zip(frames, (pts - pts[0]).tolist(), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, index.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


# clips.csv and the rows that wait to be gathered into it.

_COLUMNS = [field.name for field in fields(ClipRow)]


def _format_row(row: ClipRow) -> str:
    values = {**asdict(row), "pts": " ".join(map(str, row.pts))}
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(values.values())
    return buffer.getvalue()


def _parse_row(values: list[str]) -> ClipRow | None:
    """A row, or ``None`` where it is not whole."""
    try:
        facts: dict[str, str] = dict(zip(_COLUMNS, values, strict=True))
        texts = {name: facts[name] for name in ("instance_id", "path", "record", "sha256")}
        pts = tuple(map(int, facts["pts"].split()))
        numbers = {name: int(facts[name]) for name in _COLUMNS if name not in {*texts, "pts", "time_base"}}
        row = ClipRow(**texts, **numbers, pts=pts, time_base=Fraction(facts["time_base"]))  # type: ignore[arg-type]
    except (ValueError, ZeroDivisionError):
        return None
    return row if len(row.sha256) == 64 and len(row.pts) == row.num_frames else None


def _append_pending(out: Path, video_id: str, row: ClipRow) -> None:
    path = out / ROWS_FOLDER / f"{video_id}.csv"
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(_format_row(row))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}. Free space, then run again.") from error


def _read_pending(out: Path) -> Iterator[tuple[str, ClipRow]]:
    """Rows that are not in ``clips.csv`` yet; a line that a killed run left unfinished does not count."""
    for path in sorted((out / ROWS_FOLDER).glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for values in csv.reader(file):
                row = _parse_row(values)
                if row is not None:
                    yield row.instance_id, row


def _write_tables(out: Path, kept: Mapping[str, ClipRow], failed: Mapping[str, str], dataset: Dataset) -> None:
    """Write clips.csv and failed.csv in the order of the dataset, then forget the waiting rows."""
    rows = [kept[instance_id] for instance_id in dataset.instances if instance_id in kept]
    write_text(out / CLIPS_FILE, ",".join(_COLUMNS) + "\n" + "".join(map(_format_row, rows)))
    if failed:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([("instance_id", "reason"), *failed.items()])
        write_text(out / FAILED_FILE, buffer.getvalue())
    else:
        (out / FAILED_FILE).unlink(missing_ok=True)
    for path in (out / ROWS_FOLDER).glob("*.csv"):
        path.unlink()
    if (out / ROWS_FOLDER).is_dir():
        (out / ROWS_FOLDER).rmdir()
