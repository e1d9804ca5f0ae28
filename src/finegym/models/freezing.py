"""Parts of a backbone that stand still while the rest is trained, for the models that look at frames."""

from __future__ import annotations

from torch import nn


def set_training(backbone: nn.Module, mode: bool, *, frozen: bool = False, partial_batch_norm: bool = False) -> None:
    """Put a backbone into training or evaluation mode, and leave in evaluation mode what is not to move.

    Args:
        backbone: an image network.
        mode: as in ``nn.Module.train``.
        frozen: all of it stays in evaluation mode.
        partial_batch_norm: every batch norm but the first keeps its mean and variance (TSN, section 3.2).
    """
    backbone.train(mode and not frozen)
    if mode and partial_batch_norm:
        norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms[1:]:
            norm.eval()


def initialise_classifier(classifier: nn.Linear) -> nn.Linear:
    """Weights normal(0, 0.001), biases 0, as in the TSN family's code: the first steps see nearly uniform scores."""
    nn.init.normal_(classifier.weight, 0.0, 0.001)
    nn.init.zeros_(classifier.bias)
    return classifier
