from itertools import product

import pytest
from codebook_strategies import build_codebook, iterate, trees
from hypothesis import given
from hypothesis import strategies as st

from finegym.codebook.model import DecisionTree, Leaf, Node
from finegym.codebook.tree import (
    Step,
    TreeShape,
    compute_tree_shape,
    find_candidates,
    get_elements_below,
    get_path,
    get_paths,
    get_tree,
    iterate_nodes,
    suggest_query,
    trace_candidates,
    walk,
)
from finegym.errors import CodebookError

# turns? ── yes ── two? ── yes  double
#        │              └─ no   single
#        └─ no ─── legs? ── yes split
#                        └─ no  no such element
SMALL = DecisionTree(
    "X-S1",
    Node("turns", Node("two", Leaf("double"), Leaf("single")), Node("legs", Leaf("split"), Leaf(None))),
)


def test_walk_follows_answers_to_a_node_and_to_leaves():
    assert walk(SMALL, []) is SMALL.root
    assert walk(SMALL, [True]).query_id == "two"
    assert walk(SMALL, [True, False]) == Leaf("single")
    assert walk(SMALL, [False, False]) == Leaf(None)


def test_walk_past_a_leaf_says_how_many_answers_are_enough():
    with pytest.raises(CodebookError, match="goes on after 2 answers, where double"):
        walk(SMALL, [True, True, True])


def test_path_of_an_element():
    assert get_path(SMALL, "split") == (Step("turns", False), Step("legs", True))
    with pytest.raises(CodebookError, match=r'"splits".*did you mean "split"'):
        get_path(SMALL, "splits")


def test_nodes_come_depth_first_yes_first():
    nodes = list(iterate_nodes(SMALL))
    assert [answers for answers, _ in nodes] == [
        (),
        (True,),
        (True, True),
        (True, False),
        (False,),
        (False, True),
        (False, False),
    ]
    assert [node.element_id for _, node in nodes if isinstance(node, Leaf)] == ["double", "single", "split", None]


def test_candidates_narrow_answer_by_answer():
    assert trace_candidates(SMALL, [False, False]) == [("double", "single", "split"), ("split",), ()]


def test_unknown_rules_nothing_out_and_answers_may_come_in_any_order():
    assert find_candidates(SMALL, {"turns": None}) == ("double", "single", "split")
    assert find_candidates(SMALL, {"two": False}) == ("single", "split")
    assert find_candidates(SMALL, {"two": False, "turns": True}) == ("single",)
    assert find_candidates(SMALL, {"turns": None, "two": True, "legs": False}) == ("double",)


def test_best_query_is_the_one_with_the_better_worse_case():
    # "turns" leaves 2 or 1; "two" leaves 2 or 2; "legs" leaves 3 or 2
    assert suggest_query(SMALL) == "turns"
    assert suggest_query(SMALL, {"turns": True}) == "two"
    assert suggest_query(SMALL, {"turns": None}) == "two"
    # nobody of those left is asked anything that tells them apart
    assert suggest_query(SMALL, {"turns": None, "two": None, "legs": None}) is None
    assert suggest_query(SMALL, {"turns": False}) is None


def test_a_query_that_only_one_answer_narrows_is_better_than_none():
    assert suggest_query(SMALL, {"turns": None, "two": True}) == "legs"


def test_query_in_two_branches_counts_for_both():
    twice = DecisionTree(
        "X-S1",
        Node("a", Node("b", Leaf("1"), Leaf("2")), Node("b", Leaf("3"), Node("c", Leaf("4"), Leaf("5")))),
    )
    # b: yes leaves 2, no leaves 3; a: yes leaves 2, no leaves 3; a is asked first
    assert suggest_query(twice) == "a"
    assert suggest_query(twice, {"a": None}) == "b"
    assert find_candidates(twice, {"b": False}) == ("2", "4", "5")


def test_shape_of_a_tree():
    assert compute_tree_shape(SMALL) == TreeShape(3, 3, 1, 2, 2, 2.0)
    assert compute_tree_shape(DecisionTree("X-S1", Leaf("only"))) == TreeShape(0, 1, 0, 0, 0, 0.0)


def test_unknown_set_is_suggested_and_a_set_without_tree_is_said():
    codebook = build_codebook([SMALL])
    assert get_tree(codebook, "X-S1") is SMALL
    with pytest.raises(CodebookError, match='no set "X-S2"; did you mean "X-S1"'):
        get_tree(codebook, "X-S2")


@given(trees())
def test_the_path_of_every_element_leads_back_to_it(tree):
    elements = get_elements_below(tree.root)
    assert list(get_paths(tree)) == list(elements)
    for element_id in elements:
        path = get_path(tree, element_id)
        node = tree.root
        for step in path:
            assert node.query_id == step.query_id
            node = node.yes if step.answer else node.no
        assert walk(tree, [step.answer for step in path]) == Leaf(element_id)


def consistent(root, answers):
    """The elements that some way of giving the missing answers leads to: the slow, obvious reference."""
    free = sorted({node.query_id for node in iterate(root) if isinstance(node, Node)})
    choices = [[answers[query]] if answers.get(query) is not None else [True, False] for query in free]
    found = set()
    for combination in product(*choices):
        full = dict(zip(free, combination, strict=True))
        node = root
        while isinstance(node, Node):
            node = node.yes if full[node.query_id] else node.no
        found.add(node.element_id)
    return found - {None}


ANSWERS = st.dictionaries(st.sampled_from([f"q{index}" for index in range(8)]), st.sampled_from([True, False, None]))


@given(trees(), ANSWERS)
def test_candidates_are_those_that_some_full_set_of_answers_leads_to(tree, answers):
    found = find_candidates(tree, answers)
    assert set(found) == consistent(tree.root, answers)
    assert list(found) == [element for element in get_elements_below(tree.root) if element in found]


@given(trees(), ANSWERS)
def test_suggested_query_is_new_and_no_other_has_a_better_worse_case(tree, answers):
    def count(query, answer):
        return len(find_candidates(tree, {**answers, query: answer}))

    suggested = suggest_query(tree, answers)
    total = len(find_candidates(tree, answers))
    free = {node.query_id for node in iterate(tree.root) if isinstance(node, Node)} - set(answers)
    worst = {query: max(count(query, True), count(query, False)) for query in free}
    splitting = {query for query in free if min(count(query, True), count(query, False)) > 0 and worst[query] < total}
    if suggested is None:
        assert total <= 1 or not splitting
    else:
        assert suggested in free
        assert worst[suggested] == min((worst[query] for query in splitting), default=total)
        assert suggest_query(tree, answers) == suggested


@given(trees(), st.data())
def test_asking_the_suggested_queries_finds_the_element(tree, data):
    elements = get_elements_below(tree.root)
    if not elements:
        return
    target = data.draw(st.sampled_from(elements))
    truth = {step.query_id: step.answer for step in get_path(tree, target)}
    answers = {}
    while (query := suggest_query(tree, answers)) is not None:
        answers[query] = truth.get(query)  # a query that its path does not ask cannot be answered
    assert target in find_candidates(tree, answers)
    if all(answer is not None for answer in answers.values()):
        assert find_candidates(tree, answers) == (target,)
