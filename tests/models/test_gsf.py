import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from finegym.errors import ConfigError
from finegym.models import count_parameters
from finegym.models.backbones import IMAGENET, Backbone, build_backbone
from finegym.models.complexity import count_multiply_adds
from finegym.models.gsf import GSF, FusedConv2d, GateShiftFuse, fuse_blocks


def build_module(num_channels):
    torch.manual_seed(0)
    module = GateShiftFuse(num_channels)
    for parameter in module.parameters():
        nn.init.normal_(parameter, 0, 0.5)
    module.norm.running_mean.normal_(0, 0.2)
    module.norm.running_var.uniform_(0.5, 1.5)
    return module.double()


def build_small(block=torchvision.models.resnet.BasicBlock, **settings):
    torch.manual_seed(0)
    resnet = torchvision.models.ResNet(block, [1, 1, 1, 1])
    resnet.fc = nn.Identity()
    model = GSF(Backbone(resnet, 512 * block.expansion, IMAGENET), 5, **settings)
    nn.init.normal_(model.classifier.weight, 0, 0.1)
    return model


def compute_reference(module, clip):
    """One clip (T, C, H, W) in NumPy, value by value where the paper has an equation."""
    state = {key: value.detach().numpy() for key, value in module.state_dict().items()}
    G = len(state["norm.weight"])
    x = clip[:, :G].numpy()
    T, _, H, W = x.shape
    column = (slice(None), None, None)
    mean, variance = (state[f"norm.running_{kind}"][column] for kind in ("mean", "var"))
    normed = (x - mean) / np.sqrt(variance + 1e-5) * state["norm.weight"][column] + state["norm.bias"][column]
    activated = np.pad(np.maximum(normed, 0), ((1, 1), (0, 0), (1, 1), (1, 1)))
    out = clip.numpy().copy()
    for group in range(2):
        own = range(group * G // 2, (group + 1) * G // 2)
        gate = np.empty((T, H, W))
        for t, i, j in np.ndindex(T, H, W):
            window = activated[t : t + 3, own, i : i + 3, j : j + 3].transpose(1, 0, 2, 3)
            gate[t, i, j] = np.tanh((window * state["gate.weight"][group]).sum() + state["gate.bias"][group])
        through = gate[:, None] * x[:, own]
        kept = x[:, own] - through
        moved = np.zeros_like(through)
        for t in range(T):
            source = t + 1 if group == 0 else t - 1
            if 0 <= source < T:
                moved[t] = through[source]
        means = np.pad(np.stack([moved.mean(axis=(2, 3)), kept.mean(axis=(2, 3))]), ((0, 0), (1, 1), (1, 1)))
        kernel, bias = state[f"fusions.{group}.weight"][0], state[f"fusions.{group}.bias"][0]
        fused = np.empty_like(kept)
        for t, c in np.ndindex(T, G // 2):
            # Axes of the kernel: moved or kept, channels, frames.
            logit = (means[:, t : t + 3, c : c + 3].transpose(0, 2, 1) * kernel).sum() + bias
            weight = 1 / (1 + np.exp(-logit))
            fused[t, c] = weight * moved[t, c] + (1 - weight) * kept[t, c]
        order = [half * G // 4 + i for i in range(G // 4) for half in range(2)]
        out[:, own] = fused[:, order]
    return torch.from_numpy(out)


@pytest.mark.parametrize(("num_frames", "num_channels"), [(3, 8), (1, 4), (5, 12)])
def test_module_equals_the_slow_reference(num_frames, num_channels):
    module = build_module(num_channels).eval()
    maps = torch.randn(2 * num_frames, num_channels + 3, 4, 3, dtype=torch.double)
    expected = torch.cat([compute_reference(module, clip) for clip in maps.split(num_frames)])
    torch.testing.assert_close(module(maps, num_frames), expected)


def test_training_uses_the_statistics_of_all_frames():
    module = build_module(8).train()
    maps = torch.randn(6, 8, 4, 4, dtype=torch.double)
    got = module(maps, 3)
    module.eval()
    module.norm.running_mean.copy_(maps.mean(dim=(0, 2, 3)))
    module.norm.running_var.copy_(maps.var(dim=(0, 2, 3), unbiased=False))
    torch.testing.assert_close(got, module(maps, 3))


def test_counts():
    with torch.device("meta"):
        model = GSF(build_backbone("resnet50")[0], 99)
    gates = 0
    for width, blocks in ((256, 3), (512, 4), (1024, 6), (2048, 3)):
        G = width // 4
        gates += blocks * (2 * G + (2 * (G // 2) * 27 + 2) + 2 * (2 * 9 + 1))
    assert count_parameters(model) == 23_710_883 + gates == 23_821_027
    assert f"{count_multiply_adds(model, (1, 8, 3, 224, 224)) / 1e9:.2f}" == "33.00"
    assert sum(isinstance(module, FusedConv2d) for module in model.modules()) == 16


def test_keys_of_the_image_network_stay():
    plain = torchvision.models.resnet18(weights=None).state_dict()
    model = GSF(build_backbone("resnet18")[0], 3)
    keys = {key.removeprefix("backbone.body.") for key in model.state_dict() if ".fuse." not in key}
    assert keys == ({key for key in plain if not key.startswith("fc.")} | {"classifier.weight", "classifier.bias"})


def test_batch_does_not_change_logits_and_order_of_frames_does():
    model = build_small().eval()
    frames = torch.randn(3, 3, 3, 32, 32)
    with torch.inference_mode():
        together = model(frames)
        torch.testing.assert_close(torch.cat([model(clip[None]) for clip in frames]), together, atol=1e-5, rtol=0)
        torch.testing.assert_close(model(frames.flip(0)).flip(0), together, atol=1e-5, rtol=0)
        assert not torch.allclose(model(frames.flip(1)), together, atol=1e-3)
        assert model(frames[:, :1]).shape == (3, 5)


def test_gradients_reach_every_parameter_and_partial_batch_norm_spares_the_gates():
    model = build_small(partial_batch_norm=True).train()
    model(torch.randn(2, 3, 3, 32, 32)).square().sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []
    assert all(module.norm.training for module in model.modules() if isinstance(module, GateShiftFuse))


def test_regnets_have_it_and_other_networks_are_refused():
    block = torchvision.models.regnet.ResBottleneckBlock(16, 16, 1, nn.BatchNorm2d, nn.ReLU, 8, 1.0, 0.25)
    assert fuse_blocks(block) == 1
    assert isinstance(block.f.c[0], FusedConv2d)
    with pytest.raises(ConfigError, match="residual blocks"):
        fuse_blocks(nn.Conv2d(3, 8, 3))
    with pytest.raises(ConfigError, match="at least 4"):
        build_small(channel_share=0.01)


def test_blocks_of_efficientnet_lite_are_fused_behind_their_last_convolution():
    pytest.importorskip("efficientnet_lite_pytorch")
    backbone, _ = build_backbone("efficientnet_lite0")
    keys = set(backbone.state_dict())
    assert fuse_blocks(backbone) == 16
    assert keys <= set(backbone.state_dict())
    for block in backbone.body._blocks:
        assert isinstance(block._project_conv, FusedConv2d)
        block._project_conv.num_frames = 3
    frames = torch.randn(3, 3, 64, 64)
    alone, other = backbone.eval()(frames), frames.clone()
    other[2] += 1
    assert not torch.equal(alone[1], backbone(other)[1])  # the frame after is seen
