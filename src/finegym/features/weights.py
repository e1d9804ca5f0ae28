"""Weights that finegym runs but does not contain: where each comes from, and getting and checking it.

Files lie in one folder, ``$FINEGYM_WEIGHTS_FOLDER`` or ``finegym/weights`` in the user's cache folder, and are used
only while their SHA-256 is the one written here. Python packages come through pip, so that the mirror, proxy and
credentials that its user has set are used; nothing is installed.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from finegym.errors import ConfigError, FeatureError

WHEEL = "mediapipe==0.10.21"
# The files are the same in every wheel of this version; pip is asked for one of these, whatever machine this is.
WHEEL_TAGS = (
    ("312", "manylinux_2_28_x86_64"),
    ("311", "manylinux_2_28_x86_64"),
    ("312", "macosx_11_0_universal2"),
    ("312", "win_amd64"),
)
LITE_SOURCE = "npm package @mediapipe/pose"


@dataclass(frozen=True)
class Weights:
    """One file of weights.

    Attributes:
        member: its name inside the package; None where the package cannot be had through pip.
    """

    file: str
    sha256: str
    size_bytes: int
    licence: str
    source: str
    purpose: str
    member: str | None


WEIGHTS: dict[str, Weights] = {
    "blazepose-detector": Weights(
        "pose_detection.tflite",
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        2_959_046,
        "Apache-2.0",
        f"PyPI wheel {WHEEL}",
        "finds persons in a frame",
        "mediapipe/modules/pose_detection/pose_detection.tflite",
    ),
    "blazepose-full": Weights(
        "pose_landmark_full.tflite",
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        6_440_512,
        "Apache-2.0",
        f"PyPI wheel {WHEEL}",
        "33 landmarks of a person",
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    ),
    "blazepose-lite": Weights(
        "pose_landmark_lite.tflite",
        "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
        2819824,
        "Apache-2.0",
        LITE_SOURCE,
        "33 landmarks of a person, smaller",
        None,
    ),
}


@dataclass(frozen=True)
class WeightsState:
    """What lies where a file of weights belongs: ``state`` is ``ok``, ``absent`` or ``damaged``."""

    name: str
    path: Path
    state: str
    weights: Weights


def get_weights_folder() -> Path:
    """``$FINEGYM_WEIGHTS_FOLDER``, or ``finegym/weights`` in the user's cache folder."""
    folder = os.environ.get("FINEGYM_WEIGHTS_FOLDER")
    if folder:
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "finegym" / "weights"


def list_weights() -> list[WeightsState]:
    """The state of every file of weights; each that is there is hashed."""
    return [_look_at(name) for name in WEIGHTS]


def _look_at(name: str) -> WeightsState:
    weights = WEIGHTS[name]
    path = get_weights_folder() / weights.file
    try:
        state = "ok" if hash_file(path) == weights.sha256 else "damaged"
    except FileNotFoundError:
        state = "absent"
    except OSError as error:
        raise FeatureError(f"{path}: cannot be read: {error.strerror}") from error
    return WeightsState(name, path, state, weights)


def find_weights(name: str) -> Path:
    """The file of some weights, checked.

    Raises:
        ConfigError: there are no weights of that name, or they are not there; says which command gets them.
        FeatureError: the file is damaged or cannot be read.
    """
    if name not in WEIGHTS:
        raise ConfigError(f"no weights are called {name!r}; there are {', '.join(WEIGHTS)}")
    found = _look_at(name)
    if found.state == "ok":
        return found.path
    command = f"`{describe_command(name)}`"
    if found.state == "absent":
        raise ConfigError(f"weights {name} are not at {found.path}. Get them with {command}.")
    raise FeatureError(
        f"{found.path}: its SHA-256 is not that of {name}: damaged or another file. Replace it: {command}."
    )


def describe_command(name: str) -> str:
    """The command line that gets some weights."""
    return "finegym weights fetch blazepose" + ("" if WEIGHTS[name].member else f"-lite --source {WEIGHTS[name].file}")


def hash_file(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
