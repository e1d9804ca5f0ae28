import math

import pytest
import torch
from torch.nn import functional as F

from finegym.models import count_parameters
from finegym.models.backbones import load_weights
from finegym.models.bninception import BLOCKS, BNInception, build_bn_inception
from finegym.models.complexity import count_multiply_adds
from finegym.models.tsn import TSN


@pytest.fixture(scope="module")
def body():
    torch.manual_seed(0)
    body = BNInception().eval()
    for name, buffer in body.named_buffers():  # statistics that are not the identity
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return body


def test_counts_equal_the_published_ones():
    with torch.device("meta"):
        model = TSN(build_bn_inception(), 99)
    assert count_parameters(model) == 10_371_715
    for num_segments, gmacs in ((3, "6.10"), (12, "24.38")):
        assert f"{count_multiply_adds(model, (1, num_segments, 3, 224, 224)) / 1e9:.2f}" == gmacs


def test_layers_have_the_names_of_the_caffe_network(body):
    layers = {name for name, module in body.named_modules() if isinstance(module, torch.nn.Conv2d)}
    assert len(layers) == 3 + 6 * 8 + 6 * 2 + 5 + 1
    assert {"conv1_7x7_s2", "conv2_3x3_reduce", "conv2_3x3", "inception_3a_1x1", "inception_3c_double_3x3_2"} <= layers
    assert {"inception_5b_pool_proj", "inception_4e_3x3_reduce"} <= layers
    assert not {"inception_3c_1x1", "inception_4e_pool_proj"} & layers
    assert all(f"{name}_bn" in dict(body.named_modules()) for name in layers)


def test_caffe_weights_load_strictly_and_only_the_head_is_left_over(body):
    state = {**body.state_dict(), "fc.weight": torch.zeros(1000, 1024), "fc.bias": torch.zeros(1000)}
    backbone = build_bn_inception()
    report = load_weights(backbone.body, state, source="memory", head="fc.")
    assert report.ignored == ("fc.weight", "fc.bias")
    images = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(backbone.eval()(images), body(images))


def compute_reference(state, images):
    """Layer by layer from the figure, poolings as loops over windows."""

    def convolve(name, x, stride=1):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        x = F.conv2d(x, weight, bias, stride=stride, padding=weight.shape[-1] // 2)
        mean, variance, gamma, beta = (
            state[f"{name}_bn.{key}"][:, None, None] for key in ("running_mean", "running_var", "weight", "bias")
        )
        return ((x - mean) / torch.sqrt(variance + 1e-5) * gamma + beta).clamp(min=0)

    def halve(x):
        size = [math.ceil((n - 3) / 2) + 1 for n in x.shape[2:]]
        out = torch.empty(*x.shape[:2], *size)
        for i in range(size[0]):
            for j in range(size[1]):
                out[:, :, i, j] = x[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].amax(dim=(2, 3))
        return out

    def pool(x, is_mean):
        padded = F.pad(x, (1, 1, 1, 1), value=0.0 if is_mean else -math.inf)
        windows = [padded[:, :, i : i + x.shape[2], j : j + x.shape[3]] for i in range(3) for j in range(3)]
        return sum(windows) / 9 if is_mean else torch.stack(windows).amax(dim=0)

    x = halve(convolve("conv1_7x7_s2", images[:, [2, 1, 0]], stride=2))
    x = halve(convolve("conv2_3x3", convolve("conv2_3x3_reduce", x)))
    for block in BLOCKS:
        at = f"inception_{block}"
        stride = 2 if block in ("3c", "4e") else 1
        branches = [] if stride == 2 else [convolve(f"{at}_1x1", x)]
        branches.append(convolve(f"{at}_3x3", convolve(f"{at}_3x3_reduce", x), stride))
        double = convolve(f"{at}_double_3x3_1", convolve(f"{at}_double_3x3_reduce", x))
        branches.append(convolve(f"{at}_double_3x3_2", double, stride))
        odd = x.shape[2] % 2
        passed_on = halve(F.pad(x, (odd,) * 4, value=-math.inf))
        branches.append(passed_on if stride == 2 else convolve(f"{at}_pool_proj", pool(x, block != "5b")))
        x = torch.cat(branches, dim=1)
    return x.mean(dim=(2, 3))


@pytest.mark.parametrize("size", [64, 112])
def test_features_equal_the_slow_reference(body, size):
    images = torch.randn(1, 3, size, size)
    with torch.inference_mode():
        expected = compute_reference(body.state_dict(), images)
        got = body(images)
    assert got.shape == (1, 1024)
    torch.testing.assert_close(got / expected.std(), expected / expected.std(), atol=1e-4, rtol=1e-4)


def test_maps_are_7_by_7_at_224(body):
    with torch.device("meta"):
        assert BNInception().compute_maps(torch.empty(1, 3, 224, 224)).shape == (1, 1024, 7, 7)


def test_normalised_rgb_reaches_the_first_layer_as_caffe_bgr():
    backbone = build_bn_inception()
    seen = []
    backbone.body.conv1_7x7_s2.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    rgb = torch.tensor([200.0, 100.0, 50.0])
    mean, std = (torch.tensor(values) for values in (backbone.normalisation.mean, backbone.normalisation.std))
    backbone.eval()(((rgb / 255 - mean) / std)[None, :, None, None].expand(1, 3, 64, 64))
    torch.testing.assert_close(seen[0][0, :, 5, 5], torch.tensor([50.0 - 104, 100.0 - 117, 200.0 - 128]))


def test_flow_channels_keep_their_order():
    body = BNInception(in_channels=10)
    seen = []
    body.conv1_7x7_s2.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    flow = torch.randn(1, 10, 64, 64)
    body.eval()(flow)
    assert torch.equal(seen[0], flow)


def test_gradients_reach_every_parameter():
    torch.manual_seed(0)
    body = BNInception().train()
    body(torch.randn(2, 3, 64, 64)).square().mean().backward()
    assert [name for name, parameter in body.named_parameters() if parameter.grad is None] == []
