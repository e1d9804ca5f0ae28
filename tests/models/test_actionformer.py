import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from finegym.errors import ConfigError
from finegym.models import count_parameters
from finegym.models.actionformer import ActionFormer, Branch, attend_locally, make_points

D, K = 12, 5


def build_small(**settings):
    """Two levels of stem, four of pyramid, and no weight at a value that hides a term of the sum."""
    torch.manual_seed(0)
    settings = {"width": 16, "num_heads": 2, "window": 5, "num_levels": 4, "branch_scale": 0.5} | settings
    model = ActionFormer(D, K, **settings)
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1 or name.endswith("scale"):
            nn.init.uniform_(parameter, 0.3, 0.8)
    return model.eval()


def test_published_settings_have_the_published_number_of_weights():
    # 29.3 million: the authors' settings for THUMOS14, counted independently by hand below.
    width, features, classes = 512, 2048, 20
    norm = 2 * width
    projection = features * width * 3 + width * width * 3 + 2 * norm
    attention = 3 * (3 * width + norm + width * width + width) + width * width + width
    block = norm + attention + norm + 8 * width * width + 5 * width + 2 * width
    heads = 2 * 2 * (3 * width * width + norm) + (3 * width + 1) * (classes + 2)
    by_hand = projection + 7 * block + 6 * norm + heads + 6
    counted = count_parameters(ActionFormer(features, classes))
    assert counted == by_hand
    assert round(counted / 1e6, 1) == 29.3


def attend_slowly(query, key, value, mask, window):
    B, H, T, size = query.shape
    out = torch.zeros_like(query)
    for b in range(B):
        for h in range(H):
            for i in range(T):
                seen = [j for j in range(T) if abs(i - j) <= window // 2 and (mask[b, j] or i == j)]
                weights = [math.exp(float(query[b, h, i] @ key[b, h, j]) / math.sqrt(size)) for j in seen]
                for weight, j in zip(weights, seen, strict=True):
                    out[b, h, i] += weight / sum(weights) * value[b, h, j]
    return out


@pytest.mark.parametrize("num_points, window", [(1, 3), (2, 5), (7, 3), (11, 5), (12, 5), (9, 19), (10, 9)])
def test_attention_in_a_window_equals_loops_over_pairs(num_points, window):
    torch.manual_seed(num_points)
    query, key, value = torch.randn(3, 2, 3, num_points, 4, dtype=torch.float64)
    mask = torch.arange(num_points) < torch.tensor([[num_points], [max(1, num_points - 3)]])
    attended = attend_locally(query, key, value, mask, window)
    torch.testing.assert_close(attended, attend_slowly(query, key, value, mask, window))


def run_slowly(model, features):
    """The network over one whole sequence (T, D), written out without masks, blocks and batches."""

    def norm(layer, x):  # over channels
        return F.layer_norm(x.T, (x.shape[0],), layer.weight, layer.bias).T

    def normed_conv(layer, x):
        return F.relu(norm(layer.norm, F.conv1d(x, layer.conv.weight, padding=1)))

    def attend(layer, x, stride):
        parts = []
        for conv, layer_norm, project in (layer.query, layer.key, layer.value):
            thin = F.conv1d(x, conv.weight, stride=stride, padding=1, groups=x.shape[0])
            parts.append(F.conv1d(norm(layer_norm, thin), project.weight, project.bias))
        T = parts[0].shape[1]
        query, key, value = (part.view(layer.num_heads, -1, T).transpose(1, 2)[None] for part in parts)
        attended = attend_slowly(query, key, value, torch.ones(1, T, dtype=torch.bool), layer.window)
        joined = attended[0].transpose(1, 2).reshape(-1, T)
        return F.conv1d(joined, layer.out.weight, layer.out.bias)

    def block(layer, x):
        attended = attend(layer.attention, norm(layer.norm, x), layer.stride)
        if layer.stride == 2:
            x = torch.stack([x[:, max(0, t - 1) : t + 2].amax(dim=1) for t in range(0, x.shape[1], 2)], dim=1)
        x = x + attended * layer.attention_branch.scale[:, None]
        hidden = F.gelu(F.conv1d(norm(layer.mlp_norm, x), layer.mlp[0].weight, layer.mlp[0].bias))
        return x + F.conv1d(hidden, layer.mlp[3].weight, layer.mlp[3].bias) * layer.mlp_branch.scale[:, None]

    def head(layer, x):
        for conv in layer.convs:
            x = normed_conv(conv, x)
        return F.conv1d(x, layer.last.weight, layer.last.bias, padding=1)

    x = features.T
    for conv in model.projection:
        x = normed_conv(conv, x)
    for layer in model.stem:
        x = block(layer, x)
    levels = [x]
    for layer in model.branch:
        levels.append(block(layer, levels[-1]))
    levels = [norm(layer, x) for layer, x in zip(model.norms, levels, strict=True)]
    logits = [head(model.classifier, x).T for x in levels]
    offsets = [F.relu(head(model.regressor, x) * s).T for x, s in zip(levels, model.offset_scales, strict=True)]
    return torch.cat(logits), torch.cat(offsets)


@pytest.mark.parametrize("num_snippets", [1, 2, 13, 32])
@torch.no_grad()
def test_network_equals_itself_written_out(num_snippets):
    model = build_small().double()
    features = torch.randn(num_snippets, D, dtype=torch.float64)
    scores = model(features[None], torch.tensor([num_snippets]))
    logits, offsets = run_slowly(model, features)
    torch.testing.assert_close(scores.logits[0], logits)
    torch.testing.assert_close(scores.offsets[0], offsets)
    assert scores.valid.all() and (offsets > 0).any()
    assert len(make_points(num_snippets, 4)) == len(logits)


@torch.no_grad()
def test_a_sequence_gives_the_same_alone_and_in_any_batch():
    model = build_small()
    lengths = [1, 7, 16, 21]
    sequences = [torch.randn(length, D) for length in lengths]
    for padding in (0, 11):
        longest = max(lengths) + padding
        # What lies behind the end is anything at all, not zeros.
        batch = torch.stack([torch.cat([s, 100 * torch.randn(longest - len(s), D)]) for s in sequences])
        together = model(batch, torch.tensor(lengths))
        assert torch.isfinite(together.logits).all()
        for number, sequence in enumerate(sequences):
            alone = model(sequence[None], torch.tensor([len(sequence)]))
            there = together.valid[number]
            assert there.sum() == alone.valid.sum() == alone.logits.shape[1]
            torch.testing.assert_close(together.logits[number][there], alone.logits[0], atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(together.offsets[number][there], alone.offsets[0], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_valid_points_are_those_whose_position_is_inside():
    model = build_small()
    lengths = torch.tensor([1, 6, 9, 16])
    scores = model(torch.randn(4, 16, D), lengths)
    points = make_points(16, 4)
    assert torch.equal(scores.valid, points[:, 0] < lengths[:, None])


def test_points_stand_on_every_first_snippet_of_a_stride():
    assert make_points(5, 3).tolist() == [
        *([float(t), 1.0] for t in range(5)),
        *([0.0, 2.0], [2.0, 2.0], [4.0, 2.0]),
        *([0.0, 4.0], [4.0, 4.0]),
    ]


def test_gradients_reach_every_weight_and_are_finite_behind_the_end():
    model = build_small().train()
    scores = model(torch.randn(2, 12, D), torch.tensor([12, 1]))
    (scores.logits[scores.valid].sum() + scores.offsets[scores.valid].sum()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_it_begins_with_the_prior_everywhere():
    torch.manual_seed(0)
    model = ActionFormer(D, K, width=16, num_levels=3, prior=0.02).eval()
    with torch.no_grad():
        nn.init.zeros_(model.classifier.last.weight)
        scores = model(torch.randn(1, 10, D), torch.tensor([10])).logits.sigmoid()
    torch.testing.assert_close(scores, torch.full_like(scores, 0.02))


def test_a_branch_is_left_out_for_whole_sequences_and_right_on_average():
    torch.manual_seed(0)
    branch = Branch(3, 0.25, 2.0)
    x = torch.ones(4000, 3, 2)
    y = branch(x)
    per_sequence = y.flatten(1)
    assert per_sequence.unique().tolist() == [0.0, pytest.approx(2 / 0.75)]
    assert (per_sequence == per_sequence[:, :1]).all()
    assert y.mean().item() == pytest.approx(2.0, rel=0.05)
    assert torch.equal(branch.eval()(x), 2 * x)


@pytest.mark.parametrize("settings", [{"window": 4}, {"window": 1}, {"width": 10, "num_heads": 4}])
def test_settings_that_do_not_fit_are_refused(settings):
    with pytest.raises(ConfigError, match="ActionFormer"):
        ActionFormer(D, K, **settings)
