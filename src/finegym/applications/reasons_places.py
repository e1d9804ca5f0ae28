"""Where in the picture, or in which joints, a decision lies: what a model's inputs are taken apart into."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from finegym.applications.saliency import label_axis, label_cells
from finegym.datasets.heatmaps import LIMBS
from finegym.simulation.skeleton import COCO_JOINTS

GRID = 7  # cells along each side of the picture


@dataclass(frozen=True)
class Places:
    """The parts of every frame of a clip.

    Attributes:
        parts: int64, as ``saliency.compute_saliency`` wants them.
        names: of the P parts; empty where they are the cells of a picture, row by row.
    """

    parts: torch.Tensor
    names: tuple[str, ...]


def label_places(inputs: torch.Tensor, modality: str, *, limbs: bool = False) -> Places:
    """Take a clip apart by place: pixels and flow into cells, poses into joints.

    Args:
        inputs: float32 (1, …), what the model takes of one clip.
        modality: of the model's recipe.
        limbs: whether heatmaps are of limbs.
    """
    if modality == "pose":  # (B, C, T, V, M)
        return Places(label_axis(inputs, 3), _name_joints())
    if modality == "heatmap":  # (B, V, T, S, S)
        names = tuple(f"{_name_joints()[a]} to {_name_joints()[b]}" for a, b in LIMBS) if limbs else _name_joints()
        return Places(label_axis(inputs, 1), names)
    return Places(label_cells(inputs, GRID), ())


def _name_joints() -> tuple[str, ...]:
    return tuple(name.replace("_", " ") for name in COCO_JOINTS)
