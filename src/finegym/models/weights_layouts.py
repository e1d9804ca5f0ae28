"""Which of our keys the keys of other people's weights files are: one table of rules a layout.

The names were read in the public code of each project, and nothing was copied from it:

- ``torchvision``: github.com/pytorch/vision; our image networks are its own, so names stay.
- ``timm``: github.com/huggingface/pytorch-image-models, timm/models/{resnet,vgg,efficientnet}.py. Its ResNets have
  torchvision's names.
- ``caffe-bninception``: BN-Inception with Caffe's layer names as in github.com/Cadene/pretrained-models.pytorch,
  github.com/yjxiong/tsn-pytorch and github.com/zhoubolei/TRN-pytorch.
- ``mmaction2``: github.com/open-mmlab/mmaction2, mmaction/models/backbones/{resnet,resnet3d,resnet_tsm,stgcn}.py and
  heads/{tsn,i3d,trn,stgcn}_head.py; non-local blocks from mmcv/cnn/bricks/non_local.py. ST-GCN also in the form of its
  authors and of versions 0.x.
- ``slowfast``: github.com/facebookresearch/SlowFast, slowfast/models/{stem,resnet,nonlocal,head}_helper.py.
- ``pyskl``: github.com/kennymckormick/pyskl, pyskl/models/gcns/stgcn.py; mmaction2 1.x has the same. Its PoseConv3D
  (pyskl/models/cnns/resnet3d.py) has the names of mmaction2's ResNets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from finegym.errors import ConfigError

Rules = tuple[tuple[str, str], ...]

LAYOUTS = ("torchvision", "timm", "caffe-bninception", "mmaction2", "slowfast", "pyskl")
# Layouts whose files hold a network of images: its head is over classes of images.
IMAGE_LAYOUTS = ("torchvision", "timm", "caffe-bninception")

_BODY = r"backbone.body."
_SAME: Rules = ((r"(.+)", rf"{_BODY}\1"),)

# EfficientNet-Lite0: timm numbers blocks by stage, our package through; blocks a stage:
_LITE0_STAGES = (1, 2, 2, 3, 3, 4, 1)
_LITE0_LAYERS = (
    *(("conv_pw", "_expand_conv"), ("bn1", "_bn0"), ("conv_dw", "_depthwise_conv"), ("bn2", "_bn1")),
    *(("conv_pwl", "_project_conv"), ("bn3", "_bn2")),
)
# The first block does not expand.
_LITE0_FIRST = (("conv_dw", "_depthwise_conv"), ("bn1", "_bn1"), ("conv_pw", "_project_conv"), ("bn2", "_bn2"))
_TIMM_LITE0: Rules = (
    (r"conv_stem\.(.+)", rf"{_BODY}_conv_stem.\1"),
    (r"bn1\.(.+)", rf"{_BODY}_bn0.\1"),
    (r"conv_head\.(.+)", rf"{_BODY}_conv_head.\1"),
    (r"bn2\.(.+)", rf"{_BODY}_bn1.\1"),
    *(
        (rf"blocks\.{stage}\.{i}\.{theirs}\.(.+)", rf"{_BODY}_blocks.{sum(_LITE0_STAGES[:stage]) + i}.{ours}.\1")
        for stage, count in enumerate(_LITE0_STAGES)
        for i in range(count)
        for theirs, ours in (_LITE0_LAYERS if stage else _LITE0_FIRST)
    ),
)
# VGG: timm's first two linear layers are convolutions of 7 x 7 and 1 x 1.
_TIMM_VGG: Rules = (
    (r"(features\..+)", rf"{_BODY}\1"),
    (r"pre_logits\.fc1\.(.+)", rf"{_BODY}classifier.0.\1"),
    (r"pre_logits\.fc2\.(.+)", rf"{_BODY}classifier.3.\1"),
)

# Linear layers of relations stand at 1 and 3 of a Sequential that begins with a ReLU.
_RELATIONS: Rules = tuple(
    (rf"(?:cls_head\.)?consensus\.{theirs}\.{place}\.(.+)", rf"{ours}.{layer}.{last}")
    for theirs, ours, last in (
        ("classifier", "relation", r"\1"),
        (r"fc_fusion_scales\.(\d+)", r"relations.\1", r"\2"),
    )
    for place, layer in ((1, "hidden"), (3, "classifier"))
)
_CAFFE: Rules = (
    (r"(?:base_model\.)?((?:conv[12]|inception_\d[a-e])_.+)", rf"{_BODY}\1"),
    (r"(?:new_fc|fc_action|fc-action)\.(.+)", r"classifier.\1"),
    *_RELATIONS,
)

_ST_GCN = r"(?:backbone\.)?st_gcn_networks\.(\d+)\."
_MMACTION2: Rules = (
    (r"backbone\.conv1\.conv\.(.+)", rf"{_BODY}conv1.\1"),
    (r"backbone\.conv1\.bn\.(.+)", rf"{_BODY}bn1.\1"),
    # "net": a convolution inside a temporal shift.
    (r"backbone\.(layer\d\.\d+)\.conv(\d)\.conv\.(?:net\.)?(weight)", rf"{_BODY}\1.conv\2.\3"),
    (r"backbone\.(layer\d\.\d+)\.conv(\d)\.bn\.(.+)", rf"{_BODY}\1.bn\2.\3"),
    (r"backbone\.(layer\d\.\d+)\.downsample\.conv\.(.+)", rf"{_BODY}\1.downsample.0.\2"),
    (r"backbone\.(layer\d\.\d+)\.downsample\.bn\.(.+)", rf"{_BODY}\1.downsample.1.\2"),
    # "0": a convolution before its pooling.
    (
        r"backbone\.(layer\d)\.(\d+)\.non_local_block\.(theta|phi|g)(?:\.0)?\.conv\.(.+)",
        rf"{_BODY}non_local.\1_\2.\3.\4",
    ),
    (r"backbone\.(layer\d)\.(\d+)\.non_local_block\.conv_out\.conv\.(.+)", rf"{_BODY}non_local.\1_\2.output.\3"),
    (r"backbone\.(layer\d)\.(\d+)\.non_local_block\.conv_out\.bn\.(.+)", rf"{_BODY}non_local.\1_\2.norm.\3"),
    (r"cls_head\.fc_cls\.(.+)", r"classifier.\1"),
    *_RELATIONS,
    (r"(?:backbone\.)?A", r"adjacency"),
    (r"(?:backbone\.)?data_bn\.(.+)", r"data_norm.\1"),
    (r"(?:backbone\.)?edge_importance\.(\d+)", r"edge_importance.\1"),
    (rf"{_ST_GCN}gcn\.conv\.(.+)", r"blocks.\1.graph.\2"),
    (rf"{_ST_GCN}tcn\.(.+)", r"blocks.\1.temporal.\2"),
    (rf"{_ST_GCN}residual\.(.+)", r"blocks.\1.shortcut.\2"),
    (r"(?:cls_head\.fc|fcn)\.(.+)", r"classifier.\1"),
)

_SLOWFAST: Rules = (
    (r"s1\.pathway0_stem\.conv\.(.+)", rf"{_BODY}conv1.\1"),
    (r"s1\.pathway0_stem\.bn\.(.+)", rf"{_BODY}bn1.\1"),
    *(
        (rf"s{layer + 1}\.pathway0_{theirs}", rf"{_BODY}{ours.format(layer=layer)}")
        for layer in (1, 2, 3, 4)  # s2 is res2 is layer1
        for theirs, ours in (
            (r"res(\d+)\.branch1\.(.+)", r"layer{layer}.\1.downsample.0.\2"),
            (r"res(\d+)\.branch1_bn\.(.+)", r"layer{layer}.\1.downsample.1.\2"),
            (r"res(\d+)\.branch2\.a\.(.+)", r"layer{layer}.\1.conv1.\2"),
            (r"res(\d+)\.branch2\.b\.(.+)", r"layer{layer}.\1.conv2.\2"),
            (r"res(\d+)\.branch2\.c\.(.+)", r"layer{layer}.\1.conv3.\2"),
            (r"res(\d+)\.branch2\.a_bn\.(.+)", r"layer{layer}.\1.bn1.\2"),
            (r"res(\d+)\.branch2\.b_bn\.(.+)", r"layer{layer}.\1.bn2.\2"),
            (r"res(\d+)\.branch2\.c_bn\.(.+)", r"layer{layer}.\1.bn3.\2"),
            (r"nonlocal(\d+)\.conv_(theta|phi|g)\.(.+)", r"non_local.layer{layer}_\1.\2.\3"),
            (r"nonlocal(\d+)\.conv_out\.(.+)", r"non_local.layer{layer}_\1.output.\2"),
            (r"nonlocal(\d+)\.norm\.(.+)", r"non_local.layer{layer}_\1.norm.\2"),
        )
    ),
    (r"head\.projection\.(.+)", r"classifier.\1"),
)

_PYSKL: Rules = (
    (r"backbone\.data_bn\.(.+)", r"data_norm.\1"),
    (r"backbone\.gcn\.\d+\.gcn\.A", r"adjacency"),
    (r"backbone\.gcn\.(\d+)\.gcn\.PA", r"edge_importance.\1"),
    (r"backbone\.gcn\.(\d+)\.gcn\.conv\.(.+)", r"blocks.\1.graph.\2"),
    (r"backbone\.gcn\.(\d+)\.gcn\.bn\.(.+)", r"blocks.\1.temporal.0.\2"),
    (r"backbone\.gcn\.(\d+)\.tcn\.conv\.(.+)", r"blocks.\1.temporal.2.\2"),
    (r"backbone\.gcn\.(\d+)\.tcn\.bn\.(.+)", r"blocks.\1.temporal.3.\2"),
    (r"backbone\.gcn\.(\d+)\.residual\.conv\.(.+)", r"blocks.\1.shortcut.0.\2"),
    (r"backbone\.gcn\.(\d+)\.residual\.bn\.(.+)", r"blocks.\1.shortcut.1.\2"),
    (r"cls_head\.fc(?:_cls)?\.(.+)", r"classifier.\1"),
)

# PoseConv3D is a ResNet of theirs, and of ours a network of its own.
_POSEC3D: Rules = (
    (rf"{_BODY}conv1\.(.+)", r"stem.0.\1"),
    (rf"{_BODY}bn1\.(.+)", r"stem.1.\1"),
    *((rf"{_BODY}layer{stage + 1}\.(.+)", rf"stages.{stage}.\1") for stage in range(3)),
)

# A key of each layout that no other has. A file with none of them is taken to be torchvision's.
_SIGNS = (
    ("slowfast", r"s1\.pathway0_stem\..+"),
    ("pyskl", r"backbone\.gcn\.0\.gcn\..+"),
    ("mmaction2", r"backbone\.conv1\.conv\.weight|(?:backbone\.)?st_gcn_networks\.0\..+"),
    ("caffe-bninception", r"(?:base_model\.)?conv1_7x7_s2\.weight"),
    ("timm", r"pre_logits\.fc1\.weight|conv_stem\.weight"),
)

# How the published networks of a layout differ in what no tensor shows.
_FORMS: dict[str, dict[str, dict[str, Any]]] = {
    "mmaction2": {
        "i3d": {"stem_temporal_stride": 2},
        "nl_i3d": {"stem_temporal_stride": 2, "is_scaled": False, "pools_first": False},
    },
    "slowfast": {
        "i3d": {"stem_temporal_stride": 1},
        "nl_i3d": {"stem_temporal_stride": 1, "is_scaled": True, "pools_first": True},
    },
}


def recognise_layout(keys: Iterable[str]) -> str:
    """The layout that keys are of; ``torchvision`` where no other has left a sign.

    Example:
        >>> recognise_layout(["s1.pathway0_stem.conv.weight"])
        'slowfast'
    """
    keys = list(keys)
    for layout, sign in _SIGNS:
        if any(re.fullmatch(sign, key) for key in keys):
            return layout
    return "torchvision"


def rename_keys(keys: Iterable[str], layout: str, method: str = "") -> dict[str, str | None]:
    """Our key for each of theirs, as in a whole model of ours (``backbone.body.…``, ``classifier.…``).

    Args:
        keys: of the file, without ``module.``.
        layout: one of ``LAYOUTS``.
        method: that the keys are to be of; only ``posec3d`` makes a difference.

    Returns:
        Their key to ours; ``None`` where no rule knows it. Several of theirs may be one of ours.

    Raises:
        ConfigError: there is no such layout.
    """
    keys = list(keys)
    rules = _get_rules(layout, set(keys))
    renamed = {key: _rename(key, rules) for key in keys}
    if method == "posec3d":
        renamed = {key: ours and (_rename(ours, _POSEC3D) or ours) for key, ours in renamed.items()}
    if any(ours is not None and ours.startswith("relation") for ours in renamed.values()):
        # With relations, what is called the classifier is the layer that shrinks a frame's features.
        for key, ours in renamed.items():
            if ours is not None and ours.startswith("classifier."):
                renamed[key] = ours.replace("classifier.", "frame_feature.", 1)
    return renamed


def get_form(layout: str, method: str) -> dict[str, Any]:
    """Settings of a method's published networks that are not in the tensors, by the name of our argument."""
    return dict(_FORMS.get(layout, {}).get(method, {}))


def _rename(key: str, rules: Rules) -> str | None:
    matches = ((re.fullmatch(pattern, key), ours) for pattern, ours in rules)
    return next((match.expand(ours) for match, ours in matches if match), None)


def _get_rules(layout: str, keys: set[str]) -> Rules:
    if layout == "timm":
        return _TIMM_LITE0 if "conv_stem.weight" in keys else _TIMM_VGG if "pre_logits.fc1.weight" in keys else _SAME
    rules: Mapping[str, Rules] = {
        "torchvision": _SAME,
        "caffe-bninception": _CAFFE,
        "mmaction2": (*_MMACTION2, *_PYSKL),
        "slowfast": _SLOWFAST,
        "pyskl": (*_PYSKL, *_MMACTION2),
    }
    if layout not in rules:
        raise ConfigError(f"layout {layout!r} is not known: expected auto or one of {', '.join(LAYOUTS)}")
    return rules[layout]
