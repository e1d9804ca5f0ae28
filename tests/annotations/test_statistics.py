import json

import numpy as np
import pytest
from competition_samples import CODEBOOK, make_action, make_dataset, make_sub, sample_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from finegym.annotations.choosing import choose_subset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.source import open_source
from finegym.annotations.statistics import compute_covered_ms, compute_durations, compute_statistics
from finegym.annotations.statistics_text import format_statistics
from finegym.annotations.subsets import find_subset
from finegym.annotations.text import format_table

VIDEO = "v" * 11


def make():
    """Floor: 10 s with two sub-actions, 20 s never segmented, 5 s without any. Bars: 4 s, one of two stages."""
    floor = Action("E_000000_000010", "FX", 0, 10_000, (make_sub(1000, 3000, "72"), make_sub(4000, 5000, "70")))
    later = Action("E_000020_000040", "FX", 20_000, 40_000, None)
    empty = Action("E_000050_000055", "FX", 50_000, 55_000, ())
    bars = Action("E_000000_000004", "UB", 0, 4_000, (SubAction("A_0000_0004", ((0, 1000), (1000, 4000)), None),))
    first = Video(VIDEO, (floor, later, empty), fps=50.0, num_frames=180_000)
    return Dataset(CODEBOOK, (first, Video("w" * 11, (bars,))))


def test_a_hand_worked_dataset():
    statistics = compute_statistics(make())
    floor, bars = statistics.events
    assert (floor.event_id, floor.num_sets, floor.num_elements) == ("FX", 2, 4)
    assert floor.elements_per_set == {"FX-S1": 2, "FX-S2": 2}
    assert (floor.num_videos, floor.num_actions, floor.num_unsegmented) == (1, 3, 1)
    assert (floor.num_sub_actions, floor.num_without_element, floor.num_elements_with_instances) == (2, 0, 2)
    assert (floor.max_instances, floor.max_element_id) == (1, "70")
    assert floor.action_hours == 35 / 3600
    assert (floor.record_hours, floor.num_records_without_length) == (1.0, 0)
    assert floor.sub_actions_per_action == {0: 1, 2: 1}
    assert floor.mean_sub_actions == 1.0
    assert floor.coverage == 3 / 15
    assert floor.mean_action_coverage == 0.3
    assert floor.sub_action_durations.mean == 1.5
    assert floor.sub_action_durations.short_share == 0.5
    assert floor.stage_durations == {}
    assert (bars.num_without_element, bars.max_instances, bars.max_element_id) == (1, 0, None)
    assert {number: stage.mean for number, stage in bars.stage_durations.items()} == {1: 1.0, 2: 3.0}
    assert (bars.record_hours, bars.num_records_without_length) == (0.0, 1)
    total = statistics.total
    assert (total.num_events, total.num_sets, total.num_elements) == (3, 3, 6)
    assert (total.num_videos, total.num_actions, total.num_sub_actions) == (2, 4, 3)
    assert statistics.get("all") is total


def test_classes_are_all_listed():
    statistics = compute_statistics(make())
    assert [(c.id, c.name, c.set_id, c.event_id, c.num_instances) for c in statistics.classes[:3]] == [
        ("70", "element 70", "FX-S1", "FX", 1),
        ("71", "element 71", "FX-S1", "FX", 0),
        ("72", "element 72", "FX-S2", "FX", 1),
    ]
    assert statistics.imbalance == 1.0


def test_a_subset_counts_its_instances_their_actions_and_videos():
    statistics = compute_statistics(make(), find_subset("FX-S2", CODEBOOK))
    (floor,) = statistics.events
    assert (floor.num_actions, floor.num_sub_actions, floor.num_elements) == (1, 1, 2)
    assert floor.coverage == 0.2
    assert [c.num_instances for c in statistics.classes] == [1, 0]
    assert statistics.outside == {"without a label of the element level": 1, "of another element": 1}


@pytest.mark.parametrize(("name", "events", "elements"), [("set/FX", [""], 4), ("event", ["", ""], 6)])
def test_levels_above_elements(name, events, elements):
    statistics = compute_statistics(sample_dataset(0), find_subset(name, CODEBOOK))
    assert statistics.total.num_elements == elements
    assert sum(c.num_instances for c in statistics.classes) == statistics.total.num_sub_actions
    assert {c.event_id for c in statistics.classes} == ({"FX"} if name == "set/FX" else {"FX", "UB"})


def test_a_dataset_of_nothing():
    statistics = compute_statistics(Dataset(CODEBOOK, ()))
    assert statistics.events == ()
    assert statistics.total.coverage is None
    assert statistics.total.sub_action_durations.median is None
    assert statistics.imbalance is None
    assert "none of 6 classes has an instance" in format_statistics(statistics)


def test_durations():
    durations = compute_durations([500, 1500, 2000, 4000])
    assert (durations.count, durations.mean, durations.min, durations.max) == (4, 2.0, 0.5, 4.0)
    assert durations.short_share == 0.5
    assert durations.median == 1.75
    assert compute_durations([]).percentiles is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-20, 120), st.integers(1, 60)), max_size=8))
def test_covered_time_agrees_with_counting_milliseconds(rows):
    subs = [SubAction(f"A_{i:04d}_0000", ((start, start + length),)) for i, (start, length) in enumerate(rows)]
    action = Action("E_000000_000000", "FX", 0, 100, tuple(subs))
    covered = np.zeros(100, bool)
    for start, length in rows:
        covered[max(0, start) : max(0, start + length)] = True
    assert compute_covered_ms(action, subs) == covered.sum()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_totals_are_sums_and_frames_agree(seed):
    dataset = sample_dataset(seed, num_videos=4)
    statistics = compute_statistics(dataset)
    frame, total = dataset.sub_actions_frame, statistics.total
    for name in ("num_actions", "num_sub_actions", "num_without_element", "num_elements_with_instances"):
        if name != "num_elements_with_instances":
            assert sum(getattr(event, name) for event in statistics.events) == getattr(total, name)
    assert total.num_sub_actions == frame.height
    assert total.num_elements_with_instances == frame["element_id"].n_unique()
    assert total.max_instances == frame["element_id"].value_counts()["count"].max()
    seconds = (frame["end_ms"] - frame["start_ms"]) / 1000
    assert total.sub_action_durations.mean == pytest.approx(seconds.mean())
    assert total.sub_action_durations.median == pytest.approx(seconds.median())


def test_unknown_events_are_counted():
    statistics = compute_statistics(make_dataset({"id": VIDEO, "actions": (make_action(0, 10, None, event_id="XX"),)}))
    assert [(e.event_id, e.num_sub_actions, e.num_elements) for e in statistics.events] == [("XX", 1, 0)]


def test_text_and_json():
    statistics = compute_statistics(make(), find_subset("FX", CODEBOOK))
    text = format_statistics(statistics)
    assert "outside of the subset: 1 without a label of the element level" in text
    assert "2 of 4 classes have instances" in text
    value = json.loads(json.dumps(statistics.to_dict()))
    assert value["events"][0]["sub_actions_per_action"] == {"2": 1}
    assert value["subset"] == "FX"


def test_tables_align():
    assert format_table(("a", "b", "c"), [("x", 1000, "long name"), ("longer", None, "y")], left=(2,)).split("\n") == [
        "a           b  c",
        "x       1,000  long name",
        "longer      -  y",
    ]


def test_real_annotations_have_their_published_counts(shared):
    source = open_source(shared / "finegym")
    statistics = compute_statistics(source.dataset)
    counts = {e.event_id: (e.num_actions, e.num_sub_actions) for e in statistics.events}
    assert counts == {"VT": (2_042, 2_042), "FX": (916, 8_960), "BB": (1_255, 13_897), "UB": (1_284, 13_200)}
    # Table 1 of the paper: 10 events, 15 sets, 530 elements; set sizes as in the category files.
    total = statistics.total
    assert (total.num_events, total.num_sets, total.num_elements) == (10, 15, 530)
    sizes = {e.event_id: list(e.elements_per_set.values()) for e in statistics.events}
    assert sizes == {"VT": [67], "FX": [64, 20, 4, 23, 26], "BB": [58, 25, 26, 26, 58], "UB": [52, 22, 2, 57]}
    paper = json.loads((shared / "paper/tables.json").read_text())["table1_statistics_v1.0"]
    for event_id, listed in sizes.items():
        assert set(paper[event_id]["elements"]) <= set(listed)
        assert paper[event_id]["sets"] == len(listed)
    assert {key: paper["total"][key] for key in ("events", "sets", "elements")} == {
        "events": 10,
        "sets": 15,
        "elements": 530,
    }
    assert (total.max_instances, total.max_element_id) == (2_094, "472")


def test_gym99_has_the_measured_statistics(shared):
    source = open_source(shared / "finegym")
    statistics = compute_statistics(source.dataset, choose_subset(source, "gym99"))
    rows = {
        e.event_id: (
            e.num_videos,
            e.num_actions,
            round(e.action_durations.mean, 1),
            round(e.action_durations.min, 1),
            round(e.action_durations.max, 1),
            round(e.sub_action_durations.mean, 2),
            round(100 * e.sub_action_durations.short_share, 1),
            min(e.sub_actions_per_action),
            max(e.sub_actions_per_action),
            round(e.mean_sub_actions, 1),
            round(100 * e.mean_action_coverage),
        )
        for e in statistics.events
    }
    assert rows == {
        "VT": (159, 1_526, 7.6, 5.5, 144.8, 7.12, 0.0, 1, 1, 1.0, 95),
        "FX": (139, 916, 101.0, 67.9, 206.0, 1.26, 92.7, 4, 13, 8.3, 10),
        "BB": (144, 1_255, 87.3, 30.4, 151.5, 1.07, 93.6, 1, 18, 10.6, 13),
        "UB": (145, 1_271, 36.2, 16.3, 122.2, 1.76, 67.2, 3, 17, 9.8, 49),
    }
    total = statistics.total
    assert (total.num_videos, total.num_actions, total.num_sub_actions) == (180, 4_968, 34_841)
    assert (total.num_sets, round(100 * total.sub_action_durations.short_share, 1)) == (14, 79.9)
    per_set = {}
    for class_ in statistics.classes:
        per_set[class_.set_id] = per_set.get(class_.set_id, 0) + class_.num_instances
    assert list(per_set.values()) == [
        1_526, 2_669, 922, 1_208, 2_835, 4_410, 1_150, 4_046, 2_811, 856, 6_435, 1_576, 3_469, 928,
    ]  # fmt: skip
    counts = {class_.id: class_.num_instances for class_ in statistics.classes}
    assert (max(counts.values()), counts["472"], min(counts.values())) == (2_094, 2_094, 69)
