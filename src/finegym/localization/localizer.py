"""What every localizer gives: a network that says its losses, training samples, and detections along a timeline.

The loop, the run folder, evaluation and ``finegym localize`` know no more of a method than this. ``METHODS`` in
``finegym.localization.methods`` says which there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import nn

from finegym.annotations.subsets import Level, Subset
from finegym.errors import ConfigError
from finegym.localization.timelines import Timeline

Batch = dict[str, torch.Tensor]


class Found(NamedTuple):
    """What was found in one timeline, in any order.

    Attributes:
        segments_ms: float64 (N, 2), ``[start, end)``, relative to the timeline's start and inside it.
        class_index: int64 (N,).
        scores: float64 (N,), the higher the surer; finite.
    """

    segments_ms: np.ndarray
    class_index: np.ndarray
    scores: np.ndarray


class Localizer(nn.Module, ABC):
    """A method with its network and all settings of detection. The network's weights are this module's."""

    @abstractmethod
    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Losses of a training batch, by name: scalars, weighted already; training minimises their sum."""

    @abstractmethod
    def detect(self, timeline: Timeline, source: Any) -> Found:
        """What is in a timeline. Of the timeline only ids and times may be used; ``source`` gives what is seen.

        Called in evaluation mode without gradients. A long timeline must be gone through in parts.
        """

    def choose_level(self, level: Level) -> Subset:
        """Let ``detect`` find the classes of another level than the recipe's, where the method learns several.

        Raises:
            ConfigError: it was not learnt.
        """
        raise ConfigError(
            f"level {level!r} was not learnt: {type(self).__name__} learns the recipe's data.level alone. Convert the "
            "ground truth to that level."
        )


class TrainingSamples(Protocol):
    """What an epoch learns from. Can be sent to loader processes."""

    def __len__(self) -> int:
        """Samples an epoch."""
        ...

    def draw(self, place: int, rng: np.random.Generator) -> Any:
        """One sample of an epoch. All that is random comes from ``rng``, which follows from (seed, epoch, place)."""
        ...

    def collate(self, samples: Sequence[Any]) -> Batch:
        """Samples as one batch."""
        ...

    @property
    def counts(self) -> dict[str, int]:
        """What the user should know of the samples: what was left out or padded, and the like."""
        ...
