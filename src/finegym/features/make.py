"""Making the features of one action: one look at the record, a file a clip."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2

from finegym.errors import FineGymError, OutputError, VideoError
from finegym.features.current import find_context, list_cuts
from finegym.features.store import FeatureFacts, FeatureSettings, StoredFeatures, get_clip_path, needs_action
from finegym.files import replace_file
from finegym.video.index import FrameIndex
from finegym.video.ingest.cuts import Cut
from finegym.video.reader import VideoReader
from finegym.video.store.cut import Record, check_unchanged
from finegym.video.store.units import Segment


@dataclass(frozen=True)
class WantedClip:
    """A clip whose features are wanted.

    Attributes:
        segment: its id and times.
        frames: of the record.
    """

    segment: Segment
    frames: range


@dataclass(frozen=True)
class MadeClip:
    """The features of one clip, not yet written.

    Attributes:
        instance_id: the clip.
        height: of the picture that the features are in, in pixels.
        width: of that picture.
        counts: whatever there is to count; summed up in ``store.json``.
        suffix: of the file: ``.mp4`` or ``.safetensors``.
        encode: from the facts as JSON to the file, in pieces. The facts must be in it where ``carried.read_facts``
            looks for them: under ``finegym`` in the metadata of a ``.safetensors``, in the comment of an ``.mp4``.
        extra: becomes ``FeatureFacts.extra``; values that JSON knows.
    """

    instance_id: str
    height: int
    width: int
    counts: dict[str, int]
    suffix: str
    encode: Callable[[str], Iterable[bytes]]
    extra: dict[str, Any] = field(default_factory=dict)


class Maker(Protocol):
    """Makes features. Sent to other processes: plain values; models are loaded there, once a process."""

    def make(
        self, reader: VideoReader, action: range, clips: Sequence[WantedClip], cuts: Sequence[Cut]
    ) -> Iterator[MadeClip]:
        """The features of the clips of one action.

        Args:
            reader: of the record.
            action: frames of the action; every clip lies inside.
            clips: what is wanted, in order of time; clips may overlap.
            cuts: of the record, in order, those before and behind the action included.

        Yields:
            Every clip once, in any order.

        Raises:
            FineGymError: a clip cannot be made. Those that did not come yet are then asked for one by one.
        """
        ...


@dataclass(frozen=True)
class ActionJob:
    """The clips of one action that are to be made.

    Attributes:
        action_id: the action.
        record: as it was looked into.
        start_ms: of the action, on the record's clock.
        end_ms: of the action.
        segments: what is wanted, in order of time.
        cuts: of the record.
    """

    action_id: str
    record: Record
    start_ms: int
    end_ms: int
    segments: tuple[Segment, ...]
    cuts: tuple[Cut, ...]


def make_action(
    job: ActionJob, *, folder: Path, out: Path, settings: FeatureSettings, maker: Maker
) -> tuple[list[StoredFeatures], dict[str, str]]:
    """Make the features of an action's clips, each file whole or not at all.

    Returns:
        The clips that are there now, and those that could not be made, with the reason.

    Raises:
        VideoError: the record cannot be read at all, or is another one than was looked into.
    """
    cv2.setNumThreads(1)  # one process a core; several times as many threads would get in each other's way
    check_unchanged(job.record, folder)
    done: dict[str, StoredFeatures] = {}
    failed: dict[str, str] = {}
    with VideoReader(folder / job.record.path) as reader:
        clips = []
        for segment in job.segments:
            try:
                frames = reader.index.find_frames_between(segment.start_ms, segment.end_ms)
                clips.append(WantedClip(segment, frames))
            except VideoError as error:
                failed[segment.instance_id] = str(error)
        action = _find_action(reader.index, job, clips)
        wanted = {clip.segment.instance_id: clip for clip in clips}
        for made in _iterate_made(maker, reader, action, clips, job.cuts, failed):
            facts = _describe(reader.index, wanted[made.instance_id], action, job, made, settings)
            try:
                done[made.instance_id] = write_clip(out, facts, made)
            except OutputError as error:
                failed[made.instance_id] = str(error)
    try:
        check_unchanged(job.record, folder)
    except VideoError:
        for clip in done.values():
            (out / clip.path).unlink()
        raise
    return list(done.values()), failed


def _iterate_made(
    maker: Maker,
    reader: VideoReader,
    action: range,
    clips: Sequence[WantedClip],
    cuts: Sequence[Cut],
    failed: dict[str, str],
) -> Iterator[MadeClip]:
    """Every clip that can be made; why the others cannot be goes into ``failed``."""
    left = {clip.segment.instance_id: clip for clip in clips}
    if not left:
        return
    try:
        for made in maker.make(reader, action, clips, cuts):
            del left[made.instance_id]
            yield made
        assert not left, f"the maker left out {sorted(left)}"
    except FineGymError as error:
        if len(clips) == 1:
            failed |= {name: str(error) for name in left}
            return
    for name, clip in left.items():  # one of them cannot be made: which?
        try:
            yield from maker.make(reader, action, [clip], cuts)
        except FineGymError as error:
            failed[name] = str(error)


def _find_action(index: FrameIndex, job: ActionJob, clips: Sequence[WantedClip]) -> range:
    """The frames of an action, as far as the record goes, and of all its clips."""
    first, stop = min((c.frames.start for c in clips), default=0), max((c.frames.stop for c in clips), default=0)
    start_ms, end_ms = max(job.start_ms, index.start_ms), min(job.end_ms, index.end_ms)
    if start_ms < end_ms:
        frames = index.find_frames_between(start_ms, end_ms)
        first, stop = min(first, frames.start), max(stop, frames.stop)
    return range(first, stop)


def _describe(
    index: FrameIndex, clip: WantedClip, action: range, job: ActionJob, made: MadeClip, settings: FeatureSettings
) -> FeatureFacts:
    segment, frames, record = clip.segment, clip.frames, job.record
    context = action if needs_action(settings) else frames
    start_ms, end_ms = find_context(segment, job.start_ms, job.end_ms, settings)
    return FeatureFacts(
        instance_id=segment.instance_id,
        video_id=segment.video_id,
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
        context_start_ms=start_ms,
        context_end_ms=end_ms,
        context_first_frame=context.start,
        context_num_frames=len(context),
        cuts=list_cuts(context, job.cuts),
        height=made.height,
        width=made.width,
        counts=made.counts,
        extra=made.extra,
        settings=settings,
    )


def write_clip(out: Path, facts: FeatureFacts, made: MadeClip) -> StoredFeatures:
    """Write the file of a clip, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    name = get_clip_path(facts.video_id, facts.instance_id, made.suffix)
    crc32, size_bytes = 0, 0
    with replace_file(out / name) as temporary, temporary.open("wb") as file:
        for piece in made.encode(facts.model_dump_json()):
            file.write(piece)
            crc32, size_bytes = zlib.crc32(piece, crc32), size_bytes + len(piece)
    return StoredFeatures(facts=facts, path=name, size_bytes=size_bytes, crc32=crc32)
