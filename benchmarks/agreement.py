"""The whole answer on 40,000 sub-actions by three annotators, and parts of it against other programs.

    python benchmarks/agreement.py            # minutes, because the others are slow
    python benchmarks/agreement.py --alone    # ours only

Made-up annotators on FineGym's scale: 180 records, 4,000 routines of ten sub-actions, labels as unevenly spread as
element frequencies are; bounds off by up to 160 ms, 3 % missed, every tenth label another one. To be held: two seconds
on one core for everything that `finegym quality agreement` says, 1,000 resamples included. The others compute one part
of it each; their bootstrap is written the plain way, with fewer resamples, and said as seconds for 1,000. Every number
is the same, or the benchmark stops.

Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import os
import statistics
import time
from dataclasses import replace

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import krippendorff
import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import cohen_kappa_score

from finegym.codebook.source import open_codebook
from finegym.quality.agreement import measure_agreement
from finegym.quality.alpha import compute_alpha
from finegym.quality.comparison import AgreementSettings, Comparison
from finegym.quality.kappa import compute_cohen
from finegym.quality.labels import rate_groups
from finegym.quality.matching import match_units
from finegym.quality.units import Item, Unit, make_units
from finegym.segments import compute_tiou

NUM_RECORDS, NUM_ROUTINES, NUM_SUB_ACTIONS, ROUNDS, NUM_SLOW = 180, 4000, 10, 5, 5
PEOPLE = ("ada", "bea", "cleo")


def make_problem(codebook_name: str, seed: int = 0):
    """Units of three annotators."""
    codebook, _ = open_codebook(codebook_name)
    rng = np.random.default_rng(seed)
    elements = [element.id for element in codebook.elements]
    share = 1 / np.arange(1, len(elements) + 1)
    items, units = [], []
    for routine in range(NUM_ROUTINES):
        begin = routine // NUM_RECORDS * 200_000
        items.append(Item(f"routine {routine}", f"record {routine % NUM_RECORDS}", begin, begin + 90_000, 25.0))
        starts = begin + 8_000 * np.arange(NUM_SUB_ACTIONS) + 40 * rng.integers(0, 100, NUM_SUB_ACTIONS)
        ends = starts + 40 * rng.integers(15, 75, NUM_SUB_ACTIONS)
        labels = rng.choice(len(elements), NUM_SUB_ACTIONS, p=share / share.sum())
        for name in PEOPLE:
            off = 40 * rng.integers(-4, 5, (2, NUM_SUB_ACTIONS))
            said = np.where(rng.random(NUM_SUB_ACTIONS) < 0.1, rng.integers(0, len(elements), NUM_SUB_ACTIONS), labels)
            for k in np.flatnonzero(rng.random(NUM_SUB_ACTIONS) > 0.03).tolist():
                start = max(begin, int(starts[k] + off[0, k]))
                id_ = f"{name} {routine} {k}"
                end = max(start + 40, int(ends[k] + off[1, k]))
                units.append(Unit(name, items[-1].id, start, end, elements[said[k]], id_))
    return make_units(units, items, PEOPLE, "sub-action", codebook)


def measure(run, rounds: int) -> tuple[float, object]:
    """CPU seconds, median, and the last result."""
    seconds, result = [], None
    for _ in range(rounds):
        start = time.process_time()
        result = run()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds), result


def resample(value_of, comparison: Comparison, group: np.ndarray, num_resamples: int) -> float:
    """CPU seconds that a plain bootstrap would take for 1,000 resamples: rows of the records drawn, again and again."""
    start = time.process_time()
    for weights in comparison.boot.weights[1 : 1 + num_resamples]:
        value_of(np.repeat(np.arange(len(group)), weights[group].astype(int)))
    return (time.process_time() - start) * 1000 / num_resamples


def compare_parts(units) -> None:
    comparison = Comparison(units, AgreementSettings())
    rated = {
        level: rate_groups(comparison, comparison.categories[level].of_unit, len(comparison.categories[level].ids))
        for level in ("set", "element")
    }
    ratings, sets = rated["element"], rated["set"]
    data = np.where(sets.values < 0, np.nan, sets.values)

    def compute_peer_alpha(rows):
        return krippendorff.alpha(reliability_data=data[rows].T, level_of_measurement="nominal")

    both = np.flatnonzero((ratings.values[:, :2] >= 0).all(axis=1))

    def compute_peer_kappa(rows):
        return cohen_kappa_score(ratings.values[both[rows], 0], ratings.values[both[rows], 1])

    ours_s, alpha = measure(lambda: compute_alpha(replace(sets), comparison.boot), ROUNDS)  # a copy: nothing remembered
    np.testing.assert_allclose(compute_peer_alpha(np.arange(len(data))), alpha.value, atol=1e-9)
    theirs_s = resample(compute_peer_alpha, comparison, sets.group, NUM_SLOW)
    # Of elements the package would hold a table of units by elements by elements: 32 GB here.
    report("alpha of sets, with its interval", ours_s, "krippendorff", theirs_s)
    ours_s, kappa = measure(lambda: compute_cohen(replace(ratings), 0, 1, comparison.boot), ROUNDS)
    np.testing.assert_allclose(compute_peer_kappa(np.arange(len(both))), kappa.value, atol=1e-9)
    theirs_s = resample(compute_peer_kappa, comparison, ratings.group[both], NUM_SLOW)
    report("kappa of elements, with interval", ours_s, "scikit-learn", theirs_s)
    ours_s, matches = measure(lambda: match_units(units, 0.3), ROUNDS)
    theirs_s, total = measure(lambda: match_with_scipy(units, 0.3), 1)
    np.testing.assert_allclose(total, matches.tiou.sum())
    report("matching of all three", ours_s, "scipy", theirs_s)


def match_with_scipy(units, min_tiou: float) -> float:
    """Sum of tIoU of the matchings of all pairs of annotators, an assignment problem an item and pair."""
    segments = np.column_stack([units.start_ms, units.end_ms])
    bounds = np.searchsorted(units.item_index, np.arange(len(units.items) + 1))
    total = 0.0
    for start, stop in itertools.pairwise(bounds.tolist()):
        rows = [start + np.flatnonzero(units.annotator_index[start:stop] == k) for k in range(len(PEOPLE))]
        for one, other in ((0, 1), (0, 2), (1, 2)):
            tiou = compute_tiou(segments[rows[one]], segments[rows[other]])
            tiou[tiou < min_tiou] = 0
            total += tiou[linear_sum_assignment(tiou, maximize=True)].sum()
    return total


def report(what: str, ours_s: float, peer: str, theirs_s: float) -> None:
    version = importlib.metadata.version(peer)
    print(f"{what:34} {ours_s:8.3f} s   {peer} {version}: {theirs_s:8.2f} s   {theirs_s / ours_s:7.0f} x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alone", action="store_true", help="only ours")
    parser.add_argument("--codebook", default="artistic-women", help="as for finegym codebook show")
    options = parser.parse_args()
    units = make_problem(options.codebook)
    seconds, agreement = measure(lambda: measure_agreement(units), ROUNDS)
    print(f"{len(units):,} units of {len(PEOPLE)} annotators, {len(units.answers.answer):,} answers, "
          f"{len(units.labels)} elements, {len(units.groups)} records; CPU seconds, medians of {ROUNDS}")  # fmt: skip
    num_values = sum(len(table.rows) * len(table.columns) for table in agreement.tables.values())
    print(f"the whole answer: {seconds:.2f} s ({num_values:,} cells, 1,000 resamples)")
    if not options.alone:
        compare_parts(units)


if __name__ == "__main__":
    main()
