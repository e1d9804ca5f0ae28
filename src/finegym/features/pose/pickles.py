"""Pose pickles: the layout in which skeletons of FineGym and most other action datasets are published.

::

    {"split": {"train": [frame_dir, ...], "val": [...]},
     "annotations": [{"frame_dir": "A0xAXXysHUo_E_002184_002237_A_0035_0036", "label": 17, "total_frames": 31,
                      "img_shape": (720, 1280), "original_shape": (720, 1280),
                      "keypoint": float16 (M, T, V, 2), "keypoint_score": float16 (M, T, V)}, ...]}

An older form is the list of annotations alone, one file a side. ``frame_dir`` of FineGym's files is the instance id.
Source: pyskl, tools/data/README.md; mmaction2, tools/data/skeleton (``gym_hrnet.pkl``, ``gym_2d.pkl``).
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from finegym.errors import FeatureError, join_problems
from finegym.features.pose.poses import NUM_JOINTS, Poses
from finegym.features.pose.presence import make_poses
from finegym.features.pose.safe_pickle import ArrayStandIn, read_arrays
from finegym.files import replace_file

BadJoints = Literal["error", "missing"]
KNOWN_KEYS = frozenset(
    {"frame_dir", "label", "total_frames", "img_shape", "original_shape", "keypoint", "keypoint_score"}
)
MAX_CLASSES = 2**16
# How an array of another tool's skeleton is told apart.
OTHER_SKELETONS = {25: "NTU RGB+D's 25 joints", 18: "OpenPose's 18 joints", 133: "COCO-WholeBody's 133 joints"}


@dataclass(frozen=True, eq=False)
class PickledClip:
    """One annotation, its arrays as the file has them.

    Attributes:
        label: class index.
        keypoint: float16, float32 or float64 (M, T, V, 2), pixels.
        score: the same type (M, T, V).
        width: of the frame in pixels.
        height: of the frame in pixels.
    """

    label: int
    keypoint: np.ndarray
    score: np.ndarray
    width: int
    height: int


@dataclass(frozen=True)
class PosePickle:
    """A pose pickle that was read and checked. A ``PoseSource``: give it to a dataset as it is.

    Attributes:
        path: of the file.
        clips: by ``frame_dir``, in the order of the file.
        split: ids by the name of their list; empty for the older form.
        oddities: what was noticed and changes no pose, each with its number.
    """

    path: Path
    clips: Mapping[str, PickledClip]
    split: Mapping[str, tuple[str, ...]]
    oddities: Mapping[str, int]

    @property
    def instance_ids(self) -> tuple[str, ...]:
        """All clips in the order of the file."""
        return tuple(self.clips)

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        return {id_: f"not in {self.path}" for id_ in instance_ids if id_ not in self.clips}

    def count_frames(self, instance_id: str) -> int:
        return int(self.clips[instance_id].keypoint.shape[1])

    def read(self, instance_id: str) -> Poses:
        clip = self.clips[instance_id]
        return make_poses(clip.keypoint, clip.score, clip.width, clip.height)


def read_pose_pickle(path: Path, *, bad_joints: BadJoints = "error") -> PosePickle:
    """Read a pose pickle of COCO-17 poses in 2-D; whatever else is in it is refused, and no code is run.

    Args:
        path: the file.
        bad_joints: what to do with places that are no numbers (NaN, infinite): refuse the file, or take these joints
            for not seen (0, score 0) and count them.

    Raises:
        FeatureError: it asks for code (named), is damaged, or annotations are not as above; all of them are listed.
    """
    content = read_arrays(Path(path))
    annotations, split = _find_parts(content, Path(path))
    clips: dict[str, PickledClip] = {}
    problems: list[str] = []
    oddities: Counter[str] = Counter()
    for number, annotation in enumerate(annotations):
        frame_dir, found = _describe_place(annotation, number), list(_find_problems(annotation))
        if frame_dir in clips:
            found.append("this frame_dir is there already")
        if not found:
            clip = _make_clip(annotation)
            broken = _count_broken(clip)
            if broken and bad_joints == "error":
                found.append(f"{broken} joints have a place or score that is no number (NaN or infinite)")
            clips[frame_dir] = _drop_broken(clip) if broken else clip
            oddities["joints whose place is no number, taken for not seen"] += broken
            _count_oddities(clips[frame_dir], annotation, oddities)
        problems += [f"{frame_dir}: {problem}" for problem in found]
    if problems:
        raise FeatureError(
            f"{path}: {len(problems)} problems in {len(annotations)} annotations: {join_problems(problems, limit=10)}."
        )
    _count_split(clips, split, oddities)
    return PosePickle(Path(path), clips, split, {what: number for what, number in oddities.items() if number})


def _find_parts(content: Any, path: Path) -> tuple[list[Any], dict[str, tuple[str, ...]]]:
    expected = "expected {'split': …, 'annotations': […]} or a list of annotations"
    split: Any = {}
    if isinstance(content, dict):
        if not isinstance(content.get("annotations"), list):
            raise FeatureError(
                f"{path}: {expected}, got a dict of {', '.join(map(_describe, list(content)[:5])) or 'nothing'}."
            )
        content, split = content["annotations"], content.get("split") or {}
    if not isinstance(content, list):
        raise FeatureError(f"{path}: {expected}, got {type(content).__name__}.")
    if not content:
        raise FeatureError(f"{path}: holds no annotation.")
    if not isinstance(split, dict) or not all(
        isinstance(name, str) and isinstance(ids, (list, tuple, set)) and all(isinstance(id_, str) for id_ in ids)
        for name, ids in split.items()
    ):
        raise FeatureError(f"{path}: expected lists of frame_dirs by name under 'split', got something else.")
    return content, {name: tuple(sorted(ids) if isinstance(ids, set) else ids) for name, ids in split.items()}


def _describe_place(annotation: Any, number: int) -> str:
    frame_dir = annotation.get("frame_dir") if isinstance(annotation, dict) else None
    return frame_dir if isinstance(frame_dir, str) and frame_dir else f"annotation {number}"


def _find_problems(annotation: Any) -> Iterator[str]:
    """What keeps an annotation from being poses of a labelled clip."""
    if not isinstance(annotation, dict):
        yield f"expected a dict, got {type(annotation).__name__}"
        return
    name = annotation.get("frame_dir")
    if not isinstance(name, str) or not name or not _is_utf8(name):
        yield f"frame_dir: expected the clip's id, got {_describe(name)}"
    label, size = _get_number(annotation.get("label")), annotation.get("img_shape", annotation.get("original_shape"))
    if label is None or not 0 <= label < MAX_CLASSES:
        yield f"label: expected a class index, got {_describe(annotation.get('label'))}"
    numbers = [_get_number(value) for value in size] if isinstance(size, (list, tuple)) else []
    if len(numbers) < 2 or any(value is None or value <= 0 for value in numbers[:2]):
        yield f"img_shape: expected (height, width) in pixels, got {_describe(size)}"
    yield from _find_array_problems(_get_array(annotation, "keypoint"), _get_array(annotation, "keypoint_score"))


def _find_array_problems(keypoint: np.ndarray | None, score: np.ndarray | None) -> Iterator[str]:
    if keypoint is None or keypoint.ndim != 4 or keypoint.dtype.kind != "f":
        yield f"keypoint: expected floats (M, T, {NUM_JOINTS}, 2), got {_describe_array(keypoint)}"
        return
    M, T, V, C = keypoint.shape
    if V != NUM_JOINTS:
        yield f"keypoint: expected COCO's {NUM_JOINTS} joints, got {OTHER_SKELETONS.get(V, f'{V} joints')}"
    elif C != 2:
        yield f"keypoint: expected x and y in pixels, got {C} coordinates" + (" (a 3-D skeleton)" if C == 3 else "")
    if M == 0 or T == 0:
        yield f"keypoint: {M} persons in {T} frames; expected at least one of each"
    if score is None or score.dtype.kind != "f" or score.shape != (M, T, V):
        yield f"keypoint_score: expected floats ({M}, {T}, {V}) as keypoint has, got {_describe_array(score)}"


def _get_array(annotation: Mapping[str, Any], key: str) -> np.ndarray | None:
    value = annotation.get(key)
    return value.array if isinstance(value, ArrayStandIn) else None


def _get_number(value: Any) -> int | None:
    array = value.array if isinstance(value, ArrayStandIn) else None
    if array is not None and array.size == 1 and array.dtype.kind in "iu":
        return int(array.reshape(())[()])
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_utf8(text: str) -> bool:
    """Whether text can be written into a file: half a surrogate pair cannot."""
    return all(not 0xD800 <= ord(sign) < 0xE000 for sign in text)


def _describe(value: Any) -> str:
    """A value in a message: nested lists that share their parts would be endless text."""
    if isinstance(value, (list, tuple)) and all(isinstance(part, int) for part in value[:4]):
        return repr(value[:4])
    return repr(value)[:40] if isinstance(value, (str, int, float, type(None))) else type(value).__name__


def _describe_array(array: np.ndarray | None) -> str:
    return "nothing" if array is None else f"{array.dtype} {array.shape}"


def _make_clip(annotation: Mapping[str, Any]) -> PickledClip:
    keypoint, score = _get_array(annotation, "keypoint"), _get_array(annotation, "keypoint_score")
    label = _get_number(annotation["label"])
    height, width = map(_get_number, annotation.get("img_shape", annotation.get("original_shape"))[:2])
    assert keypoint is not None and score is not None and label is not None and width and height, "checked before"
    return PickledClip(label, keypoint, score, width, height)


def _count_oddities(clip: PickledClip, annotation: Mapping[str, Any], oddities: Counter[str]) -> None:
    T, score = clip.keypoint.shape[1], clip.score
    oddities["clips whose total_frames differs from their arrays, which count"] += (
        _get_number(annotation.get("total_frames")) != T
    )
    persons = np.asarray((score > 0).any(axis=-1))  # (M, T)
    oddities["persons never seen in their clip"] += int((~persons.any(axis=1)).sum())
    oddities["clips without any pose"] += not persons.any()
    oddities["frames without any pose"] += int((~persons.any(axis=0)).sum())
    oddities["scores above 1, kept"] += int((score > 1).sum())
    for key in annotation.keys() - KNOWN_KEYS:
        oddities[f"annotations with {_describe(key)}, which is not read"] += 1


def _count_broken(clip: PickledClip) -> int:
    return int((~(np.isfinite(clip.keypoint).all(axis=-1) & np.isfinite(clip.score))).sum())


def _drop_broken(clip: PickledClip) -> PickledClip:
    sound = np.isfinite(clip.keypoint).all(axis=-1) & np.isfinite(clip.score)
    keypoint, score = np.where(sound[..., None], clip.keypoint, 0), np.where(sound, clip.score, 0)
    return PickledClip(clip.label, keypoint, score, clip.width, clip.height)


def _count_split(clips: Mapping[str, PickledClip], split: Mapping[str, Sequence[str]], oddities: Counter[str]) -> None:
    listed = {id_ for ids in split.values() for id_ in ids}
    oddities["ids of the split without an annotation"] += len(listed - clips.keys())
    if split:
        oddities["annotations that are in no list of the split"] += len(clips.keys() - listed)


def write_pose_pickle(
    path: Path,
    clips: Iterable[tuple[str, Poses]],
    labels: Mapping[str, int],
    split: Mapping[str, Sequence[str]],
    *,
    half: bool = False,
) -> None:
    """Write poses as pyskl and mmaction2 read them. Interpolated poses are like any other in such a file.

    Args:
        path: the file; written whole or not at all, pickle protocol 4.
        clips: ids and poses.
        labels: class index of every clip.
        split: ids by the name of their list.
        half: float16 as published files have it (half a pixel beyond 512 px), rather than float32.

    Raises:
        FeatureError: a clip has no label.
        OutputError: the file cannot be written.
    """
    dtype = np.float16 if half else np.float32
    annotations: list[dict[str, Any]] = []
    for instance_id, poses in clips:
        if instance_id not in labels:
            raise FeatureError(f"{path}: clip {instance_id} has no label. Leave it out, or give the split it is in.")
        annotations.append(
            {
                "frame_dir": instance_id,
                "label": int(labels[instance_id]),
                "img_shape": (poses.height, poses.width),
                "original_shape": (poses.height, poses.width),
                "total_frames": poses.num_frames,
                "keypoint": np.ascontiguousarray(poses.keypoints, dtype),
                "keypoint_score": np.ascontiguousarray(poses.scores, dtype),
            }
        )
    content = {"split": {name: list(ids) for name, ids in split.items()}, "annotations": annotations}
    with replace_file(Path(path)) as temporary, temporary.open("wb") as file:
        pickle.dump(content, file, protocol=4)
