"""Element predictions read as answers, confused pairs, and methods class by class: hand-worked, and against loops."""

from dataclasses import replace

import numpy as np
import pytest

from finegym.annotations.subsets import make_subset
from finegym.codebook.builtin import read_builtin
from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Node, Query, Set
from finegym.codebook.tree import get_paths
from finegym.errors import PredictionError
from finegym.evaluation.class_comparison import compare_classes
from finegym.evaluation.confusions import NO_QUERY, count_by_query, find_parting, list_confused_pairs
from finegym.evaluation.queries import find_asked_nodes, find_topic, find_unreached, read_answers, score_queries

# Set A-S1:  tucked? yes: twist? yes a, no b;  no: c.   Set A-S2: twist? yes d, no e.  z is in no tree.
CODEBOOK = Codebook(
    "toy",
    "1",
    "toy",
    (Event("A", "event A"),),
    (Set("A-S1", "A", "one"), Set("A-S2", "A", "two")),
    tuple(Element(id_, "A-S1" if id_ in "abcz" else "A-S2", f"element {id_}") for id_ in "abczde"),
    (Query("tucked", "Tucked?", yes={"body": "tucked"}), Query("twist", "At least 1.5 twists?")),
    (
        DecisionTree("A-S1", Node("tucked", Node("twist", Leaf("a"), Leaf("b")), Leaf("c"))),
        DecisionTree("A-S2", Node("twist", Leaf("d"), Leaf("e"))),
    ),
)
SUBSET = make_subset("toy", "element", ["c", "e", "a", "d", "b"], CODEBOOK)  # class indices not in the tree's order
INDEX = SUBSET.class_index_by_id


def make_logits(*rows):
    """Rows of scores by element, the others lower."""
    logits = np.full((len(rows), len(SUBSET)), -9.0)
    for row, scores in enumerate(rows):
        for element_id, score in scores.items():
            logits[row, INDEX[element_id]] = score
    return logits


def test_hand_worked_answers():
    targets = np.array([INDEX[id_] for id_ in "aabcde"])
    logits = make_logits(
        {"a": 1},  # right in both
        {"c": 2, "b": 1, "a": 0},  # not tucked: wrong; had that been given, no twist: wrong; c is not below that node
        {"a": 1},  # tucked is right, twist is wrong
        {"d": 2, "c": 1, "a": 0},  # another set; inside of its own the answer is right, though not reached
        {"d": 1},
        {"b": 3, "d": 1},  # another set; inside of its own d: wrong
    )
    answers = read_answers(logits, targets, find_asked_nodes(SUBSET, CODEBOOK))
    tucked, twist = answers["tucked"], answers["twist"]
    assert tucked.rows.tolist() == [0, 1, 2, 3] and tucked.is_yes.tolist() == [True, True, True, False]
    assert tucked.is_right.tolist() == [True, False, True, True]
    assert tucked.is_reached.tolist() == [True, True, True, False]
    assert twist.rows.tolist() == [0, 1, 2, 4, 5], "of both trees, in their order"
    assert twist.is_yes.tolist() == [True, True, False, True, False]
    assert twist.is_right.tolist() == [True, False, False, True, False]
    assert twist.is_reached.tolist() == [True, False, True, True, False]
    scores = {score.query_id: score for score in score_queries([answers], list("uuvvww"))}
    assert (scores["tucked"].num_yes, scores["tucked"].num_no) == (3, 1)
    assert scores["tucked"].balanced_accuracy.value == pytest.approx((2 / 3 + 1) / 2)
    assert scores["twist"].accuracy.value == pytest.approx(2 / 5)
    assert scores["twist"].share_reached == pytest.approx(3 / 5)


def test_missing_predictions_are_wrong_answers():
    logits = make_logits({"a": 1}, {"a": 1})
    logits[1] = np.nan
    answers = read_answers(logits, np.array([INDEX["a"]] * 2), find_asked_nodes(SUBSET, CODEBOOK))
    assert answers["tucked"].is_right.tolist() == [True, False]
    assert answers["tucked"].is_reached.tolist() == [True, False]
    (score, _) = score_queries([answers], ["u", "v"])
    assert score.balanced_accuracy.no_interval == "the true answer is always yes"


def test_a_node_with_classes_on_one_side_asks_nothing():
    subset = make_subset("few", "element", ["a", "b", "d"], CODEBOOK)
    assert [(node.set_id, node.query_id) for node in find_asked_nodes(subset, CODEBOOK)] == [("A-S1", "twist")]
    assert find_unreached(make_subset("odd", "element", ["a", "z"], CODEBOOK), CODEBOOK) == ("z",)


def test_classes_that_imply_no_answers_are_refused():
    with pytest.raises(PredictionError, match="one of sets"):
        find_asked_nodes(make_subset("sets", "set", ["A-S1", "A-S2"], CODEBOOK), CODEBOOK)
    with pytest.raises(PredictionError, match="lacks 5 elements"):
        find_asked_nodes(SUBSET, read_builtin("diving"))


def test_right_predictions_answer_everything_and_reached_answers_are_those_of_the_predicted_path():
    codebook = read_builtin("artistic-women")
    rng = np.random.default_rng(0)
    ids = [element.id for element in codebook.elements][::3]
    subset = make_subset("third", "element", ids, codebook)
    targets = rng.integers(0, len(ids), 400)
    nodes = find_asked_nodes(subset, codebook)
    perfect = read_answers(np.eye(len(ids))[targets], targets, nodes)
    assert all(answers.is_right.all() and answers.is_reached.all() for answers in perfect.values())
    logits = rng.normal(size=(400, len(ids))) + 2 * np.eye(len(ids))[targets]
    path_of = {id_: path for tree in codebook.trees for id_, path in get_paths(tree).items()}
    answers_of = {id_: {step.query_id: step.answer for step in path} for id_, path in path_of.items()}
    predicted = logits.argmax(axis=1)
    num_checked = 0
    for query_id, answers in read_answers(logits, targets, nodes).items():
        for row, is_yes, is_right, is_reached in zip(
            answers.rows, answers.is_yes, answers.is_right, answers.is_reached, strict=True
        ):
            assert answers_of[ids[targets[row]]][query_id] == is_yes
            if is_reached:
                assert is_right == (answers_of[ids[predicted[row]]][query_id] == is_yes)
                num_checked += 1
    assert num_checked > 300


def test_guessing_has_a_balanced_accuracy_of_a_half():
    rng = np.random.default_rng(1)
    targets = np.array([INDEX["a"]] * 900 + [INDEX["c"]] * 100)
    logits = make_logits(*[{"a": 1.0 if rng.random() < 0.9 else -1.0, "c": 0.0} for _ in targets])
    groups = [f"r{number % 20}" for number in range(1000)]
    (score, *_) = score_queries([read_answers(logits, targets, find_asked_nodes(SUBSET, CODEBOOK))], groups)
    assert score.accuracy.value > 0.8 and score.balanced_accuracy.low < 0.5 < score.balanced_accuracy.high


def test_topics_are_attributes_or_what_is_counted():
    assert [find_topic(CODEBOOK, query.id) for query in CODEBOOK.queries] == ["body", "twist"]
    fast = replace(CODEBOOK, queries=(Query("tucked", "Tucked?"), Query("twist", "Is it fast?")))
    assert find_topic(fast, "twist") == "other"
    women = read_builtin("artistic-women")
    circles = next(query.id for query in women.queries if query.text.startswith("Is she folded at the hips below"))
    assert not women.query_by_id[circles].yes and find_topic(women, circles) == "circle"


def test_pairs_part_where_their_paths_do():
    assert find_parting(CODEBOOK, "a", "b") == ("twist", True)
    assert find_parting(CODEBOOK, "c", "a") == ("tucked", False)
    assert find_parting(CODEBOOK, "a", "d") == (NO_QUERY, None)
    assert find_parting(CODEBOOK, "a", "z") == (NO_QUERY, None)
    ids = [class_.id for class_ in SUBSET.classes]
    confusion = np.zeros((5, 5), np.int64)
    confusion[INDEX["a"], INDEX["b"]], confusion[INDEX["a"], INDEX["a"]] = 3, 1
    confusion[INDEX["b"], INDEX["a"]] = 1
    confusion[INDEX["d"], INDEX["c"]] = 2
    pairs = list_confused_pairs(confusion, ids, CODEBOOK)
    assert [(pair.true_id, pair.predicted_id, pair.count, pair.share) for pair in pairs] == [
        ("a", "b", 3, 0.75),
        ("d", "c", 2, 1.0),
        ("b", "a", 1, 1.0),
    ]
    assert count_by_query(pairs) == {"twist": 4, NO_QUERY: 2}


def test_methods_are_compared_class_by_class():
    targets = np.array([0, 0, 0, 2, 2])
    left = np.array([[1, 1, 0, 0, 0], [1, 0, 0, 0, 0]], bool)
    right = np.array([[1, 1, 1, 0, 1], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], bool)
    comparison = compare_classes(left, right, targets, list("uuvvw"))
    first, second = comparison.classes
    assert (first.class_index, first.count, second.class_index, second.count) == (0, 3, 2, 2)
    assert first.left.value == pytest.approx(0.5) and first.right.value == pytest.approx(1.0)
    assert second.difference.value == pytest.approx(0.25)
    assert comparison.top1_accuracy[2].value == pytest.approx(7 / 10 - 3 / 10)
    assert comparison.mean_class_accuracy[2].value == pytest.approx((0.5 + 0.25) / 2)
    same = compare_classes(left, left, targets, list("uuvvw")).top1_accuracy[2]
    assert (same.value, same.low, same.high) == (0, None, None)
