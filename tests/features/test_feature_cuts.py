"""Cuts that a feature build knows: where they come from, and which clips a corrected one reaches."""

import pytest
from feature_samples import IDS, SETTINGS, build, make_dataset, make_video, open_store

from finegym.video.ingest.cuts import Cut
from finegym.video.ingest.shots import find_shots, write_shots
from finegym.video.ingest.signals import compute_signals
from finegym.workspace import Workspace

FLOW = SETTINGS.model_copy(update={"kind": "flow"})


def put_shots(folder, video, **changes):
    """What ingest finds in a record, but for some changes."""
    path = folder / f"records/{video}.mp4"
    shots = find_shots(path, compute_signals(path))
    write_shots(Workspace(folder).get_shots_file(video), shots.model_copy(update=changes))


def put_cut(folder, video, frame):
    """What ingest, or a person who corrects it, says of a record that has one cut."""
    cut = Cut(frame=frame, time_ms=40 * frame, begin_frame=frame, end_frame=frame, is_gradual=False, score=0.9)
    put_shots(folder, video, cuts=(cut,))


def test_cuts_are_found_once_and_said(folder):
    result = build(folder, only=IDS[3:4])
    assert dict(result.cuts) == {"ingest": 0, "kept": 0, "found": 1}
    assert open_store(folder).get_facts(IDS[3]).extra == {"cuts": [15]}
    result = build(folder)
    assert dict(result.cuts) == {"ingest": 0, "kept": 1, "found": 1}
    assert dict(build(folder).cuts) == {"ingest": 0, "kept": 2, "found": 0}


def test_cuts_of_ingest_are_believed(folder):
    put_cut(folder, "b", 7)
    result = build(folder, only=IDS[3:])
    assert dict(result.cuts) == {"ingest": 1, "kept": 0, "found": 0}
    assert open_store(folder).get_facts(IDS[3]).extra == {"cuts": [7]}


@pytest.mark.parametrize(
    "change",
    [
        {"record_fingerprint": "of another"},  # as long, and yet another film
        {"record_fingerprint": "", "num_frames": 31},  # files of before have no fingerprint
        {"record_fingerprint": "", "end_ms": 1201.0},
    ],
)
def test_shots_of_another_file_are_not_believed(folder, change):
    put_shots(folder, "b", **change)
    assert dict(build(folder, only=IDS[3:]).cuts) == {"ingest": 0, "kept": 0, "found": 1}


def test_shots_without_a_fingerprint_are_believed_of_a_record_as_long(folder):
    put_shots(folder, "b", record_fingerprint="")
    assert dict(build(folder, only=IDS[3:]).cuts) == {"ingest": 1, "kept": 0, "found": 0}


def test_corrected_cuts_reach_flow_that_is_there_and_no_clip_that_they_do_not_touch(folder):
    build(folder, settings=FLOW)
    put_cut(folder, "a", 12)  # ingested later; in the first clip (10 to 19) and the third (0 to 14)
    result = build(folder, settings=FLOW)
    assert sorted(result.tally.done) == [IDS[0], IDS[2]] and len(result.tally.skipped) == 3
    assert open_store(folder).get_facts(IDS[0]).cuts == ((12, 12, 12),)
    assert build(folder, settings=FLOW).tally.done == {}
    put_cut(folder, "a", 16)  # corrected
    assert sorted(build(folder, settings=FLOW).tally.done) == [IDS[0], IDS[2]]
    put_cut(folder, "a", 20)  # between clips; named ones only
    assert list(build(folder, settings=FLOW, only=IDS[:1]).tally.done) == [IDS[0]]
    assert build(folder, settings=FLOW).tally.done == {}


def test_poses_follow_cuts_and_times_of_their_action(folder):
    """The gymnast is followed through the whole action: a cut elsewhere in it matters, and so does its length."""
    build(folder)
    put_cut(folder, "a", 25)  # in no clip
    assert sorted(build(folder).tally.done) == IDS[:3]
    times = [[(400, 800), (80, 120), (0, 600)], [(0, 200), (200, 1000)]]
    longer = make_dataset(make_video("a", times[0], length_ms=1000), make_video("b", times[1]))
    assert sorted(build(folder, longer).tally.done) == IDS[:3]
    build(folder, settings=FLOW, name="flow")
    assert build(folder, longer, settings=FLOW, name="flow").tally.done == {}


def test_clips_stay_where_cuts_cannot_be_read_and_that_is_said(folder):
    build(folder)
    place = Workspace(folder).get_shots_file("a")
    place.parent.mkdir(parents=True)
    place.write_text("{")
    result = build(folder)
    assert sorted(result.without_record) == IDS[:3] and len(result.tally.skipped) == 5
    assert "shots.json" in result.without_record[IDS[0]]
