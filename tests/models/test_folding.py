import pytest
import torch
import torchvision
from torch import nn

from finegym.models.backbones import IMAGENET, Backbone, build_backbone
from finegym.models.bninception import build_bn_inception
from finegym.models.folding import fold_batch_norms, set_channels_last
from finegym.models.gsf import GSF
from finegym.models.i3d import I3D, add_non_local_blocks, inflate_backbone
from finegym.models.posec3d import PoseConv3D
from finegym.models.stgcn import STGCN
from finegym.models.trn import TRN
from finegym.models.tsm import TSM
from finegym.models.tsn import TSN

NORMS = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


def build_resnet():
    resnet = torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, [1, 1, 1, 1], width_per_group=4)
    resnet.fc = nn.Identity()
    return Backbone(resnet, 2048, IMAGENET)


def build_i3d_of_lite():
    return I3D(inflate_backbone(build_backbone("efficientnet_lite0")[0], stem_temporal_stride=1), 4)


CASES = {
    "tsn": (lambda: TSN(build_resnet(), 4), (2, 3, 3, 32, 32), 0),
    "bn_inception": (lambda: TSN(build_bn_inception(), 4), (1, 2, 3, 64, 64), 0),
    "mobilenet": (lambda: TSN(build_backbone("mobilenet_v3_small")[0], 4), (1, 2, 3, 32, 32), 0),
    "densenet": (lambda: TSN(build_backbone("densenet121")[0], 4), (1, 1, 3, 32, 32), 120),
    "tsm of lite": (lambda: TSM(build_backbone("efficientnet_lite0")[0], 4), (1, 2, 3, 32, 32), 0),
    "i3d of lite": (build_i3d_of_lite, (1, 2, 3, 32, 32), 0),
    "trn": (lambda: TRN(build_resnet(), 4, 3), (2, 3, 3, 32, 32), 0),
    "tsm": (lambda: TSM(build_resnet(), 4), (2, 3, 3, 32, 32), 0),
    # The gates' own norms, and the four that come after gate-shift-fuse.
    "gsf": (lambda: GSF(build_resnet(), 4), (2, 3, 3, 32, 32), 8),
    "nl_i3d": (lambda: I3D(add_non_local_blocks(inflate_backbone(build_resnet()), {2: [0]}), 4), (1, 8, 3, 32, 32), 1),
    # Of the data, and after the graph in each of the blocks.
    "stgcn": (lambda: STGCN(4, widths=(8, 16, 16)), (2, 3, 9, 17, 2), 1 + 3),
    "posec3d": (lambda: PoseConv3D(4, base_channels=4, num_blocks=(1, 1, 1)), (2, 17, 4, 16, 16), 0),
}


@pytest.mark.parametrize("name", CASES)
def test_logits_stay_and_batch_norms_go(name):
    build, shape, num_left = CASES[name]
    torch.manual_seed(0)
    model = build()
    for module in model.modules():
        if isinstance(module, NORMS):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.05)
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    inputs = torch.randn(shape)
    folded = fold_batch_norms(model)
    assert sum(isinstance(module, NORMS) for module in folded.modules()) == num_left
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    with torch.inference_mode():
        expected = model.eval()(inputs)
        scale = expected.abs().max()
        torch.testing.assert_close(folded(inputs) / scale, expected / scale, atol=1e-5, rtol=0)
        set_channels_last(folded)
        torch.testing.assert_close(folded(inputs) / scale, expected / scale, atol=1e-5, rtol=0)
