import textwrap

import pytest
from codebook_strategies import build_codebook, trees
from hypothesis import given

from finegym.codebook.builtin import list_builtins, read_builtin_with_places
from finegym.codebook.check import check_codebook
from finegym.codebook.model import DecisionTree, Leaf, Node
from finegym.codebook.tree import compute_tree_shape, get_elements_below
from finegym.codebook.yaml_format import read_codebook_with_places

CLEAN = """\
format: finegym-codebook/1
name: tumbling
version: "1.0"
sport: tumbling
queries:
  tucked: {text: "Is the body tucked?", yes: {body: tucked}, no: {body: piked}}
  double: {text: "Does she turn 2 saltos?", yes: {somersaults: 2}, no: {somersaults: 1}}
events:
  - id: TU
    name: tumbling
    sets:
      - id: TU-S1
        name: saltos
        elements:
          - {id: e1, name: 2 saltos tucked, difficulty: {code: "4.60", value: 4.6}}
          - {id: e2, name: 1 saltos tucked}
          - {id: e3, name: salto piked}
        tree:
          ask: tucked
          yes: {ask: double, yes: e1, no: e2}
          no: e3
  - id: RO
    name: rope
    sets:
      - id: RO-S1
        name: skips
        elements:
          - {id: r1, name: skip}
        tree: r1
"""


@pytest.fixture
def check(tmp_path):
    def run(*changes):
        text = CLEAN
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / "book.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return check_codebook(*read_codebook_with_places(path))

    return run


def test_a_clean_codebook_has_no_problems(check):
    assert check() == ()


@pytest.mark.parametrize(
    ("old", "new", "severity", "kind", "elements", "line"),
    [
        ("no: e3", "no: e1", "error", "duplicate-leaf", ("e1",), 21),
        ("no: e3", "no: none", "error", "no-leaf", ("e3",), 17),
        ("no: e3", "no: r1", "error", "leaf-of-other-set", ("r1",), 21),
        ("name: salto piked", "name: 2 saltos tucked", "error", "same-name", ("e1", "e3"), 17),
        ("name: salto piked", "name: '2 SALTOS, tucked'", "warning", "alike-names", ("e1", "e3"), 17),
        ("name: skip}", "name: salto piked}", "warning", "name-in-several-events", ("e3", "r1"), 28),
        ("no: e2}", "no: {ask: tucked, yes: e2, no: none}}", "error", "query-asked-twice", ("e2",), 20),
        ("no: e2}", "no: {ask: tucked, yes: none, no: e2}}", "error", "unreachable-leaf", ("e2",), 20),
        ("no: e3", "no: {ask: double, yes: none, no: e3}", "warning", "dead-answer", ("e3",), 21),
        ("yes: e1, no: e2", "yes: e2, no: e1", "warning", "swapped-leaves", ("e1", "e2"), 20),
        ('"4.60"', '"0.000"', "warning", "odd-code", ("e1",), 15),
        ('"4.60"', '"02.300"', "warning", "odd-code", ("e1",), 15),
        ("value: 4.6", "value: 4.8", "warning", "code-contradicts-value", ("e1",), 15),
        ("name: salto piked", "name: 'salto piked '", "warning", "trailing-blanks", ("e3",), 17),
        ("name: salto piked", "name: 'salto  piked'", "warning", "odd-blanks", ("e3",), 17),
        ("name: salto piked", "name: 'salto (piked'", "warning", "unbalanced-brackets", ("e3",), 17),
        ("name: salto piked", "name: 'salto 屈体'", "warning", "foreign-script", ("e3",), 17),
        ("name: salto piked", 'name: "salto\\u200b piked"', "warning", "odd-character", ("e3",), 17),
        ("body tucked?", "body tucked", "warning", "no-question", ("e1", "e2", "e3"), 6),
        ("body tucked?", "body seperated?", "warning", "misspelt", ("e1", "e2", "e3"), 6),
        ("salto piked}", "salto piked, attributes: {body: x}}", "warning", "attribute-contradiction", ("e3",), 17),
        ("no: {somersaults: 1}", "no: {somersaults: 2}", "warning", "same-attributes", ("e1", "e2"), 16),
        ("        tree: r1\n", "", "warning", "no-tree", ("r1",), 25),
    ],
)  # fmt: skip
def test_each_problem_is_found_with_its_elements_and_line(check, old, new, severity, kind, elements, line):
    found = [problem for problem in check((old, new)) if problem.kind == kind]
    assert [(problem.severity, problem.element_ids) for problem in found] == [(severity, elements)]
    assert found[0].place.line == line
    assert str(found[0]).startswith(f"{found[0].place.file}:{line}: ")
    assert all(element in found[0].message for element in elements)


def test_unused_query_and_empty_set(check):
    found = check(
        ("events:", '  idle: {text: "Does nobody ask this?"}\nevents:'),
        ("  - id: RO\n", "      - {id: TU-S2, name: nothing}\n  - id: RO\n"),
    )
    assert [problem.kind for problem in found] == ["unused-query", "empty-set"]


def test_queries_that_differ_in_looks_only(check):
    found = check(
        ("  double:", '  tuck-2: {text: "is the body  TUCKED ?"}\n  double:'),
        ("no: e3", "no: {ask: tuck-2, yes: none, no: e3}"),
    )
    kinds = {problem.kind for problem in found}
    assert {"alike-queries", "query-asked-alike", "odd-blanks", "dead-answer"} == kinds


def test_numbers_given_twice(check):
    found = check(
        ("name: tumbling\n    sets", "name: tumbling\n    number: 1\n    sets"),
        ("name: rope\n", "name: rope\n    number: 1\n"),
    )
    assert [(problem.severity, problem.kind) for problem in found] == [("error", "same-number")]
    found = check(("id: e1,", "id: e1, glabel: 3,"), ("id: e2,", "id: e2, glabel: 3,"))
    assert [(problem.severity, problem.element_ids) for problem in found] == [("warning", ("e1", "e2"))]


def test_errors_come_before_warnings_and_all_at_once(check):
    found = check(("no: e3", "no: e1"), ("name: skip}", "name: 'skip '}"), ('"4.60"', '"?"'))
    assert [problem.severity for problem in found] == ["error", "error", "warning", "warning"]
    assert {problem.kind for problem in found} == {"duplicate-leaf", "no-leaf", "odd-code", "trailing-blanks"}


def test_a_codebook_without_a_file_is_checked_without_places():
    codebook = build_codebook([DecisionTree("X-S1", Node("q", Leaf("a"), Node("q", Leaf("b"), Leaf("a"))))])
    found = check_codebook(codebook)
    assert {problem.kind for problem in found} == {"duplicate-leaf", "unreachable-leaf"}
    assert all(problem.place is None for problem in found)


def test_swap_is_seen_by_the_number_asked_and_not_by_others():
    def check_pair(query, yes, no):
        tree = DecisionTree("X-S1", Node("q", Leaf("a"), Leaf("b")))
        codebook = build_codebook([tree], {"a": yes, "b": no})
        queries = (codebook.queries[0].__class__("q", query),)
        codebook = codebook.__class__(**{**{f: getattr(codebook, f) for f in FIELDS}, "queries": queries})
        return [problem.kind for problem in check_codebook(codebook) if problem.kind == "swapped-leaves"]

    FIELDS = ("name", "version", "sport", "events", "sets", "elements", "trees")
    assert check_pair("1.5 twist?", "salto with 0.5 twist", "salto with 1.5 twist")
    assert not check_pair("1.5 twist?", "salto with 1.5 twist", "salto with 0.5 twist")
    assert not check_pair("5 twist?", "salto", "salto with 1.5 twist")
    assert not check_pair("Either 1 turn or 1.5 turn?", "with 1.5 turn", "with 1 turn")


@given(trees())
def test_a_sound_tree_has_no_errors_and_a_warning_for_each_dead_node(tree):
    found = check_codebook(build_codebook([tree]))
    assert [problem for problem in found if problem.severity == "error"] == []
    shape = compute_tree_shape(tree)
    dead = [problem for problem in found if problem.kind == "dead-answer"]
    assert len(dead) <= shape.num_dead_answers
    if shape.num_nodes:
        assert bool(dead) == bool(shape.num_dead_answers)
    assert all(set(problem.element_ids) <= set(get_elements_below(tree.root)) for problem in dead)


def test_there_are_built_in_codebooks():
    assert {"artistic-women", "diving"} <= set(list_builtins())


@pytest.mark.parametrize("name", list_builtins())
def test_every_built_in_codebook_is_without_errors(name):
    codebook, places = read_builtin_with_places(name)
    assert codebook.name == name
    assert [str(problem) for problem in check_codebook(codebook, places) if problem.severity == "error"] == []
