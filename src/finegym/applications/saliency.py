"""Which frames decided: how much each one moves the scores of a model.

A frame is taken away by showing the mean of the clip's frames in its place: what is the same all the time decides
nothing. Both methods are Captum's, applied to one number a frame, the share of it that is shown.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch

from finegym.errors import ConfigError
from finegym.training.inference import exact_float32

Method = Literal["occlusion", "integrated-gradients"]
METHODS: tuple[Method, ...] = ("occlusion", "integrated-gradients")
STEPS, STEPS_TOGETHER = 32, 8


def compute_frame_saliency(
    score: Callable[[torch.Tensor], torch.Tensor],
    inputs: torch.Tensor,
    *,
    time_axis: int,
    method: Method = "occlusion",
) -> np.ndarray:
    """How much every frame of a clip speaks for each of some scores.

    Args:
        score: maps inputs (B, …) to scores (B, Q); differentiable for integrated gradients.
        inputs: float32 (1, …), what the model takes of one clip.
        time_axis: of the inputs.
        method: ``occlusion``: by how much a score falls when the frame alone is taken away. ``integrated-gradients``:
            the frame's part of what the whole clip scores above one in which every frame is the mean; parts add up to
            that. Occlusion costs T + 1 runs of the model for all scores together, integrated gradients 32 runs there
            and back a score.

    Returns:
        float64 (Q, T). A frame that is against a score has a negative number.

    Raises:
        ConfigError: Captum is not installed, or there is only one frame, which cannot be compared with anything.

    Source:
        Occlusion: Zeiler and Fergus, ECCV 2014, section 4.2, of frames instead of patches. Integrated gradients:
        Sundararajan et al., ICML 2017, equation 1, the gradients of a frame's values summed up.
    """
    _require_captum()
    from captum.attr import FeatureAblation, IntegratedGradients

    num_frames = inputs.shape[time_axis]
    if num_frames < 2:
        raise ConfigError(
            "the model looks at one frame only, so that nothing says which decided. Show it more: --num-segments 8."
        )
    blank = inputs.mean(dim=time_axis, keepdim=True).expand_as(inputs)
    shape = [-1 if axis == time_axis % inputs.dim() else 1 for axis in range(inputs.dim())]

    def score_shown(shown: torch.Tensor) -> torch.Tensor:
        """Scores (B, Q) of the clip with so much of each frame, (B, T)."""
        share = shown.reshape(len(shown), *shape[1:])
        return score(blank + share * (inputs - blank))

    whole = torch.ones(1, num_frames, device=inputs.device)
    with exact_float32():
        if method == "occlusion":
            with torch.no_grad():
                found = FeatureAblation(score_shown).attribute(whole, baselines=0.0)
        else:
            with torch.no_grad():
                num_scores = score_shown(whole).shape[1]
            gradients = IntegratedGradients(score_shown)
            parts = [
                gradients.attribute(
                    whole, baselines=0.0, target=place, n_steps=STEPS, internal_batch_size=STEPS_TOGETHER
                )
                for place in range(num_scores)
            ]
            found = torch.cat(parts)
    saliency: np.ndarray = found.detach().double().cpu().numpy()
    return saliency


def _require_captum() -> None:
    if importlib.util.find_spec("captum") is None:
        raise ConfigError("saying which frames decided needs captum: pip install 'finegym[reasons]'")
