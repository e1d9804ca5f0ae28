"""How fast is a recording parsed, and where does the time go?

    python benchmarks/parse.py BUNDLE VIDEO... [--rounds 3] [--device auto]

Parses every recording anew in every round, in an order drawn anew, and prints seconds of video a second of CPU time, by
stage, medians over rounds: localizing (decoding and snippet features included), recognising (decoding, flow or poses
included), looking for replays, reading opinions into one belief; and the peak of resident memory, to which a record's
length should not matter. There is no peer that does the same.
"""

from __future__ import annotations

import argparse
import platform
import random
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from importlib import metadata
from pathlib import Path

from finegym.applications.parse.files import read_parse
from finegym.applications.parse.run import ParseItem, ParseSettings, parse_video

STAGES = ("localize", "recognise", "replays", "read")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu"))
    arguments = parser.parse_args()
    spent: dict[tuple[Path, str], list[float]] = defaultdict(list)
    lengths: dict[Path, float] = {}
    with tempfile.TemporaryDirectory() as name:
        for turn in range(arguments.rounds):
            for video in random.sample(arguments.videos, len(arguments.videos)):
                started, wall = time.process_time(), time.perf_counter()
                item = ParseItem(video, Path(name) / f"{turn}-{video.stem}")
                settings = ParseSettings(device=arguments.device)
                path = parse_video(item, bundle=arguments.bundle, settings=settings, show_progress=False)
                spent[video, "whole"].append(time.process_time() - started)
                spent[video, "wall"].append(time.perf_counter() - wall)
                parse = read_parse(path)
                lengths[video] = parse.duration_ms / 1000
                for stage in STAGES:
                    spent[video, stage].append(parse.seconds[stage])
    print("Seconds of video a second of CPU time (the whole: writing and pictures included; wall: of wall time).\n")
    print(f"| recording | seconds | {' | '.join(STAGES)} | whole | wall |")
    print(f"|---|---|{'---|' * (len(STAGES) + 2)}")
    for video, length in lengths.items():
        cells = [
            f"{length / max(statistics.median(spent[video, kind]), 1e-3):,.1f}" for kind in (*STAGES, "whole", "wall")
        ]
        print(f"| {video.name} | {length:.1f} | {' | '.join(cells)} |")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"\nPeak memory {peak_mb:,.0f} MB. {arguments.rounds} rounds. Python {platform.python_version()},")
    print(f"torch {metadata.version('torch')}, {platform.processor() or platform.machine()}.")


if __name__ == "__main__":
    main()
