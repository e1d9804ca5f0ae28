import torch
from torch import nn
from torch.nn import functional as F

from finegym.models import count_parameters
from finegym.models.complexity import count_multiply_adds
from finegym.models.posec3d import PoseConv3D


def build_small():
    torch.manual_seed(0)
    model = PoseConv3D(5, in_channels=3, base_channels=4, num_blocks=(1, 2, 2))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    nn.init.normal_(model.classifier.weight, 0, 0.3)
    return model.double()


def compute_reference(model, heatmaps):
    """Frame by frame with 2-D convolutions, from the published table: (length, stride in time) of each stage."""
    state = model.state_dict()

    def convolve(x, name, stride=1, stride_t=1):
        weight = state[f"{name}.weight"]
        length, padding = weight.shape[2], weight.shape[-1] // 2
        out = []
        for t in range(0, len(x), stride_t):
            taps = [(k, t + k - length // 2) for k in range(length)]
            out.append(sum(F.conv2d(x[s], weight[:, :, k], None, stride, padding) for k, s in taps if 0 <= s < len(x)))
        return out

    def norm(x, name):
        values = torch.stack(x)
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        if model.training:
            mean, variance = values.mean(dim=(0, 1, 3, 4)), values.var(dim=(0, 1, 3, 4), unbiased=False)
        scale = state[f"{name}.weight"] / torch.sqrt(variance + 1e-5)
        return list((values - mean[:, None, None]) * scale[:, None, None] + state[f"{name}.bias"][:, None, None])

    def relu(x):
        return [image.clamp(min=0) for image in x]

    x = relu(norm(convolve(list(heatmaps.unbind(2)), "stem.0"), "stem.1"))
    x = [F.max_pool2d(image, 3, 1, 1) for image in x]
    for stage, (length, stride_t) in enumerate(((1, 1), (3, 1), (3, 2))):
        for place in range(len(model.stages[stage])):
            at = f"stages.{stage}.{place}"
            strides = (2, stride_t) if place == 0 else (1, 1)
            assert state[f"{at}.conv1.weight"].shape[2:] == (length, 1, 1)
            y = relu(norm(convolve(x, f"{at}.conv1"), f"{at}.bn1"))
            y = relu(norm(convolve(y, f"{at}.conv2", *strides), f"{at}.bn2"))
            y = norm(convolve(y, f"{at}.conv3"), f"{at}.bn3")
            if place == 0:
                x = norm(convolve(x, f"{at}.downsample.0", *strides), f"{at}.downsample.1")
            x = relu([a + b for a, b in zip(x, y, strict=True)])
    features = torch.stack(x).mean(dim=(0, 3, 4))
    return features @ model.classifier.weight.T + model.classifier.bias


def test_network_equals_loops_over_frames():
    model = build_small()
    model.dropout.p = 0.0
    heatmaps = torch.rand(2, 3, 6, 16, 16, dtype=torch.double)
    for is_training in (True, False):
        model.train(is_training)
        with torch.no_grad():
            expected = compute_reference(model, heatmaps)
            got = model(heatmaps)
        assert got.std(dim=0).min() > 1e-4
        torch.testing.assert_close(got, expected, atol=1e-9, rtol=1e-9)


def test_counts():
    """The paper's table rounds to 2.0 million parameters; its 15.9 G count batch norms and activations too."""
    with torch.device("meta"):
        model = PoseConv3D(99)
    assert count_parameters(model) == 2_044_867
    assert f"{count_multiply_adds(model, (1, 17, 48, 56, 56)) / 1e9:.2f}" == "15.63"


def test_batch_does_not_change_logits_and_order_of_frames_does():
    model = build_small().float().eval()
    heatmaps = torch.rand(3, 3, 4, 16, 16)
    with torch.inference_mode():
        together = model(heatmaps)
        torch.testing.assert_close(torch.cat([model(one[None]) for one in heatmaps]), together, atol=1e-5, rtol=0)
        torch.testing.assert_close(model(heatmaps.flip(0)).flip(0), together, atol=1e-5, rtol=0)
        assert not torch.allclose(model(heatmaps.flip(2)), together, atol=1e-4)


def test_a_new_block_is_its_shortcut_and_gradients_reach_every_parameter():
    model = PoseConv3D(5, in_channels=3, base_channels=4, num_blocks=(1, 2, 2)).train()
    assert all(block.bn3.weight.abs().max() == 0 for stage in model.stages for block in stage)
    build = build_small().float().train()
    build(torch.rand(2, 3, 8, 16, 16)).square().sum().backward()
    assert [name for name, parameter in build.named_parameters() if parameter.grad is None] == []
