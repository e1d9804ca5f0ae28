"""How near generated motion is to performed motion, in the feature space of a recogniser. NumPy only."""

from __future__ import annotations

import numpy as np

from finegym.errors import PredictionError


def compute_frechet_distance(left: np.ndarray, right: np.ndarray) -> float:
    """Fréchet distance of two normal distributions fitted to features (FID).

    ``|m - n|^2 + trace(C + D - 2 (C D)^(1/2))``. The trace of the root of ``C D`` is the sum of the roots of the
    eigenvalues of ``C^(1/2) D C^(1/2)``, which is symmetric: no root of an unsymmetric matrix is taken.

    Args:
        left: float64 (N, F), N at least 2.
        right: float64 (M, F), M at least 2.

    Raises:
        PredictionError: too few rows.

    Source:
        Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", NeurIPS 2017, section 2; covariances with N - 1.

    Example:
        >>> left = np.array([[-1.0], [1.0]])  # mean 0, variance 2
        >>> round(compute_frechet_distance(left, 2 * left + 3), 6)  # 3^2 + (2 sqrt(2) - sqrt(2))^2
        11.0
    """
    if min(len(left), len(right)) < 2:
        raise PredictionError(
            f"a Fréchet distance needs 2 motions on either side, got {len(left)} and {len(right)}. Draw more."
        )
    shift = left.mean(axis=0) - right.mean(axis=0)
    first, second = (np.atleast_2d(np.cov(side, rowvar=False)) for side in (left, right))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    of_product = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    return float(max(shift @ shift + np.trace(first) + np.trace(second) - 2 * of_product, 0.0))


def compute_diversity(features: np.ndarray) -> float:
    """Mean distance between the features of all pairs of motions; NaN below two.

    Source:
        Guo et al., "Action2Motion", ACM MM 2020, section 5.1, who draw 200 pairs; here all pairs count.
    """
    N = len(features)
    if N < 2:
        return float("nan")
    squares = (features * features).sum(axis=1)
    distances = np.sqrt(np.clip(squares[:, None] + squares - 2 * features @ features.T, 0, None))
    np.fill_diagonal(distances, 0.0)
    return float(distances.sum() / (N * (N - 1)))


def compute_multimodality(features: np.ndarray, classes: np.ndarray) -> float:
    """Diversity within a class, the mean over classes with at least two motions; NaN where there are none.

    Args:
        features: float64 (N, F).
        classes: int (N,).
    """
    within = [compute_diversity(features[classes == k]) for k in np.unique(classes) if (classes == k).sum() > 1]
    return float(np.mean(within)) if within else float("nan")


def compute_class_hits(predicted: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of every class' motions that were recognised, float64 (K,), and the classes that are there, (K,)."""
    present = np.unique(classes)
    return np.array([(predicted[classes == k] == k).mean() for k in present]), present


def resample_mean(values: np.ndarray, seed: int, num_resamples: int = 1000) -> tuple[float, float]:
    """95 % interval of a mean by drawing its values again: of accuracies, element by element.

    Motions of one element are not independent, elements are what is drawn.
    """
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(num_resamples, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
