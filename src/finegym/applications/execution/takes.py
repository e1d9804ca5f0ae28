"""Poses of sub-actions over time, wherever they come from: a pose store, truth files, or a competition never drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from finegym.annotations.model import Dataset, Instance
from finegym.codebook.model import Codebook
from finegym.errors import ConfigError, FeatureError
from finegym.features.pose.poses import FOUND
from finegym.features.pose.store import PoseStore
from finegym.simulation.skeleton import COCO_JOINTS, JOINT_INDEX
from finegym.simulation.truth import Truth, read_truth
from finegym.simulation.write import get_truth_path

_TRUNK = tuple(JOINT_INDEX[f"{side}_{name}"] for name in ("shoulder", "hip") for side in ("left", "right"))
_BENT = {"body": {"tucked": 0}, "legs": {"tuck": 0, "cat": 0, "sheep": 0, "stag-ring": 0}}
_ONE_STRAIGHT = frozenset({"wolf", "ring", "switch-ring"})


@dataclass(frozen=True, eq=False)
class Take:
    """One sub-action as poses.

    Attributes:
        instance_id: of the sub-action.
        action_id: of its routine.
        video_id: of its record.
        event_id: of the codebook.
        set_id: of the codebook, "" where nobody has said.
        element_id: likewise.
        kind: of the element (``salto``, ``circle`` …), "" where the codebook has no such attribute.
        num_straight: legs that this element wants straight in the air, 0 to 2.
        lands: it ends with a landing on both feet that should stick.
        joints: float64 (T, 17, 2), pixels, COCO's order; NaN where nothing was found.
        first_frame: of the record.
        fps: frames a second.
    """

    instance_id: str
    action_id: str
    video_id: str
    event_id: str
    set_id: str
    element_id: str
    kind: str
    num_straight: int
    lands: bool
    joints: np.ndarray
    first_frame: int
    fps: float


@dataclass(frozen=True)
class Takes:
    """The takes of routines, and what is missing.

    Attributes:
        takes: in the order of the records.
        missing: instance ids without poses.
    """

    takes: tuple[Take, ...]
    missing: tuple[str, ...]

    def find_unseen(self, dataset: Dataset) -> tuple[str, ...]:
        """Ids of the routines of a dataset without a take: nothing in them has poses, or nobody looked for anything."""
        seen = {take.action_id for take in self.takes}
        ids = [f"{video.id}_{action.name}" for video in dataset.videos for action in video.actions]
        return tuple(id_ for id_ in ids if id_ not in seen)


def read_takes(dataset: Dataset, folder: Path, poses: Path | None = None, noise: float = 0.0, seed: int = 0) -> Takes:
    """Poses of all sub-actions of a dataset.

    Args:
        dataset: records with labelled sub-actions.
        folder: of the dataset; where no pose store is given, its ``truth`` files tell the joints.
        poses: a pose store.
        noise: of the truth's joints; see :func:`add_noise`.
        seed: of the noise.

    Raises:
        FeatureError: neither a pose store nor a truth file is there; a record's frame rate is not known.
        ConfigError: noise, and a pose store.
    """
    if poses is not None:
        if noise:
            raise ConfigError("--noise is for joints of the truth, and --poses names a pose store. Leave one out.")
        return _read_store(dataset, PoseStore(poses))
    return make_takes(dataset.codebook, _read_truths(dataset, folder), noise=noise, seed=seed)


def _read_truths(dataset: Dataset, folder: Path) -> Iterator[Truth]:
    for video in dataset.videos:
        path = folder / get_truth_path(video.id)
        if not path.is_file():
            raise FeatureError(
                f"{path}: is not there, so that nothing tells the joints of {video.id}. Only simulated records have "
                "truth files; for others make poses with `finegym features pose` and name them with --poses."
            )
        yield read_truth(path)


def make_takes(codebook: Codebook, truths: Iterable[Truth], *, noise: float = 0.0, seed: int = 0) -> Takes:
    """Takes from the truth about simulated records, with noise like a pose model's."""
    rng = np.random.default_rng(seed)
    takes, missing = [], []
    for truth in truths:
        joints = truth.arrays["joints_2d"][:, : len(COCO_JOINTS)].astype(np.float64)
        for instance in Dataset(codebook, (truth.video,)).iterate_instances():
            start, end = _find_frames(instance, float(truth.fps))
            part = add_noise(joints[start:end], noise, rng) if noise else joints[start:end]
            if len(part) < 2 or not np.isfinite(part).all(axis=(1, 2)).any():
                missing.append(instance.id)
                continue
            takes.append(_make_take(codebook, instance, part, start, float(truth.fps)))
    return Takes(tuple(takes), tuple(missing))


def add_noise(joints: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """What a pose model might have seen: joints that jitter, legs mixed up, and frames without a person.

    Args:
        joints: float64 (T, 17, 2), pixels.
        noise: standard deviation of each coordinate as a share of the trunk's length; with 0.1, 3 % of the frames also
            have left and right legs swapped and 3 % no person (both in proportion to ``noise``).
        rng: draws it.
    """
    trunk = np.nanmedian(np.linalg.norm(joints[:, _TRUNK[:2]].mean(1) - joints[:, _TRUNK[2:]].mean(1), axis=-1))
    noisy = joints + rng.normal(size=joints.shape) * noise * trunk
    dice = rng.uniform(size=(2, len(joints)))
    swapped = dice[0] < 0.3 * noise
    legs = [JOINT_INDEX[f"{side}_{name}"] for name in ("hip", "knee", "ankle") for side in ("left", "right")]
    crossed = [legs[i ^ 1] for i in range(len(legs))]
    noisy[np.ix_(swapped, legs)] = noisy[np.ix_(swapped, crossed)]
    noisy[dice[1] < 0.3 * noise] = np.nan
    return noisy


def _read_store(dataset: Dataset, store: PoseStore) -> Takes:
    takes, missing = [], []
    for instance in dataset.iterate_instances():
        if instance.id not in store:
            missing.append(instance.id)
            continue
        poses = store.read(instance.id)
        found = poses.status[0] == FOUND  # what was made up in between is not measured
        joints = np.where(found[:, None, None], poses.keypoints[0].astype(np.float64), np.nan)
        if found.sum() < 2:
            missing.append(instance.id)
            continue
        takes.append(_make_take(dataset.codebook, instance, joints, *_time_frames(store, instance)))
    return Takes(tuple(takes), tuple(missing))


def _time_frames(store: PoseStore, instance: Instance) -> tuple[int, float]:
    """First frame of a clip and its frames a second: by the PTS that the poses are of, else by the record's rate."""
    facts = store.get_facts(instance.id)
    if len(facts.pts) > 1:
        length_s = (facts.pts[-1] - facts.pts[0]) * Fraction(facts.time_base)
        return facts.first_frame, (len(facts.pts) - 1) / float(length_s)
    if instance.video.fps is None:
        raise FeatureError(
            f"{instance.video.id}: neither its poses nor the dataset say its frame rate, so that no time in the air "
            "can be measured. Write it into the dataset's records.csv."
        )
    fps = float(instance.video.fps)
    return _find_frames(instance, fps)[0], fps


def _find_frames(instance: Instance, fps: float) -> tuple[int, int]:
    """Frames of the record that begin in the sub-action, half-open."""
    sub = instance.sub_action
    return int(np.ceil(sub.start_ms * fps / 1000 - 1e-6)), int(np.ceil(sub.end_ms * fps / 1000 - 1e-6))


def _make_take(codebook: Codebook, instance: Instance, joints: np.ndarray, first_frame: int, fps: float) -> Take:
    element_id = instance.sub_action.element_id or ""
    attributes = codebook.attributes_by_element_id.get(element_id, {})
    element = codebook.element_by_id.get(element_id)
    set_id = instance.sub_action.set_id or (element.set_id if element is not None else "")
    event_id = instance.action.event_id
    kind = str(attributes.get("kind", ""))
    return Take(
        instance_id=instance.id,
        action_id=f"{instance.video.id}_{instance.action.name}",
        video_id=instance.video.id,
        event_id=event_id,
        set_id=set_id,
        element_id=element_id,
        kind=kind,
        num_straight=count_straight(attributes),
        lands=kind in ("vault", "dismount")
        or (kind == "salto" and event_id == "FX" and attributes.get("landing") != "one-foot")
        or (not kind and event_id == "VT"),
        joints=joints,
        first_frame=first_frame,
        fps=fps,
    )


def count_straight(attributes: object) -> int:
    """Legs that an element wants straight in the air; both where the codebook does not say.

    Example:
        >>> count_straight({"body": "tucked"}), count_straight({"legs": "wolf"}), count_straight({})
        (0, 1, 2)
    """
    given = dict(attributes)  # type: ignore[call-overload]
    if given.get("kind") == "turn" or any(given.get(name) in values for name, values in _BENT.items()):
        return 0
    return 1 if given.get("legs") in _ONE_STRAIGHT else 2
