"""The demo's parse: what its localizer learns from, and what the page says of every sub-action."""

from __future__ import annotations

import pytest
from parse_builders import make_action, make_parse, make_parsed

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import read_split, write_split
from finegym.applications.parse.counts import Counts
from finegym.codebook.builtin import read_builtin
from finegym.demo.parsing import make_whole_split
from finegym.demo.plan import FULL, QUICK
from finegym.demo.report_parsing import list_sub_actions, sum_up
from finegym.simulation.competition import plan_competition

CODEBOOK = read_builtin("artistic-women")
ROWS = ((1000, 2000, "fx-turn-1"), (3000, 4000, "fx-turn-2"), (5000, 6000, "fx-turn-3"), (7000, 8000, "fx-split-leap"))
TRUE = tuple(SubAction(f"A_{n:04d}_{n:04d}", ((s, e),), element) for n, (s, e, element) in enumerate(ROWS))
VIDEO = Video("v", (Action("E_000000_000010", "FX", 0, 10_000, TRUE),))


def test_localizer_learns_from_all_records(tmp_path):
    split = make_whole_split(Dataset(CODEBOOK, (VIDEO,)))
    write_split(split, tmp_path / split.name)
    again = read_split(tmp_path / split.name)
    ids = [class_.id for class_ in again.subset.classes]
    assert [ids[label] for label in again.train.values()] == ["FX-S2", "FX-S2", "FX-S2", "FX-S1"]
    assert not again.val


def test_every_sub_action_stands_beside_what_was_said_of_it():
    subs = (
        make_parsed(1100, 2100, "fx-turn-1"),  # found and named
        make_parsed(3000, 4000, "fx-turn-1"),  # found, another element
        make_parsed(4200, 4800, "fx-turn-2"),  # between two
        make_parsed(7000, 8000, None, candidate="fx-turn-2"),  # found, another set
    )
    again = make_action((make_parsed(21_000, 22_000, "fx-turn-1"),), 20_000, 30_000, kind="replay")
    rows = list(list_sub_actions(VIDEO, make_parse((make_action(subs, 0, 11_000), again)), CODEBOOK))
    assert [row[:2] for row in rows] == [
        ("0:01.0", "right"),
        ("0:03.0", "wrong"),
        ("0:04.2", "nothing is annotated there"),
        ("0:05.0", "not found"),
        ("0:07.0", "the set is wrong"),
    ]
    assert rows[0][2].startswith("FX-S2: ") and rows[2][2] == "" and rows[3][3] == ""
    assert rows[4][3] == "FX-S2"


@pytest.mark.parametrize(("set_id", "verdict"), [("FX-S1", "the set is right"), (None, "unsure")])
def test_what_is_not_named_is_not_called_wrong(set_id, verdict):
    found = make_parsed(7000, 8000, None, candidate="fx-split-leap", set_id=set_id, sets={"FX-S1": 0.7})
    rows = list(list_sub_actions(VIDEO, make_parse((make_action((found,), 0, 10_000),)), CODEBOOK))
    assert rows[-1][1] == verdict


def test_the_sentence_counts_what_is_wrong():
    text = sum_up(sub_actions=Counts(16, 13, 12), sets=Counts(16, 11, 11), elements=Counts(16, 10, 8), num_unsure=3)
    assert "found 12 of 16 sub-actions (and 1 where nothing is annotated)" in text
    assert "named the set of 11 rightly, and the element of 8 rightly and of 2 wrongly" in text


@pytest.mark.parametrize("plan", [FULL, QUICK])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_record_that_is_parsed_shows_what_was_learned(plan, seed):
    """Whatever the seed, gymnasts of both competitions know the same elements."""
    learned, asked = (
        {id_ for one in plan_competition(settings, CODEBOOK) for order in one.orders for id_ in order.element_ids}
        for settings in (plan.make_competition(seed), plan.make_unseen(seed))
    )
    assert plan.make_competition(seed).seed != plan.make_unseen(seed).seed
    assert asked <= learned
