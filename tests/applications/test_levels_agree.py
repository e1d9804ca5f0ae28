"""One belief over all levels: sums, products along paths, contradictions, and calibration against hand-worked cases."""

import math

import numpy as np
import pytest

from finegym.applications.hierarchy import combine_levels, find_parting, find_path, rank, spread_event
from finegym.codebook.builtin import read_builtin
from finegym.codebook.tree import get_path
from finegym.errors import PredictionError
from finegym.evaluation.calibration import calibrate, compute_ece, fit_temperature

CODEBOOK = read_builtin("artistic-women")


def make_random(rng, ids):
    values = rng.dirichlet(np.ones(len(ids)))
    return dict(zip(ids, values.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_levels_add_up_and_paths_multiply_to_the_element(seed):
    rng = np.random.default_rng(seed)
    ids = [one.id for one in CODEBOOK.elements if rng.random() < 0.7]
    elements = make_random(rng, ids)
    sets = make_random(rng, [set_.id for set_ in CODEBOOK.sets])
    events = make_random(rng, ["VT", "FX", "BB", "UB"])
    levels = combine_levels(CODEBOOK, elements=elements, sets=sets, events=events)
    assert sum(levels.events.values()) == pytest.approx(1)
    assert sum(levels.sets.values()) == pytest.approx(1)
    assert sum(levels.elements.values()) + sum(levels.none_of_set.values()) == pytest.approx(1)
    for set_ in CODEBOOK.sets:
        members = [one.id for one in CODEBOOK.get_elements_of_set(set_.id) if one.id in elements]
        inside = sum(levels.elements[one] for one in members)
        assert inside + levels.none_of_set[set_.id] == pytest.approx(levels.sets[set_.id])
        for one in members:
            steps = find_path(CODEBOOK.tree_by_set_id[set_.id], levels.elements, one)
            wanted = get_path(CODEBOOK.tree_by_set_id[set_.id], one)
            assert [(step.query_id, step.answer) for step in steps] == [(step.query_id, step.answer) for step in wanted]
            assert math.prod(step.probability for step in steps) == pytest.approx(levels.elements[one] / inside)


def test_an_event_that_is_ruled_out_takes_its_sets_along():
    levels = combine_levels(CODEBOOK, sets={"VT-S1": 0.7, "FX-S1": 0.1, "FX-S2": 0.2}, events={"VT": 0.0, "FX": 1.0})
    assert levels.sets == pytest.approx({"VT-S1": 0.0, "FX-S1": 1 / 3, "FX-S2": 2 / 3})
    assert levels.none_of_set == levels.sets  # no element can be told
    assert levels.events["VT"] == 0


def test_without_sets_the_elements_say_which():
    elements = {"fx-turn-1": 0.5, "fx-turn-2": 0.25, "fx-split-leap": 0.25}
    levels = combine_levels(CODEBOOK, elements=elements)
    assert levels.elements == pytest.approx(elements)
    assert levels.sets == pytest.approx({"FX-S2": 0.75, "FX-S1": 0.25})


def test_levels_that_exclude_each_other_leave_the_event():
    levels = combine_levels(CODEBOOK, elements={"fx-turn-1": 1.0}, events={"UB": 1.0})
    assert levels.events["UB"] == 1
    assert levels.sets["UB-S1"] == pytest.approx(0.25)
    assert levels.elements == {"fx-turn-1": 0.0}


def test_an_event_shares_the_rest_with_the_others():
    assert spread_event(CODEBOOK, "BB", 0.7) == pytest.approx({"BB": 0.7, "VT": 0.1, "FX": 0.1, "UB": 0.1})


def test_two_elements_part_at_the_query_that_differs():
    query_id, answer = find_parting(CODEBOOK, "fx-turn-2", "fx-turn-1")
    first, second = (get_path(CODEBOOK.tree_by_set_id["FX-S2"], one) for one in ("fx-turn-2", "fx-turn-1"))
    place = next(i for i, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1])
    assert (first[place].query_id, first[place].answer) == (query_id, answer)
    assert find_parting(CODEBOOK, "fx-turn-1", "bb-turn-1") is None
    assert rank({"a": 0.1, "b": 0.7, "c": 0.2}, 2) == [("b", 0.7), ("c", 0.2)]


def test_the_calibration_error_is_as_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.9, 0.1], [0.45, 0.55], [0.4, 0.6]])
    targets = np.array([0, 1, 1, 0])
    # Ten bins: 0.95 alone (gap 0.05), 0.9 alone (0.9); 0.55 and 0.6 together in (0.5, 0.6].
    # Of those two one is right: |1 - 1.15| = 0.15. So (0.05 + 0.9 + 0.15) / 4.
    assert compute_ece(probabilities, targets, 10) == pytest.approx((0.05 + 0.9 + 0.15) / 4)


def test_the_temperature_that_logits_were_multiplied_by_is_found():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 5))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = (probabilities.cumsum(axis=1) > rng.random((len(logits), 1))).argmax(axis=1)
    assert fit_temperature(logits * 3, targets) == pytest.approx(3, rel=0.05)
    found = calibrate(logits * 3, targets)
    assert found.ece_after < 0.02 < found.ece_before
    assert found.compute_probabilities(logits * 3).sum(axis=1) == pytest.approx(1)


def test_familiar_clips_have_uniform_values_and_strange_ones_small():
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 4, size=800)
    logits = rng.normal(size=(800, 4)) + 6 * np.eye(4)[targets]
    found = calibrate(logits[:400], targets[:400])
    known = found.compute_familiarity(logits[400:])
    strange = found.compute_familiarity(rng.normal(size=(400, 4)))
    assert 0.02 < np.mean(known <= 0.05) < 0.09
    assert np.mean(strange <= 0.05) > 0.9


def test_calibrating_on_nothing_is_refused():
    with pytest.raises(PredictionError, match="one clip or more"):
        calibrate(np.zeros((0, 3)), np.zeros(0, dtype=int))
    with pytest.raises(PredictionError, match="3 classes"):
        calibrate(np.zeros((1, 3)), np.array([3]))
