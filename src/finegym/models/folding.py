"""The same logits in less time: batch norms folded into convolutions (for prediction and export), channels last."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from finegym.models.flat_conv import FlatConv3d
from finegym.models.tsm import ShiftedConv2d

# Not their subclasses: GSF changes what a convolution gives before the batch norm sees it.
CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, FlatConv3d, ShiftedConv2d)
# The package of EfficientNet-Lite numbers its batch norms, and pads in convolutions of its own.
NORMS_OF_LITE = {
    "_conv_stem": "_bn0",
    "_expand_conv": "_bn0",
    "_depthwise_conv": "_bn1",
    "_project_conv": "_bn2",
    "_conv_head": "_bn1",
}


def fold_batch_norms(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode whose convolutions do what the batch norms after them did.

    A batch norm follows a convolution where it stands after it in a sequence, or is called ``bn1`` beside ``conv1``
    (and so on) or ``NAME_bn`` beside ``NAME``: in torchvision's networks, in ours, in EfficientNet-Lite. Others stay as
    they are.

    Args:
        model: is left as it is.

    Returns:
        The copy; it is of no use for training.
    """
    folded = copy.deepcopy(model).eval()
    for parent in list(folded.modules()):
        for conv_name, norm_name in list(_find_pairs(parent)):
            conv, norm = getattr(parent, conv_name), getattr(parent, norm_name)
            conv.weight, conv.bias = fuse_conv_bn_weights(
                conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
            )
            setattr(parent, norm_name, nn.Identity())
    return folded


def set_channels_last(model: nn.Module) -> None:
    """Keep the kernels of 2-D and of 3-D convolutions with channels last, in place; keys and logits stay.

    ``model.to(memory_format=...)`` takes one layout for all, and fails on models that have kernels of both kinds (GSF).
    """
    layouts = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in model.parameters():
        if parameter.dim() in layouts:
            parameter.data = parameter.data.contiguous(memory_format=layouts[parameter.dim()])


def _find_pairs(parent: nn.Module) -> Iterator[tuple[str, str]]:
    """Names of a convolution and of the batch norm after it, among the children of a module."""
    children = dict(parent.named_children())
    names = list(children)
    for place, name in enumerate(names):
        is_of_lite = name in NORMS_OF_LITE and isinstance(children[name], nn.Conv2d | nn.Conv3d)
        if type(children[name]) not in CONVOLUTIONS and not is_of_lite:
            continue
        if is_of_lite:
            follower = NORMS_OF_LITE[name]
        elif isinstance(parent, nn.Sequential):
            follower = names[place + 1] if place + 1 < len(names) else ""
        else:
            follower = f"{name}_bn" if f"{name}_bn" in children else re.sub(r"^conv(\d*)$", r"bn\1", name)
        if isinstance(children.get(follower), nn.BatchNorm2d | nn.BatchNorm3d):
            yield name, follower
