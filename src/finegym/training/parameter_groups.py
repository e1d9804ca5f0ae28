"""Which parameters stand still, and how fast each of the others moves."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from finegym.errors import ConfigError, join_problems

LEARNING_RATE_FACTOR = "learning_rate_factor"  # in a group of the optimizer
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm)
# BN-Inception has its branches side by side: inception_3a_1x1, inception_3a_3x3_reduce, …
INCEPTION_BLOCK = re.compile(r"inception_\d[a-z](?=_)")


def freeze_parameters(model: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Let the parameters whose names match a pattern stand still.

    Args:
        model: its parameters are changed in place.
        patterns: as of a shell, where ``*`` matches dots too: ``backbone.body.layer1.*``.

    Returns:
        The names that match, in the model's order.

    Raises:
        ConfigError: a pattern matches nothing (the message names what is close to it), or nothing is left to train.
    """
    names = [name for name, _ in model.named_parameters()]
    problems = [_describe_unmatched(pattern, names) for pattern in patterns if not _match(names, pattern)]
    if problems:
        raise ConfigError(join_problems(problems, limit=5))
    frozen = {name for pattern in patterns for name in _match(names, pattern)}
    for name, parameter in model.named_parameters():
        if name in frozen:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(f"model.freeze = {list(patterns)} leaves nothing to train: all {len(names)} tensors match.")
    return [name for name in names if name in frozen]


def hold_frozen_norms(model: nn.Module) -> None:
    """Keep mean and variance of the batch norms whose weight and bias stand still; after every ``model.train()``."""
    for module in model.modules():
        if isinstance(module, _NormBase):
            parameters = list(module.parameters(recurse=False))
            if parameters and not any(parameter.requires_grad for parameter in parameters):
                module.eval()


def list_layers(model: nn.Module) -> list[list[str]]:
    """The parameters of a model's backbone, layer by layer, from the input on.

    A layer is a block of a residual network (or all branches of an inception block), or a module of a plain sequence.
    What stands in a sequence or a list counts one by one; a norm belongs to the layer before it; parameters that stand
    beside layers, such as embeddings of positions, belong to the first.

    Args:
        model: has a module named ``backbone``, whose modules are registered in the order in which they compute.

    Returns:
        Names of parameters, a list a layer.

    Raises:
        ConfigError: the model has no backbone.
    """
    path = next((name for name, _ in model.named_modules() if name.rpartition(".")[2] == "backbone"), None)
    if path is None:
        raise ConfigError(
            f"optim.layer_decay is for models with a backbone, and {type(model).__name__} has none. "
            "Set optim.layer_decay = 1.0."
        )
    beside: list[str] = []
    layers: list[list[str]] = []
    block = None
    for name, module in _iterate_layers(model.get_submodule(path), path, beside):
        names = [f"{name}.{key}" for key, _ in module.named_parameters()]
        if not names:
            continue
        branch = INCEPTION_BLOCK.search(name)
        is_of_last = isinstance(module, NORMS) or (branch is not None and branch[0] == block)
        if layers and is_of_last:
            layers[-1] += names
        else:
            layers.append(names)
            block = branch and branch[0]
    first, *rest = layers or [[]]
    return [beside + first, *rest]


def build_parameter_groups(
    model: nn.Module, *, weight_decay: float, layer_decay: float = 1.0, decay_biases_and_norms: bool = True
) -> list[dict[str, Any]]:
    """The parameters that are trained, in groups for an optimizer.

    Args:
        model: parameters that want no gradient are in no group.
        weight_decay: of the parameters that have any.
        layer_decay: the learning rate of a layer of the backbone is this times that of the layer after it; what is no
            part of the backbone has the full one. 1: all have.
        decay_biases_and_norms: whether weight decay pulls at parameters with less than two axes too.

    Returns:
        Groups with ``params``, ``weight_decay`` and ``learning_rate_factor``; every trained parameter is in one.

    Raises:
        ConfigError: layers are to differ, and the model has no backbone.

    Source:
        Layer-wise decay: Clark et al., "ELECTRA", ICLR 2020, appendix A; Bao et al., "BEiT", ICLR 2022, appendix.
    """
    factors: dict[str, float] = {}
    if layer_decay != 1:
        layers = list_layers(model)
        factors = {name: layer_decay ** (len(layers) - depth) for depth, names in enumerate(layers) for name in names}
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decay = weight_decay if decay_biases_and_norms or parameter.ndim > 1 else 0.0
            factor = factors.get(name, 1.0)
            group = {"params": [], "weight_decay": decay, LEARNING_RATE_FACTOR: factor}
            groups.setdefault((factor, decay), group)["params"].append(parameter)
    return list(groups.values())


def _iterate_layers(module: nn.Module, path: str, beside: list[str]) -> Iterator[tuple[str, nn.Module]]:
    """The modules that count as layers, with their names; parameters found on the way are put ``beside``."""
    beside += [f"{path}.{name}" for name, _ in module.named_parameters(recurse=False)]
    for name, child in module.named_children():
        # "body" is the network inside our Backbone.
        if name == "body" or isinstance(child, (nn.Sequential, nn.ModuleList)):
            yield from _iterate_layers(child, f"{path}.{name}", beside)
        else:
            yield f"{path}.{name}", child


def _match(names: Sequence[str], pattern: str) -> list[str]:
    return [name for name in names if fnmatchcase(name, pattern)]


def _describe_unmatched(pattern: str, names: Sequence[str]) -> str:
    modules = {f"{name[:place]}.*" for name in names for place, sign in enumerate(name) if sign == "."}
    close = difflib.get_close_matches(pattern, [*sorted(modules), *names], n=3, cutoff=0.5)
    hint = f"close to it: {', '.join(close)}" if close else f"the first is {names[0]}"
    return f'model.freeze: "{pattern}" matches none of the model\'s {len(names)} tensors; {hint}'
