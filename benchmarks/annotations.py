"""How long the real FineGym annotations take: import, check, statistics and audit, in one process.

    python benchmarks/annotations.py path/to/finegym

There is no peer to compare with; the line to hold is three CPU seconds for all of it.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from finegym.annotations.audit import audit_split
from finegym.annotations.check import check_dataset
from finegym.annotations.source import open_source
from finegym.annotations.splits import read_official_split
from finegym.annotations.statistics import compute_statistics
from finegym.codebook.official import read_official_files

T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parents[2] / "shared" / "finegym")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    lists = arguments.folder / "official" if (arguments.folder / "official").is_dir() else arguments.folder

    rounds: dict[str, list[float]] = {}
    for _ in range(arguments.rounds):
        source = _measure(rounds, "import", lambda: open_source(arguments.folder))
        dataset, known = source.dataset, (source.lists, source.class_elements)
        _measure(rounds, "check", lambda dataset=dataset, known=known: check_dataset(dataset, *known))
        _measure(rounds, "statistics", lambda dataset=dataset: compute_statistics(dataset))
        split = _measure(
            rounds, "read split", lambda: read_official_split(lists, "gym99", read_official_files(lists), "1.1")
        )
        _measure(rounds, "audit", lambda split=split, dataset=dataset: audit_split(split, dataset, allow_unknown=True))
    print(f"Python {platform.python_version()}, {len(dataset.instances)} sub-actions, {arguments.rounds} rounds")
    print(f"{'step':12}{'CPU s, median':>15}{'min':>8}{'max':>8}")
    for step, seconds in rounds.items():
        print(f"{step:12}{statistics.median(seconds):15.2f}{min(seconds):8.2f}{max(seconds):8.2f}")
    totals = [sum(each) for each in zip(*rounds.values(), strict=True)]
    print(f"{'all of it':12}{statistics.median(totals):15.2f}{min(totals):8.2f}{max(totals):8.2f}")


def _measure(rounds: dict[str, list[float]], step: str, do: Callable[[], T]) -> T:
    start = time.process_time()
    result = do()
    rounds.setdefault(step, []).append(time.process_time() - start)
    return result


if __name__ == "__main__":
    main()
