"""What Tables 2 and 3 share: methods in rows, two accuracies a split in columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from finegym.annotations.splits import Split
from finegym.report.dot_plot import Dots, draw_dots
from finegym.studies.planning import plan_all, plan_predictions
from finegym.studies.results import METRICS, Metric, Results
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Need, Outcome, PlannedPrediction, Study
from finegym.studies.tables import Cell, Column, Row, Table, make_count

TWO_STREAM, RANDOM = "2Stream", "Random"
INTERVALS = "intervals are over records, and over seeds where there are several"
TITLES = {"mean": "mean class accuracy", "top1": "top-1 accuracy"}


def make_accuracy_study(
    name: str,
    title: str,
    methods: Sequence[str],
    roles: Mapping[str, str],
    *,
    needs: tuple[Need, ...],
    to_see: str,
    shown: str,
) -> Study:
    """A study of accuracies.

    Args:
        name: of the study, its table and its figure.
        title: of them.
        methods: rows of the table.
        roles: splits, with their names for people.
        needs: what of the data it reads.
        to_see: what to see in the figure.
        shown: the metric of the figure.
    """

    def plan(size: Size) -> tuple[PlannedPrediction, ...]:
        """Every method on every split; two streams are fused of what the others predict."""
        return plan_all(size, [method for method in methods if not method.endswith(TWO_STREAM)], roles)

    def make(results: Results) -> Outcome:
        table = Table(
            name,
            f"Table {name.removeprefix('table')}: {title}",
            ("method", "modality"),
            make_columns(roles),
            tuple(Row(method, split_method(method), score_row(results, method, roles)) for method in methods),
            tuple(make_notes(results, methods, roles)),
        )
        figure = draw_accuracies(table, shown, f"{title}: {TITLES[shown]}")
        return Outcome((table,), () if figure is None else (Figure(name, title, to_see, figure),))

    return Study(name, f"Table {name.removeprefix('table')}: {title}", needs, plan, make)


def make_columns(roles: Mapping[str, str]) -> tuple[Column, ...]:
    """Mean class and top-1 accuracy a split; ``roles`` gives their names for people."""
    return tuple(
        Column(f"{role}/{metric}", f"{name} {title}")
        for role, name in roles.items()
        for metric, title in (("mean", "mean"), ("top1", "top-1"))
    )


def split_method(method: str) -> tuple[str, str]:
    """Name and modality.

    Example:
        >>> split_method("NL I3D* RGB"), split_method("Random")
        (('NL I3D*', 'RGB'), ('Random', '-'))
    """
    name, _, modality = method.rpartition(" ")
    return (name, modality) if name else (modality, "-")


def score_row(results: Results, method: str, roles: Mapping[str, str]) -> dict[str, Cell]:
    """The cells of a method: two a split. Guessing has a mean over classes, which needs no run."""
    if method == RANDOM:
        return {f"{role}/mean": make_count(100 / len(results.get_split(role).subset)) for role in roles}
    return {
        f"{role}/{name}": score_method(results, method, role, metric)
        for role in roles
        for name, metric in METRICS.items()
    }


def score_method(results: Results, method: str, role: str, metric: Metric) -> Cell:
    """One cell of a method on a split, over its seeds; 2Stream is RGB and flow of the same seed."""
    parts = plan_parts(results.size, method, role)
    return results.score(parts[0], role, metric) if len(parts) == 1 else results.score_fused(parts, role, metric)


def plan_parts(size: Size, method: str, role: str) -> list[tuple[PlannedPrediction, ...]]:
    """What a row is made of: a method's own predictions, or those of both of its streams."""
    name = method.removesuffix(TWO_STREAM)
    parts = [method] if name == method else [f"{name}{modality}" for modality in ("RGB", "Flow")]
    return [plan_predictions(size, part, role) for part in parts]


def make_notes(results: Results, methods: Sequence[str], roles: Iterable[str]) -> Iterator[str]:
    """What belongs under a table: what was scaled down, how large the splits are, what the intervals mean."""
    yield from describe_runs(results, methods, roles)
    yield INTERVALS
    if any(method.endswith(TWO_STREAM) for method in methods):
        yield "2Stream: mean of the probabilities of RGB and flow, equal weights"


def describe_runs(results: Results, methods: Sequence[str], roles: Iterable[str]) -> Iterator[str]:
    """What stands behind the numbers of a table: what was scaled down, of all and of its methods, splits and seeds."""
    size = results.size
    yield from size.notes
    yield from dict.fromkeys(size.choices[m].note for m in methods if m in size.choices and size.choices[m].note)
    for role in roles:
        yield describe_split(role, results.get_split(role))
    yield from describe_seeds(size, methods, roles)


def describe_split(role: str, split: Split) -> str:
    """How large a split is."""
    counts = f"{len(split.train)} training and {len(split.val)} validation instances"
    return f"{role}: {len(split.subset)} classes, {counts}"


def describe_seeds(size: Size, methods: Sequence[str], roles: Iterable[str]) -> Iterator[str]:
    """How many runs a cell is of; where some failed, its own number, in CSV and in ``compare``, is smaller."""
    by_number: dict[int, list[str]] = {}
    fewer: dict[str, int] = {}
    for role in roles:
        numbers = {method: min(len(part) for part in plan_parts(size, method, role)) for method in methods}
        most = max(numbers.values(), default=0)
        by_number.setdefault(most, []).append(role)
        fewer |= {method: number for method, number in numbers.items() if 0 < number < most}
    for number, some in sorted(by_number.items()):
        yield f"{', '.join(some)}: {number} {'seed' if number == 1 else 'seeds'}"
    if fewer:
        yield f"fewer seeds: {', '.join(f'{method} {number}' for method, number in fewer.items())}"


def draw_accuracies(table: Table, metric: str, title: str) -> bytes | None:
    """Dots of one metric, a row a method and a colour a split, with their intervals; what was not run has none."""
    columns = [column for column in table.columns if column.id.endswith(f"/{metric}")]
    rows = [
        row
        for row in table.rows
        if row.id != RANDOM and any(row.get(column.id).value is not None for column in columns)
    ]
    if not rows:
        return None
    series = [
        Dots(column.id.partition("/")[0], *collect_bounds([row.get(column.id) for row in rows]))
        for column in columns
        if any(row.get(column.id).value is not None for row in rows)
    ]
    names = [" ".join(row.labels) for row in rows]
    return draw_dots(names, series, value_label=f"{TITLES[metric]} (%)", title=title, value_range=(0.0, 100.0))


def collect_bounds(cells: Sequence[Cell]) -> Iterator[list[float]]:
    """Values, lower and upper bounds of some cells; NaN where there is none."""
    for name in ("value", "low", "high"):
        yield [math.nan if (number := getattr(cell, name)) is None else number for cell in cells]
