import gzip
import json

import numpy as np
import pytest

from finegym.annotations.subsets import make_subset
from finegym.codebook.builtin import read_builtin
from finegym.codebook.official import read_official_codebook
from finegym.errors import AnnotationError, ConfigError
from finegym.localization.spotter_events import (
    IGNORED,
    EventClasses,
    find_moments,
    label_events,
    label_inside,
    make_event_classes,
)
from finegym.localization.timelines import Timeline


@pytest.fixture(scope="module")
def codebook():
    return read_builtin("artistic-women")


def make_timeline(segments, class_index, ignored=()):
    return Timeline(
        "v_E_000000_000010",
        "v",
        None,
        0,
        10_000,
        np.array(segments, np.int64).reshape(-1, 2),
        np.array(class_index, np.int64),
        np.array(ignored, np.int64).reshape(-1, 2),
    )


def test_labels_are_those_of_finegyms_spotting_files(shared):
    codebook = read_official_codebook(shared / "finegym" / "official")
    sets = make_subset("set", "set", [set_.id for set_ in codebook.sets], codebook)
    labels = make_event_classes(sets, codebook, [("VT", 3)]).labels
    published = (shared / "finegym" / "annotations" / "spot_finegym_class.txt").read_text().split()
    assert sorted(labels) == sorted(published)
    packed = (shared / "finegym" / "annotations" / "spot_finegym_val.json.gz").read_bytes()
    videos = json.loads(gzip.decompress(packed))
    assert {event["label"] for video in videos for event in video["events"]} <= set(labels)


def test_names_of_several_words_give_way_to_ids_in_all_classes(codebook):
    sets = make_subset("some", "set", ["VT-S1", "BB-S2"], codebook)
    assert make_event_classes(sets, codebook, [("VT-S1", 3)]).labels == (
        *("VT-S1_0", "VT-S1_1", "VT-S1_2", "VT-S1_3"),
        *("BB-S2_start", "BB-S2_end"),
    )


def test_stages_of_an_event_are_those_of_its_elements(codebook):
    ids = [codebook.get_elements_of_set("VT-S1")[0].id, codebook.get_elements_of_set("BB-S1")[0].id]
    classes = make_event_classes(make_subset("two", "element", ids, codebook), codebook, [("VT", 3)])
    assert classes.num_moments == (4, 2)
    assert classes.first_events == (0, 4)
    assert len(classes) == 6


@pytest.mark.parametrize(
    ("staged", "message"), [([("XX", 2)], "'XX' is no event"), ([("VT", 3), ("VT-S1", 2)], "given 3 and 2")]
)
def test_stages_that_make_no_sense_are_an_error(codebook, staged, message):
    with pytest.raises(ConfigError, match=message):
        make_event_classes(make_subset("one", "set", ["VT-S1"], codebook), codebook, staged)


def test_moments_of_segments():
    classes = EventClasses(("vault", "turn"), (4, 2), ("vault", "turn"))
    timeline = make_timeline([(100, 900), (1000, 1500)], [0, 1])
    moments = find_moments(timeline, classes, {(100, 900): (300, 500)})
    assert moments.times_ms.tolist() == [100, 300, 500, 900, 1000, 1500]
    assert moments.event_index.tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(AnnotationError, match=r"1 stages, and spotter\.staged says 3 of vault"):
        find_moments(timeline, classes, {})


def label_slowly(frames, event_frames, event_index, num_events, dilation):
    stride = frames[1] - frames[0]
    rows = []
    for place in range(len(frames)):
        distances = []
        for frame, event in zip(event_frames, event_index, strict=True):
            grid = [frames[0] + stride * k for k in range(-50, 100)]
            best = min(abs(number - frame) for number in grid)
            home = max(k for k, number in zip(range(-50, 100), grid, strict=True) if abs(number - frame) == best)
            if abs(place - home) <= dilation:
                distances.append((abs(place - home), event))
        nearest = {event for distance, event in distances if distance == min(d for d, _ in distances)}
        row = np.zeros(num_events + 1)
        if nearest:
            row[[event + 1 for event in nearest]] = 1 / len(nearest)
        else:
            row[0] = 1
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize(("stride", "dilation"), [(1, 0), (1, 2), (2, 1), (3, 0)])
def test_labels_are_those_of_the_slow_reference(stride, dilation):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        frames = 20 + stride * np.arange(12)
        event_frames = rng.integers(10, 70, 6)
        event_index = rng.integers(0, 3, 6)
        found = label_events(frames, event_frames, event_index, 3, dilation)
        np.testing.assert_allclose(found, label_slowly(frames.tolist(), event_frames, event_index, 3, dilation))


def test_an_end_and_a_start_in_one_frame_share_it():
    labels = label_events(np.arange(5), np.array([2, 2]), np.array([0, 1]), 2, 0)
    assert labels[2].tolist() == [0, 0.5, 0.5]
    assert labels[1].tolist() == [1, 0, 0]


def test_without_events_all_frames_are_background():
    labels = label_events(np.arange(3), np.empty(0, np.int64), np.empty(0, np.int64), 2, 1)
    assert labels.tolist() == [[1, 0, 0]] * 3


def test_frames_lie_inside_half_open_segments():
    timeline = make_timeline([(100, 200)], [1], ignored=[(300, 400)])
    times = np.array([99, 100, 199, 200, 300, 400])
    assert label_inside(times, timeline).tolist() == [0, 2, 2, 0, IGNORED, 0]
