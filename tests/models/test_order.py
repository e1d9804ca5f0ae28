"""What FineGym is hard for: the same frames, forwards and backwards, are two elements."""

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from finegym.models.backbones import IMAGENET, Backbone
from finegym.models.gsf import GSF
from finegym.models.i3d import I3D, add_non_local_blocks, inflate_backbone
from finegym.models.posec3d import PoseConv3D
from finegym.models.stgcn import STGCN
from finegym.models.trn import TRN, TRNms
from finegym.models.tsm import TSM
from finegym.models.tsn import TSN


def build_small():
    """Two residual blocks of 16 channels."""
    block = torchvision.models.resnet.BasicBlock
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Backbone(nn.Sequential(nn.Conv2d(3, 16, 3, stride=2), block(16, 16), block(16, 16), pool), 16, IMAGENET)


def build_resnet():
    resnet = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1])
    resnet.fc = nn.Identity()
    return Backbone(resnet, 512, IMAGENET)


CASES = {
    "trn": lambda: TRN(build_small(), 2, 4, dropout=0.0),
    "trnms": lambda: TRNms(build_small(), 2, 4, dropout=0.0),
    "tsm": lambda: TSM(build_small(), 2, dropout=0.0),
    "gsf": lambda: GSF(build_small(), 2, dropout=0.0),
    "i3d": lambda: I3D(inflate_backbone(build_resnet(), stem_temporal_stride=1), 2, dropout=0.0),
    "nl_i3d": lambda: I3D(
        add_non_local_blocks(inflate_backbone(build_resnet(), stem_temporal_stride=1), {2: [0]}), 2, dropout=0.0
    ),
    "stgcn": lambda: STGCN(2, widths=(16, 32)),
    "posec3d": lambda: PoseConv3D(2, base_channels=8, num_blocks=(1, 1, 1), dropout=0.0),
}


SLOW = ("i3d", "nl_i3d")


def make_clips(name):
    """Four clips forwards (class 0), then the same backwards (class 1)."""
    generator = torch.Generator().manual_seed(0)
    if name == "stgcn":
        walk = torch.randn(4, 3, 8, 17, 1, generator=generator)
        time = 2
    elif name == "posec3d":
        walk, time = torch.rand(4, 17, 4, 16, 16, generator=generator), 2
    else:
        size = 32 if name in SLOW else 16
        walk, time = torch.randn(4, 4, 3, size, size, generator=generator), 1
    walk[(slice(None),) * time + (0,)] += 2.0  # every clip begins with what it ends with when it is played backwards
    return torch.cat([walk, walk.flip(time)]), torch.tensor([0] * 4 + [1] * 4)


def fit(model, clips, targets, steps):
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(clips), targets)
        loss.backward()
        optimizer.step()
        if loss < 0.1:
            break
    return loss.item()


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in CASES])
def test_a_model_of_time_tells_forwards_from_backwards(name):
    torch.manual_seed(0)
    model = CASES[name]()
    clips, targets = make_clips(name)
    assert fit(model, clips, targets, 25 if name in SLOW else 60) < 0.1


def test_tsn_cannot():
    torch.manual_seed(0)
    model = TSN(build_small(), 2, dropout=0.0)
    clips, targets = make_clips("tsn")
    fit(model, clips, targets, 5)
    logits = model.eval()(clips)
    torch.testing.assert_close(logits[:4], logits[4:], atol=1e-4, rtol=1e-4)
