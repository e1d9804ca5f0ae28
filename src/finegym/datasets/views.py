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
from finegym.datasets.skeletons import (
    Centre,
    PoseSource,
    SkeletonSample,
    Stream,
    make_test_skeletons,
    make_training_skeleton,
    mirror_skeleton,
)
from finegym.datasets.transforms import VIEWS, Crops, crop_views, flip, flip_flow_codes, normalise, to_tensor
from finegym.datasets.uniform_sampling import Short

# Codes of flow run from 0 to 255 with no motion in the middle; the deviation is the mean of ImageNet's three. Both as
# in the TSN authors' code (input_mean and input_std of github.com/yjxiong/tsn-pytorch, models.py).
FLOW_MEAN, FLOW_STD = 0.5, 0.226


class Look(NamedTuple):
    """What was seen of one instance.

    Attributes:
        inputs: as the view says.
        counts: what the user should know of. ``short_clips``: 1 where frames repeat because the clip has fewer than the
            model wants. ``blank_frames``: pairs across a cut, frames without a pose, of those looked at.
            ``persons_left_out``, ``persons_padded``: that the model does not see, or sees as zeros.
    """

    inputs: torch.Tensor
    counts: dict[str, int]


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
        short = is_short(num_frames, self.num_segments, self.window)
        return Look(_stack(frames, self.window), {"short_clips": int(short)})

    def look(self, instance_id: str) -> Look:
        num_frames = self.source.count_frames(instance_id)
        indices = compute_centre_windows(num_frames, self.num_segments_test, self.window)
        views = crop_views(self._read(instance_id, indices), self.crops.size, self.crops.views)
        short = is_short(num_frames, self.num_segments_test, self.window)
        return Look(_stack(views, self.window), {"short_clips": int(short)})

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
        return Look(_stack(fields, self.num_fields), self._count(instance_id, indices))

    def look(self, instance_id: str) -> Look:
        num_pairs = self.source.count_pairs(instance_id)
        indices = compute_centre_windows(num_pairs, self.num_segments_test, self.num_fields)
        views = crop_views(self._read(instance_id, indices), self.crops.size, self.crops.views, flip_flow_codes)
        return Look(_stack(views, self.num_fields), self._count(instance_id, indices))

    def mirror(self, inputs: torch.Tensor) -> torch.Tensor:
        return flip_flow_codes(inputs)

    def normalise(self, inputs: torch.Tensor) -> torch.Tensor:
        return normalise(inputs, (FLOW_MEAN,), (FLOW_STD,))

    def _read(self, instance_id: str, indices: np.ndarray) -> torch.Tensor:
        return to_tensor(self.source.read_codes(instance_id, indices.reshape(-1), self.crops.short_side))

    def _count(self, instance_id: str, indices: np.ndarray) -> dict[str, int]:
        is_valid = self.source.read_valid(instance_id)
        short = is_short(len(is_valid), *indices.shape)
        return {"short_clips": int(short), "blank_frames": int((~is_valid[indices]).sum())}


@dataclass(frozen=True)
class PoseView:
    """A skeleton sequence: float32 (C, T, V, M), C = x, y, score, T frames spread evenly over the clip.

    See ``finegym.datasets.skeletons`` for what the settings mean.

    Attributes:
        source: where poses come from.
        clip_len: T.
        num_clips_test: V, clips of evaluation.
        num_persons: M.
        stream: joints, bones, or the motion of either.
        centre: what coordinates are relative to.
        short: what clips of fewer frames do.
        max_scale: share by which training scales.
        max_degrees: angle by which training rotates.
    """

    source: PoseSource
    clip_len: int
    num_clips_test: int = 1
    num_persons: int = 1
    stream: Stream = "joint"
    centre: Centre = "frame"
    short: Short = "loop"
    max_scale: float = 0.0
    max_degrees: float = 0.0

    @property
    def is_mirrored(self) -> tuple[bool, ...]:
        return (False,) * self.num_clips_test

    def draw(self, instance_id: str, rng: np.random.Generator) -> Look:
        sample = make_training_skeleton(
            self.source.read(instance_id),
            rng,
            clip_len=self.clip_len,
            num_persons=self.num_persons,
            stream=self.stream,
            centre=self.centre,
            short=self.short,
            max_scale=self.max_scale,
            max_degrees=self.max_degrees,
        )
        return _look_at_skeleton(sample)

    def look(self, instance_id: str) -> Look:
        sample = make_test_skeletons(
            self.source.read(instance_id),
            clip_len=self.clip_len,
            num_clips=self.num_clips_test,
            num_persons=self.num_persons,
            stream=self.stream,
            centre=self.centre,
            short=self.short,
        )
        return _look_at_skeleton(sample)

    def mirror(self, inputs: torch.Tensor) -> torch.Tensor:
        return mirror_skeleton(inputs)

    def normalise(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs


def _look_at_skeleton(sample: SkeletonSample) -> Look:
    counts = {
        "short_clips": int(sample.is_short),
        "blank_frames": sample.num_blank,
        "persons_left_out": sample.num_left_out,
        "persons_padded": sample.num_padded,
    }
    return Look(torch.from_numpy(sample.array), counts)


def _stack(pictures: torch.Tensor, window: int) -> torch.Tensor:
    """(…, T*L, C, S, S) to (…, T, L*C, S, S): the pictures of a window become channels."""
    return pictures.unflatten(-4, (-1, window)).flatten(-4, -3)
