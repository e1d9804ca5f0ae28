"""Scenes with people made of boxes, a camera that pans, and a pose model that knows where they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from finegym.features.pose.gymnast import Whereabouts
from finegym.features.pose.model import Detections, Estimates, join_estimates, make_no_detections
from finegym.features.pose.regions import compute_crop_matrix
from finegym.features.pose.verify import Sight

HEIGHT, WIDTH = 144, 256
FACE = [(0, -0.42), (-0.02, -0.44), (0.02, -0.44), (-0.04, -0.43), (0.04, -0.43)]
ARMS = [(-0.1, -0.3), (0.1, -0.3), (-0.14, -0.15), (0.14, -0.15), (-0.16, 0), (0.16, 0)]
LEGS = [(-0.07, 0), (0.07, 0), (-0.08, 0.25), (0.08, 0.25), (-0.09, 0.48), (0.09, 0.48)]
FIGURE = np.array([*FACE, *ARMS, *LEGS])
"""COCO's 17 joints of somebody who stands, in her lengths from her middle."""


def draw_background(rng, width=WIDTH + 200, height=HEIGHT) -> np.ndarray:
    """uint8 (H, W, 3): a texture with corners everywhere."""
    small = rng.integers(60, 160, (height // 6 + 1, width // 6 + 1, 3)).astype(np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def draw_scene(paths, *, pan=0.0, colours=None, length=50, seed=0, background=None) -> np.ndarray:
    """Frames of people who go their ways before a background that the camera pans over.

    Args:
        paths: (N, T, 2), the middle of each person in every frame.
        pan: pixels a frame.
        colours: RGB of each person.
    """
    rng = np.random.default_rng(seed)
    wide = draw_background(rng) if background is None else background
    paths = np.asarray(paths, float)
    colours = colours or [(240, 40, 60), (40, 60, 240), (250, 230, 60), (240, 240, 240)]
    frames = []
    for t in range(paths.shape[1]):
        shift = np.array([[1, 0, -pan * t], [0, 1, 0]], float)
        frame = cv2.warpAffine(wide, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        for (x, y), colour in zip(paths[:, t], colours, strict=False):
            low = (round(x - length / 6), round(y - length / 2))
            cv2.rectangle(frame, low, (round(x + length / 6), round(y + length / 2)), colour, -1)
        frames.append(frame)
    return np.stack(frames)


def write_lossless(path: Path, frames: np.ndarray, fps: int = 25, options: dict[str, str] | None = None) -> Path:
    """A film of RGB frames whose pixels come back as they were."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264rgb", rate=fps, options={"crf": "0", "preset": "ultrafast", **(options or {})}
        )
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "rgb24"
        for number, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def stand_still(x, y, T):
    """A path (T, 2) of somebody who does not move."""
    return np.tile([float(x), float(y)], (T, 1))


def walk(x0, x1, y, T):
    """A path (T, 2) from one place to another."""
    return np.stack([np.linspace(x0, x1, T), np.full(T, float(y))], axis=1)


def make_sight(centre, length=50.0, angle=0.0, presence=0.99) -> Sight:
    """The figure at a place, turned clockwise."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (FIGURE * length) @ turn.T + centre
    roi = np.array([*centre, 1.25 * length, 1.25 * length, angle], np.float32)
    return Sight(points.astype(np.float32), np.full(17, 0.9, np.float32), presence, roi)


def make_whereabouts(centres, length=50.0, shot=None, energy=5.0) -> Whereabouts:
    """She is at these places."""
    centres = np.asarray(centres, np.float32)
    T = len(centres)
    return Whereabouts(
        0,
        centres,
        np.full(T, length, np.float32),
        np.full(T, energy, np.float32),
        np.zeros(T, np.int64) if shot is None else np.asarray(shot),
        {},
    )


def map_to_crop(points: np.ndarray, roi: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels of the frame as pixels of a crop, (..., 2): the inverse of ``map_to_frame``."""
    matrix = np.linalg.inv(np.vstack([compute_crop_matrix(roi, size), [0, 0, 1]]))
    return points @ matrix[:2, :2].T + matrix[:2, 2]


@dataclass
class KnowingModel:
    """Sees the person whose colour is nearest to a region's middle, where the frame really has one.

    Attributes:
        colours: RGB of the persons that exist.
        blind: by call of ``estimate``: calls in which it sees nobody.
    """

    colours: tuple[tuple[int, int, int], ...]
    can_detect: bool = True
    name: str = "knowing"
    presence: float = 0.99
    blind: set[int] = field(default_factory=set)
    num_calls: int = 0

    def find(self, frame):
        """Middle of each person that is in the picture."""
        places = []
        for colour in self.colours:
            rows, columns = np.nonzero((np.abs(frame.astype(int) - colour) < 12).all(axis=-1))
            if len(rows) > 30:
                places.append((columns.mean(), rows.mean(), float(np.ptp(rows) + 1)))
        return places

    def detect(self, frame, *, min_score=0.5) -> Detections:
        places = self.find(frame)
        if not places:
            return make_no_detections()
        rois = np.array([(x, y, 1.25 * size, 1.25 * size, 0.0) for x, y, size in places], np.float32)
        corners = rois[:, :2] - rois[:, 2:4] / 2, rois[:, :2] + rois[:, 2:4] / 2
        return Detections(np.hstack(corners).astype(np.float32), np.full(len(rois), 0.9, np.float32), rois)

    def estimate(self, frame, rois) -> Estimates:
        self.num_calls += 1
        places = self.find(frame)
        parts = []
        for roi in rois:
            near = [p for p in places if np.hypot(p[0] - roi[0], p[1] - roi[1]) < roi[2] / 2]
            if not near or self.num_calls in self.blind:
                parts.append((np.zeros((17, 2)), np.zeros(17), 0.01, np.array([*roi[:4], 0.0])))
                continue
            x, y, size = min(near, key=lambda p: np.hypot(p[0] - roi[0], p[1] - roi[1]))
            sight = make_sight((x, y), size)
            parts.append((sight.keypoints, sight.scores, self.presence, sight.roi))
        return join_estimates(parts)


@dataclass
class LateModel(KnowingModel):
    """Detects only persons of the last colour, and is never sure enough to count where no detector proposed to look."""

    presence: float = 0.8

    def detect(self, frame, *, min_score=0.5) -> Detections:
        return KnowingModel(self.colours[-1:]).detect(frame)


def follow(follower, frames) -> list[Sight | None]:
    """What a follower sees in a whole clip, forward and back."""
    seen: list[Sight | None] = []
    follower.go_on(frames, 0, seen)
    follower.go_back(frames, 0, seen, range(len(frames)))
    return seen
