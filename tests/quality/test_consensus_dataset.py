"""A consensus as a dataset: what goes in, what is counted instead, and where stages are cut."""

from dataclasses import replace
from itertools import pairwise

import pytest

from finegym.annotations.check import check_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.builtin import read_builtin
from finegym.errors import AnnotationError
from finegym.quality.adjudication import AdjudicationRules, Ruling
from finegym.quality.consensus import ConsensusSettings, make_consensus, settle
from finegym.quality.consensus_dataset import agree_on_datasets, collect_stages, make_consensus_dataset
from finegym.quality.unit_files import make_units_of_datasets

MAJORITY = ConsensusSettings("majority")
BOOK = read_builtin("artistic-women")
LEAP, VAULT = "fx-split-leap", BOOK.get_elements_of_set("VT-S1")[0].id


def sub(start_ms, end_ms, element_id=LEAP, inner=()):
    edges = [start_ms, *inner, end_ms]
    stages = tuple(pairwise(edges))
    return SubAction(f"A_{start_ms:04d}_{end_ms:04d}", stages, element_id, BOOK.element_by_id[element_id].set_id)


def routine(*subs, start_ms=0, end_ms=60_000, event_id="FX"):
    return Action(f"E_{start_ms:06d}_{end_ms:06d}", event_id, start_ms, end_ms, subs)


def person(*actions, record="recordname1"):
    return Dataset(BOOK, (Video(record, actions, fps=25.0, num_frames=5000),))


def agree(people, **more):
    units = make_units_of_datasets(people, "sub-action", BOOK)
    consensus = make_consensus(units, MAJORITY)
    stages = {name: collect_stages(dataset) for name, dataset in people.items()}
    base = people["A"]
    return consensus, make_consensus_dataset(base, consensus, stages=stages, **more)


def three(*subs_of_each, event_id="FX"):
    return {name: person(routine(*subs, event_id=event_id)) for name, subs in zip("ABC", subs_of_each, strict=True)}


def test_what_is_agreed_is_in_and_what_is_open_is_counted():
    people = three(
        [sub(1000, 2000), sub(5000, 6000)],
        [sub(1040, 2000), sub(5000, 6000, "fx-split-leap-half")],
        [sub(1000, 2040), sub(5000, 6000)],
    )
    _, made = agree(people)
    assert [(i.sub_action.start_ms, i.sub_action.end_ms) for i in made.dataset.instances.values()] == [(1000, 2000)]
    assert (made.num_open, made.num_absent, made.num_homeless) == (1, 0, 0)
    _, everything = agree(people, include_open=True)
    assert len(everything.dataset.instances) == 2 and everything.num_open == 0
    assert {i.sub_action.element_id for i in everything.dataset.instances.values()} == {LEAP}


def test_names_are_of_the_official_grammar_and_each_its_own():
    close = [sub(1000, 1300), sub(1400, 1700), sub(1800, 1950)]
    _, made = agree(three(close, close, close))
    names = [instance.sub_action.name for instance in made.dataset.instances.values()]
    assert names == ["A_0001_0001", "A_0001_0002", "A_0001_0003"]
    assert {finding.kind for finding in check_dataset(made.dataset)} == {"name-differs"}, "counted up, and said so"


def test_stages_are_cut_at_medians_where_most_have_as_many():
    people = three(
        [sub(0, 6000, VAULT, (3000, 4000))],
        [sub(0, 6000, VAULT, (3080, 4100))],
        [sub(0, 6000, VAULT)],
        event_id="VT",
    )
    _, made = agree(people)
    (instance,) = made.dataset.instances.values()
    assert instance.sub_action.stages == ((0, 3040), (3040, 4050), (4050, 6000))
    people["B"] = person(routine(sub(0, 6000, VAULT), event_id="VT"))
    _, made = agree(people)
    (instance,) = made.dataset.instances.values()
    assert instance.sub_action.stages == ((0, 6000),)


def test_stages_stay_inside_even_where_medians_would_cross():
    people = three(
        [sub(0, 1000, VAULT, (998, 999))],
        [sub(0, 1000, VAULT, (998, 999))],
        [sub(0, 900, VAULT, (1, 2))],
        event_id="VT",
    )
    consensus, _ = agree(people)
    ruled = settle(consensus, {0: Ruling(True, 0, 800, VAULT, "lead", "seen")})
    made = make_consensus_dataset(people["A"], ruled, stages={n: collect_stages(d) for n, d in people.items()})
    (instance,) = made.dataset.instances.values()
    edges = [0, *(end for _, end in instance.sub_action.stages)]
    assert edges == sorted(set(edges)) and edges[-1] == 800 and len(edges) == 4


def test_rulings_stand_and_keep_their_reasons():
    people = three([sub(1000, 2000)], [sub(1000, 2000)], [])
    consensus, before = agree(people)
    assert before.num_open == 1 and not before.dataset.instances
    there = settle(consensus, {0: Ruling(True, 1100, 2100, "fx-split-leap-1", "lead", "it turns")})
    (unit,) = there.units
    assert unit.decision == "decided" and unit.reasons == consensus.units[0].reasons and len(unit.votes) == 3
    made = make_consensus_dataset(people["A"], there)
    (instance,) = made.dataset.instances.values()
    assert (instance.sub_action.start_ms, instance.sub_action.element_id) == (1100, "fx-split-leap-1")
    gone = settle(consensus, {0: Ruling(False, 1000, 2000, LEAP, "lead", "a replay")})
    made = make_consensus_dataset(people["A"], gone)
    assert not made.dataset.instances and made.num_absent == 1 and made.num_open == 0
    with pytest.raises(AnnotationError, match="has 1 units"):
        settle(consensus, {1: Ruling(False, 0, 1, None, "lead", "")})


def test_routines_are_agreed_on_first():
    one = {
        "A": person(routine(sub(1000, 2000)), routine(sub(71_000, 72_000), start_ms=70_000, end_ms=90_000)),
        "B": person(
            routine(sub(1000, 2000), end_ms=60_120), routine(sub(71_000, 72_000), start_ms=70_000, end_ms=90_000)
        ),
        "C": person(routine(sub(1000, 2000), end_ms=59_960)),
    }
    settings = ConsensusSettings("majority", AdjudicationRules(min_confidence=0.9))
    made = agree_on_datasets(one, settings)
    (action,) = made.dataset.videos[0].actions
    assert (action.start_ms, action.end_ms, action.event_id) == (0, 60_000, "FX")
    assert len(action.sub_actions) == 1
    # The second routine is open (found by two of three), and what is in it with it.
    assert made.num_open == 2 and made.num_homeless == 0
    taken = agree_on_datasets(one, settings, include_open=True)
    assert [len(a.sub_actions) for a in taken.dataset.videos[0].actions] == [1, 1]
    assert taken.dataset.videos[0].fps == 25.0


def test_sub_actions_in_a_routine_that_is_not_settled_are_counted():
    people = {name: person(routine(sub(1000, 2000))) for name in "ABC"}
    sub_actions = make_consensus(make_units_of_datasets(people, "sub-action", BOOK), MAJORITY)
    apart = {**people, "B": person(routine(sub(1000, 2000), event_id="BB"))}
    actions = make_consensus(make_units_of_datasets(apart, "action", BOOK), MAJORITY)
    made = make_consensus_dataset(people["A"], sub_actions, actions)
    assert (made.num_open, made.num_homeless) == (1, 1) and not made.dataset.instances


def test_routines_nobody_looked_into_stay_as_they_are():
    people = three([sub(1000, 2000)], [sub(1000, 2000)], [sub(1000, 2000)])
    extra = Action("E_000100_000150", "BB", 100_000, 150_000, None)
    base = replace(people["A"].videos[0], actions=(*people["A"].videos[0].actions, extra))
    consensus, _ = agree(people)
    made = make_consensus_dataset(Dataset(BOOK, (base,)), consensus)
    assert made.dataset.videos[0].actions[1] == extra
