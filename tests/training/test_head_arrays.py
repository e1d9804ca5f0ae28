"""The codebook's heads in a run: arrays from a tiny codebook, probabilities worked by hand, training, refusals."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from finished_runs import assert_equal_weights, read_weights
from torch.nn import functional as F

from finegym.codebook.builtin import read_builtin
from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Node, Query, Set
from finegym.codebook.tree import get_path
from finegym.codebook.yaml_format import write_codebook
from finegym.errors import ConfigError
from finegym.evaluation.predictions import read_predictions
from finegym.models.heads import TreeHead, WithHead
from finegym.training.build_model import build_model, get_network
from finegym.training.export import export_run
from finegym.training.head_arrays import (
    compute_hierarchy_arrays,
    compute_tree_arrays,
    find_head_arrays,
    format_head_facts,
    parse_head_facts,
)
from finegym.training.parameter_groups import freeze_parameters
from finegym.training.predict import predict, read_recipe_for_prediction
from finegym.training.run import train

# Beam: turns (e0 tucked; e1 stretched, twice; e2 stretched, once) and leaps (e3 alone). Floor: turns (e4, e5).
# "tucked?" is asked in two sets. No subset here has e6, the other leap.
CODEBOOK = Codebook(
    name="tiny",
    version="1",
    sport="none",
    events=(Event("BB", "beam"), Event("FX", "floor")),
    sets=(Set("BB-S1", "BB", "turns"), Set("BB-S2", "BB", "leaps"), Set("FX-S1", "FX", "turns")),
    elements=(
        Element("e0", "BB-S1", "tucked turn"),
        Element("e1", "BB-S1", "two turns"),
        Element("e2", "BB-S1", "one turn"),
        Element("e3", "BB-S2", "split leap"),
        Element("e6", "BB-S2", "ring leap"),
        Element("e4", "FX-S1", "tucked turn on floor"),
        Element("e5", "FX-S1", "other turn on floor"),
    ),
    queries=(Query("twice", "Twice?"), Query("unasked", "Ring?"), Query("tucked", "Tucked?")),
    trees=(
        DecisionTree("BB-S1", Node("tucked", Leaf("e0"), Node("twice", Leaf("e1"), Leaf("e2")))),
        DecisionTree("BB-S2", Node("unasked", Leaf("e6"), Leaf("e3"))),
        DecisionTree("FX-S1", Node("tucked", Leaf("e4"), Leaf("e5"))),
    ),
)
TURNS = ("e5", "e0", "e2", "e1", "e4")  # in an order of its own; without leaps


@pytest.fixture
def make_elements(make_data, tmp_path):
    """Data of two elements of the tiny codebook, kept in a file."""
    path = tmp_path / "codebook.yaml"
    write_codebook(CODEBOOK, path)

    def call(*class_ids, **changes):
        data = make_data(num_classes=len(class_ids))
        given = {"class_ids": class_ids, "class_names": class_ids, "level": "element", "codebook_path": path}
        return dataclasses.replace(data, **(given | changes))

    return call


# Arrays and probabilities.


def test_a_hierarchy_has_the_sets_and_events_of_its_classes():
    arrays = compute_hierarchy_arrays(TURNS, CODEBOOK)
    assert (arrays.event_ids, arrays.set_ids) == (("BB", "FX"), ("BB-S1", "FX-S1"))
    assert (arrays.set_events, arrays.element_sets) == ((0, 1), (1, 0, 0, 0, 1))


def test_a_tree_has_the_queries_along_its_classes_paths():
    arrays = compute_tree_arrays(TURNS, CODEBOOK)
    assert arrays.query_ids == ("twice", "tucked")
    assert arrays.query_indices == ((1, -1), (1, -1), (1, 0), (1, 0), (1, -1))
    assert [answers[:1] for answers in arrays.answers] == [(False,), (True,), (False,), (False,), (True,)]
    assert [arrays.answers[k][1] for k in (2, 3)] == [False, True]
    assert arrays.set_indices == (1, 0, 0, 0, 1)


def test_probabilities_in_a_hierarchy_are_products_and_roll_up():
    head = compute_hierarchy_arrays(TURNS, CODEBOOK).build()
    beam, floor, beam_turns, floor_turns, *elements = map(np.log, (0.7, 0.3, 1, 1, 0.25, 0.5, 0.2, 0.3, 0.75))
    scores = torch.tensor([[beam, floor, beam_turns, floor_turns, *elements]])
    events, sets, got = (level.exp()[0].tolist() for level in head.compute_levels(scores))
    assert got == pytest.approx([0.3 * 0.25, 0.7 * 0.5, 0.7 * 0.2, 0.7 * 0.3, 0.3 * 0.75])
    assert events == pytest.approx([0.7, 0.3])
    assert sets == pytest.approx([got[1] + got[2] + got[3], got[0] + got[4]])


def test_probabilities_in_a_tree_are_products_along_the_path():
    head = compute_tree_arrays(TURNS, CODEBOOK).build()
    twice, tucked, beam = 0.6, 0.1, 0.8
    logit = lambda p: np.log(p / (1 - p))  # noqa: E731
    scores = torch.tensor([[logit(twice), logit(tucked), np.log(beam), np.log(1 - beam)]])
    expected = [0.2 * 0.9, 0.8 * 0.1, 0.8 * 0.9 * 0.4, 0.8 * 0.9 * 0.6, 0.2 * 0.1]
    assert head(scores).exp()[0].tolist() == pytest.approx(expected)
    assert sum(expected) == pytest.approx(1)


def test_a_tree_of_one_set_scores_no_sets_and_leaves_room_for_what_is_no_class():
    head = compute_tree_arrays(("e1", "e0"), CODEBOOK).build()
    assert (head.num_scores, head.num_sets) == (2, 0)
    assert head(torch.zeros(1, 2)).exp().tolist() == [[0.25, 0.5]]  # e2 has the other quarter


@pytest.mark.parametrize("scope", ["all", "FX-S1"])
def test_arrays_of_the_builtin_codebook_equal_its_paths(scope):
    codebook = read_builtin("artistic-women")
    class_ids = tuple(e.id for e in codebook.elements if scope in ("all", e.set_id))[::-1]
    arrays = compute_tree_arrays(class_ids, codebook)
    for k, class_id in enumerate(class_ids):
        set_id = codebook.element_by_id[class_id].set_id
        path = [(step.query_id, step.answer) for step in get_path(codebook.tree_by_set_id[set_id], class_id)]
        kept = [i for i in arrays.query_indices[k] if i >= 0]
        assert [(arrays.query_ids[i], arrays.answers[k][n]) for n, i in enumerate(kept)] == path
        assert arrays.set_ids[arrays.set_indices[k]] == set_id
    scores = torch.randn(3, arrays.build().num_scores)
    assert (arrays.build()(scores).exp().sum(dim=1) <= 1 + 1e-5).all()


@pytest.mark.parametrize("compute", [compute_hierarchy_arrays, compute_tree_arrays])
def test_arrays_survive_the_run_file(compute):
    arrays = compute(TURNS, CODEBOOK)
    assert parse_head_facts(json.loads(json.dumps(format_head_facts(arrays)))) == arrays
    assert parse_head_facts(format_head_facts(None)) is None


# Runs.


@pytest.mark.parametrize("kind", ["hierarchy", "tree"])
def test_a_run_with_a_head_learns_and_predicts_without_the_codebook(make_recipe, make_elements, tmp_path, kind):
    recipe, data = (
        make_recipe(f"model.head={kind}", "schedule.epochs=12", "optim.learning_rate=0.01"),
        make_elements("e1", "e4"),
    )
    run = train(recipe, data, tmp_path / "run")
    rows = [json.loads(line) for line in run.metrics_path.read_text(encoding="utf-8").splitlines()]
    losses = [row["train_loss"] for row in rows if "train_loss" in row]
    assert losses[-1] < 0.7 * losses[0]
    data.codebook_path.unlink()
    assert run.read_facts()["head"]["kind"] == kind
    logits = []
    for size in (4, 1):
        again = read_recipe_for_prediction(run, [f"train.batch_size_test={size}"])
        predict(run, again, data, tmp_path / "p.parquet")
        logits.append(read_predictions(tmp_path / "p.parquet").logits)
    assert logits[0].shape == (4, 2)
    np.testing.assert_allclose(logits[1], logits[0], atol=1e-5 * max(1.0, np.abs(logits[0]).max()), rtol=0)
    sums = np.exp(logits[0]).sum(axis=1)
    assert (sums < 1 + 1e-5).all()
    if kind == "hierarchy":
        np.testing.assert_allclose(sums, 1, atol=1e-5)


def test_a_killed_run_with_a_head_goes_on_as_if_nothing_had_happened(make_recipe, make_elements, tmp_path):
    recipe, data = make_recipe("model.head=tree"), make_elements("e1", "e4")
    train(recipe, data, tmp_path / "stopped", stop_after=2)
    stopped, whole = (train(recipe, data, tmp_path / name) for name in ("stopped", "whole"))
    assert_equal_weights(stopped, whole)


@pytest.mark.slow
def test_a_run_with_a_head_is_exported(make_recipe, make_elements, tmp_path):
    pytest.importorskip("onnxscript")
    recipe = make_recipe("model.head=tree", "schedule.epochs=1")
    run = train(recipe, make_elements("e1", "e4"), tmp_path / "run")
    assert export_run(run, tmp_path / "model.onnx").num_classes == 2


@pytest.mark.parametrize(
    ("before", "after"), [("none", "tree"), ("tree", "none"), ("tree", "hierarchy"), ("tree", "tree")]
)
def test_weights_of_a_run_go_under_another_head_without_its_classes(
    make_recipe, make_elements, tmp_path, before, after
):
    data = make_elements("e1", "e4")
    first = train(make_recipe(f"model.head={before}", "schedule.epochs=1"), data, tmp_path / "first")
    recipe = make_recipe(f"model.head={after}", f"model.weights={json.dumps(str(first.path))}")
    classes = [[id_, id_] for id_ in data.class_ids]
    model, report = build_model(recipe, 2, head=find_head_arrays(after, data), classes=classes)
    trained = read_weights(first)
    state, prefix = get_network(model).state_dict(), "" if before == "none" else "model."
    assert {key.removeprefix(prefix) for key in trained} == state.keys()
    for key, value in state.items():
        if key not in report.ignored:
            assert torch.equal(value, trained[prefix + key]), key
    assert report.ignored == (() if before == after else ("classifier.weight", "classifier.bias"))


def test_parameters_are_frozen_by_the_names_of_a_run_without_a_head(make_recipe, make_elements):
    data = make_elements("e1", "e4")
    model, _ = build_model(make_recipe("model.head=tree"), 2, head=find_head_arrays("tree", data))
    assert isinstance(model, WithHead) and isinstance(model.head, TreeHead)
    frozen = freeze_parameters(get_network(model), ["backbone.*"])
    assert frozen and all(name.startswith("backbone.") for name in frozen)
    F.cross_entropy(model(torch.rand(2, 3, 3, 32, 32)), torch.tensor([0, 1])).backward()
    assert [name for name, p in model.named_parameters() if p.grad is not None] == [
        "model.classifier.weight",
        "model.classifier.bias",
    ]


# Refusals.


def test_a_head_needs_elements_and_a_codebook_that_has_them(make_elements):
    for changes, message in (
        ({"level": "set"}, r"classes that are elements, and those of colour are sets"),
        ({"codebook_path": None}, r"made from a codebook, and colours comes without one"),
    ):
        with pytest.raises(ConfigError, match=message):
            find_head_arrays("tree", make_elements("e1", "e4", **changes))
    with pytest.raises(ConfigError, match=r"lacks 1 of 2 elements of colour: x9"):
        find_head_arrays("hierarchy", make_elements("e1", "x9"))
    assert find_head_arrays("none", make_elements("e1", "e4", codebook_path=None)) is None


def test_an_element_that_no_tree_leads_to_is_named():
    codebook = dataclasses.replace(CODEBOOK, trees=CODEBOOK.trees[:2])
    with pytest.raises(ConfigError, match=r"leads to 2 of 5 classes: e5; e4\."):
        compute_tree_arrays(TURNS, codebook)


def test_a_pickle_has_no_codebook(make_recipe):
    poses = ("model.name=stgcn", "model.backbone=", "data.modality=pose", "pose.clip_len=8", "data.split=")
    with pytest.raises(ConfigError, match=r"made from a codebook, but data\.dataset is a pose pickle"):
        make_recipe(*poses, "data.dataset=gym_hrnet.pkl", "model.head=tree")
