"""Difficulty scores: routines scored by hand, a brute-force choice of what counts, and files that are no code."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.source import open_source
from finegym.applications.scoring.code_of_points import FORMAT, list_codes, parse_code, read_code
from finegym.applications.scoring.conditions import ElementFacts, fits
from finegym.applications.scoring.difficulty import score_action, score_elements
from finegym.applications.scoring.sheet import format_sheet, make_json, score_dataset, split_points
from finegym.codebook.builtin import read_builtin
from finegym.errors import AnnotationError, ConfigError

CODEBOOK = read_builtin("artistic-women")
LATE, EARLY = read_code("fig-women-2017"), read_code("fig-women-2013")

# element, start_ms, end_ms. The leaps follow each other within half a second, so do flic-flac and salto.
BEAM = (
    ("bb-split-leap", 1000, 2000),  # B
    ("bb-ring-leap", 2400, 3400),  # D
    ("bb-turn-1", 6000, 7000),  # A
    ("bb-split-leap", 9000, 10000),  # done before
    ("bb-flic-flac-step-out", 12000, 13000),  # B
    ("bb-back-salto-tucked", 13200, 14000),  # C
    ("bb-arabian-tucked", 20000, 21000),  # F
    ("bb-turn-2", 23000, 24000),  # D
    ("bb-dismount-front-tucked-1", 30000, 31000),  # B
)


def make_action(event_id, rows):
    subs = tuple(
        SubAction(f"A_{start // 1000:04d}_{end // 1000:04d}", ((start, end),), element) for element, start, end in rows
    )
    return Action("E_000001_000040", event_id, 1000, 40_000, subs)


def test_a_beam_routine_is_scored_as_by_hand():
    score = score_action(make_action("BB", BEAM), CODEBOOK, LATE)
    split = split_points(score)
    # .2 + .4 + .1 + .2 + .3 + .6 + .4 + .2
    assert split["difficulty"] == 2.4
    assert [one.status for one in score.elements].count("counted") == 8
    assert score.elements[3].status == "done before"
    assert score.elements[8].is_dismount
    awards = {one.id: (one.thousandths, one.elements) for one in score.requirements}
    # Two dance elements in connection, a turn, flic-flac and salto; nothing forward: an Arabian takes off backward.
    assert awards == {
        "dance-connection": (500, (0, 1)),
        "turn": (500, (2,)),
        "acro-series": (500, (4, 5)),
        "directions": (0, ()),
    }
    assert split == {"difficulty": 2.4, "requirements": 1.5, "connections": 0.0, "total": 3.9}
    assert score.is_certain


def test_editions_differ_in_the_dismount():
    early = {one.id: one.thousandths for one in score_action(make_action("BB", BEAM), CODEBOOK, EARLY).requirements}
    assert early["dismount"] == 0  # a B
    better = (*BEAM[:-1], (find_dismount("D"), 30000, 31000))
    awards = score_action(make_action("BB", better), CODEBOOK, EARLY).requirements
    assert {one.id: one.thousandths for one in awards}["dismount"] == 500
    assert "dismount" not in {one.id for one in score_action(make_action("BB", BEAM), CODEBOOK, LATE).requirements}


def test_a_dismount_s_letter_reaches_those_below():
    rules = (
        LATE.events["BB"]
        .requirements[0]
        .model_copy(update={"id": "dismount", "series": (), "dismount_letters": {"C": 0.3, "D": 0.5}})
    )
    code = LATE.model_copy(update={"events": {"BB": LATE.events["BB"].model_copy(update={"requirements": (rules,)})}})
    for letter, given in (("B", 0), ("C", 300), ("E", 500)):
        action = make_action("BB", ((find_dismount(letter), 0, 1000),))
        assert score_action(action, CODEBOOK, code).requirements[0].thousandths == given, letter


def find_dismount(letter):
    value = (ord(letter) - ord("A") + 1) / 10
    return next(one.id for one in CODEBOOK.get_elements_of_set("BB-S5") if one.difficulty_value == value)


def test_connections_need_nearness_and_give_the_better_rule():
    near = (("bb-back-salto-tucked", 0, 1000), ("bb-arabian-tucked", 1500, 2500))  # C + F
    far = (near[0], ("bb-arabian-tucked", 1700, 2700))
    award = score_action(make_action("BB", near), CODEBOOK, LATE).connections
    assert [(one.text, one.thousandths, one.elements) for one in award] == [
        ("flight C + flight D or more", 200, (0, 1))
    ]
    assert score_action(make_action("BB", far), CODEBOOK, LATE).connections == ()


def test_a_vault_is_its_own_value():
    score = score_action(make_action("VT", [("vt-yurchenko-stretched", 0, 5000)]), CODEBOOK, LATE)
    assert score.points == 4.0


def test_unknown_and_unvalued_elements_are_said():
    rows = [(None, 0, 1000), ("ub-bail", 2000, 3000), ("ub-giant-backward-1", 4000, 5000)]
    score = score_action(make_action("UB", rows), CODEBOOK, LATE)
    assert [one.status for one in score.elements] == ["no element", "no value known", "counted"]
    assert (score.num_unknown, score.num_without_value, score.is_certain) == (1, 1, False)
    # The bail has no value, and is flight from the high to the low bar all the same.
    assert {one.id: one.thousandths for one in score.requirements} == {"high-to-low": 500, "same-bar": 0, "turn": 500}


def make_random_facts(rng, size):
    kinds = [("BB-S1", "d"), ("BB-S3", "a"), ("BB-S5", "a")]
    facts = []
    for index in range(size):
        set_id, _ = kinds[rng.integers(len(kinds))]
        points = None if rng.random() < 0.1 else int(rng.integers(1, 9)) * 100
        key = f"e{rng.integers(size)}"
        facts.append(ElementFacts(f"e{index}", set_id, "", {"kind": "x"}, None, key, points))
    return facts


def choose_by_trying_all(facts, num_counted, most_acro):
    """The highest sum of any choice that obeys the rules, the last dismount in it."""
    first = [i for i, fact in enumerate(facts) if fact.key not in {other.key for other in facts[:i]}]
    valued = [i for i in first if facts[i].points is not None]
    dismounts = [i for i, fact in enumerate(facts) if fact.set_id == "BB-S5"]
    must = {dismounts[-1]} & set(valued) if dismounts else set()
    best = 0
    for size in range(num_counted + 1):
        for chosen in itertools.combinations(valued, size):
            acro = sum(facts[i].set_id != "BB-S1" for i in chosen)
            if must <= set(chosen) and acro <= most_acro:
                best = max(best, sum(facts[i].points for i in chosen))
    return best


@pytest.mark.parametrize("seed", range(30))
def test_the_counted_elements_are_the_best_choice(seed):
    rng = np.random.default_rng(seed)
    facts = make_random_facts(rng, 11)
    subs = [
        SubAction(f"A_{i:04d}_{i:04d}", ((i * 9000, i * 9000 + 1000),), fact.element_id) for i, fact in enumerate(facts)
    ]
    rules = LATE.events["BB"].model_copy(update={"num_counted": 6, "requirements": (), "connections": ()})
    limit = rules.limits[0].model_copy(update={"at_most": 3})
    rules = rules.model_copy(update={"limits": (limit,)})
    code = LATE.model_copy(update={"events": {"BB": rules}})
    score = score_elements(subs, facts, "BB", code)
    assert score.thousandths == choose_by_trying_all(facts, 6, 3)
    assert sum(one.status == "counted" for one in score.elements) <= 6


def test_a_codebook_without_attributes_is_asked_by_name_or_not_at_all():
    by_attribute = parse_condition("{attributes: {twist: {at_least: 1}}}")
    by_name = parse_condition("{name: 'with 1 turn'}")
    bare = ElementFacts("1", "UB-S1", "giant circle backward with 1 turn", {}, "C", "1", 300)
    assert fits(bare, by_attribute) is None
    assert fits(bare, by_name) is True
    assert fits(bare, (*by_attribute, *by_name)) is True
    assert fits(replace(bare, attributes={"twist": 0.5}), by_attribute) is False
    assert fits(replace(bare, attributes={"twist": 1.5}), by_attribute) is True


def parse_condition(text):
    code = parse_code(f"{make_text()}\n    dismount: [{text}]", "test")
    return code.events["X"].dismount


def make_text(events="events:\n  X:\n    num_counted: 8"):
    return f"format: {FORMAT}\nname: t\ntitle: t\nsource: t\nletters: {{A: 0.1}}\n{events}"


def test_own_values_go_before_the_codebook_s():
    code = parse_code(make_text("values: {vt-yurchenko-stretched: 3.8}\nevents: {VT: {counts: own value}}"), "mine")
    action = make_action("VT", [("vt-yurchenko-stretched", 0, 5000)])
    assert score_action(action, CODEBOOK, code).points == 3.8
    with pytest.raises(AnnotationError, match="no rules for event BB"):
        score_action(make_action("BB", BEAM), CODEBOOK, code)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("[1, 2]", "list"),
        ("format: x", "letters"),
        (make_text("events: {X: {num_counted: 0}}"), "num_counted"),
        (make_text("events: {X: {num_counte: 3}}"), "num_counte"),
        (make_text("events: {X: {dismount: [{name: '('}]}}"), "regular expression"),
        (make_text("events: {X: {dismount: [{}]}}"), "every element"),
        (make_text("events: {X: {requirements: [{id: a, text: a, points: 1}]}}"), "exactly one"),
        ("a: [", "not YAML"),
    ],
)
def test_what_is_no_code_of_points_is_refused(text, fact):
    with pytest.raises(ConfigError, match="mine") as caught:
        parse_code(text, "mine")
    assert fact in str(caught.value)


def test_unknown_names_suggest_a_code(tmp_path):
    with pytest.raises(ConfigError, match="fig-women-2017"):
        read_code("fig-women-2071")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_code(str(tmp_path / "none.yaml"))
    assert list_codes() == ("fig-women-2013", "fig-women-2017")


@pytest.fixture
def dataset():
    unseen = Action("E_000050_000060", "BB", 50_000, 60_000, None)
    other = replace(make_action("ZZ", []), name="E_000070_000080")
    return Dataset(CODEBOOK, (Video("v", (make_action("BB", BEAM), unseen, other)),))


def test_sheets_count_what_they_leave_out(dataset):
    sheets = score_dataset(dataset, LATE)
    assert (len(sheets.sheets), sheets.num_not_labelled, sheets.num_without_rules) == (1, 1, 1)
    found = json.loads(json.dumps(make_json(sheets, LATE)))
    assert found["routines"][0]["points"]["total"] == 3.9
    elements = found["routines"][0]["elements"]
    assert sum(one["points"] for one in elements) == pytest.approx(2.4)
    text = format_sheet(sheets.sheets[0])
    assert "total 3.900" in text and "done before" in text and "1 + 2" in text
    with pytest.raises(AnnotationError, match="ids look like v_E_000001_000040"):
        score_dataset(dataset, LATE, "v_E_1")
    with pytest.raises(AnnotationError, match="nobody has looked"):
        score_dataset(dataset, LATE, "v_E_000050_000060")


def test_slips_of_the_pen_in_rules_are_said(dataset):
    assert score_dataset(dataset, LATE).unknown == ()
    rules = """events:
  ZZ: {num_counted: 8}
  BB:
    dismount: [{sets: [BB-S9]}]
    limits: [{text: t, at_most: 5, of: [{sets: [BB-S8]}]}]
    requirements: [{id: r, text: t, points: 0.5, each: [[{attributes: {twsit: 1}}]]}]
    connections: [{text: t, points: 0.1, max_gap_ms: 0, series: [[{letter_from: A}], [{attributes: {bdoy: x}}]]}]
values: {nosuch: 0.5}"""
    sheets = score_dataset(dataset, parse_code(make_text(rules), "own"))
    what = (
        "event ZZ",
        "value of nosuch",
        "set BB-S9 (BB)",
        "set BB-S8 (BB)",
        "attribute twsit (BB)",
        "attribute bdoy (BB)",
    )
    assert sheets.unknown == what and "BB-S9" in str(sheets)


def test_every_official_routine_is_scored(shared):
    """FineGym's names stand in for attributes; every requirement can be decided by them."""
    dataset = open_source(shared / "finegym").dataset
    sheets = score_dataset(dataset, LATE)
    assert (len(sheets.sheets), sheets.num_not_labelled, sheets.num_without_rules) == (5497, 0, 0)
    assert all(one.is_certain for sheet in sheets.sheets for one in sheet.score.requirements)
    vaults = [sheet.score for sheet in sheets.sheets if sheet.score.event_id == "VT" and sheet.score.num_unknown == 0]
    element = dataset.codebook.element_by_id
    for score in vaults[:200]:
        (one,) = score.elements
        assert score.points == float(element[one.facts.element_id].difficulty_code)
