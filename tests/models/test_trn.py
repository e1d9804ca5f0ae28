import itertools
import math

import pytest
import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models import count_parameters
from finegym.models.backbones import IMAGENET, Backbone, build_backbone
from finegym.models.bninception import build_bn_inception
from finegym.models.complexity import count_multiply_adds
from finegym.models.trn import TRN, TRNms, _get_combination


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, images):
        return torch.relu(self.norm(self.conv(images))).mean(dim=(2, 3))


def build_tiny(model, num_frames, **settings):
    torch.manual_seed(0)
    model = model(Backbone(Tiny(), 8, IMAGENET), 4, num_frames, frame_feature_size=6, hidden_size=5, **settings)
    nn.init.normal_(model.frame_feature.weight)
    return model


def score_tuple(relation, features, frames):
    """h(g(f_i, f_j, …)) of one tuple of one clip, from equation 1: the ReLU is before either layer."""
    joined = torch.cat([features[t].clamp(min=0) for t in frames])
    hidden = (relation.hidden.weight @ joined + relation.hidden.bias).clamp(min=0)
    return relation.classifier.weight @ hidden + relation.classifier.bias


def compute_features(model, clip):
    """Of one clip in evaluation mode, frame by frame, before the ReLU."""
    return [model.frame_feature.weight @ model.backbone(f[None])[0] + model.frame_feature.bias for f in clip]


def test_trn_equals_the_equation():
    model = build_tiny(TRN, 4).eval()
    frames = torch.randn(3, 4, 3, 16, 16)
    expected = [score_tuple(model.relation, compute_features(model, clip), range(4)) for clip in frames]
    torch.testing.assert_close(model(frames), torch.stack(expected), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("relations", ["first", "all", [(0, 2), (3, 1), (0, 1, 4), (0, 1, 2, 3, 4)]])
def test_trnms_equals_the_sum_over_explicit_tuples(relations):
    model = build_tiny(TRNms, 5, relations=relations).eval()
    frames = torch.randn(2, 5, 3, 16, 16)
    expected = torch.zeros(2, 4)
    for b, clip in enumerate(frames):
        features = compute_features(model, clip)
        for relation, scale in zip(model.relations, (5, 4, 3, 2), strict=True):
            if relations == "first":
                tuples = list(itertools.combinations(range(5), scale))[:3]
            elif relations == "all":
                tuples = list(itertools.combinations(range(5), scale))
            else:
                tuples = [t for t in relations if len(t) == scale]
            for chosen in tuples:
                expected[b] += score_tuple(relation, features, chosen)
    torch.testing.assert_close(model(frames), expected, atol=1e-4, rtol=1e-5)


def test_training_draws_and_sums_distinct_tuples_of_every_scale(monkeypatch):
    model = build_tiny(TRNms, 5, dropout=0.0).train()
    drawn = model.draw_tuples()
    for scale, tuples in drawn.items():
        assert len(set(tuples)) == len(tuples) == min(3, math.comb(5, scale))
        assert all(tuple(sorted(chosen)) == chosen and len(chosen) == scale for chosen in tuples)
    assert {tuple(model.draw_tuples()[2]) for _ in range(50)} != {drawn[2]}
    monkeypatch.setattr(model, "draw_tuples", lambda: drawn)
    frames = torch.randn(3, 5, 3, 16, 16)
    got = model(frames)
    backbone = model.backbone(frames.flatten(0, 1))  # batch statistics of all frames
    features = (backbone @ model.frame_feature.weight.T + model.frame_feature.bias).unflatten(0, (3, 5))
    for b in range(3):
        pairs = zip(model.relations, (5, 4, 3, 2), strict=True)
        expected = sum(score_tuple(relation, features[b], t) for relation, k in pairs for t in drawn[k])
        torch.testing.assert_close(got[b], expected, atol=1e-4, rtol=1e-4)


def test_every_tuple_is_drawn_equally_often():
    torch.manual_seed(0)
    model = build_tiny(TRNms, 5)
    count = dict.fromkeys(itertools.combinations(range(5), 2), 0)
    for _ in range(1000):
        for chosen in model.draw_tuples()[2]:
            count[chosen] += 1
    assert all(230 < n < 370 for n in count.values())  # 300 expected, deviation 14.5


@pytest.mark.parametrize(("n", "k"), [(5, 2), (6, 3), (4, 4), (7, 1)])
def test_combinations_are_found_by_number(n, k):
    got = [_get_combination(n, k, number) for number in range(math.comb(n, k))]
    assert got == list(itertools.combinations(range(n), k))


def test_evaluation_is_the_same_every_time_and_training_is_not():
    frames = torch.randn(2, 6, 3, 16, 16)
    model = build_tiny(TRNms, 6, dropout=0.0).eval()
    assert torch.equal(model(frames), model(frames))
    model.train()
    assert len({model(frames).sum().item() for _ in range(5)}) > 1


@pytest.mark.parametrize("model", [TRN, TRNms])
def test_batch_and_its_order_do_not_change_logits(model):
    model = build_tiny(model, 4).eval()
    frames = torch.randn(6, 4, 3, 16, 16)
    with torch.inference_mode():
        together = model(frames)
        torch.testing.assert_close(torch.cat([model(clip[None]) for clip in frames]), together, atol=1e-5, rtol=0)
        torch.testing.assert_close(model(frames.flip(0)).flip(0), together, atol=1e-5, rtol=0)
    assert not torch.allclose(model(frames.flip(1)), together, atol=1e-3)


@pytest.mark.parametrize("model", [TRN, TRNms])
def test_gradients_reach_every_parameter(model):
    model = build_tiny(model, 4, dropout=0.0).train()
    model(torch.randn(4, 4, 3, 16, 16)).square().sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_a_frozen_backbone_and_partial_batch_norm_stand_still():
    frames = torch.randn(4, 4, 3, 16, 16)
    model = build_tiny(TRN, 4, freeze_backbone=True).train()
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    model(frames).sum().backward()
    assert all(torch.equal(value, before[key]) for key, value in model.backbone.state_dict().items())
    assert all(parameter.grad is None for parameter in model.backbone.parameters())
    resnet = TRN(build_backbone("resnet18")[0], 2, 2, partial_batch_norm=True).train()
    norms = [module for module in resnet.backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    assert [norm.training for norm in norms] == [True] + [False] * 19


@pytest.mark.parametrize(
    ("model", "backbone", "num_frames", "settings", "count", "gmacs"),
    [
        (TRN, "resnet50", 8, {}, 25_132_451, "32.70"),
        (TRN, "resnet50", 12, {}, 25_656_739, "49.05"),
        (TRNms, "resnet50", 8, {}, 26_506_229, "32.71"),
        (TRNms, "resnet50", 12, {}, 29_361_537, "49.07"),
        (TRN, "bn_inception", 8, {}, 11_632_515, "16.26"),
        (TRNms, "bn_inception", 8, {"relations": "all"}, 13_006_293, "16.33"),
    ],
)
def test_counts_equal_the_published_ones(model, backbone, num_frames, settings, count, gmacs):
    with torch.device("meta"):
        backbone = build_bn_inception() if backbone == "bn_inception" else build_backbone(backbone)[0]
        built = model(backbone, 99, num_frames, **settings)
    assert count_parameters(built) == count
    assert f"{count_multiply_adds(built, (1, num_frames, 3, 224, 224)) / 1e9:.2f}" == gmacs


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="built for 4 frames a clip, got 3"):
        build_tiny(TRN, 4)(torch.randn(1, 3, 3, 16, 16))
    with pytest.raises(ConfigError, match=r"tuple \(0, 4\) must have 2 to 4 frames"):
        build_tiny(TRNms, 4, relations=[(0, 4)])
    with pytest.raises(ConfigError, match="'first', 'all'"):
        build_tiny(TRNms, 4, relations="some")
    with pytest.raises(ConfigError, match="empty"):
        build_tiny(TRNms, 4, relations=[])
    with pytest.raises(ConfigError, match="at least 2, got 1"):
        build_tiny(TRN, 1)
