"""What a model costs: multiply-adds of its convolutions, linear layers and matrix products.

One multiply-add is one multiplication and one addition; papers often print it as one "FLOP". Poolings, normalisations,
activations and additions are left out, as the field does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode


def count_multiply_adds(model: nn.Module, *shapes: Sequence[int]) -> int:
    """Multiply-adds of one forward pass in evaluation mode, from shapes alone.

    Nothing is computed and no weight is copied: the pass runs on the meta device, whatever device the model is on.

    Args:
        model: any module; one whose course depends on the values of its input cannot be counted.
        *shapes: of its float32 inputs, in order; a leading 1 gives the count of one clip.

    Returns:
        The count; divide by 1e9 for GMACs.

    Source:
        Operations are counted by ``torch.utils.flop_counter``, which counts a multiply-add as two.

    Example:
        >>> count_multiply_adds(nn.Conv2d(3, 8, 3), (1, 3, 10, 10)) == 8 * 8 * 8 * 3 * 3 * 3
        True
    """
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    shadows = {name: torch.empty_like(value, device="meta") for name, value in state.items()}
    inputs = tuple(torch.empty(tuple(shape), device="meta") for shape in shapes)
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            functional_call(model, shadows, inputs)
    finally:
        for module, mode in modes.items():
            module.training = mode
    return counter.get_total_flops() // 2
