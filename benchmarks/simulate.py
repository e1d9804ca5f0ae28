"""How fast is the simulation? Real-time factors of whole records on one core, encoding included.

    python benchmarks/simulate.py [--minutes 1] [--sizes 640x360,1280x720] [--fps 25] [--records 3]

A factor of 5 means that five seconds of broadcast are made in one second. The compiled loops are loaded by a short
record that is not counted (its time is printed: on a machine that never ran them it includes compiling them). What is
counted is everything else: planning, motion, panoramas, frames, encoding, truth and annotations of records that were
never made before. CPU time is the process's own; where other programs share the machine, wall time is longer.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from finegym.codebook.builtin import read_builtin
from finegym.simulation.competition import FRAME_RATES, CompetitionSettings, plan_competition
from finegym.simulation.write import get_media_path, write_record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--sizes", default="640x360")
    parser.add_argument("--fps", default="25", choices=FRAME_RATES)
    parser.add_argument("--records", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    codebook = read_builtin("artistic-women")
    warm_up = time.perf_counter()
    make(codebook, CompetitionSettings(1, 0.5, 99, size=(128, 72)))
    print(f"warm-up (imports, compiled loops): {time.perf_counter() - warm_up:.1f} s, not counted", file=sys.stderr)
    print(
        "| size | fps | record | seconds | routines | wall s | CPU s | x real time, wall | x real time, CPU | kbit/s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for text in arguments.sizes.split(","):
        width, height = map(int, text.split("x"))
        settings = CompetitionSettings(
            arguments.records, arguments.minutes, arguments.seed, FRAME_RATES[arguments.fps], (width, height)
        )
        for row in make(codebook, settings):
            print(f"| {text} | {arguments.fps} | {row} |")


def make(codebook, settings):
    """One row of the table a record."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number, plan in enumerate(plan_competition(settings, codebook)):
            wall, cpu = time.perf_counter(), time.process_time()
            video = write_record(plan, codebook, Path(folder))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            seconds = plan.num_frames / float(plan.fps)
            size = (Path(folder) / get_media_path(plan.video_id)).stat().st_size
            rows.append(
                f"{number + 1} | {seconds:.0f} | {len(video.actions)} | {wall:.1f} | {cpu:.1f} | "
                f"{seconds / wall:.1f} | "
                f"{seconds / cpu:.1f} | {size * 8 / seconds / 1000:.0f}"
            )
    return rows


if __name__ == "__main__":
    main()
