import json
from dataclasses import replace

import pytest
from codebook_strategies import codebooks
from hypothesis import given, settings

from finegym.codebook.diff import Change, compute_diff, format_diff
from finegym.codebook.yaml_format import parse_codebook

OLD = """\
format: finegym-codebook/1
name: book
version: "1.0"
sport: x
queries:
  a: {text: "A?", yes: {body: tucked}}
  b: {text: "B?"}
events:
  - id: E
    name: event
    sets:
      - id: E-S1
        name: first
        elements:
          - {id: one, name: one, difficulty: {code: "3.205", value: 0.2}}
          - {id: two, name: two}
          - {id: three, name: three}
        tree: {ask: a, yes: one, no: {ask: b, yes: two, no: three}}
      - {id: E-S2, name: second}
"""


@pytest.fixture
def old():
    return parse_codebook(OLD)


def change(*changes):
    text = OLD.replace('version: "1.0"', 'version: "1.1"')
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    return parse_codebook(text)


def test_a_new_version_number_alone_is_no_difference(old):
    diff = compute_diff(old, change())
    assert diff.is_empty
    assert format_diff(diff, old, change()) == "no differences between version 1.0 and 1.1"


def test_renamed_rated_and_reworded(old):
    new = change(
        ("name: two", "name: zwei"), ('code: "3.205", value: 0.2', 'code: "3.305", value: 0.3'), ("B?", "B or not?")
    )
    diff = compute_diff(old, new)
    assert diff.elements_renamed == (Change("two", "two", "zwei"),)
    assert diff.elements_rerated == (Change("one", "value 0.2, code 3.205", "value 0.3, code 3.305"),)
    assert diff.queries_reworded == (Change("b", "B?", "B or not?"),)
    assert diff.elements_repathed == ()


def test_appeared_gone_and_moved_to_another_set(old):
    new = change(
        ("          - {id: three, name: three}\n", ""),
        ("yes: two, no: three}", "yes: two, no: none}"),
        (
            "{id: E-S2, name: second}",
            "{id: E-S2, name: second, elements: [{id: one, name: one}, {id: four, name: four}]}",
        ),
        ('          - {id: one, name: one, difficulty: {code: "3.205", value: 0.2}}\n', ""),
        ("{ask: a, yes: one,", "{ask: a, yes: none,"),
    )
    diff = compute_diff(old, new)
    assert (diff.elements_appeared, diff.elements_gone) == (("four",), ("three",))
    assert diff.elements_moved == (Change("one", "E-S1", "E-S2"),)
    assert diff.elements_repathed == (Change("one", "a: yes", "no path"),)
    assert diff.attributes_changed == (Change("one", "body=tucked", "none"),)


def test_a_changed_path_is_told_by_its_answers(old):
    new = change(
        (
            "{ask: a, yes: one, no: {ask: b, yes: two, no: three}}",
            "{ask: b, yes: one, no: {ask: a, yes: two, no: three}}",
        )
    )
    diff = compute_diff(old, new)
    assert diff.elements_repathed == (
        Change("one", "a: yes", "b: yes"),
        Change("two", "a: no, b: yes", "b: no, a: yes"),
        Change("three", "a: no, b: no", "b: no, a: no"),
    )
    text = format_diff(diff, old, new)
    assert "elements repathed (3)\n  one  one\n    - a: yes\n    + b: yes\n" in text


def test_sets_events_and_queries_come_and_go(old):
    new = change(("      - {id: E-S2, name: second}\n", "  - {id: F, name: further}\n"), ("name: first", "name: 1st"))
    new = replace(new, queries=(*new.queries, replace(new.queries[0], id="c")))
    diff = compute_diff(old, new)
    assert (diff.sets_gone, diff.events_appeared, diff.queries_appeared) == (("E-S2",), ("F",), ("c",))
    assert diff.sets_renamed == (Change("E-S1", "first", "1st"),)
    text = format_diff(diff, old, new)
    assert "sets gone (1)\n  E-S2  second" in text
    assert "events appeared (1)\n  F  further" in text


def test_difference_as_json(old):
    data = json.loads(json.dumps(compute_diff(old, change(("name: two", "name: zwei"))).to_json()))
    assert data["elements_renamed"] == [{"id": "two", "old": "two", "new": "zwei"}]
    assert (data["old_version"], data["new_version"]) == ("1.0", "1.1")


@settings(deadline=None, max_examples=40)
@given(codebooks(), codebooks())
def test_differences_mirror_each_other(left, right):
    assert compute_diff(left, left).is_empty
    there, back = compute_diff(left, right), compute_diff(right, left)
    assert set(there.elements_appeared) == set(back.elements_gone)
    assert {(c.id, c.old, c.new) for c in there.elements_renamed} == {
        (c.id, c.new, c.old) for c in back.elements_renamed
    }
    assert format_diff(there, left, right)
