"""What a model sees when the order of the frames is taken away: any view, its frames shuffled in evaluation.

Source: the experiment of figure 6(b) of Shao et al., "FineGym", CVPR 2020: what a model loses by it, it had from order.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch

from finegym.datasets.views import Look, View

TIME_AXES = {"rgb": 1, "rgb-diff": 1, "flow": 1, "pose": 2, "heatmap": 2}
"""Which axis of the evaluation sample of a modality is time; the first one is views."""


@dataclass(frozen=True)
class ShuffledView:
    """A view whose evaluation samples have their frames in another order. Training samples are as they were.

    The order of an instance follows from the seed and its id: it is the same in every run, for every model that looks
    at as many frames, and in all crops. Any order is as likely as any other, the true one included; ``unmoved_clips``
    counts how often it came out. What belongs to one segment stays together: of flow, a window of fields.

    Attributes:
        view: what is shuffled.
        seed: of the orders.
        axis: of time in the view's evaluation samples; see ``TIME_AXES``.
    """

    view: View
    seed: int
    axis: int

    @property
    def is_mirrored(self) -> tuple[bool, ...]:
        return self.view.is_mirrored

    def draw(self, instance_id: str, rng: np.random.Generator) -> Look:
        return self.view.draw(instance_id, rng)

    def look(self, instance_id: str) -> Look:
        inputs, counts = self.view.look(instance_id)
        order = draw_order(instance_id, inputs.shape[self.axis], self.seed)
        is_unmoved = (order == np.arange(len(order))).all()
        return Look(
            inputs.index_select(self.axis, torch.from_numpy(order)), {**counts, "unmoved_clips": int(is_unmoved)}
        )

    def mirror(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.view.mirror(inputs)

    def normalise(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.view.normalise(inputs)


def draw_order(instance_id: str, num_frames: int, seed: int) -> np.ndarray:
    """The order in which an instance's frames are shown: int64 (T,), a permutation.

    Example:
        >>> sorted(draw_order("A0xAXXysHUo_E_002184_002237_A_0035_0036", 4, 0).tolist())
        [0, 1, 2, 3]
    """
    number = int.from_bytes(hashlib.sha256(instance_id.encode()).digest()[:8])
    return np.random.default_rng([seed, number]).permutation(num_frames)
