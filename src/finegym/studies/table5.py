"""Table 5: TSN trained and tested with more and more frames."""

from __future__ import annotations

from finegym.report.dot_plot import NARROW
from finegym.report.plots import Curve, draw_curves
from finegym.studies.accuracy import INTERVALS, collect_bounds, describe_runs
from finegym.studies.planning import plan_predictions
from finegym.studies.results import METRICS, Results
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Outcome, PlannedPrediction, Study
from finegym.studies.tables import Column, Row, Table

METHOD, ROLE = "TSN RGB", "balanced"
NUM_FRAMES = (1, 3, 5, 7, 12)
MANY_FRAMES = 7
COLUMNS = (
    *(Column("balanced/mean", "balanced mean"), Column("balanced/top1", "balanced top-1")),
    *(Column("ucf101", "UCF101 top-1"), Column("activitynet", "ActivityNet v1.2 top-1")),
)
OTHERS = (
    "UCF101 and ActivityNet are not run here: their columns hold the paper's numbers only, in `finegym study compare`"
)


def plan_frames(size: Size, number: int) -> tuple[PlannedPrediction, ...]:
    """TSN trained and tested with a number of frames. That of the other studies is their run, by its recipe."""
    frames = (f"data.num_segments={number}", f"data.num_segments_test={number}")
    planned = plan_predictions(size, METHOD, ROLE, frames)
    return planned[: size.max_seeds_of_many_frames] if number >= MANY_FRAMES else planned


def make(results: Results) -> Outcome:
    """Score what is there."""
    rows = []
    for number in NUM_FRAMES:
        planned = plan_frames(results.size, number)
        cells = {f"{ROLE}/{name}": results.score(planned, ROLE, metric) for name, metric in METRICS.items()}
        rows.append(Row(f"{number} frames", (str(number),), cells))
    notes = (
        *describe_runs(results, (METHOD,), (ROLE,)),
        *_describe_many_frames(results.size),
        INTERVALS,
        OTHERS,
    )
    table = Table("table5", "Table 5: TSN with more frames", ("frames",), COLUMNS, tuple(rows), notes)
    to_see = "Whether more frames keep helping: in the paper they do on Gym99 up to 12, and on UCF101 hardly past one."
    if table.count_empty() == len(rows) * len(COLUMNS):
        return Outcome((table,))
    return Outcome((table,), (Figure("table5", "Accuracy against number of frames", to_see, _draw(table)),))


def _describe_many_frames(size: Size) -> tuple[str, ...]:
    if size.max_seeds_of_many_frames is None:
        return ()
    return (f"fewer seeds: {MANY_FRAMES} frames and more {size.max_seeds_of_many_frames}",)


def _draw(table: Table) -> bytes:
    curves = []
    for column in table.columns[: len(METRICS)]:
        points = [
            (number, cell)
            for number, row in zip(NUM_FRAMES, table.rows, strict=True)
            if (cell := row.get(column.id)).value is not None
        ]
        bounds = collect_bounds([cell for _, cell in points])
        curves.append(Curve(column.title, [number for number, _ in points], *bounds))
    return draw_curves(curves, x_label="frames in training and testing", y_label="accuracy (%)", width=NARROW)


def plan(size: Size) -> tuple[PlannedPrediction, ...]:
    """TSN with every number of frames."""
    return tuple(planned for number in NUM_FRAMES for planned in plan_frames(size, number))


STUDY = Study("table5", "Table 5: TSN trained with 1, 3, 5, 7 and 12 frames", ("clips",), plan, make)
