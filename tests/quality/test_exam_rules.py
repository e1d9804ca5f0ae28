"""Pass marks, tries, cool-down, versions, and which items are asked."""

from collections import Counter

import pytest

from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError
from finegym.quality.exams import (
    MS_PER_HOUR,
    ExamRules,
    Try,
    Versions,
    check_rules,
    draw_items,
    find_standing,
    judge,
)
from finegym.quality.grading import Grader, Tolerance
from finegym.quality.units import Unit

NOW = Versions(2, 5)
RULES = ExamRules({"found": 0.8}, num_tries=3, cool_down_hours=24)


def attempt(start_h, end_h, is_passed=False, versions=NOW):
    return Try(start_h * MS_PER_HOUR, None if end_h is None else end_h * MS_PER_HOUR, is_passed, versions)


def stand(tries, hour, rules=RULES, versions=NOW):
    return find_standing(tries, rules, versions, hour * MS_PER_HOUR)


def test_standing_from_the_first_try_to_the_last():
    assert stand([], 0).state == "not started" and stand([], 0).may_try and stand([], 0).tries_left == 3
    assert stand([attempt(0, None)], 1).state == "in progress"
    cooling = stand([attempt(0, 1)], 24)
    assert (cooling.state, cooling.may_try, cooling.next_try_at_ms) == ("cooling down", False, 25 * MS_PER_HOUR)
    assert cooling.text == "The next try is possible in 1.0 hours."
    again = stand([attempt(0, 1)], 25)
    assert (again.state, again.may_try, again.tries_left) == ("failed", True, 2)
    assert stand([attempt(0, 1), attempt(30, 31), attempt(60, 61)], 500).state == "no tries left"
    passed = stand([attempt(0, 1), attempt(30, 31, True)], 31)
    assert (passed.state, passed.is_qualified, passed.may_try) == ("passed", True, False)


@pytest.mark.parametrize(
    ("renew_on", "old", "is_still_valid"),
    [
        ("codebook", Versions(1, 5), False),
        ("codebook", Versions(2, 4), True),
        ("guidelines", Versions(1, 5), True),
        ("guidelines", Versions(2, 4), False),
        ("either", Versions(1, 5), False),
        ("either", Versions(2, 4), False),
        ("never", Versions(1, 1), True),
    ],
)
def test_a_pass_goes_out_of_date_with_what_it_is_bound_to(renew_on, old, is_still_valid):
    rules = ExamRules({"found": 0.8}, renew_on=renew_on)
    standing = stand([attempt(0, 1, True, old)], 2, rules)
    assert standing.is_qualified == is_still_valid
    assert standing.state == ("passed" if is_still_valid else "outdated")
    assert standing.may_try != is_still_valid


def test_old_failures_use_up_no_tries():
    old = Versions(1, 5)
    standing = stand([attempt(0, 1, False, old)] * 3, 2)
    assert (standing.state, standing.tries_left) == ("not started", 3)


def test_no_limit_of_tries():
    rules = ExamRules({}, num_tries=None, cool_down_hours=0)
    standing = stand([attempt(0, 1)] * 50, 2, rules)
    assert standing.may_try and standing.tries_left is None


def grade(num_right, num_missed):
    grader = Grader(read_builtin("artistic-women"), Tolerance())
    gold = [Unit("ref", "i", 2000 * k, 2000 * k + 1000, "FX-S1", str(k)) for k in range(num_right + num_missed)]
    return grader.grade(gold, [u._replace(annotator="me") for u in gold[:num_right]])


def test_every_mark_must_be_reached():
    rules = ExamRules({"found": 0.8, "set": 0.9})
    assert judge(grade(8, 2), rules).is_passed
    failed = judge(grade(7, 3), rules)
    assert not failed.is_passed and failed.reason == "found: 7 of 10 (70.0%), 80% are asked"
    assert [p.part for p in failed.parts] == ["found", "bounds", "set"]


def test_a_part_without_anything_to_grade_is_not_passed():
    result = judge(grade(10, 0), ExamRules({"element": 0.5}))
    assert result.reason == "element: nothing to grade, 50% are asked"
    assert judge(grade(0, 0), ExamRules({})).is_passed, "a training set has no marks"


def test_rules_that_cannot_be_held_are_refused_at_once():
    codebook = read_builtin("artistic-women")
    bad = ExamRules(
        {"found": 1.2, "spelling": 0.5}, Tolerance(-1, {"XX-S1": 5}, 2.0), num_items=0, num_tries=0, cool_down_hours=-1
    )
    with pytest.raises(ConfigError) as caught:
        check_rules(bad, codebook)
    for fact in (
        "1.2",
        "spelling",
        "-1 ms",
        "XX-S1",
        "min_tiou is 2",
        "num_items is 0",
        "num_tries is 0",
        "hours is -1",
    ):
        assert fact in str(caught.value)
    check_rules(RULES, codebook)


def test_items_rotate_so_that_each_is_asked_before_any_is_asked_again():
    bank = {f"item-{k}": {f"set-{k % 4}"} for k in range(12)}
    seen: list[str] = []
    for number in range(6):
        drawn = draw_items(bank, 4, seen, f"exam/person/{number}")
        assert len(set(drawn)) == 4
        assert {next(iter(bank[item])) for item in drawn} == {f"set-{k}" for k in range(4)}, "each set is asked"
        seen += drawn
        counts = Counter(seen)
        assert max(counts.values()) - min(counts.get(item, 0) for item in bank) <= 1
    assert draw_items(bank, 4, [], "a") == draw_items(bank, 4, [], "a")
    assert len({draw_items(bank, 4, [], f"person-{k}") for k in range(20)}) > 5, "people are asked different items"


def test_a_bank_that_is_too_small_is_refused():
    with pytest.raises(ConfigError, match="asks 3 items, and the bank has 1"):
        draw_items({"a": ()}, 3, [], "k")
    assert set(draw_items({"a": (), "b": ()}, None, [], "k")) == {"a", "b"}
