import itertools
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from finegym.codebook.builtin import read_builtin
from finegym.codebook.tree import get_paths, iterate_nodes
from finegym.errors import ConfigError
from finegym.models.backbones import IMAGENET, Backbone
from finegym.models.heads import HierarchyHead, TreeHead, WithHead
from finegym.models.tsn import TSN

SET_EVENTS = [0, 0, 1]
ELEMENT_SETS = [0, 0, 2, 1, 2, 2]


def softmax(values):
    return [math.exp(v) / sum(map(math.exp, values)) for v in values]


def test_elements_of_a_hierarchy_are_products_of_softmaxes_among_siblings():
    head = HierarchyHead(SET_EVENTS, ELEMENT_SETS)
    assert head.num_scores == 2 + 3 + 6
    scores = torch.randn(1, 11, dtype=torch.double)
    events, sets, elements = (part.tolist() for part in scores[0].split([2, 3, 6]))
    for k, s in enumerate(ELEMENT_SETS):
        e = SET_EVENTS[s]
        event = softmax(events)[e]
        siblings = [i for i, event_of in enumerate(SET_EVENTS) if event_of == e]
        set_ = softmax([sets[i] for i in siblings])[siblings.index(s)]
        siblings = [i for i, set_of in enumerate(ELEMENT_SETS) if set_of == s]
        element = softmax([elements[i] for i in siblings])[siblings.index(k)]
        assert head(scores)[0, k].exp().item() == pytest.approx(event * set_ * element)


def test_probabilities_of_every_level_sum_to_one_and_roll_up():
    head = HierarchyHead(SET_EVENTS, ELEMENT_SETS)
    levels = [level.exp() for level in head.compute_levels(10 * torch.randn(4, 11))]
    for level in levels:
        torch.testing.assert_close(level.sum(dim=1), torch.ones(4))
    for upper, lower, parents in ((levels[1], levels[2], ELEMENT_SETS), (levels[0], levels[1], SET_EVENTS)):
        torch.testing.assert_close(torch.zeros_like(upper).index_add_(1, torch.tensor(parents), lower), upper)


def test_cross_entropy_of_elements_is_that_of_all_levels_together():
    head = HierarchyHead(SET_EVENTS, ELEMENT_SETS)
    scores, target = torch.randn(1, 11), 2
    events, sets, elements = scores.split([2, 3, 6], dim=1)
    expected = (
        F.cross_entropy(events, torch.tensor([1]))
        + F.cross_entropy(sets[:, [2]], torch.tensor([0]))
        + F.cross_entropy(elements[:, [2, 4, 5]], torch.tensor([0]))
    )
    torch.testing.assert_close(F.cross_entropy(head(scores), torch.tensor([target])), expected)


def test_gradients_are_finite_whatever_the_scores():
    for head in (
        HierarchyHead(SET_EVENTS, ELEMENT_SETS),
        TreeHead([[0, 1], [0, 1], [0, -1]], [[1, 1], [1, 0], [0, 0]], 2),
    ):
        scores = (1000 * torch.randn(3, head.num_scores)).requires_grad_()
        logits = head(scores)
        assert logits.isfinite().all()
        F.cross_entropy(logits, torch.tensor([0, 1, 2])).backward()
        assert scores.grad.isfinite().all()


def test_hierarchies_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match=r"level 2.*0 to 2.*\[1\]"):
        HierarchyHead(SET_EVENTS, [0, 0, 2])
    with pytest.raises(ConfigError, match="at least two levels"):
        HierarchyHead()


def test_elements_of_a_tree_are_products_of_answers():
    head = TreeHead([[0, 1, -1], [0, 1, 2], [0, 1, 2], [0, -1, -1]], [[1, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 0]], 3)
    scores = torch.randn(1, 3, dtype=torch.double)
    p, q, r = scores.sigmoid()[0].tolist()
    expected = [p * q, p * (1 - q) * r, p * (1 - q) * (1 - r), 1 - p]
    assert head(scores)[0].exp().tolist() == pytest.approx(expected)
    assert sum(expected) == pytest.approx(1)


def build_builtin_trees():
    """Every tree of the built-in gymnastics codebook, as the plain arrays that the head takes."""
    codebook = read_builtin("artistic-women")
    queries = [query.id for query in codebook.queries]
    paths, sets = [], []
    for set_index, tree in enumerate(codebook.trees):
        for path in get_paths(tree).values():
            paths.append([(queries.index(step.query_id), step.answer) for step in path])
            sets.append(set_index)
    longest = max(map(len, paths))
    indices = [[q for q, _ in path] + [-1] * (longest - len(path)) for path in paths]
    answers = [[a for _, a in path] + [False] * (longest - len(path)) for path in paths]
    return codebook, TreeHead(indices, answers, len(queries), set_indices=sets)


def test_trees_of_a_real_codebook_equal_a_walk_from_the_root():
    codebook, head = build_builtin_trees()
    torch.manual_seed(0)
    scores = torch.randn(2, head.num_scores, dtype=torch.double)
    got = head(scores).exp()
    queries = {query.id: i for i, query in enumerate(codebook.queries)}
    for b in range(2):
        yes = scores[b, : head.num_queries].sigmoid().tolist()
        set_probabilities = softmax(scores[b, head.num_queries :].tolist())
        expected, dead = [], 0.0
        for set_index, tree in enumerate(codebook.trees):
            by_element = {}
            for walked, node in iterate_nodes(tree):
                if hasattr(node, "query_id"):
                    continue
                probability, at = set_probabilities[set_index], tree.root
                for answer in walked:
                    probability *= yes[queries[at.query_id]] if answer else 1 - yes[queries[at.query_id]]
                    at = at.yes if answer else at.no
                if node.element_id is None:
                    dead += probability
                else:
                    by_element[node.element_id] = probability
            expected += [by_element[element_id] for element_id in get_paths(tree)]
        assert got[b].tolist() == pytest.approx(expected)
        assert got[b].sum().item() + dead == pytest.approx(1)


def test_trees_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match=r"-1 to 1"):
        TreeHead([[2]], [[1]], 2)
    with pytest.raises(ConfigError, match=r"both be \(K, L\)"):
        TreeHead([[0, 1]], [[1]], 2)
    with pytest.raises(ConfigError, match="each of 1 elements, got 2"):
        TreeHead([[0]], [[1]], 1, set_indices=[0, 1])


@pytest.mark.parametrize("kind", ["hierarchy", "tree"])
def test_a_model_that_wears_a_head_learns(kind):
    """Four elements of two sets, told apart by what the queries ask: is it bright, is it red?"""
    torch.manual_seed(0)
    head = (
        HierarchyHead([0, 0, 1, 1])
        if kind == "hierarchy"
        else TreeHead([[0, 1]] * 4, list(itertools.product((1, 0), repeat=2)), 2)
    )
    body = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = WithHead(TSN(Backbone(body, 8, IMAGENET), head.num_scores, dropout=0.0), head)
    colours = torch.tensor([[1.0, 0.2, 0.2], [0.2, 1.0, 1.0], [0.4, 0.0, 0.0], [0.0, 0.4, 0.4]])
    frames = colours[:, None, :, None, None].expand(4, 2, 3, 4, 4)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for _ in range(80):
        optimizer.zero_grad()
        F.cross_entropy(model(frames), torch.arange(4)).backward()
        optimizer.step()
    assert model(frames).argmax(dim=1).tolist() == [0, 1, 2, 3]
