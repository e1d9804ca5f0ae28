"""Rolling up and looking inside, against hand-worked sums and plain loops."""

import numpy as np
import pytest

from finegym.annotations.subsets import Subset, SubsetClass, make_subset
from finegym.codebook.model import Codebook, Element, Event, Set
from finegym.errors import PredictionError
from finegym.evaluation.hierarchy import evaluate_levels, find_parents

SETS = {"A-S1": "A", "A-S2": "A", "B-S1": "B", "C-S1": "C"}
ELEMENTS = {"a": "A-S1", "b": "A-S1", "c": "A-S2", "d": "A-S2", "e": "B-S1", "f": "B-S1", "g": "C-S1"}
CODEBOOK = Codebook(
    "toy",
    "1",
    "toy",
    tuple(Event(id_, f"event {id_}") for id_ in "ABC"),
    tuple(Set(id_, event_id, f"set {id_}") for id_, event_id in SETS.items()),
    tuple(Element(id_, set_id, f"element {id_}") for id_, set_id in ELEMENTS.items()),
    (),
    (),
)
# Class indices are not in the order of the codebook.
SUBSET = make_subset("toy", "element", ["g", "c", "a", "e", "b", "f", "d"], CODEBOOK)
GROUPS = ["v1", "v2", "v3", "v4"]


def index(element_id):
    return SUBSET.class_index_by_id[element_id]


def get(levels, scope, level):
    (found,) = [scoped for scoped in levels.results if (scoped.scope, scoped.level) == (scope, level)]
    return found


def test_hand_worked_case():
    """A leap mistaken for another leap is a leap; two halves of a set beat a larger element of another."""
    probabilities = np.zeros((4, 7))
    probabilities[0, [index("a"), index("b")]] = 0.4, 0.6  # is a, said b: same set
    probabilities[1, [index("a"), index("b"), index("e")]] = 0.3, 0.3, 0.4  # is b, said e; its set has 0.6
    probabilities[2, [index("c"), index("a")]] = 0.2, 0.8  # is c, said a: other set, same event
    probabilities[3, [index("e"), index("f")]] = 0.7, 0.3  # is e, said e
    with np.errstate(divide="ignore"):
        logits = np.maximum(np.log(probabilities), -50)
    targets = np.array([index("a"), index("b"), index("c"), index("e")])
    levels = evaluate_levels(logits, targets, GROUPS, SUBSET, CODEBOOK, num_resamples=50)
    assert get(levels, "all", "element").result.top1_accuracy.value == 1 / 4
    assert get(levels, "all", "set").result.top1_accuracy.value == 3 / 4
    assert get(levels, "all", "event").result.top1_accuracy.value == 1
    inside = get(levels, "A", "element")
    assert inside.class_ids == ("c", "a", "b", "d"), "in the order of the subset"
    # Inside A, instance 1 is a tie of a and b at 0.3; a comes first, so it is wrong.
    assert (inside.result.num_instances, inside.result.top1_accuracy.value) == (3, 0)
    assert get(levels, "B", "element").result.top1_accuracy.value == 1
    assert get(levels, "A-S1", "element").result.num_instances == 2
    assert levels.left_out == {
        "C": "only one class",
        "C-S1": "only one class",
        "B-S1": "the only set of B: the same as B",
    }
    order = [(scoped.scope, scoped.level) for scoped in levels.results]
    everything = [("all", "element"), ("all", "set"), ("all", "event")]
    assert order == [*everything, ("A", "element"), ("B", "element"), ("A-S1", "element"), ("A-S2", "element")]


@pytest.mark.parametrize("seed", range(3))
def test_equals_a_loop(seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(80, 7)).astype(np.float32) * 3
    targets = rng.integers(0, 7, 80)
    groups = [f"v{k % 9}" for k in range(80)]
    levels = evaluate_levels(logits, targets, groups, SUBSET, CODEBOOK, num_resamples=20)
    set_of = [ELEMENTS[class_.id] for class_ in SUBSET.classes]
    event_of = [SETS[set_id] for set_id in set_of]
    for level, parent_of in (("set", set_of), ("event", event_of)):
        right = 0
        for row, target in zip(np.exp(logits.astype(float)), targets, strict=True):
            sums = {}
            for k, parent in enumerate(parent_of):
                sums[parent] = sums.get(parent, 0) + row[k]
            right += max(sums, key=sums.get) == parent_of[target]
        assert get(levels, "all", level).result.top1_accuracy.value == pytest.approx(right / 80)
        for scope in set(parent_of) - {"C", "C-S1", "B-S1"}:
            rows = [i for i in range(80) if parent_of[targets[i]] == scope]
            classes = [k for k in range(7) if parent_of[k] == scope]
            right = sum(max(classes, key=lambda k, i=i: logits[i, k]) == targets[i] for i in rows)
            result = get(levels, scope, "element").result
            assert result.num_instances == len(rows)
            assert result.top1_accuracy.value == pytest.approx(right / len(rows))


def test_missing_predictions_stay_wrong_on_every_level():
    logits = np.eye(7)[[0, 1, 2, 3]] * 9
    logits[1] = np.nan
    levels = evaluate_levels(logits, np.array([0, 1, 2, 3]), GROUPS, SUBSET, CODEBOOK, num_resamples=50)
    for scope, level, value in (("all", "element", 3 / 4), ("all", "event", 3 / 4), ("A", "element", 1 / 2)):
        scoped = get(levels, scope, level)
        assert scoped.result.num_missing == 1
        assert scoped.result.top1_accuracy.value == value


def test_one_set_has_no_level_above():
    subset = make_subset("A-S1", "element", ["a", "b"], CODEBOOK)
    levels = evaluate_levels(np.eye(2), np.array([0, 1]), ["x", "y"], subset, CODEBOOK, num_resamples=50)
    assert [(scoped.scope, scoped.level) for scoped in levels.results] == [("all", "element")]
    assert levels.left_out == {
        "A-S1": "all classes are of one set: the same as all",
        "A": "all classes are of one event: the same as all",
    }


def test_sets_roll_up_to_events():
    subset = make_subset("set", "set", SETS, CODEBOOK)
    levels = evaluate_levels(np.eye(4), np.array([1, 0, 2, 3]), GROUPS, subset, CODEBOOK, num_resamples=50)
    assert get(levels, "all", "set").result.top1_accuracy.value == 2 / 4
    assert get(levels, "all", "event").result.top1_accuracy.value == 1
    assert get(levels, "A", "set").result.num_instances == 2
    assert find_parents(subset, CODEBOOK, "event") == ("A", "A", "B", "C")


def test_a_scope_without_instances_is_named():
    levels = evaluate_levels(np.eye(7)[:1], np.array([0]), ["x"], SUBSET, CODEBOOK, num_resamples=50)
    assert levels.left_out["A"] == "no instances" and levels.left_out["B-S1"] == "no instances"


def test_classes_of_another_codebook_are_refused():
    subset = Subset("other", "element", (SubsetClass(0, "zz", "zz"), SubsetClass(1, "a", "a")))
    with pytest.raises(PredictionError, match="codebook toy lacks 1 elements of subset other, first: zz"):
        evaluate_levels(np.eye(2), np.array([0, 1]), ["x", "y"], subset, CODEBOOK)
