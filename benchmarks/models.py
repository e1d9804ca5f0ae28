"""How fast are the networks? Side by side with mmaction2's, and with torchvision's ResNet-50 as the unit.

    python benchmarks/models.py [--peer-python PYTHON] [--rounds 3] [--large-rounds 2] [--only tsn-r50 stgcn]

Normalised tensor in, logits out, 99 classes, random weights: TSN, TSM and TRNms on 8 frames and I3D on 32 frames of
224 x 224, ST-GCN on 48 frames of 2 persons. Columns: as built, with batch norms folded and channels last, the same in
bfloat16 where the CPU computes with it, and a training step (forward, cross entropy, backward, SGD) as ``finegym
train`` does it, channels last. The peer lives in an environment of its own, because it wants older packages than we do:

    python3.11 -m venv /tmp/peer
    /tmp/peer/bin/pip install torch torchvision mmengine mmcv-lite==2.0.1 mmaction2==1.1.0

(the wheel of mmaction2 1.2.0 lacks files and cannot be imported). ``support/models_peer.py`` runs there as a worker;
in every round each case is run once by all programs, one after the other in an order drawn anew. CPU seconds count;
ratios are taken within a round, medians over rounds. One thread by default, for a busy machine. Without
``--peer-python`` only ours and torchvision's are measured.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import torch
import torchvision
from torch import nn

from finegym.models import count_parameters
from finegym.models.folding import fold_batch_norms, set_channels_last
from finegym.models.zoo import NETWORKS

NAMES = ("tsn-r50", "tsm-r50", "trnms-r50", "i3d-r50", "nl-i3d-r50", "stgcn")
NUM_FRAMES = {"tsn-r50": 8}  # others as in the zoo
BUILT, FOLDED, HALF, STEP = "as built", "folded, channels last", "the same, bfloat16", "training step"
PEER = "mmaction2"
TARGET = 0.85
Times = dict[tuple[str, int, str], list[float]]  # network, batch, program: CPU seconds by round


class Peer:
    """mmaction2 in a process of its own, asked by lines of JSON; see ``support/models_peer.py``."""

    def __init__(self, python: str, threads: int) -> None:
        program = Path(__file__).parent / "support" / "models_peer.py"
        self.process = subprocess.Popen(
            [python, str(program), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.versions: dict[str, str] = self._read()
        self.num_parameters: dict[str, int] = {}

    def time(self, network: str, batch: int, work: str) -> float:
        assert self.process.stdin is not None
        print(json.dumps({"network": network, "batch": batch, "work": work}), file=self.process.stdin, flush=True)
        answer = self._read()
        self.num_parameters[network] = answer["num_parameters"]
        return answer["cpu_s"]

    def close(self) -> None:
        self.process.communicate()  # end of input ends it

    def _read(self) -> dict:
        assert self.process.stdout is not None and self.process.stderr is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the peer's process ended: {self.process.stderr.read().strip()[-500:]}")
        return json.loads(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", help="interpreter of the environment that has mmaction2")
    parser.add_argument("--rounds", type=int, default=3, help="at batch 1")
    parser.add_argument("--large-rounds", type=int, default=2, help="at larger batches, and of training steps")
    parser.add_argument("--batch", type=int, default=8, help="the larger batch")
    parser.add_argument("--train-batch", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=NAMES, choices=NAMES)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    peer = Peer(arguments.peer_python, arguments.threads) if arguments.peer_python else None
    times: Times = defaultdict(list)
    steps: Times = defaultdict(list)
    unit = torchvision.models.resnet50().eval()
    frames = torch.randn(8, 3, 224, 224)
    for name in arguments.only:  # one network after the other: a model in every form is much memory
        programs = build_programs(name)
        measure_forward(name, 1, 1, programs, peer, defaultdict(list))  # warm
        measure_forward(name, 1, arguments.rounds, {**programs, "unit": (unit, frames)}, peer, times)
        measure_steps(name, arguments.train_batch, arguments.large_rounds, peer, steps)
        measure_forward(name, arguments.batch, arguments.large_rounds, programs, peer, times)
    print_forward(times, arguments, peer)
    print_steps(steps, arguments, peer)
    print_facts(arguments, peer)
    if peer:
        peer.close()


def build_programs(name: str) -> dict[str, tuple[nn.Module, torch.Tensor | None]]:
    """A model in each form; logits of the folded one are compared with those of the one as built."""
    model = NETWORKS[name].build().eval()
    folded = fold_batch_norms(model)
    set_channels_last(folded)
    programs: dict[str, tuple[nn.Module, torch.Tensor | None]] = {BUILT: (model, None), FOLDED: (folded, None)}
    clips = make_clips(name, 1)
    with torch.inference_mode():
        expected = model(clips)
        assert (folded(clips) - expected).abs().max() < 1e-4 * expected.abs().max(), name
    if has_bfloat16():
        half = fold_batch_norms(model).bfloat16()
        set_channels_last(half)
        programs[HALF] = (half, None)
    return programs


def make_clips(name: str, batch: int) -> torch.Tensor:
    shape = NETWORKS[name].shape
    if name in NUM_FRAMES:
        shape = (1, NUM_FRAMES[name], *shape[2:])
    return torch.randn(batch, *shape[1:])


def measure_forward(
    name: str,
    batch: int,
    rounds: int,
    programs: dict[str, tuple[nn.Module, torch.Tensor | None]],
    peer: Peer | None,
    times: Times,
) -> None:
    clips = make_clips(name, batch)
    work: dict[str, Callable[[], float]] = {
        program: lambda model=model, own=own: time_forward(model, clips if own is None else own)
        for program, (model, own) in programs.items()
    }
    if peer:
        work[PEER] = lambda: peer.time(name, batch, "forward")
    measure(work, name, batch, rounds, times)


def measure_steps(name: str, batch: int, rounds: int, peer: Peer | None, times: Times) -> None:
    model = NETWORKS[name].build()
    set_channels_last(model)  # as finegym train builds it
    clips = make_clips(name, batch)
    work: dict[str, Callable[[], float]] = {STEP: lambda: time_step(model, clips)}
    if peer:
        work[PEER] = lambda: peer.time(name, batch, "train")
    measure(work, name, batch, rounds, times)


def measure(work: dict[str, Callable[[], float]], name: str, batch: int, rounds: int, times: Times) -> None:
    for _ in range(rounds):
        for program in random.sample(list(work), len(work)):
            times[name, batch, program].append(work[program]())
    spent = {program: round(statistics.median(times[name, batch, program]), 3) for program in work if rounds}
    print(name, f"batch {batch}:", json.dumps(spent), file=sys.stderr, flush=True)  # a long run is not lost if stopped


def time_forward(model: nn.Module, clips: torch.Tensor) -> float:
    """CPU seconds; turning the input into the model's type counts."""
    dtype = next(model.parameters()).dtype
    with torch.inference_mode():
        started = time.process_time()
        model(clips.to(dtype))
        return time.process_time() - started


def time_step(model: nn.Module, clips: torch.Tensor) -> float:
    """CPU seconds of forward pass, cross entropy, backward pass and a step of SGD."""
    model.train()
    classes = torch.arange(len(clips))
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    started = time.process_time()
    nn.functional.cross_entropy(model(clips), classes).backward()
    optimiser.step()
    optimiser.zero_grad()
    return time.process_time() - started


def print_forward(times: Times, arguments: argparse.Namespace, peer: Peer | None) -> None:
    unit = statistics.median(spent for (_, _, program), row in times.items() if program == "unit" for spent in row)
    columns = [BUILT, FOLDED, *([HALF] if has_bfloat16() else [])]
    print(f"Forward pass: CPU seconds; in brackets the share of {PEER}'s.\n")
    print(f"| network | batch | {PEER} | {' | '.join(columns)} | folded, of ResNet-50's |")
    print(f"|---|---|---|{'---|' * len(columns)}---|")
    for name in arguments.only:
        for batch in (1, arguments.batch):
            cells = [format_cell(times, name, batch, program) for program in columns]
            theirs = f"{statistics.median(times[name, batch, PEER]):.3f}" if peer else "not measured"
            ratio = statistics.median(times[name, batch, FOLDED]) / (unit * batch)
            print(f"| `{name}` | {batch} | {theirs} | {' | '.join(cells)} | {ratio:.2f} |")
    print(f"\ntorchvision's ResNet-50 on 8 frames: {unit:.3f} s.")


def print_steps(times: Times, arguments: argparse.Namespace, peer: Peer | None) -> None:
    print(f"\nTraining step, batch {arguments.train_batch}: CPU seconds; in brackets the share of {PEER}'s.\n")
    print(f"| network | {PEER} | ours |\n|---|---|---|")
    for name in arguments.only:
        batch = arguments.train_batch
        theirs = f"{statistics.median(times[name, batch, PEER]):.3f}" if peer else "not measured"
        print(f"| `{name}` | {theirs} | {format_cell(times, name, batch, STEP)} |")


def format_cell(times: Times, name: str, batch: int, program: str) -> str:
    ours = times[name, batch, program]
    text = f"{statistics.median(ours):.3f}"
    theirs = times.get((name, batch, PEER))
    if not theirs:
        return text
    share = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    return f"{text} ({share:.2f})" + ("" if share <= TARGET else " *")


def print_facts(arguments: argparse.Namespace, peer: Peer | None) -> None:
    rounds = f"{arguments.rounds} rounds at batch 1, {arguments.large_rounds} else"
    print(f"\n* above the target of {TARGET}. {rounds}, {arguments.threads} thread(s).")
    for name, theirs in (peer.num_parameters if peer else {}).items():
        ours = count_parameters(NETWORKS[name].build())
        if ours != theirs:
            print(f"{name}: {ours:,} parameters, {PEER} {theirs:,}.")
    if not peer:
        print(f"{PEER} was not measured: give --peer-python.")
    if not has_bfloat16():
        print("bfloat16 was not measured: the CPU does not compute with it.")
    ours = ", ".join(f"{package} {metadata.version(package)}" for package in ("torch", "torchvision"))
    others = "; ".join(f"{package} {version}" for package, version in (peer.versions if peer else {}).items())
    print(f"Python {platform.python_version()}, {ours}" + (f"; the peer: {others}." if others else "."))
    models = [line.split(":")[1].strip() for line in read_cpuinfo() if line.startswith("model name")]
    print(f"{models[0] if models else platform.processor()}, {torch.backends.cpu.get_cpu_capability()}.")


def has_bfloat16() -> bool:
    """Whether the CPU has instructions for bfloat16; without them it is slower than float32."""
    flags = next((line.split() for line in read_cpuinfo() if line.startswith("flags")), [])
    return bool({"avx512_bf16", "amx_bf16"} & set(flags))


def read_cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


if __name__ == "__main__":
    main()
