"""Which frames of a clip a skeleton model sees: one of each of ``clip_len`` equal parts.

Source: Duan et al., "Revisiting Skeleton-based Action Recognition", CVPR 2022, section 3.3 (uniform sampling); a clip
with fewer frames than are wanted plays in a loop, as in the authors' code (pyskl). Parts end at whole frames, so that
no frame comes twice where there are enough of them: the motion between two equal frames would be none.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Short = Literal["loop", "repeat", "zero"]
NO_FRAME = -1


def sample_uniform(num_frames: int, clip_len: int, rng: np.random.Generator, short: Short = "loop") -> np.ndarray:
    """A random frame of each of ``clip_len`` equal parts (training).

    Args:
        num_frames: of the clip, at least 1.
        clip_len: T.
        rng: draws a frame of each part; of a clip played in a loop, where it begins.
        short: what a clip with fewer frames than ``clip_len`` does: play in a ``loop``; ``repeat`` each frame in order,
            as slow motion; or end, and ``zero`` follows.

    Returns:
        int64 (T,), frame indices; ``NO_FRAME`` behind the end of a short clip with ``zero``.
    """
    if num_frames < clip_len:
        return _lengthen(num_frames, clip_len, int(rng.integers(num_frames)), short)
    return _place(num_frames, clip_len, rng.random(clip_len))


def compute_uniform(num_frames: int, clip_len: int, num_clips: int = 1, short: Short = "loop") -> np.ndarray:
    """The same frames of each part every time (testing).

    Clip k of K takes the frame ``(k + 0.5) / K`` of the way through every part: one clip, the middles. Of a short clip
    that plays in a loop, clip k begins ``k / K`` of the way through.

    Returns:
        int64 (K, T), as ``sample_uniform``.

    Example:
        >>> compute_uniform(12, 4).tolist(), compute_uniform(12, 4, num_clips=2).tolist()
        ([[1, 4, 7, 10]], [[0, 3, 6, 9], [2, 5, 8, 11]])
        >>> compute_uniform(2, 5).tolist()
        [[0, 1, 0, 1, 0]]
    """
    if num_frames < clip_len:
        return np.stack([_lengthen(num_frames, clip_len, k * num_frames // num_clips, short) for k in range(num_clips)])
    offsets = [np.full(clip_len, (k + 0.5) / num_clips) for k in range(num_clips)]
    return np.stack([_place(num_frames, clip_len, offset) for offset in offsets])


def _place(num_frames: int, clip_len: int, offsets: np.ndarray) -> np.ndarray:
    """A frame of each part, ``offsets`` in [0, 1) of the way through it."""
    edges = np.arange(clip_len + 1) * num_frames // clip_len
    return edges[:-1] + (offsets * np.diff(edges)).astype(np.int64)


def _lengthen(num_frames: int, clip_len: int, start: int, short: Short) -> np.ndarray:
    frames = np.arange(clip_len)
    if short == "loop":
        return (start + frames) % num_frames
    if short == "repeat":
        return frames * num_frames // clip_len
    return np.where(frames < num_frames, frames, NO_FRAME)
