"""What is there of planned predictions: files are read, put in the order of their split, scored, and summed up.

Studies see runs only through this. Nothing is trained, predicted or estimated here: what has no file is not run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from finegym.annotations.folder import read_dataset
from finegym.annotations.model import Dataset
from finegym.annotations.splits import Split, read_split
from finegym.evaluation.fusion import fuse_logits
from finegym.evaluation.intervals import Score
from finegym.evaluation.predictions import AlignedPredictions, align_predictions, read_predictions
from finegym.evaluation.recognition import RecognitionResult, evaluate_recognition
from finegym.evaluation.report import find_groups
from finegym.studies.run_store import RunStore
from finegym.studies.sizes import Size
from finegym.studies.study import PlannedPrediction
from finegym.studies.tables import NOT_RUN, Cell, summarise
from finegym.training.data import SPLITS_FOLDER

Scored = Callable[[RecognitionResult], Score]


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
        self._scored: dict[tuple[PlannedPrediction, ...], RecognitionResult] = {}

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

    def score(
        self, planned: Sequence[PlannedPrediction], role: str, metric: Scored = lambda result: result.top1_accuracy
    ) -> Cell:
        """A cell in percent of the runs of one method that differ in their seed; empty where none is there.

        Args:
            planned: one a seed.
            role: whose split they are of.
            metric: of a result, in [0, 1].
        """
        return self._summarise([(each,) for each in planned], role, metric)

    def score_fused(
        self,
        parts: Sequence[Sequence[PlannedPrediction]],
        role: str,
        metric: Scored = lambda result: result.top1_accuracy,
    ) -> Cell:
        """The same of several methods together (2Stream): the mean of their probabilities, seed by seed."""
        return self._summarise(list(zip(*parts, strict=False)), role, metric)

    def _summarise(self, fused: Sequence[tuple[PlannedPrediction, ...]], role: str, metric: Scored) -> Cell:
        results = [result for each in fused if (result := self.evaluate(each, role)) is not None]
        if not results:
            return NOT_RUN
        scores = [metric(result) for result in results]
        alone = scores[0]
        bounds = [None if edge is None else 100 * edge for edge in (alone.low, alone.high)]
        return summarise(
            [100 * score.value for score in scores], results[0].num_instances, single=(bounds[0], bounds[1])
        )

    def evaluate(self, parts: tuple[PlannedPrediction, ...], role: str) -> RecognitionResult | None:
        """All metrics of a run, or of several fused with equal weights; ``None`` where one of them is not there."""
        if parts not in self._scored:
            read = [self.read(part, role) for part in parts]
            answers = [each for each in read if each is not None]
            if not answers or len(answers) < len(parts):
                return None
            logits = [each.aligned.logits for each in answers]
            first = answers[0]
            self._scored[parts] = evaluate_recognition(
                logits[0] if len(logits) == 1 else fuse_logits(logits, [1.0] * len(logits)),
                first.aligned.targets,
                find_groups(self.dataset, first.aligned.instance_ids, "video"),
                first.split.subset.class_names,
            )
        return self._scored[parts]
