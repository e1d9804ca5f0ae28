"""Reading routines, with opinions made by hand: one event a routine, levels that agree, what is unsure."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from parse_builders import make_opinion

from finegym.applications.hierarchy import combine_levels, condition_sets, decide_event, spread_event, sum_events
from finegym.applications.parse.beliefs import average_events, average_sets, judge_familiarity
from finegym.applications.parse.found import FoundAction, FoundSubAction, read_found
from finegym.applications.parse.interpreting import Thresholds, interpret_action
from finegym.applications.parse.recognising import measure_seen
from finegym.applications.scoring.code_of_points import read_code
from finegym.codebook.builtin import read_builtin
from finegym.features.pose.poses import FOUND as SEEN
from finegym.features.pose.poses import INTERPOLATED, MISSING

CODEBOOK = read_builtin("artistic-women")
CODE = read_code("fig-women-2017")
FOUND = FoundAction(
    "E_000001_000040", "FX", 1000, 40_000, 0.9, (FoundSubAction("A_0001_0002", 2000, 3000, "FX-S2", 0.8, 0),)
)


def read(*opinions):
    action = interpret_action(FOUND, "v", opinions, CODEBOOK, Thresholds(), CODE)
    return action, action.sub_actions[0]


def test_an_element_that_all_levels_agree_on_is_named():
    action, sub = read(
        make_opinion("set", {"FX-S1": 0.1, "FX-S2": 0.9}), make_opinion("element", {"fx-turn-1": 0.9, "fx-turn-2": 0.1})
    )
    assert (sub.element_id, sub.set_id, sub.unsure) == ("fx-turn-1", "FX-S2", ())
    assert sub.attributes["turns"] == 1.0
    product = np.prod([step.probability for step in sub.candidates[0].path])
    assert product == pytest.approx(sub.candidates[0].probability / sub.sets["FX-S2"], abs=1e-5)
    assert action.points == action.points_of_likeliest == 0.1 + 0.0
    assert action.kind == "routine" and action.event_id == action.localized_event_id == "FX"


def test_what_is_unsure_says_so_and_names_nothing():
    _, sub = read(make_opinion("element", {"fx-turn-1": 0.4, "fx-turn-2": 0.3, "fx-turn-3": 0.3}))
    assert sub.element_id is None and sub.set_id == "FX-S2"
    assert any("the likeliest has" in doubt and "least sure" in doubt for doubt in sub.unsure)
    action, sub = read(make_opinion("element", {"fx-turn-1": 0.95, "fx-turn-2": 0.05}, familiarity=0.01))
    assert sub.is_strange and sub.element_id is None and "none of the classes" in sub.unsure[0]
    assert action.points == 0.0 and action.points_of_likeliest == 0.1


def test_a_recogniser_of_one_set_says_nothing_of_the_others():
    _, sub = read(make_opinion("set", {"FX-S1": 0.9, "FX-S2": 0.1}), make_opinion("element", {"fx-turn-1": 1.0}))
    # The localizer said FX-S2 with 0.8; the mean of both is for FX-S1, whose elements nobody can tell.
    assert sub.sets["FX-S1"] > sub.sets["FX-S2"]
    sets = average_sets(FOUND.sub_actions[0], [(make_opinion("element", {"fx-turn-1": 1.0}), 0)], CODEBOOK)
    assert sets["FX-S2"] == pytest.approx(0.8)


def test_a_recogniser_of_elements_speaks_of_sets_where_it_knows_all_of_them():
    of_sets = make_opinion("set", {"FX-S1": 0.7, "FX-S2": 0.3})
    wide = make_opinion("element", {"fx-split-leap": 0.1, "fx-turn-1": 0.6, "fx-turn-2": 0.3})
    narrow = make_opinion("element", {"fx-turn-1": 0.9, "bb-cat-leap": 0.1})
    alone, with_wide, with_narrow = (
        average_sets(FOUND.sub_actions[0], [(one, 0) for one in said], CODEBOOK)
        for said in ([of_sets], [of_sets, wide], [of_sets, narrow])
    )
    assert with_wide["FX-S2"] == pytest.approx((0.8 + 0.3 + 0.9) / 3)  # localizer, sets, elements
    assert with_narrow == alone and alone["FX-S2"] == pytest.approx((0.8 + 0.3) / 2)


def test_only_who_knows_the_set_finds_it_unfamiliar():
    wide = make_opinion("element", {"fx-turn-1": 0.9, "fx-turn-2": 0.1}, familiarity=0.6)
    of_beam = make_opinion("element", {"bb-cat-leap": 0.5, "bb-cat-leap-half": 0.5}, familiarity=0.001)
    assert read(wide, of_beam)[1].element_id == "fx-turn-1"
    # Three that know it: the least p-value times three.
    others = (
        make_opinion("set", {"FX-S2": 1.0}, familiarity=0.02),
        make_opinion("event", {"FX": 1.0}, familiarity=0.9),
    )
    sub = read(wide, *others)[1]
    assert sub.familiarity == pytest.approx(0.06) and sub.element_id == "fx-turn-1" and not sub.is_strange
    assert read(of_beam)[1].familiarity is None


def test_few_held_out_clips_refuse_what_is_stranger_than_all_of_them():
    def judge(familiarity, num_calibrated, count=1):
        opinions = [make_opinion("set", {"FX-S2": 1.0}, familiarity, num_calibrated)] * count
        return judge_familiarity([(one, 0) for one in opinions], "FX-S2", CODEBOOK, 0.05)

    # Of 13 clips the least value is 1/14, which no threshold of 0.05 ever meets.
    assert judge(1 / 14, 13).is_strange and judge(1 / 14, 13).mistaken == pytest.approx(1 / 14)
    assert not judge(2 / 14, 13).is_strange
    assert judge(0.05, 99).is_strange and not judge(0.06, 99).is_strange and judge(0.06, 99).mistaken == 0.05
    assert not judge(0.03, 99, count=2).is_strange and judge(0.02, 99, count=2).is_strange
    assert judge_familiarity([], "FX-S2", CODEBOOK, 0.05) is None


def test_the_event_of_a_routine_is_decided_as_by_hand():
    # Four events. Two findings that give the beam 0.9 and the floor 0.1 outweigh the localizer's 0.7 for the floor:
    # floor 0.7 * (0.9 * 4 * 0.1 + 0.1)^2 = 0.148, beam 0.1 * (0.9 * 4 * 0.9 + 0.1)^2 = 1.116, others 0.1 * 0.1^2.
    localized = {"FX": 0.7, "BB": 0.1, "UB": 0.1, "VT": 0.1}
    own = {"FX": 0.1, "BB": 0.9, "UB": 0.0, "VT": 0.0}
    events = decide_event(localized, [own, own])
    assert events == pytest.approx({"FX": 0.14812 / 1.26568, "BB": 1.11556 / 1.26568, "UB": 7.9e-4, "VT": 7.9e-4}, 1e-3)
    assert decide_event(localized, []) == localized
    assert decide_event(localized, [dict.fromkeys(localized, 0.25)]) == pytest.approx(localized)
    against = decide_event({"FX": 0.97, "BB": 0.01, "UB": 0.01, "VT": 0.01}, [{**own, "FX": 0.0, "BB": 1.0}])
    assert against["FX"] > against["BB"]  # one finding, however sure, overrules no sure localizer


def test_sets_given_the_event_are_as_by_hand():
    # The pictures say bars, the routine is on beam: they say nothing of it with 0.1 / (0.9 * 4 * 0.01 + 0.1).
    sets = {"BB-S1": 0.009, "BB-S2": 0.001, "UB-S1": 0.99}
    beam = {"BB": 1.0, "FX": 0.0, "UB": 0.0, "VT": 0.0}
    found = condition_sets(CODEBOOK, sets, sum_events(CODEBOOK, sets), beam)
    nothing = 0.1 / 0.136
    assert found["BB-S1"] == pytest.approx((1 - nothing) * 0.9 + nothing / 5)
    assert found["BB-S5"] == pytest.approx(nothing / 5) and found["UB-S1"] == 0
    assert sum(found.values()) == pytest.approx(1)
    mixed = condition_sets(CODEBOOK, sets, sum_events(CODEBOOK, sets), {"BB": 0.6, "UB": 0.3, "FX": 0.08, "VT": 0.02})
    assert sum_events(CODEBOOK, mixed) == pytest.approx({"BB": 0.6, "UB": 0.3, "FX": 0.08, "VT": 0.02})


def read_three(sets, score=0.6, label=""):
    """A routine found as FX, with three findings that say the same."""
    names = [f"A_{place + 1:04d}_{place + 2:04d}" for place in range(3)]
    subs = tuple(FoundSubAction(name, 2000, 3000, label, 0.8, 0) for name in names)
    found = FoundAction("E_000001_000040", "FX", 1000, 40_000, score, subs)
    return interpret_action(found, "v", [make_opinion("set", sets, instances=3)], CODEBOOK, Thresholds(), CODE)


def test_what_is_in_a_routine_overrules_the_localizer_and_says_so():
    action = read_three({"BB-S1": 0.9, "FX-S1": 0.1})
    assert (action.event_id, action.localized_event_id) == ("BB", "FX")
    assert any("found as FX; what is in it speaks for BB" in doubt for doubt in action.unsure)
    assert {sub.set_id for sub in action.sub_actions} == {"BB-S1"}


def test_nothing_named_contradicts_its_routine():
    rng = np.random.default_rng(5)
    ids = [set_.id for set_ in CODEBOOK.sets]
    for _ in range(50):
        sets = dict(zip(ids, rng.dirichlet(np.full(len(ids), 0.15)).tolist(), strict=True))
        thresholds = Thresholds(min_probability=0.2)
        opinions = [make_opinion("set", sets, familiarity=0.9)]
        found = dataclasses.replace(FOUND, score=float(rng.uniform(0.3, 1)))
        action = interpret_action(found, "v", opinions, CODEBOOK, thresholds, CODE)
        (sub,) = action.sub_actions
        assert sub.set_id is None or CODEBOOK.set_by_id[sub.set_id].event_id == action.event_id
        assert sub.events == pytest.approx(action.events)
        assert sum(sub.events.values()) <= 1 + 1e-9 and sum(sub.sets.values()) <= 1 + 1e-9


def test_what_is_likely_enough_but_of_another_event_says_why_it_is_not_named():
    # The floor has more in all, spread over its sets; of single sets the beam's is likeliest, and above the threshold.
    sets = {f"FX-S{number}": 0.1 for number in range(1, 6)} | {"BB-S1": 0.5}
    sub = dataclasses.replace(FOUND.sub_actions[0], label="")
    found = dataclasses.replace(FOUND, score=0.35, sub_actions=(sub,))
    thresholds = Thresholds(min_probability=0.2)
    action = interpret_action(found, "v", [make_opinion("set", sets)], CODEBOOK, thresholds, CODE)
    (read,) = action.sub_actions
    assert action.event_id == "FX" and next(iter(read.sets)) == "BB-S1" and read.sets["BB-S1"] >= 0.2
    assert read.set_id is None
    assert any("for BB-S1, which is not of its routine's event FX" in doubt for doubt in read.unsure)


def look_at(opinion, *status):
    """The opinion, of who looks at poses and found these."""
    poses = SimpleNamespace(status=np.array([status]))
    seen = measure_seen(SimpleNamespace(read=lambda _: poses), opinion.instance_ids)
    return dataclasses.replace(opinion, name="poses", seen=seen)


def test_what_nobody_saw_is_not_named():
    sure = make_opinion("element", {"fx-turn-1": 0.9, "fx-turn-2": 0.1}, familiarity=1.0)
    action, sub = read(look_at(sure, MISSING, MISSING))
    assert (sub.element_id, sub.set_id, sub.candidates, sub.familiarity) == (None, None, (), None)
    assert not sub.is_seen and sub.left_out == ("poses",) and "no gymnast was found" in sub.unsure[0]
    assert sub.sets["FX-S2"] > 0.5  # the localizer's word, which names nothing by itself
    assert action.points is None and action.kind == "routine"
    _, sub = read(look_at(sure, MISSING, SEEN, INTERPOLATED, INTERPOLATED))
    assert (sub.element_id, sub.is_seen, sub.left_out, sub.unsure) == ("fx-turn-1", True, (), ())
    assert read(sure)[1].unsure == ()


def test_who_saw_nothing_has_no_say_beside_others():
    blind = look_at(make_opinion("element", {"fx-turn-1": 0.99, "fx-turn-2": 0.01}, familiarity=0.001), MISSING)
    seeing = make_opinion("element", {"fx-turn-1": 0.2, "fx-turn-2": 0.8})
    alone, together = (read(*opinions)[1] for opinions in ([seeing], [blind, seeing]))
    assert together.element_id == "fx-turn-2" and together.is_seen and together.left_out == ("poses",)
    assert together.unsure == ("no gymnast was found in any of its frames: poses has no say",)
    changes = {"unsure": (), "left_out": ()}
    assert together.model_copy(update=changes) == alone.model_copy(update=changes)


def test_a_clip_that_nobody_saw_is_of_no_likely_event():
    clip = FoundAction("E_000001_000040", None, 0, 9000, 1.0, (FoundSubAction("A_0001_0002", 0, 9000, "", 1.0, 0),))
    opinion = look_at(make_opinion("set", {"FX-S2": 1.0}), MISSING)
    action = interpret_action(clip, "v", [opinion], CODEBOOK, Thresholds(), CODE)
    share = action.events[action.event_id]  # of 15 sets, all alike
    assert share == pytest.approx(5 / 15) and action.unsure == (f"event: {action.event_id} is likeliest, at 33 %",)


def test_a_finding_against_its_routine_says_so_and_is_not_named():
    names = ["A_0001_0002", "A_0002_0003"]
    subs = tuple(FoundSubAction(name, 2000, 3000, "", 0.8, 0) for name in names)
    found = FoundAction("E_000001_000040", "FX", 1000, 40_000, 0.95, subs)
    opinion = make_opinion("set", {"FX-S1": 0.5, "UB-S1": 0.5}, instances=2)
    opinion = dataclasses.replace(opinion, probabilities=np.array([[1.0, 0.0], [0.01, 0.99]]))
    action = interpret_action(found, "v", [opinion], CODEBOOK, Thresholds(), CODE)
    fits, against = action.sub_actions
    assert action.event_id == "FX" and fits.set_id == "FX-S1" and against.set_id is None
    assert any("by itself it looks like UB (99 %), its routine is FX" in doubt for doubt in against.unsure)
    assert any("1 of 2 sub-actions by themselves look like another event" in doubt for doubt in action.unsure)
    assert against.own_events["UB"] == pytest.approx(0.99)


def test_strange_pictures_have_no_say_about_the_event():
    subs = (FoundSubAction("A_0001_0002", 2000, 3000, "", 0.8, 0),)
    found = FoundAction("E_000001_000040", "FX", 1000, 40_000, 0.4, subs)
    for familiarity, event_id in ((0.5, "BB"), (0.001, "FX")):
        opinions = [make_opinion("set", {"BB-S1": 0.95, "FX-S1": 0.05}, familiarity)]
        action = interpret_action(found, "v", opinions, CODEBOOK, Thresholds(), CODE)
        assert action.event_id == event_id


def test_a_recogniser_of_events_has_a_say():
    sub = FOUND.sub_actions[0]
    said = [(make_opinion("event", {"FX": 0.2, "BB": 0.8}), 0)]
    # The mean of it and of the localizer: 0.8 for FX-S2, the rest alike among the other 14 sets, of which 4 are FX's.
    events = average_events(sub, said, CODEBOOK)
    assert events["FX"] == pytest.approx((0.2 + 0.8 + 4 * 0.2 / 14) / 2)
    silent = dataclasses.replace(sub, label="")
    assert average_events(silent, [], CODEBOOK) == dict.fromkeys(events, 0.25)


def test_an_event_without_sets_leaves_all_of_them():
    event = dataclasses.replace(CODEBOOK.events[0], id="PH")
    codebook = dataclasses.replace(CODEBOOK, events=(*CODEBOOK.events, event))
    levels = combine_levels(codebook, sets={"FX-S1": 1.0}, events=spread_event(codebook, "PH", 1.0))
    assert sum(levels.sets.values()) == pytest.approx(1) and len(set(levels.sets.values())) == 1


def test_where_no_model_tells_elements_there_are_no_points():
    action, _ = read(make_opinion("set", {"FX-S2": 1.0}))
    assert action.points is None and action.points_of_likeliest is None


def test_findings_in_one_stretch_are_counted_once():
    rows = [
        {"label": "FX-S1", "start_ms": 5000, "end_ms": 6000, "score": 0.5},
        {"label": "FX-S2", "start_ms": 5100, "end_ms": 6100, "score": 0.9},
        {"label": "FX-S2", "start_ms": 5900, "end_ms": 7000, "score": 0.4},
        {"label": "FX-S2", "start_ms": 8000, "end_ms": 8000, "score": 0.8},
    ]
    action = {"action_id": "v_E_000001_000040", "label": "FX", "start_ms": 1000, "end_ms": 40_000, "score": 0.7}
    ending = {"v_E_000001_000040": [{"label": "FX-S2", "segment": [30.0, 31.0], "score": 0.2}]}
    (found,) = read_found([{**action, "sub_actions": rows}], ending)
    assert found.ending == {"FX-S2": 0.2}
    assert found.name == "E_000001_000040"
    assert [(sub.name, sub.start_ms, sub.num_shared) for sub in found.sub_actions] == [
        ("A_0004_0005", 5100, 1),
        ("A_0004_0006", 5900, 0),
    ]
