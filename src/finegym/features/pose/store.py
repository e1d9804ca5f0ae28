"""Poses of clips on disk: a safetensors file a clip, float32 as they were estimated.

Keypoints are kept exactly. A clip of 40 frames and one person is 9 KB, so that rounding to float16 (half a pixel at
1000 px) would spare little: all 35,000 clips of Gym99 are 0.3 GB.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from finegym.errors import FeatureError
from finegym.features.pose.poses import NUM_JOINTS, Poses
from finegym.features.store import FeatureStore, check_kind

FACTS_KEY = "finegym"
ARRAYS = {"keypoints": "float32", "scores": "float32", "boxes": "float32", "status": "uint8", "size": "int32"}


def encode_poses(poses: Poses, facts_json: str) -> bytes:
    """The poses of a clip as a safetensors file.

    Args:
        poses: of every frame of the clip.
        facts_json: what is known of the clip; kept in the file's metadata under ``finegym``.

    Returns:
        The file: ``keypoints`` (M, T, V, 2), ``scores`` (M, T, V), ``boxes`` (M, T, 4) in float32, ``status`` (M, T) in
        uint8, and ``size``, int32, width and height of the frame.
    """
    arrays = {
        "keypoints": poses.keypoints,
        "scores": poses.scores,
        "boxes": poses.boxes,
        "status": poses.status,
        "size": np.array([poses.width, poses.height]),
    }
    return save(
        {name: np.ascontiguousarray(array, dtype=ARRAYS[name]) for name, array in arrays.items()},
        metadata={FACTS_KEY: facts_json},
    )


def decode_poses(data: bytes, where: str) -> Poses:
    """The poses in a file that ``encode_poses`` made.

    Args:
        data: the file.
        where: for messages.

    Raises:
        FeatureError: it is damaged, or holds something else.
    """
    try:
        arrays = load(data)
    except SafetensorError as error:
        raise FeatureError(f"{where}: expected poses as safetensors, but: {error}. Make the poses again.") from error
    problem = _find_problem(arrays)
    if problem:
        raise FeatureError(f"{where}: {problem}. Make the poses again.")
    width, height = arrays.pop("size").tolist()
    return Poses(**arrays, width=width, height=height)


def _find_problem(arrays: dict[str, np.ndarray]) -> str | None:
    if arrays.keys() != ARRAYS.keys():
        return f"expected the arrays {', '.join(ARRAYS)}, got {', '.join(sorted(arrays))}"
    M, T = arrays["status"].shape if arrays["status"].ndim == 2 else (-1, -1)
    shapes = ((M, T, NUM_JOINTS, 2), (M, T, NUM_JOINTS), (M, T, 4), (M, T), (2,))
    for (name, dtype), shape in zip(ARRAYS.items(), shapes, strict=True):
        if arrays[name].dtype != dtype or arrays[name].shape != shape:
            return f"expected {name} of {dtype} {shape}, got {arrays[name].dtype} {arrays[name].shape}"
    return None


class PoseStore(FeatureStore):
    """A finished store of poses.

    Args:
        location: a folder, or a URL that fsspec knows.

    Raises:
        FeatureError: there is no finished store, it is damaged, or holds something else.

    Example::

        store = PoseStore("competition/features/pose-blazepose")
        poses = store.read("A0xAXXysHUo_E_002184_002237_A_0035_0036")  # keypoints float32 (M, T, 17, 2)
    """

    def __init__(self, location: str | Path) -> None:
        super().__init__(location)
        check_kind(self.settings, "pose", location)

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        """Clips that are not in the store, each with the reason in words."""
        return {id_: f"not in the pose store {self}" for id_ in instance_ids if id_ not in self}

    def read(self, instance_id: str) -> Poses:
        """The poses of a clip.

        Raises:
            FeatureError: it is not in the store, or its file is damaged.
        """
        return decode_poses(self.read_bytes(instance_id), f"{self}: {instance_id}")
