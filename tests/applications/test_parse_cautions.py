"""What stands at the top of a parse, and when a whole recording is in doubt."""

from __future__ import annotations

import pytest
from parse_builders import make_action, make_parsed

from finegym.applications.bundle import FORMAT, BundleFacts
from finegym.applications.parse.cautions import (
    count_doubtful,
    count_not_seen,
    doubt_all,
    find_foreign,
    is_in_simulation,
    list_cautions,
    mark_doubtful,
)


def make_facts(**changes):
    facts = {
        "format": FORMAT,
        "name": "b",
        "finegym": "0",
        "is_simulated": False,
        "actions": "a",
        "sub_actions": "s",
        "recognisers": (),
        "features": (),
        "files": {},
    }
    return BundleFacts(**{**facts, **changes})


def make_subs(num_strange, num_known, rate=0.05):
    flags = [True] * num_strange + [False] * num_known
    return [make_action([make_parsed(0, 900, is_strange=flag, strange_rate=rate) for flag in flags], 0, 9000)]


@pytest.mark.parametrize(
    ("num_strange", "num_known", "rate", "is_foreign"),
    [
        # Of 12 known clips, two or more are strange in 11.8 % of cases, three or more in 2.0 %, four or more in 0.2 %.
        (2, 10, 0.05, False),
        (3, 9, 0.05, False),
        (4, 8, 0.05, True),
        (1, 0, 0.05, False),  # one clip tells nothing of a recording
        (4, 8, 0.2, False),  # of a bundle that refuses one known clip in five
        (0, 0, 0.05, False),
    ],
)
def test_too_many_strange_clips_are_no_accident(num_strange, num_known, rate, is_foreign):
    actions = make_subs(num_strange, num_known, rate)
    foreign = find_foreign(make_facts(), actions, is_simulated=False)
    assert (foreign is not None) == is_foreign
    said = list_cautions(make_facts(), actions, is_simulated=False)
    assert [f"{num_strange} of" in one for one in said] == [True] * is_foreign
    if foreign:
        (action,) = doubt_all(actions, foreign)
        assert action.unsure[0] == foreign and all(sub.unsure[0] == foreign for sub in action.sub_actions)


def test_models_of_unknown_origin_warn():
    (said,) = list_cautions(make_facts(is_simulated=None), make_subs(0, 3), is_simulated=False)
    assert "Nobody knows what the models were trained on" in said


def test_models_of_a_simulation_warn_of_everything_else(tmp_path):
    facts = make_facts(is_simulated=True, weaknesses=("Few clips.",))
    assert find_foreign(facts, make_subs(0, 3), is_simulated=True) is None
    assert list_cautions(facts, make_subs(0, 3), is_simulated=True) == ("Few clips.",)
    assert "simulated competitions only" in find_foreign(facts, make_subs(0, 3), is_simulated=False)
    first, second, last = list_cautions(facts, [], is_simulated=False)
    assert "Do not rely" in first and "No routine" in second and last == "Few clips."
    (tmp_path / "records").mkdir()
    assert not is_in_simulation(tmp_path / "records/a.mp4")
    (tmp_path / "simulation.json").write_text("{}")
    assert is_in_simulation(tmp_path / "records/a.mp4") and is_in_simulation(tmp_path / "a.mp4")
    assert not is_in_simulation(tmp_path / "a/b/c.mp4")


def test_models_of_which_some_saw_a_simulation_only_are_named():
    facts = make_facts(is_simulated=True, trained_on={"localizer of actions": True, "recogniser 1 (tsn)": False})
    (said,) = list_cautions(facts, make_subs(0, 3), is_simulated=False)
    assert said.startswith("Some of the models")
    assert "(localizer of actions; not so, or nobody knows: recogniser 1 (tsn))" in said
    assert find_foreign(facts, [], is_simulated=False).endswith("simulated competitions only: localizer of actions")
    alike = make_facts(is_simulated=True, trained_on={"localizer of actions": True, "recogniser 1 (tsn)": True})
    assert list_cautions(alike, make_subs(0, 3), is_simulated=False)[0].startswith("The models have seen nothing but")


def test_what_was_not_seen_and_what_is_doubtful_is_counted():
    subs = [make_parsed(0, 900, **one) for one in ({"left_out": ("p",), "is_seen": False}, {"left_out": ("p",)}, {})]
    likely, unlikely = (make_action(subs[:n], 0, 9000, events={"FX": p}) for n, p in ((3, 0.5), (0, 0.4)))
    actions = mark_doubtful([likely, unlikely], 0.5, is_foreign=False)
    assert [action.is_doubtful for action in actions] == [False, True]
    assert (count_not_seen(actions), count_doubtful(actions)) == (1, 1)
    unseen, doubtful = list_cautions(make_facts(), actions, is_simulated=False)
    assert unseen.startswith("In 2 of 3 sub-actions no gymnast was found") and "In 1 of them nobody else" in unseen
    assert doubtful.startswith("1 routine in doubt as such: left out of the official annotations")
    _, doubtful = list_cautions(make_facts(), actions, is_simulated=False, with_doubtful=True)
    assert doubtful.startswith("1 routine in doubt as such: in the official annotations too")
    foreign = mark_doubtful([likely, unlikely.model_copy(update={"kind": "replay"})], 0.5, is_foreign=True)
    assert all(action.is_doubtful for action in foreign) and count_doubtful(foreign) == 1
