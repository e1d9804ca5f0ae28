"""Mixup and cutmix: batches in which each clip is mixed with another, and so are their classes.

What is mixed with what follows from the random generator of the step, which follows from seed, epoch and iteration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F


@dataclass(frozen=True)
class Mix:
    """How a batch is mixed.

    Attributes:
        share: what is left of each clip, in [0, 1]; its partner has the rest.
        partners: int64 (B,), a permutation; a clip may be its own partner.
        box: rows and columns ``(top, bottom, left, right)``, half-open, that come from the partner; ``None``: every
            value is the weighted mean of both (mixup).
    """

    share: float
    partners: np.ndarray
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class Mixing:
    """How batches are to be mixed.

    Attributes:
        mixup_alpha: share of a mixup ~ Beta(alpha, alpha); 0: no mixup.
        cutmix_alpha: the same of cutmix. Where both are above 0, each batch takes one of them, as likely as the other.
        probability: that a batch is mixed at all.

    Source:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, equation 1; Yun et al., "CutMix:
        Regularization Strategy to Train Strong Classifiers with Localizable Features", ICCV 2019, equations 1 and 2.
        As in their code, one share and one box serve a batch, and the box is cut off at the border, after which the
        share is that of the pixels. All frames of a clip have the same box, so that the patch is a clip itself.
    """

    mixup_alpha: float = 0.0
    cutmix_alpha: float = 0.0
    probability: float = 1.0

    def draw(self, shape: Sequence[int], rng: np.random.Generator) -> Mix | None:
        """How the next batch is mixed.

        Args:
            shape: of its inputs: (B, …); for a cutmix (B, …, H, W).
            rng: of the step.

        Returns:
            ``None`` where this batch stays as it is.
        """
        alphas = [alpha for alpha in (self.mixup_alpha, self.cutmix_alpha) if alpha > 0]
        if not alphas or rng.random() >= self.probability:
            return None
        is_cutmix = self.cutmix_alpha > 0 and (len(alphas) == 1 or rng.random() < 0.5)
        alpha = self.cutmix_alpha if is_cutmix else self.mixup_alpha
        share = float(rng.beta(alpha, alpha))
        partners = rng.permutation(shape[0])
        if not is_cutmix:
            return Mix(share, partners)
        H, W = shape[-2:]
        top, bottom, left, right = box = sample_box(share, H, W, rng)
        return Mix(1 - (bottom - top) * (right - left) / (H * W), partners, box)


def sample_box(share: float, height: int, width: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A box of ``1 - share`` of a picture, in its proportions, around a random pixel, cut off at the border.

    Returns:
        Rows and columns ``(top, bottom, left, right)``, half-open.
    """
    side = np.sqrt(1 - share)
    box_height, box_width = int(height * side), int(width * side)
    middle_row, middle_column = int(rng.integers(height)), int(rng.integers(width))
    top, left = middle_row - box_height // 2, middle_column - box_width // 2
    return max(top, 0), min(top + box_height, height), max(left, 0), min(left + box_width, width)


def mix_inputs(inputs: torch.Tensor, mix: Mix) -> torch.Tensor:
    """The mixed clips of a batch.

    Args:
        inputs: (B, …), any float; for a cutmix (B, …, H, W), such as frames (B, T, C, H, W).
        mix: how.

    Returns:
        A new tensor of the same shape.
    """
    partners = torch.from_numpy(mix.partners).to(inputs.device)
    if mix.box is None:
        return mix.share * inputs + (1 - mix.share) * inputs[partners]
    top, bottom, left, right = mix.box
    mixed = inputs.clone()
    mixed[..., top:bottom, left:right] = inputs[..., top:bottom, left:right][partners]
    return mixed


def mix_targets(class_index: torch.Tensor, num_classes: int, mix: Mix) -> torch.Tensor:
    """The classes of the mixed clips.

    Args:
        class_index: int64 (B,).
        num_classes: K.
        mix: how.

    Returns:
        float32 (B, K), rows that sum to 1.
    """
    own = F.one_hot(class_index, num_classes).float()  # (B, K)
    return mix.share * own + (1 - mix.share) * own[torch.from_numpy(mix.partners).to(own.device)]
