"""Which parts of a clip decided: how much each frame, part of the picture or joint moves the scores of a model.

A part is taken away by showing the mean over the clip's frames in its place: what is the same all the time decides
nothing. The methods are Captum's, applied to one number a part, the share of it that is shown.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch

from finegym.errors import ConfigError
from finegym.training.inference import exact_float32

Method = Literal["occlusion", "shapley", "integrated-gradients"]
METHODS: tuple[Method, ...] = ("occlusion", "shapley", "integrated-gradients")
STEPS, STEPS_TOGETHER = 32, 8
ORDERS, RUNS_TOGETHER = 16, 8
Score = Callable[[torch.Tensor], torch.Tensor]


def compute_saliency(
    score: Score, inputs: torch.Tensor, parts: torch.Tensor, *, time_axis: int, method: Method = "occlusion"
) -> np.ndarray:
    """How much every part of a clip speaks for each of some scores.

    Args:
        score: maps inputs (B, …) to scores (B, Q); differentiable for integrated gradients.
        inputs: float32 (1, …), what the model takes of one clip.
        parts: int64, which of the P parts a value belongs to; as many axes as ``inputs``, each as long as there or 1.
        time_axis: of the inputs.
        method: ``occlusion``: by how much a score falls when the part alone is taken away. ``shapley``: by how much it
            rises when the part is added to others, the mean over ``ORDERS`` random orders of adding. ``integrated-
            gradients``: the part's share of what the clip scores above one without any part, along the straight line
            between the two. The second and third add up to that.

    Returns:
        float64 (Q, P). A part that is against a score has a negative number.

    Raises:
        ConfigError: Captum is not installed, or there is one part only, which cannot be compared with anything.

    Source:
        Occlusion: Zeiler and Fergus, ECCV 2014, section 4.2. Shapley values by sampling: Castro et al., Computers and
        Operations Research 2009. Integrated gradients: Sundararajan et al., ICML 2017, equation 1, the gradients of a
        part's values summed up.
    """
    require_captum()
    from captum.attr import FeatureAblation, IntegratedGradients, ShapleyValueSampling

    num_parts = int(parts.max()) + 1
    if num_parts < 2:
        raise ConfigError(
            "the model looks at one frame only, so that nothing says which decided. Show it more: --num-segments 8."
        )
    clip = hide(inputs, parts, time_axis)
    whole = torch.ones(1, num_parts, device=inputs.device)
    with exact_float32():
        if method == "integrated-gradients":
            with torch.no_grad():
                num_scores = score(inputs).shape[1]
            gradients = IntegratedGradients(lambda shown: score(clip(shown)))
            rows = [
                gradients.attribute(
                    whole, baselines=0.0, target=place, n_steps=STEPS, internal_batch_size=STEPS_TOGETHER
                )
                for place in range(num_scores)
            ]
            found = torch.cat(rows)
        else:
            with torch.no_grad():
                if method == "occlusion":
                    ablation = FeatureAblation(lambda shown: score(clip(shown)))
                    found = ablation.attribute(whole, baselines=0.0, perturbations_per_eval=RUNS_TOGETHER)
                else:
                    found = _sample_shapley(ShapleyValueSampling(lambda shown: score(clip(shown))), whole)
    saliency: np.ndarray = found.detach().double().reshape(-1, num_parts).cpu().numpy()
    return saliency


def hide(inputs: torch.Tensor, parts: torch.Tensor, time_axis: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function from how much of each part is shown, float (B, P), to what the model then sees, (B, …)."""
    blank = inputs.mean(dim=time_axis, keepdim=True).expand_as(inputs)

    def show(shown: torch.Tensor) -> torch.Tensor:
        share = shown[:, parts[0]]  # (B, …), axes of length 1 where a part takes all of an axis
        return blank + share * (inputs - blank)

    return show


def label_frames(inputs: torch.Tensor, time_axis: int) -> torch.Tensor:
    """Parts that are the frames."""
    return label_axis(inputs, time_axis)


def label_axis(inputs: torch.Tensor, axis: int) -> torch.Tensor:
    """Parts along an axis: frames, or joints."""
    place = axis % inputs.dim()
    shape = [-1 if each == place else 1 for each in range(inputs.dim())]
    return torch.arange(inputs.shape[axis], device=inputs.device).reshape(shape)


def label_cells(inputs: torch.Tensor, grid: int) -> torch.Tensor:
    """Parts of the picture, the same in all frames: ``grid`` by ``grid`` cells over the last two axes, row by row."""
    rows, columns = (torch.arange(size, device=inputs.device) * grid // size for size in inputs.shape[-2:])
    cells = rows[:, None] * grid + columns[None, :]
    return cells.reshape(*[1] * (inputs.dim() - 2), *cells.shape)


def require_captum() -> None:
    """Raise where Captum is missing.

    Raises:
        ConfigError: it is.
    """
    if importlib.util.find_spec("captum") is None:
        raise ConfigError("saying which frames decided needs captum: pip install 'finegym[reasons]'")


def _sample_shapley(sampling: object, whole: torch.Tensor) -> torch.Tensor:
    """The same clip gives the same numbers: orders are drawn from a seed of their own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found: torch.Tensor = sampling.attribute(  # type: ignore[attr-defined]
            whole, baselines=0.0, n_samples=ORDERS, perturbations_per_eval=RUNS_TOGETHER
        )
    return found
