"""Kinetics I3D of mmaction2 and PySlowFast, PoseConv3D of pyskl: small networks of theirs, and ours converted."""

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import Bottleneck

from finegym.errors import ConfigError
from finegym.models import weights_targets
from finegym.models.backbones import IMAGENET, Backbone
from finegym.models.i3d import I3D, NON_LOCAL_PLACES, add_non_local_blocks, inflate_backbone
from finegym.models.posec3d import PoseConv3D
from finegym.models.weights_convert import convert_state

BLOCKS = (3, 4, 6, 3)
WIDTH = 4  # inner channels of the first stage; 64 in the published networks
LENGTHS = ((3, 3, 3), (3, 1, 3, 1), (3, 1, 3, 1, 3, 1), (1, 3, 1))
PLACES = ((), (1, 3), (1, 3, 5), ())


def build_small_backbone(name, in_channels=3, **_):
    """A ResNet-50 with inner widths of 4, 8, 16, 32 and the usual outer ones."""
    assert name == "resnet50"
    resnet = torchvision.models.ResNet(Bottleneck, list(BLOCKS), width_per_group=WIDTH)
    resnet.fc = nn.Identity()
    if in_channels != 3:
        resnet.conv1 = nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False)
    return Backbone(resnet, 2048, IMAGENET), None


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(weights_targets, "build_backbone", build_small_backbone)


def randomise(module, seed=0):
    """Statistics, scales and shifts that are not the identity; activations that neither grow nor vanish."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if name.endswith("num_batches_tracked"):
            tensor.fill_(7)
        elif name.endswith("running_var"):
            tensor.data.uniform_(0.5, 1.5, generator=generator)
        elif tensor.dim() > 1:
            tensor.data.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=generator)
        else:
            tensor.data.uniform_(-0.2, 0.2, generator=generator)
            if name.endswith("weight"):
                tensor.data.add_(0.5)
    return module.eval()


class ConvModule(nn.Module):
    """mmcv's: a convolution called conv and a batch norm called bn."""

    def __init__(self, before, after, kernel, stride=1, *, bias=False, norm=True):
        super().__init__()
        padding = tuple(k // 2 for k in kernel)
        self.conv = nn.Conv3d(before, after, kernel, stride, padding, bias=bias)
        if norm:
            self.bn = nn.BatchNorm3d(after)

    def forward(self, x):
        x = self.conv(x)
        return self.bn(x) if hasattr(self, "bn") else x


class MMNonLocal(nn.Module):
    def __init__(self, channels):
        super().__init__()
        inner = channels // 2
        pool = nn.MaxPool3d((1, 2, 2))
        self.g = nn.Sequential(ConvModule(channels, inner, (1, 1, 1), bias=True, norm=False), pool)
        self.theta = ConvModule(channels, inner, (1, 1, 1), bias=True, norm=False)
        self.phi = nn.Sequential(ConvModule(channels, inner, (1, 1, 1), bias=True, norm=False), pool)
        self.conv_out = ConvModule(inner, channels, (1, 1, 1))

    def forward(self, x):
        theta = self.theta(x).flatten(2).transpose(1, 2)
        weight = torch.softmax(theta @ self.phi(x).flatten(2), dim=-1)
        y = (weight @ self.g(x).flatten(2).transpose(1, 2)).transpose(1, 2)
        return x + self.conv_out(y.reshape(y.shape[0], y.shape[1], *x.shape[2:]))


class MMBlock(nn.Module):
    def __init__(self, before, inner, after, length, stride, has_non_local):
        super().__init__()
        self.conv1 = ConvModule(before, inner, (length, 1, 1))
        self.conv2 = ConvModule(inner, inner, (1, 3, 3), (1, stride, stride))
        self.conv3 = ConvModule(inner, after, (1, 1, 1))
        self.downsample = None
        if before != after or stride != 1:
            self.downsample = ConvModule(before, after, (1, 1, 1), (1, stride, stride))
        if has_non_local:
            self.non_local_block = MMNonLocal(after)

    def forward(self, x):
        y = self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))
        x = F.relu(y + (x if self.downsample is None else self.downsample(x)))
        return self.non_local_block(x) if hasattr(self, "non_local_block") else x


class MMRecognizer3D(nn.Module):
    """backbone.conv1, backbone.layer1 … and cls_head.fc_cls."""

    def __init__(self, num_classes, *, non_local):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.conv1 = ConvModule(3, 64, (5, 7, 7), (2, 2, 2))
        before = 64
        for stage in range(4):
            blocks = []
            for place, length in enumerate(LENGTHS[stage]):
                after, stride = 256 * 2**stage, 2 if stage and not place else 1
                has_non_local = non_local and place in PLACES[stage]
                blocks.append(MMBlock(before, WIDTH * 2**stage, after, length, stride, has_non_local))
                before = after
            setattr(self.backbone, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.cls_head = nn.Module()
        self.cls_head.fc_cls = nn.Linear(before, num_classes)

    def forward(self, clips):
        x = F.max_pool3d(F.relu(self.backbone.conv1(clips)), (1, 3, 3), (2, 2, 2), (0, 1, 1))
        x = F.max_pool3d(self.backbone.layer1(x), (2, 1, 1), (2, 1, 1))
        x = self.backbone.layer4(self.backbone.layer3(self.backbone.layer2(x)))
        return self.cls_head.fc_cls(F.adaptive_avg_pool3d(x, 1).flatten(1))


class PySlowFastNonLocal(nn.Module):
    def __init__(self, channels):
        super().__init__()
        inner = channels // 2
        for name in ("theta", "phi", "g"):
            setattr(self, f"conv_{name}", nn.Conv3d(channels, inner, 1))
        self.conv_out = nn.Conv3d(inner, channels, 1)
        self.norm = nn.BatchNorm3d(channels)

    def forward(self, x):
        theta, pooled = self.conv_theta(x), F.max_pool3d(x, (1, 2, 2))
        phi, g = self.conv_phi(pooled).flatten(2), self.conv_g(pooled).flatten(2)
        weight = torch.einsum("nct,ncp->ntp", theta.flatten(2), phi) / phi.shape[1] ** 0.5
        y = torch.einsum("ntp,ncp->nct", weight.softmax(dim=2), g).reshape(theta.shape)
        return x + self.norm(self.conv_out(y))


class PySlowFastBlock(nn.Module):
    def __init__(self, before, inner, after, length, stride):
        super().__init__()
        if before != after or stride != 1:
            self.branch1 = nn.Conv3d(before, after, 1, (1, stride, stride), bias=False)
            self.branch1_bn = nn.BatchNorm3d(after)
        self.branch2 = nn.Module()
        self.branch2.a = nn.Conv3d(before, inner, (length, 1, 1), padding=(length // 2, 0, 0), bias=False)
        self.branch2.b = nn.Conv3d(inner, inner, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.branch2.c = nn.Conv3d(inner, after, 1, bias=False)
        for name, channels in (("a_bn", inner), ("b_bn", inner), ("c_bn", after)):
            setattr(self.branch2, name, nn.BatchNorm3d(channels))

    def forward(self, x):
        two = self.branch2
        y = two.c_bn(two.c(F.relu(two.b_bn(two.b(F.relu(two.a_bn(two.a(x))))))))
        return F.relu(y + (self.branch1_bn(self.branch1(x)) if hasattr(self, "branch1") else x))


class PySlowFastResNet(nn.Module):
    """s1.pathway0_stem, s2.pathway0_res0 …, head.projection."""

    def __init__(self, num_classes, *, non_local):
        super().__init__()
        self.s1 = nn.Module()
        self.s1.pathway0_stem = nn.Module()
        self.s1.pathway0_stem.conv = nn.Conv3d(3, 64, (5, 7, 7), (1, 2, 2), (2, 3, 3), bias=False)
        self.s1.pathway0_stem.bn = nn.BatchNorm3d(64)
        before = 64
        for stage in range(4):
            module = nn.Module()
            for place, length in enumerate(LENGTHS[stage]):
                after, stride = 256 * 2**stage, 2 if stage and not place else 1
                block = PySlowFastBlock(before, WIDTH * 2**stage, after, length, stride)
                module.add_module(f"pathway0_res{place}", block)
                if non_local and place in PLACES[stage]:
                    module.add_module(f"pathway0_nonlocal{place}", PySlowFastNonLocal(after))
                before = after
            setattr(self, f"s{stage + 2}", module)
        self.head = nn.Module()
        self.head.projection = nn.Linear(before, num_classes)

    def forward(self, clips):
        x = F.relu(self.s1.pathway0_stem.bn(self.s1.pathway0_stem.conv(clips)))
        x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
        for stage in (2, 3, 4, 5):
            for module in getattr(self, f"s{stage}").children():
                x = module(x)
            if stage == 2:
                x = F.max_pool3d(x, (2, 1, 1), (2, 1, 1))
        return self.head.projection(x.mean(dim=(2, 3, 4)))


def build_ours(conversion, *, non_local, output_bias=False):
    settings = dict(conversion.form)
    backbone, _ = build_small_backbone("resnet50")
    backbone = inflate_backbone(backbone, stem_temporal_stride=settings.pop("stem_temporal_stride"))
    if non_local:
        add_non_local_blocks(backbone, NON_LOCAL_PLACES, output_bias=output_bias, **settings)
    model = I3D(backbone, conversion.num_classes)
    model.load_state_dict(conversion.state)  # strictly: every key, every shape
    return model.eval()


@pytest.mark.parametrize("non_local", [False, True])
@pytest.mark.parametrize("network", [MMRecognizer3D, PySlowFastResNet])
def test_logits_of_their_network_are_ours_after_conversion(network, non_local):
    torch.manual_seed(0)
    theirs = randomise(network(7, non_local=non_local))
    state = theirs.state_dict()
    conversion = convert_state(state, "nl_i3d/resnet50" if non_local else "i3d/resnet50", source="k400.pth")
    assert conversion.layout == {MMRecognizer3D: "mmaction2", PySlowFastResNet: "slowfast"}[network]
    assert set(conversion.used) == set(state)
    assert conversion.ignored == conversion.changed == {}
    assert conversion.num_classes == 7
    ours = build_ours(conversion, non_local=non_local, output_bias=network is PySlowFastResNet)
    clips = torch.randn(2, 3, 8, 32, 32)
    with torch.inference_mode():
        expected = theirs(clips)
        got = ours(clips.transpose(1, 2))
    assert expected.std() > 1e-3
    torch.testing.assert_close(got / expected.std(), expected / expected.std(), atol=1e-5, rtol=1e-5)


def test_representative_keys_of_mmaction2():
    theirs = randomise(MMRecognizer3D(7, non_local=True))
    state = theirs.state_dict()
    converted = convert_state(state, "nl_i3d/resnet50", source="k400.pth").state
    for their_key, our_key in {
        "backbone.conv1.conv.weight": "backbone.body.conv1.weight",
        "backbone.conv1.bn.running_var": "backbone.body.bn1.running_var",
        "backbone.layer3.5.conv2.bn.bias": "backbone.body.layer3.5.bn2.bias",
        "backbone.layer4.0.downsample.conv.weight": "backbone.body.layer4.0.downsample.0.weight",
        "backbone.layer4.0.downsample.bn.running_mean": "backbone.body.layer4.0.downsample.1.running_mean",
        "backbone.layer2.3.non_local_block.phi.0.conv.bias": "backbone.body.non_local.layer2_3.phi.bias",
        "backbone.layer3.1.non_local_block.theta.conv.weight": "backbone.body.non_local.layer3_1.theta.weight",
        "backbone.layer3.1.non_local_block.conv_out.bn.weight": "backbone.body.non_local.layer3_1.norm.weight",
        "cls_head.fc_cls.weight": "classifier.weight",
    }.items():
        assert torch.equal(converted[our_key], state[their_key]), their_key


def test_representative_keys_of_pyslowfast():
    theirs = randomise(PySlowFastResNet(7, non_local=True))
    state = theirs.state_dict()
    converted = convert_state(state, "nl_i3d/resnet50", source="k400.pyth").state
    for their_key, our_key in {
        "s1.pathway0_stem.bn.weight": "backbone.body.bn1.weight",
        "s2.pathway0_res0.branch1.weight": "backbone.body.layer1.0.downsample.0.weight",
        "s3.pathway0_res3.branch2.b_bn.running_mean": "backbone.body.layer2.3.bn2.running_mean",
        "s5.pathway0_res2.branch2.c.weight": "backbone.body.layer4.2.conv3.weight",
        "s4.pathway0_nonlocal5.conv_out.bias": "backbone.body.non_local.layer3_5.output.bias",
        "head.projection.bias": "classifier.bias",
    }.items():
        assert torch.equal(converted[our_key], state[their_key]), their_key


def test_pyslowfasts_own_pixels_and_form_are_said():
    state = PySlowFastResNet(7, non_local=True).state_dict()
    conversion = convert_state(state, "nl_i3d/resnet50", source="k400.pyth")
    assert conversion.pixels == {"mean": [0.45] * 3, "std": [0.225] * 3}
    assert conversion.form == {"stem_temporal_stride": 1, "is_scaled": True, "pools_first": True}


def test_every_kind_of_mismatch_is_counted_and_named():
    state = MMRecognizer3D(7, non_local=False).state_dict()
    del state["backbone.layer1.0.conv1.bn.weight"]
    state["neck.conv.weight"] = torch.zeros(1)
    state["backbone.layer4.0.conv2.conv.weight"] = torch.zeros(32, 32, 3, 3, 3)
    with pytest.raises(ConfigError, match=r"1 missing, 1 unknown, 1 of another shape, 0 contradictory") as caught:
        convert_state(state, "i3d/resnet50", source="k400.pth")
    for fact in ("mmaction2", "layer1.0.bn1.weight", "neck.conv.weight", "(32, 32, 3, 3, 3)", "(32, 32, 1, 3, 3)"):
        assert fact in str(caught.value)
    assert "\n" not in str(caught.value)


def test_non_local_blocks_and_none_are_not_mistaken_for_each_other():
    with_blocks, without = (MMRecognizer3D(7, non_local=is_so).state_dict() for is_so in (True, False))
    with pytest.raises(ConfigError, match=r"unknown: backbone\.layer2\.1\.non_local_block"):
        convert_state(with_blocks, "i3d/resnet50", source="k400.pth")
    with pytest.raises(ConfigError, match="no non-local blocks"):
        convert_state(without, "nl_i3d/resnet50", source="k400.pth")


def test_slowfasts_second_pathway_is_refused():
    state = PySlowFastResNet(7, non_local=False).state_dict()
    state["s1.pathway1_stem.conv.weight"] = torch.zeros(8, 3, 5, 7, 7)
    with pytest.raises(ConfigError, match=r"unknown: s1\.pathway1_stem"):
        convert_state(state, "i3d/resnet50", source="slowfast.pyth")


def test_weights_of_images_are_inflated_and_rgb_is_widened():
    resnet = randomise(build_small_backbone("resnet50")[0].body)
    state = {**resnet.state_dict(), "fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}
    conversion = convert_state(state, "i3d/resnet50", source="r50.pth", in_channels=10)
    assert conversion.ignored == dict.fromkeys(("fc.weight", "fc.bias"), "head: 1000 classes of images")
    assert conversion.num_classes == 0
    assert conversion.in_channels == 10
    stem = conversion.state["backbone.body.conv1.weight"]
    assert stem.shape == (64, 10, 5, 7, 7)
    expected = sum(state["conv1.weight"][:, channel] for channel in range(3)) / 3 / 5
    for channel, frame in ((0, 0), (9, 4), (3, 2)):
        torch.testing.assert_close(stem[:, channel, frame], expected)
    assert conversion.changed["backbone.body.conv1.weight"] == "inflated to 5 frames, widened from 3 to 10 channels"
    assert conversion.changed["backbone.body.layer1.0.conv1.weight"] == "inflated to 3 frames"

    # The same as the model's own inflation of a loaded backbone.
    body = inflate_backbone(Backbone(resnet, 2048, IMAGENET)).body.state_dict()
    for key, tensor in body.items():
        if key != "conv1.weight":
            assert torch.equal(conversion.state[f"backbone.body.{key}"], tensor), key


def test_only_rgb_is_widened():
    state = {**build_small_backbone("resnet50", in_channels=10)[0].body.state_dict()}
    assert convert_state(state, "resnet50", source="flow.pth").in_channels == 10
    with pytest.raises(ConfigError, match="sees 10 channels; only RGB"):
        convert_state(state, "resnet50", source="flow.pth", in_channels=20)


class PoseRecognizer(nn.Module):
    """pyskl's PoseConv3D: the blocks of mmaction2, three stages, no pooling after the stem at a stride of 2."""

    def __init__(self, num_classes):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.conv1 = ConvModule(17, 8, (1, 7, 7))
        before = 8
        for stage, (length, num_blocks) in enumerate(((1, 2), (3, 1), (3, 1))):
            blocks = []
            for place in range(num_blocks):
                inner, stride = 8 * 2**stage, 1 if place else 2
                block = MMBlock(before, inner, 4 * inner, length, stride, has_non_local=False)
                if stage == 2 and place == 0:
                    block.conv2.conv.stride = block.downsample.conv.stride = (2, 2, 2)
                blocks.append(block)
                before = 4 * inner
            setattr(self.backbone, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.cls_head = nn.Module()
        self.cls_head.fc_cls = nn.Linear(before, num_classes)

    def forward(self, heatmaps):
        x = F.max_pool3d(F.relu(self.backbone.conv1(heatmaps)), (1, 3, 3), 1, (0, 1, 1))
        x = self.backbone.layer3(self.backbone.layer2(self.backbone.layer1(x)))
        return self.cls_head.fc_cls(x.mean(dim=(2, 3, 4)))


@pytest.mark.parametrize("layout", ["auto", "pyskl"])
def test_logits_of_pyskls_poseconv3d_are_ours_after_conversion(layout):
    torch.manual_seed(0)
    theirs = randomise(PoseRecognizer(7))
    state = theirs.state_dict()
    conversion = convert_state(state, "posec3d", source="pose.pth", layout=layout)
    assert set(conversion.used) == set(state)
    assert conversion.in_channels == 17
    ours = PoseConv3D(7, base_channels=8, num_blocks=(2, 1, 1))
    ours.load_state_dict(conversion.state)
    heatmaps = torch.rand(2, 17, 8, 24, 24)
    with torch.inference_mode():
        expected = theirs(heatmaps)
        torch.testing.assert_close(ours.eval()(heatmaps), expected, atol=1e-6, rtol=1e-5)
    assert expected.std() > 1e-3


def test_other_networks_are_not_taken_for_poseconv3d():
    with pytest.raises(ConfigError, match="no stem of heatmaps"):
        convert_state({"conv1.weight": torch.zeros(1)}, "posec3d", source="pose.pth")
    with pytest.raises(ConfigError, match=r"unknown: backbone\.layer4\.0"):
        convert_state(MMRecognizer3D(7, non_local=False).state_dict(), "posec3d", source="i3d.pth")
