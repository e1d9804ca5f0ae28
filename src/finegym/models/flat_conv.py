"""3-D convolutions whose kernel is flat: computed as 2-D ones, which libraries are much better at.

A kernel of 1 x k x k sees one frame at a time: frames go into the batch. One of k x 1 x 1 sees one position at a time:
rows and columns become one axis. With channels last neither costs a copy, and the result has that layout too. On a CPU
I3D-R50 takes little more than half the time.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class FlatConv3d(nn.Conv3d):
    """A 3-D convolution with the same arguments, parameters, keys and results; flat kernels are computed as 2-D.

    Padding must be by zeros, dilation 1; other kernels are computed as they are.
    """

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        length, height, width = self.kernel_size
        if length == 1 and self.stride[0] == 1 and self.padding[0] == 0:
            return self._convolve_frames(maps)
        if height == width == 1 and self.stride[1:] == (1, 1) and self.padding[1:] == (0, 0):
            return self._convolve_positions(maps)
        return super().forward(maps)

    def _convolve_frames(self, maps: torch.Tensor) -> torch.Tensor:
        _, C, T, H, W = maps.shape
        frames = maps.permute(0, 2, 3, 4, 1).reshape(-1, H, W, C).permute(0, 3, 1, 2)  # (B*T, C, H, W)
        stride, padding = self.stride[1:], self.padding[1:]
        result = F.conv2d(frames, self.weight.squeeze(2), self.bias, stride, padding, 1, self.groups)
        return result.unflatten(0, (-1, T)).transpose(1, 2)  # (B, D, T, H', W')

    def _convolve_positions(self, maps: torch.Tensor) -> torch.Tensor:
        _, C, T, H, W = maps.shape
        flat = maps.permute(0, 2, 3, 4, 1).reshape(-1, T, H * W, C).permute(0, 3, 1, 2)  # (B, C, T, H*W)
        stride, padding = (self.stride[0], 1), (self.padding[0], 0)
        result = F.conv2d(flat, self.weight.squeeze(4), self.bias, stride, padding, 1, self.groups)  # type: ignore[arg-type]
        return result.unflatten(3, (H, W))  # (B, D, T', H, W)
