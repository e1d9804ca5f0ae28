"""What kind a routine is, and why: rules by hand; exports and the page tell kinds apart."""

from __future__ import annotations

import csv
import io

import pytest
from parse_builders import make_action, make_parse, make_parsed

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.webvtt import parse_webvtt
from finegym.applications.bundle_routines import RoutineFacts, describe_routines
from finegym.applications.parse.exporting import find_mark, format_chapters, format_table
from finegym.applications.parse.files import Stretch
from finegym.applications.parse.found import find_ending
from finegym.applications.parse.interpreting import make_action as make_annotation
from finegym.applications.parse.kinds import assign_kinds, sum_endings
from finegym.applications.parse.overview import describe_parse
from finegym.codebook.builtin import read_builtin
from finegym.errors import AnnotationError

CODEBOOK = read_builtin("artistic-women")
BEAM_SETS = ("BB-S1", "BB-S2", "BB-S3", "BB-S5")
WHOLE_BEAM = RoutineFacts(
    num_routines=40, low_ms=20_000, median_ms=30_000, low_sub_actions=4, last_sets={"BB-S5": 1.0}, sets=BEAM_SETS
)


def replay(start_ms, end_ms, **changes):
    facts = {"kind": "replay", "start_ms": start_ms, "end_ms": end_ms, "score": 0.9, "reasons": ("framed",)}
    return Stretch(**{**facts, **changes})


def on_beam(start_ms, end_ms, *sets, **changes):
    """A routine on the beam with a sub-action a set, one a second."""
    subs = [
        make_parsed(start_ms + 1000 * place, start_ms + 1000 * place + 900, sets={set_id: 1.0}, set_id=set_id)
        for place, set_id in enumerate(sets)
    ]
    return make_action(subs, start_ms, end_ms, event_id="BB", **changes)


def kinds_of(actions, stretches=(), facts=None, duration_ms=100_000):
    return [one.kind for one in assign_kinds(actions, stretches, duration_ms, facts, {})]


def test_most_of_a_replay_lies_in_candidates():
    subs = (make_parsed(1000, 2000),)
    live, again = (make_action(subs, start, start + 10_000, points=1.5) for start in (0, 20_000))
    parts = [replay(21_000, 24_000), replay(23_000, 26_500)]  # together 5.5 of 10 s
    first, second = assign_kinds([live, again], parts, 100_000, None, {})
    assert (first.kind, first.points, first.evidence) == ("routine", 1.5, ())
    assert (second.kind, second.points) == ("replay", None)
    (why,) = second.evidence
    assert (why.reason, why.value) == ("in-replay-candidate", pytest.approx(0.55))
    assert kinds_of([again], parts[:1]) == ["routine"]


def test_what_was_shown_before_is_a_replay_of_it():
    subs = (make_parsed(1000, 2000),)
    live, again = (make_action(subs, start, start + 10_000) for start in (0, 20_000))
    facts = {"reasons": ("shown-before",), "original_start_ms": 2000.0, "original_end_ms": 6000.0}
    _, found = assign_kinds([live, again], [replay(20_000, 30_000, speed=0.5, **facts)], 100_000, None, {})
    assert found.kind == "replay" and found.replay_of == live.name
    assert {one.reason for one in found.evidence} == {"in-replay-candidate", "shown-before"}
    # At about the same speed it may be another gymnast, who does the same before the same camera: a doubt, no more.
    slower = replay(20_000, 30_000, kind="slow motion", reasons=("slower-than-before",), speed=0.75)
    _, found = assign_kinds([live, again], [replay(20_000, 30_000, speed=0.75, **facts), slower], 100_000, None, {})
    assert found.kind == "routine" and found.replay_of is None
    assert [one.reason for one in found.evidence] == ["looks-like-before"] and "or the same element" in found.unsure[0]


def test_slow_motion_speaks_for_a_replay_only_where_it_is_rare():
    action = make_action((make_parsed(1000, 2000),), 0, 10_000)
    slow = replay(0, 10_000, kind="slow motion", reasons=("repeated-frames",))
    assert kinds_of([action], [slow]) == ["replay"]
    # A record of which more than a quarter looks slowed down was converted from fewer frames a second.
    assert kinds_of([action], [slow, replay(50_000, 70_000, kind="slow motion", reasons=("blended-frames",))]) == [
        "routine"
    ]


def test_a_routine_without_anything_in_it_is_unclear():
    (found,) = assign_kinds([make_action((), 0, 10_000, points=0.0)], [], 100_000, None, {})
    assert found.kind == "unclear" and found.points is None and found.evidence[0].reason == "nothing-found"


def test_a_routine_of_nothing_but_strange_pictures_is_unclear():
    strange, known = (make_parsed(1000, 2000, is_strange=flag) for flag in (True, False))
    for changes in ({"score": 0.4}, {"localized_event_id": None}):  # hardly found, or a clip that was cut out before
        action = make_action([strange, strange], 0, 10_000, points=0.0, **changes)
        (found,) = assign_kinds([action], [], 100_000, None, {})
        assert found.kind == "unclear" and found.points is None and found.evidence[0].reason == "nothing-known"
    (found,) = assign_kinds([make_action([strange, strange], 0, 10_000)], [], 100_000, None, {})
    assert found.kind == "routine" and "nothing in it looks like" in found.unsure[0]
    assert kinds_of([make_action([strange, known], 0, 10_000)]) == ["routine"]


def test_a_routine_in_which_nobody_was_seen_is_unclear():
    unseen, strange = make_parsed(1000, 2000, is_seen=False), make_parsed(1000, 2000, is_strange=True)
    for subs, reason in (([unseen], "nothing-seen"), ([unseen, strange], "nothing-known")):
        (found,) = assign_kinds([make_action(subs, 0, 10_000, score=0.4)], [], 100_000, None, {})
        assert (found.kind, found.evidence[0].reason) == ("unclear", reason)
        assert kinds_of([make_action(subs, 0, 10_000)]) == ["routine"]  # the localizer is sure; a doubt
    assert kinds_of([make_action([unseen, make_parsed(1000, 2000)], 0, 10_000, score=0.4)]) == ["routine"]


def test_a_routine_without_a_dismount_breaks_off():
    facts = {"BB": WHOLE_BEAM}
    short = on_beam(0, 12_000, "BB-S1", "BB-S2", points=0.7)
    (found,) = assign_kinds([short], [], 100_000, facts, {short.name: {"BB-S5": 0.04, "BB-S1": 0.9}})
    assert found.kind == "interrupted" and found.points == 0.7
    assert [one.reason for one in found.evidence] == ["no-dismount", "too-short", "too-few-sub-actions"]
    assert [one.value for one in found.evidence] == [0.04, 12_000, 2]
    # A dismount that nobody would list is one nevertheless; then the other signs are doubts.
    (found,) = assign_kinds([short], [], 100_000, facts, {short.name: {"BB-S5": 0.15}})
    assert found.kind == "routine" and len(found.unsure) == len(found.evidence) == 2
    # Where nobody knows whole routines, nothing is called interrupted.
    assert kinds_of([short]) == ["routine"]


def test_endings_are_told_by_set():
    ending = {"BB-S5": 0.2, "bb-cat-leap": 0.4, "bb-cat-leap-half": 0.6}
    assert sum_endings(ending, CODEBOOK) == {"BB-S5": 0.2, "BB-S1": 0.6}
    rows = [
        {"label": "BB-S5", "segment": [19.0, 20.9], "score": 0.9},  # its middle lies before the last third of 30 s
        {"label": "BB-S5", "segment": [26.0, 28.0], "score": 0.2},
        {"label": "BB-S5", "segment": [26.0, 28.1], "score": 0.1},
    ]
    assert find_ending(rows, 30_000) == {"BB-S5": 0.2}


def test_a_replay_is_not_called_interrupted():
    short = on_beam(0, 5000, "BB-S1")
    (found,) = assign_kinds([short], [replay(0, 5000)], 100_000, {"BB": WHOLE_BEAM}, {})
    assert found.kind == "replay" and {one.speaks_for for one in found.evidence} == {"replay", "interrupted"}


def test_facts_about_whole_routines_are_as_by_hand():
    def make(name, seconds, *sets):
        subs = tuple(
            SubAction(f"A_{n:04d}_{n:04d}", ((n * 1000, n * 1000 + 900),), None, s) for n, s in enumerate(sets)
        )
        return Action(name, "BB", 0, 1000 * seconds, subs)

    actions = [make(f"E_{n:06d}_{n:06d}", seconds, "BB-S1", "BB-S5") for n, seconds in enumerate((20, 30, 40))]
    actions.append(make("E_000009_000009", 30, *["BB-S1"] * 4))
    actions.append(make("E_000010_000010", 1))  # nobody labelled it
    facts = describe_routines(Dataset(CODEBOOK, (Video("v", tuple(actions)),)))["BB"]
    assert facts == RoutineFacts(
        num_routines=4,
        low_ms=21_500,
        median_ms=30_000,
        low_sub_actions=2,
        last_sets={"BB-S1": 0.25, "BB-S5": 0.75},
        sets=("BB-S1", "BB-S5"),
    )
    assert facts.closing == frozenset()  # they may end with anything
    assert facts.model_copy(update={"sets": BEAM_SETS}).closing == {"BB-S1", "BB-S5"}


def test_where_routines_end_with_anything_only_the_length_tells():
    facts = WHOLE_BEAM.model_copy(update={"last_sets": dict.fromkeys(BEAM_SETS, 0.25)})
    assert kinds_of([on_beam(0, 17_000, "BB-S1")], facts={"BB": facts}) == ["interrupted"]
    assert kinds_of([on_beam(0, 19_000, "BB-S1")], facts={"BB": facts}) == ["routine"]  # short, but not by much


@pytest.fixture
def three():
    live = on_beam(0, 9000, "BB-S1", "BB-S5", points=1.1)
    again = on_beam(20_000, 26_000, "BB-S1", kind="replay", replay_of=live.name)
    broken = on_beam(30_000, 36_000, "BB-S1", kind="interrupted", points=0.2)
    return make_parse((live, again, broken))


def test_chapters_tell_kinds_apart(three):
    text = format_chapters(three, Video("v", ()), CODEBOOK)
    blocks = text.rstrip("\n").split("\n\n")
    assert blocks[0] == "WEBVTT" and [block.split("\n")[0] for block in blocks[2:]] == [
        "E_000000_000009",
        "E_000000_000009_A_0000_0900",
        "E_000000_000009_A_1000_1900",
        "replay E_000020_000026",
        "interrupted E_000030_000036",
    ]
    assert "replay of E_000000_000009: BB" in text


@pytest.mark.parametrize("with_doubtful", [False, True])
def test_chapters_are_read_back_as_the_official_annotations(three, with_doubtful):
    doubtful = on_beam(5000, 8000, "BB-S1", "BB-S5", is_doubtful=True)
    parse = three.model_copy(update={"actions": (*three.actions, doubtful), "with_doubtful": with_doubtful})
    text = format_chapters(parse, Video("v", ()), CODEBOOK)
    left_out = []
    expected = tuple(make_annotation(action) for action in parse.actions if find_mark(action, parse) is None)
    assert parse_webvtt(text, "v", CODEBOOK, left_out).actions == expected
    assert [action.name for action in expected] == ["E_000000_000009", "E_000005_000008"][: 1 + with_doubtful]
    marked = ["doubtful E_000005_000008", *(f"doubtful E_000005_000008_{sub.name}" for sub in doubtful.sub_actions)]
    assert left_out == ["replay E_000020_000026", "interrupted E_000030_000036", *([] if with_doubtful else marked)]
    with pytest.raises(AnnotationError, match=r"line \d+: 'replay E_000020_000026' is marked as no annotation"):
        parse_webvtt(text, "v", CODEBOOK)


def test_the_table_tells_kinds_apart(three):
    rows = list(csv.DictReader(io.StringIO(format_table(three, CODEBOOK))))
    assert [(row["kind"], row["replay_of"], row["points"]) for row in rows] == [
        ("routine", "", "1.1"),
        ("routine", "", "1.1"),
        ("replay", "E_000000_000009", ""),
        ("interrupted", "", "0.2"),
    ]
    empty = format_table(make_parse((make_action((), 0, 9000, kind="unclear", unsure=("no",)),)), CODEBOOK)
    (row,) = csv.DictReader(io.StringIO(empty))
    assert (row["kind"], row["unsure"], row["instance_id"]) == ("unclear", "no", "")
    subs = [make_parsed(0, 900, is_seen=False), make_parsed(1000, 1900)]
    rows = list(csv.DictReader(io.StringIO(format_table(make_parse((make_action(subs, 0, 9000),)), CODEBOOK))))
    assert [row["is_seen"] for row in rows] == ["false", "true"]
    assert {(row["is_doubtful"], row["routine_unsure"]) for row in rows} == {("false", "")}
    doubtful = make_action(subs, 0, 9000, is_doubtful=True, unsure=("event: FX is likeliest, at 40 %", "short"))
    rows = list(csv.DictReader(io.StringIO(format_table(make_parse((doubtful,)), CODEBOOK))))
    found = [(row["is_doubtful"], row["routine_unsure"], row["unsure"]) for row in rows]
    assert found == [("true", "event: FX is likeliest, at 40 %; short", "")] * 2


def test_lines_tell_kinds_apart(three):
    text = describe_parse(three)
    assert text.startswith("v: 1 routine, 1 interrupted routine, 1 replay, 4 sub-actions")
    assert "REPLAY" in text and "INTERRUPTED" in text
    assert "4 sub-actions (1 not seen)" in describe_parse(three.model_copy(update={"num_not_seen": 1}))
