import dataclasses

import numpy as np
import pytest
from timeline_samples import make_action, make_dataset, make_split, write_folder

from finegym.annotations.model import Dataset
from finegym.errors import AnnotationError
from finegym.localization.timelines import find_classes, make_timelines, read_timelines

IDS = ["one", "two", "three"]


def list_segments(timeline, classes):
    ids = [classes.classes[index].id for index in timeline.class_index]
    return [(*segment, id_) for segment, id_ in zip(timeline.segments_ms.tolist(), ids, strict=True)]


def test_a_record_is_a_timeline_of_its_actions_on_its_own_clock(tmp_path):
    dataset = make_dataset()
    split = make_split(dataset, IDS)
    found = make_timelines(dataset, split, tmp_path, task="actions", level="event", side="train")
    assert [timeline.timeline_id for timeline in found.timelines] == ["rec0", "rec1", "rec2"]
    first = found.timelines[0]
    assert (first.start_ms, first.end_ms, first.record_id) == (0, 4000, "rec0")
    assert list_segments(first, found.classes) == [(400, 1400, "VT"), (2000, 3600, "FX")]
    assert first.ignored_ms.shape == (0, 2)
    assert found.counts == {"records": 3, "segments": 6}


def test_an_action_is_a_timeline_of_its_sub_actions_and_what_has_no_label_is_to_be_ignored(tmp_path):
    dataset = make_dataset()
    split = make_split(dataset, IDS)
    found = make_timelines(dataset, split, tmp_path, task="sub-actions", level="element", side="val")
    assert [timeline.timeline_id for timeline in found.timelines] == ["rec3_E_000000_000001", "rec3_E_000002_000003"]
    floor = found.timelines[1]
    assert (floor.start_ms, floor.end_ms, floor.duration_ms) == (2000, 3600, 1600)
    assert list_segments(floor, found.classes) == [(200, 600, "two"), (1000, 1400, "three")]
    assert floor.ignored_ms.tolist() == [[800, 1000]]
    assert found.counts == {"records": 1, "segments": 3, "ignored": 1}


def test_coarser_levels_follow_from_the_classes_and_finer_ones_are_refused(tmp_path):
    dataset = make_dataset()
    split = make_split(dataset, IDS)
    found = make_timelines(dataset, split, tmp_path, task="sub-actions", level="set", side="val")
    assert [class_.id for class_ in found.classes.classes] == ["VT-S1", "FX-S1", "FX-S2"]
    assert list_segments(found.timelines[1], found.classes) == [(200, 600, "FX-S1"), (1000, 1400, "FX-S2")]
    # Of the event, every sub-action has a label.
    found = make_timelines(dataset, split, tmp_path, task="sub-actions", level="event", side="val")
    assert len(found.timelines[1].class_index) == 3
    sets = make_split(dataset, ["VT-S1"], level="set")
    with pytest.raises(AnnotationError, match="split is of sets"):
        find_classes(sets.subset, dataset.codebook, task="sub-actions", level="element")
    with pytest.raises(AnnotationError, match="is of an event"):
        find_classes(split.subset, dataset.codebook, task="actions", level="set")


def test_actions_of_other_events_are_to_be_ignored(tmp_path):
    dataset = make_dataset()
    found = make_timelines(dataset, make_split(dataset, ["one"]), tmp_path, task="actions", level="event", side="val")
    assert list_segments(found.timelines[0], found.classes) == [(400, 1400, "VT")]
    assert found.timelines[0].ignored_ms.tolist() == [[2000, 3600]]


def test_a_split_that_divides_records_is_refused(tmp_path):
    dataset = make_dataset()
    split = make_split(dataset, IDS)
    moved = next(iter(split.train))
    mixed = dataclasses.replace(
        split,
        train={id_: index for id_, index in split.train.items() if id_ != moved},
        val={**split.val, moved: split.train[moved]},
    )
    with pytest.raises(AnnotationError, match=r"1 of 4 records on both sides \(rec0\).*--by video"):
        make_timelines(dataset, mixed, tmp_path, task="actions", level="event", side="train")


def test_what_leaves_its_timeline_is_cut_and_counted(tmp_path):
    dataset = make_dataset(2)
    late = make_action(2000, 3600, "FX", (1900, 2600, "two"), (3000, 3700, "three"), (3650, 3800, "two"))
    record = dataclasses.replace(dataset.videos[1], actions=(late,))
    dataset = Dataset(dataset.codebook, (dataset.videos[0], record))
    split = make_split(dataset, IDS)
    found = make_timelines(dataset, split, tmp_path, task="sub-actions", level="element", side="val")
    assert found.timelines[0].segments_ms.tolist() == [[0, 600], [1000, 1600]]
    assert found.counts["segments cut at the end of their timeline"] == 2
    assert found.counts["segments outside of their timeline, left out"] == 1


def test_actions_in_which_nobody_has_looked_are_no_timelines(tmp_path):
    dataset = make_dataset(2)
    unseen = dataclasses.replace(dataset.videos[1].actions[0], sub_actions=None)
    record = dataclasses.replace(dataset.videos[1], actions=(unseen, dataset.videos[1].actions[1]))
    dataset = Dataset(dataset.codebook, (dataset.videos[0], record))
    split = make_split(dataset, IDS)
    found = make_timelines(dataset, split, tmp_path, task="sub-actions", level="element", side="val")
    assert len(found) == 1
    assert found.counts["actions in which nobody has looked for sub-actions"] == 1


def test_the_length_of_a_record_comes_from_its_file_or_the_table_and_else_is_asked_for(tmp_path):
    dataset = write_folder(tmp_path, 2)
    longer = dataclasses.replace(dataset.videos[1], num_frames=900)
    unknown = dataclasses.replace(dataset.videos[1], num_frames=None, path=None)
    for record, folder, end in ((longer, tmp_path, 4000), (longer, tmp_path / "none", 36000)):
        changed = Dataset(dataset.codebook, (dataset.videos[0], record))
        split = make_split(changed, IDS)
        found = make_timelines(changed, split, folder, task="actions", level="event", side="val")
        assert found.timelines[0].end_ms == end
    changed = Dataset(dataset.codebook, (dataset.videos[0], unknown))
    with pytest.raises(AnnotationError, match="rec1: how long it is"):
        make_timelines(changed, make_split(changed, IDS), tmp_path, task="actions", level="event", side="val")


def test_a_folder_is_read_and_missing_parts_are_named(tmp_path):
    write_folder(tmp_path, 2)
    found = read_timelines(tmp_path, "toy", task="sub-actions", level="element", side="train")
    assert len(found) == 2
    assert found.timelines[0].segments_ms.dtype == np.int64
    with pytest.raises(AnnotationError, match="no split 'other'; there are: toy"):
        read_timelines(tmp_path, "other", task="sub-actions", level="element", side="train")
    with pytest.raises(AnnotationError, match="is no dataset folder"):
        read_timelines(tmp_path / "nothing", "toy", task="sub-actions", level="element", side="train")
