"""Every pose model by name, and opening one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from finegym.errors import ConfigError
from finegym.features.pose.blazepose import BlazePose
from finegym.features.pose.model import PoseModel
from finegym.features.pose.onnx_model import OnnxPose
from finegym.features.pose.rtmlib_model import open_rtmpose
from finegym.features.weights import find_weights

DETECTOR = "blazepose-full"


def _open_blazepose(name: str, threads: int) -> PoseModel:
    return BlazePose(find_weights("blazepose-detector"), find_weights(name), name=name, threads=threads)


def _open_rtmpose(name: str, threads: int) -> PoseModel:
    return open_rtmpose(name, threads=threads, detector=_open_blazepose(DETECTOR, threads))


POSE_MODELS: dict[str, Callable[[str, int], PoseModel]] = {
    "blazepose-lite": _open_blazepose,
    "blazepose-full": _open_blazepose,
    "blazepose-heavy": _open_blazepose,
    "rtmpose-s": _open_rtmpose,
    "rtmpose-m": _open_rtmpose,
    "rtmpose-x": _open_rtmpose,
}


def open_pose_model(name: str, *, threads: int = 1) -> PoseModel:
    """A pose model by its name, or by the path of an ``.onnx`` file. All find persons with BlazePose's detector.

    Args:
        name: of ``POSE_MODELS``, or a path that ends in ``.onnx``. For other normalisation, channel order or alignment
            of heatmaps than the usual, make an ``OnnxPose``.
        threads: of the runtime; 1 is best where several processes work.

    Raises:
        ConfigError: there is no model of that name, or its weights are not there (the message says what gets them).
        FeatureError: its weights are damaged.
    """
    if name in POSE_MODELS:
        return POSE_MODELS[name](name, threads)
    if name.endswith(".onnx"):
        return OnnxPose(Path(name), threads=threads, detector=_open_blazepose(DETECTOR, threads))
    raise ConfigError(
        f"no pose model is called {name!r}; there are {', '.join(POSE_MODELS)}, or the path of an .onnx file"
    )
