"""What does stored flow cost, and how wrong is it? finegym's two forms beside the published JPEGs and PNGs.

    python benchmarks/flow_storage.py [--method tvl1] [--pairs 24]

Footage is a simulated competition and, where the folder of real clips lies beside the checkout, 17 real clips, resized
to 340 x 256: from the middle of each, that many pairs of neighbouring frames, those across a cut left out. Every form
goes through its files. The added error is the mean end-point distance between what was computed and what is read back:
over all pixels, and over those whose true motion lies within the bound of 20 px in x and y, which no form but float16
can leave. Reading is CPU time a pair: of whole clips, and of five neighbouring pairs at a random place (TSN's stacks).
"""

from __future__ import annotations

import argparse
import functools
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import metadata
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from support.recordings import REAL_CLIPS, make_simulated_record

from finegym.features.cuts import find_crossings
from finegym.features.flow.extract import ClipWriter
from finegym.features.flow.methods import compute_flows
from finegym.features.flow.quantise import BOUND_PX, dequantise, quantise
from finegym.features.flow.store import FlowStore
from finegym.features.imported import ImportedClip, write_features
from finegym.features.store import FeatureSettings
from finegym.video.ingest.cuts import Cut, find_cuts
from finegym.video.ingest.signals import compute_signals
from finegym.video.reader import VideoReader

SIZE = 256, 340
STACK = 5
Read = Callable[[str, Sequence[int]], np.ndarray]


@dataclass(frozen=True)
class Form:
    """A way to store flow: how large it was, and how pairs of a clip are read back."""

    num_bytes: int
    read: Read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="tvl1")
    parser.add_argument("--pairs", type=int, default=24)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    versions = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("av", "opencv-contrib-python-headless", "numpy")
    )
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}; {arguments.method}\n")
    real = [*REAL_CLIPS.parent.glob("ucf101/BalanceBeam/*.avi")]
    real = (
        sorted(real)[::8] + sorted(REAL_CLIPS.parent.glob("ucf101/*/*c01.avi"))[-6:] + sorted(REAL_CLIPS.glob("*.mp4"))
    )
    simulated = make_simulated_record()
    for name, places in (
        ("real clips", [(path, 0.5) for path in real]),
        ("simulated", [(simulated, share) for share in np.linspace(0.05, 0.9, 12)]),
    ):
        if places:
            print_table(name, [compute_clip(path, share, arguments) for path, share in places])


def compute_clip(path: Path, share: float, arguments: argparse.Namespace) -> np.ndarray:
    """float32 (P, H, W, 2): flow of pairs around a place in a record, without those across a cut."""
    with VideoReader(path) as reader:
        middle = round(share * reader.index.num_frames)
        first = max(0, min(middle, reader.index.num_frames - arguments.pairs - 1))
        frames = range(first, min(first + arguments.pairs + 1, reader.index.num_frames))
        cuts = look_for_cuts(path)
        pictures = reader.read_frames(frames, size=SIZE, colours="grey")
    return compute_flows(pictures, arguments.method)[~find_crossings(frames, cuts)]


@functools.cache
def look_for_cuts(path: Path) -> tuple[Cut, ...]:
    with VideoReader(path) as reader:
        return find_cuts(reader, compute_signals(path))


def print_table(name: str, clips: list[np.ndarray]) -> None:
    num_pairs = sum(map(len, clips))
    fields = np.concatenate(clips)
    beyond = (np.abs(fields) > BOUND_PX).any(-1)
    speed = np.linalg.norm(fields, axis=-1)
    print(
        f"{name}: {len(clips)} clips, {num_pairs} pairs of {SIZE[1]}x{SIZE[0]}; mean speed {speed.mean():.2f} px, "
        f"99.9 % below {np.percentile(speed, 99.9):.1f}; {100 * beyond.mean():.2f} % of pixels beyond the bound\n"
    )
    print("| form | KB a pair | error added, px | within the bound | read, ms a pair | 5 pairs anywhere, ms |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for title, write in FORMS.items():
            form = write(clips, Path(folder) / title)
            read, spent = time_reading(form.read, clips)
            error = np.linalg.norm(np.concatenate(read) - fields, axis=-1)
            size_kb, read_ms = form.num_bytes / 1000 / num_pairs, 1000 * spent / num_pairs
            stack_ms = 1000 * time_stacks(form.read, clips)
            errors = f"{error.mean():.4f} | {error[~beyond].mean():.4f}"
            print(f"| {title} | {size_kb:.2f} | {errors} | {read_ms:.2f} | {stack_ms:.2f} |", flush=True)
    print()


def time_reading(read: Read, clips: list[np.ndarray]) -> tuple[list[np.ndarray], float]:
    start = time.process_time()
    fields = [read(str(number), range(len(clip))) for number, clip in enumerate(clips)]
    return fields, time.process_time() - start


def time_stacks(read: Read, clips: list[np.ndarray], count: int = 100) -> float:
    rng = np.random.default_rng(0)
    places = [int(place) for place in rng.integers(0, len(clips), count)]
    starts = [int(rng.integers(0, len(clips[place]) - STACK + 1)) for place in places]
    start = time.process_time()
    for place, first in zip(places, starts, strict=True):
        read(str(place), range(first, first + STACK))
    return (time.process_time() - start) / count


def write_store(form: str) -> Callable[[list[np.ndarray], Path], Form]:
    def write(clips: list[np.ndarray], folder: Path) -> Form:
        def convert(number: int, fields: np.ndarray) -> ImportedClip:
            writer = ClipWriter(SIZE, form, Fraction(25))
            writer.add(fields, np.zeros(len(fields), bool))
            return ImportedClip(writer.finish(str(number)), "clips", len(fields) + 1)

        settings = FeatureSettings(kind="flow", parameters={"method": "benchmark", "form": form})
        build = write_features(folder, settings, (convert(number, clip) for number, clip in enumerate(clips)))
        return Form(build.store.size_bytes, FlowStore(folder).read_fields)

    return write


def write_pictures(suffix: str, options: list[int]) -> Callable[[list[np.ndarray], Path], Form]:
    def write(clips: list[np.ndarray], folder: Path) -> Form:
        for number, clip in enumerate(clips):
            (folder / str(number)).mkdir(parents=True)
            for pair, codes in enumerate(quantise(clip)):
                for axis in range(2):
                    cv2.imwrite(str(folder / str(number) / f"{axis}-{pair}{suffix}"), codes[..., axis], options)

        def read(clip: str, pairs: Sequence[int]) -> np.ndarray:
            names = [[folder / clip / f"{axis}-{pair}{suffix}" for axis in range(2)] for pair in pairs]
            planes = [[cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in pair] for pair in names]
            return dequantise(np.stack([np.stack(pair, -1) for pair in planes]))

        return Form(sum(path.stat().st_size for path in folder.rglob(f"*{suffix}")), read)

    return write


FORMS = {
    "float16 (`--form float16`)": write_store("float16"),
    "uint8, PNG of x and y": write_pictures(".png", []),
    "uint8, JPEG 95 of x and y": write_pictures(".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95]),
    "uint8, JPEG 85 of x and y": write_pictures(".jpg", [cv2.IMWRITE_JPEG_QUALITY, 85]),
    "uint8, H.264 (`--form quantised`)": write_store("quantised"),
}


if __name__ == "__main__":
    main()
