"""Poses to look at: box and skeleton on every frame, coloured by where they come from, as a film or as one picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from finegym.features.film import find_rate, find_record, write_film
from finegym.features.pose.poses import FOUND, INTERPOLATED, MISSING, Poses
from finegym.features.pose.store import PoseStore
from finegym.report.images import draw_sheet
from finegym.video.reader import VideoReader

COLOURS = {FOUND: (0, 158, 115), INTERPOLATED: (230, 159, 0), MISSING: (213, 94, 0)}  # Okabe and Ito
NAMES = {FOUND: "found", INTERPOLATED: "interpolated", MISSING: "missing"}
RIGHT_SIDE = (86, 180, 233)
LIMBS = (
    (5, 7), (7, 9), (6, 8), (8, 10), (5, 6), (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
    (0, 1), (0, 2), (1, 3), (2, 4),
)  # fmt: skip
"""Pairs of COCO joints that are drawn as lines."""

MIN_WIDTH = 640  # smaller frames are enlarged, so that lines and letters stay thin
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_poses(frame: np.ndarray, poses: Poses, index: int, text: str = "") -> np.ndarray:
    """A frame with its poses: box and left limbs in the colour of the status, right limbs blue.

    Args:
        frame: uint8 (H, W, 3), RGB, of the size that the poses are in.
        poses: of the clip.
        index: which frame of the clip this is.
        text: written at the top, before the status.

    Returns:
        uint8 (h, w, 3), enlarged where the frame is small.
    """
    scale = max(1, round(MIN_WIDTH / frame.shape[1]))
    picture = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    states = poses.status[:, index]
    for person, status in enumerate(states.tolist()):
        if status != MISSING:
            points = (poses.keypoints[person, index] + 0.5) * scale - 0.5
            _draw_person(picture, points, poses.boxes[person, index] * scale, COLOURS[status])
    worst = min(states.tolist(), key=lambda status: (status != MISSING, status != INTERPOLATED), default=MISSING)
    line = f"{text} {' '.join(NAMES[status] for status in states.tolist())}".strip()
    cv2.rectangle(picture, (0, 0), (min(picture.shape[1], 12 + 9 * len(line)), 20), COLOURS[worst], -1)
    cv2.putText(picture, line, (5, 15), _FONT, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return picture


def _draw_person(picture: np.ndarray, points: np.ndarray, box: np.ndarray, colour: tuple[int, int, int]) -> None:
    x0, y0, x1, y1 = np.round(box).astype(int).tolist()
    cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), colour, 1, cv2.LINE_AA)
    places = [(round(x), round(y)) for x, y in points.tolist()]
    for a, b in LIMBS:
        is_right = a % 2 == 0 and b % 2 == 0 and a > 0
        cv2.line(picture, places[a], places[b], RIGHT_SIDE if is_right else colour, 2, cv2.LINE_AA)
    for place in places[5:]:
        cv2.circle(picture, place, 2, (255, 255, 255), -1, cv2.LINE_AA)


def write_pose_film(store: PoseStore, instance_id: str, folder: Path, out: Path) -> int:
    """Write a clip with its poses as an H.264 film, at the speed of the record.

    Returns:
        Frames written.

    Raises:
        FeatureError: the clip is not in the store, or its record is not there or another one now.
        VideoError: the record cannot be read.
        OutputError: the film cannot be written.
    """
    facts, poses = store.get_facts(instance_id), store.read(instance_id)
    with VideoReader(find_record(folder, facts)) as reader:
        first = facts.first_frame
        frames = reader.iterate_frames(first, first + facts.num_frames)
        drawn = (draw_poses(frame, poses, k, f"frame {first + k}") for k, frame in enumerate(frames))
        return write_film(out, drawn, find_rate(facts))


def draw_pose_sheet(store: PoseStore, instance_id: str, folder: Path, *, num_frames: int = 8) -> np.ndarray:
    """Evenly spread frames of a clip with their poses, side by side.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        FeatureError: the clip is not in the store, or its record is not there or another one now.
        VideoError: the record cannot be read.
    """
    facts, poses = store.get_facts(instance_id), store.read(instance_id)
    wanted = np.unique(np.linspace(0, facts.num_frames - 1, num_frames).round().astype(int))
    with VideoReader(find_record(folder, facts)) as reader:
        frames = reader.read_frames(wanted + facts.first_frame)
    tiles = [draw_poses(frame, poses, int(k)) for k, frame in zip(wanted, frames, strict=True)]
    labels = [f"frame {facts.first_frame + k}" for k in wanted]
    return draw_sheet(tiles, labels, columns=4, tile_width=480)
