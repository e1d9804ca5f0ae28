"""The rules of the work as pure functions: nesting, edges, walks; each against a slower, more obvious road."""

from dataclasses import replace
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelling_world import create, make_codebook, make_operation, make_uuid
from pydantic import TypeAdapter

from finegym.codebook.builtin import read_builtin
from finegym.codebook.tree import get_elements_below, get_paths, walk
from finegym.errors import CodebookError
from finegym.labelling.drafts import Draft, PassRules, StaleRow
from finegym.labelling.nesting import SegmentState, compute_child_effect
from finegym.labelling.operation_kinds import AnyOperation
from finegym.labelling.operations import apply_operations
from finegym.labelling.walks import Answered, follow_walk, make_walk_to

ANY = TypeAdapter(AnyOperation)
ACTION = make_uuid()


def make_rules(stage="sub-actions", bounds=(0, 200), hidden=()):
    is_routines = stage == "routines"
    return PassRules(
        stage=stage,
        bounds=bounds,
        outer_id=None if is_routines else ACTION,
        event_id=None if is_routines else "VT",
        codebook=make_codebook(),
        codebook_number=1,
        stages_of_event={"VT": 3},
        get_ms=lambda frame: frame * 40,
        is_shown=lambda frame: 0 <= frame < 1000 and frame not in hidden,
    )


def apply(draft, *operations, rules=None):
    """The draft after operations, or their problems."""
    trial = Draft(dict(draft.segments), draft.is_signed_off)
    problems = apply_operations(trial, [ANY.validate_python(one) for one in operations], rules or make_rules())
    return problems or trial


def make_parent(*stages):
    """A sub-action [20, 80) with stages in it, and all their ids."""
    parent = create(20, 80, "VT-S1", "sub-action", ACTION)
    id_ = parent["payload"]["segment_id"]
    children = [create(*stage, None, "stage", id_) for stage in stages]
    return apply(Draft({}), parent, *children), id_, [one["payload"]["segment_id"] for one in children]


def frames(draft):
    return {(one.start_frame, one.end_frame) for one in draft.segments.values() if not one.is_deleted}


def is_sound(segments, bounds):
    """The rules of nesting, the slow way: every pair of segments."""
    there = [one for one in segments if not one.is_deleted]
    by_id = {one.id: one for one in there}
    for one in there:
        inside = bounds if one.level != "stage" else None
        if one.level == "stage":
            if one.parent_id not in by_id:
                return False
            inside = (by_id[one.parent_id].start_frame, by_id[one.parent_id].end_frame)
        if not inside[0] <= one.start_frame < one.end_frame <= inside[1]:
            return False
    return not any(
        a.level == b.level
        and a.parent_id == b.parent_id
        and a.start_frame < b.end_frame
        and b.start_frame < a.end_frame
        for a, b in combinations(there, 2)
    )


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_whatever_people_do_what_is_stored_keeps_the_rules(data):
    """Random operations of every kind; each result is either refused or sound, and each change is a new version."""
    draft, rules = Draft({}), make_rules(bounds=(0, 60))
    for _ in range(data.draw(st.integers(1, 14))):
        ids = [one.id for one in draft.segments.values()] or [make_uuid()]
        a, b = (data.draw(st.integers(0, 62)) for _ in range(2))
        one, other = data.draw(st.sampled_from(ids)), data.draw(st.sampled_from(ids))
        level = data.draw(st.sampled_from(["sub-action", "sub-action", "stage"]))
        mode = data.draw(st.sampled_from(["refuse", "clip", "shift"]))
        parent = ACTION if level == "sub-action" else one
        kind = data.draw(st.sampled_from(["create", "create", "move", "delete", "restore", "split", "merge"]))
        operation = {
            "create": lambda a=a, b=b, level=level, parent=parent: create(a, b, None, level, parent),
            "move": lambda a=a, b=b, one=one, mode=mode: make_operation(
                "move_segment", segment_id=one, start_frame=a, end_frame=b, children=mode
            ),
            "delete": lambda one=one, mode=mode: make_operation(
                "delete_segment", segment_id=one, children="delete" if mode == "clip" else "refuse"
            ),
            "restore": lambda one=one: make_operation("restore_segment", segment_id=one),
            "split": lambda a=a, one=one: make_operation(
                "split_segment", segment_id=one, at_frame=a, new_segment_id=make_uuid()
            ),
            "merge": lambda one=one, other=other: make_operation("merge_segments", segment_id=one, other_id=other),
        }[kind]()
        before = draft.segments
        after = apply(draft, operation, rules=rules)
        if isinstance(after, list):
            assert after[0]["error"]
            continue
        assert is_sound(after.segments.values(), rules.bounds)
        assert before.keys() <= after.segments.keys()  # nothing ever goes away
        for id_, state in after.segments.items():
            if id_ in before and state != before[id_]:
                assert state.version > before[id_].version
            assert (state.start_ms, state.end_ms) == (state.start_frame * 40, state.end_frame * 40)
        draft = after


def test_a_move_with_its_children():
    draft, id_, stages = make_parent((20, 40), (40, 60), (60, 80))
    away = {"segment_id": id_, "start_frame": 30, "end_frame": 90}
    problems = apply(draft, make_operation("move_segment", **away))
    assert problems[0]["field"] == "children"
    shifted = apply(draft, make_operation("move_segment", **away, children="shift"))
    assert frames(shifted) == {(30, 90), (30, 50), (50, 70), (70, 90)}
    clipped = apply(
        draft, make_operation("move_segment", segment_id=id_, start_frame=45, end_frame=80, children="clip")
    )
    assert frames(clipped) == {(45, 80), (45, 60), (60, 80)}
    assert clipped.segments[stages[0]].is_deleted


@pytest.mark.parametrize(
    ("mode", "new", "effect", "frames"),
    [
        ("refuse", (0, 100), "unchanged", (40, 60)),
        ("refuse", (50, 100), "outside", (40, 60)),
        ("clip", (50, 100), "clipped", (50, 60)),
        ("clip", (60, 100), "deleted", None),
        ("shift", (30, 90), "shifted", (50, 70)),
        ("shift", (60, 90), "shifted", (80, 100)),
        ("shift", (20, 70), "unchanged", (40, 60)),
    ],
)
def test_effects_on_a_child_by_hand(mode, new, effect, frames):
    child = SegmentState("c", "stage", "p", 40, 60, 0, 0)
    got = compute_child_effect(child, (20, 80), new, mode)
    expected = "outside" if frames == (80, 100) else effect
    assert (got.effect, got.new_frames) == (expected, frames)


def test_split_and_merge_undo_each_other():
    draft, id_, _ = make_parent((20, 50), (50, 80))
    new_id = make_uuid()
    split = apply(draft, make_operation("split_segment", segment_id=id_, at_frame=50, new_segment_id=new_id))
    assert {(one.parent_id == new_id, one.start_frame) for one in split.segments.values() if one.level == "stage"} == {
        (False, 20),
        (True, 50),
    }
    merged = apply(split, make_operation("merge_segments", segment_id=id_, other_id=new_id))
    assert frames(merged) == frames(draft)
    assert apply(draft, make_operation("split_segment", segment_id=id_, at_frame=40, new_segment_id=new_id))[0][
        "error"
    ].startswith("stage")


def test_an_edge_that_stays_keeps_its_time_to_the_millisecond():
    """Times of imported segments are the file's, not those of a frame."""
    draft, id_, _ = make_parent()
    draft.segments[id_] = replace(draft.segments[id_], end_ms=3217)
    moved = apply(draft, make_operation("move_segment", segment_id=id_, start_frame=25, end_frame=80))
    assert (moved.segments[id_].start_ms, moved.segments[id_].end_ms) == (1000, 3217)


def test_rows_of_another_version_are_stale():
    draft, id_, _ = make_parent()
    with pytest.raises(StaleRow):
        apply(draft, make_operation("set_label", 2, segment_id=id_, label=None))


def test_marks_on_frames_that_nobody_can_have_seen_are_refused():
    rules = make_rules(hidden=range(50, 60))
    for start, end, field in ((55, 70, "start_frame"), (30, 55, "end_frame"), (-1, 5, None)):
        if field is None:
            with pytest.raises(ValueError, match="greater than or equal to 0"):
                apply(Draft({}), create(start, end, None, "sub-action", ACTION), rules=rules)
        else:
            assert apply(Draft({}), create(start, end, None, "sub-action", ACTION), rules=rules)[0]["field"] == field
    assert frames(apply(Draft({}), create(30, 50, None, "sub-action", ACTION), rules=rules)) == {(30, 50)}


def test_labels_belong_to_the_event_of_the_action():
    assert apply(Draft({}), create(20, 80, "BB-S1", "sub-action", ACTION))[0]["field"] == "label"
    assert apply(Draft({}), create(20, 80, "nonsense", "sub-action", ACTION))[0]["field"] == "label"
    element = apply(Draft({}), create(20, 80, "v2", "sub-action", ACTION))
    (segment,) = element.segments.values()
    assert segment.path == ({"query": "q_tuck", "answer": "no"},)  # named or walked, the whole path is kept


@pytest.mark.parametrize("name", ["artistic-women", "diving"])
def test_every_element_is_found_by_walking_to_it(name):
    book = read_builtin(name)
    for tree in book.trees:
        for element_id, path in get_paths(tree).items():
            steps = make_walk_to(book, element_id)
            assert [(step.query, step.answer == "yes") for step in steps] == [(s.query_id, s.answer) for s in path]
            for count in range(len(steps) + 1):
                state = follow_walk(book, tree.set_id, steps[:count])
                below = get_elements_below(walk(tree, [step.answer == "yes" for step in steps[:count]]))
                assert state.candidates == below
                assert state.is_complete == (count == len(steps))
            assert state.element_id == element_id


def test_unsure_answers_against_trying_all_answers():
    """After an unsure the candidates are the elements of both ways: found by walking every way."""
    book = make_codebook()
    tree = book.tree_by_set_id["BB-S1"]
    for answers in product(("yes", "no", "unsure"), repeat=3):
        path = []
        state = follow_walk(book, "BB-S1", path)
        for answer in answers:
            if state.next_query is None:
                break
            path.append(Answered(state.next_query, answer))
            state = follow_walk(book, "BB-S1", path)
        known = {step.query: step.answer for step in path}
        reachable = {
            element_id
            for element_id, steps in get_paths(tree).items()
            if all(known.get(s.query_id, "unsure") in ("unsure", "yes" if s.answer else "no") for s in steps)
        }
        assert set(state.candidates) == reachable
        if "unsure" not in known.values() and state.is_complete:
            leaf = walk(tree, [step.answer == "yes" for step in path])
            assert (state.element_id, state.is_dead_end) == (leaf.element_id, leaf.element_id is None)


@pytest.mark.parametrize(
    "path",
    [
        [("q_half", "yes")],  # is not asked first
        [("q_turn", "yes"), ("q_turn", "no")],  # twice
        [("q_turn", "no"), ("q_half", "yes")],  # behind the end
        [("q_turn", "unsure"), ("q_round", "yes")],  # not of this tree
        [("q_turn", "yes"), ("q_half", "yes"), ("q_tuck", "unsure")],
    ],
)
def test_walks_that_no_tree_asks_for_are_refused(path):
    with pytest.raises(CodebookError, match="BB-S1"):
        follow_walk(make_codebook(), "BB-S1", [Answered(*step) for step in path])
