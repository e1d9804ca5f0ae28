"""How much faster is SSN's reorganised test layer than pooling first and classifying then?

    python benchmarks/ssn_test_layer.py [--rounds 5] [--threads 1]

The same proposals of one timeline, three ways: *slices*, each proposal's stages cut out and averaged, as the equations
are written, then three matrix products over all proposals; *pooled*, the same but the means are differences of running
sums of features; *reorganised*, matrix products over all snippets first, then means as differences of running sums of
scores. Heads of random weights on random features, float32. CPU seconds, the median of the rounds; how many times
faster the last is than the first two; the largest difference of both from the slices.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from finegym.models.ssn import FLAT, SSN, ProposalScores, iterate_parts

# Name, snippets, proposals, feature size, classes, pyramid.
CASES = (
    ("routine, 15 sets", 150, 150, 2048, 15, FLAT),
    ("record of 10 min, 4 events", 3750, 2000, 2048, 4, FLAT),
    ("record of 10 min, 99 elements", 3750, 2000, 2048, 99, FLAT),
    ("record of 60 min, 4 events", 22_500, 10_000, 2048, 4, FLAT),
    ("record of 10 min, pyramid 1, (1, 2), 1", 3750, 2000, 2048, 4, ((1,), (1, 2), (1,))),
)
LINE = "{:40} {:>8} {:>9} {:>8} {:>8} {:>8} {:>9} {:>9} {:>6}"


def make_proposals(num_snippets: int, count: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Ticks and scales of random proposals, lengths from 2 snippets to a tenth of the timeline."""
    length = np.exp(rng.uniform(np.log(2), np.log(max(3, num_snippets / 10)), count)).astype(np.int64)
    start = rng.integers(0, num_snippets - length)
    context = np.maximum(length // 2, 1)
    ticks = np.stack([start - context, start, start + length, start + length + context], axis=1)
    return torch.from_numpy(ticks.clip(0, num_snippets)), torch.ones(count, 2)


def score_slices(model: SSN, features: torch.Tensor, ticks: torch.Tensor, scales: torch.Tensor) -> ProposalScores:
    """Proposal by proposal."""
    courses, pyramids = [], []
    for row, (starting, ending) in zip(ticks.tolist(), scales.tolist(), strict=True):
        factors, parts = (starting, 1.0, ending), []
        for stage, share, level, part in iterate_parts(model.pyramid):
            first, stop = row[stage], max(row[stage] + 1, row[stage + 1])
            span = stop - first
            cut = features[first + part * span // level : first + (part + 1) * span // level]
            parts.append(cut.mean(dim=0) * share * factors[stage] if len(cut) else torch.zeros(features.shape[1]))
        courses.append(features[row[1] : max(row[1] + 1, row[2])].mean(dim=0))
        pyramids.append(torch.cat(parts))
    pyramid = torch.stack(pyramids)
    regression = model.regression(pyramid).unflatten(1, (model.num_classes, 2))
    return ProposalScores(model.activity(torch.stack(courses)), model.completeness(pyramid), regression)


def score_reorganised(model: SSN, features: torch.Tensor, ticks: torch.Tensor, scales: torch.Tensor) -> ProposalScores:
    return model.pool_scores(model.score_frames(features), ticks, scales)


def measure(run: Callable[[], ProposalScores], rounds: int) -> tuple[float, ProposalScores]:
    """Median CPU seconds, and the scores."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        scores = run()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds), scores


def find_largest_difference(left: ProposalScores, right: ProposalScores) -> float:
    names = ("activity", "completeness", "regression")
    return max(float((getattr(left, name) - getattr(right, name)).abs().max()) for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {platform.machine()}, {arguments.threads} thread(s), CPU seconds")
    print(LINE.format("case", "snippets", "proposals", "slices", "pooled", "reorg.", "x slices", "x pooled", "diff."))
    for name, num_snippets, count, size, num_classes, pyramid in CASES:
        model = SSN(num_classes, size, pyramid=pyramid).eval()
        inputs = (torch.rand(num_snippets, size), *make_proposals(num_snippets, count, np.random.default_rng(0)))
        with torch.inference_mode():
            seconds, scores = zip(
                *(
                    measure(partial(score, model, *inputs), arguments.rounds)
                    for score in (score_slices, SSN.score_directly, score_reorganised)
                ),
                strict=True,
            )
        difference = max(find_largest_difference(each, scores[0]) for each in scores[1:])
        ratios = [f"{seconds[n] / seconds[2]:.1f}" for n in range(2)]
        times = [f"{value:.3f}" for value in seconds]
        print(LINE.format(name, num_snippets, count, *times, *ratios, f"{difference:.0e}"))


if __name__ == "__main__":
    main()
