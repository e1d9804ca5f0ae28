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
    # A million annotations as objects would take gigabytes: each is written when it is made, the images after them.
    images: list[str] = []
    num_annotations = 0
    with replace_file(Path(path)) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('{"annotations":[')
        for instance_id, poses in clips:
            for frame in range(poses.num_frames):
                images.append(_format(_make_image(instance_id, poses, frame, len(images) + 1)))
                for person in np.flatnonzero(poses.status[:, frame]).tolist():
                    file.write(",\n" if num_annotations else "\n")
                    num_annotations += 1
                    file.write(_format(_make_annotation(poses, person, frame, num_annotations, len(images))))
        file.write('\n],\n"images":[\n' + ",\n".join(images) + '\n],\n"categories":')
        file.write(_format([{"id": PERSON, "name": "person", "keypoints": list(COCO_JOINTS), "skeleton": []}]) + "}\n")
    return num_annotations


def _format(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _make_image(instance_id: str, poses: Poses, frame: int, id_: int) -> dict[str, Any]:
    return {
        "id": id_,
        "file_name": f"{instance_id}/{frame:06d}.jpg",
        "width": poses.width,
        "height": poses.height,
    }


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
