"""Which frames of a clip a model sees.

TSN cuts a clip into ``num_segments`` equal parts and takes one frame of each, or a window of consecutive ones (flow
fields, differences, poses): at a random offset in training, at the centre in testing. Source: Wang et al., ECCV 2016,
section 3.1.
"""

from __future__ import annotations

import numpy as np


def sample_segments(num_frames: int, num_segments: int, rng: np.random.Generator) -> np.ndarray:
    """One frame at a random offset in each of ``num_segments`` equal segments (training).

    Segments are equal in length, not in whole frames, so that every frame is drawn equally often. (The authors' code
    rounds the length down and never sees the last ``num_frames % num_segments`` frames.)

    Args:
        num_frames: of the clip, at least 1.
        num_segments: T.
        rng: draws the offsets.

    Returns:
        int64 (T,), frame indices in [0, num_frames), never decreasing. A clip of fewer frames than segments repeats
        frames in order; ``is_short`` tells.
    """
    return _place(num_frames, num_segments, rng.random(num_segments))


def compute_segment_centres(num_frames: int, num_segments: int) -> np.ndarray:
    """The frame at the centre of each of ``num_segments`` equal segments (testing).

    Returns:
        int64 (T,), as ``sample_segments``.

    Example:
        >>> compute_segment_centres(30, 3).tolist(), compute_segment_centres(2, 4).tolist()
        ([5, 15, 25], [0, 0, 1, 1])
    """
    return _place(num_frames, num_segments, np.full(num_segments, 0.5))


def sample_windows(num_frames: int, num_segments: int, window: int, rng: np.random.Generator) -> np.ndarray:
    """A window of consecutive frames at a random offset in each segment (training).

    The places where a window can begin are cut into segments, so that every window lies within the clip.

    Args:
        num_frames: of the clip (or pairs of frames, or poses), at least 1.
        num_segments: T.
        window: L, consecutive frames of each.
        rng: draws the offsets.

    Returns:
        int64 (T, L), indices in [0, num_frames), never decreasing along a row. A clip of fewer frames than a window
        repeats frames in order, one of fewer windows than segments repeats windows in order; ``is_short`` tells.
    """
    return _extend(sample_segments(_count_windows(num_frames, window), num_segments, rng), num_frames, window)


def compute_centre_windows(num_frames: int, num_segments: int, window: int) -> np.ndarray:
    """The window at the centre of each segment (testing).

    Returns:
        int64 (T, L), as ``sample_windows``.

    Example:
        >>> compute_centre_windows(10, 2, 3).tolist(), compute_centre_windows(2, 1, 5).tolist()
        ([[2, 3, 4], [6, 7, 8]], [[0, 0, 1, 1, 1]])
    """
    return _extend(compute_segment_centres(_count_windows(num_frames, window), num_segments), num_frames, window)


def is_short(num_frames: int, num_segments: int, window: int = 1) -> bool:
    """Whether a clip has fewer windows than segments, so that frames or whole windows repeat."""
    return num_frames - window + 1 < num_segments


def _count_windows(num_frames: int, window: int) -> int:
    return max(1, num_frames - window + 1)


def _extend(starts: np.ndarray, num_frames: int, window: int) -> np.ndarray:
    # The centres of as many segments as frames are the frames; of more segments than frames, frames repeated in order.
    steps: np.ndarray = starts[:, None] + compute_segment_centres(min(num_frames, window), window)
    return steps


def _place(num_frames: int, num_segments: int, offsets: np.ndarray) -> np.ndarray:
    assert num_frames >= 1, "a clip has at least one frame"
    assert num_segments >= 1, "a model sees at least one frame"
    positions = (np.arange(num_segments) + offsets) * num_frames / num_segments
    # An offset just below 1 may round up to the end of the clip.
    return np.minimum(positions.astype(np.int64), num_frames - 1)
