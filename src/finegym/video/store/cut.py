"""Cutting clips out of one record: one sorted pass, and every finished clip is kept at once."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from finegym.errors import OutputError, VideoError
from finegym.files import hash_samples, replace_file
from finegym.video.index import FrameIndex
from finegym.video.pictures import Colours, compute_size
from finegym.video.reader import VideoReader
from finegym.video.store.encode import EncodedClip, Encoder, JpegEncoder, Mp4Encoder
from finegym.video.store.format import PENDING_FOLDER, ClipFacts, StoreSettings, make_key
from finegym.video.store.tar import format_run
from finegym.video.store.units import Segment

GROUP_CLIPS, GROUP_MS = 16, 60_000
PORTION_FRAMES = 64  # frames of a clip in memory at a time: a whole action is minutes long


@dataclass(frozen=True)
class Record:
    """A record as it is now.

    Attributes:
        path: relative to the dataset's folder.
        size_bytes: of the file.
        fingerprint: of its content; see ``hash_samples``.
    """

    path: str
    size_bytes: int
    fingerprint: str


@dataclass(frozen=True)
class Group:
    """Clips of one record that are cut in one pass: sorted by time, few enough that all cores have work.

    Attributes:
        record: what they are cut from.
        segments: the clips.
    """

    record: Record
    segments: tuple[Segment, ...]

    @property
    def name(self) -> str:
        return f"{self.record.path} {self.segments[0].instance_id}"


def make_groups(record: Record, segments: Sequence[Segment]) -> list[Group]:
    """Groups of at most ``GROUP_CLIPS`` clips and about ``GROUP_MS``."""
    groups: list[Group] = []
    waiting: list[Segment] = []
    for segment in sorted(segments, key=lambda segment: (segment.start_ms, segment.end_ms, segment.instance_id)):
        length = sum(other.end_ms - other.start_ms for other in waiting)
        if waiting and (len(waiting) == GROUP_CLIPS or length >= GROUP_MS):
            groups.append(Group(record, tuple(waiting)))
            waiting = []
        waiting.append(segment)
    return [*groups, Group(record, tuple(waiting))] if waiting else groups


def look_into(path: str, *, folder: Path) -> Record:
    """Check that a record can be read, and make its frame index (which is kept, see ``index_cache``).

    Raises:
        VideoError: it cannot; the message says why.
    """
    with VideoReader(folder / path) as reader:
        return Record(path, reader.index.size_bytes, hash_samples(folder / path))


def cut_group(
    group: Group, *, folder: Path, out: Path, settings: StoreSettings
) -> tuple[list[ClipFacts], dict[str, str]]:
    """Cut clips into ``out/.pending/<key>.tar``, each whole or not at all.

    Returns:
        The clips that are there now, and those that could not be cut, with the reason.

    Raises:
        VideoError: the record cannot be read at all, or is another one than was looked into.
    """
    check_unchanged(group.record, folder)
    done: list[ClipFacts] = []
    failed: dict[str, str] = {}
    with VideoReader(folder / group.record.path) as reader:
        left = []
        for segment in group.segments:
            try:
                left.append((segment, reader.index.find_frames_between(segment.start_ms, segment.end_ms)))
            except VideoError as error:
                failed[segment.instance_id] = str(error)
        with suppress(VideoError):
            for facts, written in _cut(reader, left, group.record, settings, out, failed):
                done += [facts] if written else []
        finished = {facts.instance_id for facts in done} | failed.keys()
        # A frame did not decode: the clips that do not show it are cut one by one.
        for segment, frames in left:
            if segment.instance_id not in finished:
                try:
                    done += [
                        f for f, ok in _cut(reader, [(segment, frames)], group.record, settings, out, failed) if ok
                    ]
                except VideoError as error:
                    failed[segment.instance_id] = str(error)
    try:
        check_unchanged(group.record, folder)
    except VideoError:
        for facts in done:
            (out / PENDING_FOLDER / f"{make_key(facts.instance_id)}.tar").unlink()
        raise
    return done, failed


def check_unchanged(record: Record, folder: Path) -> None:
    """Clips say which record they show; one that is being replaced would be filed as what it was."""
    try:
        fingerprint = hash_samples(folder / record.path)
    except OSError as error:
        raise VideoError(
            f"{folder / record.path}: went away while it was being cut: {error.strerror}. Build again."
        ) from error
    if fingerprint != record.fingerprint:
        raise VideoError(
            f"{folder / record.path}: changed while it was being cut (is it still being written?). Build again."
        )


def _cut(
    reader: VideoReader,
    clips: Sequence[tuple[Segment, range]],
    record: Record,
    settings: StoreSettings,
    out: Path,
    failed: dict[str, str],
) -> Iterator[tuple[ClipFacts, bool]]:
    """Cut clips in one pass; each with whether it could be written (the reason is in ``failed``)."""
    size = compute_clip_size(reader.index, settings.short_side)
    portions = [
        (place, frames[first : first + PORTION_FRAMES])
        for place, (_, frames) in enumerate(clips)
        for first in range(0, len(frames), PORTION_FRAMES)
    ]
    colours: Colours = "rgb" if settings.encoding == "jpeg" else "yuv420"
    encoders: dict[int, Encoder] = {}
    for number, pictures in reader.read_clips([frames for _, frames in portions], size=size, colours=colours):
        place, frames = portions[number]
        segment, whole = clips[place]
        if place not in encoders:
            encoders[place] = _make_encoder(reader.index, whole, size, settings)
        for picture in pictures:
            encoders[place].add(picture)
        if frames.stop == whole.stop:
            encoded = encoders.pop(place).finish()
            facts = _describe(reader.index, segment, whole, record, size, settings, encoded)
            try:
                with replace_file(out / PENDING_FOLDER / f"{make_key(segment.instance_id)}.tar") as temporary:
                    temporary.write_bytes(format_run(facts, encoded.files))
            except OutputError as error:
                failed[segment.instance_id] = str(error)
            yield facts, segment.instance_id not in failed


def compute_clip_size(index: FrameIndex, short_side: int) -> tuple[int, int]:
    """(height, width), both even: chroma planes are halved. Nothing is enlarged."""
    height, width = compute_size(index.height, index.width, min(short_side, index.height, index.width))
    return max(2, height // 2 * 2), max(2, width // 2 * 2)


def _make_encoder(index: FrameIndex, frames: range, size: tuple[int, int], settings: StoreSettings) -> Encoder:
    if settings.encoding == "jpeg":
        return JpegEncoder(settings.quality)
    return Mp4Encoder(
        size,
        index.pts[frames.start : frames.stop],
        time_base=index.time_base,
        rate=Fraction(index.fps_average).limit_denominator(1001),
        crf=settings.quality,
        colour_matrix=index.colour_matrix,
        is_full_range=index.is_full_range,
    )


def _describe(
    index: FrameIndex,
    segment: Segment,
    frames: range,
    record: Record,
    size: tuple[int, int],
    settings: StoreSettings,
    encoded: EncodedClip,
) -> ClipFacts:
    return ClipFacts(
        instance_id=segment.instance_id,
        record=record.path,
        record_bytes=record.size_bytes,
        record_fingerprint=record.fingerprint,
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
        missing_ms=max(0, round(segment.end_ms - index.end_ms)),
        first_frame=frames.start,
        num_frames=len(frames),
        time_base=str(index.time_base),
        pts=tuple(index.pts[frames.start : frames.stop].tolist()),
        height=size[0],
        width=size[1],
        settings=settings,
        media_bytes=sum(map(len, encoded.files)),
        media_crc32=zlib.crc32(b"".join(encoded.files)),
        extradata=encoded.extradata,
        packet_start=encoded.packet_start,
        packet_sizes=encoded.packet_sizes,
        packet_frames=encoded.packet_frames,
        packet_roles=encoded.packet_roles,
        packet_crc32=encoded.packet_crc32,
    )
