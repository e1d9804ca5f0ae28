"""How often an epoch shows each class of a long tail.

An epoch has as many draws as there are clips; a class of n clips gets a share of them in proportion to ``n ** power``.
Source: Mahajan et al., ECCV 2018 (square root); Kang et al., "Decoupling Representation and Classifier for Long-Tailed
Recognition", ICLR 2020, equation 1.
"""

from __future__ import annotations

import numpy as np


def compute_class_shares(class_counts: np.ndarray, power: float) -> np.ndarray:
    """The share of an epoch that each class gets.

    Args:
        class_counts: int64 (K,), clips of every class; some may have none.
        power: q in [0, 1]. 1: every clip as often as the next. 0.5: square root. 0: every class as often as the next.

    Returns:
        float64 (K,), sum 1; 0 for a class without clips.

    Example:
        >>> compute_class_shares(np.array([64, 16, 0]), 0.5).round(3).tolist()
        [0.667, 0.333, 0.0]
    """
    weights = np.where(class_counts > 0, np.asarray(class_counts, dtype=np.float64) ** power, 0.0)
    shares: np.ndarray = weights / weights.sum()
    return shares


def compute_seen_counts(
    class_counts: np.ndarray, power: float = 1.0, flip_class_map: np.ndarray | None = None
) -> np.ndarray:
    """Clips of each class that an epoch shows in the mean: what a model takes for the classes' prior.

    Args:
        class_counts: int64 (K,), clips of every class.
        power: of the sampling.
        flip_class_map: int64 (K,), the class that each class is in the mirror, in which half of the clips are shown;
            ``None``: nothing is mirrored.

    Returns:
        float64 (K,), with the sum of ``class_counts``.

    Example:
        >>> compute_seen_counts(np.array([6, 2, 4]), flip_class_map=np.array([1, 0, 2])).tolist()
        [4.0, 4.0, 4.0]
    """
    seen = class_counts.sum() * compute_class_shares(class_counts, power)
    if flip_class_map is not None:
        # Places change in pairs, so that the map is its own inverse.
        seen = (seen + seen[flip_class_map]) / 2
    return seen


def sample_balanced_order(class_indices: np.ndarray, power: float, rng: np.random.Generator) -> np.ndarray:
    """The clips of an epoch in the order they are shown: N draws of N clips.

    A class gets its share of the draws rounded to a whole number, up or down at random, so that the share is exact in
    the mean. Its clips take turns: none is shown again before each was, and which are shown once more is random. (Draws
    that are independent, as a weighted sampler's, have the same mean, but miss clips that there is room for.)

    Args:
        class_indices: int64 (N,), class of every clip.
        power: see ``compute_class_shares``. At 1 every clip is drawn once.
        rng: of the epoch.

    Returns:
        int64 (N,), places in ``class_indices``.
    """
    N = len(class_indices)
    shares = compute_class_shares(np.bincount(class_indices), power)
    # Systematic rounding: with one random offset for all classes, the whole numbers add up to N.
    edges = np.concatenate([[0.0], np.cumsum(shares) * N])
    edges[-1] = N
    num_draws = np.diff(np.floor(edges + rng.random()).astype(np.int64))
    drawn = []
    for class_index in np.flatnonzero(num_draws):
        clips = np.flatnonzero(class_indices == class_index)
        rounds = -(-num_draws[class_index] // len(clips))
        turns = np.concatenate([rng.permutation(clips) for _ in range(rounds)])
        drawn.append(turns[: num_draws[class_index]])
    return rng.permutation(np.concatenate(drawn))
