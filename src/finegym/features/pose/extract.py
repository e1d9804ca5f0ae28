"""Making the poses of an action's clips: find the gymnast in the whole action, then her pose in the clips."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from finegym.annotations.model import Dataset
from finegym.errors import ConfigError, FeatureError, VideoError
from finegym.features.make import MadeClip, WantedClip
from finegym.features.pose.follow import Follower
from finegym.features.pose.gaps import count_status, make_poses
from finegym.features.pose.gymnast import Whereabouts, find_gymnast
from finegym.features.pose.model import PoseModel
from finegym.features.pose.models import open_pose_model
from finegym.features.pose.overrides import GivenBox
from finegym.features.pose.poses import Poses
from finegym.features.pose.store import encode_poses
from finegym.features.pose.verify import Sight, measure_support
from finegym.features.store import FeatureSettings, Unit
from finegym.video.ingest.cuts import Cut
from finegym.video.reader import VideoReader

VERSION = 1  # one more with every change that gives other poses: what is stored of an older one is not current then
PORTION_BYTES = 200_000_000  # of frames in memory at a time; no pose depends on it


@dataclass(frozen=True)
class PoseMaker:
    """Makes poses; see ``make.Maker``.

    Attributes:
        model: of ``models.POSE_MODELS``, or the path of an ONNX file.
        max_gap_frames: gaps of at most so many frames are bridged, and marked.
        min_presence: below, a pose does not count, however well it fits.
        min_support: share of the frames around a pose that have to agree with it; see ``verify``.
        search_every: frames from one search to the next while she is lost.
        given: boxes given by hand; from their times on, that person is followed.

    Raises:
        ConfigError: a setting is out of range, the model is unknown, or its weights are not there.
    """

    model: str = "blazepose-full"
    max_gap_frames: int = 5
    min_presence: float = 0.5
    min_support: float = 0.35
    search_every: int = 2
    given: tuple[GivenBox, ...] = ()

    def __post_init__(self) -> None:
        if self.max_gap_frames < 0 or self.search_every < 1:
            raise ConfigError(
                f"max_gap_frames must be at least 0 and search_every at least 1, got {self.max_gap_frames} and "
                f"{self.search_every}"
            )
        if not (0 <= self.min_presence <= 1 and 0 <= self.min_support <= 1):
            raise ConfigError(
                f"min_presence and min_support lie between 0 and 1, got {self.min_presence} and {self.min_support}"
            )
        _open_model(self.model)

    def make_settings(self, unit: Unit = "sub-action") -> FeatureSettings:
        """What a store of such poses says of itself.

        Raises:
            FeatureError: the model is a file that is not there.
        """
        boxes = hashlib.sha256(repr(self.given).encode()).hexdigest()[:12] if self.given else None
        return FeatureSettings(
            kind="pose",
            unit=unit,
            parameters={
                "model": _describe_model(self.model),
                "max_gap_frames": self.max_gap_frames,
                "min_presence": self.min_presence,
                "min_support": self.min_support,
                "search_every": self.search_every,
                "given_boxes": boxes,
            },
            details={"version": VERSION},
        )

    def make(
        self, reader: VideoReader, action: range, clips: Sequence[WantedClip], cuts: Sequence[Cut]
    ) -> Iterator[MadeClip]:
        """The poses of clips."""
        given = [box for box in self.given if clips and box.record == clips[0].segment.video_id]
        cut_frames = [cut.frame for cut in cuts]
        frames = [clip.frames for clip in clips]
        is_whole = True
        try:
            made = self.estimate(reader, find_gymnast(reader, action, cut_frames, given), frames)
        except VideoError:
            # A routine that does not decode as a whole costs only the clips that it cannot be decoded in.
            is_whole = False
            made = self._estimate_alone(reader, frames, cut_frames, given)
        for place, poses in made:
            counts = count_status(poses)
            yield MadeClip(
                clips[place].segment.instance_id,
                poses.height,
                poses.width,
                counts | ({} if is_whole else {"frames_whose_routine_does_not_decode": counts["frames"]}),
                ".safetensors",
                partial(_encode, poses),
            )

    def _estimate_alone(
        self, reader: VideoReader, clips: Sequence[range], cut_frames: Sequence[int], given: Sequence[GivenBox]
    ) -> Iterator[tuple[int, Poses]]:
        """As ``estimate``, the gymnast looked for in each clip by itself."""
        for place, clip in enumerate(clips):
            where = find_gymnast(reader, clip, cut_frames, given)
            yield from ((place, poses) for _, poses in self.estimate(reader, where, [clip]))

    def estimate(self, reader: VideoReader, where: Whereabouts, clips: Sequence[range]) -> Iterator[tuple[int, Poses]]:
        """The poses in some stretches of an action.

        One pass over the record; of clips that do not fit into memory, what may gain by it is decoded once more.

        Args:
            reader: of the record.
            where: the gymnast in the action.
            clips: frames of the record, each within the action and not empty, in order of time.

        Yields:
            Place in ``clips`` and poses: first, in order, the clips that fit into memory, then the others.
        """
        step = int(np.clip(PORTION_BYTES // (reader.index.height * reader.index.width * 3), 8, 256))
        portions = [
            (place, clip[first : first + step])
            for place, clip in enumerate(clips)
            for first in range(0, len(clip), step)
        ]
        follower = Follower(
            _open_model(self.model), where, min_presence=self.min_presence, search_every=self.search_every
        )
        seen: dict[int, list[Sight | None]] = {}
        for number, frames in reader.read_clips([part for _, part in portions]):
            place, part = portions[number]
            clip, sights = clips[place], seen.setdefault(place, [])
            follower.go_on(frames, clip.start - where.first_frame, sights)
            if part.stop == clip.stop:
                tail = range(part.start - clip.start, len(clip))
                follower.go_back(frames, clip.start - where.first_frame, sights, tail)
                if part.start == clip.start:
                    yield place, self._finish(seen.pop(place), where, clip, reader)
            del frames  # before the next portion is read
        for place, sights in seen.items():
            clip = clips[place]
            first = clip.start - where.first_frame
            for start in range((len(clip) - 1) // step * step - step, -1, -step):
                part = range(start, start + step)
                if follower.can_gain(first, sights, part):
                    follower.go_back(reader.read_frames(clip[start : start + step]), first, sights, part)
            yield place, self._finish(sights, where, clip, reader)

    def _finish(self, seen: list[Sight | None], where: Whereabouts, clip: range, reader: VideoReader) -> Poses:
        first, size = clip.start - where.first_frame, (reader.index.height, reader.index.width)
        support = measure_support(seen, where, first, reader.index.fps_average)
        believed = [sight if share >= self.min_support else None for sight, share in zip(seen, support, strict=True)]
        shots = where.shot[first : first + len(clip)]
        return make_poses(believed, shots, size, max_gap_frames=self.max_gap_frames)


def check_given_boxes(given: Sequence[GivenBox], dataset: Dataset) -> None:
    """Refuse boxes of records that the dataset does not have, and of times outside every action.

    Raises:
        ConfigError: the first such boxes are named.
    """
    videos = {video.id: video for video in dataset.videos}
    unknown = sorted({box.record for box in given} - set(videos))
    if unknown:
        raise ConfigError(
            f"boxes are given for {len(unknown)} records that the dataset does not have, the first is {unknown[0]}. "
            "`record` is the record's id, as in records.csv."
        )
    for box in given:
        actions = videos[box.record].actions
        if not any(action.start_ms <= box.time_ms < action.end_ms for action in actions):
            raise ConfigError(
                f"the box of {box.record} at {box.time_ms:g} ms lies in none of the record's {len(actions)} actions. "
                "Times are milliseconds on the record's own clock."
            )


def _encode(poses: Poses, facts_json: str) -> list[bytes]:
    return [encode_poses(poses, facts_json)]


def _describe_model(name: str) -> str:
    """What a model is called in a store: a file by its name and the beginning of its SHA-256, wherever it lies."""
    if not name.endswith(".onnx"):
        return name
    path = Path(name)
    if not path.is_file():
        raise FeatureError(f"{path}: no such file. Give the path of a pose model in ONNX form.")
    with path.open("rb") as file:
        return f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"


@cache
def _open_model(name: str) -> PoseModel:
    """Once a process; the model opens its files when it is first used."""
    return open_pose_model(name)
