"""A multi-layer perceptron on skeleton coordinates: the simplest model of poses, against which others are measured.

TSN on coordinates: a clip is cut into segments, each of which is one vector of all coordinates of its frames; their
class scores are averaged as those of TSN's snippets are.

Source: the consensus is that of Wang et al., ECCV 2016, section 3.1; two hidden layers of equal width with batch norm,
ReLU and dropout as in Martinez et al., "A simple yet effective baseline for 3d human pose estimation", ICCV 2017,
section 3.1, without its residual connections. FineGym's paper has no such model; this is a baseline of ours.
"""

from __future__ import annotations

import torch
from torch import nn


class PoseMLP(nn.Module):
    """Average consensus over the class scores of segments of a skeleton sequence.

    Args:
        segment_len: L, frames that become one vector.
        num_joints: V.
        num_persons: M.
        num_channels: C, such as 3 for x, y and score.
        num_classes: K.
        hidden_size: width of both hidden layers.
        dropout: after each hidden layer, in [0, 1).

    The number of segments is free in every call.
    """

    # It sees no pixels, so nothing is to be normalised for it.
    normalisation = None

    def __init__(
        self,
        segment_len: int,
        num_classes: int,
        *,
        num_joints: int = 17,
        num_persons: int = 1,
        num_channels: int = 3,
        hidden_size: int = 512,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.segment_len = segment_len
        num_values = num_channels * segment_len * num_joints * num_persons
        layers: list[nn.Module] = [nn.BatchNorm1d(num_values)]
        for in_size in (num_values, hidden_size):
            layers += [nn.Linear(in_size, hidden_size), nn.BatchNorm1d(hidden_size), nn.ReLU(), nn.Dropout(dropout)]
        self.body = nn.Sequential(*layers)
        self.classifier = nn.Linear(hidden_size, num_classes)
        # As in TSN: the first steps see nearly uniform scores.
        nn.init.normal_(self.classifier.weight, 0.0, 0.001)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, skeletons: torch.Tensor) -> torch.Tensor:
        """Logits of clips.

        Args:
            skeletons: float32 (B, C, T, V, M), normalised coordinates; T a multiple of ``segment_len``.

        Returns:
            float32 (B, K): the mean over the T / L segments of their class scores, before softmax.
        """
        B, _, T, _, _ = skeletons.shape
        assert T % self.segment_len == 0, f"{T} frames do not divide into segments of {self.segment_len}"
        segments = skeletons.unflatten(2, (-1, self.segment_len))  # (B, C, T/L, L, V, M)
        vectors = segments.transpose(1, 2).flatten(2).flatten(0, 1)  # (B*T/L, C*L*V*M)
        scores: torch.Tensor = self.classifier(self.body(vectors))  # (B*T/L, K)
        return scores.unflatten(0, (B, -1)).mean(dim=1)  # (B, K)
