import numpy as np
import pytest
import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models.motion_transformer import MotionTransformer, embed_time

B, T, D, A, WIDTH, HEADS, PATCH = 3, 8, 5, 4, 12, 3, 2


def build_small(**settings):
    """A small network whose every weight counts: those that start at zero are drawn too."""
    torch.manual_seed(0)
    settings = {"width": WIDTH, "depth": 2, "num_heads": HEADS, "patch": PATCH} | settings
    model = MotionTransformer(D, T, A, **settings).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0, parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.3)
    return model


def draw_input():
    rng = torch.Generator().manual_seed(1)
    noisy, attributes = torch.randn(B, T, D, generator=rng), torch.randn(B, A, generator=rng)
    return noisy, torch.tensor([0.0, 0.3, 1.0]), attributes


def get(model, name):
    module = model.get_submodule(name)
    return module.weight.detach().double().numpy(), module.bias.detach().double().numpy()


def linear(model, name, x):
    weight, bias = get(model, name)
    return weight @ x + bias


def silu(x):
    return x / (1 + np.exp(-x))


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def norm(x):
    return (x - x.mean()) / np.sqrt(((x - x.mean()) ** 2).mean() + 1e-6)


def compute_slowly(model, noisy, time, attributes):
    """One motion, token by token and head by head, in float64."""
    angles = [1000 * time * 1000 ** (-k / 64) for k in range(64)]
    waves = np.array([np.cos(a) for a in angles] + [np.sin(a) for a in angles])
    given = linear(model, "time.2", silu(linear(model, "time.0", waves)))
    wanted = linear(model, "condition.2", silu(linear(model, "condition.0", attributes)))
    given = silu(given + wanted)
    places = model.places.detach().double().numpy()
    tokens = [
        linear(model, "project", np.concatenate(noisy[PATCH * n : PATCH * (n + 1)])) + places[n] + wanted
        for n in range(T // PATCH)
    ]
    size = WIDTH // HEADS
    for block in range(2):
        prefix = f"blocks.{block}"
        parts = linear(model, f"{prefix}.modulate", given).reshape(6, WIDTH)
        changed = [linear(model, f"{prefix}.queries_keys_values", norm(x) * (1 + parts[1]) + parts[0]) for x in tokens]
        mixed = []
        for own in changed:
            heads = []
            for h in range(HEADS):
                query = own[h * size : (h + 1) * size]
                scores = [query @ other[WIDTH + h * size :][:size] / np.sqrt(size) for other in changed]
                weights = np.exp(scores) / np.exp(scores).sum()
                heads.append(
                    sum(w * other[2 * WIDTH + h * size :][:size] for w, other in zip(weights, changed, strict=True))
                )
            mixed.append(linear(model, f"{prefix}.mix_heads", np.concatenate(heads)))
        tokens = [x + parts[2] * y for x, y in zip(tokens, mixed, strict=True)]
        after = [
            linear(
                model,
                f"{prefix}.perceptron.3",
                gelu(linear(model, f"{prefix}.perceptron.0", norm(x) * (1 + parts[4]) + parts[3])),
            )
            for x in tokens
        ]
        tokens = [x + parts[5] * y for x, y in zip(tokens, after, strict=True)]
    shift, scale = linear(model, "modulate_last", given).reshape(2, WIDTH)
    return np.stack([linear(model, "head", norm(x) * (1 + scale) + shift) for x in tokens]).reshape(T, D)


def test_equals_a_slow_reference():
    model = build_small()
    noisy, time, attributes = draw_input()
    with torch.no_grad():
        fast = model(noisy, time, attributes).numpy()
    for b in range(B):
        slow = compute_slowly(model, noisy[b].double().numpy(), float(time[b]), attributes[b].double().numpy())
        np.testing.assert_allclose(fast[b], slow, atol=1e-4, rtol=1e-4)


def test_rows_of_a_batch_do_not_see_each_other_and_runs_repeat():
    model = build_small()
    noisy, time, attributes = draw_input()
    with torch.no_grad():
        together, again = model(noisy, time, attributes), model(noisy, time, attributes)
        alone = torch.cat([model(noisy[[b]], time[[b]], attributes[[b]]) for b in range(B)])
    assert torch.equal(together, again)
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("changed", ["noisy", "time", "attributes"])
def test_every_input_counts(changed):
    model = build_small()
    inputs = dict(zip(("noisy", "time", "attributes"), draw_input(), strict=True))
    with torch.no_grad():
        before = model(**inputs)
        inputs[changed] = inputs[changed] + 0.5
        assert (model(**inputs) - before).abs().max() > 1e-3


def test_starts_with_the_mean_motion_whatever_is_asked():
    model = MotionTransformer(D, T, A, width=WIDTH, num_heads=HEADS, patch=PATCH)
    assert (model(*draw_input()) == 0).all()


def test_learns_a_handful_of_motions_by_heart():
    torch.manual_seed(0)
    model = MotionTransformer(D, T, A, width=32, depth=2, num_heads=4, patch=PATCH)
    clean, attributes = torch.randn(4, T, D), torch.eye(4)
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(300):
        time = torch.rand(4)
        noisy = time[:, None, None] * clean + (1 - time[:, None, None]) * torch.randn_like(clean)
        loss = (model(noisy, time, attributes) - clean).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        error = (model(torch.randn_like(clean), torch.zeros(4), attributes) - clean).square().mean()
    assert error < 0.1  # of a variance of 1: from noise alone, only the attributes say which


def test_times_are_told_apart():
    embedded = embed_time(torch.linspace(0, 1, 101))
    distances = torch.cdist(embedded, embedded) + 100 * torch.eye(101)
    assert distances.min() > 1


@pytest.mark.parametrize("settings", [{"width": 13}, {"patch": 3}])
def test_sizes_that_do_not_divide_are_refused(settings):
    with pytest.raises(ConfigError, match="must divide"):
        build_small(**settings)
