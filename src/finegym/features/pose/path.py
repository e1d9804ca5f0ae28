"""The way of the gymnast through a shot: of all ways through the picture, the one along which most moves.

Nobody is detected here. A crowd fidgets and judges write, but through a whole shot nobody moves as much as the gymnast,
so that the way with the greatest sum of residual motion is hers, also in frames in which no detector would know her.
The best of all ways is found exactly, by dynamic programming over a grid of cells (Viterbi 1967; "track before
detect"), forward and back through the whole shot, with the camera's motion taken out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

CELL_PIXELS = 6  # of a frame of 144 lines
REACH_CELLS = 4  # from one sample to the next: 2.1 picture heights a second at 12.5 samples
FLOOR_SHARE = 0.25  # of what moves most in a usual frame: less does not draw the way, so that it waits while she stands
STEP_COST = 0.02  # grey levels a squared cell, so that a way without motion stays where it is
START_HEIGHT = 0.35  # of the picture; a gymnast in a broadcast, until her extent has been measured
MIN_HEIGHT, MAX_HEIGHT = 0.12, 0.9
BOX_SHARE = 0.75  # side of the square whose energy is summed, of the gymnast's length: she is seldom stretched
ERASED_SHARE = 0.75  # of her length, on either side of her middle
UNIFORM_LENGTH = np.sqrt(12.0)  # a uniform bar's length in standard deviations


@dataclass(frozen=True, eq=False)
class Path:
    """A way through T samples of a shot, in pixels of the small frames.

    Attributes:
        centres: float32 (T, 2), x and y of the middle of what moves.
        length: of the gymnast in pixels, one for the shot.
        energy: float32 (T,), mean residual motion in the box around the centre, grey levels.
        cells: int64 (T, 2), row and column in the grid.
    """

    centres: np.ndarray
    length: float
    energy: np.ndarray
    cells: np.ndarray


def find_path(
    energy: np.ndarray,
    cameras: np.ndarray,
    *,
    pins: Mapping[int, tuple[float, float, float]] | None = None,
    avoid: Path | None = None,
) -> Path:
    """The way with most motion.

    Args:
        energy: uint8 (T, H, W) from ``motion.compute_motion_energy``.
        cameras: float64 (T, 3, 3) from ``motion.estimate_cameras``.
        pins: by sample: x and y of a centre, and a length, that the way has to go through (a box given by hand).
        avoid: a way that was found before, around which no other is looked for.

    Returns:
        The way; where nothing moves at all it stays in the middle of the picture, with energy 0.
    """
    pins = pins or {}
    height = energy.shape[1]
    if avoid is not None:
        energy = _erase_around(energy, avoid)
    length = float(np.median([pin[2] for pin in pins.values()])) if pins else START_HEIGHT * height
    path = _find_path(energy, cameras, length, pins)
    measured = float(np.clip(_measure_length(energy, path), MIN_HEIGHT * height, MAX_HEIGHT * height))
    if pins or 0.75 < measured / length < 1.33:
        return path
    return _find_path(energy, cameras, measured, pins)


def _find_path(
    energy: np.ndarray,
    cameras: np.ndarray,
    length: float,
    pins: Mapping[int, tuple[float, float, float]],
) -> Path:
    grid = _sum_boxes(energy, length)
    for sample, (x, y, _) in pins.items():
        row, column = (min(int(v / CELL_PIXELS), side - 1) for v, side in zip((y, x), grid.shape[1:], strict=True))
        grid[sample] = -np.inf
        grid[sample, row, column] = MAX_HEIGHT
    cells = find_best_cells(_drop_weak(grid), cameras)
    centres = (cells[:, ::-1] + 0.5) * CELL_PIXELS
    means = np.maximum(grid[np.arange(len(grid)), cells[:, 0], cells[:, 1]], 0)
    refined = np.stack([_shift_to_mean(e, c, length) for e, c in zip(energy, centres, strict=True)])
    for sample, (x, y, _) in pins.items():
        refined[sample] = x, y
    return Path(refined.astype(np.float32), length, means.astype(np.float32), cells)


def _drop_weak(grid: np.ndarray) -> np.ndarray:
    """Energies above the floor, and ever so little for the middle of the picture, where nothing at all moves."""
    T, h, w = grid.shape
    floor = FLOOR_SHARE * max(0.0, float(np.median(grid.reshape(T, -1).max(axis=1))))
    rows, columns = np.mgrid[0:h, 0:w]
    middle = 1e-3 / (1.0 + np.hypot(rows - (h - 1) / 2, columns - (w - 1) / 2))
    strong = np.where(grid > 0, np.maximum(grid - floor, 0.0), grid)
    return (strong + middle).astype(np.float32)


def find_best_cells(grid: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """The cells, one a sample, with the greatest sum, each within ``REACH_CELLS`` of the one before.

    Args:
        grid: float32 (T, h, w), the worth of every cell; minus infinity for cells that may not be used.
        cameras: float64 (T, 3, 3) in pixels of the small frames; distances are measured after the camera's motion.

    Returns:
        int64 (T, 2), rows and columns.
    """
    T, h, w = grid.shape
    rows, columns = np.mgrid[0:h, 0:w]
    best = grid[0].copy()
    back = np.zeros((T, h, w), np.int64)
    for t in range(1, T):
        # Where each cell was in the sample before; the way came from within reach of there.
        source = np.linalg.inv(cameras[t])
        x, y = (columns + 0.5) * CELL_PIXELS, (rows + 0.5) * CELL_PIXELS
        was_x, was_y = (source[i, 0] * x + source[i, 1] * y + source[i, 2] for i in (0, 1))
        was_column = np.clip(was_x // CELL_PIXELS, 0, w - 1).astype(np.int64)
        was_row = np.clip(was_y // CELL_PIXELS, 0, h - 1).astype(np.int64)
        worth, origin = _take_best_near(best)
        back[t] = origin[was_row, was_column]
        best = grid[t] + worth[was_row, was_column]
    cell = int(best.argmax())
    cells = [cell]
    for t in range(T - 1, 0, -1):
        cell = int(back[t].flat[cell])
        cells.append(cell)
    return np.stack(np.divmod(np.array(cells[::-1]), w), axis=1)


def _take_best_near(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best value within reach of every cell, less the cost of the distance, and the flat cell that has it.

    Squared distances are a cost along rows plus one along columns, so that two passes do.
    """
    w = values.shape[1]
    across, from_column = _take_best_along(values)
    both, from_row = _take_best_along(np.ascontiguousarray(across.T))
    both, from_row = both.T, from_row.T
    return both, from_row * w + from_column[from_row, np.arange(w)[None]]


def _take_best_along(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As ``_take_best_near``, along the last axis only; which column has it."""
    w = values.shape[1]
    steps = np.arange(-REACH_CELLS, REACH_CELLS + 1)
    padded = np.pad(values, ((0, 0), (REACH_CELLS, REACH_CELLS)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(steps), axis=1) - STEP_COST * steps**2
    # Ties go to the smallest step: a way without motion stays where it is.
    order = np.argsort(np.abs(steps), kind="stable")
    chosen = order[windows[..., order].argmax(axis=-1)]
    worth = np.take_along_axis(windows, chosen[..., None], axis=-1)[..., 0]
    return worth, np.clip(np.arange(w)[None] + steps[chosen], 0, w - 1)


def _sum_boxes(energy: np.ndarray, length: float) -> np.ndarray:
    """float32 (T, h, w): mean energy in the square around each cell."""
    T, H, W = energy.shape
    side = max(3, round(BOX_SHARE * length) | 1)
    h, w = max(1, H // CELL_PIXELS), max(1, W // CELL_PIXELS)
    rows = np.minimum((np.arange(h) * CELL_PIXELS + CELL_PIXELS // 2), H - 1)
    columns = np.minimum((np.arange(w) * CELL_PIXELS + CELL_PIXELS // 2), W - 1)
    grid = np.empty((T, h, w), np.float32)
    for t, frame in enumerate(energy):
        means = cv2.boxFilter(frame, cv2.CV_32F, (side, side), borderType=cv2.BORDER_CONSTANT)
        grid[t] = means[np.ix_(rows, columns)]
    return grid


def _erase_around(energy: np.ndarray, path: Path) -> np.ndarray:
    """The energy without what belongs to a way."""
    rest = energy.copy()
    for frame, centre in zip(rest, path.centres, strict=True):
        _cut_window(frame, centre, ERASED_SHARE * path.length)[0][...] = 0
    return rest


def _cut_window(energy: np.ndarray, centre: np.ndarray, half: float) -> tuple[np.ndarray, int, int]:
    """A square of a frame around a centre, and the column and row where it begins."""
    left, top = (max(0, int(v - half)) for v in centre)
    return energy[top : int(centre[1] + half) + 1, left : int(centre[0] + half) + 1], left, top


def _shift_to_mean(energy: np.ndarray, centre: np.ndarray, length: float) -> np.ndarray:
    """The centre of energy near a cell (mean shift, two steps); the cell where nothing moves."""
    for _ in range(2):
        window, left, top = _cut_window(energy, centre, length / 2)
        total = float(window.sum())
        if total < 1.0:
            break
        x = window.sum(axis=0) @ np.arange(window.shape[1]) / total + left
        y = window.sum(axis=1) @ np.arange(window.shape[0]) / total + top
        centre = np.array([x, y])
    return centre


def _measure_length(energy: np.ndarray, path: Path) -> float:
    """How long she is: the extent of what moves around the way, in frames in which much does."""
    lengths = []
    for t in np.argsort(-path.energy)[: max(1, len(energy) // 2)]:
        window, _, _ = _cut_window(energy[t], path.centres[t], path.length)
        mass = window.astype(np.float64)
        total = mass.sum()
        if total < 1.0:
            continue
        spread = 0.0
        for axis in (0, 1):
            profile, places = mass.sum(axis=axis), np.arange(mass.shape[1 - axis])
            mean = profile @ places / total
            spread += profile @ (places - mean) ** 2 / total
        lengths.append(UNIFORM_LENGTH * np.sqrt(spread))
    return float(np.median(lengths)) if lengths else path.length
