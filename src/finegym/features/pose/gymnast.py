"""Where the gymnast is in every frame of an action: her way through every shot, joined, on the frames' own pixels.

Within a shot she is whoever moves most (``path``). From shot to shot she is who looks as she did: where an action holds
several shots, the two best ways of each are compared with the best way of the longest one, by motion and by the colours
of what moves (``appearance``). A box that somebody gave by hand outranks all of this from its time on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from finegym.errors import ConfigError
from finegym.features.pose.appearance import add_likeness, compare_colours, measure_colours
from finegym.features.pose.motion import compute_motion_energy, estimate_cameras
from finegym.features.pose.overrides import GivenBox
from finegym.features.pose.path import Path, find_path
from finegym.video.reader import VideoReader

SMALL_SIDE = 144  # lines of the small frames: a gymnast has some 50 of them
SAMPLES_PER_SECOND = 12.5  # a camera's pan and a body's flight are smooth at this rate
LIKENESS_WEIGHT = 0.5  # of looking alike, against moving as much, where two ways of a shot are compared


@dataclass(frozen=True, eq=False)
class Whereabouts:
    """The gymnast's place in T consecutive frames, in pixels of the upright frame.

    Attributes:
        first_frame: of the record.
        centres: float32 (T, 2), x and y of the middle of what moves.
        lengths: float32 (T,), how long she is when stretched; one value a shot.
        energy: float32 (T,), mean residual motion around the centre, grey levels; 0 where nothing moves.
        shot: int64 (T,), number of the shot that a frame belongs to.
        given: by frame of the record: boxes that were given by hand.
    """

    first_frame: int
    centres: np.ndarray
    lengths: np.ndarray
    energy: np.ndarray
    shot: np.ndarray
    given: dict[int, GivenBox]


def find_gymnast(
    reader: VideoReader, action: range, cut_frames: Sequence[int], given: Sequence[GivenBox] = ()
) -> Whereabouts:
    """Find the gymnast in the frames of an action, at some 12 samples a second.

    Args:
        reader: of the record.
        action: its frames.
        cut_frames: first frames of new shots; those outside the action do not matter.
        given: boxes given by hand, of this record.

    Raises:
        ConfigError: the middle of a box lies outside the picture, or two boxes are given for one frame.
        VideoError: a frame does not decode.
    """
    fps = reader.index.fps_average
    stride = max(1, round(fps / SAMPLES_PER_SECOND))
    scale = min(1.0, SMALL_SIDE / min(reader.index.height, reader.index.width))
    size = (max(8, round(reader.index.height * scale)), max(8, round(reader.index.width * scale)))
    boxes = _find_frames(reader, given, action)
    borders = [action.start, *sorted({f for f in [*cut_frames, *boxes] if action.start < f < action.stop}), action.stop]
    parts = [_Part(reader, range(start, stop), stride, size, boxes.get(start)) for start, stop in pairwise(borders)]
    _choose_alike(parts)
    return Whereabouts(
        action.start,
        np.concatenate([part.interpolate(part.path.centres, offset=True) for part in parts]),
        np.concatenate([np.full(len(part.frames), part.path.length / part.scale, np.float32) for part in parts]),
        np.concatenate([part.interpolate(part.path.energy) for part in parts]),
        np.concatenate([np.full(len(part.frames), number) for number, part in enumerate(parts)]),
        boxes,
    )


def _find_frames(reader: VideoReader, given: Sequence[GivenBox], action: range) -> dict[int, GivenBox]:
    """Boxes by the frame that is shown at their times, those of an action."""
    boxes: dict[int, GivenBox] = {}
    size = np.array([reader.index.width, reader.index.height])
    for box in given:
        frame = reader.find_frame_at(box.time_ms)
        if frame not in action:
            continue
        if not ((box.centre >= -0.5) & (box.centre < size - 0.5)).all():
            raise ConfigError(
                f"{box.record}: the box {', '.join(f'{corner:g}' for corner in box.corners)} at {box.time_ms:g} ms has "
                f"its middle outside the picture of {size[0]}x{size[1]}. Boxes are in pixels of the record."
            )
        if frame in boxes:
            raise ConfigError(
                f"{box.record}: the boxes at {boxes[frame].time_ms:g} and {box.time_ms:g} ms are both of frame "
                f"{frame}. Leave one of them out."
            )
        boxes[frame] = box
    return boxes


class _Part:
    """One shot of an action, or what follows a given box: its samples and the ways through it."""

    def __init__(
        self, reader: VideoReader, frames: range, stride: int, size: tuple[int, int], box: GivenBox | None
    ) -> None:
        self.frames, self.is_given = frames, box is not None
        self.scale = size[0] / reader.index.height
        self.samples = np.unique([*frames[::stride], frames[-1]])
        colours = reader.read_frames(self.samples, size=size)
        grey = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in colours])
        cameras = estimate_cameras(grey)
        energy = compute_motion_energy(grey, cameras)
        pins = {}
        if box is not None:
            pins = {0: (*((box.centre + 0.5) * self.scale - 0.5), box.length * self.scale)}
            energy = add_likeness(energy, colours, box.box * self.scale)
        self.path = find_path(energy, cameras, pins=pins)
        self.other = None if self.is_given else find_path(energy, cameras, avoid=self.path)
        self.colours = measure_colours(colours, energy, self.path)
        self.other_colours = None if self.other is None else measure_colours(colours, energy, self.other)

    def take_way_like(self, colours: np.ndarray, other: Path, other_colours: np.ndarray) -> None:
        """Take the other way if it, by motion and by colours together, is more likely that of a gymnast."""
        most = max(float(self.path.energy.mean()), float(other.energy.mean())) or 1.0

        def judge(path: Path, looks: np.ndarray) -> float:
            moves = float(path.energy.mean()) / most
            return (1 - LIKENESS_WEIGHT) * moves + LIKENESS_WEIGHT * compare_colours(colours, looks)

        if judge(other, other_colours) > judge(self.path, self.colours):
            self.path, self.colours = other, other_colours

    def interpolate(self, values: np.ndarray, *, offset: bool = False) -> np.ndarray:
        """Values of the samples at every frame; positions become pixels of the frame."""
        columns = values.reshape(len(values), -1)
        if offset:
            columns = (columns + 0.5) / self.scale - 0.5
        found = np.stack([np.interp(self.frames, self.samples, column) for column in columns.T], axis=1)
        return found.reshape(len(self.frames), *values.shape[1:]).astype(np.float32)


def _choose_alike(parts: list[_Part]) -> None:
    """In shots that nobody pointed at, take of two ways the one that moves and looks more like the gymnast.

    She is whoever was pointed at last; before that, she is the best way of the longest shot.
    """
    first_given = next((number for number, part in enumerate(parts) if part.is_given), len(parts))
    reference = max(parts[:first_given], key=lambda part: len(part.frames), default=parts[0])
    for part in parts:
        if part.is_given:
            reference = part
        elif part is not reference and part.other is not None and part.other_colours is not None:
            part.take_way_like(reference.colours, part.other, part.other_colours)
