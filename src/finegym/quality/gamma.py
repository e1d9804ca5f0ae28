"""Gamma: detection, bounds and labels in one number, action by action.

Units of all annotators are aligned so that the disorder, what it costs that they are apart, named differently or
missing, is least; that is compared with the disorder of annotations that are drawn at random from the same annotators.
`pygamma-agreement` computes it (an extra). It solves an integer program for every random draw: seconds an item, so only
so many items are drawn, and the rest is counted.

Source: Mathet, Widlöcher, Métivier, "The Unified and Holistic Method Gamma for Inter-Annotator Agreement Measure and
Alignment", Computational Linguistics 41, 2015. Titeux, Riad, "pygamma-agreement: Gamma measure for
inter/intra-annotator agreement in Python", JOSS 6, 2021.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from finegym.errors import ConfigError
from finegym.quality.agreement_table import Column, Row, Table
from finegym.quality.comparison import Comparison
from finegym.quality.units import NO_LABEL, Units
from finegym.quality.values import Bootstrap, Value, divide, make_value

INSTALL = "pip install 'finegym[gamma]'"
NO_LABEL_TEXT = "without a label"


@dataclass(frozen=True)
class GammaSettings:
    """How gamma is measured.

    Attributes:
        num_items: how many items, drawn at random where there are more.
        num_samples: random annotations an item.
        alpha: weight of position.
        beta: weight of the label.
        seed: of the items and of the random annotations.
    """

    num_items: int = 20
    num_samples: int = 30
    alpha: float = 1.0
    beta: float = 1.0
    seed: int = 0


def measure_gamma(
    comparison: Comparison, settings: GammaSettings, say: Callable[[str], None] | None = None
) -> list[Table]:
    """Gamma of every item that was drawn, and their mean; ``say`` hears how far it is.

    Raises:
        ConfigError: the package is not installed.
    """
    units = comparison.units
    package = _import()
    gammas, chosen = [], choose_items(units, settings)
    for number, item in enumerate(chosen, 1):
        if say is not None:
            say(f"gamma {number} of {len(chosen)}: {units.items[item].id}")
        gammas.append((item, compute_gamma(units, item, settings, package)))
    known = [(item, value.value) for item, value in gammas if value.value is not None]
    mean = _average(known, units, comparison.boot)
    rows = [
        Row({"item": units.items[item].id}, {"gamma": value, "units": count_units(units, item)})
        for item, value in gammas
    ]
    shared = int((units.done.sum(axis=0) >= 2).sum())
    columns = (Column("gamma", "gamma", "coefficient"), Column("units", "units", "count"))
    note = (
        f"{len(gammas)} of {shared} items, drawn with seed {settings.seed}; {settings.num_samples} random annotations "
        f"an item; position weighs {settings.alpha:g}, the label {settings.beta:g}."
    )
    total = Row({"item": "mean"}, {"gamma": mean, "units": sum(count_units(units, item) for item, _ in known)})
    return [
        Table("gamma", "Gamma", ("item",), columns, (total,), note),
        Table("gamma_items", "Gamma, item by item", ("item",), columns, tuple(rows), worst_by="gamma"),
    ]


def choose_items(units: Units, settings: GammaSettings) -> list[int]:
    """Items that two annotators or more did: all of them, or so many drawn at random."""
    shared = np.flatnonzero(units.done.sum(axis=0) >= 2)
    if len(shared) > settings.num_items:
        shared = np.sort(np.random.default_rng(settings.seed).choice(shared, settings.num_items, replace=False))
    return shared.tolist()


def count_units(units: Units, item: int) -> int:
    """Units of all annotators in one item."""
    return int((units.item_index == item).sum())


def compute_gamma(units: Units, item: int, settings: GammaSettings, package: _Package | None = None) -> Value:
    """Gamma of one item.

    Raises:
        ConfigError: the package is not installed.
    """
    package = package or _import()
    rows = np.flatnonzero(units.item_index == item)
    present = set(units.annotator_index[rows].tolist())
    looked = np.flatnonzero(units.done[:, item]).tolist()
    if len(present) < len(looked):
        missing = ", ".join(units.annotators[one] for one in looked if one not in present)
        return Value(None, count=len(rows), undefined=f"{missing} found nothing: no random annotation can be drawn")
    continuum = package.Continuum()
    for row in rows.tolist():
        label = units.label_index[row]
        continuum.add(
            units.annotators[units.annotator_index[row]],
            package.Segment(units.start_ms[row] / 1000, units.end_ms[row] / 1000),
            NO_LABEL_TEXT if label == NO_LABEL else units.labels[label],
        )
    with _seed_numpy(settings.seed + item), _hush():
        dissimilarity = package.make_dissimilarity(settings.alpha, settings.beta)
        result = continuum.compute_gamma(dissimilarity, n_samples=settings.num_samples)
    return Value(float(result.gamma), count=len(rows), no_interval="one item")


def _average(gammas: list[tuple[int, float]], units: Units, boot: Bootstrap) -> Value:
    """The mean over items, with an interval over their records."""
    group = units.group_of_item[[item for item, _ in gammas]] if gammas else np.zeros(0, np.int32)
    total = boot.sum_rows(group, 1, amount=np.array([value for _, value in gammas], np.float64))[:, 0]
    return make_value(divide(total, boot.sum_rows(group, 1)[:, 0]), len(gammas), "no item has a gamma", boot)


@contextmanager
def _seed_numpy(seed: int) -> Iterator[None]:
    """The package draws from NumPy's global generator: seeded here, and as it was afterwards."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


@contextmanager
def _hush() -> Iterator[None]:
    """The package logs for every alignment which solver it takes, and its solvers warn of their own future."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


@dataclass(frozen=True)
class _Package:
    """What of the package is used."""

    Continuum: Any
    Segment: Any
    make_dissimilarity: Any


def _import() -> _Package:
    try:
        from pyannote.core import Segment  # type: ignore[import-untyped,import-not-found,unused-ignore]
        from pygamma_agreement import (  # type: ignore[import-untyped,import-not-found,unused-ignore]
            CombinedCategoricalDissimilarity,
            Continuum,
        )
    except ImportError as error:
        raise ConfigError(f"gamma needs the package pygamma-agreement: {INSTALL}") from error

    made: dict[tuple[float, float], Any] = {}

    def make_dissimilarity(alpha: float, beta: float) -> Any:
        # compiled once: that takes longer than most items
        if (alpha, beta) not in made:
            made[alpha, beta] = CombinedCategoricalDissimilarity(alpha=alpha, beta=beta, delta_empty=1.0)
        return made[alpha, beta]

    return _Package(Continuum, Segment, make_dissimilarity)
