"""Heatmap volumes of poses, the input of PoseConv3D: a stack of blurred joints or limbs over time.

What loader processes hand on is the joints on the grid of the heatmap (a few KB a clip); the volume (10 MB) is drawn
from them wherever the model is.

Source: Duan et al., "Revisiting Skeleton-based Action Recognition", CVPR 2022, sections 3.2 and 3.3. Differences: the
whole Gaussian is drawn, not only what lies within three deviations; and the cell's centre is meant where the authors'
code takes its corner, so that a mirrored volume is the volume of the mirrored poses.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch

from finegym.datasets.skeletons import MIRRORED, choose_persons, get_skeleton
from finegym.features.pose.poses import Poses

# The 17 limbs of the authors' code (``GeneratePoseTarget``), pairs of joints in COCO's order.
LIMBS = (
    *((0, 1), (0, 2), (1, 3), (2, 4), (0, 5), (5, 7), (7, 9), (0, 6), (6, 8)),
    *((8, 10), (5, 11), (11, 13), (13, 15), (6, 12), (12, 14), (14, 16), (11, 12)),
)
WHOLE = (0.0, 0.0, 1.0, 1.0)
MIN_EXTENT = 10.0  # pixels; poses that span less are not zoomed into

Array = TypeVar("Array", bound=Any)  # NumPy's or torch's


def make_heatmaps(
    poses: Poses,
    indices: np.ndarray,
    *,
    size: int = 56,
    sigma: float = 0.6,
    padding: float = 0.25,
    limbs: bool = False,
    use_score: bool = True,
) -> np.ndarray:
    """The heatmap volume of some frames of a clip: ``place_joints``, then ``draw_joints`` or ``draw_limbs``.

    Returns:
        float32 (V, T, S, S), or (L, T, S, S) for limbs, in [0, 1] where scores are.
    """
    joints = torch.from_numpy(place_joints(poses, indices, size=size, padding=padding, use_score=use_score))
    draw = draw_limbs if limbs else draw_joints
    return np.asarray(draw(joints, size, sigma).numpy())


def find_square(skeleton: np.ndarray, width: int, height: int, padding: float = 0.25) -> tuple[float, float, float]:
    """The square around all poses of a clip, so that the gymnast fills the heatmap.

    Its side is the larger extent of the joints that were seen, and ``padding`` of it more. It may reach past the frame.
    Where nobody was seen, or all joints lie within ten pixels, it is the frame's (the longer side).

    Args:
        skeleton: (M, T, V, 3), x, y in pixels, score; 0 where not seen.
        width: of the frame in pixels.
        height: of the frame in pixels.
        padding: share of the extent.

    Returns:
        x and y of its corner, and its side, in pixels.
    """
    seen = skeleton[skeleton[..., 2] > 0][:, :2]
    low, high = (seen.min(axis=0), seen.max(axis=0)) if len(seen) else (np.zeros(2), np.zeros(2))
    side = float((high - low).max()) * (1 + padding)
    if float((high - low).max()) < MIN_EXTENT:
        low, high, side = np.full(2, -0.5), np.array([width - 0.5, height - 0.5]), float(max(width, height))
    x, y = ((low + high) / 2 - side / 2).tolist()
    return x, y, side


def place_joints(
    poses: Poses,
    indices: np.ndarray,
    *,
    size: int = 56,
    padding: float = 0.25,
    crop: tuple[float, float, float, float] = WHOLE,
    num_persons: int | None = None,
    use_score: bool = True,
) -> np.ndarray:
    """The joints of some frames on the grid of a heatmap.

    Args:
        poses: of the clip.
        indices: frames (T,), such as ``sample_uniform`` gives.
        size: S, cells along each side.
        padding: as for ``find_square``.
        crop: left, top, right, bottom of the part that is shown, in shares of the square (``sample_crop``).
        num_persons: how many at most, the best first; ``None``: all.
        use_score: whether a joint weighs as much as its score, or 1.

    Returns:
        float32 (M, T, V, 3): x and y in cells, the middle of the first is (0, 0); and the weight, 0 where not seen.
    """
    persons = choose_persons(poses, len(poses.status) if num_persons is None else num_persons)
    skeleton = get_skeleton(poses, persons)[:, indices]
    skeleton[:, indices < 0] = 0
    x, y, side = find_square(skeleton, poses.width, poses.height, padding)
    left, top, right, bottom = crop
    corner = np.array([x + left * side, y + top * side])
    extent = np.array([(right - left) * side, (bottom - top) * side])
    joints = np.empty_like(skeleton)
    joints[..., :2] = (skeleton[..., :2] - corner) * (size / extent) - 0.5
    joints[..., 2] = skeleton[..., 2] if use_score else skeleton[..., 2] > 0
    return np.where(joints[..., 2:] > 0, joints, np.float32(0))


def sample_crop(
    rng: np.random.Generator, area: tuple[float, float] = (0.56, 1.0), aspect: tuple[float, float] = (0.75, 4 / 3)
) -> tuple[float, float, float, float]:
    """A random part of the square (training): its share of the area, its aspect (width to height), its place.

    Returns:
        Left, top, right, bottom in [0, 1]. Where the drawn aspect does not fit, the longer side is the whole square's.
    """
    share, ratio = rng.uniform(*area), np.exp(rng.uniform(np.log(aspect[0]), np.log(aspect[1])))
    width, height = min(1.0, float(np.sqrt(share * ratio))), min(1.0, float(np.sqrt(share / ratio)))
    left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    return left, top, left + width, top + height


def draw_joints(joints: torch.Tensor, size: int, sigma: float = 0.6) -> torch.Tensor:
    """A volume a joint: its weight times a Gaussian around it; of several persons, the largest.

    Args:
        joints: (…, M, T, V, 3) from ``place_joints``, on any device.
        size: S.
        sigma: deviation in cells.

    Returns:
        (…, V, T, S, S), rows then columns.
    """
    x, y, weight = joints.unbind(-1)  # (…, M, T, V)
    cells = torch.arange(size, device=joints.device, dtype=joints.dtype)
    columns = torch.exp(-((cells - x[..., None]) ** 2) / (2 * sigma**2))  # (…, M, T, V, S)
    rows = torch.exp(-((cells - y[..., None]) ** 2) / (2 * sigma**2)) * weight[..., None]
    volume = (rows[..., :, None] * columns[..., None, :]).amax(dim=-5)  # (…, T, V, S, S)
    return volume.transpose(-4, -3)


def draw_limbs(joints: torch.Tensor, size: int, sigma: float = 0.6) -> torch.Tensor:
    """A volume a limb: a Gaussian of the distance to it, times the smaller weight of its two joints.

    Args:
        joints: (…, M, T, V, 3) from ``place_joints``, on any device.
        size: S.
        sigma: deviation in cells.

    Returns:
        (…, L, T, S, S), limbs in the order of ``LIMBS``.
    """
    starts, ends = joints[..., [a for a, _ in LIMBS], :], joints[..., [b for _, b in LIMBS], :]  # (…, M, T, L, 3)
    weight = torch.minimum(starts[..., 2], ends[..., 2])
    x, y = (starts[..., axis, None, None] for axis in (0, 1))  # (…, M, T, L, 1, 1)
    dx, dy = (ends[..., axis, None, None] - starts[..., axis, None, None] for axis in (0, 1))
    cells = torch.arange(size, device=joints.device, dtype=joints.dtype)
    right, down = cells - x, cells[:, None] - y  # (…, 1, S), (…, S, 1)
    # How far along the limb its nearest point lies; a limb without length is a point.
    length = (dx**2 + dy**2).clamp_min(1e-6)
    along = ((right * dx + down * dy) / length).clamp(0, 1)  # (…, M, T, L, S, S)
    distance = (right - along * dx) ** 2 + (down - along * dy) ** 2
    volume = (torch.exp(-distance / (2 * sigma**2)) * weight[..., None, None]).amax(dim=-5)
    return volume.transpose(-4, -3)


def mirror_joints(joints: Array, size: int) -> Array:
    """Joints on the grid as a mirror shows them; NumPy or torch, (…, V, 3). A new array of the same kind."""
    mirrored = joints[..., list(MIRRORED), :]
    mirrored[..., 0] = size - 1 - mirrored[..., 0]
    return mirrored
