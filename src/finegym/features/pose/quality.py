"""How good stored poses are: frames without one, by speed and by class; against simulated truth, how true they are.

*PCK* of a frame is the share of the visible joints whose distance from the truth is less than half the trunk's diagonal
(the longer one of shoulder to opposite hip). *Wrong person*: the pose's box and the true box overlap by less than a
tenth. *Nobody there*: a pose in a frame in which she is not in the picture (a cut-away, a replay). *Speed* is the mean
way of a joint in the picture, in body lengths a second; a body's length is the median of the longer side of its boxes
in the clip.

Source: percentage of correct keypoints, Yang and Ramanan 2013; alpha = 0.5 of the trunk is loose on purpose, since a
gymnast's trunk is some 20 pixels of a broadcast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from finegym.annotations.model import Dataset
from finegym.errors import FeatureError
from finegym.features.pose.poses import FOUND, INTERPOLATED, MISSING, NUM_JOINTS, Poses
from finegym.features.pose.regions import compute_box_iou
from finegym.features.pose.store import PoseStore
from finegym.features.store import FeatureFacts
from finegym.simulation.truth import read_truth

ALPHA = 0.5  # of the trunk's diagonal
WRONG_IOU = 0.1
SPEED_EDGES = (0.0, 0.5, 1.0, 2.0, 4.0, np.inf)  # body lengths a second
DIAGONALS = ((5, 12), (6, 11))
VISIBLE = 2


@dataclass(frozen=True)
class QualityRow:
    """Frames of one kind, counted.

    Attributes:
        group: what they have in common: ``all``, ``speed``, ``set`` or ``element``.
        name: which speed, set or element.
        frames: how many there are.
        found: of these, with a found pose.
        interpolated: with a bridged one.
        missing: with none.
        pck_found: mean PCK of found poses; ``None`` without truth or without found poses.
        pck_interpolated: of bridged ones.
        wrong_person: of the poses, found or bridged, in frames in which she is: the share that lies elsewhere; ``None``
            without truth or poses.
        nobody_there: share of the poses, found or bridged, in frames in which she is not; ``None`` likewise.
    """

    group: str
    name: str
    frames: int
    found: int
    interpolated: int
    missing: int
    pck_found: float | None = None
    pck_interpolated: float | None = None
    wrong_person: float | None = None
    nobody_there: float | None = None


@dataclass(frozen=True, eq=False)
class FrameQuality:
    """Every frame of some clips, T in all, of the first person.

    Attributes:
        status: uint8 (T,).
        speed: float32 (T,), body lengths a second; NaN where it is not known.
        pck: float32 (T,), NaN without truth, without her in the picture, or without a pose.
        is_wrong: float32 (T,), 1 for a wrong person, NaN likewise.
        is_of_nobody: float32 (T,), 1 for a pose where she is not in the picture, NaN without truth or pose.
    """

    status: np.ndarray
    speed: np.ndarray
    pck: np.ndarray
    is_wrong: np.ndarray
    is_of_nobody: np.ndarray


def compute_pck(keypoints: np.ndarray, truth: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """PCK of every frame.

    Args:
        keypoints: float (T, 17, 2), pixels.
        truth: float (T, 17, 2), pixels.
        visible: bool (T, 17).

    Returns:
        float32 (T,); NaN where no joint is visible or the trunk has no length.
    """
    trunk = np.max([np.linalg.norm(truth[:, a] - truth[:, b], axis=-1) for a, b in DIAGONALS], axis=0)
    near = np.linalg.norm(keypoints - truth, axis=-1) < ALPHA * trunk[:, None]
    count = (visible & (trunk > 0)[:, None]).sum(axis=1)
    right = (near & visible).sum(axis=1)
    return np.divide(right, count, out=np.full(len(truth), np.nan, np.float32), where=count > 0, casting="unsafe")


def compute_speed(keypoints: np.ndarray, boxes: np.ndarray, is_known: np.ndarray, fps: float) -> np.ndarray:
    """How fast she moves in the picture in every frame, in body lengths a second.

    Between two frames where she is known, however far apart, the speed is the mean way of a joint over that time;
    frames before the first and after the last known one have no speed.

    Args:
        keypoints: float (T, 17, 2), pixels.
        boxes: float (T, 4).
        is_known: bool (T,).
        fps: frames a second.

    Returns:
        float32 (T,).
    """
    speed = np.full(len(keypoints), np.nan, np.float32)
    known = np.flatnonzero(is_known)
    if len(known) < 2:
        return speed
    length = float(np.median((boxes[known, 2:] - boxes[known, :2]).max(axis=1))) or 1.0
    ways = np.linalg.norm(np.diff(keypoints[known].astype(np.float64), axis=0), axis=-1).mean(axis=1)
    rates = ways / np.diff(known) * fps / length
    for before, after, rate in zip(known[:-1], known[1:], rates, strict=True):
        speed[before:after] = rate
    speed[known[-1]] = rates[-1]
    return speed


def measure_quality(store: PoseStore, dataset: Dataset, folder: Path | None = None) -> list[QualityRow]:
    """Count the frames of a store, in all, by speed, by set and by element.

    Args:
        store: of poses; its clips are the dataset's sub-actions or actions.
        dataset: knows which element a clip shows; clips it does not know are counted under no set and element.
        folder: dataset folder of a simulation with its ``truth``; ``None``: nothing is compared, and speeds are those
            of the poses themselves.

    Raises:
        FeatureError: the store holds no clips, or a clip and the truth do not belong together.
        SimulationError: a truth file is missing or damaged.
    """
    clips = [(facts, frames) for facts, frames in iterate_frames(store, folder)]
    if not clips:
        raise FeatureError(f"{store}: expected a store with clips, got an empty one. Make the poses first.")
    lengths = [len(frames.status) for _, frames in clips]
    joined = FrameQuality(
        *(np.concatenate([getattr(f, key) for _, f in clips]) for key in FrameQuality.__annotations__)
    )
    instances = dataset.instances
    subs = [instances[facts.instance_id].sub_action if facts.instance_id in instances else None for facts, _ in clips]
    rows = [_count(joined, "all", "all frames", np.ones(len(joined.status), bool))]
    for low, high in pairwise(SPEED_EDGES):
        name = f"{low:g} to {high:g}" if np.isfinite(high) else f"{low:g} and more"
        rows.append(_count(joined, "speed", f"{name} lengths/s", (joined.speed >= low) & (joined.speed < high)))
    rows.append(_count(joined, "speed", "not known", np.isnan(joined.speed)))
    for group, keys in (
        ("set", [sub.set_id if sub else None for sub in subs]),
        ("element", [sub.element_id if sub else None for sub in subs]),
    ):
        of_frames = np.repeat(np.array([key or "" for key in keys], dtype=object), lengths)
        rows += [_count(joined, group, key, of_frames == key) for key in sorted({key for key in keys if key})]
    return [row for row in rows if row.frames]


def iterate_frames(store: PoseStore, folder: Path | None) -> Iterator[tuple[FeatureFacts, FrameQuality]]:
    """Every clip of a store with its frames; arguments and errors as of ``measure_quality``."""
    truths: dict[str, dict[str, np.ndarray]] = {}
    for instance_id in store.instance_ids:
        facts, poses = store.get_facts(instance_id), store.read(instance_id)
        if folder is None:
            yield facts, _look_at(poses, _guess_fps(facts))
            continue
        if facts.video_id not in truths:
            truths = {facts.video_id: read_truth(folder / "truth" / f"{facts.video_id}.npz").arrays}
        yield facts, compare_with_truth(poses, truths[facts.video_id], facts.first_frame)


def _guess_fps(facts: FeatureFacts) -> float:
    """Frames a second, by the clip's own time stamps; 25 where there are none (an import)."""
    if len(facts.pts) > 1:
        return (len(facts.pts) - 1) / (float((facts.pts[-1] - facts.pts[0]) * Fraction(facts.time_base)))
    return 25.0


def _look_at(poses: Poses, fps: float) -> FrameQuality:
    status = poses.status[0]
    unknown = np.full(len(status), np.nan, np.float32)
    speed = compute_speed(poses.keypoints[0], poses.boxes[0], status == FOUND, fps)
    return FrameQuality(status, speed, unknown, unknown, unknown)


def compare_with_truth(poses: Poses, truth: dict[str, np.ndarray], first_frame: int) -> FrameQuality:
    """The first person's poses against the truth of the same frames.

    Args:
        poses: of a clip.
        truth: arrays of a truth file.
        first_frame: of the clip, in the record.

    Raises:
        FeatureError: the clip reaches past the truth, or pictures are of other sizes.
    """
    frames = slice(first_frame, first_frame + poses.num_frames)
    if frames.start < 0 or frames.stop > len(truth["boxes"]) or [poses.width, poses.height] != truth["size"].tolist():
        raise FeatureError(
            f"{truth['video_id']}: frames {frames.start} to {frames.stop - 1} of {poses.width}x{poses.height} "
            f"are not of the {len(truth['boxes'])} frames of {truth['size'].tolist()} that the truth knows. "
            "Make the poses of this simulation again."
        )
    joints = truth["joints_2d"][frames, :NUM_JOINTS].astype(np.float64)
    boxes = truth["boxes"][frames].astype(np.float64)
    is_there = np.asarray(np.isfinite(boxes).all(axis=1) & np.isfinite(joints).all(axis=(1, 2)))
    status = poses.status[0]
    is_posed = (status != MISSING) & is_there
    pck = compute_pck(
        poses.keypoints[0].astype(np.float64), joints, truth["visibility"][frames, :NUM_JOINTS] == VISIBLE
    )
    overlap = np.array([compute_box_iou(a[None], b[None])[0, 0] for a, b in zip(poses.boxes[0], boxes, strict=True)])
    numerator, denominator = truth["fps"].tolist()
    return FrameQuality(
        status,
        compute_speed(joints, boxes, is_there, numerator / denominator),
        np.where(is_posed, pck, np.nan).astype(np.float32),
        np.where(is_posed, overlap < WRONG_IOU, np.nan).astype(np.float32),
        np.where(status != MISSING, ~is_there, np.nan).astype(np.float32),
    )


def _count(frames: FrameQuality, group: str, name: str, rows: np.ndarray) -> QualityRow:
    status = frames.status[rows]

    def mean(values: np.ndarray, kinds: Sequence[int]) -> float | None:
        chosen = values[rows][np.isin(status, kinds)]
        chosen = chosen[np.isfinite(chosen)]
        return float(chosen.mean()) if len(chosen) else None

    return QualityRow(
        group,
        name,
        len(status),
        int((status == FOUND).sum()),
        int((status == INTERPOLATED).sum()),
        int((status == MISSING).sum()),
        mean(frames.pck, [FOUND]),
        mean(frames.pck, [INTERPOLATED]),
        mean(frames.is_wrong, [FOUND, INTERPOLATED]),
        mean(frames.is_of_nobody, [FOUND, INTERPOLATED]),
    )
