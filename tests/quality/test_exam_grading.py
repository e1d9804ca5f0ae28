"""Grading against gold segments: hand-worked cases, and pairing against trying everything."""

from itertools import permutations

import numpy as np
import pytest

from finegym.codebook.builtin import read_builtin
from finegym.quality.grading import Grader, Share, Tolerance, add_grades, match_segments
from finegym.quality.units import Unit, name_no_element


@pytest.fixture(scope="module")
def codebook():
    return read_builtin("artistic-women")


@pytest.fixture(scope="module")
def grader(codebook):
    return Grader(codebook, Tolerance(100, {"FX-S1": 250}))


def unit(start_ms, end_ms, label, answers=None, who="me"):
    return Unit(who, "item", start_ms, end_ms, label, f"{who}-{start_ms}", answers)


def grade_one(grader, reference, given, fps=None):
    (one,) = grader.grade([reference], [given], fps).units
    return one


def test_right_is_right(grader):
    one = grade_one(grader, unit(1000, 2000, "fx-sheep-jump"), unit(1100, 1900, "fx-sheep-jump"))
    assert (one.verdict, one.is_within, one.start_off_ms, one.end_off_ms) == ("right", True, 100, -100)
    assert one.levels == {"set": True, "element": True} and one.text == "Right."


def test_tolerance_is_of_the_set_of_the_reference(grader, codebook):
    other = next(e.id for e in codebook.elements if e.set_id == "FX-S4")
    leap = codebook.get_elements_of_set("FX-S1")[0].id
    assert grade_one(grader, unit(1000, 2000, leap), unit(1250, 2000, leap)).verdict == "right"
    assert grade_one(grader, unit(1000, 2000, leap), unit(1251, 2000, leap)).verdict == "wrong bounds"
    assert grade_one(grader, unit(1000, 2000, other), unit(1101, 2000, other)).verdict == "wrong bounds"


def test_wrong_bounds_say_how_far_in_frames_too(grader, codebook):
    label = codebook.get_elements_of_set("FX-S4")[0].id
    one = grade_one(grader, unit(1000, 2000, label), unit(1320, 1800, label), fps=25.0)
    assert one.text == "Starts 320 ms (8 frames) too late, ends 200 ms (5 frames) too early; 100 ms are allowed."
    assert one.guideline_key == "set:FX-S4"


def test_wrong_element_names_the_first_wrong_query_and_its_page(grader, codebook):
    tree = codebook.tree_by_set_id["FX-S4"]
    from finegym.codebook.tree import get_paths

    paths = get_paths(tree)
    # Two elements whose paths part at their last query.
    first, second = next(
        (a, b)
        for a in paths
        for b in paths
        if a != b and len(paths[a]) == len(paths[b]) and paths[a][:-1] == paths[b][:-1]
    )
    one = grade_one(grader, unit(0, 1000, first), unit(0, 1000, second))
    last = paths[first][-1]
    assert one.verdict == "wrong label" and one.levels == {"set": True, "element": False}
    assert one.guideline_key == f"query:{last.query_id}"
    assert [query.is_right for query in one.queries] == [True] * (len(paths[first]) - 1) + [False]
    assert codebook.query_by_id[last.query_id].text in one.text


def test_wrong_set_points_to_the_set_and_counts_no_queries(grader, codebook):
    first, other = codebook.get_elements_of_set("BB-S1")[0].id, codebook.get_elements_of_set("BB-S3")[0].id
    one = grade_one(grader, unit(0, 1000, first), unit(0, 1000, other))
    assert one.levels == {"set": False, "element": False} and one.queries == ()
    assert one.guideline_key == "set:BB-S1"


def test_levels_are_those_that_the_reference_says(grader):
    assert grade_one(grader, unit(0, 9, "VT"), unit(0, 9, "FX")).levels == {"event": False}
    assert grade_one(grader, unit(0, 9, "FX-S1"), unit(0, 9, "FX-S1")).levels == {"set": True}
    assert grade_one(grader, unit(0, 9, "FX-S1"), unit(0, 9, "fx-sheep-jump")).levels == {"set": True}
    assert grade_one(grader, unit(0, 9, None), unit(0, 9, None)).levels == {}
    dead = name_no_element("FX-S1")
    assert grade_one(grader, unit(0, 9, dead), unit(0, 9, dead)).levels == {"set": True, "element": True}
    assert grade_one(grader, unit(0, 9, dead), unit(0, 9, "fx-sheep-jump")).levels == {"set": True, "element": False}


def test_unsure_is_an_answer_that_is_not_right(grader, codebook):
    from finegym.codebook.tree import get_path

    (step, *rest) = get_path(codebook.tree_by_set_id["FX-S1"], "fx-sheep-jump")
    given = ((step.query_id, "unsure"), *((s.query_id, "yes" if s.answer else "no") for s in rest))
    grade = grader.grade([unit(0, 1000, "fx-sheep-jump")], [unit(0, 1000, "fx-sheep-jump", given)])
    assert grade.get_share("answers") == Share(len(rest), len(rest) + 1)
    assert grade.get_share("element") == Share(1, 1)


def test_parts_and_score_of_a_whole_item(grader):
    reference = [
        unit(0, 1000, "fx-sheep-jump"),
        unit(2000, 3000, "fx-sheep-jump"),
        unit(4000, 5000, "fx-sheep-jump"),
        unit(6000, 7000, "fx-sheep-jump"),
    ]
    given = [
        unit(20, 1000, "fx-sheep-jump"),  # right
        unit(2600, 3600, "fx-sheep-jump"),  # wrong bounds: overlap of a quarter, 600 ms late
        unit(4000, 5000, "FX-S1"),  # the set only
        unit(8000, 9000, "fx-sheep-jump"),  # nothing there
    ]  # 6000 to 7000 is missed
    grade = grader.grade(reference, given)
    assert [u.verdict for u in grade.units] == ["right", "wrong bounds", "wrong label", "missed", "extra"]
    assert grade.score == Share(1, 5)
    assert grade.get_share("found") == Share(3, 5)
    assert grade.get_share("bounds") == Share(2, 3)
    assert grade.get_share("set") == Share(3, 3)
    assert grade.get_share("element") == Share(2, 3)
    assert grade.get_share("event") == Share(0, 0) and grade.get_share("event").value is None
    both = add_grades([grade, grade])
    assert both.score == Share(2, 10) and both.get_share("bounds") == Share(4, 6)


def test_little_overlap_is_another_segment(codebook):
    strict = Grader(codebook, Tolerance(min_tiou=0.5))
    grade = strict.grade([unit(0, 1000, None)], [unit(400, 1400, None)])
    assert sorted(u.verdict for u in grade.units) == ["extra", "missed"]


def test_pairs_have_the_largest_sum_of_overlaps():
    rng = np.random.default_rng(0)
    for _ in range(60):
        sides = []
        for _ in range(2):
            starts = rng.integers(0, 3000, rng.integers(1, 5))
            sides.append([unit(int(s), int(s + rng.integers(200, 1500)), None) for s in starts])
        left, right = sides
        pairs = match_segments(left, right, 0.1)
        assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
        assert sum(overlap(left[i], right[j]) for i, j in pairs) == pytest.approx(try_everything(left, right))


def overlap(a, b):
    shared = min(a.end_ms, b.end_ms) - max(a.start_ms, b.start_ms)
    if shared <= 0:
        return 0.0
    tiou = shared / (a.end_ms - a.start_ms + b.end_ms - b.start_ms - shared)
    return tiou if tiou >= 0.1 else 0.0


def try_everything(left, right):
    short, long = sorted((left, right), key=len)
    return max(sum(map(overlap, short, order)) for order in permutations(long, len(short)))
