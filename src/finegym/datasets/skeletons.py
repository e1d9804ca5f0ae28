"""From the poses of a clip to what a skeleton model sees: float32 (C, T, V, M), C = x, y, score.

Whatever was not seen is 0 after normalisation, in every stream, and is never made up: a bone needs both its joints, a
motion both its frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from finegym.datasets.uniform_sampling import NO_FRAME, Short, compute_uniform, sample_uniform
from finegym.features.pose.poses import MISSING, Poses

Stream = Literal["joint", "bone", "joint-motion", "bone-motion"]
Centre = Literal["frame", "torso"]
STREAMS: tuple[Stream, ...] = ("joint", "bone", "joint-motion", "bone-motion")

# The joint at the other end of each joint's bone, COCO's order; the nose is the root. Source: pyskl's pairs for COCO
# (``JointToBone``), which are those of two-stream AGCN (Shi et al., CVPR 2019) carried over to 17 joints.
PARENTS = (0, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 0, 0, 11, 12, 13, 14)
# The same joint on the other side of the body.
MIRRORED = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
TORSO = (5, 6, 11, 12)  # shoulders and hips

Array = TypeVar("Array", bound=Any)  # NumPy's or torch's


class PoseSource(Protocol):
    """Poses of instances. Implementations can be sent to loader processes (they hold no open file)."""

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        """Ids whose poses are not there, each with the reason in words."""
        ...

    def count_frames(self, instance_id: str) -> int:
        """Number of frames of the instance, at least 1."""
        ...

    def read(self, instance_id: str) -> Poses:
        """The poses of all its frames."""
        ...


class MemoryPoses:
    """Poses that are arrays already; for tests and for few clips."""

    def __init__(self, poses: Mapping[str, Poses]) -> None:
        self._poses = poses

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        return {instance_id: "not in memory" for instance_id in instance_ids if instance_id not in self._poses}

    def count_frames(self, instance_id: str) -> int:
        return self._poses[instance_id].num_frames

    def read(self, instance_id: str) -> Poses:
        return self._poses[instance_id]


class SkeletonSample(NamedTuple):
    """What a model sees of a clip.

    Attributes:
        array: float32 (C, T, V, M) in training, (K, C, T, V, M) in testing.
        is_short: whether the clip has fewer frames than the model wants.
        num_blank: of the frames looked at, those in which nobody has a pose.
        num_left_out: persons of the clip that the model does not see.
        num_padded: persons that the model sees as zeros, because the clip has fewer.
    """

    array: np.ndarray
    is_short: bool
    num_blank: int
    num_left_out: int
    num_padded: int


def make_training_skeleton(
    poses: Poses,
    rng: np.random.Generator,
    *,
    clip_len: int,
    num_persons: int = 1,
    stream: Stream = "joint",
    centre: Centre = "frame",
    short: Short = "loop",
    max_scale: float = 0.0,
    max_degrees: float = 0.0,
) -> SkeletonSample:
    """A random training sample of a clip. Mirror it afterwards, with its class, by ``mirror_skeleton``.

    Args:
        poses: of the clip.
        rng: draws frames, scale and rotation.
        clip_len: T.
        num_persons: M; see ``choose_persons``.
        stream: see ``make_stream``.
        centre: see ``normalise_skeleton``.
        short: see ``sample_uniform``.
        max_scale: the clip is scaled by a factor in ``[1 - max_scale, 1 + max_scale]``.
        max_degrees: the clip is rotated by an angle in ``[-max_degrees, max_degrees]``.
    """
    persons = choose_persons(poses, num_persons)
    skeleton = get_skeleton(poses, persons)
    scale, degrees = rng.uniform(1 - max_scale, 1 + max_scale), rng.uniform(-max_degrees, max_degrees)
    if scale != 1 or degrees != 0:
        skeleton = turn_skeleton(skeleton, poses.width, poses.height, scale, degrees)
    indices = sample_uniform(poses.num_frames, clip_len, rng, short)
    return _finish(poses, skeleton, persons, indices[None], num_persons, stream, centre, is_training=True)


def make_test_skeletons(
    poses: Poses,
    *,
    clip_len: int,
    num_clips: int = 1,
    num_persons: int = 1,
    stream: Stream = "joint",
    centre: Centre = "frame",
    short: Short = "loop",
) -> SkeletonSample:
    """The test samples of a clip, K = ``num_clips``, the same every time. Arguments as ``make_training_skeleton``."""
    persons = choose_persons(poses, num_persons)
    indices = compute_uniform(poses.num_frames, clip_len, num_clips, short)
    skeleton = get_skeleton(poses, persons)
    return _finish(poses, skeleton, persons, indices, num_persons, stream, centre, is_training=False)


def _finish(
    poses: Poses,
    skeleton: np.ndarray,
    persons: np.ndarray,
    indices: np.ndarray,
    num_persons: int,
    stream: Stream,
    centre: Centre,
    *,
    is_training: bool,
) -> SkeletonSample:
    """From the skeleton of all frames to the frames ``indices`` (K, T) of a stream."""
    skeleton = make_stream(normalise_skeleton(skeleton, poses.width, poses.height, centre), stream)
    array = skeleton[:, indices]  # (M, K, T, V, C)
    array[:, indices == NO_FRAME] = 0
    array = array.transpose(1, 4, 2, 3, 0)  # (K, C, T, V, M)
    num_padded = num_persons - len(persons)
    if num_padded:
        array = np.pad(array, [(0, 0)] * 4 + [(0, num_padded)])
    is_blank = (poses.status[persons] == MISSING).all(axis=0)  # (T of the clip,)
    return SkeletonSample(
        np.ascontiguousarray(array[0] if is_training else array),
        is_short=poses.num_frames < indices.shape[1],
        num_blank=int(is_blank[indices[indices != NO_FRAME]].sum()),
        num_left_out=len(poses.status) - len(persons),
        num_padded=num_padded,
    )


def choose_persons(poses: Poses, num_persons: int) -> np.ndarray:
    """The persons with the largest sums of scores over the clip, the largest first; ties in the order of the file.

    Returns:
        int64, ``min(M, num_persons)`` places in ``poses``.
    """
    return np.argsort(-poses.scores.sum(axis=(1, 2), dtype=np.float64), kind="stable")[:num_persons]


def get_skeleton(poses: Poses, persons: np.ndarray) -> np.ndarray:
    """Places in pixels and the score of every joint; 0, 0, 0 where it was not seen.

    Returns:
        float32 (M, T, V, 3).
    """
    keypoints, scores = poses.keypoints[persons], poses.scores[persons]
    is_seen = (scores > 0) & (poses.status[persons] != MISSING)[..., None]  # (M, T, V)
    return np.where(is_seen[..., None], np.concatenate([keypoints, scores[..., None]], axis=-1), np.float32(0))


def turn_skeleton(skeleton: np.ndarray, width: int, height: int, scale: float, degrees: float) -> np.ndarray:
    """Scale and rotate (anticlockwise as seen) around the centre of the frame, (M, T, V, 3) in pixels."""
    angle = np.deg2rad(degrees)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    turned = (skeleton[..., :2] - centre) @ np.array([[cos, -sin], [sin, cos]]) + centre  # y points down
    turned = np.concatenate([turned, skeleton[..., 2:]], axis=-1)
    return np.where(skeleton[..., 2:] > 0, turned, 0).astype(np.float32)


def normalise_skeleton(skeleton: np.ndarray, width: int, height: int, centre: Centre = "frame") -> np.ndarray:
    """Pixels to numbers around 0; what was not seen stays 0.

    Args:
        skeleton: float32 (M, T, V, 3), all frames of a clip.
        width: of the frame in pixels.
        height: of the frame in pixels.
        centre: ``frame``: ``(x - w/2) / (w/2)`` and ``(y - h/2) / (h/2)``, as ST-GCN on 2-D poses is trained.
            That is the published rule, kept on purpose: where the centre of the first pixel is 0, as here, the middle
            of the picture is (w - 1) / 2, so that 0 lies half a pixel right of and below it, and a skeleton that
            ``mirror_skeleton`` mirrors lies one pixel from that of the mirrored picture.
            ``torso``: each person in each frame is moved so that the middle of the shoulders and hips that were seen
            (else of all joints) is 0, and divided by half the person's size in the clip (the median over its frames of
            the diagonal of the joints' bounds): where a camera that pans and zooms puts the gymnast does not count.

    Returns:
        float32 (M, T, V, 3).
    """
    is_seen = np.asarray(skeleton[..., 2:] > 0)  # (M, T, V, 1)
    if centre == "frame":
        half = np.array([width / 2, height / 2], dtype=np.float32)
        places = (skeleton[..., :2] - half) / half
    else:
        places = _centre_on_torso(skeleton[..., :2], is_seen)
    return np.where(is_seen, np.concatenate([places, skeleton[..., 2:]], axis=-1), np.float32(0))


def _centre_on_torso(places: np.ndarray, is_seen: np.ndarray) -> np.ndarray:
    is_torso = np.isin(np.arange(len(PARENTS)), TORSO)[:, None]
    of_torso = is_seen & is_torso  # (M, T, V, 1)
    counted = np.where(of_torso.any(axis=2, keepdims=True), of_torso, is_seen)
    number = np.maximum(counted.sum(axis=2, keepdims=True, dtype=np.float32), 1)
    middle = (places * counted).sum(axis=2, keepdims=True) / number  # (M, T, 1, 2)
    return (places - middle) / np.maximum(_measure_persons(places, is_seen)[:, None, None, None] / 2, 0.5)


def _measure_persons(places: np.ndarray, is_seen: np.ndarray) -> np.ndarray:
    """The median diagonal of each person's bounds in pixels, float32 (M,); 0 for who is never seen."""
    sizes = np.zeros(len(places), dtype=np.float32)
    for m, there in enumerate(np.asarray(is_seen.any(axis=(2, 3)))):
        if there.any():
            seen = is_seen[m, there]
            low = np.where(seen, places[m, there], np.inf).min(axis=1)
            high = np.where(seen, places[m, there], -np.inf).max(axis=1)
            sizes[m] = np.median(np.hypot(*(high - low).T))
    return sizes


def make_stream(skeleton: np.ndarray, stream: Stream) -> np.ndarray:
    """Joints, bones, or the motion of either.

    Args:
        skeleton: float32 (M, T, V, 3), normalised, all frames of a clip.
        stream: ``joint``: as it is. ``bone``: from each joint's ``PARENTS`` to the joint, of the nose 0. ``…-motion``:
            the next frame less this one; the last frame has none. Scores are the mean of the two that are compared.

    Returns:
        float32 (M, T, V, 3); 0 where one of the two was not seen.

    Source: Shi et al., CVPR 2019 (bones); Shi et al., TIP 2020, "multi-stream" (motions); scores as in pyskl.
    """
    if stream in ("bone", "bone-motion"):
        skeleton = _subtract(skeleton, skeleton[:, :, list(PARENTS)])
    if stream in ("joint-motion", "bone-motion"):
        motion = np.zeros_like(skeleton)
        motion[:, :-1] = _subtract(skeleton[:, 1:], skeleton[:, :-1])
        skeleton = motion
    return skeleton


def _subtract(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    both = (left[..., 2:] > 0) & (right[..., 2:] > 0)
    difference = np.concatenate([left[..., :2] - right[..., :2], (left[..., 2:] + right[..., 2:]) / 2], axis=-1)
    return np.where(both, difference, np.float32(0))


def mirror_skeleton(array: Array) -> Array:
    """A skeleton as a mirror shows it: x changes its sign, left and right joints change places.

    Args:
        array: NumPy or torch, (…, C, T, V, M), any stream, normalised.

    Returns:
        A new array of the same kind.
    """
    mirrored = array[..., list(MIRRORED), :]
    mirrored[..., 0, :, :, :] *= -1
    return mirrored
