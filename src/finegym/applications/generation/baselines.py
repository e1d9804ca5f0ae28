"""What a generator has to beat: copying the nearest element it has seen, and a motion linear in the attributes."""

from __future__ import annotations

import numpy as np

from finegym.applications.generation.coding import Scaling, decode, encode
from finegym.applications.generation.motions import Motions

_RIDGE = 1.0


def copy_nearest(performed: Motions, vectors: np.ndarray, wanted: np.ndarray) -> tuple[Motions, np.ndarray]:
    """For every element wanted the performances of the one with the nearest vector.

    Args:
        performed: of other elements.
        vectors: float32 (E, A), of all elements of the codebook.
        wanted: int (W,), places of elements.

    Returns:
        The motions, and for each which element was wanted.
    """
    known = np.unique(performed.element_index)
    rows, of = [], []
    for k in wanted:
        distance = np.abs(vectors[known] - vectors[k]).sum(axis=1)
        found = np.flatnonzero(performed.element_index == known[int(distance.argmin())])
        rows.append(found)
        of.append(np.full(len(found), k))
    return performed.take(np.concatenate(rows)), np.concatenate(of)


def fit_linear(performed: Motions, vectors: np.ndarray, scaling: Scaling, wanted: np.ndarray) -> Motions:
    """One motion of every element wanted: ridge regression of all coded values on attributes, learnt from performances.

    It has no chance in it: the same element is always the same motion.
    """
    values = encode(performed, scaling)
    N, T, D = values.shape
    given = _add_one(vectors[performed.element_index])
    weights = np.linalg.solve(given.T @ given + _RIDGE * np.eye(given.shape[1]), given.T @ values.reshape(N, T * D))
    predicted = (_add_one(vectors[wanted]) @ weights).reshape(len(wanted), T, D)
    return decode(predicted.astype(np.float32), scaling, wanted)


def _add_one(vectors: np.ndarray) -> np.ndarray:
    return np.column_stack([vectors, np.ones(len(vectors))]).astype(np.float64)
