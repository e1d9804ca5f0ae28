import numpy as np
import pytest
import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models.nonlocal_block import KINDS, NonLocalBlock


def build_block(**settings):
    torch.manual_seed(0)
    block = NonLocalBlock(6, **settings)
    for parameter in block.parameters():
        nn.init.normal_(parameter, 0, 0.5)
    return block


def compute_reference(block, maps, kind, is_scaled, pools_first):
    """Equation 6, a sum over j for every i, in NumPy float64; then batch norm by its own statistics or the batch's."""
    state = {key: value.detach().double().numpy() for key, value in block.state_dict().items()}
    maps = maps.double().numpy()

    def convolve(name, x):  # 1 x 1 x 1
        bias = state.get(f"{name}.bias", np.zeros(len(state[f"{name}.weight"])))
        return np.einsum("oc,bcthw->bothw", state[f"{name}.weight"][:, :, 0, 0, 0], x) + bias[:, None, None, None]

    def pool(x):
        H, W = x.shape[3] // 2, x.shape[4] // 2
        out = np.empty((*x.shape[:3], H, W))
        for i in range(H):
            for j in range(W):
                out[..., i, j] = x[..., 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max(axis=(3, 4))
        return out

    def embed(name):
        return convolve(name, pool(maps)) if pools_first else pool(convolve(name, maps))

    theta = maps if kind == "gaussian" else convolve("theta", maps)
    phi = pool(maps) if kind == "gaussian" else embed("phi")
    g = embed("g")
    y = np.zeros((len(maps), g.shape[1], *maps.shape[2:]))
    for b in range(len(maps)):
        x_j = phi[b].reshape(phi.shape[1], -1).T
        g_j = g[b].reshape(g.shape[1], -1).T
        for place in np.ndindex(*maps.shape[2:]):
            x_i = theta[(b, slice(None), *place)]
            products = np.array([x_i @ x for x in x_j])
            if kind == "dot_product":
                weights = products / len(x_j)
            else:
                if is_scaled:
                    products = products / np.sqrt(len(x_i))
                weights = np.exp(products) / np.exp(products).sum()
            y[(b, slice(None), *place)] = sum(w * g for w, g in zip(weights, g_j, strict=True))
    z = convolve("output", y)
    mean, variance = state["norm.running_mean"], state["norm.running_var"]
    if block.training:
        mean, variance = z.mean(axis=(0, 2, 3, 4)), z.var(axis=(0, 2, 3, 4))
    column = (slice(None), None, None, None)
    z = (z - mean[column]) / np.sqrt(variance[column] + 1e-5)
    return maps + z * state["norm.weight"][column] + state["norm.bias"][column]


@pytest.mark.parametrize("is_training", [False, True])
@pytest.mark.parametrize("pools_first", [False, True])
@pytest.mark.parametrize(
    ("kind", "is_scaled"),
    [("embedded_gaussian", False), ("embedded_gaussian", True), ("gaussian", False), ("dot_product", False)],
)
def test_block_equals_the_equation(kind, is_scaled, pools_first, is_training):
    block = build_block(kind=kind, is_scaled=is_scaled, pools_first=pools_first).train(is_training)
    maps = torch.randn(2, 6, 3, 4, 5)
    expected = compute_reference(block, maps, kind, is_scaled, pools_first)
    torch.testing.assert_close(block(maps), torch.from_numpy(expected).float(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_block_changes_nothing_and_learns(kind):
    block = NonLocalBlock(8, kind=kind)
    maps = torch.randn(2, 8, 2, 4, 4)
    assert torch.equal(block(maps), maps)
    block(maps).square().sum().backward()
    assert block.norm.weight.grad.abs().min() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_every_parameter(kind):
    block = build_block(kind=kind, output_bias=True)
    block(torch.randn(2, 6, 3, 4, 4)).square().sum().backward()
    assert [name for name, parameter in block.named_parameters() if parameter.grad is None] == []


def test_pooling_is_after_the_convolutions_by_default():
    maps = torch.randn(1, 6, 2, 4, 4)
    after, before = build_block().eval(), build_block(pools_first=True).eval()
    assert not torch.allclose(after(maps), before(maps), atol=1e-4)


def test_an_unknown_kind_lists_what_there_is():
    with pytest.raises(ConfigError, match="embedded_gaussian, gaussian, dot_product"):
        NonLocalBlock(8, kind="concatenation")
