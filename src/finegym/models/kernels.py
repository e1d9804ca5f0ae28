"""Kernels made of kernels: for clips instead of images, for flow instead of RGB; for models and for conversion."""

from __future__ import annotations

import torch


def inflate_kernel(kernel: torch.Tensor, length: int) -> torch.Tensor:
    """Repeat a 2-D kernel over time and divide by the length: on a clip of equal frames it gives what it gave on one.

    Args:
        kernel: (D, C, H, W).
        length: L, frames.

    Returns:
        (D, C, L, H, W).

    Source:
        Carreira and Zisserman, "Quo Vadis, Action Recognition?", CVPR 2017, section 2.4.

    Example:
        >>> inflate_kernel(torch.ones(1, 1, 1, 1), 2).flatten()
        tensor([0.5000, 0.5000])
    """
    return kernel[:, :, None].repeat(1, 1, length, 1, 1) / length


def widen_kernel(kernel: torch.Tensor, in_channels: int) -> torch.Tensor:
    """Give every input channel the mean of the RGB kernel: cross-modality initialisation.

    Args:
        kernel: (D, C, …), of images or clips.
        in_channels: of the new kernel.

    Returns:
        (D, in_channels, …).

    Source:
        Wang et al., "Temporal Segment Networks", ECCV 2016, section 3.2.

    Example:
        >>> widen_kernel(torch.tensor([[[[1.0]], [[3.0]]]]), 3).flatten()
        tensor([2., 2., 2.])
    """
    mean = kernel.mean(dim=1, keepdim=True)
    return mean.repeat(1, in_channels, *[1] * (kernel.dim() - 2))
