"""How well execution scores are estimated on simulated competitions, by how good the poses are.

Two competitions are performed and filmed but never drawn: one to learn from, one (another seed: other gymnasts, halls
and routines) to judge by. Their seeds are others than those on which measures were chosen (1 and 2). Run:
``python benchmarks/execution.py``.
"""

from __future__ import annotations

import argparse
import time

from finegym.applications.execution.evaluating import evaluate, format_evaluation
from finegym.applications.execution.features import FEATURES
from finegym.applications.execution.model import estimate, train_on_faults, train_on_scores
from finegym.applications.execution.scores import Known, collect_known
from finegym.applications.execution.takes import Takes, make_takes
from finegym.codebook.builtin import read_builtin
from finegym.codebook.model import Codebook
from finegym.simulation.competition import CompetitionSettings
from finegym.simulation.faults import FaultSettings
from finegym.simulation.truth import Truth
from finegym.simulation.undrawn import iterate_undrawn_truths


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=16, help="records of each competition")
    parser.add_argument("--minutes", type=float, default=4.0, help="length of each")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.05, 0.1], help="shares of the trunk")
    parser.add_argument("--seeds", type=int, nargs=2, default=[3, 4], help="of the competition to learn from, to judge")
    options = parser.parse_args()
    codebook = read_builtin("artistic-women")
    begin = time.process_time()
    learning, judging = (_simulate(codebook, seed, options.videos, options.minutes) for seed in options.seeds)
    spent = time.process_time() - begin
    print(f"2 x {options.videos} simulated records of {options.minutes:g} minutes: {spent:.1f} CPU s")
    for noise in options.noise:
        begin = time.process_time()
        train_takes = make_takes(codebook, learning, noise=noise, seed=3)
        test_takes = make_takes(codebook, judging, noise=noise, seed=4)
        _compare(train_takes, test_takes, collect_known(codebook, learning), collect_known(codebook, judging), noise)
        print(f"{len(train_takes.takes) + len(test_takes.takes)} takes: {time.process_time() - begin:.1f} CPU s")


def _simulate(codebook: Codebook, seed: int, videos: int, minutes: float) -> list[Truth]:
    settings = CompetitionSettings(num_videos=videos, minutes=minutes, seed=seed, faults=FaultSettings())
    return list(iterate_undrawn_truths(settings, codebook))


def _compare(train_takes: Takes, test_takes: Takes, learned: Known, known: Known, noise: float) -> None:
    ids = [take.instance_id for take in test_takes.takes]
    for model in (
        train_on_scores(train_takes.takes, learned.scores),
        train_on_faults(train_takes.takes, learned.deductions),
    ):
        print(f"\nnoise {noise:g}, learned from {model.learned_from} of {model.num_routines} routines")
        print(", ".join(f"{fault} {limit} {w:.2f}" for (fault, limit), w in zip(FEATURES, model.weights, strict=True)))
        print(format_evaluation(evaluate(estimate(model, test_takes.takes), known.scores, known.deductions, ids)))


if __name__ == "__main__":
    main()
