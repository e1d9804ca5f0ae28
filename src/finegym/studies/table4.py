"""Table 4: temporal localization of actions in records, and of sub-actions in actions; SSN, and ActionFormer beside it.

Actions are told apart by event, sub-actions by set, as the recipes of the size say. The split keeps records whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finegym.evaluation.estimates import DIFFERENCE, Estimate, estimate
from finegym.evaluation.localization.bootstrap import resample_map
from finegym.evaluation.localization.detection_map import TIOUS, compute_detection_map
from finegym.evaluation.localization.detections import Truth
from finegym.evaluation.localization.reading import read_detections
from finegym.localization.recipe import LocalizationRecipe
from finegym.localization.timelines import read_timelines
from finegym.localization.truth import make_truth
from finegym.report.dot_plot import NARROW
from finegym.report.plots import Curve, draw_curves
from finegym.studies.accuracy import INTERVALS, describe_seeds
from finegym.studies.cells import make_cell
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Results
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Outcome, PlannedPrediction, Study
from finegym.studies.tables import Cell, Column, Row, Table

ROLE = "records"
METHODS = ("SSN", "ActionFormer")
TASKS = ("actions", "sub-actions")
SHOWN = (0.5, 0.6, 0.7, 0.8, 0.9)
COLUMNS = (*(Column(f"map/{tiou}", f"mAP at {tiou}") for tiou in SHOWN), Column("map/average", "mean of 0.5 to 0.95"))
TITLE = "Table 4: localization of actions in records and of sub-actions in actions"
TO_SEE = (
    "mAP falls with the overlap that is asked for; the further a curve lies below another, the harder is its task. In "
    "the paper sub-actions are far below actions at every overlap."
)


@dataclass(frozen=True)
class Found:
    """How well one method did one task.

    Attributes:
        places: of the S runs among those planned, one a seed.
        by_tiou: float64 (S, T), mAP with every seed at every threshold of ``TIOUS``.
        resampled: float64 (S, R, T), the same in resamples of the records: the same resamples for every method and
            task.
        num_records: that something was to be found in.
        num_segments: that were to be found.
    """

    places: tuple[int, ...]
    by_tiou: np.ndarray
    resampled: np.ndarray
    num_records: int
    num_segments: int

    def estimate_at(self, place: int) -> Estimate:
        """At one threshold."""
        return self._estimate(self.by_tiou[:, place], self.resampled[..., place])

    def estimate_average(self) -> Estimate:
        """The mean over thresholds, of which every resample has one."""
        return self._estimate(self.by_tiou.mean(axis=1), self.resampled.mean(axis=2))

    def _estimate(self, by_seed: np.ndarray, resampled: np.ndarray) -> Estimate:
        # A segment is found in part, and late in the ranking: no draw of yes or no, but where all or none is found.
        is_extreme = float(by_seed.mean()) in (0.0, 1.0)
        return estimate(by_seed, resampled, self.num_records, num_draws=self.num_segments if is_extreme else None)


def plan(size: Size) -> tuple[PlannedPrediction, ...]:
    """Every method on both tasks."""
    return tuple(
        planned for method in METHODS for task in TASKS for planned in plan_predictions(size, f"{method} {task}", ROLE)
    )


def make(results: Results) -> Outcome:
    """Evaluate what is there."""
    found = {(method, task): evaluate(results, method, task) for method in METHODS for task in TASKS}
    rows = tuple(
        Row(task if method == METHODS[0] else f"{task}/{method}", (task, method), _make_cells(each))
        for (method, task), each in found.items()
    )
    there = {key: each for key, each in found.items() if each is not None}
    notes = (
        *results.size.notes,
        *_describe(there),
        *describe_seeds(results.size, [f"{method} {task}" for method in METHODS for task in TASKS], (ROLE,)),
        INTERVALS,
    )
    table = Table("table4", TITLE, ("task", "method"), COLUMNS, rows, notes)
    if not there:
        return Outcome((table,))
    return Outcome((table,), (Figure("table4", TITLE, TO_SEE, _draw(there)),))


def evaluate(results: Results, method: str, task: str) -> Found | None:
    """The runs of a method that are there, on records that they have not seen; ``None`` where there are none."""
    planned = plan_predictions(results.size, f"{method} {task}", ROLE)
    paths = {place: path for place, each in enumerate(planned) if (path := results.find_path(each)) is not None}
    if not paths:
        return None
    recipe = results.store.resolve(planned[0].run)
    assert isinstance(recipe, LocalizationRecipe), f"{method} {task} is a localizer"
    timelines = read_timelines(results.folder, recipe.data.split, task=recipe.task, level=recipe.data.level, side="val")
    truth = make_truth(timelines)
    names = np.unique(np.array(truth.record_ids, dtype=object).astype(str))
    # Drawn of all records of the split, so that a record without sub-actions does not part the two tasks.
    weights = results.get_groups(ROLE).weights[:, np.searchsorted(results.list_records(ROLE), names)]
    by_seed, resampled = zip(*(_evaluate_file(truth, path, weights) for path in paths.values()), strict=True)
    return Found(tuple(paths), np.array(by_seed), np.array(resampled), len(names), len(truth.class_index))


def estimate_difference(one: Found, other: Found) -> Estimate | None:
    """Mean mAP of one less that of another, paired by seed and record; ``None`` where they share no seed."""
    shared = [place for place in one.places if place in other.places]
    if not shared:
        return None
    rows = [[found.places.index(place) for place in shared] for found in (one, other)]
    by_seed = (one.by_tiou[rows[0]] - other.by_tiou[rows[1]]).mean(axis=1)
    resampled = (one.resampled[rows[0]] - other.resampled[rows[1]]).mean(axis=2)
    return estimate(by_seed, resampled, min(one.num_records, other.num_records), DIFFERENCE)


def _evaluate_file(truth: Truth, path: Path, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    detections = read_detections(path, truth)
    result = compute_detection_map(truth, detections, TIOUS, ties="first", use_ignored=True)
    return result.mean, resample_map(truth, detections, result, weights)


def _make_cells(found: Found | None) -> dict[str, Cell]:
    if found is None:
        return {}
    rounded = [round(tiou, 2) for tiou in TIOUS]
    cells = {f"map/{tiou}": make_cell(found.estimate_at(rounded.index(tiou)), found.num_segments) for tiou in SHOWN}
    return {**cells, "map/average": make_cell(found.estimate_average(), found.num_segments)}


def _describe(there: Mapping[tuple[str, str], Found]) -> list[str]:
    """How much there was to find."""
    by_task = {task: each for (_, task), each in there.items()}
    return [
        f"{task}: {each.num_segments} segments to be found in {each.num_records} records that no localizer has seen"
        for task, each in by_task.items()
    ]


def _draw(there: Mapping[tuple[str, str], Found]) -> bytes:
    curves = []
    for (method, task), found in there.items():
        estimates = [found.estimate_at(place) for place in range(len(TIOUS))]
        value, low, high = (
            [float("nan") if (edge := getattr(each, name)) is None else 100 * edge for each in estimates]
            for name in ("value", "low", "high")
        )
        curves.append(Curve(f"{task}, {method}", TIOUS, value, low, high))
    return draw_curves(curves, x_label="overlap asked for (tIoU)", y_label="mAP (%)", y_range=(0, 100), width=NARROW)


STUDY = Study("table4", TITLE, ("snippets",), plan, make)
