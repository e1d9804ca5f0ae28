"""The networks of mmaction2, in an environment of their own: builds and times them as ``models.py`` asks.

Run by ``models.py --peer-python``; nothing of finegym is imported here. A line of JSON in, a line out:
``{"network": "tsn-r50", "batch": 8, "work": "forward"}`` gives ``{"cpu_s": 1.2, "num_parameters": 23710883}``.
The settings are those of mmaction2's own configuration files for each network, at 99 classes and without pretrained
weights. A forward pass is backbone and head in evaluation mode, normalised tensor in, logits out.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import time
import warnings
from typing import Any

import torch

NUM_CLASSES = 99
INFLATE = ((1, 1, 1), (1, 0, 1, 0), (1, 0, 1, 0, 1, 0), (0, 1, 0))
I3D = {
    "type": "ResNet3d",
    "pretrained": None,
    "depth": 50,
    "conv1_kernel": (5, 7, 7),
    "conv1_stride_t": 2,
    "pool1_stride_t": 2,
    "conv_cfg": {"type": "Conv3d"},
    "norm_eval": False,
    "inflate": INFLATE,
    "zero_init_residual": False,
}
NON_LOCAL = {
    "non_local": ((0, 0, 0), (1, 0, 1, 0), (1, 0, 1, 0, 1, 0), (0, 0, 0)),
    "non_local_cfg": {
        "sub_sample": True,
        "use_scale": False,
        "norm_cfg": {"type": "BN3d", "requires_grad": True},
        "mode": "embedded_gaussian",
    },
}
RESNET = {"type": "ResNet", "pretrained": None, "depth": 50, "norm_eval": False}
MEAN = {"type": "AvgConsensus", "dim": 1}
GRAPH = {"layout": "coco", "mode": "stgcn_spatial"}
# Recogniser, backbone, head, shape of one clip.
NETWORKS: dict[str, tuple[str, dict[str, Any], dict[str, Any], tuple[int, ...]]] = {
    "tsn-r50": ("Recognizer2D", RESNET, {"type": "TSNHead", "consensus": MEAN}, (8, 3, 224, 224)),
    "tsm-r50": (
        "Recognizer2D",
        {**RESNET, "type": "ResNetTSM", "num_segments": 8, "shift_div": 8},
        {"type": "TSMHead", "num_segments": 8, "consensus": MEAN, "is_shift": True},
        (8, 3, 224, 224),
    ),
    "trnms-r50": (
        "Recognizer2D",
        RESNET,
        {"type": "TRNHead", "num_segments": 8, "relation_type": "TRNMultiScale", "hidden_dim": 256},
        (8, 3, 224, 224),
    ),
    "i3d-r50": ("Recognizer3D", I3D, {"type": "I3DHead"}, (1, 3, 32, 224, 224)),
    "nl-i3d-r50": ("Recognizer3D", {**I3D, **NON_LOCAL}, {"type": "I3DHead"}, (1, 3, 32, 224, 224)),
    "stgcn": ("RecognizerGCN", {"type": "STGCN", "graph_cfg": GRAPH}, {"type": "GCNHead"}, (1, 2, 48, 17, 3)),
}


def main() -> None:
    # Answers go to the real standard output; whatever the libraries print goes to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    torch.set_num_threads(int(sys.argv[1]))
    import mmaction.models  # noqa: F401 - registers the networks

    versions = {name: importlib.metadata.version(name) for name in ("mmaction2", "mmcv-lite", "mmengine", "torch")}
    print(json.dumps(versions), file=answers, flush=True)
    models: dict[str, torch.nn.Module] = {}
    for line in sys.stdin:
        request = json.loads(line)
        name = request["network"]
        if name not in models:
            models[name] = build_network(name)
        clips = torch.randn(request["batch"], *NETWORKS[name][3])
        work = train if request["work"] == "train" else forward
        num_parameters = sum(parameter.numel() for parameter in models[name].parameters())
        answer = {"cpu_s": work(models[name], clips), "num_parameters": num_parameters}
        print(json.dumps(answer), file=answers, flush=True)


def build_network(name: str) -> torch.nn.Module:
    from mmaction.registry import MODELS

    recogniser, backbone, head, _ = NETWORKS[name]
    width = 256 if name == "stgcn" else 2048
    head = {**head, "num_classes": NUM_CLASSES, "in_channels": width}
    preprocessor = {"type": "mmaction.ActionDataPreprocessor"}
    return MODELS.build({"type": recogniser, "backbone": backbone, "cls_head": head, "data_preprocessor": preprocessor})


def compute_logits(model: torch.nn.Module, clips: torch.Tensor) -> torch.Tensor:
    logits, _ = model.extract_feat(clips, stage="head")
    return logits


def forward(model: torch.nn.Module, clips: torch.Tensor) -> float:
    """CPU seconds of one pass."""
    model.eval()
    with torch.inference_mode():
        started = time.process_time()
        logits = compute_logits(model, clips)
        spent = time.process_time() - started
    assert logits.shape == (len(clips), NUM_CLASSES), logits.shape
    return spent


def train(model: torch.nn.Module, clips: torch.Tensor) -> float:
    """CPU seconds of forward pass, cross entropy, backward pass and a step of SGD."""
    model.train()
    classes = torch.arange(len(clips)) % NUM_CLASSES
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    started = time.process_time()
    torch.nn.functional.cross_entropy(compute_logits(model, clips), classes).backward()
    optimiser.step()
    optimiser.zero_grad()
    return time.process_time() - started


if __name__ == "__main__":
    main()
