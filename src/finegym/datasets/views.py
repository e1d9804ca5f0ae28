"""What a model sees of an instance, one small class a modality: RGB, RGB difference, flow, poses.

A view knows how many frames a sample takes, how a training sample is drawn, what evaluation looks at, how a sample is
mirrored, and how it becomes numbers on the device. Everything else (epochs, classes, batches, workers) is the same for
all of them and knows none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch

from finegym.datasets.clips import ClipSource
from finegym.datasets.flow_clips import FlowSource
from finegym.datasets.sampling import compute_centre_windows, is_short, sample_windows
from finegym.datasets.transforms import VIEWS, Crops, crop_views, flip, flip_flow_codes, normalise, to_tensor

# Codes of flow run from 0 to 255 with no motion in the middle; the deviation is the mean of ImageNet's three. Both as
# in the TSN authors' code, github.com/yjxiong/tsn-pytorch (GroupNormalize of main.py and get_augmentation of models.py).
FLOW_MEAN, FLOW_STD = 0.5, 0.226


class Look(NamedTuple):
    """What was seen of one instance.

    Attributes:
        inputs: as the view says.
        is_short: whether frames repeat because the clip has fewer than the model wants.
        num_blank: of the frames (pairs, poses) looked at, those that hold nothing.
    """

    inputs: torch.Tensor
    is_short: bool
    num_blank: int = 0


class View(Protocol):
    """One modality. A view can be sent to loader processes."""

    @property
    def is_mirrored(self) -> tuple[bool, ...]:
        """One flag for each of the V ways in which evaluation looks at a clip."""
        ...

    def draw(self, instance_id: str, rng: np.random.Generator) -> Look:
        """A random training sample, inputs (T, …)."""
        ...

    def look(self, instance_id: str) -> Look:
        """The evaluation sample, the same every time; inputs (V, T, …)."""
        ...

    def mirror(self, inputs: torch.Tensor) -> torch.Tensor:
        """A training sample as a mirror shows it."""
        ...

    def normalise(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the model takes, float32, of inputs (B, T, …); called on the model's device."""
        ...


@dataclass(frozen=True)
class RgbView:
    """One frame a segment: uint8 (T, 3, S, S).

    Attributes:
        source: where frames come from.
        num_segments: T of training.
        num_segments_test: T of evaluation.
        crops: the squares that are cut.
        mean: of the pixels that the network was trained with, in [0, 1], a channel.
        std: their deviation.
    """

    source: ClipSource
    num_segments: int
    num_segments_test: int
    crops: Crops
    mean: Sequence[float]
    std: Sequence[float]

    @property
    def is_mirrored(self) -> tuple[bool, ...]:
        return VIEWS[self.crops.views]

    @property
    def window(self) -> int:
        """Frames a segment."""
        return 1

    def draw(self, instance_id: str, rng: np.random.Generator) -> Look:
        num_frames = self.source.count_frames(instance_id)
        indices = sample_windows(num_frames, self.num_segments, self.window, rng)
        frames = self.crops.draw(self._read(instance_id, indices), rng)
        return Look(_stack(frames, self.window), is_short(num_frames, self.num_segments, self.window))

    def look(self, instance_id: str) -> Look:
        num_frames = self.source.count_frames(instance_id)
        indices = compute_centre_windows(num_frames, self.num_segments_test, self.window)
        views = crop_views(self._read(instance_id, indices), self.crops.size, self.crops.views)
        return Look(_stack(views, self.window), is_short(num_frames, self.num_segments_test, self.window))

    def mirror(self, inputs: torch.Tensor) -> torch.Tensor:
        return flip(inputs)

    def normalise(self, inputs: torch.Tensor) -> torch.Tensor:
        return normalise(inputs, self.mean, self.std)

    def _read(self, instance_id: str, indices: np.ndarray) -> torch.Tensor:
        return to_tensor(self.source.read_frames(instance_id, indices.reshape(-1), self.crops.short_side))


@dataclass(frozen=True)
class RgbDifferenceView(RgbView):
    """L differences of L + 1 consecutive frames a segment: uint8 frames (T, 3 (L + 1), S, S), float32 (T, 3 L, S, S).

    Source: Wang et al., ECCV 2016, section 3.2. Differences are those of frames normalised for the network, a unit that
    its ImageNet weights know; the authors' code takes them of values from 0 to 255.

    Attributes:
        num_differences: L.
    """

    num_differences: int = 5

    @property
    def window(self) -> int:
        return self.num_differences + 1

    def normalise(self, inputs: torch.Tensor) -> torch.Tensor:
        frames = normalise(inputs.unflatten(-3, (self.window, 3)), self.mean, self.std)  # (B, T, L+1, 3, S, S)
        return frames.diff(dim=-4).flatten(-4, -3)  # (B, T, L*3, S, S)


@dataclass(frozen=True)
class FlowView:
    """L consecutive flow fields a segment: uint8 codes (T, 2 L, S, S), channels dx and dy in turn.

    Source: Wang et al., ECCV 2016, section 3.2 (L = 5). Displacements stay pixels of the stored field whatever the crop
    is scaled to, as there.

    Attributes:
        source: where flow comes from.
        num_segments: T of training.
        num_segments_test: T of evaluation.
        crops: the squares that are cut.
        num_fields: L.
    """

    source: FlowSource
    num_segments: int
    num_segments_test: int
    crops: Crops
    num_fields: int = 5

    @property
    def is_mirrored(self) -> tuple[bool, ...]:
        return VIEWS[self.crops.views]

    def draw(self, instance_id: str, rng: np.random.Generator) -> Look:
        num_pairs = self.source.count_pairs(instance_id)
        indices = sample_windows(num_pairs, self.num_segments, self.num_fields, rng)
        fields = self.crops.draw(self._read(instance_id, indices), rng)
        short = is_short(num_pairs, self.num_segments, self.num_fields)
        return Look(_stack(fields, self.num_fields), short, self._count_blank(instance_id, indices))

    def look(self, instance_id: str) -> Look:
        num_pairs = self.source.count_pairs(instance_id)
        indices = compute_centre_windows(num_pairs, self.num_segments_test, self.num_fields)
        views = crop_views(self._read(instance_id, indices), self.crops.size, self.crops.views, flip_flow_codes)
        short = is_short(num_pairs, self.num_segments_test, self.num_fields)
        return Look(_stack(views, self.num_fields), short, self._count_blank(instance_id, indices))

    def mirror(self, inputs: torch.Tensor) -> torch.Tensor:
        return flip_flow_codes(inputs)

    def normalise(self, inputs: torch.Tensor) -> torch.Tensor:
        return normalise(inputs, (FLOW_MEAN,), (FLOW_STD,))

    def _read(self, instance_id: str, indices: np.ndarray) -> torch.Tensor:
        return to_tensor(self.source.read_codes(instance_id, indices.reshape(-1), self.crops.short_side))

    def _count_blank(self, instance_id: str, indices: np.ndarray) -> int:
        return int((~self.source.read_valid(instance_id)[indices]).sum())


def _stack(pictures: torch.Tensor, window: int) -> torch.Tensor:
    """(…, T*L, C, S, S) to (…, T, L*C, S, S): the pictures of a window become channels."""
    return pictures.unflatten(-4, (-1, window)).flatten(-4, -3)
