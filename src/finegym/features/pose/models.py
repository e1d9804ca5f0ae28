"""Every pose model by name, and opening one."""

from __future__ import annotations

from collections.abc import Callable

from finegym.errors import ConfigError
from finegym.features.pose.model import PoseModel
from finegym.features.weights import find_weights


def _open_blazepose(name: str, threads: int) -> PoseModel:
    from finegym.features.pose.blazepose import BlazePose

    return BlazePose(find_weights("blazepose-detector"), find_weights(name), name=name, threads=threads)


POSE_MODELS: dict[str, Callable[[str, int], PoseModel]] = {
    "blazepose-full": _open_blazepose,
    "blazepose-lite": _open_blazepose,
    "blazepose-heavy": _open_blazepose,
}


def open_pose_model(name: str, *, threads: int = 1) -> PoseModel:
    """A pose model by its name, or by the path of an ``.onnx`` file.

    Raises:
        ConfigError: there is no model of that name, or its weights are not there (the message says what gets them).
        FeatureError: its weights are damaged.
    """
    if name in POSE_MODELS:
        return POSE_MODELS[name](name, threads)
    raise ConfigError(
        f"no pose model is called {name!r}; there are {', '.join(POSE_MODELS)}, or the path of an .onnx file"
    )
