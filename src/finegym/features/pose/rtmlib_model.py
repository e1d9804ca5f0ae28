"""RTMPose through rtmlib, which knows where its files are and downloads them.

finegym takes the file from rtmlib and runs it itself (``onnx_model``): rtmlib looks at upright boxes only, and a
gymnast is seldom upright. ``pip install rtmlib`` also installs ``opencv-python`` over the OpenCV that finegym needs,
hence ``--no-deps``.

Source: Jiang et al. 2023, "RTMPose"; rtmlib, Apache-2.0.
"""

from __future__ import annotations

from pathlib import Path

from finegym.errors import ConfigError
from finegym.features.pose.model import PoseModel
from finegym.features.pose.onnx_model import OnnxPose

MODES = {"rtmpose-s": "lightweight", "rtmpose-m": "balanced", "rtmpose-x": "performance"}
INSTALL = "pip install --no-deps rtmlib && pip install 'finegym[onnx]' tqdm"


def open_rtmpose(name: str, *, threads: int = 1, detector: PoseModel | None = None) -> OnnxPose:
    """RTMPose of one of three sizes; rtmlib downloads it when it is first asked for, into its own cache.

    Args:
        name: of ``MODES``.
        threads: of ONNX Runtime.
        detector: finds persons.

    Raises:
        ConfigError: rtmlib is not installed, lacks the model, or could not download it.
    """
    try:
        from rtmlib import Body
        from rtmlib.tools.file import download_checkpoint
    except ImportError as error:
        raise ConfigError(f"{name} comes through rtmlib, which cannot be imported ({error}): {INSTALL}") from error
    try:
        address = Body.MODE[MODES[name]]["pose"]
    except (AttributeError, KeyError) as error:
        raise ConfigError(
            f"this rtmlib has no {MODES[name]!r} model of a body: {INSTALL}, or give an .onnx file by its path"
        ) from error
    try:
        path = Path(download_checkpoint(address))
    except Exception as error:  # whatever a download meets
        raise ConfigError(
            f"rtmlib could not download {name} from {address}: {error}. Get that file on another machine, unpack it "
            "and give the path of its .onnx file."
        ) from error
    return OnnxPose(path, name=name, threads=threads, detector=detector)
