"""Frames of a shot: background by homography, body by ray casting, soft shadow, motion blur; and the truth about them.

Per frame: one warp of the panorama, the body's primitives inside their bounding boxes, once for each of the one to five
instants that a fast body is exposed for, a depth test against the panorama, and a shadow on whatever lies below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from finegym.simulation import layers, raycast
from finegym.simulation.appearance import Appearance, Lighting
from finegym.simulation.body import build_body
from finegym.simulation.camera import CameraPath
from finegym.simulation.scene import Panorama
from finegym.simulation.skeleton import JOINT_INDEX

SHUTTER = 0.5
"""Part of a frame's time that the shutter is open (180 degrees)."""

OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2
"""Visibility of a joint, as in COCO: not in the picture, in it but hidden, visible."""

_BLUR_STEPS = ((22.0, 5), (5.0, 3))  # pixels moved while the shutter is open, instants
_FLESH = 0.14  # metres from a joint inside a body to the skin before it, at most
_GRACE = 0.06  # half a hand: a palm on a bar is visible
_CHUNK = 200
_GRID, _CELL = 48, 0.09
_SHADOW_PARTS = 24  # legs, arms and torso come first in a body; hands of a face throw no shadow worth a loop


@dataclass(frozen=True, eq=False)
class FrameTruth:
    """What is known about the gymnast in one frame.

    Attributes:
        joints_2d: float32 (26, 2), pixels; NaN behind the camera.
        visibility: uint8 (26,), 0 outside the picture, 1 hidden by the body or the apparatus, 2 visible.
        box: float32 (4,), x0, y0, x1, y1 of the pixels where the gymnast shows, half-open; NaN where none do.
    """

    joints_2d: np.ndarray
    visibility: np.ndarray
    box: np.ndarray


def resample_joints(joints: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Joints between frames by Catmull-Rom splines.

    Args:
        joints: float (T, J, 3).
        times: float (N,), in frames; outside 0..T-1 the ends are held.

    Returns:
        float64 (N, J, 3); at whole frames the joints themselves.

    Example:
        >>> resample_joints(np.arange(4.0).reshape(4, 1, 1) * np.ones((4, 1, 3)), np.array([1.5]))[0, 0]
        array([1.5, 1.5, 1.5])
    """
    joints = np.asarray(joints, dtype=np.float64)
    last = len(joints) - 1
    times = np.clip(np.asarray(times, dtype=np.float64), 0, last)
    base = np.minimum(times.astype(np.int64), max(last - 1, 0))
    x = (times - base)[:, None, None]
    before, here, after, beyond = (joints[np.clip(base + step, 0, last)] for step in (-1, 0, 1, 2))
    slope, slope_after = 0.5 * (after - before), 0.5 * (beyond - here)
    x2, x3 = x * x, x * x * x
    result: np.ndarray = (
        (2 * x3 - 3 * x2 + 1) * here + (x3 - 2 * x2 + x) * slope + (3 * x2 - 2 * x3) * after + (x3 - x2) * slope_after
    )
    return result


def render_shot(
    path: CameraPath,
    panorama: Panorama,
    lighting: Lighting,
    joints: np.ndarray | None = None,
    appearance: Appearance | None = None,
    fps: float = 25.0,
    shutter: float = SHUTTER,
) -> Iterator[tuple[np.ndarray, FrameTruth | None]]:
    """Render the frames of a shot.

    Args:
        path: where the camera looks, T frames.
        panorama: of the same tripod, reaching as far as the path looks.
        lighting: of the venue.
        joints: float (T, 26, 3), world metres; none: nobody is in the picture.
        appearance: looks of the gymnast; needed with ``joints``.
        fps: frames a second of the record (a ponytail trails by it).
        shutter: part of a frame's time that the shutter is open; 0 switches motion blur off.

    Yields:
        uint8 (H, W, 4) RGB and a fourth channel without meaning (the array is used again for the next frame), and the
        truth about the gymnast, or None without one.
    """
    frame = np.empty((path.height, path.width, 4), np.uint8)
    if joints is None:
        for index in range(len(path)):
            _draw_background(frame, panorama, panorama.compute_mapping(path, index))
            yield frame, None
        return
    assert appearance is not None and len(joints) == len(path), "a body needs looks and a place in every frame"
    for start in range(0, len(path), _CHUNK):
        yield from _render_chunk(
            path,
            panorama,
            lighting,
            joints,
            appearance,
            fps,
            shutter,
            range(start, min(start + _CHUNK, len(path))),
            frame,
        )


def _draw_background(frame: np.ndarray, panorama: Panorama, mapping: np.ndarray) -> None:
    cv2.warpPerspective(
        panorama.image,
        mapping,
        (frame.shape[1], frame.shape[0]),
        dst=frame,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _render_chunk(
    path: CameraPath,
    panorama: Panorama,
    lighting: Lighting,
    joints: np.ndarray,
    appearance: Appearance,
    fps: float,
    shutter: float,
    frames: range,
    image: np.ndarray,
) -> Iterator[tuple[np.ndarray, FrameTruth]]:
    projected = [path.project(joints[frame], frame) for frame in frames]
    counts = _count_instants(joints, frames, projected, path, shutter)
    times = np.concatenate(
        [frame + shutter * (np.arange(n) - (n - 1) / 2) / n for frame, n in zip(frames, counts, strict=True)]
    )
    head = joints[:, JOINT_INDEX["head_top"]]
    velocity = np.gradient(head.astype(np.float64), axis=0) * fps if len(joints) > 1 else np.zeros((len(joints), 3))
    speed = velocity[np.clip(np.rint(times).astype(int), 0, len(joints) - 1)]
    rows = build_body(resample_joints(joints, times), appearance, speed)
    brush = _Brush(path, panorama, lighting, image)
    offset = 0
    for frame, count, (pixels, depth) in zip(frames, counts, projected, strict=True):
        truth = brush.paint(frame, rows[offset : offset + count], pixels, depth)
        offset += count
        yield image, truth


def _count_instants(
    joints: np.ndarray,
    frames: range,
    projected: list[tuple[np.ndarray, np.ndarray]],
    path: CameraPath,
    shutter: float,
) -> list[int]:
    """How many instants a frame averages: more, the further the fastest joint moves in the picture meanwhile."""
    moves = np.linalg.norm(np.diff(joints, axis=0, prepend=joints[:1]), axis=2).max(axis=1)
    counts = []
    for frame, (_, depth) in zip(frames, projected, strict=True):
        nearest = max(float(np.median(depth)), 0.5)
        shift = float(moves[frame]) * float(path.focal[frame]) / nearest * shutter * 360 / path.height
        counts.append(next((n for limit, n in _BLUR_STEPS if shift > limit), 1))
    return counts


class _Brush:
    """Paints a body into the frames of one shot."""

    def __init__(self, path: CameraPath, panorama: Panorama, lighting: Lighting, image: np.ndarray) -> None:
        self.path, self.panorama, self.lights, self.image = path, panorama, lighting.rows, image
        self.position = np.array(path.tripod.position, np.float64)
        self.centre = np.array([(path.width - 1) / 2, (path.height - 1) / 2])
        self.limits = np.array([path.width, path.height] * 2)

    def paint(self, frame: int, instants: np.ndarray, pixels: np.ndarray, joint_depth: np.ndarray) -> FrameTruth:
        """Background, shadow and body of one frame; ``instants`` float64 (N, P, columns)."""
        mapping = self.panorama.compute_mapping(self.path, frame)
        _draw_background(self.image, self.panorama, mapping)
        view = (self.position, self.path.get_rotation(frame), float(self.path.focal[frame]), *self.centre)
        middle = instants[len(instants) // 2]
        self._paint_shadow(middle, view, mapping)
        bounds = np.zeros((len(instants), instants.shape[1], 4), np.int64)
        boxes = [
            raycast.compute_bounds(rows, *view, self.path.width, self.path.height, own)
            for rows, own in zip(instants, bounds, strict=True)
        ]
        left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
        right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
        if right <= left or bottom <= top:
            return _make_truth(pixels, self._see_outside(pixels), None, left, top)
        total = np.zeros((bottom - top, right - left, 4), np.float32)
        for number, (rows, own) in enumerate(zip(instants, bounds, strict=True)):
            layer = np.zeros_like(total)
            depth = np.full(total.shape[:2], raycast.FAR, np.float32)
            # Near ones first: what they cover is never shaded.
            order = np.argsort((0.5 * (rows[:, 0:3] + rows[:, 3:6]) - self.position) @ view[1][2])
            raycast.draw_solids(rows[order], own[order], *view, self.lights, layer, depth, left, top)
            layers.resolve_layer(layer, depth, left, top, mapping, self.panorama.depth, 1.0 / len(instants), total)
            if number == len(instants) // 2:
                visibility = self._see_outside(pixels)
                layers.see_joints(
                    pixels, joint_depth, mapping, self.panorama.depth, depth, left, top, _FLESH, _GRACE, visibility
                )
        layers.composite(self.image, total, left, top)
        return _make_truth(pixels, visibility, total[:, :, 3], left, top)

    def _paint_shadow(self, rows: np.ndarray, view: tuple, mapping: np.ndarray) -> None:
        parts = rows[:_SHADOW_PARTS]
        middle = 0.5 * (parts[:, 0:3] + parts[:, 3:6])
        low = float(min(parts[:, raycast.END_A + 2].min(), parts[:, raycast.END_B + 2].min()))
        half = 0.5 * _GRID * _CELL
        x, y = float(middle[:, 0].mean()) - half, float(middle[:, 1].mean()) - half
        grid = np.ones((_GRID, _GRID), np.float32)
        layers.splat_shadow(parts, x, y, _CELL, grid)
        cells = np.empty(4, np.int64)
        layers.measure_shadow(grid, cells)
        if cells[2] <= cells[0]:
            return
        # Surfaces from the floor up to just above the lowest part: it may sink into a mat.
        ceiling = max(low, 0.0) + 0.12
        x0, y0, x1, y1 = cells * _CELL + (x, y, x, y)
        corners = np.array([[i, j, z] for i in (x0, x1) for j in (y0, y1) for z in (-0.05, ceiling)])
        local = (corners - self.position) @ view[1].T
        if (local[:, 2] < 0.2).any():
            return
        spots = local[:, :2] / local[:, 2:] * view[2] + self.centre
        box = np.clip(np.concatenate([spots.min(axis=0), spots.max(axis=0) + 1]), 0, self.limits)
        layers.apply_shadow(
            self.image, box.astype(np.int64), *view, mapping, self.panorama.depth, x, y, _CELL, grid, ceiling
        )

    def _see_outside(self, pixels: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            inside = ((pixels >= -0.5) & (pixels < self.limits[:2] - 0.5)).all(axis=1)
        return np.where(inside, HIDDEN, OUTSIDE).astype(np.uint8)


def _make_truth(
    pixels: np.ndarray, visibility: np.ndarray, coverage: np.ndarray | None, left: int, top: int
) -> FrameTruth:
    box = np.full(4, np.nan, np.float32)
    if coverage is not None:
        solid = coverage > 0.5
        columns, rows = np.flatnonzero(solid.any(axis=0)), np.flatnonzero(solid.any(axis=1))
        if len(columns):
            box[:] = left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1
    return FrameTruth(pixels.astype(np.float32), visibility, box)
