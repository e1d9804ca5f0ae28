import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock, Bottleneck

from finegym.errors import ConfigError
from finegym.models import count_parameters
from finegym.models.backbones import IMAGENET, Backbone, build_backbone
from finegym.models.complexity import count_multiply_adds
from finegym.models.i3d import I3D, NON_LOCAL_PLACES, add_non_local_blocks, inflate_backbone, inflate_convolution

# Frames of the first kernel of every block, as published.
LENGTHS = {1: (3, 3, 3), 2: (3, 1, 3, 1), 3: (3, 1, 3, 1, 3, 1), 4: (1, 3, 1)}


def build_small(blocks=(3, 4, 6, 3), block=Bottleneck, non_local=None, **settings):
    torch.manual_seed(0)
    resnet = torchvision.models.ResNet(block, list(blocks), **({"width_per_group": 4} if block is Bottleneck else {}))
    resnet.fc = nn.Identity()
    for module in resnet.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics and scales that are not the identity
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.3, 0.6)
    backbone = inflate_backbone(Backbone(resnet, 512 * block.expansion, IMAGENET), **settings)
    if non_local:
        add_non_local_blocks(backbone, non_local)
    for parameter in backbone.parameters():
        if parameter.dim() == 5 and parameter.shape[2] > 1:  # kernels that are not equal over time
            parameter.data += torch.randn_like(parameter) * parameter.std()
    model = I3D(backbone, 5)
    nn.init.normal_(model.classifier.weight, 0, 0.1)
    return model


def compute_reference(model, frames, stem_stride, is_training):
    """From images: every 3-D convolution is a loop over frames and kernel slices."""
    body, state = model.backbone.body, model.backbone.body.state_dict()

    def convolve(x, name, length, stride=1, stride_t=1):  # x is a list of T image batches (B, C, H, W)
        weight = state[f"{name}.weight"]
        assert weight.shape[2] == length, name
        out = []
        for t in range(0, len(x), stride_t):
            taps = [(k, t + k - length // 2) for k in range(length)]
            padding = weight.shape[-1] // 2
            out.append(
                sum(F.conv2d(x[s], weight[:, :, k], stride=stride, padding=padding) for k, s in taps if 0 <= s < len(x))
            )
        return out

    def norm(x, name):
        values = torch.stack(x)  # (T, B, C, H, W)
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        if is_training:
            mean, variance = values.mean(dim=(0, 1, 3, 4)), values.var(dim=(0, 1, 3, 4), unbiased=False)
        scale = state[f"{name}.weight"] / torch.sqrt(variance + 1e-5)
        return list((values - mean[:, None, None]) * scale[:, None, None] + state[f"{name}.bias"][:, None, None])

    def relu(x):
        return [image.clamp(min=0) for image in x]

    x = relu(norm(convolve(list(frames.unbind(1)), "conv1", 5, 2, stem_stride), "bn1"))
    x = [F.max_pool2d(image, 3, 2, 1) for image in x[::stem_stride]]
    for stage, lengths in LENGTHS.items():
        for place, length in enumerate(lengths):
            at, stride = f"layer{stage}.{place}", 2 if stage > 1 and place == 0 else 1
            y = relu(norm(convolve(x, f"{at}.conv1", length), f"{at}.bn1"))
            y = relu(norm(convolve(y, f"{at}.conv2", 1, stride), f"{at}.bn2"))
            y = norm(convolve(y, f"{at}.conv3", 1), f"{at}.bn3")
            if place == 0:
                x = norm(convolve(x, f"{at}.downsample.0", 1, stride), f"{at}.downsample.1")
            x = relu([a + b for a, b in zip(x, y, strict=True)])
            if f"layer{stage}_{place}" in body.non_local:
                x = list(body.non_local[f"layer{stage}_{place}"](torch.stack(x, dim=2)).unbind(2))
        if stage == 1:
            x = [torch.maximum(x[t], x[t + 1]) for t in range(0, len(x) - 1, 2)]
    features = torch.stack(x).mean(dim=(0, 3, 4))
    return features @ model.classifier.weight.T + model.classifier.bias


@pytest.mark.parametrize("is_training", [False, True])
@pytest.mark.parametrize(("stem_stride", "num_frames"), [(2, 16), (1, 4)])
def test_network_equals_loops_over_frames(stem_stride, num_frames, is_training):
    model = build_small(stem_temporal_stride=stem_stride, non_local=NON_LOCAL_PLACES if stem_stride == 1 else None)
    for name, parameter in model.named_parameters():
        if ".norm.weight" in name:
            nn.init.constant_(parameter, 0.5)
    # In double precision: batch norms over few values magnify rounding.
    model, frames = model.double(), torch.randn(2, num_frames, 3, 32, 32, dtype=torch.double)
    model.train(is_training)
    model.dropout.eval()
    with torch.no_grad():
        expected = compute_reference(model, frames, stem_stride, is_training)
        got = model(frames)
    assert got.std() > 1e-3
    torch.testing.assert_close(got, expected, atol=1e-9, rtol=1e-9)


def test_a_still_clip_gives_what_the_image_network_gives():
    """Inflation: equal frames, no padding in reach. A kernel of a conv on its own shows it exactly."""
    conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
    image = torch.randn(1, 3, 8, 8)
    out = inflate_convolution(conv, 5)(image[:, :, None].expand(1, 3, 9, 8, 8))
    for t in range(2, 7):
        torch.testing.assert_close(out[:, :, t], conv(image), atol=1e-5, rtol=1e-5)
    assert out.shape[2] == 9
    assert inflate_convolution(conv, 5, stride=2)(image[:, :, None].expand(1, 3, 8, 8, 8)).shape[2] == 4


def test_weights_are_the_image_networks_repeated_and_divided():
    resnet = torchvision.models.resnet18(weights=None)
    before = {key: value.clone() for key, value in resnet.state_dict().items() if not key.startswith("fc.")}
    resnet.fc = nn.Identity()
    inflated = inflate_backbone(Backbone(resnet, 512, IMAGENET)).body.state_dict()
    assert inflated.keys() == before.keys()
    for key, value in inflated.items():
        expected = before[key]
        if value.dim() == 5:
            expected = expected[:, :, None].expand_as(value) / value.shape[2]
        torch.testing.assert_close(value, expected)


@pytest.mark.parametrize(
    ("num_frames", "stem_stride", "non_local", "count", "gmacs"),
    [
        (32, 2, None, 27_426_723, "33.13"),
        (8, 2, None, 27_426_723, "8.28"),
        (8, 1, None, 27_426_723, "28.41"),
        (32, 2, {}, 34_781_091, "44.34"),
        (32, 2, {"kind": "dot_product"}, 34_781_091, "44.34"),
        (32, 2, {"output_bias": True}, 34_785_187, "44.34"),
        (32, 2, {"kind": "gaussian"}, 31_106_979, "41.72"),
    ],
)
def test_counts_equal_the_published_ones(num_frames, stem_stride, non_local, count, gmacs):
    with torch.device("meta"):
        backbone = inflate_backbone(build_backbone("resnet50")[0], stem_temporal_stride=stem_stride)
        if non_local is not None:
            add_non_local_blocks(backbone, **non_local)
        model = I3D(backbone, 99)
    assert count_parameters(model) == count
    assert f"{count_multiply_adds(model, (1, num_frames, 3, 224, 224)) / 1e9:.2f}" == gmacs


def test_batch_and_its_order_do_not_change_logits():
    model = build_small((1, 1, 1, 1), block=BasicBlock, non_local={2: [0]}).eval()
    nn.init.ones_(model.backbone.body.non_local["layer2_0"].norm.weight)
    frames = torch.randn(4, 8, 3, 32, 32)
    with torch.inference_mode():
        together = model(frames)
        torch.testing.assert_close(torch.cat([model(clip[None]) for clip in frames]), together, atol=1e-5, rtol=0)
        torch.testing.assert_close(model(frames.flip(0)).flip(0), together, atol=1e-5, rtol=0)
    assert not torch.allclose(model(frames.flip(1)), together, atol=1e-3)


def test_gradients_reach_every_parameter():
    model = build_small((1, 1, 1, 1), non_local={2: [0], 3: [0]}).train()
    model(torch.randn(2, 8, 3, 32, 32)).square().sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="block 4 of stage 2"):
        build_small(non_local={2: [4]})
    with pytest.raises(ConfigError, match="stem_temporal_stride must be 1 or 2"):
        build_small(stem_temporal_stride=3)
    convolution = Backbone(nn.Conv2d(3, 8, 3), 8, IMAGENET)
    with pytest.raises(ConfigError, match="inflates a ResNet"):
        inflate_backbone(convolution)
    with pytest.raises(ConfigError, match="stand in an inflated ResNet"):
        add_non_local_blocks(convolution)
