"""What an epoch saw, added up step by step and over all processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from accelerate.utils import gather_object

from finegym.datasets.recognition import ClipBatch, add_counts
from finegym.training.stepping import Step


@dataclass
class EpochTally:
    """What an epoch saw, in this process."""

    loss_sum: float = 0.0
    num_correct: int = 0
    num_clips: int = 0
    counts: dict[str, int] = field(default_factory=lambda: {"short_clips": 0})
    places: set[int] = field(default_factory=set)

    def add(self, step: Step, batches: Sequence[ClipBatch]) -> None:
        """One step more."""
        self.loss_sum += step.loss * step.num_clips
        self.num_correct += step.num_correct
        self.num_clips += step.num_clips
        self.counts = add_counts([self.counts, *(batch.counts for batch in batches)])
        self.places.update(place for batch in batches for place in batch.places.tolist())

    def summarise(self, seconds: float, waited: float) -> dict[str, Any]:
        """The training part of an epoch's line of metrics, of all processes together."""
        totals = np.array([self.loss_sum, self.num_correct, self.num_clips], dtype=np.float64)
        loss_sum, num_correct, num_clips = np.sum(gather_object([totals]), axis=0).tolist()
        return {
            "train_loss": loss_sum / num_clips,
            "train_top1_accuracy": num_correct / num_clips,
            "num_clips": int(num_clips),
            "num_distinct_clips": len(set().union(*gather_object([self.places]))),
            **{f"num_{name}": count for name, count in add_counts(gather_object([self.counts])).items()},
            "seconds": seconds,
            "clips_per_second": num_clips / seconds,
            "share_waiting_for_data": waited / seconds,
        }
