"""Gamma: what is known of it, and a search through every alignment of a small case."""

import itertools
import sys
import warnings

import numpy as np
import pytest
from agreement_samples import ELEMENTS, make_sample

from finegym.errors import ConfigError
from finegym.quality.agreement import measure_agreement
from finegym.quality.comparison import AgreementSettings
from finegym.quality.gamma import GammaSettings, choose_items, compute_gamma

SETTINGS = GammaSettings(num_samples=10)


@pytest.fixture(scope="module", autouse=True)
def _package():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages beneath it, at import
        pytest.importorskip("pygamma_agreement")


def make_routine(offset=0, item="i", label=0):
    return [(name, item, 1000 * k + shift, 1000 * k + 700 + shift, ELEMENTS[20 * (k % 3 + label)])
            for k in range(6) for name, shift in (("ada", 0), ("bea", offset))]  # fmt: skip


def test_the_same_twice_is_one_and_farther_apart_is_less():
    values = [compute_gamma(make_sample(make_routine(offset)), 0, SETTINGS).value for offset in (0, 100, 400)]
    assert values[0] == pytest.approx(1)
    assert values[0] > values[1] > values[2]


def test_the_seed_decides_and_numpy_is_left_as_it_was():
    units = make_sample(make_routine(150))
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, other = (compute_gamma(units, 0, SETTINGS).value for _ in range(2))
    assert one == other
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_disorder_is_that_of_the_best_of_all_alignments():
    from pyannote.core import Segment
    from pygamma_agreement import CombinedCategoricalDissimilarity, Continuum

    units = {"ada": [(0.0, 1.0, "a"), (2.0, 3.0, "b")], "bea": [(0.2, 1.1, "a"), (2.6, 3.2, "c"), (5.0, 6.0, "a")]}
    continuum = Continuum()
    for name, rows in units.items():
        for start, end, label in rows:
            continuum.add(name, Segment(start, end), label)
    package = CombinedCategoricalDissimilarity(alpha=1.0, beta=1.0, delta_empty=1.0)
    best = continuum.get_best_alignment(package).disorder

    def cost(one, other):
        if one is None or other is None:
            return 1.0
        position = (
            (abs(one[0] - other[0]) + abs(one[1] - other[1])) / ((one[1] - one[0]) + (other[1] - other[0]))
        ) ** 2
        return position + float(one[2] != other[2])

    mean_units = (len(units["ada"]) + len(units["bea"])) / 2
    slots = [*units["bea"], *[None] * len(units["ada"])]
    found = min(
        sum(cost(one, other) for one, other in zip(units["ada"], order, strict=False))
        + sum(1.0 for other in units["bea"] if other not in order[: len(units["ada"])])
        for order in itertools.permutations(slots)
    )
    assert best == pytest.approx(found / mean_units, rel=1e-5)


def test_gamma_is_a_section_of_the_answer_with_a_mean_and_a_line_an_item():
    rows = [row for n in range(4) for row in make_routine(50 * n, f"i{n}")]
    rows += [("ada", "empty", 0, 1000, None)]
    agreement = measure_agreement(make_sample(rows), AgreementSettings(num_resamples=20), SETTINGS)
    items = agreement.tables["gamma_items"]
    assert len(items.rows) == 5
    assert "bea found nothing" in items.get("empty").cells["gamma"].undefined
    known = [row.cells["gamma"].value for row in items.rows if row.cells["gamma"].value is not None]
    mean = agreement.tables["gamma"].get("mean").cells["gamma"]
    assert mean.value == pytest.approx(np.mean(known))
    assert mean.low < mean.value < mean.high


def test_only_so_many_items_are_drawn():
    units = make_sample([row for n in range(9) for row in make_routine(0, f"i{n}")])
    chosen = choose_items(units, GammaSettings(num_items=4))
    assert len(set(chosen)) == 4
    assert chosen == choose_items(units, GammaSettings(num_items=4))
    assert choose_items(units, GammaSettings(num_items=4, seed=1)) != chosen


def test_without_the_package_one_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygamma_agreement", None)
    with pytest.raises(ConfigError, match=r"finegym\[gamma\]"):
        measure_agreement(make_sample(make_routine()), AgreementSettings(num_resamples=0), SETTINGS)
