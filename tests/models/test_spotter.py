import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from finegym.errors import ConfigError
from finegym.models.backbones import IMAGENET, Backbone, build_backbone
from finegym.models.gsf import FusedConv2d
from finegym.models.spotter import Spotter
from finegym.models.tsm import ShiftedConv2d


def build_small(num_events=3, **settings):
    torch.manual_seed(0)
    resnet = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1])
    resnet.fc = nn.Identity()
    return Spotter(Backbone(resnet, 512, IMAGENET), num_events, **settings).eval()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def run_gru_one_way(features, state, suffix):
    """Cho et al. 2014 as PyTorch writes it, a frame at a time: gates reset, update, new stand one below the other."""
    W, U = state[f"weight_ih_l0{suffix}"], state[f"weight_hh_l0{suffix}"]
    b, c = state[f"bias_ih_l0{suffix}"], state[f"bias_hh_l0{suffix}"]
    hidden = np.zeros(U.shape[1])
    out = []
    for x in features:
        from_input, from_hidden = np.split(W @ x + b, 3), np.split(U @ hidden + c, 3)
        reset = sigmoid(from_input[0] + from_hidden[0])
        update = sigmoid(from_input[1] + from_hidden[1])
        new = np.tanh(from_input[2] + reset * from_hidden[2])
        hidden = (1 - update) * new + update * hidden
        out.append(hidden)
    return np.stack(out)


def test_frames_are_classified_as_the_slow_reference_says():
    model = build_small(num_classes=2, hidden_size=7).double()
    features = torch.randn(1, 6, 512, dtype=torch.double)
    logits = model.classify(features)
    state = {key: value.detach().numpy() for key, value in model.gru.state_dict().items()}
    rows = features[0].numpy()
    forwards, backwards = run_gru_one_way(rows, state, ""), run_gru_one_way(rows[::-1], state, "_reverse")[::-1]
    states = np.concatenate([forwards, backwards], axis=1)
    for layer, found in ((model.events, logits.events), (model.inside, logits.inside)):
        expected = states @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        np.testing.assert_allclose(found[0].detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("temporal", ["gsf", "tsm", "none"])
def test_windows_of_a_batch_do_not_see_each_other(temporal):
    model = build_small(temporal=temporal)
    windows = torch.randn(2, 5, 3, 32, 32)
    alone = torch.cat([model(window[None]).events for window in windows])
    torch.testing.assert_close(model(windows).events, alone, atol=1e-5, rtol=1e-4)


def test_blocks_look_at_neighbouring_frames_only_where_asked():
    kinds = {"gsf": FusedConv2d, "tsm": ShiftedConv2d}
    for temporal in ("gsf", "tsm", "none"):
        modules = list(build_small(temporal=temporal).modules())
        assert [kind for kind, cls in kinds.items() if any(isinstance(m, cls) for m in modules)] == (
            [] if temporal == "none" else [temporal]
        )


def test_any_number_of_frames_fits():
    model = build_small()
    assert model(torch.randn(1, 3, 3, 32, 32)).events.shape == (1, 3, 4)
    assert model(torch.randn(1, 9, 3, 32, 48)).events.shape == (1, 9, 4)
    assert model(torch.randn(1, 3, 3, 32, 32)).inside is None


def test_far_frames_matter_both_ways():
    model = build_small()
    features = torch.randn(1, 30, 512, requires_grad=True)
    model.classify(features).events[0, 15].sum().backward()
    assert features.grad[0, 0].abs().sum() > 0 and features.grad[0, 29].abs().sum() > 0


def test_wide_features_do_not_make_a_wide_gru():
    model = Spotter(Backbone(nn.Flatten(), 2048, IMAGENET), 2, temporal="none")
    assert model.gru.hidden_size == 768


def test_no_events_is_an_error():
    with pytest.raises(ConfigError, match="at least one event"):
        build_small(num_events=0)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "convnext_tiny"])
def test_the_same_frame_is_seen_alike_in_training(name):
    if name == "efficientnet_lite0":
        pytest.importorskip("efficientnet_lite_pytorch")
    torch.manual_seed(0)
    backbone, _ = build_backbone(name)
    model = Spotter(backbone, 2, temporal="none").train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    with torch.no_grad():
        features = model.compute_features(torch.randn(1, 1, 3, 32, 32).expand(1, 6, -1, -1, -1))[0]
    torch.testing.assert_close(features, features[:1].expand_as(features))
