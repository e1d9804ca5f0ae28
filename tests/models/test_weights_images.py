"""Networks of images, and TSN, TSM and TRN on them, under the names of torchvision, timm, Caffe and mmaction2."""

import re

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock

from finegym.errors import ConfigError
from finegym.models import weights_targets
from finegym.models.backbones import IMAGENET, Backbone, build_backbone, load_weights
from finegym.models.bninception import BNInception, build_bn_inception
from finegym.models.trn import TRN, TRNms
from finegym.models.tsm import TSM
from finegym.models.tsn import TSN
from finegym.models.weights_convert import convert_state
from finegym.models.weights_layouts import LAYOUTS, recognise_layout, rename_keys


def randomise(module):
    generator = torch.Generator().manual_seed(0)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if name.endswith("running_var"):
            tensor.data.uniform_(0.5, 1.5, generator=generator)
        elif tensor.dim() > 1:
            tensor.data.normal_(0, (2 / tensor[0].numel()) ** 0.5, generator=generator)
        elif tensor.is_floating_point():
            tensor.data.uniform_(0.1, 0.5, generator=generator)
    return module.eval()


@pytest.fixture(scope="module")
def resnet18():
    return randomise(torchvision.models.resnet18())


@pytest.mark.parametrize("layout", ["torchvision", "timm", "auto"])
def test_resnets_keep_their_names(resnet18, layout):
    state = {f"module.{key}": tensor for key, tensor in resnet18.state_dict().items()}
    conversion = convert_state(state, "resnet18", source="r18.pth", layout=layout)
    assert set(conversion.ignored) == {"fc.weight", "fc.bias"}
    backbone, _ = build_backbone("resnet18")
    load_weights(backbone.body, conversion.state, source="converted", head="\0")
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(resnet18.fc(backbone.eval()(images)), resnet18(images))


def test_a_head_of_another_width_is_not_taken_for_one(resnet18):
    state = {**resnet18.state_dict(), "fc.weight": torch.zeros(1000, 100)}
    with pytest.raises(ConfigError, match=r"2 unknown.*unknown: fc\.weight"):
        convert_state(state, "resnet18", source="r18.pth")


class SmallVGG(nn.Module):
    """torchvision's VGG in small: what ``build_backbone`` leaves of it."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        layers = [nn.Linear(4 * 49, 16), nn.ReLU(), nn.Identity(), nn.Linear(16, 8), nn.ReLU(), nn.Identity()]
        self.classifier = nn.Sequential(*layers)

    def forward(self, images):
        return self.classifier(self.avgpool(self.features(images)).flatten(1))


class TimmVGG(nn.Module):
    """timm's: the linear layers are convolutions."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.pre_logits = nn.Module()
        self.pre_logits.fc1, self.pre_logits.fc2 = nn.Conv2d(4, 16, 7), nn.Conv2d(16, 8, 1)
        self.head = nn.Module()
        self.head.fc = nn.Linear(8, 5)

    def forward(self, images):
        x = F.relu(self.pre_logits.fc2(F.relu(self.pre_logits.fc1(self.features(images)))))
        return self.head.fc(x.mean(dim=(2, 3)))


def test_timms_vgg_gives_the_same_features(monkeypatch):
    monkeypatch.setattr(weights_targets, "build_backbone", lambda *_, **__: (Backbone(SmallVGG(), 8, IMAGENET), None))
    theirs = randomise(TimmVGG())
    conversion = convert_state(theirs.state_dict(), "vgg16", source="vgg16.safetensors")
    assert conversion.layout == "timm"
    assert conversion.ignored == dict.fromkeys(("head.fc.weight", "head.fc.bias"), "head: 5 classes of images")
    ours = SmallVGG()
    ours.load_state_dict(conversion.state)
    images = torch.randn(2, 3, 14, 14)
    with torch.inference_mode():
        torch.testing.assert_close(theirs.head.fc(ours(images)), theirs(images))


def name_as_timm(key):
    """timm's name of a tensor of the package's EfficientNet-Lite0, from the two structures."""
    stage_of = [stage for stage, count in enumerate((1, 2, 2, 3, 3, 4, 1)) for _ in range(count)]
    match = re.fullmatch(r"_blocks\.(\d+)\.(_\w+?)\.(\w+)", key)
    if match is None:
        for ours, theirs in (
            ("_conv_stem", "conv_stem"),
            ("_bn0", "bn1"),
            ("_conv_head", "conv_head"),
            ("_bn1", "bn2"),
        ):
            key = re.sub(rf"^{ours}\.", f"{theirs}.", key)
        return re.sub(r"^_fc\.", "classifier.", key)
    number, layer, last = int(match[1]), match[2], match[3]
    first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    others = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2"}
    others |= {"_project_conv": "conv_pwl", "_bn2": "bn3"}
    stage = stage_of[number]
    return f"blocks.{stage}.{number - stage_of.index(stage)}.{(others if stage else first)[layer]}.{last}"


def test_timms_efficientnet_lite0():
    package = pytest.importorskip("efficientnet_lite_pytorch")
    ours = package.EfficientNet.from_name("efficientnet-lite0", image_size=None).state_dict()
    theirs = {name_as_timm(key): tensor for key, tensor in ours.items()}
    assert {"blocks.0.0.conv_dw.weight", "blocks.3.2.bn3.running_var", "blocks.6.0.conv_pwl.weight"} <= set(theirs)
    conversion = convert_state(theirs, "efficientnet_lite0", source="tf_lite0.pth")
    assert conversion.layout == "timm"
    assert conversion.ignored == dict.fromkeys(("classifier.weight", "classifier.bias"), "head: 1000 classes of images")
    assert set(conversion.state) == set(ours) - {"_fc.weight", "_fc.bias"}
    assert all(torch.equal(tensor, ours[key]) for key, tensor in conversion.state.items())


@pytest.fixture(scope="module")
def inception():
    return randomise(BNInception())


@pytest.mark.parametrize(
    ("prefix", "head", "has_rows"),
    [("", "last_linear", False), ("", "fc", True), ("module.base_model.", "", False)],
    ids=["pretrained-models.pytorch", "with rows", "tsn-pytorch"],
)
def test_bn_inceptions_of_caffe(inception, prefix, head, has_rows):
    """The older files hold batch norms as rows of shape (1, C)."""
    state = {}
    for key, tensor in inception.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            state[prefix + key] = tensor[None] if has_rows and "_bn." in key else tensor
    if head:
        state |= {f"{head}.weight": torch.zeros(1000, 1024), f"{head}.bias": torch.zeros(1000)}
    conversion = convert_state(state, "bn_inception", source="bn.pth")
    assert conversion.layout == "caffe-bninception"
    assert len(conversion.ignored) == (2 if head else 0)
    assert len(conversion.changed) == (4 * 69 if has_rows else 0)
    backbone = build_bn_inception()
    load_weights(backbone.body, conversion.state, source="converted", head="\0")
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(backbone.eval()(images), inception(images))


def test_a_tsn_of_tsn_pytorch_keeps_its_classes_on_request(inception):
    state = {f"base_model.{key}": tensor for key, tensor in inception.state_dict().items()}
    state |= {"new_fc.weight": torch.randn(7, 1024), "new_fc.bias": torch.randn(7)}
    whole = convert_state(state, "tsn/bn_inception", source="tsn.pth.tar")
    assert torch.equal(whole.state["classifier.weight"], state["new_fc.weight"])
    assert whole.num_classes == 7
    backbone = convert_state(state, "bn_inception", source="tsn.pth.tar")
    assert backbone.ignored == dict.fromkeys(("new_fc.weight", "new_fc.bias"), "head: a backbone has none")


# mmaction2 on images: a small ResNet with its module names, and its three heads.


def build_small_backbone(name="resnet18", in_channels=3, **_):
    resnet = torchvision.models.ResNet(BasicBlock, [1, 1, 1, 1])
    for stage, width in enumerate((4, 8, 8, 8), start=1):
        before = 64 if stage == 1 else (4, 8, 8)[stage - 2]
        stride = 1 if stage == 1 else 2
        shortcut = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        setattr(resnet, f"layer{stage}", nn.Sequential(BasicBlock(before, width, stride, shortcut)))
    resnet.fc = nn.Identity()
    return Backbone(resnet, 8, IMAGENET), None


class ConvModule(nn.Module):
    def __init__(self, before, after, kernel, stride):
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(after)

    def forward(self, x):
        return self.bn(self.conv(x))


class Shift(nn.Module):
    """TemporalShift: the convolution is called net."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        clips, fold = x.unflatten(0, (-1, 3)), x.shape[1] // 8
        nothing = torch.zeros_like(clips[:, :1])
        after, before = torch.cat([clips[:, 1:], nothing], dim=1), torch.cat([nothing, clips[:, :-1]], dim=1)
        parts = [after[:, :, :fold], before[:, :, fold : 2 * fold], clips[:, :, 2 * fold :]]
        return self.net(torch.cat(parts, dim=2).flatten(0, 1))


class MMResNet(nn.Module):
    def __init__(self, *, is_shifted):
        super().__init__()
        self.conv1 = ConvModule(3, 64, 7, 2)
        before = 64
        for stage, width in enumerate((4, 8, 8, 8), start=1):
            block, stride = nn.Module(), 1 if stage == 1 else 2
            block.conv1, block.conv2 = ConvModule(before, width, 3, stride), ConvModule(width, width, 3, 1)
            block.downsample = ConvModule(before, width, 1, stride)
            if is_shifted:
                block.conv1.conv = Shift(block.conv1.conv)
            self.add_module(f"layer{stage}", nn.ModuleList([block]))
            before = width

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 3, 2, 1)
        for stage in (1, 2, 3, 4):
            block = getattr(self, f"layer{stage}")[0]
            x = F.relu(block.conv2(F.relu(block.conv1(x))) + block.downsample(x))
        return x.mean(dim=(2, 3))


class MMRecognizer2D(nn.Module):
    """backbone.…, cls_head.fc_cls, and for relations cls_head.consensus."""

    def __init__(self, method, num_classes=5, num_frames=3):
        super().__init__()
        self.method, self.num_frames = method, num_frames
        self.backbone = MMResNet(is_shifted=method == "tsm")
        self.cls_head = nn.Module()
        self.cls_head.fc_cls = nn.Linear(8, 6 if method.startswith("trn") else num_classes)
        scales = range(num_frames, 1, -1)

        def build_relation(scale):
            return nn.Sequential(nn.ReLU(), nn.Linear(6 * scale, 10), nn.ReLU(), nn.Linear(10, num_classes))

        if method == "trn":
            self.cls_head.consensus = nn.Module()
            self.cls_head.consensus.classifier = build_relation(num_frames)
        elif method == "trnms":
            self.cls_head.consensus = nn.Module()
            self.cls_head.consensus.fc_fusion_scales = nn.ModuleList(build_relation(scale) for scale in scales)

    def forward(self, frames):
        scores = self.cls_head.fc_cls(self.backbone(frames.flatten(0, 1))).unflatten(0, frames.shape[:2])
        if self.method == "trn":
            return self.cls_head.consensus.classifier(scores.flatten(1))
        if self.method == "trnms":
            three, two = self.cls_head.consensus.fc_fusion_scales
            pairs = [two(scores[:, pair].flatten(1)) for pair in ([0, 1], [0, 2], [1, 2])]
            return three(scores.flatten(1)) + sum(pairs)
        return scores.mean(dim=1)


@pytest.mark.parametrize("method", ["tsn", "tsm", "trn", "trnms"])
def test_logits_of_mmaction2s_networks_are_ours_after_conversion(monkeypatch, method):
    monkeypatch.setattr(weights_targets, "build_backbone", build_small_backbone)
    torch.manual_seed(0)
    theirs = randomise(MMRecognizer2D(method))
    state = theirs.state_dict()
    conversion = convert_state(state, f"{method}/resnet18", source="ssv1.pth")
    assert conversion.layout == "mmaction2"
    assert set(conversion.used) == set(state)
    assert conversion.num_classes == 5
    backbone, _ = build_small_backbone()
    sizes = {"frame_feature_size": 6, "hidden_size": 10}
    ours = {
        "tsn": lambda: TSN(backbone, 5),
        "tsm": lambda: TSM(backbone, 5),
        "trn": lambda: TRN(backbone, 5, 3, **sizes),
        "trnms": lambda: TRNms(backbone, 5, 3, **sizes),
    }[method]()
    ours.load_state_dict(conversion.state)
    frames = torch.randn(2, 3, 3, 64, 64)
    with torch.inference_mode():
        expected = theirs(frames)
        torch.testing.assert_close(ours.eval()(frames), expected, atol=1e-6, rtol=1e-5)
    assert expected.std() > 1e-3


def test_the_backbone_alone_of_a_recogniser(monkeypatch):
    monkeypatch.setattr(weights_targets, "build_backbone", build_small_backbone)
    conversion = convert_state(MMRecognizer2D("trnms").state_dict(), "resnet18", source="ssv1.pth")
    assert set(conversion.ignored.values()) == {"head: a backbone has none"}
    assert len(conversion.ignored) == 2 + 2 * 4
    assert set(conversion.state) == set(build_small_backbone()[0].body.state_dict())


def test_what_is_not_there_to_be_converted_to_is_said(monkeypatch):
    monkeypatch.setattr(weights_targets, "build_backbone", build_small_backbone)
    state = MMRecognizer2D("tsn").state_dict()
    with pytest.raises(ConfigError, match="no relations of frames"):
        convert_state(state, "trn/resnet18", source="tsn.pth")
    for target in ("i3d", "tsn/", "foo/resnet18", "stgcn/resnet18"):
        with pytest.raises(ConfigError, match="is no target of a conversion"):
            convert_state(state, target, source="tsn.pth")
    with pytest.raises(ConfigError, match="layout 'caffe' is not known"):
        convert_state(state, "tsn/resnet18", source="tsn.pth", layout="caffe")
    del state["cls_head.fc_cls.weight"]
    with pytest.raises(ConfigError, match=r"missing: classifier\.weight"):
        convert_state(state, "tsn/resnet18", source="tsn.pth")


def test_a_file_in_another_layout_than_said_is_refused(resnet18):
    with pytest.raises(ConfigError, match=r"r18\.pth, read in the layout mmaction2, does not fit resnet18"):
        convert_state(resnet18.state_dict(), "resnet18", source="r18.pth", layout="mmaction2")


def test_every_layout_has_rules_and_a_sign():
    keys = ["conv1.weight"]
    assert all(list(rename_keys(keys, layout)) == keys for layout in LAYOUTS)
    assert recognise_layout(keys) == "torchvision"
    assert recognise_layout(["conv1_7x7_s2.weight"]) == "caffe-bninception"
