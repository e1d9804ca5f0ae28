"""A checkpoint without what only training needs, as safetensors: what model bundles carry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from finegym.errors import ConfigError

SUFFIX = ".safetensors"
_KEY = "finegym"
_KEPT = ("format", "epochs_done", "recipe", "classes", "pixels")


def pack_weights(content: dict[str, Any]) -> bytes:
    """The bytes of a weights file: the tensors of a checkpoint's model, and what says which classes they tell.

    Args:
        content: as ``run_folder.read_checkpoint`` gives it.
    """
    tensors: dict[str, torch.Tensor] = {name: value.contiguous().clone() for name, value in content["model"].items()}
    facts = {key: content[key] for key in _KEPT if key in content}
    return save(tensors, {_KEY: json.dumps(facts, sort_keys=True)})


def read_weights(path: Path) -> dict[str, Any]:
    """The content of a weights file, as of a checkpoint.

    Raises:
        ConfigError: the file is missing, damaged, or none of finegym's.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            facts = json.loads((file.metadata() or {}).get(_KEY, "null"))
            model = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no mapping
    except FileNotFoundError as error:
        raise ConfigError(f"weights {path} do not exist") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise ConfigError(f"weights {path} cannot be read: {error}") from error
    if not isinstance(facts, dict) or "classes" not in facts:
        raise ConfigError(f"{path} are no weights of a finegym run: `finegym bundle make` writes them")
    return {**facts, "model": model}
