"""COCO keypoint JSON: poses as pose estimators and annotation tools exchange them.

COCO knows images, not clips. Here ``images[].file_name`` says which frame of which clip an image is::

    A0xAXXysHUo_E_002184_002237_A_0035_0036/000012.jpg      frame 12 of the clip, counted from 0

and a person goes through the clip by ``track_id``. Beside COCO's own fields an annotation may carry ``score`` (of the
person), ``keypoint_scores`` (17 of them; ``keypoints`` then holds visibility flags) and ``interpolated``. The bare list
that ``pycocotools`` calls results is read too, together with a file of its images.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from finegym.errors import FeatureError, join_problems
from finegym.features.pose.poses import FOUND, INTERPOLATED, NUM_JOINTS, Poses
from finegym.features.pose.presence import find_boxes
from finegym.simulation.skeleton import COCO_JOINTS

_FILE_NAME = re.compile(r"(?P<clip>.+)/(?P<frame>\d+)\.\w+")


class CocoImage(NamedTuple):
    """Which frame of which clip an image is, and its size in pixels."""

    clip: str
    frame: int
    width: int
    height: int


@dataclass(frozen=True)
class CocoPoses:
    """Poses that were read. A ``PoseSource``.

    Attributes:
        path: of the file.
        clips: poses by clip, in the order in which images name them.
        counts: what was noticed, each with its number.
    """

    path: Path
    clips: Mapping[str, Poses]
    counts: Mapping[str, int]

    @property
    def instance_ids(self) -> tuple[str, ...]:
        """All clips in the order of the file."""
        return tuple(self.clips)

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        return {id_: f"not in {self.path}" for id_ in instance_ids if id_ not in self.clips}

    def count_frames(self, instance_id: str) -> int:
        return self.clips[instance_id].num_frames

    def read(self, instance_id: str) -> Poses:
        return self.clips[instance_id]


def read_coco_poses(path: Path, *, images: Path | None = None, first_frame: int = 0) -> CocoPoses:
    """Read poses from COCO keypoint JSON.

    The third number of a keypoint is its score where any in the file is a fraction, else COCO's visibility (0 not
    labelled, 1 or 2 labelled: score 1); ``keypoint_scores`` goes first. Persons without ``track_id`` are put in the
    order of their scores in each frame, and counted.

    Args:
        path: ``{"images": …, "annotations": …}``, or a list of results.
        images: a file with ``images``, for results, which have none.
        first_frame: the number in the name of a clip's first frame; many tools count from 1.

    Raises:
        FeatureError: it is no such file; annotations or images do not fit; the first of all problems are listed.
    """
    content = _read_json(Path(path))
    annotations = content if isinstance(content, list) else _get_list(content, "annotations", Path(path))
    source = Path(path) if images is None else Path(images)
    if isinstance(content, list) and images is None:
        raise FeatureError(
            f"{path}: is a list of results, which does not say what its images are. Give the file that does (--images)."
        )
    holder = content if images is None else _read_json(source)
    problems: list[str] = []
    image_by_id = _read_images(_get_list(holder, "images", source), source, first_frame, problems)
    problems += _find_skeleton_problems(holder)
    problems += [f"annotation {n}: {p}" for n, a in enumerate(annotations) for p in _find_problems(a, image_by_id)]
    if problems:
        raise FeatureError(f"{path}: {len(problems)} problems: {join_problems(problems, limit=10)}.")
    counts: Counter[str] = Counter()
    clips = _collect(annotations, image_by_id, counts, str(path))
    return CocoPoses(Path(path), clips, {what: number for what, number in counts.items() if number})


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise FeatureError(f"{path}: cannot be read: {error.strerror}. Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise FeatureError(f"{path}: expected COCO keypoints as JSON, but: {error}.") from error


def _get_list(content: Any, key: str, path: Path) -> list[Any]:
    if not isinstance(content, dict) or not isinstance(content.get(key), list):
        got = f"keys {', '.join(content)[:80]}" if isinstance(content, dict) else type(content).__name__
        raise FeatureError(f"{path}: expected a JSON object with a list of {key}, got {got}.")
    found: list[Any] = content[key]
    return found


def _read_images(images: list[Any], path: Path, first_frame: int, problems: list[str]) -> dict[Any, CocoImage]:
    found: dict[Any, CocoImage] = {}
    sizes: dict[str, tuple[int, int]] = {}
    places: set[tuple[str, int]] = set()
    for number, image in enumerate(images):
        where = f"{path.name}: image {number}"
        match = _FILE_NAME.fullmatch(str(image.get("file_name"))) if isinstance(image, dict) else None
        if match is None:
            problems.append(f"{where}: expected file_name <clip id>/<frame number>.jpg, got {str(image)[:60]}")
            continue
        id_, width, height = image.get("id"), image.get("width"), image.get("height")
        clip, frame = match["clip"], int(match["frame"]) - first_frame
        if not isinstance(id_, (int, str)) or id_ in found:
            problems.append(f"{where}: expected an id of its own, got {str(id_)[:40]!r}")
        elif not all(isinstance(v, int) and v > 0 for v in (width, height)):
            problems.append(f"{where}: expected width and height in pixels, got {width!r} and {height!r}")
        elif sizes.setdefault(clip, (width, height)) != (width, height):
            problems.append(f"{where}: is {width}x{height}, others of its clip {sizes[clip][0]}x{sizes[clip][1]}")
        elif frame < 0 or (clip, frame) in places:
            problems.append(f"{where}: {image['file_name']} is frame {frame} of its clip, which is no frame or twice")
        else:
            places.add((clip, frame))
            found[id_] = CocoImage(clip, frame, width, height)
    problems += _find_absurd_frames(found, path)
    return found


def _find_absurd_frames(images: Mapping[Any, CocoImage], path: Path) -> list[str]:
    """Clips whose frame numbers run far past the images there are: arrays as long as these would be mostly empty."""
    counts = Counter(image.clip for image in images.values())
    last: dict[str, int] = defaultdict(int)
    for image in images.values():
        last[image.clip] = max(last[image.clip], image.frame)
    return [
        f"{path.name}: {clip} has {counts[clip]} images, but their numbers run to {frame}; frames count in the clip"
        for clip, frame in last.items()
        if frame + 1 > 100 * counts[clip]
    ]


def _find_skeleton_problems(content: Any) -> Iterator[str]:
    categories = content.get("categories") if isinstance(content, dict) else None
    for category in categories if isinstance(categories, list) else []:
        joints = category.get("keypoints") if isinstance(category, dict) else None
        if joints is not None and tuple(joints) != COCO_JOINTS:
            yield f"categories: expected COCO's {NUM_JOINTS} keypoints in COCO's order, got {str(joints)[:60]}"


def _find_problems(annotation: Any, images: Mapping[Any, CocoImage]) -> Iterator[str]:
    if not isinstance(annotation, dict):
        yield f"expected an object, got {type(annotation).__name__}"
        return
    image_id = annotation.get("image_id")
    if not isinstance(image_id, (int, str)) or image_id not in images:
        yield f"image_id {str(image_id)[:60]!r} is none of the images"
    if "keypoints" in annotation and not _is_numbers(annotation["keypoints"], 3 * NUM_JOINTS):
        yield f"keypoints: expected {NUM_JOINTS} times x, y, v, got {str(annotation['keypoints'])[:40]}"
    if "keypoint_scores" in annotation and not _is_numbers(annotation["keypoint_scores"], NUM_JOINTS):
        yield f"keypoint_scores: expected {NUM_JOINTS} numbers, got {str(annotation['keypoint_scores'])[:40]}"
    if annotation.get("bbox") is not None and not _is_numbers(annotation["bbox"], 4):
        yield f"bbox: expected x, y, width, height, got {str(annotation['bbox'])[:40]}"
    if not isinstance(annotation.get("track_id"), (int, str, type(None))):
        yield f"track_id: expected a number or a name, got {str(annotation['track_id'])[:40]}"
    if annotation.get("score") is not None and not _is_numbers([annotation["score"]], 1):
        yield f"score: expected a number, got {str(annotation['score'])[:40]}"


def _is_numbers(values: Any, count: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v) for v in values)
    )


def _collect(
    annotations: list[Any], images: Mapping[Any, CocoImage], counts: Counter[str], where: str
) -> dict[str, Poses]:
    lengths: dict[str, int] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for image in images.values():
        lengths[image.clip] = max(lengths.get(image.clip, 0), image.frame + 1)
        sizes[image.clip] = image.width, image.height
    counts["frames without an image"] = sum(lengths.values()) - len(images)
    posed = [a for a in annotations if any(a.get("keypoints", ())[2::3])]
    counts["annotations without keypoints, not read"] = len(annotations) - len(posed)
    has_scores = any(value % 1 for a in posed for value in a["keypoints"][2::3])
    seats, persons = _seat_persons(posed, images, counts, where)
    clips = {}
    for clip, num_frames in lengths.items():
        M = max(1, persons[clip])
        arrays = (
            np.zeros((M, num_frames, NUM_JOINTS, 2), np.float32),
            np.zeros((M, num_frames, NUM_JOINTS), np.float32),
            np.zeros((M, num_frames, 4), np.float32),
            np.zeros((M, num_frames), np.uint8),
        )
        clips[clip] = Poses(*arrays, *sizes[clip])
    for annotation, seat in zip(posed, seats, strict=True):
        image = images[annotation["image_id"]]
        _write_pose(clips[image.clip], seat, image.frame, annotation, has_scores)
    counts["frames without a pose"] = sum(int((~(p.status > 0).any(axis=0)).sum()) for p in clips.values())
    return clips


def _seat_persons(
    annotations: list[Any], images: Mapping[Any, CocoImage], counts: Counter[str], where: str
) -> tuple[list[int], dict[str, int]]:
    """Which of the clip's persons each annotation is, and how many persons each clip has."""
    names: dict[str, dict[Any, None]] = defaultdict(dict)
    for annotation in annotations:
        if (track := annotation.get("track_id")) is not None:
            names[images[annotation["image_id"]].clip][track] = None
    tracks = defaultdict[str, dict[Any, int]](dict, {clip: _number(list(of_clip)) for clip, of_clip in names.items()})
    persons = defaultdict(int, {clip: len(of_clip) for clip, of_clip in tracks.items()})
    seats = [-1] * len(annotations)
    taken: Counter[tuple[str, int]] = Counter()
    occupied: set[tuple[str, int, int]] = set()
    for place in sorted(range(len(annotations)), key=lambda n: -(annotations[n].get("score") or 0)):
        annotation = annotations[place]
        image = images[annotation["image_id"]]
        if (track := annotation.get("track_id")) is not None:
            seat = tracks[image.clip][track]
        else:
            seat = len(tracks[image.clip]) + taken[image.clip, image.frame]
            taken[image.clip, image.frame] += 1
            counts["persons without track_id, put in the order of their scores"] += 1
        if (image.clip, image.frame, seat) in occupied:
            raise FeatureError(f"{where}: track_id {track} is twice in frame {image.frame} of {image.clip}.")
        occupied.add((image.clip, image.frame, seat))
        seats[place] = seat
        persons[image.clip] = max(persons[image.clip], seat + 1)
    return seats, persons


def _number(tracks: list[Any]) -> dict[Any, int]:
    """Numbered tracks by number, named ones in the order of the file."""
    is_numbered = all(isinstance(track, int) for track in tracks)
    return {track: seat for seat, track in enumerate(sorted(tracks) if is_numbered else tracks)}


def _write_pose(poses: Poses, seat: int, frame: int, annotation: Mapping[str, Any], has_scores: bool) -> None:
    joints = np.array(annotation["keypoints"], np.float32).reshape(NUM_JOINTS, 3)
    scores = joints[:, 2] if has_scores else (joints[:, 2] > 0).astype(np.float32)
    scores = np.array(annotation.get("keypoint_scores", scores), np.float32)
    poses.keypoints[seat, frame], poses.scores[seat, frame] = joints[:, :2], scores
    if annotation.get("bbox") is not None:
        x, y, width, height = annotation["bbox"]
        poses.boxes[seat, frame] = x, y, x + width, y + height
    else:
        poses.boxes[seat, frame] = find_boxes(joints[None, None, :, :2], scores[None, None])[0, 0]
    poses.status[seat, frame] = INTERPOLATED if annotation.get("interpolated") is True else FOUND
