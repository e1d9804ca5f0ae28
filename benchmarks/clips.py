"""Clips from a recording: ours against PyAV, OpenCV, torchcodec, decord and ffmpeg's command line.

Two tasks: random clips (12 frames out of 1.5 s, in random order, as a training loader asks for them), and a sorted pass
(many clips of one file from front to back). Every program runs in a process of its own, one after the other in random
order, round after round; CPU seconds count, children included, opening apart in the first task. Every frame that is
given is compared with the number drawn in it. A peer that is not installed is named and left out:
``pip install -e '.[bench]'`` brings them (torchcodec also wants FFmpeg's shared libraries, and decord has no wheel for
every system).

Run it on a quiet machine: ``python benchmarks/clips.py``.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from support.clip_peers import PASS, RANDOM
from support.clip_stores import build_stores
from support.recordings import FPS, has_real_footage, make_recording

from finegym.video.index_cache import read_index

SPAN, NUM_FRAMES = 38, 12  # 1.5 s at 25 frames a second, and what is asked for of it


def draw_clips(num_clips: int, num_frames: int, rng: np.random.Generator) -> list[list[int]]:
    offsets = np.linspace(0, SPAN - 1, NUM_FRAMES).round().astype(int)
    return [(start + offsets).tolist() for start in rng.integers(0, num_frames - SPAN, num_clips)]


def spread_clips(num_clips: int, num_frames: int) -> list[list[int]]:
    offsets = np.linspace(0, SPAN - 1, NUM_FRAMES).round().astype(int)
    starts = np.linspace(0, num_frames - SPAN - 1, num_clips).astype(int)
    return [(start + offsets).tolist() for start in starts]


def run_worker(name: str, path: Path, clips: list[list[int]]) -> dict[str, float] | str:
    """What a program needed, or why it cannot run."""
    command = [sys.executable, "-m", "support.clip_peers", name, str(path), json.dumps(clips)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "FINEGYM_INDEX_FOLDER": str(path.parent / "indexes")}
    result = subprocess.run(command, cwd=Path(__file__).parent, env=environment, capture_output=True, text=True)
    if result.returncode:
        return (result.stderr.strip().splitlines() or ["no message"])[-1][:100]
    return json.loads(result.stdout.splitlines()[-1])


def compare(title: str, names: Iterable[str], path: Path, clips: list[list[int]], rounds: int, peer: str) -> None:
    print(f"\n{title}: {len(clips)} clips of {NUM_FRAMES} frames, {rounds} rounds; speed is clips per CPU second")
    names = list(names)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    order = np.random.default_rng(1)
    absent: dict[str, str] = {}
    for _ in range(rounds):
        for name in order.permutation(names).tolist():
            if name not in absent:
                measured = run_worker(name, path, clips)
                if isinstance(measured, str):
                    absent[name] = measured
                else:
                    found[name].append(measured)
    base = [measured["cpu_s"] for measured in found[peer]]
    print(f"{'':36} {'clips/s':>8} {'ratio':>6} {'(min to max)':>15} {'wrong':>6} {'MB':>5}")
    for name in names:
        if name in absent:
            print(f"{name:36} not run: {absent[name]}")
            continue
        seconds = [measured["cpu_s"] for measured in found[name]]
        ratios = [theirs / own for theirs, own in zip(base, seconds, strict=True)]
        wrong = int(max(measured["wrong_frames"] for measured in found[name]))
        memory = max(measured["peak_mb"] for measured in found[name])
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        rate = len(clips) / statistics.median(seconds)
        print(f"{name:36} {rate:8.2f} {statistics.median(ratios):6.2f} {spread:>15} {wrong:6d} {memory:5.0f}")
    print(f"ratio: against {peer}, round by round; wrong: of {len(clips) * NUM_FRAMES} frames; MB: peak of the process")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=100, help="length of the recordings")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=int, default=24, help="random clips a round")
    parser.add_argument("--footage", choices=("real", "simulated"), help="only this kind")
    arguments = parser.parse_args()
    kinds = [kind for kind in (False, True) if arguments.footage in (None, "real" if kind else "simulated")]
    if not has_real_footage():
        print("real footage: not run, the folder of real clips is not there")
        kinds = [False]
    rng = np.random.default_rng(0)
    for is_real, gop in [(is_real, gop) for is_real in kinds for gop in (250, 50)]:
        path = make_recording(gop, arguments.seconds, is_real=is_real)
        num_frames = arguments.seconds * FPS
        rate = path.stat().st_size * 8 / arguments.seconds / 1e6
        shows = "real footage" if is_real else "a simulated competition"
        spared = read_index(path).is_disposable.mean()
        print(
            f"\n== {arguments.seconds} s of {shows}, GOP {gop}: 1280x720, 25 fps, x264 medium, {rate:.1f} Mbit/s, "
            f"{spared:.0%} of the frames not referred to =="
        )
        clips = draw_clips(arguments.clips, num_frames, rng)
        build_stores(path, clips)
        compare("random clips", RANDOM, path, clips, arguments.rounds, "PyAV seek")
        for title, number in (("sorted pass, dense", 40), ("sorted pass, sparse", 8)):
            chosen = spread_clips(number, num_frames)
            compare(title, PASS, path, chosen, max(1, arguments.rounds // 2 + 1), "torchcodec exact, one call")
    packages = ["finegym", "av", "opencv-contrib-python-headless", "torchcodec", "torch", "decord", "imageio-ffmpeg"]
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} absent")
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {', '.join(versions)}")


if __name__ == "__main__":
    main()
