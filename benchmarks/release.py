"""CPU seconds of a release of all of FineGym, with the votes of three simulated annotators: part by part.

    python benchmarks/release.py OFFICIAL

OFFICIAL is a folder of official FineGym files. Nothing is compared: there is no other program that makes such releases.
The time of `mlcroissant` to load all tables stands beside, because readers will spend it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

from finegym.quality.unit_files import make_units_of_datasets
from finegym.release.build import build_release
from finegym.release.diff import compare_releases
from finegym.release.read import read_release
from finegym.release.settings import LeakException, ReleaseSettings
from finegym.release.source import ReleaseSource, open_release_source
from finegym.release.verify import verify_release
from finegym.simulation.annotators import annotate_sub_actions
from finegym.simulation.skills import Skill


class Watch:
    """Prints the CPU seconds since it was last asked."""

    def __init__(self) -> None:
        self.since = time.process_time()
        self.part = "start"

    def __call__(self, part: str) -> None:
        now = time.process_time()
        if self.part != "start":
            print(f"{now - self.since:7.1f} s  {self.part}", flush=True)
        self.since, self.part = now, part


def add_annotators(source: ReleaseSource) -> ReleaseSource:
    """Three simulated annotators of decreasing skill."""
    skills = [Skill(miss_rate=0.01 * k, noise_ms=40.0 * k, query_error_rate=0.02 * k) for k in (1, 2, 3)]
    datasets = {f"a{k}": annotate_sub_actions(source.dataset, skill, k).dataset for k, skill in enumerate(skills)}
    units = make_units_of_datasets(datasets, "sub-action", source.dataset.codebook, is_simulated=True)
    return replace(source, units={"sub-actions": units})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("official", type=Path)
    folder = parser.parse_args().official
    watch = Watch()
    watch("read the official files")
    source = open_release_source(folder)
    watch("simulate three annotators")
    source = add_annotators(source)
    leaks = tuple(LeakException("gym99", kind, "published like this") for kind in ("video", "action"))
    settings = ReleaseSettings(version="1.1", splits=("gym99", "balanced", "long-tailed"), allow_leaks=leaks)
    with tempfile.TemporaryDirectory() as name:
        built = build_release(source, Path(name) / "release", settings, say=watch)
        watch("verify")
        assert verify_release(built.folder).is_intact
        watch("compare with itself")
        released = read_release(built.folder)
        assert compare_releases(released.dataset, released.dataset).is_empty
        watch("mlcroissant: load every record of every table")
        import mlcroissant

        loaded = mlcroissant.Dataset(str(built.folder / "croissant.json"))
        num_records = sum(1 for table in loaded.metadata.record_sets for _ in loaded.records(table.uuid))
        watch("end")
        votes = built.facts.votes
        size = f"{built.num_files} files, {built.size_bytes / 1e6:.0f} MB"
        print(f"{size}; {votes.votes:,} votes with {votes.answers:,} answers")
        print(f"{num_records:,} records loaded by mlcroissant")


if __name__ == "__main__":
    main()
