import pytest
import torch
import torchvision
from torch import nn

from finegym.errors import ConfigError
from finegym.models import count_parameters
from finegym.models.backbones import IMAGENET, Backbone, build_backbone
from finegym.models.complexity import count_multiply_adds
from finegym.models.tsm import TSM, ShiftedConv2d, shift_blocks, shift_frames
from finegym.models.tsn import TSN


def shift_one_by_one(maps, num_frames, fold):
    """Frame by frame, from the definition."""
    shifted = []
    for n in range(len(maps)):
        t = n % num_frames
        after = maps[n + 1, :fold] if t + 1 < num_frames else torch.zeros_like(maps[n, :fold])
        before = maps[n - 1, fold : 2 * fold] if t > 0 else torch.zeros_like(maps[n, :fold])
        shifted.append(torch.cat([after, before, maps[n, 2 * fold :]]))
    return torch.stack(shifted)


def build_small(model=TSM, **settings):
    torch.manual_seed(0)
    resnet = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1])
    resnet.fc = nn.Identity()
    model = model(Backbone(resnet, 512, IMAGENET), 5, **settings)
    nn.init.normal_(model.classifier.weight, 0, 0.1)
    return model


@pytest.mark.parametrize(("num_frames", "channels", "fold"), [(3, 16, 2), (1, 8, 1), (8, 9, 1), (2, 8, 4)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_shift_equals_the_definition_with_its_gradient(num_frames, channels, fold, layout):
    maps = torch.randn(2 * num_frames, channels, 3, 2).to(memory_format=layout)
    assert torch.equal(shift_frames(maps, num_frames, fold), shift_one_by_one(maps, num_frames, fold))
    weights = torch.randn_like(maps)
    gradients = []
    for shift in (shift_frames, shift_one_by_one):
        leaf = maps.clone().requires_grad_()
        (shift(leaf, num_frames, fold) * weights).sum().backward()
        gradients.append(leaf.grad)
    assert torch.equal(*gradients)


def test_shift_keeps_the_layout_and_second_derivatives_are_right():
    maps = torch.randn(6, 16, 4, 4).to(memory_format=torch.channels_last)
    assert shift_frames(maps, 3, 2).is_contiguous(memory_format=torch.channels_last)
    maps = torch.randn(4, 4, 1, 1, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: shift_frames(x, 2, 1) ** 2, maps)
    assert torch.autograd.gradgradcheck(lambda x: shift_frames(x, 2, 1) ** 2, maps)


@pytest.mark.parametrize("is_training", [False, True])
@pytest.mark.parametrize("block", [torchvision.models.resnet.BasicBlock, torchvision.models.resnet.Bottleneck])
def test_a_block_shifts_the_branch_and_not_the_identity(block, is_training):
    torch.manual_seed(0)
    ours = block(16 * block.expansion, 16).train(is_training)
    plain = block(16 * block.expansion, 16).train(is_training)
    plain.load_state_dict(ours.state_dict())
    plain.conv1.register_forward_pre_hook(lambda module, inputs: shift_one_by_one(inputs[0], 4, 2 * block.expansion))
    assert shift_blocks(nn.Sequential(ours)) == 1
    assert ours.state_dict().keys() == plain.state_dict().keys()
    ours.conv1.num_frames = 4
    maps = torch.randn(8, 16 * block.expansion, 6, 6)
    torch.testing.assert_close(ours(maps), plain(maps), atol=1e-5, rtol=1e-5)


def test_counts_equal_the_published_ones():
    with torch.device("meta"):
        model = TSM(build_backbone("resnet50")[0], 99)
    assert count_parameters(model) == 23_710_883
    assert f"{count_multiply_adds(model, (1, 8, 3, 224, 224)) / 1e9:.2f}" == "32.70"
    assert sum(isinstance(module, ShiftedConv2d) for module in model.modules()) == 16


def test_without_shift_it_is_tsn_with_the_same_keys():
    frames = torch.randn(2, 3, 3, 32, 32)
    tsn, tsm, unshifted = build_small(TSN).eval(), build_small().eval(), build_small(shift_divisor=0).eval()
    assert tsm.state_dict().keys() == tsn.state_dict().keys()
    assert all(torch.equal(value, tsn.state_dict()[key]) for key, value in tsm.state_dict().items())
    assert torch.equal(unshifted(frames), tsn(frames))
    assert not torch.allclose(tsm(frames), tsn(frames))


def test_order_of_frames_matters_and_their_number_is_free():
    model = build_small().eval()
    frames = torch.randn(2, 4, 3, 32, 32)
    assert not torch.allclose(model(frames), model(frames.flip(1)), atol=1e-3)
    assert model(frames[:, :1]).shape == model(torch.cat([frames] * 3, dim=1)).shape == (2, 5)


def test_batch_and_its_order_do_not_change_logits():
    model = build_small().eval()
    frames = torch.randn(5, 3, 3, 32, 32)
    with torch.inference_mode():
        together = model(frames)
        torch.testing.assert_close(torch.cat([model(clip[None]) for clip in frames]), together, atol=1e-5, rtol=0)
        torch.testing.assert_close(model(frames.flip(0)).flip(0), together, atol=1e-5, rtol=0)


def test_gradients_are_those_of_the_slow_shift():
    frames, gradients = torch.randn(2, 3, 3, 32, 32), []
    for model in (build_small(), build_small(shift_divisor=0)):
        if not any(isinstance(module, ShiftedConv2d) for module in model.modules()):
            for block in model.backbone.modules():
                if isinstance(block, torchvision.models.resnet.BasicBlock):
                    fold = block.conv1.in_channels // 8
                    block.conv1.register_forward_pre_hook(
                        lambda module, inputs, fold=fold: shift_one_by_one(inputs[0], 3, fold)
                    )
        model.train()
        model.dropout.eval()
        model(frames).square().sum().backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], atol=1e-4, rtol=1e-3)


def test_regnets_are_shifted_and_other_networks_refused():
    block = torchvision.models.regnet.ResBottleneckBlock(16, 16, 1, nn.BatchNorm2d, nn.ReLU, 8, 1.0, 0.25).eval()
    maps = torch.randn(6, 16, 8, 8)
    expected = torch.relu(maps + block.f(shift_one_by_one(maps, 3, 2)))
    assert shift_blocks(block) == 1
    block.f.a[0].num_frames = 3
    torch.testing.assert_close(block(maps), expected, atol=1e-5, rtol=1e-5)
    with pytest.raises(ConfigError, match="residual blocks"):
        TSM(Backbone(nn.Conv2d(3, 8, 3), 8, IMAGENET), 3)
    with pytest.raises(ConfigError, match="shift_divisor must be at least 2"):
        build_small(shift_divisor=1)


def test_inverted_residuals_of_efficientnet_lite_are_shifted_before_their_expansion():
    pytest.importorskip("efficientnet_lite_pytorch")
    torch.manual_seed(0)
    ours, plain = (build_backbone("efficientnet_lite0", weights="imagenet")[0].eval() for _ in range(2))
    plain.load_state_dict(ours.state_dict())
    num_shifted = shift_blocks(ours)
    # Stages of 1, 2, 2, 3, 3, 4, 1 blocks, of which each first one changes the size.
    assert num_shifted == 0 + 1 + 1 + 2 + 2 + 3 + 0
    assert ours.state_dict().keys() == plain.state_dict().keys()
    for (name, module), other in zip(ours.named_modules(), plain.modules(), strict=True):
        if isinstance(module, ShiftedConv2d):
            assert name.endswith("._expand_conv")
            module.num_frames = 3
            fold = module.in_channels // 8
            other.register_forward_pre_hook(lambda _, inputs, fold=fold: shift_one_by_one(inputs[0], 3, fold))
    frames = torch.randn(6, 3, 40, 40)
    assert plain(frames).abs().max() > 0.5  # something comes out
    torch.testing.assert_close(ours(frames), plain(frames), atol=1e-4, rtol=1e-4)
