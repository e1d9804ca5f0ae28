"""Figure 5 of the FineGym paper for any clip: what detector, pose estimator and flow make of fast motion.

Rows over time: the frame with the persons that a detector finds in it, the gymnast's pose, and the optical flow to the
next frame. Where one of them fails, its picture is framed in red and says so; across a cut there is no flow.

Source: Shao et al. 2020, "FineGym", figure 5, where person detection and pose estimation are missed in the intense
motion of a vault, and flow is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from finegym.errors import VideoError
from finegym.features.cuts import find_crossings
from finegym.features.flow.colour_wheel import draw_flow
from finegym.features.flow.draw import find_full_px
from finegym.features.flow.methods import compute_flow
from finegym.features.pose.extract import PoseMaker
from finegym.features.pose.gymnast import find_gymnast
from finegym.features.pose.models import open_pose_model
from finegym.features.pose.overlay import COLOURS, NAMES, draw_poses
from finegym.features.pose.poses import FOUND, MISSING, Poses
from finegym.report.images import draw_sheet
from finegym.video.ingest.cuts import find_cuts
from finegym.video.ingest.signals import compute_signals
from finegym.video.reader import VideoReader

RED, GREY = (190, 30, 30), (45, 50, 56)
BORDER = 4


def draw_figure5(
    path: Path,
    *,
    start_ms: float = 0.0,
    end_ms: float | None = None,
    num_frames: int = 8,
    model: str = "blazepose-full",
    flow_method: str = "tvl1",
    tile_width: int = 240,
    is_upright: bool = False,
) -> tuple[np.ndarray, dict[str, int]]:
    """Draw the picture.

    Args:
        path: the video.
        start_ms: on its clock.
        end_ms: on its clock; ``None``: its end.
        num_frames: columns, evenly spread; fewer where there are fewer frames.
        model: of poses; see ``models.POSE_MODELS``.
        flow_method: see ``flow.methods.METHODS``.
        tile_width: of a column in pixels.
        is_upright: time runs down, in three columns, as a phone shows it best; it runs right else.

    Returns:
        uint8 (H, W, 3), RGB; and of the frames shown, how many have a ``detection`` and a found ``pose``.

    Raises:
        VideoError: the file cannot be read, or no frame lies between the times.
        ConfigError: model or method are unknown, or weights are not there.
    """
    maker = PoseMaker(model)
    with VideoReader(path) as reader:
        end_ms = reader.index.end_ms if end_ms is None else end_ms
        numbers = np.asarray(reader.index.find_frames_between(start_ms, end_ms))
        if not len(numbers):
            raise VideoError(f"{path}: no frame is shown from {start_ms:g} to {end_ms:g} ms. Give other times.")
        shown = np.unique(np.linspace(numbers[0], numbers[-1], num_frames).round().astype(int))
        clip = range(int(numbers[0]), int(numbers[-1]) + 1)
        cuts = find_cuts(reader, compute_signals(reader.path))
        where = find_gymnast(reader, clip, [cut.frame for cut in cuts])
        _, poses = next(maker.estimate(reader, where, [clip]))
        frames = reader.read_frames(shown)
        # The last frame of a clip has no next one; its flow comes from the one before.
        firsts = np.clip(shown, None, max(clip.start, clip.stop - 2))
        pairs = reader.read_frames(np.concatenate([firsts, np.minimum(firsts + 1, clip.stop - 1)]), colours="grey")
    fields = [
        None if find_crossings(range(first, first + 2), cuts)[0] else compute_flow(a, b, flow_method)
        for first, a, b in zip(firsts.tolist(), pairs[: len(shown)], pairs[len(shown) :], strict=True)
    ]
    rows = [
        _draw_detections(frames, model, shown),
        _draw_poses(frames, poses, shown - clip.start),
        _draw_fields(fields, frames[0].shape, flow_method),
    ]
    tiles = [tile for line in (zip(*rows, strict=True) if is_upright else rows) for tile in line]
    sheet = draw_sheet(
        [_frame(picture, colour) for picture, _, colour in tiles],
        [label for _, label, _ in tiles],
        columns=len(rows) if is_upright else len(shown),
        tile_width=tile_width,
        colours=[colour for _, _, colour in tiles],
    )
    found = int((poses.status[0, shown - clip.start] == FOUND).sum())
    return sheet, {"frames": len(shown), "detection": sum(c != RED for _, _, c in rows[0]), "pose": found}


Tile = tuple[np.ndarray, str, tuple[int, int, int]]


def _draw_detections(frames: np.ndarray, model: str, shown: np.ndarray) -> list[Tile]:
    opened = open_pose_model(model)
    tiles: list[Tile] = []
    for number, frame in zip(shown.tolist(), frames, strict=True):
        found = opened.detect(frame)
        picture = frame.copy()
        for x0, y0, x1, y1 in np.round(found.boxes).astype(int).tolist():
            cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), COLOURS[FOUND], max(1, frame.shape[1] // 200))
        text = f"frame {number}: " + (f"{len(found)} detected" if len(found) else "nobody detected")
        tiles.append((picture, text, GREY if len(found) else RED))
    return tiles


def _draw_poses(frames: np.ndarray, poses: Poses, places: np.ndarray) -> list[Tile]:
    tiles: list[Tile] = []
    for place, frame in zip(places.tolist(), frames, strict=True):
        status = int(poses.status[0, place])
        text = "no pose" if status == MISSING else f"pose {NAMES[status]}"
        tiles.append((draw_poses(frame, poses, place), text, RED if status == MISSING else GREY))
    return tiles


def _draw_fields(fields: Sequence[np.ndarray | None], shape: tuple[int, ...], method: str) -> list[Tile]:
    """Colours of the flow; blank where two shots meet, since nothing moves from one to the other."""
    there = [field for field in fields if field is not None]
    full_px = find_full_px(np.stack(there)) if there else 1.0
    blank = np.full(shape, 255, np.uint8)
    return [
        (blank, "across a cut", GREY)
        if field is None
        else (draw_flow(field, full_px), f"{method}, fastest {np.hypot(*np.moveaxis(field, -1, 0)).max():.0f} px", GREY)
        for field in fields
    ]


def _frame(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Red around what failed; as wide around what did not, so that the tiles stay alike."""
    border = max(BORDER, picture.shape[1] // 60)
    edge = RED if colour == RED else (255, 255, 255)
    return cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_CONSTANT, value=edge)
