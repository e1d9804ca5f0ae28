"""Detection mAP: ours beside the definition of ActivityNet's evaluator, on a problem of Gym99's size and larger ones.

The definition is a slow transcription of our own (``tests/evaluation/activitynet_reference.py``), which the tests hold
ours to. Both see the same arrays; they give the same numbers, or the benchmark stops. Ours is also measured from the
files, as ``finegym evaluate localization`` reads them, and on millions of predictions with the memory that it takes.

    python benchmarks/detection_map.py

CPU seconds of one process. ``--plain`` leaves the slow definition out.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from finegym.evaluation.localization.detection_map import TIOUS, compute_detection_map
from finegym.evaluation.localization.detections import Detections, Truth, write_detections
from finegym.evaluation.localization.reading import read_detections

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "evaluation"))
from activitynet_reference import compute_class

NUM_SEGMENTS, NUM_PREDICTIONS, NUM_VIDEOS, NUM_CLASSES, ROUNDS = 8_521, 288_400, 1_500, 99, 5
LARGE = (1_000_000, 5_000_000, 20_000_000)


def make_problem(num_predictions, seed=0):
    """Segments of one to four seconds in routines of a minute; nine of ten predictions lie near one of them."""
    rng = np.random.default_rng(seed)
    videos = np.sort(rng.integers(0, NUM_VIDEOS, NUM_SEGMENTS))
    starts = rng.random(NUM_SEGMENTS) * 60
    segments = np.stack([starts, starts + 1 + 3 * rng.random(NUM_SEGMENTS)], axis=1)
    classes = rng.choice(NUM_CLASSES, NUM_SEGMENTS, p=rng.dirichlet(np.full(NUM_CLASSES, 0.7)))
    classes[:NUM_CLASSES] = np.arange(NUM_CLASSES)
    names = tuple(f"v{index:05d}" for index in range(NUM_VIDEOS))
    labels = tuple(f"c{index:02d}" for index in range(NUM_CLASSES))
    durations, none = np.full(NUM_VIDEOS, np.nan), np.zeros((0, 2))
    truth = Truth(names, names, durations, labels, videos, segments, classes, np.zeros(0, np.int64), none)
    near = rng.integers(0, NUM_SEGMENTS, num_predictions)
    found = np.sort(segments[near] + rng.normal(0, 0.4, (num_predictions, 2)), axis=1) + np.array([10, 10.01])
    where = np.where(rng.random(num_predictions) < 0.9, videos[near], rng.integers(0, NUM_VIDEOS, num_predictions))
    is_right = rng.random(num_predictions) < 0.7
    what = np.where(is_right, classes[near], rng.integers(0, NUM_CLASSES, num_predictions))
    order = np.argsort(where, kind="stable")  # as a file has them
    truth.segments_s[:] += 10
    return truth, Detections(where[order], found[order], what[order], rng.random(num_predictions))


def run_definition(truth, detections):
    """AP of every class, (T, K)."""
    segments = [[] for _ in range(NUM_CLASSES)]
    for video, (start, end), label in zip(
        truth.video_index.tolist(), truth.segments_s.tolist(), truth.class_index.tolist(), strict=True
    ):
        segments[label].append((video, start, end))
    rows = [[] for _ in range(NUM_CLASSES)]
    for video, (start, end), label, score in zip(
        detections.video_index.tolist(),
        detections.segments_s.tolist(),
        detections.class_index.tolist(),
        detections.scores.tolist(),
        strict=True,
    ):
        rows[label].append((video, start, end, score))
    areas = [compute_class(true, found, TIOUS) for true, found in zip(segments, rows, strict=True)]
    return np.array(areas).T


def measure(do, rounds):
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        result = do()
        seconds.append(time.process_time() - start)
    return result, seconds


def print_row(what, seconds, more=""):
    spread = f"({min(seconds):.2f} to {max(seconds):.2f})" if len(seconds) > 1 else ""
    print(f"{what:44} {statistics.median(seconds):8.2f} s {spread:16} {more}")


def get_peak_mb():
    """Of this process alone: ``resource`` hands the parent's peak on (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure_large(num_predictions):
    """In a process of its own: CPU seconds and peak memory, the problem's arrays counted apart."""
    truth, detections = make_problem(num_predictions)
    before = get_peak_mb()
    start = time.process_time()
    compute_detection_map(truth, detections)
    seconds = time.process_time() - start
    print(seconds, before, get_peak_mb())


def measure_reading(num_predictions, folder):
    """In a process of its own: write a file, read it in another one."""
    truth, detections = make_problem(num_predictions)
    path = Path(folder) / f"{num_predictions}.json"
    write_detections(path, detections, truth.video_ids, truth.classes)
    command = [sys.executable, __file__, "--read", str(path)]
    cpu, before, after = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    size = f"{path.stat().st_size / 1e6:,.0f} MB of JSON"
    path.unlink()
    print_row(
        f"finegym, reading {num_predictions:,}", [cpu], f"{size}; peak {before:,.0f} MB before, {after:,.0f} MB with"
    )


def read_large(path):
    truth, _ = make_problem(1)
    before = get_peak_mb()
    start = time.process_time()
    read_detections(path, truth)
    print(time.process_time() - start, before, get_peak_mb())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plain", action="store_true", help="leave the slow definition out")
    parser.add_argument("--large", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        read_large(arguments.read)
        return
    if arguments.large:
        measure_large(arguments.large)
        return
    truth, detections = make_problem(NUM_PREDICTIONS)
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}")
    print(f"{NUM_SEGMENTS:,} segments, {NUM_PREDICTIONS:,} predictions, {NUM_CLASSES} classes, 10 thresholds")
    ours, seconds = measure(lambda: compute_detection_map(truth, detections), ROUNDS)
    print_row("finegym, from arrays", seconds, f"average mAP {ours.average:.12f}")
    if not arguments.plain:
        areas, slow = measure(lambda: run_definition(truth, detections), 1)
        np.testing.assert_allclose(ours.average_precision, areas, atol=1e-12)
        print_row("the definition, loops over predictions", slow, f"average mAP {areas.mean(axis=1).mean():.12f}")
    with tempfile.TemporaryDirectory() as folder:
        for number in (NUM_PREDICTIONS, *LARGE[:2]):
            measure_reading(number, folder)
    for number in LARGE:
        done = subprocess.run(
            [sys.executable, __file__, "--large", str(number)], check=True, capture_output=True, text=True
        )
        cpu, before, after = map(float, done.stdout.split())
        print_row(f"finegym, {number:,} predictions", [cpu], f"peak {before:,.0f} MB before, {after:,.0f} MB with it")


if __name__ == "__main__":
    main()
