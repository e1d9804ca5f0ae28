"""Writing poses as COCO keypoint JSON, in the form that ``coco_json`` describes and reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from finegym.features.pose.poses import INTERPOLATED, Poses
from finegym.files import replace_file
from finegym.simulation.skeleton import COCO_JOINTS

PERSON = 1  # COCO's category


def write_coco_poses(path: Path, clips: Iterable[tuple[str, Poses]]) -> int:
    """Write poses as COCO keypoint JSON: an image a frame, an annotation a person in a frame.

    Places are rounded to 0.001 px, scores to 0.0001.

    Returns:
        The number of annotations.

    Raises:
        OutputError: the file cannot be written.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for instance_id, poses in clips:
        for frame in range(poses.num_frames):
            images.append(
                {
                    "id": len(images) + 1,
                    "file_name": f"{instance_id}/{frame:06d}.jpg",
                    "width": poses.width,
                    "height": poses.height,
                }
            )
            for person in np.flatnonzero(poses.status[:, frame]).tolist():
                annotations.append(_make_annotation(poses, person, frame, len(annotations) + 1, len(images)))
    category = {"id": PERSON, "name": "person", "keypoints": list(COCO_JOINTS), "skeleton": []}
    content = {"images": images, "annotations": annotations, "categories": [category]}
    with replace_file(Path(path)) as temporary:
        temporary.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
    return len(annotations)


def _make_annotation(poses: Poses, person: int, frame: int, id_: int, image_id: int) -> dict[str, Any]:
    scores = poses.scores[person, frame]
    places = poses.keypoints[person, frame].astype(np.float64).round(3).tolist()
    keypoints = [
        number for (x, y), score in zip(places, scores, strict=True) for number in (x, y, 2 if score > 0 else 0)
    ]
    x0, y0, x1, y1 = poses.boxes[person, frame].astype(np.float64).round(3).tolist()
    made = {
        "id": id_,
        "image_id": image_id,
        "category_id": PERSON,
        "track_id": person,
        "keypoints": keypoints,
        "keypoint_scores": scores.astype(np.float64).round(4).tolist(),
        "num_keypoints": int((scores > 0).sum()),
        "bbox": [x0, y0, round(x1 - x0, 3), round(y1 - y0, 3)],
        "area": round((x1 - x0) * (y1 - y0), 3),
        "iscrowd": 0,
        "score": round(float(scores.mean()), 4),
    }
    return made | ({"interpolated": True} if poses.status[person, frame] == INTERPOLATED else {})
