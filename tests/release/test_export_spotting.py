"""The spotting JSON: worked by hand, read by the evaluation's reader, and the published file made again."""

import gzip
import json
from dataclasses import replace

import numpy as np
import pytest
from export_samples import HARD, make_codebook, make_hard_dataset

from finegym.annotations.annotation_json import read_annotation_json
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.official import read_official_codebook
from finegym.evaluation.localization.spots import read_spot_truth
from finegym.release.exports.exported import ExportSettings
from finegym.release.exports.frames import FrameClock
from finegym.release.exports.spotting import BETWEEN, GAPS, UNSOUGHT
from finegym.release.exports.write import write_exports

LOSSY = ExportSettings(allow_loss=True)


def export(dataset, folder, settings=LOSSY):
    (exported,) = write_exports(dataset, folder, ["spotting"], settings).values()
    return json.loads((folder / "spotting" / "spotting.json").read_text(encoding="utf-8")), exported


def test_events_of_a_vault_worked_by_hand(tmp_path):
    entries, _ = export(make_hard_dataset(), tmp_path, replace(LOSSY, pad_ms=400))
    vault = entries[0]
    assert vault["video"] == "-x<y&z_E_000010_000017"
    assert (vault["fps"], vault["width"], vault["height"]) == (25.0, 1280, 720)
    # 10.08 s is frame 252, 17.00 s frame 425; the sub-action begins 0.03 s = 0.75 frames later.
    assert vault["_source_info"] == {"start_frame": 252, "end_frame": 425, "pad": [10, 10], "effective_pad": [10, 10]}
    assert vault["num_frames"] == 10 + 173 + 10
    comment = f"A_0000_0006;(VT) {HARD}"
    assert vault["events"] == [
        {"frame": 11, "label": "VT-S1_0", "comment": comment},  # names of several words give way to ids
        {"frame": 10 + 80, "label": "VT-S1_1", "comment": comment},  # 3.22 s x 25 = 80.5
        {"frame": 10 + 110, "label": "VT-S1_2", "comment": comment},
        {"frame": 10 + 168, "label": "VT-S1_3", "comment": comment},
    ]


def test_pads_end_with_the_record(tmp_path):
    video = Video("v", (Action("E_000000_000001", "VT", 40, 960, ()),), None, None, 25.0, 25, 8, 8)
    entries, _ = export(Dataset(make_codebook(), (video,)), tmp_path, ExportSettings(pad_ms=10_000))
    assert entries[0]["_source_info"]["pad"] == [1, 1]
    assert entries[0]["num_frames"] == 25 and entries[0]["events"] == []


def test_what_it_cannot_say_is_counted(tmp_path):
    gap = SubAction("A_0000_0002", ((0, 40), (80, 120)), "0", "VT-S1")
    action = Action("E_000000_000009", "VT", 0, 9000, (gap,))
    dataset = make_hard_dataset()
    dataset = replace(dataset, videos=(*dataset.videos, Video("gap", (action,), fps=25.0)))
    _, exported = export(dataset, tmp_path)
    lines = exported.cannot_carry
    assert f"{UNSOUGHT}: 1, such as -x<y&z_E_000300_000301" in lines
    assert f"{GAPS}: 1, such as gap_E_000000_000009_A_0000_0002" in lines
    assert any(line.startswith(BETWEEN) for line in lines)
    assert any(line.startswith("sub-actions without a label: 1, ") for line in lines)


def test_the_reader_of_the_evaluation_finds_the_same_moments(tmp_path):
    dataset = make_hard_dataset()
    entries, exported = export(dataset, tmp_path)
    truth = read_spot_truth(tmp_path / "spotting" / "spotting.json")
    assert truth.video_ids == tuple(entry["video"] for entry in entries)
    assert exported.counts["events"] == len(truth.frames) == 4 + 4 + 2 * 4 + 2
    assert exported.counts["actions"] == len(truth.video_ids) == 6
    assert (tmp_path / "spotting" / "classes.txt").read_text().split() == sorted(truth.classes)
    starts = {f"{v.id}_{a.name}": (a, v.fps) for v in dataset.videos for a in v.actions}
    found = []
    for video, frame, label in zip(truth.video_index, truth.frames, truth.class_index, strict=True):
        action, fps = starts[truth.video_ids[video]]
        found.append((truth.video_ids[video], truth.classes[label], action.start_ms + frame * 1000 / fps))
    expected = []
    for instance in dataset.instances.values():
        sub = instance.sub_action
        set_id = {"0": "VT-S1", "2": "BB-S1", "3": "BB-S1", "5": "BB-S2"}.get(sub.element_id, sub.set_id)
        kinds = range(4) if len(sub.stages) == 3 else ("start", "end")
        times = [sub.start_ms, *(end for _, end in sub.stages)]
        expected += [
            (instance.action_id, f"{set_id}_{k}", t) for k, t in zip(kinds, times, strict=True) if set_id is not None
        ]
    found, expected = sorted(found), sorted(expected)
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    for (*_, near), (*_, exact) in zip(found, expected, strict=True):
        assert abs(near - exact) <= 500 / 25


def test_frames_of_the_file_are_used_where_it_was_looked_at():
    times = np.array([0.0, 33.367, 66.733, 300.0, 340.0])  # one frame stood still
    clock = FrameClock(25.0, times)
    assert [clock.find_frame(time) for time in (0, 33, 34, 67, 180, 190, 300, 340, 1000)] == [0, 1, 1, 2, 2, 3, 3, 4, 5]
    assert clock.find_frames(66, 67) == (2, 3)
    assert clock.count_frames(33, 340) == 3
    for time in range(340):
        assert np.abs(times[clock.find_frame(time)] - time) == np.abs(times - time).min()


def test_long_records_of_a_television_rate_do_not_drift():
    clock = FrameClock(30000 / 1001)
    for frame in (0, 1, 2, 1000, 1_265_854):
        assert clock.find_frame(round(frame * 1001 / 30)) == frame


@pytest.fixture(scope="module")
def published(shared):
    """The published labels, and FineGym's records as a dataset that knows the rate and size of each action."""
    folder = shared / "finegym"
    entries = json.loads(gzip.decompress((folder / "annotations" / "spot_finegym_val.json.gz").read_bytes()))
    codebook = read_official_codebook(folder / "official")
    videos = read_annotation_json(folder / "annotations" / "finegym_annotation_info_v1.1.rebuilt.json.gz", codebook)
    action_of = {f"{video.id}_{action.name}": action for video in videos for action in video.actions}
    return entries, codebook, action_of


def test_the_published_frames_come_out_again(published, tmp_path):
    entries, codebook, action_of = published
    videos = []
    for number, entry in enumerate(entries):
        action = action_of[entry["video"]]
        set_of = {read_name(event): find_set(event, codebook) for event in entry["events"]}
        named = [replace(sub, set_id=set_of[sub.name]) for sub in action.sub_actions if sub.name in set_of]
        assert len(named) == len(set_of)
        # Rates differ between actions of one record: each is a record here.
        videos.append(Video(f"{number}", (replace(action, sub_actions=tuple(named)),), fps=entry["fps"]))
    made, exported = export(Dataset(codebook, tuple(videos)), tmp_path)
    assert exported.counts["events"] == 13_866
    for ours, entry in zip(made, entries, strict=True):
        assert ours["video"].partition("_")[2] == entry["video"][12:]
        found, expected = (list_events(one, one["_source_info"]["effective_pad"][0]) for one in (ours, entry))
        assert found == expected


def read_name(event):
    return event["comment"].partition(";")[0]


def list_events(entry, pad):
    return sorted((event["frame"] - pad, event["label"], read_name(event)) for event in entry["events"])


def find_set(event, codebook):
    name = event["label"].rpartition("_")[0]
    return next(one.id for one in codebook.sets if name in (one.name, one.event_id))
