"""What the built-in codebooks hold: sets, attributes, sound trees, and numbers that agree with FineGym and Diving48.

The tables below are the contract between the women's codebook and the simulation, which makes motion out of attributes
alone: every element has every attribute of its set, with a value from the table, and no two elements are alike.
"""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from finegym.codebook.builtin import read_builtin
from finegym.codebook.check import check_codebook
from finegym.codebook.difficulty import parse_difficulty_code
from finegym.codebook.official import read_official_codebook
from finegym.codebook.tree import compute_tree_shape, get_paths
from finegym.codebook.yaml_format import parse_codebook

DIRECTIONS = {"forward", "backward"}
BODY = {"tucked", "piked", "stretched"}
FEET = {"one-foot", "two-feet"}
LEGS = {
    *("split", "side-split", "ring", "switch-split", "switch-ring", "stag-ring", "cat", "tuck", "straddle-pike"),
    *("wolf", "sheep", "straight"),
}
POSITIONS = {"free", "leg-horizontal", "leg-held", "leg-held-back", "tuck-stand", "illusion", "back-spin"}
CIRCLES = {"giant", "free-hip", "stalder", "toe-on", "inbar"}


def halves(low: float, high: float) -> set[float]:
    return {step / 2 for step in range(round(2 * low), round(2 * high) + 1)}


LEAP = {"kind": {"leap"}, "takeoff": FEET, "legs": LEGS, "twist": halves(0, 2)}
TURN = {"kind": {"turn"}, "position": POSITIONS, "turns": halves(1, 4)}
ENTRIES = {"handspring", "round-off", "half-on", "round-off-half", "round-off-full", "handspring-full"}
SALTO = {"kind": {"salto"}, "body": BODY}
WOMEN = {
    ("VT-S1", 1): {
        "kind": {"vault"},
        "entry": ENTRIES,
        "direction": {*DIRECTIONS, "none"},
        "body": BODY,
        "somersaults": {0, 1, 2},
        "twist": halves(0, 3),
    },
    ("FX-S1", 21): LEAP,
    ("FX-S2", 22): TURN,
    ("FX-S3", 23): {
        **SALTO,
        "direction": {"sideward"},
        "takeoff": FEET,
        "body": {"tucked", "piked", "straddled"},
        "somersaults": {1},
        "twist": halves(0, 1),
    },
    ("FX-S4", 24): {
        **SALTO,
        "direction": DIRECTIONS,  # backward is the take-off of an Arabian
        "takeoff": FEET,
        "somersaults": {1, 2},
        "twist": halves(0, 2.5),
        "hands": {False},
    },
    ("FX-S5", 25): {**SALTO, "direction": {"backward"}, "somersaults": {1, 2}, "twist": halves(0, 3.5)},
    ("BB-S1", 31): LEAP,
    ("BB-S2", 32): TURN,
    ("BB-S3", 33): {
        **SALTO,
        "direction": {*DIRECTIONS, "sideward"},
        "body": {*BODY, "straddled"},
        "takeoff": FEET,
        "landing": FEET,
        "somersaults": {1},
        "twist": halves(0, 1),
    },
    ("BB-S4", 34): {
        "kind": {"handspring"},
        "direction": {*DIRECTIONS, "sideward"},
        "hands": {"one", "two"},
        "landing": FEET,
        "twist": halves(0, 1),
        "legs": {"together", "split"},
    },
    ("BB-S5", 35): {
        **SALTO,
        "kind": {"dismount"},
        "entry": {"round-off", "run", "stand"},
        "direction": DIRECTIONS,
        "somersaults": {1, 2},
        "twist": halves(0, 3),
    },
    ("UB-S1", 41): {
        "kind": {"circle"},
        "circle": {*CIRCLES, "cast"},
        "direction": DIRECTIONS,
        "legs": {"together", "straddled"},
        "twist": halves(0, 1.5),
    },
    ("UB-S2", 42): {
        "kind": {"release"},
        "direction": DIRECTIONS,
        "counter": {False, True},
        "body": {*BODY, "straddled"},
        "twist": halves(0, 1),
        "somersaults": {0, 1},
        "from_circle": CIRCLES,
    },
    ("UB-S3", 43): {
        "kind": {"transition"},
        "to_bar": {"high", "low"},
        "twist": halves(0, 1),
        "body": {"stretched", "straddled"},
        "from_circle": {*CIRCLES, "none"},
    },
    ("UB-S4", 44): {
        **SALTO,
        "kind": {"dismount"},
        "entry": {"giant", "toe-on", "free-hip"},
        "direction": DIRECTIONS,
        "somersaults": {1, 2, 3},
        "twist": halves(0, 3),
    },
}
DIVES = {
    "takeoff": {"forward", "back", "reverse", "inward"},
    "somersaults": halves(0.5, 4.5),
    "twists": halves(0, 3.5),
    "position": {"straight", "pike", "tuck", "free"},
}
# Diving48 (Li, Li and Vasconcelos, ECCV 2018): its classes a take-off, as somersaults, twists and positions.
DIVING48 = {
    "back": "0.5/0/BC 1.5/0/BC 1.5/0.5/D 1.5/1.5/D 1.5/2.5/D 2/1.5/D 2/2.5/D "
    "2.5/0/BC 2.5/1.5/B 2.5/2.5/B 3/0/BC 3.5/0/BC",
    "forward": "0.5/0/AB 1/0/B 1.5/0/B 1.5/1/D 1.5/2/D 2.5/0/BC 2.5/1/B 2.5/2/B 2.5/3/B 3.5/0/BC 4.5/0/C",
    "inward": "0.5/0/B 1.5/0/BC 2.5/0/BC 3.5/0/C",
    "reverse": "0.5/0/BC 1.5/0/B 1.5/0.5/D 1.5/1.5/D 1.5/2.5/D 1.5/3.5/D 2.5/0/BC 2.5/1.5/B 3.5/0/C",
}
POSITION_LETTERS = {"straight": "A", "pike": "B", "tuck": "C", "free": "D"}


@pytest.fixture(scope="module")
def women():
    return read_builtin("artistic-women")


@pytest.fixture(scope="module")
def diving():
    return read_builtin("diving")


def find_strays(codebook, set_id, vocabulary):
    """What is missing, unknown or of the wrong type among the attributes of a set's elements."""
    strays = []
    for element in codebook.get_elements_of_set(set_id):
        attributes = codebook.attributes_by_element_id[element.id]
        strays += [f"{element.id}: {name}" for name in vocabulary.keys() ^ attributes.keys()]
        for name in vocabulary.keys() & attributes.keys():
            types = {type(value) for value in vocabulary[name]}
            if attributes[name] not in vocabulary[name] or type(attributes[name]) not in types:
                strays.append(f"{element.id}: {name} = {attributes[name]!r}")
    return strays


def find_same(codebook, set_id):
    elements = codebook.get_elements_of_set(set_id)
    attributes = codebook.attributes_by_element_id
    return [(a.id, b.id) for a, b in combinations(elements, 2) if attributes[a.id] == attributes[b.id]]


@pytest.mark.parametrize("name", ["artistic-women", "diving"])
def test_the_check_finds_no_error_and_only_names_that_return_in_another_event(name):
    kinds = {problem.kind for problem in check_codebook(read_builtin(name))}
    assert kinds <= {"name-in-several-events"}


@pytest.mark.parametrize("name", ["artistic-women", "diving"])
def test_every_query_is_asked_and_every_answer_leads_on(name):
    codebook = read_builtin(name)
    asked = {step.query_id for tree in codebook.trees for path in get_paths(tree).values() for step in path}
    assert {query.id for query in codebook.queries} == asked
    assert sum(compute_tree_shape(tree).num_dead_answers for tree in codebook.trees) == 0


def test_women_have_the_four_events_and_fifteen_sets_of_finegym(women):
    assert [(event.id, event.number) for event in women.events] == [("VT", 1), ("FX", 2), ("BB", 3), ("UB", 4)]
    assert [(set_.id, set_.number) for set_ in women.sets] == list(WOMEN)
    assert len(women.elements) >= 180
    assert min(Counter(element.set_id for element in women.elements).values()) >= 4


@pytest.mark.parametrize(("set_id", "number"), WOMEN)
def test_elements_have_all_attributes_of_their_set_and_differ_in_them(women, set_id, number):
    assert find_strays(women, set_id, WOMEN[set_id, number]) == []
    assert find_same(women, set_id) == []


@pytest.mark.parametrize(("set_id", "number"), WOMEN)
def test_every_value_of_the_vocabulary_that_a_set_may_name_in_words_occurs(women, set_id, number):
    """The table above is no wider than the codebook; numbers leave gaps, and sets of leaps and turns share a table."""
    shared = [id_ for (id_, _), vocabulary in WOMEN.items() if vocabulary is WOMEN[set_id, number]]
    for name, values in WOMEN[set_id, number].items():
        found = {
            women.attributes_by_element_id[element.id][name]
            for id_ in shared
            for element in women.get_elements_of_set(id_)
        }
        assert found <= values
        if name not in {"twist", "turns"}:
            assert found == values, name


@pytest.mark.parametrize(("set_id", "number"), WOMEN)
def test_a_set_has_elements_that_differ_in_one_attribute(women, set_id, number):
    attributes = [women.attributes_by_element_id[element.id] for element in women.get_elements_of_set(set_id)]
    distances = [sum(a[name] != b[name] for name in a) for a, b in combinations(attributes, 2)]
    assert min(distances) == 1


def test_turns_that_go_round_once_twice_thrice_differ_in_the_count_alone(women):
    once, twice, thrice = (dict(women.attributes_by_element_id[f"fx-turn-{count}"]) for count in (1, 2, 3))
    assert [turn.pop("turns") for turn in (once, twice, thrice)] == [1.0, 2.0, 3.0]
    assert once == twice == thrice == {"kind": "turn", "position": "free"}


def test_women_values_follow_from_their_codes(women):
    for element in women.elements:
        if element.difficulty_code is None:
            assert element.difficulty_value is None, element.id
        else:
            assert parse_difficulty_code(element.difficulty_code).value == element.difficulty_value, element.id


def test_glabels_stand_once_and_name_an_element_of_the_same_set_and_code(women, shared):
    official = read_official_codebook(shared / "finegym" / "official")
    codes = {element.glabel: element.difficulty_code for element in official.elements}
    by_glabel = {element.glabel: official.set_by_id[element.set_id].number for element in official.elements}
    glabels = Counter(element.glabel for element in women.elements if element.glabel is not None)
    assert [glabel for glabel, count in glabels.items() if count > 1] == []
    wrong = [
        element.id
        for element in women.elements
        if element.glabel is not None and by_glabel[element.glabel] != women.set_by_id[element.set_id].number
    ]
    assert wrong == []
    assert len(glabels) >= 290
    other_codes = [
        e.id for e in women.elements if e.glabel is not None and e.difficulty_code not in {None, codes[e.glabel]}
    ]
    assert other_codes == []


def test_no_query_repeats_a_question_of_finegym(women, shared):
    official = read_official_codebook(shared / "finegym" / "official")
    texts = {re.sub(r"\W+", " ", query.text).strip().lower() for query in official.queries}
    ours = {re.sub(r"\W+", " ", query.text).strip().lower() for query in women.queries}
    assert texts & ours == set()


def test_diving_has_the_48_classes_of_diving48(diving):
    expected = set()
    for takeoff, classes in DIVING48.items():
        for somersaults, twists, letters in (part.split("/") for part in classes.split()):
            expected |= {(takeoff, float(somersaults), float(twists), letter) for letter in letters}
    assert len(expected) == 48
    found = Counter(
        (a["takeoff"], a["somersaults"], a["twists"], POSITION_LETTERS[a["position"]])
        for a in diving.attributes_by_element_id.values()
    )
    assert found == Counter(expected)


def test_dives_have_all_attributes_and_nothing_of_gymnastics(diving):
    assert [strays for set_ in diving.sets for strays in find_strays(diving, set_.id, DIVES)] == []
    assert [event.id for event in diving.events] == ["DV"]
    assert all(element.glabel is None for element in diving.elements)


def test_the_number_of_a_dive_says_its_attributes(diving):
    for element in diving.elements:
        attributes = diving.attributes_by_element_id[element.id]
        group = ["forward", "back", "reverse", "inward"].index(attributes["takeoff"]) + 1
        turns, twists = round(2 * attributes["somersaults"]), round(2 * attributes["twists"])
        number = f"5{group}{turns}{twists}" if twists else f"{group}0{turns}"
        assert element.difficulty_code == number + POSITION_LETTERS[attributes["position"]]
        assert element.id == f"dv-{element.difficulty_code.lower()}"


def test_the_page_counts_the_elements_of_every_set_and_its_example_is_sound(women, diving):
    page = (Path(__file__).parents[2] / "docs" / "builtin-codebooks.md").read_text(encoding="utf-8")
    for codebook, column in ((women, r"(\d+) of \d+"), (diving, "")):
        for set_ in codebook.sets:
            elements = codebook.get_elements_of_set(set_.id)
            row = re.search(rf"^\| {set_.id} [^|]*\| (\d+) \| {column}", page, re.M)
            assert row, set_.id
            with_glabel = sum(element.glabel is not None for element in elements)
            assert [int(number) for number in row.groups()] == [len(elements), with_glabel][: len(row.groups())]
    example = parse_codebook(re.search(r"```yaml\n(.*?)```", page, re.S).group(1))
    assert [problem.kind for problem in check_codebook(example)] == ["dead-answer"]
