"""What 3-D networks see of an instance: frames of one stretch of a clip, an interval apart, in colour or as flow.

Source: Carreira and Zisserman, CVPR 2017, section 2.5; on FineGym 8 frames out of 16 consecutive ones, stride 2
(supplement of Shao et al., CVPR 2020). Eight frames two apart span 15: where those begin is drawn, so that the last
frame of a clip is seen as often as the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from finegym.datasets.clips import ClipSource
from finegym.datasets.flow_clips import FlowSource
from finegym.datasets.sampling import compute_centre_windows, sample_windows
from finegym.datasets.transforms import VIEWS, Crops, crop_views, flip, flip_flow_codes, normalise, to_tensor
from finegym.datasets.views import FLOW_MEAN, FLOW_STD, Look


@dataclass(frozen=True)
class Stretch:
    """Which frames of a clip are looked at.

    Attributes:
        clip_len: T.
        frame_interval: from one to the next.
        num_clips_test: places that evaluation looks at, spread evenly.
    """

    clip_len: int
    frame_interval: int = 1
    num_clips_test: int = 1

    @property
    def span(self) -> int:
        """Frames from the first to the last, both included."""
        return (self.clip_len - 1) * self.frame_interval + 1

    def draw(self, num_frames: int, rng: np.random.Generator) -> np.ndarray:
        """int64 (T,), at a random place; a clip of fewer frames than the span repeats frames in order."""
        return sample_windows(num_frames, 1, self.span, rng)[0, :: self.frame_interval]

    def place(self, num_frames: int) -> np.ndarray:
        """int64 (K, T), the same every time: the centres of K equal parts of the places where a stretch can begin.

        Example:
            >>> Stretch(4, 2, num_clips_test=2).place(12).tolist()
            [[1, 3, 5, 7], [4, 6, 8, 10]]
        """
        return compute_centre_windows(num_frames, self.num_clips_test, self.span)[:, :: self.frame_interval]

    def count_short(self, num_frames: int) -> int:
        """1 where frames repeat."""
        return int(num_frames < self.span)


@dataclass(frozen=True)
class RgbClipView:
    """Frames of a stretch: uint8 (T, 3, S, S). Evaluation looks at every place in every crop, places first.

    Attributes:
        source: where frames come from.
        stretch: which frames.
        crops: the squares that are cut.
        mean: of the pixels that the network was trained with, in [0, 1], a channel.
        std: their deviation.
    """

    source: ClipSource
    stretch: Stretch
    crops: Crops
    mean: Sequence[float]
    std: Sequence[float]

    @property
    def is_mirrored(self) -> tuple[bool, ...]:
        return VIEWS[self.crops.views] * self.stretch.num_clips_test

    def draw(self, instance_id: str, rng: np.random.Generator) -> Look:
        num_frames = self.source.count_frames(instance_id)
        frames = self._read(instance_id, self.stretch.draw(num_frames, rng))
        return Look(self.crops.draw(frames, rng), {"short_clips": self.stretch.count_short(num_frames)})

    def look(self, instance_id: str) -> Look:
        num_frames = self.source.count_frames(instance_id)
        indices = self.stretch.place(num_frames)  # (K, T)
        views = crop_views(self._read(instance_id, indices.reshape(-1)), self.crops.size, self.crops.views)
        return Look(_part(views, len(indices)), {"short_clips": self.stretch.count_short(num_frames)})

    def mirror(self, inputs: torch.Tensor) -> torch.Tensor:
        return flip(inputs)

    def normalise(self, inputs: torch.Tensor) -> torch.Tensor:
        return normalise(inputs, self.mean, self.std)

    def _read(self, instance_id: str, indices: np.ndarray) -> torch.Tensor:
        return to_tensor(self.source.read_frames(instance_id, indices, self.crops.short_side))


@dataclass(frozen=True)
class FlowClipView:
    """Flow fields of a stretch, dx and dy: uint8 codes (T, 2, S, S).

    Attributes:
        source: where flow comes from.
        stretch: which pairs of frames.
        crops: the squares that are cut.
    """

    source: FlowSource
    stretch: Stretch
    crops: Crops

    @property
    def is_mirrored(self) -> tuple[bool, ...]:
        return VIEWS[self.crops.views] * self.stretch.num_clips_test

    def draw(self, instance_id: str, rng: np.random.Generator) -> Look:
        indices = self.stretch.draw(self.source.count_pairs(instance_id), rng)
        return Look(self.crops.draw(self._read(instance_id, indices), rng), self._count(instance_id, indices))

    def look(self, instance_id: str) -> Look:
        indices = self.stretch.place(self.source.count_pairs(instance_id))  # (K, T)
        fields = self._read(instance_id, indices.reshape(-1))
        views = crop_views(fields, self.crops.size, self.crops.views, flip_flow_codes)
        return Look(_part(views, len(indices)), self._count(instance_id, indices))

    def mirror(self, inputs: torch.Tensor) -> torch.Tensor:
        return flip_flow_codes(inputs)

    def normalise(self, inputs: torch.Tensor) -> torch.Tensor:
        return normalise(inputs, (FLOW_MEAN,), (FLOW_STD,))

    def _read(self, instance_id: str, indices: np.ndarray) -> torch.Tensor:
        return to_tensor(self.source.read_codes(instance_id, indices, self.crops.short_side))

    def _count(self, instance_id: str, indices: np.ndarray) -> dict[str, int]:
        is_valid = self.source.read_valid(instance_id)
        short = self.stretch.count_short(len(is_valid))
        return {"short_clips": short, "blank_frames": int((~is_valid[indices]).sum())}


def _part(views: torch.Tensor, num_clips: int) -> torch.Tensor:
    """Crops of all frames (V, K*T, C, S, S) to (K*V, T, C, S, S)."""
    return views.unflatten(1, (num_clips, -1)).transpose(0, 1).flatten(0, 1)
