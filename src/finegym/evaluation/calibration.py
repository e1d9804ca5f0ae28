"""How sure a model may sound: temperature, expected calibration error, and when an answer is none of the classes.

Source: temperature scaling and the expected calibration error: Guo et al., "On Calibration of Modern Neural Networks",
ICML 2017, sections 2 and 4.2. The energy of logits as a measure of how familiar an input is: Liu et al., "Energy-based
Out-of-distribution Detection", NeurIPS 2020, equation 4; its rank among held-out inputs of known classes is a conformal
p-value (Bates et al., "Testing for Outliers with Conformal p-values", Annals of Statistics 2023, equation 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp

from finegym.errors import PredictionError

NUM_BINS = 15
MAX_TEMPERATURE = 100.0


@dataclass(frozen=True)
class Calibration:
    """What was learned from held-out clips about a model's logits.

    Attributes:
        temperature: logits are divided by it.
        energies: float64 (N,), of the held-out clips, ascending; of many clips perhaps quantiles only.
        ece_before: expected calibration error on those clips without the temperature.
        ece_after: and with it; flattering, because it is the same clips.
        num_clips: the held-out clips.
    """

    temperature: float
    energies: np.ndarray
    ece_before: float
    ece_after: float
    num_clips: int = 0

    def compute_probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, float64 (N, K), of logits (N, K)."""
        probabilities: np.ndarray = np.exp(log_softmax(np.asarray(logits, dtype=np.float64) / self.temperature, axis=1))
        return probabilities

    def compute_familiarity(self, logits: np.ndarray) -> np.ndarray:
        """How usual clips are among those of known classes: p-values, float64 (N,), in (0, 1].

        Of clips like the held-out ones, a share of at most p has a value of p or less. A clip that shows none of the
        classes tends to have a small one.
        """
        energies = compute_energy(logits, self.temperature)
        below = np.searchsorted(self.energies, energies, side="right")
        familiarity: np.ndarray = (1 + below) / (1 + len(self.energies))
        return familiarity


def calibrate(logits: np.ndarray, targets: np.ndarray) -> Calibration:
    """Learn from held-out clips of known classes.

    Args:
        logits: float (N, K).
        targets: int (N,), class indices.

    Raises:
        PredictionError: there are none, they are not finite, or a target is no class.
    """
    logits = np.asarray(logits, dtype=np.float64)
    _check(logits, targets)
    temperature = fit_temperature(logits, targets)
    before, after = (np.exp(log_softmax(logits / t, axis=1)) for t in (1.0, temperature))
    return Calibration(
        temperature,
        np.sort(compute_energy(logits, temperature)),
        compute_ece(before, targets),
        compute_ece(after, targets),
        len(targets),
    )


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature, from 0.01 to 100, at which the clips' own classes are likeliest."""
    rows = np.arange(len(targets))

    def compute_loss(log_temperature: float) -> float:
        return -float(log_softmax(logits / np.exp(log_temperature), axis=1)[rows, targets].mean())

    limit = np.log(MAX_TEMPERATURE)
    found = minimize_scalar(compute_loss, bounds=(-limit, limit), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def compute_energy(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Temperature times the log of the sum of exponentials, float64 (N,): high for what looks familiar."""
    energy: np.ndarray = temperature * logsumexp(np.asarray(logits, dtype=np.float64) / temperature, axis=1)
    return energy


def compute_ece(probabilities: np.ndarray, targets: np.ndarray, num_bins: int = NUM_BINS) -> float:
    """Expected calibration error: how far confidence and accuracy are apart, in [0, 1].

    Args:
        probabilities: float (N, K).
        targets: int (N,), class indices.
        num_bins: of equal width, (0, 1/M], (1/M, 2/M] …
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    bins = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=num_bins)
    return float(np.abs(gaps).sum() / len(targets))


def _check(logits: np.ndarray, targets: np.ndarray) -> None:
    if logits.ndim != 2 or len(logits) == 0 or len(logits) != len(targets):
        raise PredictionError(
            f"expected logits (N, K) and N targets of one clip or more, got {logits.shape} and {len(targets)}. "
            "Calibrate on a side of the split that has clips."
        )
    if not np.isfinite(logits).all():
        raise PredictionError("some logits are not finite. Predict the clips again.")
    if len(targets) and not (targets.min() >= 0 and targets.max() < logits.shape[1]):
        raise PredictionError(
            f"targets go from {targets.min()} to {targets.max()}, there are {logits.shape[1]} classes"
        )
