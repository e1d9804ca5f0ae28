"""What every point of ActionFormer's pyramid should say.

Source: Zhang, Wu, Li, ECCV 2022, section 3.3: a segment is learnt by the points near its centre, on the level that
suits its length. Where several segments claim a point the shortest has it (the first of equals; the release then gives
the point all their classes, which needs segments that share both ends).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch


class PointTargets(NamedTuple):
    """Targets of P points.

    Attributes:
        segment: int64 (P,), the row of the segment a point stands for; -1 for background.
        offsets: float32 (P, 2), back to its start and on to its end, in strides; 0 for background.
        is_ignored: bool (P,), background that may be something after all: inside an ignore region.
    """

    segment: torch.Tensor
    offsets: torch.Tensor
    is_ignored: torch.Tensor


def assign_points(
    points: torch.Tensor,
    segments: torch.Tensor,
    ignored: torch.Tensor,
    *,
    first_reach: float,
    centre_radius: float,
) -> PointTargets:
    """Which segment every point stands for.

    A point stands for a segment if it lies inside, less than ``centre_radius`` strides from its centre, and if the
    farther of its ends is as far away as the level is for: up to ``first_reach`` snippets on the finest level, from
    there to twice as far on the next, and so on; the coarsest has no upper limit.

    Args:
        points: float32 (P, 2), position in snippets and stride, of ``make_points``.
        segments: float32 (N, 2), ``[start, end)`` as positions in snippets.
        ignored: float32 (M, 2), likewise.
        first_reach: in snippets.
        centre_radius: in strides.
    """
    position, stride = points[:, :1], points[:, 1:]  # (P, 1)
    is_ignored = ((position >= ignored[:, 0]) & (position < ignored[:, 1])).any(dim=1)
    if len(segments) == 0:
        nothing = torch.full((len(points),), -1)
        return PointTargets(nothing, torch.zeros(len(points), 2), is_ignored)
    start, end = segments[:, 0], segments[:, 1]  # (N,)
    back, on = position - start, end - position  # (P, N)
    is_inside = (back > 0) & (on > 0)
    is_central = (position - (start + end) / 2).abs() < centre_radius * stride
    farthest = torch.maximum(back, on)
    suits = (farthest >= get_lower_reach(stride, first_reach)) & (farthest <= get_upper_reach(stride, first_reach))
    length = (end - start).expand(len(points), -1)
    length = length.masked_fill(~(is_inside & is_central & suits), math.inf)
    shortest, row = length.min(dim=1)
    is_segment = torch.isfinite(shortest)
    chosen = segments[row]
    offsets = torch.cat([position - chosen[:, :1], chosen[:, 1:] - position], dim=1) / stride
    return PointTargets(row.where(is_segment, -1), offsets.where(is_segment[:, None], 0.0), is_ignored & ~is_segment)


def get_lower_reach(stride: torch.Tensor, first_reach: float) -> torch.Tensor:
    """The nearest that the farther end may be, in snippets."""
    return torch.where(stride == 1, 0.0, first_reach * stride / 2)


def get_upper_reach(stride: torch.Tensor, first_reach: float) -> torch.Tensor:
    """The farthest that the farther end may be, in snippets."""
    return torch.where(stride == stride.max(), math.inf, first_reach * stride)
