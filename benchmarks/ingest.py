"""How fast does ingest look at a record? CPU seconds, side by side with what others offer.

    python benchmarks/ingest.py [--seconds 180] [--gop 250] [--rounds 3] [--simulated]

A factor of 30 means that one core looks at half a minute of video in a second. The recording is 1280 x 720, 25 frames a
second, x264 at its defaults. In every round each program runs once, in an order drawn anew; what counts is the CPU time
of this process and its children, because wall time is at the mercy of whatever else runs. Medians over the rounds.
PySceneDetect and ffmpeg (imageio-ffmpeg) take part where they can be imported; nothing else depends on them.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["FINEGYM_INDEX_FOLDER"] = tempfile.mkdtemp(prefix="finegym-indexes-")

import av
import cv2
from support.recordings import has_real_footage, make_recording

from finegym.video.index_cache import read_index
from finegym.video.ingest.completeness import check_clock, check_pictures
from finegym.video.ingest.fingerprint import compute_fingerprint
from finegym.video.ingest.packet_pass import read_packets
from finegym.video.ingest.shots import find_shots
from finegym.video.ingest.signals import compute_signals
from finegym.video.scan import scan_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--gop", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--simulated", action="store_true", help="a simulated competition even if real clips are there")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    is_real = has_real_footage() and not arguments.simulated
    path = make_recording(arguments.gop, arguments.seconds, is_real=is_real)
    shows = "real footage" if is_real else "a simulated competition"
    programs, absent = choose_programs()
    spent: dict[str, list[float]] = {name: [] for name in programs}
    found: dict[str, str] = {}
    for name, run in programs.items():  # warm: code loaded, index kept, file cached
        found[name] = run(path)
    for _ in range(arguments.rounds):
        for name in random.sample(list(programs), len(programs)):
            before = count_cpu_seconds()
            programs[name](path)
            spent[name].append(count_cpu_seconds() - before)
    print_table(spent, found, arguments, shows, absent)


def check_packets(path: Path) -> str:
    index = scan_file(path)
    return f"{len(check_clock(index, read_packets(path), {}))} findings"


def look_quickly(path: Path) -> str:
    return f"{len(compute_signals(path).frames)} frames looked at"


def look_deeply(path: Path) -> str:
    """All that ingest does with pictures: completeness, fingerprint, cuts, replays."""
    signals = compute_signals(path)
    damage = check_pictures(read_index(path), signals)
    compute_fingerprint(signals)
    shots = find_shots(path, signals)
    return f"{len(shots.cuts)} cuts, {len(damage)} findings"


def decode_all(path: Path) -> str:
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return f"{sum(1 for _ in container.decode(video=0))} frames decoded"


def run_scenedetect(path: Path) -> str:
    from scenedetect import ContentDetector, detect

    return f"{len(detect(str(path), ContentDetector())) - 1} cuts"


def run_scdet(path: Path) -> str:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-threads", "1", "-i", str(path), "-vf", "scale=320:-2,scdet=t=10"]
    log = subprocess.run([*command, "-filter_threads", "1", "-f", "null", "-"], capture_output=True, text=True).stderr
    return f"{log.count('lavfi.scd.score')} cuts"


def choose_programs() -> tuple[dict[str, Callable[[Path], str]], list[str]]:
    programs: dict[str, Callable[[Path], str]] = {
        "packet checks, index included": check_packets,
        "quick pass": look_quickly,
        "deep pass: all checks of pictures, shots": look_deeply,
        "decoding every frame (PyAV), nothing else": decode_all,
    }
    peers = {
        "PySceneDetect, ContentDetector": ("scenedetect", run_scenedetect),
        "ffmpeg scdet at 320 pixels": ("imageio_ffmpeg", run_scdet),
    }
    absent = [name for name, (module, _) in peers.items() if find_spec(module) is None]
    return programs | {name: run for name, (_, run) in peers.items() if name not in absent}, absent


def count_cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def print_table(
    spent: dict[str, list[float]], found: dict[str, str], arguments: argparse.Namespace, shows: str, absent: list[str]
) -> None:
    floor = spent["decoding every frame (PyAV), nothing else"]
    print("| program | x real time per core | times decoding everything | found |")
    print("|---|---|---|---|")
    for name, seconds in spent.items():
        speed = arguments.seconds / statistics.median(seconds)
        ratio = statistics.median(base / own for base, own in zip(floor, seconds, strict=True))
        print(f"| {name} | {speed:.0f} | {ratio:.2f} | {found[name]} |" if speed >= 100 else
              f"| {name} | {speed:.1f} | {ratio:.2f} | {found[name]} |")  # fmt: skip
    versions = ", ".join(
        f"{package} {metadata.version(package)}"
        for package in ("av", "opencv-contrib-python-headless", "numpy", "scenedetect", "imageio-ffmpeg")
        if find_spec({"scenedetect": "scenedetect", "imageio-ffmpeg": "imageio_ffmpeg"}.get(package, "numpy"))
    )
    load = "/".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\n{arguments.seconds} s of {shows}, 1280x720, 25 fps, GOP {arguments.gop}; {arguments.rounds} rounds.")
    print(f"Python {platform.python_version()}, {versions}; {describe_processor()}, load {load}.")
    if absent:
        print(f"Not installed, not measured: {', '.join(absent)}.", file=sys.stderr)


def describe_processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.is_file() else []
    names = {line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")}
    return ", ".join(sorted(names)) or platform.processor()


if __name__ == "__main__":
    main()
