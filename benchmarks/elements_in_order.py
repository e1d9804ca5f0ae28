"""Do the smoke recipes learn, and does a model of time tell elements apart that differ only in order?

    python benchmarks/elements_in_order.py FOLDER [--methods tsn trn tsm i3d stgcn] [--seeds 0 1 2] [--set KEY=VALUE]

Eight saltos on the beam (``support/beam_saltos.yaml``): four shapes of the body, each forward and backward. The gymnast
stands, turns over and stands again; the two of a pair show about the same poses in opposite order. All of it is
simulated, in FOLDER: records, a split by competition and record, clips, and skeletons (the true joints with noise of a
twentieth of her height in every frame, as a pose model would err). What is there already is kept, so that the program
goes on where it stopped.

Every method is trained by its recipe in ``recipes/smoke`` with every seed, and its predictions are scored by class, by
direction (of the answer, whatever its shape) and by shape (whatever its direction). Intervals are 95 %, from 2000
resamples of the records, means over seeds. CPU seconds are those of ``finegym train``, loader processes included.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

from finegym.annotations.folder import read_dataset
from finegym.annotations.splits import Split, read_split
from finegym.evaluation.predictions import read_predictions
from finegym.simulation.truth import read_truth
from finegym.simulation.write import get_truth_path

ROOT = Path(__file__).parents[1]
CODEBOOK = ROOT / "benchmarks" / "support" / "beam_saltos.yaml"
METHODS = ("tsn", "trn", "tsm", "i3d", "stgcn")
SIMULATE = ("--events", "BB", "--tail", "0", "--videos", "48", "--minutes", "2.5", "--size", "160x144", "--seed", "5")
SPLIT, POSES = "element", "pose-truth"
NUM_SHAPES = 4  # classes are backward in four shapes, then forward in the same
NOISE = 0.05  # of her height, the deviation of a joint
NUM_RESAMPLES = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="of every recipe")
    parser.add_argument("--label", default="", help="of runs with other settings, to keep them apart")
    arguments = parser.parse_args()
    dataset = prepare(arguments.folder)
    split = read_split(dataset / "splits" / SPLIT)
    scored: dict[str, dict[int, np.ndarray]] = {}
    for seed in arguments.seeds:
        for method in arguments.methods:
            run = arguments.folder / "runs" / f"{method}{arguments.label}-{seed}"
            train(method, dataset, run, seed, arguments.overrides)
            scored.setdefault(method, {})[seed] = score(run, split)
            print(format_tables(scored, split, arguments), flush=True)


def prepare(folder: Path) -> Path:
    """The simulated competition with its split, clips and skeletons."""
    dataset = folder / "competition"
    if not (dataset / "records.csv").exists():
        call("simulate", "--out", dataset, "--codebook", CODEBOOK, *SIMULATE)
    if not (dataset / "splits" / SPLIT).exists():
        by = ("--by", "competition,video", "--val", "0.25")
        call("annotations", "split", dataset, "--subset", "element", *by, "--out", SPLIT)
    if not (dataset / "clips" / "store.json").exists():
        call("clips", "build", dataset)
    if not (dataset / "features" / POSES).exists():
        path = folder / "skeletons.pkl"
        path.write_bytes(pickle.dumps(make_skeletons(dataset)))
        call("features", "import-poses", path, "--dataset", dataset, "--name", POSES)
    return dataset


def make_skeletons(dataset: Path) -> dict[str, object]:
    """True joints with noise, in the form of pyskl's pickles."""
    rng = np.random.default_rng(0)
    found = read_dataset(dataset)
    truths = {video.id: read_truth(dataset / get_truth_path(video.id)) for video in found.videos}
    annotations = []
    for instance_id, instance in found.instances.items():
        truth = truths[instance.video.id]
        ((start, end),) = instance.sub_action.stages
        frames = slice(*(round(ms / 1000 * instance.video.fps) for ms in (start, end)))
        joints = truth.arrays["joints_2d"][frames, :17]  # (T, 17, 2)
        height = np.nanmedian(np.ptp(joints[..., 1], axis=1))
        keypoint = (joints + rng.normal(0, NOISE * height, joints.shape))[None].astype(np.float32)
        annotations.append(
            {
                "frame_dir": instance_id,
                "label": 0,
                "img_shape": (instance.video.height, instance.video.width),
                "original_shape": (instance.video.height, instance.video.width),
                "total_frames": keypoint.shape[1],
                "keypoint": keypoint,
                "keypoint_score": np.full(keypoint.shape[:3], 0.9, np.float32),
            }
        )
    return {"split": {"all": [row["frame_dir"] for row in annotations]}, "annotations": annotations}


def train(method: str, dataset: Path, run: Path, seed: int, overrides: list[str]) -> None:
    """Train and predict, unless that is done; keep the CPU seconds of training."""
    if (run / "cpu.json").exists():
        return
    settings = [f"data.dataset={dataset}", f"data.split={SPLIT}", f"seed={seed}", *overrides]
    if method in ("stgcn", "posec3d"):
        settings.append(f"data.features={POSES}")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    recipe = ROOT / "recipes" / "smoke" / f"{method}_smoke.toml"
    call("train", recipe, "--out", run, *(word for setting in settings for word in ("--set", setting)))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    call("predict", run)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    (run / "cpu.json").write_text(json.dumps({"cpu_s": seconds}))


def call(*words: object) -> None:
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    print("$ finegym", *words, file=sys.stderr, flush=True)
    program = Path(sys.executable).with_name("finegym")
    subprocess.run([program, *map(str, words)], check=True, env=environment)


def score(run: Path, split: Split) -> np.ndarray:
    """Bool (N, 3): class, direction, shape of every instance of val right or not."""
    predictions = read_predictions(run / "predictions" / "val.parquet")
    row_of = {instance_id: row for row, instance_id in enumerate(predictions.instance_ids)}
    targets = split.get_side("val")
    answers = predictions.logits[[row_of[instance_id] for instance_id in targets]].argmax(axis=1)
    wanted = np.array(list(targets.values()))
    return np.stack(
        [answers == wanted, answers // NUM_SHAPES == wanted // NUM_SHAPES, answers % NUM_SHAPES == wanted % NUM_SHAPES],
        axis=1,
    )


def format_tables(scored: dict[str, dict[int, np.ndarray]], split: Split, arguments: argparse.Namespace) -> str:
    """Scores of every method, and what the others have more than TSN; percent."""
    records = np.array([instance_id.partition("_E_")[0] for instance_id in split.get_side("val")])
    lines = [
        f"simulated; {len(split.get_side('train'))} training and {len(records)} validation clips, "
        f"{len(set(records))} validation records",
        "| method | seeds | class | direction | shape | CPU s |",
        "|---|---|---|---|---|---|",
    ]
    for method, by_seed in scored.items():
        paths = [arguments.folder / "runs" / f"{method}{arguments.label}-{seed}" / "cpu.json" for seed in by_seed]
        seconds = np.mean([json.loads(path.read_text())["cpu_s"] for path in paths])
        cells = [format_interval(values, records) for values in np.mean(list(by_seed.values()), axis=0).T]
        lines.append(f"| {method} | {len(by_seed)} | {' | '.join(cells)} | {seconds:.0f} |")
    lines += ["", "| more than tsn | seeds | class | direction | shape |", "|---|---|---|---|---|"]
    for method, by_seed in scored.items():
        seeds = sorted(set(by_seed) & set(scored.get("tsn", {})))
        if method != "tsn" and seeds:
            more = np.mean([1.0 * by_seed[seed] - scored["tsn"][seed] for seed in seeds], axis=0)
            lines.append(f"| {method} | {len(seeds)} | {' | '.join(format_interval(v, records) for v in more.T)} |")
    return "\n".join(lines)


def format_interval(values: np.ndarray, records: np.ndarray) -> str:
    """The mean in percent, and the 95 % interval over resampled records."""
    names = sorted(set(records))
    sums = np.array([values[records == name].sum() for name in names])
    counts = np.array([(records == name).sum() for name in names])
    drawn = np.random.default_rng(0).integers(len(names), size=(NUM_RESAMPLES, len(names)))
    low, high = np.percentile(100 * sums[drawn].sum(1) / counts[drawn].sum(1), [2.5, 97.5])
    return f"{100 * values.mean():.1f} ({low:.1f}–{high:.1f})"


if __name__ == "__main__":
    main()
