"""How fast is optical flow, and how wrong? Side by side with OpenCV's DualTVL1 on pairs whose flow is known.

    python benchmarks/flow.py [--pairs 24] [--rounds 3] [--threads 2] [--only tvl1 tvl1-fast]

Pairs are 340 x 256 pixels; ``support/flow_pairs.py`` tells how they are made. In every round each program runs over all
pairs once, in an order drawn anew. OpenCV's DualTVL1 has default parameters and its own threads, as it comes; the
methods of finegym work on as many pairs at a time as there are threads. Speed is relative to DualTVL1 in the same
round, by the clock and by CPU time, medians over the rounds; wall time is at the mercy of whatever else runs. The
end-point error (EPE) is the mean distance in pixels from the true flow: over the frame, over the moving figure only,
and over the frame of pairs with simulated and with generated backgrounds. RAFT and scikit-image take part where weights
and package are there. On a machine with a GPU, TV-L1 in PyTorch runs there too.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import torch
from support.flow_pairs import HEIGHT, WIDTH, FlowPair, make_pairs

from finegym.errors import ConfigError
from finegym.features.flow.methods import METHODS, compute_flow
from finegym.features.flow.parameters import TVL1Parameters
from finegym.features.flow.raft import find_weights
from finegym.features.flow.tvl1_torch import compute_flow_batch

Program = Callable[[list[FlowPair]], list[np.ndarray]]
BASE = "OpenCV DualTVL1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="names of programs beside DualTVL1; all if left out")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # its threads spin while they wait, which on a busy machine costs more than it brings
    pairs = make_pairs(arguments.pairs)
    programs, absent = choose_programs(arguments.threads)
    if arguments.only is not None:
        programs = {name: run for name, run in programs.items() if name in (BASE, *arguments.only)}
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    flows: dict[str, list[np.ndarray]] = {}
    for run in programs.values():  # warm: code loaded and compiled
        run(pairs[:2])
    for _ in range(arguments.rounds):
        for name in random.sample(list(programs), len(programs)):
            # The pool of finegym takes pairs side by side; OpenCV's own threads stay for OpenCV's own program.
            cv2.setNumThreads(arguments.threads if name == BASE else 1)
            wall, cpu = time.perf_counter(), time.process_time()
            flows[name] = programs[name](pairs)
            spent[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    print_table(spent, flows, pairs, arguments)
    if absent:
        print(f"Not there, not measured: {', '.join(absent)}.", file=sys.stderr)


def choose_programs(threads: int) -> tuple[dict[str, Program], list[str]]:
    programs: dict[str, Program] = {BASE: run_opencv, "tvl1": run_method("tvl1", threads)}
    programs["tvl1, epsilon 0.01"] = run_method("tvl1", threads, epsilon=0.01)
    programs |= {name: run_method(name, threads) for name in ("tvl1-fast", "dis", "farneback")}
    programs["tvl1 in PyTorch, one thread"] = run_torch("cpu", batch_size=4)
    absent = []
    if torch.cuda.is_available():
        programs["tvl1 in PyTorch, GPU"] = run_torch("cuda", batch_size=96)
    else:
        absent.append("tvl1 in PyTorch on a GPU")
    if find_spec("skimage"):
        programs["scikit-image tvl1"] = run_skimage(threads)
    else:
        absent.append("scikit-image")
    for name in ("raft-small", "raft"):
        try:
            find_weights(str(METHODS[name].parameters["size"]))
            programs[name] = run_method(name, 1, device="cuda" if torch.cuda.is_available() else "cpu")
        except ConfigError:
            absent.append(f"{name} (no weights)")
    return programs, absent


def run_opencv(pairs: list[FlowPair]) -> list[np.ndarray]:
    method = cv2.optflow.DualTVL1OpticalFlow_create()
    return [method.calc(pair.first, pair.second, None) for pair in pairs]


def run_method(name: str, threads: int, **settings: object) -> Program:
    is_rgb = METHODS[name].colour == "rgb"

    def compute(pair: FlowPair) -> np.ndarray:
        frames = (np.stack([frame] * 3, 2) if is_rgb else frame for frame in (pair.first, pair.second))
        return compute_flow(*frames, name, **settings)

    return run_pool(compute, threads)


def run_skimage(threads: int) -> Program:
    from skimage.registration import optical_flow_tvl1

    def compute(pair: FlowPair) -> np.ndarray:
        rows, columns = optical_flow_tvl1(pair.first / 255.0, pair.second / 255.0, dtype=np.float32)
        return np.stack([columns, rows], 2)

    return run_pool(compute, threads)


def run_pool(compute: Callable[[FlowPair], np.ndarray], threads: int) -> Program:
    def run(pairs: list[FlowPair]) -> list[np.ndarray]:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(compute, pairs))

    return run


def run_torch(device: str, batch_size: int) -> Program:
    def run(pairs: list[FlowPair]) -> list[np.ndarray]:
        flows: list[np.ndarray] = []
        for start in range(0, len(pairs), batch_size):
            part = pairs[start : start + batch_size]
            first, second = (
                torch.from_numpy(np.stack([getattr(pair, name) for pair in part])).to(device)
                for name in ("first", "second")
            )
            flows.extend(compute_flow_batch(first, second, TVL1Parameters()).permute(0, 2, 3, 1).cpu().numpy())
        return flows

    return run


def print_table(
    spent: dict[str, list[tuple[float, float]]],
    flows: dict[str, list[np.ndarray]],
    pairs: list[FlowPair],
    arguments: argparse.Namespace,
) -> None:
    base = compute_errors(flows[BASE], pairs)
    print(
        "| program | pairs/s | CPU ms a pair | x speed, wall | x speed, CPU | EPE | of DualTVL1's | figure's EPE "
        "| EPE simulated | EPE generated |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, seconds in spent.items():
        wall, cpu = (statistics.median(column) for column in zip(*seconds, strict=True))
        faster = [
            statistics.median(theirs[clock] / ours[clock] for theirs, ours in zip(spent[BASE], seconds, strict=True))
            for clock in (0, 1)
        ]
        errors = compute_errors(flows[name], pairs)
        print(
            f"| {name} | {len(pairs) / wall:.1f} | {1000 * cpu / len(pairs):.1f} | {faster[0]:.1f} | {faster[1]:.1f} "
            f"| {errors[0]:.3f} | {errors[0] / base[0]:.3f} | {errors[1]:.3f} | {errors[2]:.3f} | {errors[3]:.3f} |"
        )
    versions = ", ".join(
        f"{package} {metadata.version(package)}"
        for package in ("opencv-contrib-python-headless", "numba", "torch", "torchvision", "scikit-image", "numpy")
        if package != "scikit-image" or find_spec("skimage")
    )
    print(f"\n{len(pairs)} pairs of {WIDTH}x{HEIGHT}, {arguments.threads} threads, {arguments.rounds} rounds.")
    print(f"Python {platform.python_version()}, {versions}; {describe_machine()}.")


def compute_errors(flows: list[np.ndarray], pairs: list[FlowPair]) -> tuple[float, float, float, float]:
    """EPE of the frame, of the figure, of pairs with simulated and with generated backgrounds; means over pairs."""
    errors = [np.linalg.norm(flow - pair.truth, axis=2) for flow, pair in zip(flows, pairs, strict=True)]
    frame = [float(error.mean()) for error in errors]
    figure = [float(error[pair.figure].mean()) for error, pair in zip(errors, pairs, strict=True)]
    return tuple(float(np.mean(values)) for values in (frame, figure, frame[0::2], frame[1::2]))  # type: ignore[return-value]


def describe_machine() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.is_file() else []
    names = {line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")}
    processor = ", ".join(sorted(names)) or platform.processor()
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    load = "/".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{processor}, {os.cpu_count()} processors{gpu}, load {load}"


if __name__ == "__main__":
    main()
