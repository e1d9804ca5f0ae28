"""What a routine finder fires on in a simulated competition: live routines, and all that only looks like one.

    finegym localize competition --run runs/actions --side train --out train.json
    finegym localize competition --run runs/actions --out val.json
    python benchmarks/routine_finder.py competition val.json --choose-on train.json

The score from which on detections count is the one with the highest F1 on the training records.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from finegym.localization.negatives import choose_score, count_fired, read_shots
from finegym.simulation.truth import Truth, read_truth

Found = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Print a table, a row a kind of shot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, help="folder of a simulated competition")
    parser.add_argument("detections", type=Path, help="detections in held-out records, ActivityNet JSON")
    parser.add_argument("--choose-on", type=Path, required=True, help="detections in training records")
    arguments = parser.parse_args()
    chosen = [(get_routines(truth), *found) for truth, found in read(arguments.dataset, arguments.choose_on)]
    score, f1 = choose_score(chosen)
    print(f"score {score:.3f}: F1 {f1:.3f} on {len(chosen)} training records (simulated)")
    records = read(arguments.dataset, arguments.detections)
    truths = sum(len(get_routines(truth)) for truth, _ in records)
    sure = sum(int((scores >= score).sum()) for _, (_, scores) in records)
    print(f"{len(records)} held-out records, {truths} routines, {sure} detections from that score on\n")
    print("| shot | number | fired on | mean share of its time |\n|---|---|---|---|")
    fired = count_fired([(read_shots(truth), *found) for truth, found in records], score)
    for kind, each in sorted(fired.items(), key=lambda item: item[0] != "routine"):
        print(f"| {kind} | {each.num_shots} | {each.num_fired_on} | {100 * each.mean_share:.1f} % |")


def read(dataset: Path, path: Path) -> list[tuple[Truth, Found]]:
    """Of every record that a file of detections names, its truth and the detections, in milliseconds."""
    records = []
    for video_id, rows in json.loads(path.read_text(encoding="utf-8"))["results"].items():
        segments = 1000 * np.array([row["segment"] for row in rows], np.float64).reshape(-1, 2)
        scores = np.array([row["score"] for row in rows], np.float64)
        records.append((read_truth(dataset / "truth" / f"{video_id}.npz"), (segments, scores)))
    return records


def get_routines(truth: Truth) -> np.ndarray:
    """The annotated routines, float64 (M, 2), in milliseconds."""
    routines: np.ndarray = truth.arrays["action_ms"].astype(np.float64).reshape(-1, 2)
    return routines


if __name__ == "__main__":
    main()
