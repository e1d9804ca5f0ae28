"""What a consensus is worth where the truth is known: what is asked, what of it is wrong, and what slips through.

    python benchmarks/consensus.py [--videos 32] [--minutes 2.5] [--repeats 3] [--json OUT]

A competition that is planned and not drawn, annotated by simulated people of known skill; once with errors that are
independent of each other, once with a fifth of the sub-actions four times as hard for everybody. "Wrong": the consensus
lacks or invents a unit, names another element, or has an edge more than 200 ms off. Also: CPU seconds for 40,000
sub-actions by three people.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

from finegym.annotations.model import Dataset
from finegym.annotations.text import format_table
from finegym.codebook.builtin import read_builtin
from finegym.demo.quality import adjudicate
from finegym.quality.consensus import ConsensusSettings, ConsensusUnit, make_consensus
from finegym.quality.simulated import make_simulated_units
from finegym.quality.units import Units
from finegym.simulation.annotators import annotate_sub_actions
from finegym.simulation.competition import CompetitionSettings
from finegym.simulation.skills import ALL_ALIKE, FIVE_SKILLS, Hardness
from finegym.simulation.undrawn import make_undrawn_competition

TEAMS = (
    ("expert", "careful", "steady", "hasty"),
    ("expert", "careful", "steady", "hasty", "guesser"),
    ("careful", "steady", "hasty"),
    ("expert", "careful"),
)
TOLERANCE_MS = 200


def annotate(truth: Dataset, team: tuple[str, ...], repeat: int, hardness: Hardness) -> Units:
    work = {
        name: annotate_sub_actions(truth, FIVE_SKILLS[name], 10 * repeat + k, replace(hardness, seed=repeat))
        for k, name in enumerate(team)
    }
    return make_simulated_units(truth, work, "sub-action")


def is_wrong(unit: ConsensusUnit, ruled: ConsensusUnit) -> bool:
    assert ruled.ruling is not None
    is_there = unit.decision != "left out"
    if not is_there or not ruled.ruling.is_there:
        return is_there != ruled.ruling.is_there
    off_ms = max(abs(unit.start_ms - ruled.start_ms), abs(unit.end_ms - ruled.end_ms))
    return unit.label != ruled.label or off_ms > TOLERANCE_MS


def count_wrong(truth: Dataset, units: Units, method: str) -> Counter[str]:
    consensus = make_consensus(units, ConsensusSettings(method))  # type: ignore[arg-type]
    ruled = adjudicate(consensus, truth, everything=True)
    asked = {id(unit) for unit in consensus.list_open()}
    counts: Counter[str] = Counter()
    for unit, right in zip(consensus.units, ruled.units, strict=True):
        side = "asked" if id(unit) in asked else "not asked"
        counts[side] += 1
        counts[f"{side}, wrong"] += is_wrong(unit, right)
    return counts


def measure_teams(truth: Dataset, repeats: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name, hardness in (("independent", ALL_ALIKE), ("a fifth is hard", Hardness(0.2, 4.0))):
        for team in TEAMS:
            for method in ("majority", "dawid-skene"):
                counts: Counter[str] = Counter()
                for repeat in range(repeats):
                    counts += count_wrong(truth, annotate(truth, team, repeat, hardness), method)
                keys = ("asked", "asked, wrong", "not asked", "not asked, wrong")
                rows.append({"errors": name, "who": ", ".join(team), "votes": method} | {k: counts[k] for k in keys})
    return rows


def measure_seconds(truth: Dataset, num_sub_actions: int = 40_000) -> float:
    copies = -(-num_sub_actions // len(truth.instances))
    videos = (replace(video, id=f"{video.id}-{k}") for k in range(copies) for video in truth.videos)
    units = annotate(Dataset(truth.codebook, tuple(videos)), TEAMS[2], 0, ALL_ALIKE)
    start = time.process_time()
    make_consensus(units)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=2.5)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    settings = CompetitionSettings(num_videos=given.videos, minutes=given.minutes, seed=given.seed)
    truth = make_undrawn_competition(settings, read_builtin("artistic-women"))
    print(f"{len(truth.instances)} sub-actions, {given.repeats} repeats, simulated\n")
    rows = measure_teams(truth, given.repeats)
    print(format_table(list(rows[0]), [list(row.values()) for row in rows], left=(0, 1, 2)))
    seconds = measure_seconds(truth)
    print(f"\n40,000 sub-actions by three people: {seconds:.1f} s")
    if given.json:
        given.json.write_text(json.dumps({"rows": rows, "seconds_40000": seconds}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
