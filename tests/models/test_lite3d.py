"""EfficientNet-Lite0 inflated, against the network of images with its convolutions over time written as loops."""

import pytest
import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models import count_parameters
from finegym.models.backbones import build_backbone
from finegym.models.i3d import I3D, inflate_backbone
from finegym.models.lite3d import ConvolutionOverTime

pytest.importorskip("efficientnet_lite_pytorch")
T = 4


def build():
    torch.manual_seed(0)
    # Real weights: through random ones, next to nothing comes out.
    backbone, _ = build_backbone("efficientnet_lite0", weights="imagenet")
    return inflate_backbone(backbone, stem_temporal_stride=1).eval()


class Slow(nn.Module):
    """Frame by frame, neighbour by neighbour; frames before the first and after the last are zeros."""

    def __init__(self, kernel):
        super().__init__()
        self.kernel = kernel  # (D, C, 3)

    def forward(self, maps):
        results = []
        for n in range(len(maps)):
            total = 0
            for place in range(3):
                t = n % T + place - 1
                if 0 <= t < T:
                    total = total + torch.einsum("dc,chw->dhw", self.kernel[:, :, place], maps[n + place - 1])
            results.append(total)
        return torch.stack(results)


def test_it_is_the_network_of_images_with_loops_over_time():
    ours = build()
    plain = build_backbone("efficientnet_lite0")[0].eval()
    inflated = {
        name: module for name, module in ours.body.body.named_modules() if isinstance(module, ConvolutionOverTime)
    }
    assert len(inflated) == 9
    for module in inflated.values():
        module.weight.data.add_(0.02 * torch.randn_like(module.weight))  # three kernels that differ
    state = {key: value for key, value in ours.body.body.state_dict().items() if key.rpartition(".")[0] not in inflated}
    plain.body.load_state_dict(state, strict=False)
    for name, module in inflated.items():
        parent, _, child = name.rpartition(".")
        setattr(plain.body.get_submodule(parent), child, Slow(module.weight[:, :, :, 0, 0].detach()))
    clips = torch.randn(2, 3, T, 40, 40)
    with torch.no_grad():
        slow = plain(clips.transpose(1, 2).flatten(0, 1)).unflatten(0, (2, T)).mean(1)
        assert slow.abs().max() > 0.5
        torch.testing.assert_close(ours(clips), slow, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(ours(clips[1:]), ours(clips)[1:], atol=1e-5, rtol=0)


def test_kernels_are_the_image_networks_repeated_and_divided():
    torch.manual_seed(0)
    plain = build_backbone("efficientnet_lite0")[0]
    kernel = plain.body._blocks[2]._expand_conv.weight.clone()
    ours = inflate_backbone(plain, stem_temporal_stride=1).body.body._blocks[2]._expand_conv
    assert ours.weight.shape == (*kernel.shape[:2], 3, 1, 1)
    for place in range(3):
        assert torch.equal(ours.weight[:, :, place], kernel / 3)


def test_order_matters_every_parameter_learns_and_a_stride_is_refused():
    model = I3D(build(), 3, dropout=0.0)
    nn.init.normal_(model.classifier.weight)
    frames = torch.randn(1, T, 3, 32, 32)
    # Repeated kernels are the same forwards and backwards, until they are trained.
    torch.testing.assert_close(model(frames), model(frames.flip(1)), atol=1e-4, rtol=1e-4)
    for module in model.modules():
        if isinstance(module, ConvolutionOverTime):
            module.weight.data.add_(0.02 * torch.randn_like(module.weight))
    assert not torch.allclose(model(frames), model(frames.flip(1)), atol=1e-2)
    model(frames).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    with torch.device("meta"):
        assert count_parameters(inflate_backbone(build_backbone("efficientnet_lite0")[0], stem_temporal_stride=1)) > (
            count_parameters(build_backbone("efficientnet_lite0")[0])
        )
        with pytest.raises(ConfigError, match="without a stride over time"):
            inflate_backbone(build_backbone("efficientnet_lite0")[0])
