"""Temporal actionness grouping: from a curve that says "something happens" to segments that may be it.

Turned upside down, the curve is a landscape. Flooded up to a level, it has basins where the action is; a basin joins
its neighbours as long as the group is mostly basin. Many levels and many degrees of "mostly" give segments of all
lengths, for actions whose curve is broken as well as for such that follow each other closely.

Source: Zhao et al., "Temporal Action Detection with Structured Segment Networks", ICCV 2017, section 5; levels and
shares in steps of 0.05 and suppression at 0.95 as there.

Deviations: groups grow from every basin forwards, as in the paper, and backwards too, as in the authors' code. Segments
are half-open; the authors' code makes them one frame too long and adds 1 to lengths when suppressing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from finegym.segments import find_runs, nms


def make_tag_proposals(
    actionness: np.ndarray, *, threshold_step: float = 0.05, fill_step: float = 0.05, max_tiou: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Proposals of one curve, without near doubles.

    Args:
        actionness: float (T,) in [0, 1], one a snippet.
        threshold_step: levels are its multiples inside (0, 1).
        fill_step: shares of a group that must be basin are its multiples inside (0, 1).
        max_tiou: of two segments that overlap more, the one with the smaller mean actionness goes.

    Returns:
        int64 (N, 2), snippets ``[first, stop)``, and their mean actionness float64 (N,), largest first.

    Example:
        >>> make_tag_proposals(np.array([0.0, 0.9, 0.9, 0.0, 0.8, 0.0]))[0].tolist()
        [[1, 3], [4, 5], [1, 5]]
    """
    values = np.asarray(actionness, np.float64)
    segments = find_groups(values, make_grid(threshold_step), make_grid(fill_step))
    sums = np.concatenate([[0.0], values.cumsum()])
    means = (sums[segments[:, 1]] - sums[segments[:, 0]]) / (segments[:, 1] - segments[:, 0])
    kept = nms(segments, means, max_tiou)
    return segments[kept], means[kept]


def make_grid(step: float) -> np.ndarray:
    """Multiples of a step inside (0, 1), float64.

    Example:
        >>> make_grid(0.25).tolist()
        [0.25, 0.5, 0.75]
    """
    return np.arange(1, int(np.ceil(1 / step - 1e-9))) * step


def find_groups(actionness: np.ndarray, thresholds: np.ndarray, fills: np.ndarray) -> np.ndarray:
    """All groups of basins of a curve, at all levels and for all shares.

    Args:
        actionness: float (T,).
        thresholds: a snippet is in a basin if its actionness exceeds the level.
        fills: shares of a group that must be basin, in (0, 1].

    Returns:
        int64 (N, 2), different segments ``[first, stop)`` in order.
    """
    found = [np.empty((0, 2), np.int64)]
    for threshold in thresholds:
        basins = find_runs(np.flatnonzero(actionness > threshold))
        if len(basins):
            found += [basins]
            found += [np.column_stack([basins[:, 0], basins[last, 1]]) for last in _grow(basins, fills)]
            mirrored = -basins[::-1, ::-1]  # growing backwards is growing forwards in a mirror
            found += [-np.column_stack([mirrored[last, 1], mirrored[:, 0]]) for last in _grow(mirrored, fills)]
    return np.unique(np.concatenate(found), axis=0)


def _grow(basins: np.ndarray, fills: np.ndarray) -> Iterator[np.ndarray]:
    """For every share, the last basin int64 (B,) of the group that each basin begins.

    A group takes the next basin as long as, with it, the share is met. What meets a larger share meets a smaller one,
    so groups go on from where they stopped at the share before: all shares together cost one walk.
    """
    inside = np.concatenate([[0], (basins[:, 1] - basins[:, 0]).cumsum()])
    first = np.arange(len(basins))
    last = first.copy()
    for fill in sorted(fills, reverse=True):
        growing = first
        while len(growing):
            growing = growing[last[growing] + 1 < len(basins)]
            reach = last[growing] + 1
            share = (inside[reach + 1] - inside[growing]) / (basins[reach, 1] - basins[growing, 0])
            growing = growing[share >= fill]
            last[growing] += 1
        yield last.copy()
