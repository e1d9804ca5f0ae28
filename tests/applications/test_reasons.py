"""Reasons: paths whose probabilities multiply, partings of all kinds, neighbours by brute force."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from finegym.applications.neighbours import FeatureReader, find_neighbours
from finegym.applications.reasons_pairs import describe_in_short, describe_parting, format_parting
from finegym.applications.reasons_questions import Goal, find_goal, list_path, list_questions
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.codebook.model import Codebook, Element, Event, Set
from finegym.codebook.tree import get_path
from finegym.errors import CodebookError, ConfigError
from finegym.models.backbones import Normalisation
from finegym.models.stgcn import STGCN
from finegym.models.trn import TRNms
from finegym.models.tsn import TSN

WOMEN = read_builtin("artistic-women")
TREELESS = Codebook(
    "bars",
    "1",
    "bars",
    (Event("UB", "uneven bars"),),
    (Set("UB-S1", "UB", "circles"),),
    (
        Element("a", "UB-S1", "clear hip circle backward with 1 turn to handstand", difficulty_value=0.4),
        Element("b", "UB-S1", "clear hip circle backward with 1.5 turn to handstand", difficulty_value=0.5),
    ),
    (),
    (),
)


class Colours(nn.Module):
    """A backbone whose features are the mean of each colour."""

    feature_size = 3
    normalisation = Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(2, 3))


# Questions.


@pytest.mark.parametrize("seed", range(4))
def test_probabilities_of_the_decisions_multiply_to_the_answer(seed):
    rng = np.random.default_rng(seed)
    elements = [one for one in WOMEN.elements if rng.random() < 0.4 and one.set_id in WOMEN.tree_by_set_id]
    ids, names = [one.id for one in elements], [one.name for one in elements]
    logits = rng.normal(size=len(ids)) * 3
    probabilities = np.exp(logits) / np.exp(logits).sum()
    for chosen in rng.integers(0, len(ids), 5).tolist():
        questions = list_questions(chosen, ids, names, WOMEN)
        assert [one.kind for one in questions[:3]] in (["event", "set", "query"], ["event", "query", "query"])
        path = get_path(WOMEN.tree_by_set_id[elements[chosen].set_id], ids[chosen])
        assert [(q.query_id, q.answer) for q in questions if q.kind == "query"] == [
            (s.query_id, s.answer) for s in path
        ]
        product = math.prod(one.compute_probability(logits) for one in questions)
        assert product == pytest.approx(probabilities[chosen])
        for one in questions:
            assert chosen in one.in_favour and not set(one.in_favour) & set(one.against)


def test_models_of_sets_and_events_decide_sets_and_events():
    sets = [one.id for one in WOMEN.sets]
    chosen = sets.index("UB-S2")
    event, set_ = list_questions(chosen, sets, sets, WOMEN)
    assert (event.kind, set_.kind) == ("event", "set")
    assert {WOMEN.set_by_id[sets[k]].event_id for k in event.in_favour} == {"UB"}
    assert set_.in_favour == (chosen,) and {WOMEN.set_by_id[sets[k]].event_id for k in set_.against} == {"UB"}
    (event,) = list_questions(1, ["FX", "UB"], ["floor", "bars"], WOMEN)
    assert (event.in_favour, event.against) == ((1,), (0,))


def test_a_model_that_does_not_know_the_answer_can_never_give_it():
    goal = find_goal("fx-turn-2", WOMEN)
    assert goal == Goal("FX", "FX-S2", "fx-turn-2")
    questions = list_path(goal, ["fx-turn-1", "fx-turn-3"], WOMEN)
    *_, last = questions
    assert last.in_favour == () and last.compute_probability(np.zeros(2)) == 0.0 and not last.is_decided
    logits = np.log([0.8, 0.2])
    asked = {q.text: q.compute_probability(logits) for q in questions}
    assert asked["Does the turn reach three whole turns?"] == pytest.approx(0.8)


def test_without_a_tree_it_is_this_class_or_another():
    (question,) = list_questions(1, ["a", "b", "c"], ["A", "B", "C"], None)
    assert (question.kind, question.in_favour, question.against) == ("class", (1,), (0, 2))
    assert question.compute_probability(np.log([0.2, 0.5, 0.3])) == pytest.approx(0.5)


def test_against_another_element_it_is_the_query_where_they_part():
    ids = ["fx-turn-1", "fx-turn-2", "fx-split-leap"]
    *_, pair = list_questions(0, ids, ids, WOMEN, against="fx-turn-2")
    assert (pair.kind, pair.in_favour, pair.against) == ("pair", (0,), (1,))
    parting = describe_parting(WOMEN, "fx-turn-1", "fx-turn-2")
    assert (pair.query_id, pair.answer) == (parting.query_id, parting.answer)
    with pytest.raises(ConfigError, match="did you mean"):
        list_questions(0, ids, ids, WOMEN, against="fx-turn-22")
    with pytest.raises(ConfigError, match="taken for"):
        list_questions(0, ids, ids, WOMEN, against="fx-turn-1")


# Two elements.


def test_elements_of_one_tree_part_at_a_query():
    parting = describe_parting(WOMEN, "fx-turn-1", "fx-turn-2")
    assert (parting.level, parting.text, parting.answer) == ("query", "Does the turn reach two whole turns?", False)
    assert parting.attributes == (("turns", 1.0, 2.0),)
    tree = WOMEN.tree_by_set_id["FX-S2"]
    both = [step for step in get_path(tree, "fx-turn-1") if step in get_path(tree, "fx-turn-2")]
    assert [(WOMEN.query_by_id[s.query_id].text, s.answer) for s in both] == list(parting.shared)
    assert "no for the first, yes for the second" in format_parting(parting, WOMEN)
    assert describe_in_short(WOMEN, "fx-turn-2", "fx-turn-1") == "Does the turn reach two whole turns? yes"


def test_elements_of_two_sets_or_events_part_there():
    parting = describe_parting(WOMEN, "fx-turn-1", "fx-split-leap")
    assert (parting.level, parting.query_id, parting.shared) == ("set", None, ())
    assert "part at the set: FX-S2 and FX-S1" in format_parting(parting, WOMEN)
    assert describe_in_short(WOMEN, "fx-turn-1", "fx-split-leap") == "FX-S2, not FX-S1"
    parting = describe_parting(WOMEN, "fx-turn-1", "bb-turn-1")
    assert parting.level == "event" and "floor exercise and balance beam" in format_parting(parting, WOMEN)
    assert describe_in_short(WOMEN, "fx-turn-1", "bb-turn-1") == "FX, not BB"


def test_without_a_tree_names_and_difficulty_tell_elements_apart():
    parting = describe_parting(TREELESS, "a", "b")
    assert (parting.level, parting.words, parting.difficulty) == ("none", ("1", "1.5"), (0.4, 0.5))
    text = format_parting(parting, TREELESS)
    assert "no tree that leads to both" in text and "names: 1 and 1.5" in text and "difficulty: 0.4 and 0.5" in text
    assert describe_in_short(TREELESS, "a", "b") == "1, not 1.5"


def test_slips_of_the_pen_are_refused_with_what_was_meant():
    with pytest.raises(CodebookError, match="did you mean"):
        describe_parting(WOMEN, "fx-turn-1", "fx-turn-11")
    with pytest.raises(CodebookError, match="of this name: fx-split-leap, bb-split-leap"):
        describe_parting(WOMEN, "split leap", "fx-turn-1")
    with pytest.raises(CodebookError, match="same element"):
        describe_parting(WOMEN, "fx-turn-1", "fx-turn-1")


def test_where_two_elements_part_on_the_command_line():
    result = CliRunner().invoke(app, ["explain", "pair", "fx-turn-1", "fx-turn-2", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["answer"] is False
    assert "They part at" in CliRunner().invoke(app, ["explain", "pair", "fx-turn-1", "fx-turn-2"]).stdout


# Neighbours.


@pytest.mark.parametrize("rows", [None, [3, 5, 8, 13, 21]])
def test_neighbours_are_those_of_brute_force(rows):
    rng = np.random.default_rng(2)
    labelled, one = rng.normal(size=(30, 6)), rng.normal(size=6)
    labelled[21] = 0
    cosines = []
    for row in range(30) if rows is None else rows:
        length = math.sqrt(sum(x * x for x in labelled[row])) * math.sqrt(sum(x * x for x in one))
        cosines.append((row, sum(a * b for a, b in zip(labelled[row], one, strict=True)) / length if length else 0.0))
    wanted = sorted(cosines, key=lambda pair: -pair[1])[:4]
    found = find_neighbours(one, labelled, 4, rows)
    assert [row for row, _ in found] == [row for row, _ in wanted]
    assert [similarity for _, similarity in found] == pytest.approx([similarity for _, similarity in wanted])
    assert find_neighbours(one, labelled, 4, []) == []


def test_features_are_what_the_class_layer_is_given():
    torch.manual_seed(0)
    model, inputs = TSN(Colours(), 5).eval(), torch.rand(2, 4, 3, 8, 8)
    features = FeatureReader(model, model).read(inputs)
    assert features == pytest.approx(inputs.mean(dim=(1, 3, 4)).numpy(), abs=1e-6)
    logits = features @ model.classifier.weight.T.detach().numpy() + model.classifier.bias.detach().numpy()
    assert logits == pytest.approx(model(inputs).detach().numpy(), abs=1e-5)
    relations = TRNms(Colours(), 5, 3, frame_feature_size=6, hidden_size=4).eval()
    assert FeatureReader(relations, relations).read(inputs[:, :3]).shape == (2, 2 * 4)  # scales of 2 and 3 frames
    skeletons = STGCN(5, widths=(8,) * 10).eval()
    assert FeatureReader(skeletons, skeletons).read(torch.rand(2, 3, 8, 17, 1)).shape == (2, 8)
