"""Spotting: the published definition on random files, hand-worked cases, and its files."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from localization_samples import write_json

from finegym.errors import AnnotationError, ConfigError, PredictionError
from finegym.evaluation.localization.bootstrap import compute_map_intervals
from finegym.evaluation.localization.problems import SpotRules
from finegym.evaluation.localization.spots import Spots, read_spot_truth, read_spots
from finegym.evaluation.localization.spotting import compute_spotting_map, select_spots, suppress_spots


def compute_reference(truth, found, tolerance):
    """Mean and {label: AP}, as the definition reads: one prediction at a time, the nearest moment that is left."""
    areas = {}
    for label in sorted({event["label"] for video in truth for event in video["events"]}):
        moments = {video["video"]: [e["frame"] for e in video["events"] if e["label"] == label] for video in truth}
        rows = [(v["video"], e["frame"], e["score"]) for v in found for e in v["events"] if e["label"] == label]
        rows.sort(key=lambda row: -row[2])
        taken, precision = set(), []
        for place, (video, frame, _) in enumerate(rows, 1):
            nearest = None
            for moment in moments.get(video, []):
                if (video, moment) in taken:
                    continue
                if nearest is None or abs(frame - moment) < abs(frame - nearest):
                    nearest = moment
            if nearest is not None and abs(frame - nearest) <= tolerance:
                taken.add((video, nearest))
                precision.append(len(taken) / place)
        raised = [max(precision[place:]) for place in range(len(precision))]
        areas[label] = sum(raised) / sum(map(len, moments.values()))
    return sum(areas.values()) / len(areas), areas


def suppress_reference(found, window):
    """Every event with every other one of its label and video, as the published program compares them."""
    return [
        {
            "video": video["video"],
            "events": sorted(
                (
                    event
                    for event in video["events"]
                    if not any(
                        other["label"] == event["label"]
                        and other["frame"] != event["frame"]
                        and abs(other["frame"] - event["frame"]) <= window
                        and other["score"] > event["score"]
                        for other in video["events"]
                    )
                ),
                key=lambda event: event["frame"],
            ),
        }
        for video in found
    ]


moments = st.fixed_dictionaries({"frame": st.integers(0, 19), "label": st.sampled_from(["a_start", "a_end", "V"])})
guesses = st.fixed_dictionaries(
    {
        "frame": st.integers(0, 19),
        "label": st.sampled_from(["a_start", "a_end", "V"]),
        "score": st.one_of(st.sampled_from([0.25, 0.5]), st.floats(0, 1)),
    }
)


@st.composite
def worlds(draw):
    truth = [
        {"video": f"v{i}", "num_frames": 20, "fps": 25.0, "events": draw(st.lists(moments, max_size=8))}
        for i in range(draw(st.integers(1, 3)))
    ]
    truth[0]["events"].append({"frame": 3, "label": "V"})
    known = {event["label"] for video in truth for event in video["events"]}
    found = [
        {"video": v["video"], "events": [e for e in draw(st.lists(guesses, max_size=25)) if e["label"] in known]}
        for v in truth
    ]
    return truth, found


def read(tmp_path, truth, found, rules=None, labels=()):
    known = read_spot_truth(write_json(tmp_path / "truth.json", truth), labels)
    return known, read_spots(write_json(tmp_path / "found.json", found), known, rules)


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_as_the_published_definition(tmp_path_factory, world):
    truth, found = world
    known, spots = read(tmp_path_factory.getbasetemp(), truth, found)
    result = compute_spotting_map(known, spots, (0, 1, 2, 4))
    for level, tolerance in enumerate((0, 1, 2, 4)):
        mean, areas = compute_reference(truth, found, tolerance)
        assert result.mean[level] == pytest.approx(mean, abs=1e-12)
        assert dict(zip(known.classes, result.average_precision[level], strict=True)) == pytest.approx(areas, abs=1e-12)


@given(worlds(), st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_suppression_as_the_published_program(tmp_path_factory, world, window):
    truth, found = world
    known, spots = read(tmp_path_factory.getbasetemp(), truth, found)
    kept = select_spots(spots, suppress_spots(spots, window))
    expected = suppress_reference(found, window)
    left = [(v, e["frame"], e["label"], e["score"]) for v, video in enumerate(expected) for e in video["events"]]
    columns = (kept.video_index, kept.frames, np.array(known.classes, object)[kept.class_index], kept.scores)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == left
    mean = compute_spotting_map(known, kept, (0, 1)).mean
    assert mean == pytest.approx([compute_reference(truth, expected, tolerance)[0] for tolerance in (0, 1)])


def test_suppression_by_hand(tmp_path):
    """0.7 goes though 0.8, which takes it away, goes too; equals stay, and so does what is far or in one frame."""
    truth = [{"video": "v", "num_frames": 30, "events": [{"frame": 0, "label": "V"}]}]
    rows = [(3, 0.9), (4, 0.8), (5, 0.7), (9, 0.5), (10, 0.5), (20, 0.2), (20, 0.1)]
    found = [{"video": "v", "events": [{"frame": f, "label": "V", "score": s} for f, s in rows]}]
    _, spots = read(tmp_path, truth, found)
    assert suppress_spots(spots, 1).tolist() == [0, 3, 4, 5, 6]
    assert suppress_spots(spots, 0).tolist() == list(range(7))
    assert suppress_spots(select_spots(spots, np.zeros(0, np.int64)), 1).tolist() == []


def test_hand_worked(tmp_path):
    """At tolerance 1 the second guess takes the moment that the first left; the third finds nothing free."""
    truth = [{"video": "v", "num_frames": 30, "events": [{"frame": f, "label": "V"} for f in (10, 12)]}]
    found = [{"video": "v", "events": [{"frame": 11, "label": "V", "score": s} for s in (0.9, 0.8, 0.7)]}]
    result = compute_spotting_map(*read(tmp_path, truth, found), (0, 1))
    assert result.mean.tolist() == [0, 1]
    assert result.hit_truth[1].tolist() == [0, 1]


def test_a_moment_that_stands_twice_is_counted_twice_and_found_once(tmp_path):
    truth = [{"video": "v", "num_frames": 30, "events": [{"frame": 10, "label": "V"}] * 2}]
    found = [{"video": "v", "events": [{"frame": 10, "label": "V", "score": s} for s in (0.9, 0.8)]}]
    known, spots = read(tmp_path, truth, found)
    assert known.num_repeated == 1
    assert compute_spotting_map(known, spots, (0,)).average == 0.5 == compute_reference(truth, found, 0)[0]


def test_tolerances_are_checked(tmp_path):
    truth = [{"video": "v", "events": [{"frame": 1, "label": "V"}]}]
    for tolerances in ((), (-1, 0)):
        with pytest.raises(ConfigError, match="0 or more"):
            compute_spotting_map(*read(tmp_path, truth, [{"video": "v", "events": []}]), tolerances)


BAD = [
    {"video": "w", "events": [{"frame": 1, "label": "V", "score": 0.5}] * 2},
    {
        "video": "v",
        "events": [
            {"frame": 1, "label": "V", "score": 0.5},
            {"frame": 1.5, "label": "V", "score": 0.5},
            {"frame": None, "label": "V", "score": 0.5},
            {"frame": 1, "label": "X", "score": 0.5},
            {"frame": 1, "label": "V", "score": float("nan")},
            {"frame": 1, "label": "V"},
            {"frame": -1, "label": "V", "score": 0.5},
            {"frame": 31, "label": "V", "score": 0.5},
            {"frame": 1, "label": "known", "score": 0.5},
        ],
    },
]
TRUTH = [
    {"video": "v", "num_frames": 30, "events": [{"frame": 1, "label": "V"}]},
    {"video": "x", "num_frames": 30, "events": [{"frame": 1, "label": "V"}]},
]


def test_bad_input_is_listed_at_once_and_counted_where_permitted(tmp_path):
    with pytest.raises(PredictionError) as caught:
        read(tmp_path, TRUTH, BAD, labels=["known"])
    for fact in ("unknown videos: 2 (w)", "unknown labels: 1 (X in v)", "whole numbers: 2", "finite numbers: 2",
                 "after the end of their video: 2", "without a line in the file: 1 (x)", "--bad-frames"):  # fmt: skip
        assert fact in str(caught.value)
    rules = SpotRules(*["ignore"] * 5, "count")
    known, spots = read(tmp_path, TRUTH, BAD, rules, ["known"])
    assert (spots.frames.tolist(), spots.num_read, spots.num_other_labels, spots.num_missing_videos) == ([1], 11, 1, 1)
    assert compute_spotting_map(known, spots, (0,)).average == 0.5
    rules = SpotRules("count", *["ignore"] * 3, "keep", "count")
    known, spots = read(tmp_path, TRUTH, BAD, rules, ["known"])
    assert spots.video_index.tolist() == [-1, -1, 0, 0, 0] and spots.frames.tolist() == [1, 1, 1, -1, 31]
    assert compute_spotting_map(known, spots, (0,)).average == pytest.approx(1 / 3 / 2)


@pytest.mark.parametrize(
    ("content", "fact"),
    [({}, "no list"), ([{"events": []}], "no list"), ([{"video": "v", "events": [1]}], "no list"),
     ([{"video": "v", "events": []}] * 2, "twice: v"), ([{"video": "v", "events": [{"frame": "1"}]}], "1 events"),
     ([{"video": "v", "num_frames": 3, "events": [{"frame": 4, "label": "V"}]}], "1 events")],
)  # fmt: skip
def test_a_truth_that_is_none_says_so(tmp_path, content, fact):
    with pytest.raises(AnnotationError, match=fact):
        read_spot_truth(write_json(tmp_path / "truth.json", content))


def test_files_may_be_packed_and_name_records(tmp_path):
    truth = [
        {"video": "v_E_000001_000002", "fps": 25, "num_frames": 9,
         "events": [{"frame": 1, "label": "V"}, {"frame": 9, "label": "a"}]},
        {"video": "w"},
    ]  # fmt: skip
    path = tmp_path / "truth.json.gz"
    path.write_bytes(gzip.compress(json.dumps(truth).encode()))
    for known in (read_spot_truth(path), read_spot_truth(write_json(tmp_path / "truth.json", truth))):
        assert known.video_ids == ("v_E_000001_000002", "w") and known.record_ids == ("v", "w")
        assert (known.frames.tolist(), known.classes, known.num_frames.tolist()) == ([1, 9], ("V", "a"), [9, -1])
        assert known.fps[0] == 25 and np.isnan(known.fps[1])


def test_intervals_resample_records(tmp_path):
    rng = np.random.default_rng(0)
    truth = [
        {"video": f"r{i // 2}_E_00000{i}_000009", "num_frames": 99, "events": [{"frame": 9, "label": "V"}]}
        for i in range(8)
    ]
    found = [
        {"video": v["video"], "events": [{"frame": int(f), "label": "V", "score": float(s)} for f, s in
                                         zip(rng.integers(7, 12, 4), rng.random(4), strict=True)]}
        for v in truth
    ]  # fmt: skip
    known, spots = read(tmp_path, truth, found)
    result = compute_spotting_map(known, spots)
    intervals = compute_map_intervals(known, spots, result)
    assert intervals.num_records == 4
    for score, value in zip(intervals.mean, result.mean, strict=True):
        assert score.low <= value <= score.high and score.low < score.high


def test_real_moments_against_themselves_and_shifted(shared):
    folder = shared / "finegym" / "annotations"
    labels = (folder / "spot_finegym_class.txt").read_text().split()
    truth = read_spot_truth(folder / "spot_finegym_val.json.gz", labels)
    content = json.loads(gzip.decompress((folder / "spot_finegym_val.json.gz").read_bytes()))
    assert len(truth.frames) == sum(video["num_events"] for video in content)
    assert (len(truth.video_ids), len(truth.classes), truth.num_repeated, truth.other_labels) == (944, 32, 0, set())
    for shift, expected in ((0, [1, 1, 1]), (2, [0, 0, 1])):
        spots = Spots(truth.video_index, truth.frames + shift, truth.class_index, np.ones(len(truth.frames)))
        mean = compute_spotting_map(truth, spots).mean
        assert mean.round(2).tolist() == pytest.approx(expected, abs=0.02)
