"""Image networks of timm as bodies of backbones. timm is an extra: nothing here is imported unless it is asked for."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models.backbones import Normalisation
from finegym.models.hub import check_cached_file


def build_body(name: str) -> tuple[nn.Module, int, str, Normalisation]:
    """A network of timm without its head, with random weights.

    Args:
        name: of timm, such as ``convnext_tiny`` or ``resnet50.a1_in1k``.

    Returns:
        The network, its feature size, the prefix of its head's keys, what it wants of its pixels.

    Raises:
        ConfigError: timm is not installed, has no such model, or the model gives no vector an image.
    """
    timm = _import_timm(name)
    body = timm.create_model(name, pretrained=False, num_classes=0)
    settings = body.pretrained_cfg
    head = settings.get("classifier")
    if not isinstance(head, str) or not isinstance(getattr(body, "num_features", None), int):
        raise ConfigError(f"backbone timm:{name} does not say what its head is: it cannot be removed")
    feature_size = int(getattr(body, "head_hidden_size", None) or body.num_features)
    normalisation = Normalisation(tuple(settings["mean"]), tuple(settings["std"]))
    return body, feature_size, f"{head}.", normalisation


def fetch_state(name: str) -> tuple[dict[str, torch.Tensor], str]:
    """The pretrained tensors of a model, head included, from timm's cache or its hub; and where they came from.

    timm loads them itself. Files of the Hugging Face Hub are hashed in its cache, others by the hash in their name.

    Raises:
        ConfigError: timm is not installed, or they cannot be fetched, or are damaged.
    """
    timm = _import_timm(name)
    timm.models.set_pretrained_check_hash(True)
    try:
        model = timm.create_model(name, pretrained=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(
            f"weights of timm:{name} could not be fetched: {reason}. Give a file as model.weights."
        ) from error
    return model.state_dict(), f"timm {timm.__version__}, {name}{_check_cached(name, model.pretrained_cfg)}"


def _check_cached(name: str, settings: Mapping[str, Any]) -> str:
    """Hash the file that timm took from the Hugging Face Hub, if it did."""
    from huggingface_hub import try_to_load_from_cache

    repository = settings.get("hf_hub_id")
    if not repository:
        return ""
    names = [settings.get("hf_hub_filename") or "model.safetensors", "pytorch_model.bin"]
    found = [path for file in names if isinstance(path := try_to_load_from_cache(repository, file), str)]
    return f" ({check_cached_file(Path(found[0]), f'timm:{name}')})" if found else ""


def _import_timm(name: str) -> ModuleType:
    if importlib.util.find_spec("timm") is None:
        raise ConfigError(f"backbone timm:{name} needs the package timm: pip install 'finegym[timm]'")
    timm = importlib.import_module("timm")
    if not timm.is_model(name):
        known = timm.list_models() + timm.list_models(pretrained=True)
        close = difflib.get_close_matches(name, known, n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise ConfigError(f"timm {timm.__version__} has no model {name!r}{hint}")
    return timm
