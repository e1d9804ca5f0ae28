"""Segments that may hold something, and where their stages lie on the snippets.

Beside TAG (``tag.py``) there are two kinds that look at nothing, for comparison: windows that slide, and all segments
between the ticks of a uniform grid.
"""

from __future__ import annotations

import numpy as np

from finegym.localization.snippets import Snippets
from finegym.localization.ssn_section import SsnSection
from finegym.localization.tag import make_tag_proposals

CONTEXT = 0.5  # of a proposal's length, before it and after it


def make_sliding_windows(
    duration_ms: float, *, min_ms: float, max_ms: float, growth: float = 1.5, stride: float = 0.25
) -> np.ndarray:
    """Windows of lengths that grow, each slid along the timeline.

    Args:
        duration_ms: of the timeline.
        min_ms: the shortest length.
        max_ms: no length exceeds it, or the timeline's.
        growth: of a length over the one before, above 1.
        stride: shares of its length that a window moves by, in (0, 1].

    Returns:
        float64 (N, 2), milliseconds ``[start, end)``, inside the timeline.

    Example:
        >>> make_sliding_windows(1000, min_ms=400, max_ms=800, growth=2, stride=0.5).astype(int).tolist()
        [[0, 400], [200, 600], [400, 800], [600, 1000], [0, 800]]
    """
    windows = [np.empty((0, 2))]
    length = min(min_ms, duration_ms)
    while length <= min(max_ms, duration_ms):
        starts = np.arange(0, duration_ms - length + 1e-6, stride * length)
        windows.append(np.column_stack([starts, starts + length]))
        length *= growth
    return np.concatenate(windows)


def make_uniform_proposals(duration_ms: float, num_cells: int) -> np.ndarray:
    """All segments between two ticks of a grid that cuts the timeline in equal cells.

    Returns:
        float64 (num_cells * (num_cells + 1) / 2, 2), milliseconds.

    Example:
        >>> make_uniform_proposals(100, 2).tolist()
        [[0.0, 50.0], [0.0, 100.0], [50.0, 100.0]]
    """
    first, last = np.triu_indices(num_cells)
    return np.column_stack([first, last + 1]) * (duration_ms / num_cells)


def make_actionness_proposals(
    actionness: np.ndarray, snippets: Snippets, *, threshold_step: float, fill_step: float, max_tiou: float
) -> np.ndarray:
    """TAG proposals in milliseconds, float64 (N, 2): a snippet reaches half way to its neighbours."""
    groups, _ = make_tag_proposals(actionness, threshold_step=threshold_step, fill_step=fill_step, max_tiou=max_tiou)
    edges_ms = snippets.to_ms(groups - 0.5)
    # A curve reaches to the ends of its timeline, though the outer snippets' centres do not.
    edges_ms[groups[:, 0] == 0, 0] = 0
    edges_ms[groups[:, 1] == len(actionness), 1] = snippets.duration_ms
    edges_ms = edges_ms.clip(0, snippets.duration_ms)
    return edges_ms[edges_ms[:, 1] > edges_ms[:, 0]]


def find_stages(segments_ms: np.ndarray, duration_ms: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the three stages of proposals begin and end.

    Args:
        segments_ms: float64 (N, 2).
        duration_ms: of the timeline.

    Returns:
        float64 (N, 4): start of the starting stage, of the course, of the ending stage, and its end, inside the
        timeline; float32 (N, 2): which shares of starting and ending stage are inside it.

    Example:
        >>> stages, scales = find_stages(np.array([[100.0, 900.0]]), 1000)
        >>> stages.tolist(), scales.tolist()
        ([[0.0, 100.0, 900.0, 1000.0]], [[0.25, 0.25]])
    """
    start, end = segments_ms[:, 0], segments_ms[:, 1]
    context = CONTEXT * (end - start)
    stages = np.column_stack([start - context, start, end, end + context]).clip(0, duration_ms)
    scales = np.column_stack([stages[:, 1] - stages[:, 0], stages[:, 3] - stages[:, 2]]) / context[:, None]
    return stages, scales.astype(np.float32)


def find_ticks(stages_ms: np.ndarray, snippets: Snippets) -> np.ndarray:
    """The snippets of stages: int64 (N, 4), the first at or after each bound; a course has at least its nearest."""
    ticks = np.searchsorted(snippets.times_ms, stages_ms).astype(np.int64)
    last = len(snippets.times_ms) - 1
    is_empty = ticks[:, 2] <= ticks[:, 1]
    middle = snippets.to_positions(stages_ms[is_empty, 1:3].mean(axis=1))
    ticks[is_empty, 1] = np.rint(middle).clip(0, last).astype(np.int64)
    ticks[:, 0] = np.minimum(ticks[:, 0], ticks[:, 1])
    ticks[:, 2] = np.maximum(ticks[:, 2], ticks[:, 1] + 1)
    ticks[:, 3] = np.maximum(ticks[:, 3], ticks[:, 2])
    return ticks


def refine(segments_ms: np.ndarray, offsets: np.ndarray, duration_ms: float) -> np.ndarray:
    """Segments with their centres shifted and their lengths changed, as regression says, cut at the timeline's ends.

    Args:
        segments_ms: float64 (N, 2).
        offsets: float64 (N, 2): shift in lengths, logarithm of the ratio of lengths.
        duration_ms: of the timeline.

    Returns:
        float64 (N, 2); rows may be empty (end <= start) where all of a segment was shifted out of the timeline.
    """
    length = segments_ms[:, 1] - segments_ms[:, 0]
    centre = segments_ms.mean(axis=1) + offsets[:, 0] * length
    half = length * np.exp(offsets[:, 1]) / 2
    return np.column_stack([centre - half, centre + half]).clip(0, duration_ms)


def compute_offsets(segments_ms: np.ndarray, truth_ms: np.ndarray) -> np.ndarray:
    """What regression should say, float64 (N, 2): the inverse of ``refine``, row by row."""
    length, true_length = segments_ms[:, 1] - segments_ms[:, 0], truth_ms[:, 1] - truth_ms[:, 0]
    shift = (truth_ms.mean(axis=1) - segments_ms.mean(axis=1)) / length
    return np.column_stack([shift, np.log(true_length / length)])


def make_proposals(snippets: Snippets, curve: np.ndarray | None, section: SsnSection) -> np.ndarray:
    """Proposals of a timeline float64 (N, 2), milliseconds; ``curve`` is its actionness, for TAG."""
    if section.proposals == "sliding":
        return make_sliding_windows(
            snippets.duration_ms,
            min_ms=section.window_ms_min,
            max_ms=section.window_ms_max,
            growth=section.window_growth,
            stride=section.window_stride,
        )
    if section.proposals == "uniform":
        return make_uniform_proposals(snippets.duration_ms, section.num_cells)
    assert curve is not None, "TAG makes proposals of a curve"
    return make_actionness_proposals(
        curve,
        snippets,
        threshold_step=section.threshold_step,
        fill_step=section.fill_step,
        max_tiou=section.max_tiou_proposals,
    )
