"""BlazePose on LiteRT: the pose model that comes with finegym, small enough for every frame on a CPU.

A detector finds persons in the whole picture; the landmark model looks at one upright square around a person and gives
33 landmarks, of which 17 are COCO's, and two points that say where she will be in the next frame. How a region is
turned matters: the landmark model knows people who stand, and gymnasts are upside down half of the time.

Source: Bazarevsky et al. 2020, "BlazePose: On-device real-time body pose tracking"; Grishchenko et al. 2022, "BlazePose
GHUM Holistic" (the files' model cards). Ours: no smoothing over time, which belongs to whoever has the whole routine.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from finegym.features.pose.blazepose_detector import (
    CIRCLE,
    HIPS,
    INPUT_SIDE,
    NUM_ANCHORS,
    NUM_VALUES,
    compute_circle_roi,
    decode_detections,
    merge_detections,
)
from finegym.features.pose.litert import LiteRtModel
from finegym.features.pose.model import (
    Detections,
    Estimates,
    check_frame,
    check_rois,
    join_estimates,
    make_no_detections,
)
from finegym.features.pose.regions import crop_region, map_to_frame

CROP_SIDE = 256
NUM_LANDMARKS = 39  # 33 of the body, two of the circle, four of the hands
LANDMARK_HIPS, LANDMARK_CIRCLE = 33, 34
MARGIN = 1.25
HEATMAP_SIDE = 64
HEATMAP_KERNEL = 9
MIN_HEATMAP_PEAK = 0.5

COCO_LANDMARKS = np.array([0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28])
"""Which of the 33 landmarks are COCO's 17 joints, in COCO's order; the eyes' middles, not their corners."""


class BlazePose:
    """BlazePose, detector and landmark model.

    Args:
        detector: ``pose_detection.tflite``.
        landmarks: ``pose_landmark_full.tflite``, ``..._lite.tflite`` or ``..._heavy.tflite``.
        name: goes into the settings of a store.
        threads: of LiteRT; 1 is best where several processes work.

    Raises:
        FeatureError: when it is first used: a file is missing, damaged or another model.

    Example::

        model = open_pose_model("blazepose-full")
        persons = model.detect(frame)
        poses = model.estimate(frame, persons.rois)
        poses = model.estimate(next_frame, poses.rois)
    """

    can_detect = True

    def __init__(self, detector: Path, landmarks: Path, *, name: str = "blazepose-full", threads: int = 1) -> None:
        self.name = name
        side = INPUT_SIDE
        self._detector = LiteRtModel(
            detector, (1, side, side, 3), ((1, NUM_ANCHORS, NUM_VALUES), (1, NUM_ANCHORS, 1)), threads
        )
        self._landmarks = LiteRtModel(
            landmarks,
            (1, CROP_SIDE, CROP_SIDE, 3),
            ((1, NUM_LANDMARKS * 5), (1, 1), (1, HEATMAP_SIDE, HEATMAP_SIDE, NUM_LANDMARKS)),
            threads,
        )

    def detect(self, frame: np.ndarray, *, min_score: float = 0.5) -> Detections:
        """Persons in a frame; their boxes are the upright squares around their circles.

        Small persons are missed in a whole frame; show a part of it, as ``follow`` does.

        Raises:
            FeatureError: the frame is not uint8 (H, W, 3), or a file is not usable.
        """
        check_frame(frame)
        height, width = frame.shape[:2]
        side = max(height, width)
        whole = np.array([(width - 1) / 2, (height - 1) / 2, side, side, 0.0])
        image = crop_region(frame, whole, (INPUT_SIDE, INPUT_SIDE)).astype(np.float32)
        raw, logits = self._detector.run(image[None] / 127.5 - 1)
        values, scores = merge_detections(*decode_detections(raw[0], logits[0, :, 0], min_score))
        if not len(scores):
            return make_no_detections()
        points = values[:, 4:].reshape(-1, 4, 2) * INPUT_SIDE - 0.5
        points = map_to_frame(points, whole, (INPUT_SIDE, INPUT_SIDE))
        rois = np.array([compute_circle_roi(person[HIPS], person[CIRCLE], MARGIN) for person in points])
        radius = rois[:, 2:4] / MARGIN / 2
        boxes = np.column_stack([rois[:, :2] - radius + 0.5, rois[:, :2] + radius + 0.5])
        return Detections(boxes.astype(np.float32), scores.astype(np.float32), rois.astype(np.float32))

    def estimate(self, frame: np.ndarray, rois: np.ndarray) -> Estimates:
        """The pose in every region; a joint's score is the model's visibility.

        Regions are looked at as squares of their longer side.

        Raises:
            FeatureError: the frame is not uint8 (H, W, 3), a region is no region, or a file is not usable.
        """
        parts = []
        for roi in check_rois(rois):
            points, visibility, presence = self.estimate_landmarks(frame, roi)
            next_roi = compute_circle_roi(points[LANDMARK_HIPS], points[LANDMARK_CIRCLE], MARGIN)
            parts.append((points[COCO_LANDMARKS], visibility[COCO_LANDMARKS], presence, next_roi))
        return join_estimates(parts)

    def estimate_landmarks(self, frame: np.ndarray, roi: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """All that the landmark model says of one region.

        Returns:
            float64 (39, 2), 33 landmarks of the body, two of the circle and four of the hands, in pixels of the frame;
            their visibility, float64 (39,) in [0, 1]; and whether anybody is there, in [0, 1].
        """
        check_frame(frame)
        side = max(roi[2], roi[3])
        square = np.array([roi[0], roi[1], side, side, roi[4]])
        crop = crop_region(frame, square, (CROP_SIDE, CROP_SIDE)).astype(np.float32)
        values, presence, heatmaps = self._landmarks.run(crop[None] / 255)
        landmarks = values.reshape(NUM_LANDMARKS, 5).astype(np.float64)
        points = refine_landmarks(landmarks[:, :2] / CROP_SIDE, heatmaps[0]) * CROP_SIDE - 0.5
        visibility = 1 / (1 + np.exp(-landmarks[:, 3]))
        return map_to_frame(points, square, (CROP_SIDE, CROP_SIDE)), visibility, float(presence[0, 0])


def refine_landmarks(points: np.ndarray, heatmaps: np.ndarray) -> np.ndarray:
    """Move landmarks to the weighted mean of their heatmap around them, where it is sure of itself.

    Args:
        points: float64 (K, 2), x and y in [0, 1] of the crop.
        heatmaps: float32 (h, w, K), logits.

    Returns:
        float64 (K, 2); a landmark whose window of 9 x 9 cells nowhere reaches 0.5, or outside the crop, stays.
    """
    height, width, K = heatmaps.shape
    reach = HEATMAP_KERNEL // 2
    middle = np.floor(points * [width, height]).astype(np.int64)
    columns, rows = (middle[:, axis, None] + np.arange(-reach, reach + 1) for axis in (0, 1))  # (K, 9)
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None]
    at = np.clip(rows, 0, height - 1)[:, :, None], np.clip(columns, 0, width - 1)[:, None]
    logits = heatmaps[at[0], at[1], np.arange(K)[:, None, None]].astype(np.float64)
    weights = np.where(inside, 1 / (1 + np.exp(-logits)), 0)  # (K, 9, 9)
    is_in_crop = ((middle >= 0) & (middle < [width, height])).all(axis=1)
    is_sure = is_in_crop & (weights.max(axis=(1, 2)) >= MIN_HEATMAP_PEAK)
    total = np.where(is_sure, weights.sum(axis=(1, 2)), 1)
    x = (weights.sum(axis=1) * columns).sum(axis=1) / total / width
    y = (weights.sum(axis=2) * rows).sum(axis=1) / total / height
    return np.where(is_sure[:, None], np.column_stack([x, y]), points)
