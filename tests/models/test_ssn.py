"""SSN against the paper's equations, proposal by proposal in plain Python."""

import math

import pytest
import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models import count_parameters
from finegym.models.backbones import IMAGENET, Backbone
from finegym.models.ssn import SSN, Actionness, ProposalScores, SnippetEncoder, compute_losses, iterate_parts

PYRAMIDS = [((1,), (1,), (1,)), ((1,), (1, 2), (1,)), ((2,), (1, 2, 4), (1, 2))]


def build(pyramid, K=3, D=5, **settings):
    torch.manual_seed(1)
    model = SSN(K, D, pyramid=pyramid, dropout=0.0, **settings)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model.eval()


def slow_pool(features, stage_bounds, scales, pyramid):
    """Course mean and concatenated pyramid of one proposal, from explicit rows of features."""
    parts = []
    for stage, levels in enumerate(pyramid):
        rows = list(range(*stage_bounds[stage]))
        factor = {0: scales[0], 1: 1.0, 2: scales[1]}[stage] / sum(levels)
        for level in levels:
            for part in range(level):
                chosen = rows[part * len(rows) // level : (part + 1) * len(rows) // level]
                chosen = [features[row] for row in chosen if 0 <= row < len(features)]
                mean = sum(chosen) / len(chosen) if chosen else torch.zeros(features.shape[1])
                parts.append(mean * factor)
    course = [features[row] for row in range(*stage_bounds[1]) if row < len(features)]
    return sum(course) / len(course), torch.cat(parts)


def slow_heads(model, course, pyramid):
    completeness = model.completeness.weight @ pyramid + model.completeness.bias
    regression = model.regression.weight @ pyramid + model.regression.bias
    return model.activity.weight @ course + model.activity.bias, completeness, regression.view(-1, 2)


@pytest.mark.parametrize("pyramid", PYRAMIDS)
def test_training_form_equals_slow_pooling(pyramid):
    model = build(pyramid, num_snippets=(2, 5, 2))
    snippets, scales = torch.randn(4, 9, 5), torch.rand(4, 2)
    got = model(snippets, scales)
    for n in range(4):
        bounds = [(0, 2), (2, 7), (7, 9)]
        expected = slow_heads(model, *slow_pool(snippets[n], bounds, scales[n], pyramid))
        for part, want in zip((got.activity, got.completeness, got.regression), expected, strict=True):
            torch.testing.assert_close(part[n], want, atol=1e-5, rtol=1e-5)


TICKS = torch.tensor([[0, 3, 9, 12], [2, 2, 3, 3], [0, 0, 20, 20], [19, 19, 20, 20], [5, 7, 9, 11], [1, 4, 19, 20]])


@pytest.mark.parametrize("pyramid", PYRAMIDS)
def test_reorganised_layer_equals_the_direct_form_and_slow_pooling(pyramid):
    model = build(pyramid, num_snippets=(2, 5, 2))
    features, scales = torch.randn(20, 5), torch.rand(len(TICKS), 2)
    frame_scores = model.score_frames(features)
    assert frame_scores.shape == (20, 4 + 9 * len(list(iterate_parts(pyramid))))
    fast = model.pool_scores(frame_scores, TICKS, scales)
    direct = model.score_directly(features, TICKS, scales)
    for n, ticks in enumerate(TICKS.tolist()):
        bounds = [(ticks[s], max(ticks[s] + 1, ticks[s + 1])) for s in range(3)]
        expected = slow_heads(model, *slow_pool(features, bounds, scales[n], pyramid))
        for name, want in zip(("activity", "completeness", "regression"), expected, strict=True):
            torch.testing.assert_close(getattr(fast, name)[n], want, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(getattr(direct, name)[n], want, atol=1e-5, rtol=1e-5)


def test_reorganised_layer_stays_exact_over_a_long_video():
    model = build(PYRAMIDS[1], D=16)
    features = torch.randn(50_000, 16) + 3
    ticks = torch.tensor([[49_000, 49_500, 49_990, 50_000], [10, 20, 40_000, 49_999]])
    fast = model.pool_scores(model.score_frames(features), ticks, torch.ones(2, 2))
    direct = model.score_directly(features, ticks, torch.ones(2, 2))
    for name in ("activity", "completeness", "regression"):
        torch.testing.assert_close(getattr(fast, name), getattr(direct, name), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("feature_size", "expected"), [(2048, 206_889), (1024, 103_465)])
def test_heads_have_the_published_number_of_parameters(feature_size, expected):
    assert count_parameters(SSN(10, feature_size)) == expected


def slow_losses(scores, classes, targets, counts, hard_share):
    activity, hinges, regression = [], [], []
    for start in range(0, len(classes), sum(counts)):
        incompletes = []
        for n in range(start, start + sum(counts)):
            kind = "f" if n - start < counts[0] else "i" if n - start < counts[0] + counts[1] else "b"
            if kind != "i":
                logits = scores.activity[n].tolist()
                answer = 0 if kind == "b" else classes[n] + 1
                activity.append(math.log(sum(math.exp(x) for x in logits)) - logits[answer])
            own = scores.completeness[n, classes[n]].item()
            if kind == "f":
                hinges.append(max(0, 1 - own))
                for got, want in zip(scores.regression[n, classes[n]].tolist(), targets[n].tolist(), strict=True):
                    d = abs(got - want)
                    regression.append(0.5 * d * d if d < 1 else d - 0.5)
            elif kind == "i":
                incompletes.append(max(0, 1 + own))
        hinges += sorted(incompletes, reverse=True)[: max(1, int(counts[1] * hard_share))]
    count = len(classes) // sum(counts) * counts[0]
    return sum(activity) / len(activity), 0.1 * sum(hinges) / len(hinges), 0.1 * sum(regression) / count


@pytest.mark.parametrize("counts", [(1, 6, 1), (2, 12, 2)])
def test_losses_equal_sums_over_proposals(counts):
    torch.manual_seed(3)
    N = 3 * sum(counts)
    scores = ProposalScores(torch.randn(N, 5), torch.randn(N, 4), 2 * torch.randn(N, 4, 2))
    classes, targets = torch.randint(4, (N,)), torch.randn(N, 2)
    got = compute_losses(scores, classes, targets, counts)
    expected = slow_losses(scores, classes.tolist(), targets, counts, 0.17)
    assert [value.item() for value in got.values()] == pytest.approx(expected, rel=1e-5)


def test_only_the_hardest_incomplete_of_six_moves():
    completeness = torch.tensor([[0.5], [-2.0], [0.1], [0.3], [-0.5], [0.2], [-3.0], [9.0]], requires_grad=True)
    scores = ProposalScores(torch.zeros(8, 2), completeness, torch.zeros(8, 1, 2))
    compute_losses(scores, torch.zeros(8, dtype=torch.int64), torch.zeros(8, 2), (1, 6, 1))["completeness"].backward()
    assert completeness.grad.flatten().tolist() == pytest.approx([-0.05, 0, 0, 0.05, 0, 0, 0, 0])


def test_losses_without_some_kind_are_zero():
    scores = ProposalScores(torch.randn(2, 3), torch.randn(2, 2), torch.randn(2, 2, 2))
    losses = compute_losses(scores, torch.zeros(2, dtype=torch.int64), torch.zeros(2, 2), (0, 0, 1))
    assert losses["completeness"] == losses["regression"] == 0
    assert losses["activity"] > 0


def test_end_to_end_equals_features_computed_before():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = build(PYRAMIDS[0], backbone=Backbone(body, 5, IMAGENET))
    images, scales = torch.randn(2, 9, 3, 8, 8), torch.ones(2, 2)
    features = torch.stack([model.backbone(proposal) for proposal in images])
    heads = build(PYRAMIDS[0])
    heads.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("backbone")})
    torch.testing.assert_close(model(images, scales).regression, heads(features, scales).regression)
    model.train()
    model(images, scales).activity.sum().backward()
    assert body[0].weight.grad.abs().sum() > 0
    frozen = SSN(3, 5, backbone=Backbone(body, 5, IMAGENET), freeze_backbone=True).train()
    assert not body[1].training and not any(p.requires_grad for p in frozen.backbone.parameters())


def test_encoder_does_not_see_what_is_behind_the_end():
    torch.manual_seed(0)
    encoder = SnippetEncoder(4, 6, num_layers=2, kernel_size=3).eval()
    features, lengths = torch.randn(2, 12, 4), torch.tensor([12, 7])
    together = encoder(features, lengths)
    alone = encoder(features[1:, :7], lengths[1:])
    torch.testing.assert_close(together[1, :7], alone[0])
    assert not together[1, 7:].any()


def test_encoder_equals_its_layers_written_out():
    torch.manual_seed(0)
    encoder = SnippetEncoder(4, 6, num_layers=1, kernel_size=3).eval()
    features = torch.randn(1, 5, 4)
    got = encoder(features, torch.tensor([5]))[0]
    rows = []
    for row in features[0]:
        centred = row - row.mean()
        normed = centred / (centred.square().mean() + 1e-5).sqrt()
        rows.append((encoder.project.weight @ normed + encoder.project.bias).clamp(min=0))
    rows = [torch.zeros(6), *rows, torch.zeros(6)]
    weight, bias = encoder.layers[0].weight, encoder.layers[0].bias
    for t in range(5):
        mixed = sum(weight[:, :, k] @ rows[t + k] for k in range(3)) + bias
        torch.testing.assert_close(got[t], rows[t + 1] + mixed.clamp(min=0), atol=1e-5, rtol=1e-5)


def test_actionness_sees_neighbours_only_as_far_as_its_kernels():
    model = Actionness(4, kernel_size=3, dropout=0.0)
    features = torch.randn(1, 20, 4)
    changed = features.clone()
    changed[0, 10] += 1
    difference = (model(changed) - model(features))[0]
    assert difference[:8].abs().max() < 1e-6 and difference[13:].abs().max() < 1e-6
    assert difference[8:13].abs().min() > 1e-6


def test_shapes_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match=r"stage 0 .* 2 snippets"):
        SSN(3, 5, pyramid=((3,), (1,), (1,)))
    with pytest.raises(ConfigError, match="expected 9 snippets"):
        SSN(3, 5)(torch.zeros(1, 8, 5), torch.ones(1, 2))
    with pytest.raises(ConfigError, match="odd"):
        Actionness(4, kernel_size=2)
