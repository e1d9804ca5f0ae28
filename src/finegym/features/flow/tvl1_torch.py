"""TV-L1 in PyTorch: many pairs at once on a GPU. The same steps as ``tvl1``, pair by pair as if it were alone.

Every pair stops iterating by its own rule. Pairs that have stopped leave the batch, so that one that takes long does
not cost as much as a whole batch that takes long.

On the CPU this is several times slower than ``tvl1``, which is what ``compute_flow`` uses there.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from finegym.features.flow.parameters import TVL1Parameters

MIN_SIDE = 16  # of a coarser level, as in `tvl1`
PIXELS_AT_ONCE = 8_000_000  # some 2 GB of memory; 90 pairs at 340 x 256
# Asking a GPU whether all pairs have stopped makes it wait; iterating a stopped pair changes nothing.
CHECK_EVERY = 4


def compute_clip(
    frames: np.ndarray, parameters: TVL1Parameters, device: str, pixels_at_once: int = PIXELS_AT_ONCE
) -> np.ndarray:
    """Flow of neighbouring frames on a device.

    Args:
        frames: uint8 (T, H, W), grey.
        parameters: see there.
        device: as PyTorch names it.
        pixels_at_once: bounds the batch, and so the memory.

    Returns:
        float32 (T - 1, H, W, 2), pixels.
    """
    fields = np.empty((len(frames) - 1, *frames.shape[1:], 2), np.float32)
    batch_size = max(1, pixels_at_once // frames[0].size)
    for start in range(0, len(fields), batch_size):
        part = torch.as_tensor(frames[start : start + batch_size + 1]).to(device)
        flow = compute_flow_batch(part[:-1], part[1:], parameters)
        fields[start : start + len(flow)] = flow.permute(0, 2, 3, 1).cpu().numpy()
    return fields


@torch.inference_mode()
def compute_flow_batch(first: Tensor, second: Tensor, parameters: TVL1Parameters | None = None) -> Tensor:
    """Flow of many pairs, on the device where the frames are.

    Args:
        first: uint8 or float32 (B, H, W), grey, 0..255.
        second: like ``first``.
        parameters: see there.

    Returns:
        float32 (B, 2, H, W), (dx, dy) in pixels. A pair's flow does not depend on the others in the batch.

    Source:
        Zach, Pock, Bischof: A duality based approach for realtime TV-L1 optical flow, DAGM 2007, section 3; order of
        operations, borders and stop rule as in OpenCV's DualTVL1.
    """
    parameters = parameters or TVL1Parameters()
    firsts, seconds = _build_pyramid(first.float(), parameters), _build_pyramid(second.float(), parameters)
    coarsest = len(firsts) - 1
    flow = first.new_zeros((len(first), 2, *firsts[-1].shape[1:]), dtype=torch.float32)
    for level in range(coarsest, -1, -1):
        if level < coarsest:
            flow = F.interpolate(flow, firsts[level].shape[1:], mode="bilinear") / parameters.scale_step
        flow = _refine(firsts[level], seconds[level], flow, parameters, parameters.count_warps(level == coarsest))
    return flow


def _build_pyramid(frames: Tensor, parameters: TVL1Parameters) -> list[Tensor]:
    levels = [frames]  # (B, H, W)
    while len(levels) < parameters.num_scales:
        sides = [round(side * parameters.scale_step) for side in levels[-1].shape[1:]]
        if min(sides) < MIN_SIDE:
            break
        smaller = levels[-1]
        for axis, side in zip((1, 2), sides, strict=True):
            smaller = _shrink(smaller, axis, side, parameters.scale_step)
        levels.append(smaller)
    return levels


def _shrink(frames: Tensor, axis: int, side: int, scale_step: float) -> Tensor:
    """Bilinear along one axis; PyTorch's own takes the ratio of the rounded sides for the step."""
    last = frames.shape[axis] - 1
    positions = ((torch.arange(side, device=frames.device) + 0.5) / scale_step - 0.5).clamp(0, last)
    below = positions.floor().long()
    shape = [1, 1, 1]
    shape[axis] = side
    weight = (positions - below).float().view(shape)
    left, right = frames.index_select(axis, below), frames.index_select(axis, (below + 1).clamp(max=last))
    return left + weight * (right - left)


def _refine(first: Tensor, second: Tensor, flow: Tensor, parameters: TVL1Parameters, num_warps: int) -> Tensor:
    """One level: warps the second frames by the flow and improves the flow."""
    B, height, width = first.shape
    picture = _fit_power_of_two(torch.stack([second, _differentiate(second, 2), _differentiate(second, 1)], 1))
    # A row of zeros above and a column of zeros to the left: beyond the border the dual field is zero.
    dual = flow.new_zeros((B, 4, height + 1, width + 1))
    for _ in range(num_warps):
        warped = _warp(picture, flow)
        gradient = warped[:, 1:]
        inverse = 1.0 / (gradient * gradient).sum(1, keepdim=True).clamp_(min=torch.finfo(torch.float32).eps)
        residual = warped[:, :1] - (gradient * flow).sum(1, keepdim=True) - first[:, None]
        flow, dual = _iterate(gradient, inverse, residual, flow, dual, parameters)
    return flow


def _differentiate(frames: Tensor, axis: int) -> Tensor:
    """Half the difference of the two neighbours; at the border the frame itself stands for the missing one."""
    size = frames.shape[axis]
    places = torch.arange(size, device=frames.device)
    after = frames.index_select(axis, (places + 1).clamp(max=size - 1))
    return 0.5 * (after - frames.index_select(axis, (places - 1).clamp(min=0)))


def _fit_power_of_two(picture: Tensor) -> Tensor:
    """``picture`` with zeros to the right and below, so that `_warp` finds whole pixels without any rounding.

    A still clip stays still: at the border the least rounding reaches beyond the frame, where all is black, and that
    grows with each warp.
    """
    right, below = (_round_up(side) - side for side in picture.shape[:1:-1])
    return F.pad(picture, (0, right, 0, below))


def _round_up(side: int) -> int:
    return 1 << (side - 1).bit_length()


def _warp(picture: Tensor, flow: Tensor) -> Tensor:
    """``picture`` (B, C, H, W), sides powers of two, looked up at each pixel plus its flow; bicubic, black outside."""
    columns, rows = (torch.arange(side, device=flow.device) for side in flow.shape[:1:-1])
    height, width = picture.shape[2:]
    x = (2 * (flow[:, 0] + columns) + (1 - width)) / width
    y = (2 * (flow[:, 1] + rows[:, None]) + (1 - height)) / height
    return F.grid_sample(picture, torch.stack([x, y], 3), "bicubic", "zeros", align_corners=False)


def _iterate(
    gradient: Tensor, inverse: Tensor, residual: Tensor, flow: Tensor, dual: Tensor, parameters: TVL1Parameters
) -> tuple[Tensor, Tensor]:
    """Median filters and updates of one warp, each pair until its own stop; returns the flow and the dual field."""
    flows, duals = torch.empty_like(flow), torch.empty_like(dual)  # filled as pairs leave
    places = torch.arange(len(flow), device=flow.device)
    active = torch.ones_like(places, dtype=torch.bool)
    enough = parameters.epsilon**2 * flow.shape[2] * flow.shape[3]
    check_every = 1 if flow.device.type == "cpu" else CHECK_EVERY
    for iteration in range(parameters.num_outer_iterations * parameters.num_inner_iterations):
        going = active[:, None, None, None]
        if iteration % parameters.num_inner_iterations == 0 and parameters.median_size > 1:
            flow = torch.where(going, filter_median(flow, parameters.median_size), flow)
        change = _update(gradient, inverse, residual, flow, dual, going, parameters)
        active = active & (change > enough)
        if iteration % check_every == check_every - 1:
            num_active = int(active.sum())
            if num_active <= 0.75 * len(active):  # leaving costs a copy of everything
                flows[places], duals[places] = flow, dual
                if num_active == 0:
                    return flows, duals
                gradient, inverse, residual = gradient[active], inverse[active], residual[active]
                flow, dual, places, active = flow[active], dual[active], places[active], active[active]
    flows[places], duals[places] = flow, dual
    return flows, duals


def _update(
    gradient: Tensor,
    inverse: Tensor,
    residual: Tensor,
    flow: Tensor,
    dual: Tensor,
    going: Tensor,
    parameters: TVL1Parameters,
) -> Tensor:
    """One primal and one dual update, in place, of the pairs that are ``going``; returns each pair's squared change."""
    limit, theta, step = parameters.lambda_ * parameters.theta, parameters.theta, parameters.tau / parameters.theta
    # Thresholding, paper eq. 15: all three cases are a clipped division.
    along = -((gradient * flow).sum(1, keepdim=True).add_(residual)).mul_(inverse)
    along = along.clamp_(-limit, limit)
    along_x, along_y = dual[:, 0::2], dual[:, 1::2]  # (B, 2, H + 1, W + 1): of both components of the flow
    divergence = along_x[..., 1:, 1:] - along_x[..., 1:, :-1]
    divergence += along_y[..., 1:, 1:]
    divergence -= along_y[..., :-1, 1:]
    delta = (along * gradient).add_(divergence, alpha=theta).mul_(going)
    flow += delta
    dx, dy = torch.zeros_like(flow), torch.zeros_like(flow)
    torch.sub(flow[..., 1:], flow[..., :-1], out=dx[..., :-1])
    torch.sub(flow[..., 1:, :], flow[..., :-1, :], out=dy[..., :-1, :])
    length = (dx * dx).addcmul_(dy, dy).sqrt_().mul_(step).add_(1.0)
    for field, difference in ((along_x, dx), (along_y, dy)):
        inside = field[..., 1:, 1:]
        inside.copy_(torch.where(going, difference.mul_(step).add_(inside).div_(length), inside))
    return delta.square_().sum((1, 2, 3))


def filter_median(images: Tensor, size: int) -> Tensor:
    """Median of ``size`` x ``size`` pixels (odd) around each of (B, C, H, W); the border is continued.

    Of the first half of the values and two more, neither the smallest nor the largest is the median; both go, the next
    value comes in, and so on: elementwise minima and maxima, which every device is good at.
    """
    height, width = images.shape[2:]
    padded = F.pad(images, (size // 2,) * 4, mode="replicate")
    values = [padded[..., y : y + height, x : x + width] for y in range(size) for x in range(size)]
    num_kept = len(values) // 2 + 2
    values, waiting = values[:num_kept], values[num_kept:]
    while len(values) > 1:
        values = _drop_extremes(values) + waiting[:1]
        waiting = waiting[1:]
    return values[0]


def _drop_extremes(values: list[Tensor]) -> list[Tensor]:
    """All but the smallest and the largest: low ones to the front, high ones to the back, then along each half."""
    values = list(values)
    last = len(values) - 1

    def sort(low: int, high: int) -> None:
        values[low], values[high] = (
            torch.minimum(values[low], values[high]),
            torch.maximum(values[low], values[high]),
        )

    for low in range(len(values) // 2):
        sort(low, last - low)
    for low in range(1, (len(values) + 1) // 2):
        sort(0, low)
    for high in range(len(values) // 2, last):
        sort(high, last)
    return values[1:-1]
