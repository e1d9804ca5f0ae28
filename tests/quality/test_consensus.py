"""Consensus: by hand on the smallest cases, against a slow reference on random ones, and on the simulation's truth."""

import json
from collections import Counter
from statistics import median

import numpy as np
import pytest

from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Node, Query, Set
from finegym.errors import ConfigError
from finegym.quality.adjudication import AdjudicationRules, count_together
from finegym.quality.consensus import ConsensusSettings, make_consensus
from finegym.quality.consensus_files import export_consensus, format_consensus
from finegym.quality.grading import Tolerance
from finegym.quality.units import Item, Unit, make_units, name_no_element

BOOK = Codebook(
    "small",
    "1",
    "x",
    (Event("X", "x"), Event("Y", "y")),
    (Set("X-S1", "X", "one"), Set("X-S2", "X", "two")),
    tuple(Element(id_, "X-S1" if id_ in "abc" else "X-S2", id_) for id_ in "abcde"),
    tuple(Query(id_, f"{id_}?") for id_ in ("q1", "q2", "q3", "q4")),
    (
        # q1 yes: a. q1 no: q2 yes: b; q2 no: q3 yes: c, q3 no: nothing.
        DecisionTree("X-S1", Node("q1", Leaf("a"), Node("q2", Leaf("b"), Node("q3", Leaf("c"), Leaf(None))))),
        DecisionTree("X-S2", Node("q4", Leaf("d"), Leaf("e"))),
    ),
)
ITEM = Item("i", "record", 0, 100_000, 25.0)
MAJORITY = ConsensusSettings("majority")


def make(rows, annotators="ABC", items=(ITEM,), **more):
    """Units of rows (annotator, start_ms, end_ms, label[, answers])."""
    units = [
        Unit(row[0], "i", row[1], row[2], row[3], f"{row[0]}{row[1]}", row[4] if len(row) > 4 else None) for row in rows
    ]
    return make_units(units, items, list(annotators), "sub-action", BOOK, **more)


def decide_one(rows, settings=MAJORITY, **more):
    (unit,) = make_consensus(make(rows, **more), settings).units
    return unit


def test_three_who_agree():
    unit = decide_one([("A", 1000, 2000, "b"), ("B", 1040, 2100, "b"), ("C", 960, 1990, "b")])
    assert (unit.start_ms, unit.end_ms, unit.label, unit.decision) == (1000, 2000, "b", "agreed")
    assert [(q.query_id, q.num_yes, q.num_no, q.majority) for q in unit.queries] == [
        ("q1", 0, 3, "no"),
        ("q2", 3, 0, "yes"),
    ]
    assert unit.label_belief == 1.0 and unit.reasons == ()


def test_one_query_is_split_two_to_one():
    unit = decide_one([("A", 1000, 2000, "b"), ("B", 1000, 2000, "b"), ("C", 1000, 2000, "a")])
    assert unit.label == "b" and unit.label_belief == pytest.approx(2 / 3)
    assert unit.decision == "adjudicate"
    assert [(reason.kind, reason.text) for reason in unit.reasons] == [
        ("label", "67% likely to be the right label: q1 1 yes, 2 no")
    ]


def test_the_leaf_is_found_by_queries_not_by_the_most_frequent_element():
    # Elements: a, b, c, nobody twice. Queries: q1 no 2:1, q2 is split, and then c or b by belief.
    unit = decide_one([("A", 0, 900, "a"), ("B", 0, 900, "b"), ("C", 0, 900, "c")])
    assert unit.decision == "adjudicate"
    assert {q.query_id: (q.num_yes, q.num_no) for q in unit.queries} == {"q1": (1, 2), "q2": (1, 1), "q3": (1, 0)}
    # P(a) = 1/3, P(b) = 2/3 * 1/2 = P(c): a tie, broken in the order of the tree, and far from sure.
    assert unit.label_belief == pytest.approx(1 / 3)


def test_a_dead_end_that_all_reach_is_agreed_to_be_no_element():
    dead = name_no_element("X-S1")
    answers = (("q1", "no"), ("q2", "no"), ("q3", "no"))
    unit = decide_one([(who, 0, 900, dead, answers) for who in "ABC"])
    assert (unit.label, unit.decision, unit.label_belief) == (dead, "agreed", 1.0)


def test_sets_are_voted_on_first_and_only_their_voters_answer_their_queries():
    unit = decide_one([("A", 0, 900, "d"), ("B", 0, 900, "d"), ("C", 0, 900, "a")])
    assert unit.label == "d" and unit.label_belief == pytest.approx(2 / 3)
    assert [q.query_id for q in unit.queries] == ["q4"]
    assert unit.reasons[0].text == "67% likely to be the right label: 2 x d, 1 x a"


def test_labels_of_sets_alone_stay_sets():
    unit = decide_one([(who, 0, 900, "X-S1") for who in "ABC"])
    assert (unit.label, unit.queries, unit.decision) == ("X-S1", (), "agreed")
    nothing = decide_one([(who, 0, 900, None) for who in "ABC"])
    assert (nothing.label, nothing.decision) == (None, "agreed")


def test_found_by_some():
    unit = decide_one([("A", 0, 900, "a"), ("B", 0, 900, "a")])
    assert unit.decision == "adjudicate" and unit.presence == pytest.approx(2 / 3)
    assert unit.reasons[0].text == "found by 2 of 3, 67% likely to be there"
    assert [vote.unit_id for vote in unit.votes] == ["A0", "B0", None]
    five = [("A", 0, 900, "a")]
    rules = AdjudicationRules(min_confidence=0.8)
    alone = decide_one(five, ConsensusSettings("majority", rules), annotators="ABCDE")
    assert alone.decision == "left out" and alone.presence == pytest.approx(0.2)


def test_who_did_not_do_the_item_has_no_vote():
    unit = decide_one([("A", 0, 900, "a"), ("B", 0, 900, "a")], not_done=[("C", "i")])
    assert unit.decision == "agreed" and len(unit.votes) == 2 and unit.presence == 1.0
    single = decide_one([("A", 0, 900, "a")], not_done=[("C", "i"), ("B", "i")])
    assert single.decision == "one annotator"


def test_what_one_person_looked_at_alone_is_as_they_say_and_teaches_nothing():
    """A lone guesser's label stands, and lone work does not make anybody look better."""
    other = Item("alone", "record", 0, 100_000, 25.0)
    rows = []
    for k in range(20):
        label = "a" if k % 2 else "b"
        rows += [Unit(who, "i", 2000 * k, 2000 * k + 900, label, f"{who}{k}") for who in "AB"]
        rows.append(Unit("C", "i", 2000 * k, 2000 * k + 900, "b" if k % 2 else "a", f"C{k}"))
    not_done = [("A", "alone"), ("B", "alone")]
    alone = [Unit("C", "alone", 2000 * k, 2000 * k + 900, "a", f"alone{k}") for k in range(40)]
    both = make_units([*rows, *alone], [ITEM, other], "ABC", "sub-action", BOOK, not_done=not_done)
    together = make_consensus(both)
    lone = [unit for unit in together.units if unit.item_id == "alone"]
    assert len(lone) == 40
    assert {(unit.label, unit.decision, unit.presence, unit.label_belief) for unit in lone} == {
        ("a", "one annotator", 1.0, 1.0)
    }
    assert together.trust == make_consensus(make_units(rows, [ITEM], "ABC", "sub-action", BOOK)).trust


@pytest.mark.parametrize(
    ("other", "kinds"),
    [
        (("B", 0, 900, "a"), []),
        (("B", 200, 900, "a"), []),
        (("B", 201, 900, "a"), ["start"]),
        (("B", 0, 690, "a"), ["end"]),
        (("B", 0, 900, "b"), ["label"]),
        (None, ["presence"]),
    ],
)
def test_two_who_differ_need_a_third(other, kinds):
    rows = [("A", 0, 900, "a")] + ([other] if other else [])
    for method in ("majority", "dawid-skene"):
        unit = decide_one(rows, ConsensusSettings(method), annotators="AB")
        assert [reason.kind for reason in unit.reasons] == kinds
        assert unit.decision == ("third annotator" if kinds else "agreed")


def test_edges_settle_where_most_put_them_together():
    three = [("A", 0, 900, "a"), ("B", 150, 900, "a"), ("C", 450, 900, "a")]
    assert decide_one(three).decision == "agreed", "two of three within 200 ms"
    apart = [("A", 0, 900, "a"), ("B", 210, 900, "a"), ("C", 420, 900, "a")]
    unit = decide_one(apart)
    assert unit.decision == "adjudicate"
    assert unit.reasons[0].text == "starts are up to 420 ms apart, 1 of 3 within 200 ms"
    wide = AdjudicationRules(tolerance=Tolerance(200, {"X-S1": 250}, 0.3))
    assert decide_one(apart, ConsensusSettings("majority", wide)).decision == "agreed"


def test_trust_decides_where_votes_are_even():
    """Two of five are often wrong in what the others agree on; where it is two to two, the good ones win."""
    rows = []
    for k in range(30):
        start = 2000 * k
        right = "a" if k % 2 else "b"
        wrong = "b" if k % 2 else "a"
        rows += [("A", start, start + 900, right), ("B", start, start + 900, right), ("E", start, start + 900, right)]
        rows.append(("C", start, start + 900, wrong if k % 3 == 0 else right))
        rows.append(("D", start, start + 900, wrong if k % 3 == 1 else right))
    rows += [(who, 90_000, 90_900, "a") for who in "AB"] + [(who, 90_000, 90_900, "b") for who in "CD"]
    rows += [("E", 90_000, 90_900, "X-S1", ())]
    units = make(rows, "ABCDE")
    by_majority = make_consensus(units, MAJORITY).units[-1]
    by_trust = make_consensus(units).units[-1]
    assert by_majority.label_belief == pytest.approx(0.5) and by_majority.decision == "adjudicate"
    assert by_trust.label == "a" and by_trust.label_belief > 0.9 and by_trust.decision == "agreed"
    trust = {one.annotator: one.answers for one in make_consensus(units).trust}
    assert min(trust["A"], trust["B"]) > max(trust["C"], trust["D"])


def test_median_and_window_equal_the_slow_way():
    rng = np.random.default_rng(4)
    for _ in range(200):
        times = rng.integers(0, 600, rng.integers(1, 7)).tolist()
        within = int(rng.integers(1, 300))
        slow = max(sum(first <= t <= first + within for t in times) for first in times)
        assert count_together(times, within) == slow
        rows = [("ABCDEF"[k], 1000 + t, 9000 + t, None) for k, t in enumerate(times)]
        unit = decide_one(rows, annotators="ABCDEF")
        assert unit.start_ms == 1000 + int(median(times)) and unit.end_ms == 9000 + int(median(times))


def walk_by_majority(tree, members):
    """The slow way to a leaf: count hands at every node; stop where nobody was asked or hands are even."""
    node = tree.root
    while isinstance(node, Node):
        hands = [answers[node.query_id] for answers in members if node.query_id in answers]
        yes, no = hands.count(True), hands.count(False)
        if yes == no:
            return None
        node = node.yes if yes > no else node.no
    return node.element_id or name_no_element(tree.set_id)


def test_elements_equal_counting_hands_node_by_node():
    """Where every node is decided by more than a share that no other path can beat, both ways lead to one leaf."""
    from finegym.codebook.tree import get_paths

    paths = {e: {s.query_id: s.answer for s in path} for e, path in get_paths(BOOK.trees[0]).items()}
    rng = np.random.default_rng(6)
    seen = Counter()
    for _ in range(200):
        labels = [str(rng.choice(["a", "b", "c"], p=[0.6, 0.3, 0.1])) for _ in "ABCDE"]
        unit = decide_one(
            [(who, 0, 900, label) for who, label in zip("ABCDE", labels, strict=True)], annotators="ABCDE"
        )
        slow = walk_by_majority(BOOK.trees[0], [paths[label] for label in labels])
        if unit.label_belief > 0.5:
            assert unit.label == slow, labels
            seen[slow] += 1
    assert set(seen) >= {"a", "b"}


def test_nothing_found_and_nothing_done():
    empty = make_consensus(make([]))
    assert empty.units == () and empty.num_done == {"i": 3} and empty.count_decisions() == {}
    assert "0 sub-actions in 1 item by 3 annotators" in format_consensus(empty)


def test_json_keeps_every_vote():
    consensus = make_consensus(make([("A", 0, 900, "a"), ("B", 0, 900, "b"), ("A", 5000, 6000, "d")]))
    content = json.loads(json.dumps(export_consensus(consensus)))
    votes = [vote for unit in content["items"][0]["units"] for vote in unit["votes"]]
    assert sorted(vote["id"] for vote in votes if vote["found"]) == ["A0", "A5000", "B0"]
    assert sum(not vote["found"] for vote in votes) == 3
    assert content["items"][0]["num_annotators"] == 3
    assert votes[1]["answers"] == {"q1": "no", "q2": "yes"}


def test_rules_that_mean_nothing_are_refused():
    with pytest.raises(ConfigError, match=r"got 0\.4, 2 and 0"):
        AdjudicationRules(min_confidence=0.4, num_enough=2, tolerance=Tolerance(min_tiou=0))
