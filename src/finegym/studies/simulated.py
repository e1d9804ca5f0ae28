"""The simulated competition of the studies: records, and skeletons that are nearly true."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path

import numpy as np

from finegym.annotations.model import Dataset
from finegym.codebook.builtin import read_builtin
from finegym.codebook.model import Codebook
from finegym.errors import FeatureError, SimulationError, join_problems
from finegym.features.pose.exchange import import_poses
from finegym.simulation.competition import CompetitionSettings, simulate_competition
from finegym.simulation.truth import read_truth
from finegym.simulation.write import get_truth_path
from finegym.studies.codebook import keep_elements
from finegym.studies.sizes import Competition

CODEBOOK = "artistic-women"
NUM_COCO_JOINTS = 17  # the first of the truth's joints


def read_codebook(competition: Competition) -> Codebook:
    """The codebook of a competition: the built-in one, or some of its elements."""
    codebook = read_builtin(CODEBOOK)
    if not competition.elements:
        return codebook
    return keep_elements(codebook, competition.elements, f"{CODEBOOK}-{len(competition.elements)}")


def simulate(competition: Competition, folder: Path, *, workers: int) -> None:
    """Simulate what of the competition is not there.

    Raises:
        SimulationError: records failed.
    """
    settings = CompetitionSettings(
        num_videos=competition.num_videos,
        minutes=competition.minutes,
        seed=competition.seed,
        size=competition.picture_size,
        tail=competition.tail,
        events=competition.events,
    )
    tally = simulate_competition(settings, read_codebook(competition), folder, workers=workers)
    if tally.failed:
        reasons = join_problems([f"{name}: {reason}" for name, reason in tally.failed.items()], limit=3)
        raise SimulationError(f"{len(tally.failed)} of {competition.num_videos} records failed: {reasons}")


def store_skeletons(dataset: Dataset, folder: Path, out: Path, noise: float) -> None:
    """Write the true joints, with noise, as a pose store.

    Raises:
        FeatureError: a clip could not be stored.
    """
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "skeletons.pkl"
        path.write_bytes(pickle.dumps(make_skeletons(dataset, folder, noise)))
        failed = import_poses([path], out, dataset=folder).build.tally.failed
    if failed:
        raise FeatureError(f"{out}: {len(failed)} clips failed: {join_problems(list(failed.values()), limit=3)}")


def make_skeletons(dataset: Dataset, folder: Path, noise: float) -> dict[str, object]:
    """True joints with Gaussian noise in every frame, in the form of pyskl's pickles.

    The deviation is a share of her height, as a pose model errs that has found her; that it may not find her, most
    often where she is fastest, is not in it.
    """
    rng = np.random.default_rng(0)
    truths = {video.id: read_truth(folder / get_truth_path(video.id)) for video in dataset.videos}
    annotations = []
    for instance_id, instance in dataset.instances.items():
        sub, fps = instance.sub_action, float(instance.video.fps or 0)
        frames = slice(round(sub.start_ms * fps / 1000), round(sub.end_ms * fps / 1000))
        joints = truths[instance.video.id].arrays["joints_2d"][frames, :NUM_COCO_JOINTS]
        height = np.nanmedian(np.ptp(joints[..., 1], axis=1))
        keypoint = (joints + rng.normal(0, noise * height, joints.shape))[None].astype(np.float32)  # (1, T, V, 2)
        size = (instance.video.height, instance.video.width)
        annotations.append(
            {
                "frame_dir": instance_id,
                "label": 0,
                "img_shape": size,
                "original_shape": size,
                "total_frames": keypoint.shape[1],
                "keypoint": keypoint,
                "keypoint_score": np.full(keypoint.shape[:3], 0.9, np.float32),
            }
        )
    return {"split": {"all": [row["frame_dir"] for row in annotations]}, "annotations": annotations}
