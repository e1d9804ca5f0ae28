import json
import re
from collections import Counter

import numpy as np
import pytest
from annotation_samples import FX_1, FX_2, UB_1, VT_1, datasets, make_codebook, make_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from finegym.annotations.check import KINDS, CheckRules, Finding, _find_overlaps, check_dataset, count_findings
from finegym.annotations.check_text import export_findings, format_findings, format_findings_csv
from finegym.annotations.lists import make_list
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.source import open_source
from finegym.segments import compute_overlaps, compute_tiou

CODEBOOK = make_codebook()


def make(*actions, **facts):
    return Dataset(CODEBOOK, (Video("v", actions, **facts),))


def floor_action(*sub_actions, name="E_000000_000090", start_ms=0, end_ms=90_000):
    return Action(name, "FX", start_ms, end_ms, sub_actions)


def leap(name, start_ms, end_ms, element_id="2", set_id="FX-S1"):
    return SubAction(name, ((start_ms, end_ms),), element_id, set_id)


def find(dataset, kind, lists=None, class_elements=None, rules=None):
    return [f for f in check_dataset(dataset, lists, class_elements, rules) if f.kind == kind]


def test_a_clean_dataset_has_only_notes():
    assert {(f.kind, f.id) for f in check_dataset(make_dataset())} == {
        ("not-looked-at", "_E_-A_bbbbb_E_000040_000060"),
        ("no-sub-actions", "_E_-A_bbbbb_E_042204_042230"),
    }


def test_sub_actions_outside_their_action_say_by_how_much():
    action = floor_action(
        leap("A_0010_0012", 9_990, 12_000), leap("A_0080_0090", 80_000, 90_750), name="E_000010_000090", start_ms=10_000
    )
    found = find(make(action), "outside-action")
    assert [(f.id[-11:], f.value, f.severity) for f in found] == [
        ("A_0010_0012", 10, "warning"),
        ("A_0080_0090", 750, "warning"),
    ]
    assert "ends 750 ms after its action" in found[1].message


def test_a_sub_action_that_ends_with_its_action_is_inside():
    assert not find(make(floor_action(leap("A_0000_0090", 0, 90_000))), "outside-action")


def test_durations_near_zero_and_none():
    action = floor_action(
        leap("A_0001_0001", 1000, 1040), leap("A_0002_0002", 2000, 2100), leap("A_0003_0003", 3000, 3000)
    )
    dataset = make(action, Action("E_000100_000099", "FX", 100_000, 99_000))
    assert [(f.id, f.value) for f in find(dataset, "near-zero")] == [("v_E_000000_000090_A_0001_0001", 40)]
    assert [(f.id, f.value) for f in find(dataset, "empty-interval")] == [
        ("v_E_000000_000090_A_0003_0003", 0),
        ("v_E_000100_000099", -1000),
    ]
    assert len(find(dataset, "near-zero", rules=CheckRules(min_duration_ms=101))) == 2


def test_overlapping_and_adjacent_sub_actions():
    action = floor_action(
        leap("A_0005_0007", 5000, 7000), leap("A_0001_0003", 1000, 3000), leap("A_0002_0005", 2500, 5000)
    )
    (overlap,) = find(make(action), "overlapping-sub-actions")
    assert (overlap.id[-11:], overlap.other_id[-11:], overlap.value) == ("A_0001_0003", "A_0002_0005", 500)
    (adjacent,) = find(make(action), "adjacent-sub-actions")
    assert (adjacent.id[-11:], adjacent.other_id[-11:], adjacent.severity) == ("A_0002_0005", "A_0005_0007", "note")


def test_one_action_annotated_twice_is_told_from_two_that_overlap():
    vaults = [Action(f"E_{k:06d}_{k + 8:06d}", "VT", 1000 * k, 1000 * k + 8000, None) for k in (0, 2, 7)]
    dataset = make(*vaults, Action("E_000000_000009", "UB", 0, 9000, None))
    # [0, 8) and [2, 10): 6 of 10 s shared. [2, 10) and [7, 15): 3 of 13.
    (twice,) = find(dataset, "near-duplicate-actions")
    assert (twice.id, twice.other_id, twice.value) == ("v_E_000000_000008", "v_E_000002_000010", 0.6)
    others = {(f.id, f.other_id): f.value for f in find(dataset, "overlapping-actions")}
    assert others[("v_E_000002_000010", "v_E_000007_000015")] == round(3 / 13, 6)
    assert others[("v_E_000000_000008", "v_E_000000_000009")] == round(8 / 9, 6)  # another event
    assert len(find(dataset, "near-duplicate-actions", rules=CheckRules(duplicate_tiou=0.61))) == 0
    assert len(find(dataset, "near-duplicate-actions", rules=CheckRules(duplicate_tiou=0.2))) == 2


def test_actions_at_the_same_time_in_two_videos_are_no_overlap():
    videos = tuple(Video(id_, (Action("E_000000_000008", "VT", 0, 8000, None),)) for id_ in "ab")
    assert not find(Dataset(CODEBOOK, videos), "near-duplicate-actions")


@pytest.mark.parametrize(
    ("sub_action", "kind", "fact"),
    [
        (leap("A_0001_0002", 1000, 2000, "0", "VT-S1"), "wrong-event", r"element 0 \(element 0, é\) belongs to VT"),
        (leap("A_0001_0002", 1000, 2000, "99", None), "unknown-element", "'99'"),
        (leap("A_0001_0002", 1000, 2000, "2", "VT-S1"), "wrong-set", "element 2 is of set FX-S1, not VT-S1"),
        (leap("A_0001_0002", 1000, 2000, None, "XX"), "unknown-set", "'XX'"),
        (leap("A_0001_0002", 1000, 2000, None, "VT-S1"), "wrong-event", "set VT-S1 belongs to VT"),
        (leap("A_0001_0002", 1000, 2000, None, None), "no-element", "neither"),
        (leap("A_1_x", 1000, 2000), "bad-name", "'A_1_x'"),
    ],
)
def test_labels_that_contradict_the_codebook(sub_action, kind, fact):
    (finding,) = find(make(floor_action(sub_action)), kind)
    assert finding.id == f"v_E_000000_000090_{sub_action.name}"
    assert re.search(fact, finding.message)


def test_an_event_that_the_codebook_lacks():
    (finding,) = find(make(Action("E_000000_000001", "XX", 0, 1000, ())), "unknown-event")
    assert finding.severity == "error"


def test_ids_twice_are_found_on_every_level():
    action = floor_action(leap("A_0001_0002", 1000, 2000), leap("A_0001_0002", 1000, 2000))
    dataset = Dataset(CODEBOOK, (Video("v", (action, floor_action())), Video("v", ())))
    assert {f.id: f.value for f in find(dataset, "duplicate-id")} == {
        "v": 2,
        "v_E_000000_000090": 2,
        "v_E_000000_000090_A_0001_0002": 2,
    }


def test_stages_that_leave_gaps_or_go_back():
    stages = ((1000, 2000), (2100, 3000), (2900, 2900))
    dataset = make(floor_action(SubAction("A_0001_0002", stages, "2", "FX-S1")))
    assert [f.value for f in find(dataset, "stage-gap")] == [100]
    assert [f.value for f in find(dataset, "stages-out-of-order")] == [100]
    assert [f.value for f in find(dataset, "empty-interval")] == [0]


def test_names_are_compared_with_the_floored_times():
    action = floor_action(
        leap("A_0002_0003", 12_990, 14_000),
        leap("A_0003_0004", 13_000, 14_999),
        name="E_000010_000090",
        start_ms=10_000,
    )
    (finding,) = find(make(action), "name-differs")
    assert finding.id.endswith("A_0002_0003")
    assert "at 2.99 to 4 s from the start of its action" in finding.message


def test_actions_past_the_end_of_their_record_get_a_frames_grace():
    late = Action("E_000005_000010", "VT", 5000, 10_100, None)
    assert [f.value for f in find(make(late, fps=25.0, num_frames=250), "past-record-end")] == [100]
    assert not find(make(late, fps=25.0, num_frames=252), "past-record-end")
    assert not find(make(late), "past-record-end")


def test_unusual_durations_and_numbers_of_stages_need_a_crowd():
    usual = [Action(f"E_{k:06d}_{k:06d}", "VT", 1000 * k, 1000 * k + 800, None) for k in range(0, 40, 2)]
    odd = Action("E_000100_000103", "VT", 100_000, 103_000, None)
    (finding,) = find(make(*usual, odd), "unusual-duration")
    assert (finding.id, finding.value) == ("v_E_000100_000103", 3.75)
    assert not find(make(*usual[:10], odd), "unusual-duration")
    subs = [leap(f"A_{k:04d}_{k:04d}", 1000 * k, 1000 * k + 500) for k in range(25)]
    two = SubAction("A_0050_0050", ((50_000, 50_200), (50_200, 50_500)), "2", "FX-S1")
    (finding,) = find(make(floor_action(*subs, two)), "unusual-stages")
    assert (finding.id[-11:], finding.value) == ("A_0050_0050", 2)


def test_lists_are_compared_with_each_other_and_with_the_annotations():
    unknown = VT_1.replace("000010", "000011")
    lists = {
        "gym99": {"train": make_list({VT_1: 0, FX_1: 1}), "val": make_list({FX_1: 1, unknown: 0})},
        "mine": {"train": make_list({VT_1: 1, UB_1: 9})},
    }
    class_elements = {"gym99": ["1", "2"], "mine": ["1", "0"]}
    found = check_dataset(make_dataset(), lists, class_elements)
    by_kind = {(f.kind, f.id): f.message for f in found if f.severity != "note"}
    assert by_kind == {
        ("in-two-parts", FX_1): "is in gym99 train and in gym99 val",
        ("listed-not-annotated", unknown): "is in gym99/val",
        ("conflicting-labels", VT_1): "gym99/train: 1, mine/train: 0, annotations: 1",
        ("unknown-element", UB_1): "mine/train has class index 9, but mine has 2 classes",
    }
    # Without the meaning of class indices there is nothing to compare.
    assert "conflicting-labels" not in {f.kind for f in check_dataset(make_dataset(), lists)}


def test_findings_are_counted_in_all_and_in_every_list():
    findings = (
        Finding("near-zero", VT_1, "", value=3),
        Finding("near-zero", FX_1, "", value=9),
        Finding("near-duplicate-actions", VT_1[:-12], "", FX_2[:-12], 0.5),
        Finding("no-sub-actions", "_E_-A_bbbbb_E_042204_042230", ""),
        Finding("duplicate-id", "aaaaaaaaaaa", "", value=2),
    )
    lists = {"a": {"train": make_list({VT_1: 0}), "val": make_list({FX_2: 0})}, "b": {"train": make_list({FX_1: 0})}}
    counts = {c.kind: (c.count, dict(c.in_lists)) for c in count_findings(findings, lists)}
    assert counts == {
        "duplicate-id": (1, {"a": 1, "b": 1}),
        "near-zero": (2, {"a": 1, "b": 1}),
        "near-duplicate-actions": (1, {"a": 1, "b": 0}),
        "no-sub-actions": (1, {"a": 0, "b": 0}),
    }
    assert list(counts) == [kind for kind in KINDS if kind in counts]
    assert count_findings(findings)[1].example.value == 9


def test_text_json_and_csv_hold_every_finding():
    action = floor_action(*(leap(f"A_{k:04d}_{k:04d}", 1000 * k, 1000 * k + 40) for k in range(5)))
    dataset, lists = make(action), {"mine": {"train": make_list({"v_E_000000_000090_A_0001_0001": 0})}}
    findings = check_dataset(dataset, lists)
    short = format_findings(findings, dataset, lists)
    assert "near-zero" in short and short.count(": lasts 40 ms") == 3
    assert "--all" in short
    whole = format_findings(findings, dataset, lists, show=None)
    assert whole.count(": lasts 40 ms") == 5 and "--all" not in whole
    exported = json.loads(json.dumps(export_findings(findings, dataset, lists)))
    assert len(exported["findings"]) == len(findings) == 5
    (kind,) = exported["kinds"]
    assert (kind["kind"], kind["found"], kind["in_lists"]) == ("near-zero", 5, {"mine": 1})
    assert len(format_findings_csv(findings).splitlines()) == 6
    assert "nothing found" in format_findings((), dataset)


@given(datasets())
@settings(max_examples=50, deadline=None)
def test_every_finding_names_something_that_is_there(dataset):
    ids = {video.id for video in dataset.videos}
    ids |= {f"{video.id}_{action.name}" for video in dataset.videos for action in video.actions}
    ids |= set(dataset.instances)
    for finding in check_dataset(dataset):
        assert finding.id in ids
        assert finding.other_id is None or finding.other_id in ids


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 15)), max_size=12))
def test_overlaps_agree_with_the_arrays_of_segments(spans):
    rows = [(start, start + length) for start, length in spans]
    found = Counter(
        (min(a, b), max(a, b)) for a, b, _, _ in _find_overlaps([(*row, index) for index, row in enumerate(rows)])
    )
    assert found == Counter(compute_overlaps(np.array(rows, dtype=float).reshape(-1, 2)))
    if rows:
        tiou = compute_tiou(np.array(rows, dtype=float), np.array(rows, dtype=float))
        for a, b, value, shared in _find_overlaps([(*row, index) for index, row in enumerate(rows)]):
            assert value == pytest.approx(tiou[a, b])
            assert shared == min(rows[a][1], rows[b][1]) - max(rows[a][0], rows[b][0])


def test_the_real_data_give_the_numbers_of_facts(shared):
    source = open_source(shared / "finegym")
    findings = check_dataset(source.dataset, source.lists, source.class_elements)
    counts = {
        c.kind: (c.count, c.in_lists["gym99"], c.in_lists["gym288"]) for c in count_findings(findings, source.lists)
    }
    # (whole rebuilt JSON, Gym99, Gym288). FACTS.md counts on Gym99.
    assert counts == {
        "outside-action": (80, 74, 80),
        "near-zero": (2, 2, 2),
        "near-duplicate-actions": (70, 48, 70),
        "unusual-stages": (1, 0, 1),
        "name-differs": (11, 0, 11),
        "listed-not-annotated": (956, 0, 956),
        "unusual-duration": (181, 72, 180),
        "adjacent-sub-actions": (20, 17, 20),
        "no-sub-actions": (13, 0, 0),
        "no-element": (75, 0, 0),
    }
    facts = json.loads((shared / "finegym" / "findings.json").read_text(encoding="utf-8"))
    gym99 = {id_ for listed in source.lists["gym99"].values() for id_ in listed.label_by_id}
    over = {f.id: f.value for f in findings if f.kind == "outside-action" and f.id in gym99}
    assert over == {id_: round(1000 * seconds) for id_, seconds in facts["past_event_end"]}
    assert over["8WGrvkd6ZEU_E_002424_002432_A_0000_0008"] == 750
    assert sorted(f.id for f in findings if f.kind == "near-zero") == sorted(facts["shorter_than_0.1s"])
    near = {frozenset((f.id, f.other_id)): f.value for f in findings if f.kind == "near-duplicate-actions"}
    for first, second, tiou in facts["near_duplicate_events"]:
        assert near[frozenset((first, second))] == pytest.approx(tiou, abs=1e-6)
    unusual = {f.id for f in findings if f.kind == "unusual-duration"}
    for id_ in facts["vt_outliers"]:
        assert id_ in unusual or id_[:-12] in unusual
