"""The facts that every file of a feature store carries: read back where there is no index."""

from __future__ import annotations

import json
from pathlib import Path

import av
import av.error
from pydantic import ValidationError

from finegym.errors import FeatureError
from finegym.features.store import FeatureFacts

METADATA_KEY = "finegym"  # of a .safetensors file; in an .mp4 it is the comment
HEADER_BYTES = 8  # of a .safetensors file: the header's length, little-endian


def read_facts(path: Path) -> FeatureFacts:
    """What a file says of itself.

    Raises:
        FeatureError: it is damaged, or not a file of a feature store.
    """
    try:
        text = _read_safetensors(path) if path.suffix == ".safetensors" else _read_mp4(path)
        return FeatureFacts.model_validate_json(text)
    except (OSError, ValueError, KeyError, av.error.FFmpegError, ValidationError) as error:
        raise FeatureError(f"{path}: is not a file of a feature store, or damaged. Make it again.") from error


def _read_safetensors(path: Path) -> str:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(HEADER_BYTES), "little")
        if not 0 < length <= path.stat().st_size:
            raise ValueError("no header")
        text: str = json.loads(file.read(length))["__metadata__"][METADATA_KEY]
    return text


def _read_mp4(path: Path) -> str:
    with av.open(f"file:{path}") as container:
        text: str = container.metadata["comment"]
    return text
