"""ST-GCN under the names of pyskl, mmaction2 0.x and its authors: a small network of theirs, and ours."""

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from finegym.errors import ConfigError
from finegym.models.stgcn import COCO_17_EDGES, STGCN
from finegym.models.weights_convert import convert_state

WIDTHS = (4, 4, 8, 8)  # time is halved where they grow


def randomise(module):
    generator = torch.Generator().manual_seed(0)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if name.endswith("running_var"):
            tensor.data.uniform_(0.5, 1.5, generator=generator)
        elif tensor.is_floating_point() and name not in ("adjacency",) and not name.endswith((".A", ".PA")):
            tensor.data.uniform_(-0.5, 0.5, generator=generator)
    return module.eval()


def build_graph():
    """Subsets as pyskl's stgcn_spatial: distances of one hop only, entry by entry."""
    hops = np.full((17, 17), np.inf)
    for i in range(17):
        hops[i, i] = 0
    for i, j in COCO_17_EDGES:
        hops[i, j] = hops[j, i] = 1
    near = (hops <= 1).astype(float)
    graph = np.zeros((3, 17, 17))
    for i in range(17):
        for j in range(17):
            share = near[j, i] / near[:, i].sum()
            if hops[j, i] == 0:
                graph[0, j, i] = share
            elif hops[j, i] == 1 and hops[j, 0] >= hops[i, 0]:
                graph[1, j, i] = share
            elif hops[j, i] == 1:
                graph[2, j, i] = share
    return torch.tensor(graph, dtype=torch.float32)


class UnitTcn(nn.Module):
    def __init__(self, before, after, length, stride):
        super().__init__()
        self.conv = nn.Conv2d(before, after, (length, 1), (stride, 1), (length // 2, 0))
        self.bn = nn.BatchNorm2d(after)

    def forward(self, x):
        return self.bn(self.conv(x))


class PysklBlock(nn.Module):
    def __init__(self, before, after, stride, is_first):
        super().__init__()
        self.gcn = nn.Module()
        self.gcn.register_buffer("A", build_graph())
        importance = torch.rand(3, 17, 17) + 0.5
        self.gcn.PA = nn.Parameter(torch.where(self.gcn.A == 0, 0.9, importance))
        self.gcn.conv = nn.Conv2d(before, 3 * after, 1)
        self.gcn.bn = nn.BatchNorm2d(after)
        self.tcn = UnitTcn(after, after, 9, stride)
        self.is_first = is_first
        if not is_first and (before != after or stride != 1):
            self.residual = UnitTcn(before, after, 1, stride)

    def forward(self, x):
        n, _, t, v = x.shape
        parts = self.gcn.conv(x).view(n, 3, -1, t, v)
        y = sum(parts[:, k] @ (self.gcn.A * self.gcn.PA)[k] for k in range(3))
        y = self.tcn(F.relu(self.gcn.bn(y)))
        if not self.is_first:
            y = y + (self.residual(x) if hasattr(self, "residual") else x)
        return F.relu(y)


class PysklRecognizer(nn.Module):
    """backbone.data_bn, backbone.gcn.0.gcn.PA …, cls_head.fc_cls; poses are (N, M, T, V, C)."""

    def __init__(self, num_classes, in_channels=3):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.data_bn = nn.BatchNorm1d(17 * in_channels)
        channels = (in_channels, *WIDTHS)
        self.backbone.gcn = nn.ModuleList(
            PysklBlock(before, after, 2 if i and before != after else 1, i == 0)
            for i, (before, after) in enumerate(zip(channels[:-1], WIDTHS, strict=True))
        )
        self.cls_head = nn.Module()
        self.cls_head.fc_cls = nn.Linear(WIDTHS[-1], num_classes)

    def forward(self, poses):
        n, m, t, v, c = poses.shape
        x = self.backbone.data_bn(poses.permute(0, 1, 3, 4, 2).reshape(n * m, v * c, t))
        x = x.view(n * m, v, c, t).permute(0, 2, 3, 1)
        for block in self.backbone.gcn:
            x = block(x)
        return self.cls_head.fc_cls(x.mean(dim=(2, 3)).view(n, m, -1).mean(dim=1))


@pytest.fixture
def pyskl():
    torch.manual_seed(0)
    return randomise(PysklRecognizer(5))


@pytest.mark.parametrize("head", ["fc_cls", "fc"])
def test_logits_of_pyskls_network_are_ours_after_conversion(pyskl, head):
    state = {key.replace("fc_cls", head): tensor for key, tensor in pyskl.state_dict().items()}
    conversion = convert_state(state, "stgcn", source="stgcn.pth")
    assert conversion.layout == "pyskl"
    assert set(conversion.used) == set(state)
    assert conversion.pixels is None
    assert conversion.num_classes == 5
    ours = STGCN(5, widths=WIDTHS)
    ours.load_state_dict(conversion.state)
    poses = torch.randn(2, 2, 16, 17, 3)
    with torch.inference_mode():
        expected, got = pyskl(poses), ours.eval()(poses.permute(0, 4, 2, 3, 1))
    assert expected.std() > 1e-3
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-5)


def test_representative_keys_of_pyskl(pyskl):
    state = pyskl.state_dict()
    converted = convert_state(state, "stgcn", source="stgcn.pth").state
    for their_key, our_key in {
        "backbone.data_bn.weight": "data_norm.weight",
        "backbone.gcn.1.gcn.PA": "edge_importance.1",
        "backbone.gcn.1.gcn.conv.bias": "blocks.1.graph.bias",
        "backbone.gcn.3.gcn.bn.running_var": "blocks.3.temporal.0.running_var",
        "backbone.gcn.3.tcn.conv.weight": "blocks.3.temporal.2.weight",
        "backbone.gcn.0.tcn.bn.weight": "blocks.0.temporal.3.weight",
        "backbone.gcn.2.residual.conv.weight": "blocks.2.shortcut.0.weight",
        "backbone.gcn.2.residual.bn.bias": "blocks.2.shortcut.1.bias",
        "cls_head.fc_cls.bias": "classifier.bias",
    }.items():
        assert torch.equal(converted[our_key], state[their_key]), their_key


@pytest.mark.parametrize("prefix", ["backbone.", ""])
def test_the_authors_names_give_the_same_logits_exactly(prefix):
    """Also those of mmaction2 0.x, which put "backbone." before them; the head is a 1 x 1 convolution."""
    torch.manual_seed(0)
    model = randomise(STGCN(5, in_channels=2, widths=WIDTHS))
    names = (
        (r"data_norm\.(.+)", rf"{prefix}data_bn.\1"),
        (r"adjacency", rf"{prefix}A"),
        (r"edge_importance\.(.+)", rf"{prefix}edge_importance.\1"),
        (r"blocks\.(\d)\.graph\.(.+)", rf"{prefix}st_gcn_networks.\1.gcn.conv.\2"),
        (r"blocks\.(\d)\.temporal\.(.+)", rf"{prefix}st_gcn_networks.\1.tcn.\2"),
        (r"blocks\.(\d)\.shortcut\.(.+)", rf"{prefix}st_gcn_networks.\1.residual.\2"),
        (r"classifier\.(.+)", r"cls_head.fc.\1" if prefix else r"fcn.\1"),
    )
    theirs = {}
    for key, tensor in model.state_dict().items():
        (theirs_key,) = [re.sub(pattern, name, key) for pattern, name in names if re.fullmatch(pattern, key)]
        theirs[theirs_key] = tensor[:, :, None, None] if key == "classifier.weight" else tensor
    conversion = convert_state(theirs, "stgcn", source="stgcn.pth")
    assert conversion.layout == "mmaction2"
    assert conversion.changed == {"classifier.weight": "reshaped from (5, 8, 1, 1)"}
    loaded = STGCN(5, in_channels=2, widths=WIDTHS)
    loaded.load_state_dict(conversion.state)
    poses = torch.randn(2, 2, 16, 17, 1)
    with torch.inference_mode():
        assert torch.equal(loaded.eval()(poses), model(poses))


def test_another_graph_is_refused(pyskl):
    state = pyskl.state_dict()
    other = STGCN(5, partition="true_distance").adjacency
    changed = {key: other if key.endswith(".A") else tensor for key, tensor in state.items()}
    with pytest.raises(ConfigError, match="another graph of 17 joints, or another partition"):
        convert_state(changed, "stgcn", source="stgcn.pth")
    openpose = {key: tensor[:, :16, :16] if key.endswith(".A") else tensor for key, tensor in state.items()}
    with pytest.raises(ConfigError, match=r"graph is \(3, 16, 16\)"):
        convert_state(openpose, "stgcn", source="stgcn.pth")
    one = {**state, "backbone.gcn.2.gcn.A": other}
    with pytest.raises(ConfigError, match=r"1 contradictory.*gcn\.2\.gcn\.A differs"):
        convert_state(one, "stgcn", source="stgcn.pth")


def test_importances_that_are_added_are_refused(pyskl):
    state = pyskl.state_dict()
    state["backbone.gcn.1.gcn.PA"] = torch.empty(3, 17, 17).uniform_(-1e-6, 1e-6)
    with pytest.raises(ConfigError, match=r"edge_importance\.1 is no factor"):
        convert_state(state, "stgcn", source="stgcn.pth")


def test_branches_of_other_networks_are_refused(pyskl):
    """ST-GCN++ has residual graph convolutions and branches over time."""
    state = {**pyskl.state_dict(), "backbone.gcn.1.gcn.down.0.weight": torch.zeros(4, 4, 1, 1)}
    with pytest.raises(ConfigError, match=r"unknown: backbone\.gcn\.1\.gcn\.down\.0\.weight"):
        convert_state(state, "stgcn", source="stgcnpp.pth")
    with pytest.raises(ConfigError, match="no blocks of graph convolution"):
        convert_state({"fc.weight": torch.zeros(1)}, "stgcn", source="other.pth")
