"""How often does tracking find a pose where BlazePose as it comes does not? The found-rates of docs/pose.md.

    python benchmarks/pose_baseline.py [DATASET] [--element BalanceBeam] [--every 5] [--workers 2]

The baseline looks at every frame by itself: the detector on the whole frame, the pose of its best person, which counts
if its presence is at least 0.5. Tracked is what ``finegym features pose`` makes with its defaults. Both are counted in
the same frames, every fifth of every sub-action. Nobody asks whether it is the gymnast: a baseline that takes a judge
for her has found somebody. Without a dataset folder, half a minute of a simulated competition is looked at.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from finegym.annotations.folder import read_dataset
from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError
from finegym.features.build import build_features
from finegym.features.pose.extract import PoseMaker
from finegym.features.pose.model import PoseModel
from finegym.features.pose.models import open_pose_model
from finegym.features.pose.poses import FOUND, MISSING
from finegym.features.pose.store import PoseStore
from finegym.simulation.competition import CompetitionSettings, simulate_competition
from finegym.video.reader import VideoReader

MIN_PRESENCE = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, nargs="?")
    parser.add_argument("--element", help="sub-actions of this element alone")
    parser.add_argument("--model", default="blazepose-full")
    parser.add_argument("--every", type=int, default=5, help="frames from one that is compared to the next")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.dataset or simulate(Path(temporary) / "competition")
        try:
            maker = PoseMaker(arguments.model)
        except ConfigError as error:
            print(f"nothing is compared: {error}")
            return
        compare(folder, Path(temporary) / "poses", maker, arguments)


def simulate(folder: Path) -> Path:
    settings = CompetitionSettings(num_videos=1, minutes=0.5, seed=0)
    simulate_competition(settings, read_builtin("artistic-women"), folder)
    return folder


def compare(folder: Path, out: Path, maker: PoseMaker, arguments: argparse.Namespace) -> None:
    dataset = read_dataset(folder)
    names = [
        name
        for name, one in dataset.instances.items()
        if one.sub_action is not None and arguments.element in (None, one.sub_action.element_id)
    ]
    if not names:
        raise SystemExit(f"{folder}: no sub-action{f' of {arguments.element}' if arguments.element else ''}")
    build = build_features(dataset, folder, out, maker.make_settings(), maker, only=names, workers=arguments.workers)
    store, model = PoseStore(out), open_pose_model(arguments.model)
    statuses, bases = [], []
    for name in store.instance_ids:
        facts = store.get_facts(name)
        rows = np.arange(0, facts.num_frames, arguments.every)
        statuses.append(store.read(name).status[0, rows])
        with VideoReader(folder / facts.record) as reader:
            for row in rows.tolist():
                frame = reader.read_frames([facts.first_frame + row])[0]
                bases.append(is_found_in_whole_frame(model, frame))
    print_rates(np.concatenate(statuses), np.array(bases), len(store), len(build.tally.failed))


def is_found_in_whole_frame(model: PoseModel, frame: np.ndarray) -> bool:
    """Whether the best detection of the whole frame leads to a pose: whoever is most conspicuous."""
    regions = model.detect(frame).rois[:1]
    return bool((model.estimate(frame, regions).presence >= MIN_PRESENCE).any())


def print_rates(status: np.ndarray, base: np.ndarray, num_clips: int, num_failed: int) -> None:
    found, posed = status == FOUND, status != MISSING
    print("| clips | frames compared | baseline | tracked: found | with bridged |")
    print("|---|---|---|---|---|")
    counts = [f"{int(kind.sum())} ({kind.mean():.0%})" for kind in (base, found, posed)]
    print(f"| {num_clips} | {len(status)} | {' | '.join(counts)} |")
    alone, missed = int((found & ~base).sum()), int((base & ~found).sum())
    print(f"found by tracking alone {alone}, by the baseline alone {missed}; {num_failed} clips failed")


if __name__ == "__main__":
    main()
