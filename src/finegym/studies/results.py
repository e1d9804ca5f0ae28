"""What is there of planned predictions: files are read, put in the order of their split, scored, and summed up.

Studies see runs only through this. Nothing is trained, predicted or estimated here: what has no file is not run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from finegym.annotations.folder import read_dataset
from finegym.annotations.model import Dataset
from finegym.annotations.splits import Split, read_split
from finegym.evaluation.estimates import (
    Estimate,
    GroupWeights,
    estimate_mean_over_classes,
    estimate_share,
    resample_groups,
)
from finegym.evaluation.fusion import fuse_logits
from finegym.evaluation.predictions import AlignedPredictions, align_predictions, read_predictions
from finegym.evaluation.report import find_groups
from finegym.studies.cells import make_cell
from finegym.studies.run_store import SPLITS_FOLDER, RunStore
from finegym.studies.sizes import Size
from finegym.studies.study import PlannedPrediction
from finegym.studies.tables import NOT_RUN, Cell

Metric = Callable[[np.ndarray, np.ndarray, GroupWeights], Estimate]
"""Of what every run got right (S, N), the targets (N,) and the records of the instances."""


@dataclass(frozen=True)
class Answers:
    """What one run said of the val side of a split.

    Attributes:
        split: the split.
        aligned: logits and targets, in its order.
    """

    split: Split
    aligned: AlignedPredictions

    @cached_property
    def is_right(self) -> np.ndarray:
        """Bool (N,), in the order of the split."""
        right: np.ndarray = self.aligned.logits.argmax(axis=1) == self.aligned.targets
        return right


class Results:
    """Reads what runs of one size have predicted.

    Args:
        size: of the studies.
        store: where its runs are.
    """

    def __init__(self, size: Size, store: RunStore) -> None:
        self.size, self.store = size, store
        self._splits: dict[str, Split] = {}
        self._groups: dict[str, GroupWeights] = {}

    @property
    def folder(self) -> Path:
        """The dataset folder."""
        return self.store.dataset

    @cached_property
    def dataset(self) -> Dataset:
        """Its annotations."""
        return read_dataset(self.folder)

    def get_split(self, role: str) -> Split:
        """The split of a role."""
        if role not in self._splits:
            self._splits[role] = read_split(self.folder / SPLITS_FOLDER / role)
        return self._splits[role]

    def get_groups(self, role: str) -> GroupWeights:
        """Resamples of the records of the val side of a role's split: the same for everything that is compared."""
        if role not in self._groups:
            self._groups[role] = resample_groups(self._find_records(role))
        return self._groups[role]

    def list_records(self, role: str) -> list[str]:
        """Ids of the resampled records, in the order of the columns of their weights."""
        return sorted(set(self._find_records(role)))

    def _find_records(self, role: str) -> list[str]:
        return find_groups(self.dataset, list(self.get_split(role).val), "video")

    def find_path(self, planned: PlannedPrediction) -> Path | None:
        """The prediction file, if it is there."""
        path = self.store.get_prediction_path(planned)
        return path if path.is_file() else None

    def read(self, planned: PlannedPrediction, role: str) -> Answers | None:
        """What a run said; ``None`` where that was not predicted.

        Raises:
            PredictionError: the file does not cover the split.
        """
        path = self.find_path(planned)
        if path is None:
            return None
        split = self.get_split(role)
        aligned = align_predictions(
            read_predictions(path), split.val, len(split.subset), split_name=f"{role}/val", source=str(path)
        )
        return Answers(split, aligned)

    def read_last_epoch(self, planned: PlannedPrediction) -> dict[str, Any] | None:
        """What a recogniser's training said of its last epoch (``metrics.jsonl``); ``None`` where it did not run."""
        from finegym.training.run_folder import RunFolder  # loads torch, which planning does without

        run = RunFolder(self.store.get_path(planned.run))
        if self.find_path(planned) is None or not run.metrics_path.is_file():
            return None
        return run.read_last_epoch()

    def read_seeds(self, planned: Sequence[PlannedPrediction], role: str) -> list[Answers]:
        """What the runs that are there said, in the order of their seeds."""
        return [answers for each in planned if (answers := self.read(each, role)) is not None]

    def read_pairs(
        self, before: Sequence[PlannedPrediction], after: Sequence[PlannedPrediction], role: str
    ) -> tuple[list[Answers], list[Answers]]:
        """What two methods said, seed by seed; a seed that one of them lacks is left out."""
        pairs = [
            (one, other)
            for left, right in zip(before, after, strict=False)  # a method may have fewer seeds
            if (one := self.read(left, role)) is not None and (other := self.read(right, role)) is not None
        ]
        return [one for one, _ in pairs], [other for _, other in pairs]

    def score(self, planned: Sequence[PlannedPrediction], role: str, metric: Metric | None = None) -> Cell:
        """A cell in percent of the runs of one method that differ in their seed; empty where none is there.

        Args:
            planned: one a seed.
            role: whose split they are of.
            metric: of what they got right; top-1 accuracy by default.
        """
        return self._estimate(self.read_seeds(planned, role), role, metric)

    def score_fused(
        self, parts: Sequence[Sequence[PlannedPrediction]], role: str, metric: Metric | None = None
    ) -> Cell:
        """The same of several methods together (2Stream): the mean of their probabilities, seed by seed."""
        read = [[self.read(part, role) for part in each] for each in zip(*parts, strict=False)]
        whole = [[part for part in each if part is not None] for each in read if None not in each]
        return self._estimate([fuse_answers(each) for each in whole], role, metric)

    def _estimate(self, answers: Sequence[Answers], role: str, metric: Metric | None) -> Cell:
        if not answers:
            return NOT_RUN
        targets = answers[0].aligned.targets
        found = (metric or estimate_top1)(stack_right(answers), targets, self.get_groups(role))
        return make_cell(found, len(targets))


def stack_right(answers: Sequence[Answers]) -> np.ndarray:
    """Bool (S, N): which instances every run got right, in the order of the split."""
    return np.array([each.is_right for each in answers])


def fuse_answers(parts: Sequence[Answers]) -> Answers:
    """What several runs of one split say together, with equal weights."""
    logits = fuse_logits([each.aligned.logits for each in parts], [1.0] * len(parts))
    return replace(parts[0], aligned=replace(parts[0].aligned, logits=logits))


def estimate_top1(right: np.ndarray, targets: np.ndarray, groups: GroupWeights) -> Estimate:
    """Top-1 accuracy: a share of instances, whatever their class."""
    return estimate_share(right, groups)


METRICS: dict[str, Metric] = {"mean": estimate_mean_over_classes, "top1": estimate_top1}
"""Mean class accuracy and top-1 accuracy, by column of the tables."""
