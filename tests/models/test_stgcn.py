import numpy as np
import pytest
import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models import count_parameters
from finegym.models.complexity import count_multiply_adds
from finegym.models.stgcn import COCO_17_EDGES, STGCN, build_adjacency

# A body of 6 joints: 0 in the middle, 1 and 2 beside it, 3 after 1, 4 after 3, 5 after 2.
EDGES = [(0, 1), (2, 0), (1, 3), (3, 4), (5, 2)]


def build_small(num_classes=5, widths=(8, 8, 16, 16, 32), **settings):
    torch.manual_seed(0)
    model = STGCN(num_classes, in_channels=3, edges=EDGES, num_joints=6, widths=widths, **settings)
    for name, parameter in model.named_parameters():
        if name.startswith("edge_importance") or parameter.dim() == 1:
            nn.init.uniform_(parameter, 0.5, 1.5) if "weight" in name or "edge" in name else nn.init.normal_(parameter)
        else:
            nn.init.normal_(parameter, 0, 2 / parameter[0].numel() ** 0.5)
    model.classifier.weight.data *= 0.05  # logits of about 1, in which 1e-5 means something
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.2)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return model


def test_partitions_of_coco_have_the_published_numbers_of_entries():
    for partition, counts in (("published", [17, 22, 10]), ("true_distance", [17, 16, 16])):
        adjacency = build_adjacency(COCO_17_EDGES, 17, partition=partition)
        assert [(subset > 0).sum().item() for subset in adjacency] == counts
        torch.testing.assert_close(adjacency.sum(dim=(0, 1)), torch.ones(17))


def build_published_adjacency(edges, num_joints, centre, max_hop=1):
    """As the authors describe it: distances up to ``max_hop``, infinite beyond, and four cases."""
    distance = np.full((num_joints, num_joints), np.inf)
    neighbours = np.eye(num_joints)
    for v, w in edges:
        neighbours[v, w] = neighbours[w, v] = 1
    reached = np.eye(num_joints)
    for hop in range(max_hop + 1):
        distance[(reached > 0) & np.isinf(distance)] = hop
        reached = reached @ neighbours
    normalised = neighbours @ np.diag(1 / neighbours.sum(axis=0))
    subsets = np.zeros((3, num_joints, num_joints))
    for v in range(num_joints):
        for w in range(num_joints):
            if distance[v, w] == 0:
                subset = 0
            elif distance[v, w] == 1:
                subset = 1 if distance[v, centre] >= distance[w, centre] else 2
            else:
                continue
            subsets[subset, v, w] = normalised[v, w]
    return subsets


@pytest.mark.parametrize(("edges", "num_joints"), [(COCO_17_EDGES, 17), (EDGES, 6)])
@pytest.mark.parametrize("centre", [0, 2])
@pytest.mark.parametrize(("partition", "max_hop"), [("published", 1), ("true_distance", 16)])
def test_adjacency_equals_the_slow_construction(edges, num_joints, centre, partition, max_hop):
    expected = build_published_adjacency(edges, num_joints, centre, max_hop)
    got = build_adjacency(edges, num_joints, centre=centre, partition=partition)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-6)


def test_hand_worked_subsets_of_a_chain():
    # 0 - 1 - 2: joint 1 has three neighbours with itself, the ends two.
    adjacency = build_adjacency([(0, 1), (1, 2)], 3, partition="true_distance")
    assert adjacency[0].tolist() == [[0.5, 0, 0], [0, torch.tensor(1 / 3).item(), 0], [0, 0, 0.5]]
    farther, nearer = adjacency[1].nonzero().tolist(), adjacency[2].nonzero().tolist()
    assert farther == [[1, 0], [2, 1]]  # from 1 to 0 and from 2 to 1
    assert nearer == [[0, 1], [1, 2]]


def compute_reference(model, skeletons):
    """Person by person; the graph convolution is a sum over joints and subsets, in NumPy float64."""
    state = {key: value.detach().double().numpy() for key, value in model.state_dict().items()}
    is_training = model.training
    B, C, _, V, M = skeletons.shape
    x = np.stack([skeletons[b, :, :, :, m].double().numpy() for b in range(B) for m in range(M)])  # (B*M, C, T, V)

    def norm(x, name, axes, shape):
        mean, variance = state[f"{name}.running_mean"].reshape(shape), state[f"{name}.running_var"].reshape(shape)
        if is_training:
            mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
        scale, shift = state[f"{name}.weight"].reshape(shape), state[f"{name}.bias"].reshape(shape)
        return (x - mean) / np.sqrt(variance + 1e-5) * scale + shift

    data = x.transpose(0, 3, 1, 2)  # (B*M, V, C, T)
    x = norm(data, "data_norm", (0, 3), (1, V, C, 1)).transpose(0, 2, 3, 1)
    for i in range(len(model.blocks)):
        at = f"blocks.{i}"
        weight, bias = state[f"{at}.graph.weight"][:, :, 0, 0], state[f"{at}.graph.bias"]
        edges = state["adjacency"] * state[f"edge_importance.{i}"]
        D = len(weight) // 3
        y = np.zeros((len(x), D, *x.shape[2:]))
        for k in range(3):
            for v in range(V):
                sent = np.einsum("dc,nct->ndt", weight[k * D : (k + 1) * D], x[..., v])
                sent += bias[k * D : (k + 1) * D, None]
                for w in range(V):
                    y[..., w] += edges[k, v, w] * sent
        y = np.maximum(norm(y, f"{at}.temporal.0", (0, 2, 3), (1, D, 1, 1)), 0)
        stride = 2 if i > 0 and x.shape[1] != D else 1
        kernel, bias = state[f"{at}.temporal.2.weight"][..., 0], state[f"{at}.temporal.2.bias"]
        frames = []
        for t in range(0, y.shape[2], stride):
            taps = [(j, t + j - 4) for j in range(9) if 0 <= t + j - 4 < y.shape[2]]
            frames.append(sum(np.einsum("dc,ncv->ndv", kernel[:, :, j], y[:, :, s]) for j, s in taps) + bias[:, None])
        y = norm(np.stack(frames, axis=2), f"{at}.temporal.3", (0, 2, 3), (1, D, 1, 1))
        if f"{at}.shortcut.0.weight" in state:
            kernel, bias = state[f"{at}.shortcut.0.weight"][:, :, 0, 0], state[f"{at}.shortcut.0.bias"]
            shortcut = np.einsum("dc,nctv->ndtv", kernel, x[:, :, ::stride]) + bias[:, None, None]
            y += norm(shortcut, f"{at}.shortcut.1", (0, 2, 3), (1, D, 1, 1))
        elif i > 0:
            y += x
        x = np.maximum(y, 0)
    features = x.reshape(B, M, *x.shape[1:]).mean(axis=(1, 3, 4))
    return features @ state["classifier.weight"].T + state["classifier.bias"]


@pytest.mark.parametrize("is_training", [False, True])
@pytest.mark.parametrize("num_persons", [1, 2])
@pytest.mark.parametrize("partition", ["published", "true_distance"])
def test_network_equals_the_sum_over_the_graph(num_persons, partition, is_training):
    model = build_small(partition=partition).train(is_training)
    skeletons = torch.randn(3, 3, 13, 6, num_persons)
    expected = compute_reference(model, skeletons)
    assert expected.std(axis=0).min() > 1e-3  # the logits do depend on the input
    torch.testing.assert_close(model(skeletons), torch.from_numpy(expected).float(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("in_channels", "count"), [(3, 3_098_727), (2, 3_098_501)])
def test_counts_equal_the_published_ones(in_channels, count):
    model = STGCN(99, in_channels=in_channels)
    assert count_parameters(model) == count
    assert f"{count_multiply_adds(model, (1, in_channels, 48, 17, 2)) / 1e9:.2f}" == "1.83"
    assert all((importance == 1).all() for importance in model.edge_importance)


def test_batch_its_order_and_that_of_persons_do_not_change_logits():
    model = build_small().eval()
    skeletons = torch.randn(5, 3, 16, 6, 2)
    with torch.inference_mode():
        together = model(skeletons)
        torch.testing.assert_close(torch.cat([model(one[None]) for one in skeletons]), together, atol=1e-5, rtol=0)
        torch.testing.assert_close(model(skeletons.flip(0)).flip(0), together, atol=1e-5, rtol=0)
        torch.testing.assert_close(model(skeletons.flip(-1)), together, atol=1e-5, rtol=0)
    assert not torch.allclose(model(skeletons.flip(2)), together, atol=1e-3)


def test_gradients_reach_every_parameter_and_unconnected_joints_stay_apart():
    model = build_small(widths=(8,)).train()
    skeletons = torch.randn(2, 3, 8, 6, 1, requires_grad=True)
    model(skeletons).square().sum().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []
    model.eval()
    source = torch.randn(1, 3, 8, 6, requires_grad=True)
    mixed = model.blocks[0](source, model.adjacency)
    mixed[..., 4].sum().backward()
    assert source.grad.abs().sum(dim=(0, 1, 2)).nonzero().flatten().tolist() == [3, 4]


def test_graphs_that_do_not_hang_together_are_refused():
    with pytest.raises(ConfigError, match=r"joints \[6\] do not exist"):
        build_adjacency([(0, 6)], 6)
    with pytest.raises(ConfigError, match=r"joints \[2, 3\] are not connected to the centre 0"):
        build_adjacency([(0, 1), (2, 3)], 4)
    with pytest.raises(ConfigError, match="partition must be"):
        build_adjacency(EDGES, 6, partition="distance")
