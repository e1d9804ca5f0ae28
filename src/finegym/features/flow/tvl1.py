"""TV-L1 optical flow on the CPU: the two-stream literature's flow, about as fast as C.

One pair runs on one thread and holds no lock of Python, so that pairs run side by side. The time goes into the primal
and dual updates, which one sweep over the rows does together: a row of the flow needs the dual rows above and at it,
a dual row the flow rows at and below it, so the dual update follows one row behind and everything stays in cache.
Warping and the median are OpenCV's.

Compiled on first use and cached on disk by numba (``NUMBA_CACHE_DIR`` chooses where).
"""

from __future__ import annotations

from typing import Any

import cv2
import numba
import numpy as np

from finegym.features.flow.parameters import TVL1Parameters

MIN_SIDE = 16  # of a coarser level, pixels

# When another method's flow is taken: the mean error around a pixel must be smaller by a margin well above noise, and
# one wrong pixel counts as no more than the largest error. Grey values; pixels.
CHOICE_MARGIN, LARGEST_ERROR, CHOICE_SIDE = np.float32(4.0), np.float32(20.0), 7

# With Python's error model every division is checked for zero, and no loop with one is vectorised. Full fastmath would
# let NaN through unnoticed; nothing here makes one.
compiled: Any = numba.njit(cache=True, fastmath={"contract", "arcp", "nsz", "reassoc"}, error_model="numpy", nogil=True)


def compute_tvl1(
    first: np.ndarray, second: np.ndarray, parameters: TVL1Parameters, proposal: np.ndarray | None = None
) -> np.ndarray:
    """Flow from one frame to the next.

    Args:
        first: uint8 or float32 (H, W), grey, 0..255.
        second: like ``first``.
        parameters: see there.
        proposal: float32 (H, W, 2), another method's flow. The finest level begins with it at pixels around which it
            explains the second frame clearly better than the coarser levels' flow: fast, thin limbs, which coarser
            levels do not see.

    Returns:
        float32 (H, W, 2), pixels: what is at (x, y) in ``first`` is at (x + dx, y + dy) in ``second``.

    Source:
        Zach, Pock, Bischof: A duality based approach for realtime TV-L1 optical flow, DAGM 2007, section 3; order of
        operations, borders and stop rule as in OpenCV's DualTVL1. Choosing between two flows pixel by pixel: after
        Lempitsky, Roth, Rother: FusionFlow, CVPR 2008, without its graph cut.
    """
    firsts, seconds = build_pyramid(first, parameters), build_pyramid(second, parameters)
    coarsest = len(firsts) - 1
    flow = np.zeros((2, *firsts[-1].shape), np.float32)
    for level in range(coarsest, -1, -1):
        if level < coarsest:
            flow = _enlarge(flow, firsts[level].shape, parameters.scale_step)
        if level == 0 and proposal is not None:
            flow = _choose(firsts[0], seconds[0], flow, np.ascontiguousarray(proposal.transpose(2, 0, 1)))
        _refine(firsts[level], seconds[level], flow, parameters, parameters.count_warps(level == coarsest))
    return np.ascontiguousarray(flow.transpose(1, 2, 0))


def build_pyramid(frame: np.ndarray, parameters: TVL1Parameters) -> list[np.ndarray]:
    """The frame as float32 and its smaller versions, finest first; bilinear, each from the one before."""
    levels = [np.ascontiguousarray(frame, np.float32)]
    step = parameters.scale_step
    while len(levels) < parameters.num_scales and min(round(side * step) for side in levels[-1].shape) >= MIN_SIDE:
        levels.append(np.asarray(cv2.resize(levels[-1], None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)))
    return levels


def _enlarge(flow: np.ndarray, shape: tuple[int, ...], scale_step: float) -> np.ndarray:
    larger = [cv2.resize(part, shape[::-1], interpolation=cv2.INTER_LINEAR) for part in flow]
    return np.stack(larger) / np.float32(scale_step)


def _choose(first: np.ndarray, second: np.ndarray, flow: np.ndarray, proposal: np.ndarray) -> np.ndarray:
    """``proposal`` where it explains the second frame better than ``flow`` by the margin, else ``flow``."""
    columns, rows = _make_grid(first)
    errors = []
    for field in (flow, proposal):
        warped = cv2.remap(
            second, field[0] + columns, field[1] + rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        errors.append(cv2.blur(np.minimum(np.abs(warped - first), LARGEST_ERROR), (CHOICE_SIDE, CHOICE_SIDE)))
    return np.where(errors[1] + CHOICE_MARGIN < errors[0], proposal, flow)


def _make_grid(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns (W,) and rows (H, 1) of the pixels of a frame."""
    height, width = frame.shape
    return np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]


def _refine(
    first: np.ndarray, second: np.ndarray, flow: np.ndarray, parameters: TVL1Parameters, num_warps: int
) -> None:
    """One level: warps the second frame by the flow and improves the flow in place."""
    height, width = first.shape
    columns, rows = _make_grid(first)
    # A row of zeros above and a column of zeros to the left: beyond the border the dual field is zero.
    dual = np.zeros((4, height + 1, width + 1), np.float32)
    warped = np.empty((height, width, 3), np.float32)
    residual = np.empty((height, width), np.float32)
    inverse = np.empty_like(residual)
    gradient = np.empty((2, height, width), np.float32)
    picture = np.empty((height, width, 3), np.float32)
    fill_picture(second, picture)
    limit = np.float32(parameters.lambda_ * parameters.theta)
    step = np.float32(parameters.tau / parameters.theta)
    enough = parameters.epsilon**2 * height * width
    for _ in range(num_warps):
        cv2.remap(picture, flow[0] + columns, flow[1] + rows, cv2.INTER_CUBIC, warped, cv2.BORDER_CONSTANT, 0)
        prepare_warp(first, warped, flow, gradient, inverse, residual)
        for _ in range(parameters.num_outer_iterations):
            if parameters.median_size > 1:
                for part in flow:
                    cv2.medianBlur(part, parameters.median_size, part)
            change = iterate(
                gradient, inverse, residual, flow, dual, limit, np.float32(parameters.theta), step,
                parameters.num_inner_iterations, enough,
            )  # fmt: skip
            if change <= enough:
                break


@compiled
def fill_picture(frame: np.ndarray, picture: np.ndarray) -> None:
    """A frame and its central differences side by side, (H, W, 3), so that one look-up warps all three."""
    height, width = frame.shape
    half = np.float32(0.5)
    for y in range(height):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            picture[y, x, 0] = frame[y, x]
            picture[y, x, 1] = half * (frame[y, min(x + 1, width - 1)] - frame[y, max(x - 1, 0)])
            picture[y, x, 2] = half * (frame[below, x] - frame[above, x])


@compiled
def prepare_warp(
    first: np.ndarray,
    warped: np.ndarray,
    flow: np.ndarray,
    gradient: np.ndarray,
    inverse: np.ndarray,
    residual: np.ndarray,
) -> None:
    """The data term around the present flow: its gradient, 1 / |gradient|^2, and the part without the flow."""
    height, width = first.shape
    tiny = np.float32(1.1920929e-07)
    for y in range(height):
        for x in range(width):
            dx, dy = warped[y, x, 1], warped[y, x, 2]
            gradient[0, y, x] = dx
            gradient[1, y, x] = dy
            inverse[y, x] = np.float32(1.0) / max(dx * dx + dy * dy, tiny)
            residual[y, x] = warped[y, x, 0] - dx * flow[0, y, x] - dy * flow[1, y, x] - first[y, x]


@compiled
def iterate(
    gradient: np.ndarray,
    inverse: np.ndarray,
    residual: np.ndarray,
    flow: np.ndarray,
    dual: np.ndarray,
    limit: float,
    theta: float,
    step: float,
    num_iterations: int,
    enough: float,
) -> float:
    """Primal and dual updates until the summed squared change of the flow is ``enough``; returns the last change."""
    height = flow.shape[1]
    change = np.inf
    for _ in range(num_iterations):
        change = 0.0
        for y in range(height):
            change += _update_flow_row(gradient, inverse, residual, flow, dual, y, limit, theta)
            if y > 0:
                _update_dual_row(flow, dual, y - 1, y, step)
        _update_dual_row(flow, dual, height - 1, height - 1, step)
        if change <= enough:
            break
    return change


@compiled
def _update_flow_row(
    gradient: np.ndarray,
    inverse: np.ndarray,
    residual: np.ndarray,
    flow: np.ndarray,
    dual: np.ndarray,
    y: int,
    limit: float,
    theta: float,
) -> np.float32:
    u, v, gx, gy = flow[0, y], flow[1, y], gradient[0, y], gradient[1, y]
    rho, inv = residual[y], inverse[y]
    pux, puy, puy_above = dual[0, y + 1], dual[1, y + 1], dual[1, y]
    pvx, pvy, pvy_above = dual[2, y + 1], dual[3, y + 1], dual[3, y]
    change = np.float32(0.0)
    for x in range(len(u)):
        before_u, before_v = u[x], v[x]
        # Thresholding, paper eq. 15: all three cases are a clipped division.
        along = -(rho[x] + gx[x] * before_u + gy[x] * before_v) * inv[x]
        along = max(min(along, limit), -limit)
        divergence_u = pux[x + 1] - pux[x] + puy[x + 1] - puy_above[x + 1]
        divergence_v = pvx[x + 1] - pvx[x] + pvy[x + 1] - pvy_above[x + 1]
        after_u = before_u + along * gx[x] + theta * divergence_u
        after_v = before_v + along * gy[x] + theta * divergence_v
        u[x], v[x] = after_u, after_v
        change += (after_u - before_u) * (after_u - before_u) + (after_v - before_v) * (after_v - before_v)
    return change


@compiled
def _update_dual_row(flow: np.ndarray, dual: np.ndarray, y: int, below: int, step: float) -> None:
    """``below`` is the next row, or ``y`` itself in the last one, where the vertical difference is zero."""
    one = np.float32(1.0)
    for part in range(2):
        u, u_below = flow[part, y], flow[part, below]
        px, py = dual[2 * part, y + 1], dual[2 * part + 1, y + 1]
        last = len(u) - 1
        for x in range(last):
            dx, dy = u[x + 1] - u[x], u_below[x] - u[x]
            shrink = one / (one + step * np.sqrt(dx * dx + dy * dy))
            px[x + 1] = (px[x + 1] + step * dx) * shrink
            py[x + 1] = (py[x + 1] + step * dy) * shrink
        dy = u_below[last] - u[last]
        py[last + 1] = (py[last + 1] + step * dy) / (one + step * abs(dy))
