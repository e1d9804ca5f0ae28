"""Any top-down pose network as an ONNX file: what it takes and gives is read off the file, not configured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finegym.errors import ConfigError, FeatureError
from finegym.features.pose.model import Detections, Estimates, PoseModel, check_frame, check_rois, join_estimates
from finegym.features.pose.onnx_heads import Head, decode_heatmaps, decode_keypoints, decode_simcc, find_head
from finegym.features.pose.regions import compute_trunk_angle, crop_region, make_roi_from_keypoints, map_to_frame

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
MIN_SCORE = 0.3  # of a joint that has a say in where to look next
TRUNK = [5, 6, 11, 12]


@dataclass(frozen=True)
class _Opened:
    process: int
    session: Any
    input_name: str
    dtype: type
    channels_last: bool
    size: tuple[int, int]  # width, height
    head: Head
    outputs: tuple[int, ...]


# Sessions that a fork has copied: their threads are not in this process, so that freeing one could wait for ever.
_left_by_parents: list[_Opened] = []


class OnnxPose:
    """A top-down pose network on ONNX Runtime (extra ``onnx``).

    Its one input is (N, 3, H, W) or (N, H, W, 3), float32 or float16, of a fixed H and W. Its outputs are SimCC (two of
    (N, K, bins)), heatmaps (N, K, h, w), or keypoints (N, K, 3) in pixels of the input, with K = 17 joints of COCO, or
    26 or 133, of which the first 17 are COCO's. Regions are widened to the input's aspect ratio, never squeezed.

    Args:
        path: the ``.onnx`` file.
        name: goes into the settings of a store; the file's name without ending by default.
        threads: of ONNX Runtime; 1 is best where several processes work.
        mean: of red, green and blue, on the scale 0 to 255.
        std: likewise.
        swap_channels: give blue, green, red.
        align_corners: of heatmaps, see ``decode_heatmaps``.
        detector: finds persons; None leaves ``detect`` to another model.
        providers: of ONNX Runtime.

    Raises:
        ConfigError: when it is first used: ONNX Runtime is not installed.
        FeatureError: when it is first used: the file is missing or damaged, or gives nothing that is known (the message
            says the shapes).
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str | None = None,
        threads: int = 1,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        swap_channels: bool = False,
        align_corners: bool = False,
        detector: PoseModel | None = None,
        providers: Sequence[str] = ("CPUExecutionProvider",),
    ) -> None:
        self.path = Path(path)
        self.name = name or self.path.stem
        self.threads = threads
        self.mean = np.array(mean, np.float32)
        self.std = np.array(std, np.float32)
        self.swap_channels = swap_channels
        self.align_corners = align_corners
        self.detector = detector
        self.providers = tuple(providers)
        self._opened: _Opened | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    @property
    def can_detect(self) -> bool:
        """Whether it was given a detector."""
        return self.detector is not None

    def detect(self, frame: np.ndarray, *, min_score: float = 0.5) -> Detections:
        """Persons as the detector finds them.

        Raises:
            ConfigError: it was given none.
        """
        if self.detector is None:
            raise ConfigError(f"{self.name} finds no persons by itself: give it boxes, or a detector such as BlazePose")
        return self.detector.detect(frame, min_score=min_score)

    def estimate(self, frame: np.ndarray, rois: np.ndarray) -> Estimates:
        """The pose in every region; presence is the mean of its joints' scores.

        Raises:
            ConfigError, FeatureError: as the class says; or the frame or a region is none.
        """
        check_frame(frame)
        rois = check_rois(rois)
        opened = self._open() if len(rois) else None
        parts = []
        for roi in rois:
            assert opened is not None
            region = _widen(roi, opened.size)
            points, scores = self._run(opened, crop_region(frame, region, opened.size))
            keypoints = map_to_frame(points, region, opened.size)
            parts.append((keypoints, scores, float(scores.mean()), _find_next_roi(keypoints, scores, roi)))
        return join_estimates(parts)

    def _run(self, opened: _Opened, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        image = (crop.astype(np.float32) - self.mean) / self.std
        image = image[..., ::-1] if self.swap_channels else image
        image = image if opened.channels_last else image.transpose(2, 0, 1)
        given = opened.session.run(None, {opened.input_name: np.ascontiguousarray(image[None], dtype=opened.dtype)})
        values = [np.asarray(given[index][0], np.float32) for index in opened.outputs]
        if opened.head == "simcc":
            return decode_simcc(values[0], values[1], opened.size)
        if opened.head == "heatmaps":
            return decode_heatmaps(values[0], opened.size, align_corners=self.align_corners)
        return decode_keypoints(values[0])

    def _open(self) -> _Opened:
        if self._opened is None or self._opened.process != os.getpid():
            if self._opened is not None:
                _left_by_parents.append(self._opened)
            self._opened = self._inspect(self._load())
        return self._opened

    def _load(self) -> Any:
        try:
            import onnxruntime
        except ImportError as error:
            raise ConfigError(f"{self.path.name} runs on ONNX Runtime: pip install 'finegym[onnx]'") from error
        if not self.path.is_file():
            raise FeatureError(f"{self.path}: no such file. Give the path of a pose model in ONNX form.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        try:
            return onnxruntime.InferenceSession(str(self.path), options, providers=list(self.providers))
        except Exception as error:  # ONNX Runtime's own errors have no common class
            raise FeatureError(f"{self.path}: ONNX Runtime cannot read it: {_first_line(error)}") from error

    def _inspect(self, session: Any) -> _Opened:
        inputs = session.get_inputs()
        described = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
        shape = inputs[0].shape if len(inputs) == 1 else []
        dtype = {"tensor(float)": np.float32, "tensor(float16)": np.float16}.get(inputs[0].type if inputs else "")
        channels_last = len(shape) == 4 and shape[3] == 3 and shape[1] != 3
        sides = shape[1:3] if channels_last else shape[2:4]
        is_picture = len(shape) == 4 and 3 in (shape[1], shape[3]) and all(isinstance(side, int) for side in sides)
        if dtype is None or not is_picture:
            raise FeatureError(
                f"{self.path}: expected one input (N, 3, H, W) or (N, H, W, 3), float32 or float16, of a fixed size; "
                f"got {described or 'none'}. Export it so."
            )
        size = (sides[1], sides[0])
        blank = np.zeros((1, *(side if isinstance(side, int) else 3 for side in shape[1:])), dtype)
        try:
            given = session.run(None, {inputs[0].name: blank})
        except Exception as error:  # ONNX Runtime's own errors have no common class
            raise FeatureError(f"{self.path}: it does not run on one picture: {_first_line(error)}") from error
        shapes = [tuple(np.shape(output)) for output in given]
        found = find_head(shapes, size)
        if found is None:
            raise FeatureError(
                f"{self.path}: from an input of {size[0]}x{size[1]} it gives {shapes}; expected SimCC (two of "
                "(1, K, bins)), heatmaps (1, K, h, w) or keypoints (1, K, 3), with K = 17, 26 or 133 joints"
            )
        return _Opened(os.getpid(), session, inputs[0].name, dtype, channels_last, size, *found)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _widen(roi: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The smallest region of the input's aspect ratio around a region."""
    ratio = size[0] / size[1]
    width, height = max(roi[2], roi[3] * ratio), max(roi[3], roi[2] / ratio)
    return np.array([roi[0], roi[1], width, height, roi[4]])


def _find_next_roi(keypoints: np.ndarray, scores: np.ndarray, roi: np.ndarray) -> np.ndarray:
    """Around the joints that are sure, turned as a sure trunk is; the region itself where fewer than two are."""
    is_sure = scores >= MIN_SCORE
    if is_sure.sum() < 2:
        return roi
    angle = compute_trunk_angle(keypoints) if is_sure[TRUNK].all() else float(roi[4])
    return make_roi_from_keypoints(keypoints[is_sure], angle=angle)
