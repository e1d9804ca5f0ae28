import pytest
import torch

from finegym.annotations.subsets import find_subset, make_subset
from finegym.codebook.builtin import read_builtin
from finegym.localization.actionformer_levels import compute_log_shares, compute_scores, make_levels


@pytest.fixture(scope="module")
def codebook():
    return read_builtin("artistic-women")


@pytest.fixture(scope="module")
def levels(codebook):
    return make_levels([find_subset(level, codebook) for level in ("event", "set", "element")], codebook)


def test_parents_are_those_of_the_codebook(codebook, levels):
    events, sets, elements = levels.classes
    assert levels.names == ("event", "set", "element")
    for element in elements.classes:
        parent = sets.classes[levels.parents[2][element.class_index]]
        assert parent.id == codebook.element_by_id[element.id].set_id
        grandparent = events.classes[levels.parents[1][parent.class_index]]
        assert grandparent.id == codebook.set_by_id[parent.id].event_id


def test_elements_can_stand_right_below_events(codebook):
    leap = next(element for element in codebook.elements if codebook.set_by_id[element.set_id].event_id == "BB")
    classes = [find_subset("event", codebook), make_subset("one", "element", [leap.id], codebook)]
    event = int(make_levels(classes, codebook).parents[1][0])
    assert classes[0].classes[event].id == "BB"


def test_shares_equal_a_softmax_a_group():
    torch.manual_seed(0)
    parents = torch.tensor([1, 0, 1, 2, 0, 1])
    logits = torch.randn(3, 4, 6) * 5
    logits[..., 1::3] -= 500  # a group far below the others must not underflow
    shares = compute_log_shares(logits, parents)
    for parent in range(3):
        members = (parents == parent).nonzero().flatten()
        torch.testing.assert_close(shares[..., members], logits[..., members].log_softmax(-1))


def test_scores_of_levels_add_up(levels):
    torch.manual_seed(0)
    logits = torch.randn(9, sum(levels.sizes), dtype=torch.float64) * 3
    scores = [compute_scores(logits, levels.parents, level) for level in range(3)]
    torch.testing.assert_close(scores[0], logits[:, : levels.sizes[0]].sigmoid())
    for upper, lower, parents in zip(scores, scores[1:], levels.parents[1:], strict=False):
        for number in range(upper.shape[1]):
            torch.testing.assert_close(lower[:, parents == number].sum(dim=1), upper[:, number])
        assert (lower <= upper[:, parents] + 1e-12).all()


def test_one_level_is_a_sigmoid_a_class():
    logits = torch.randn(5, 4)
    assert torch.equal(compute_scores(logits, [torch.empty(0)], 0), logits.sigmoid())
