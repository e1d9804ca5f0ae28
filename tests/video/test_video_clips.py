"""Clips cut from numbered records: every frame of every clip is the one that the sidecar says."""

import csv
import hashlib
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numbered import read_numbers, write_numbered

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook, Element, Event, Set
from finegym.errors import ConfigError, OutputError, VideoError
from finegym.video import clips
from finegym.video.clips import cut_clips, read_clips
from finegym.video.reader import VideoReader

CODEBOOK = Codebook("toy", "1", "toy", (Event("VT", "vault"),), (Set("VT-S1", "VT", "vault"),), (), (), ())
CODEBOOK = replace(CODEBOOK, elements=(Element("one", "VT-S1", "one"),))


def make_video(name, times, path="default", length_ms=3600):
    sub_actions = tuple(
        SubAction(f"A_{number:04d}_{number:04d}", (segment,), "one", "VT-S1") for number, segment in enumerate(times)
    )
    action = Action("E_000000_000009", "VT", 0, length_ms, sub_actions)
    return Video(name, (action,), path=f"records/{name}.mp4" if path == "default" else path)


@pytest.fixture
def dataset(tmp_path):
    """Two records of 90 numbered frames with three and two sub-actions, not in order; one of them variable in rate."""
    (tmp_path / "records").mkdir()
    write_numbered(tmp_path / "records" / "a.mp4", 90, size=(320, 180), options={"g": "30", "bf": "3"})
    times = np.cumsum(np.random.default_rng(1).integers(20, 60, 90)).tolist()
    write_numbered(tmp_path / "records" / "b.mp4", 90, times=times, time_base=Fraction(1, 1000), options={"bf": "3"})
    return Dataset(
        CODEBOOK,
        (
            make_video("a", [(2000, 2800), (400, 1000), (1000, 1020)]),
            make_video("b", [(times[10], times[30]), (times[60], times[75])]),
        ),
    )


def test_every_frame_of_every_clip_is_the_one_the_sidecar_names(dataset, tmp_path):
    tally = cut_clips(dataset, tmp_path, short_side=90)
    assert (len(tally.done), tally.skipped, tally.failed) == (5, [], {})
    rows = read_clips(tmp_path / "clips")
    assert list(rows) == list(dataset.instances)
    expected = [range(50, 70), range(10, 25), range(25, 26), range(10, 30), range(60, 75)]
    for row, frames in zip(rows.values(), expected, strict=True):
        path = tmp_path / "clips" / row.path
        assert (row.first_frame, row.num_frames) == (frames.start, len(frames))
        assert (row.sha256, row.size_bytes) == (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
        with VideoReader(path) as clip, VideoReader(tmp_path / row.record) as record:
            assert read_numbers(clip.read_frames(range(clip.index.num_frames))) == list(frames)
            assert (clip.index.height, clip.index.width) == (row.height, row.width)
            np.testing.assert_array_equal(record.index.pts[frames.start : frames.stop], row.pts)
            since_start = (np.array(row.pts) - row.pts[0]) * float(row.time_base) * 1000
            np.testing.assert_allclose(clip.index.pts_ms, since_start, atol=0.1)
            difference = clip.read_frames([0], size=(90, 160))[0].astype(float) - record.read_frames(
                [frames.start], size=(90, 160)
            )
            assert 10 * np.log10(255**2 / (difference**2).mean()) > 28
    assert {(row.height, row.width) for row in list(rows.values())[:3]} == {(90, 160)}


def test_a_clip_is_one_group_of_pictures(dataset, tmp_path):
    cut_clips(dataset, tmp_path, short_side=90)
    for path in (tmp_path / "clips").glob("*.mp4"):
        with av.open(str(path)) as container:
            keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
        assert keys[0] and sum(keys) == 1


def test_the_same_input_gives_the_same_bytes_with_any_number_of_workers(dataset, tmp_path):
    cut_clips(dataset, tmp_path, tmp_path / "x", short_side=90)
    cut_clips(dataset, tmp_path, tmp_path / "y", short_side=90, workers=2)
    for path in (tmp_path / "x").iterdir():
        assert path.read_bytes() == (tmp_path / "y" / path.name).read_bytes()
    assert sorted(p.name for p in (tmp_path / "y").iterdir()) == sorted(p.name for p in (tmp_path / "x").iterdir())


def test_a_second_run_repeats_nothing(dataset, tmp_path):
    first = cut_clips(dataset, tmp_path, short_side=90)
    second = cut_clips(dataset, tmp_path, short_side=90)
    assert second.skipped == list(dataset.instances)
    assert set(first.done) == set(second.skipped)
    assert not second.done and not second.failed


def test_only_what_changed_is_cut_again(dataset, tmp_path):
    cut_clips(dataset, tmp_path, short_side=90)
    ids = list(dataset.instances)
    (tmp_path / "clips" / f"{ids[0]}.mp4").unlink()
    moved = replace(dataset, videos=(dataset.videos[0], make_video("b", [(400, 600), (1000, 1200)])))
    tally = cut_clips(moved, tmp_path, short_side=90)
    assert sorted(tally.done) == sorted([ids[0], *ids[3:]])
    assert tally.skipped == ids[1:3]
    assert list(read_clips(tmp_path / "clips")) == ids
    assert len(cut_clips(moved, tmp_path, short_side=64).done) == 5


def test_some_instances_can_be_cut_and_the_others_later(dataset, tmp_path):
    ids = list(dataset.instances)
    cut_clips(dataset, tmp_path, instance_ids=ids[1:2])
    tally = cut_clips(dataset, tmp_path)
    assert tally.skipped == ids[1:2]
    assert list(read_clips(tmp_path / "clips")) == ids
    with pytest.raises(ConfigError, match="1 instance ids are not in the dataset; first: nobody"):
        cut_clips(dataset, tmp_path, instance_ids=["nobody"])


def test_what_cannot_be_cut_is_named_and_the_rest_goes_on(dataset, tmp_path):
    path = tmp_path / "records" / "cut.mp4"
    write_numbered(path, 90, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (tmp_path / "records" / "text.mp4").write_text("hello")
    videos = (
        *dataset.videos,
        make_video("cut", [(0, 400), (3000, 3400)]),
        make_video("text", [(0, 400)]),
        make_video("gone", [(0, 400)]),
        make_video("nofile", [(0, 400)], path=None),
        make_video("c", [(3500, 3700), (9000, 9100)], path="records/a.mp4"),
    )
    tally = cut_clips(replace(dataset, videos=videos), tmp_path, short_side=90)
    assert len(tally.done) == 7
    reasons = {instance_id.split("_E_")[0]: reason for instance_id, reason in tally.failed.items()}
    assert len(tally.failed) == 5
    assert "is not all there: frame" in reasons["cut"] and "does not decode (header promises 90" in reasons["cut"]
    assert "is not a video that FFmpeg can read" in reasons["text"]
    assert "there is no such file" in reasons["gone"]
    assert reasons["nofile"] == "record nofile has no file in records.csv"
    assert "lies outside the video" in reasons["c"]
    with (tmp_path / "clips" / "failed.csv").open(newline="") as file:
        assert {row["instance_id"]: row["reason"] for row in csv.DictReader(file)} == tally.failed
    # The clip that reaches 100 ms past the record's end says so.
    assert [row.missing_ms for row in tally.done.values() if row.missing_ms] == [100]
    assert not cut_clips(dataset, tmp_path, short_side=90).failed
    assert not (tmp_path / "clips" / "failed.csv").exists()


def test_a_full_disk_is_said_and_what_was_finished_is_kept(dataset, tmp_path, monkeypatch):
    original, calls = clips._encode, []

    def encode(path, *arguments):
        calls.append(path)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        original(path, *arguments)

    monkeypatch.setattr(clips, "_encode", encode)
    tally = cut_clips(dataset, tmp_path, short_side=90)
    ids = list(dataset.instances)
    # The third clip, in the order of time, of the first record is lost; the second record was still possible.
    assert set(tally.failed) == {ids[0]}
    assert "No space left on device" in tally.failed[ids[0]]
    assert set(tally.done) == set(ids[1:])
    assert not list((tmp_path / "clips").glob(".*"))
    assert set(cut_clips(dataset, tmp_path, short_side=90).done) == {ids[0]}


def test_a_killed_run_is_taken_up_where_it_stopped(dataset, tmp_path):
    """kill -9 while the second record is being cut."""
    program = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from finegym.video import clips
import test_video_clips
original, count = clips._encode, 0
def encode(path, *arguments):
    global count
    count += 1
    if count == 4:
        path.write_bytes(b"half a clip")
        os.kill(os.getpid(), 9)
    original(path, *arguments)
clips._encode = encode
videos = (
    test_video_clips.make_video("a", [(2000, 2800), (400, 1000), (1000, 1020)]),
    test_video_clips.make_video("b", [(400, 600), (1000, 1200)]),
)
clips.cut_clips(test_video_clips.Dataset(test_video_clips.CODEBOOK, videos), Path({str(tmp_path)!r}), short_side=90)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == -9
    out = tmp_path / "clips"
    assert not (out / "clips.csv").exists() and list((out / ".rows").iterdir())
    with next((out / ".rows").glob("*.csv")).open("a") as file:
        file.write("a_E_000000_000009_A_0001,torn li")
    again = replace(dataset, videos=(dataset.videos[0], make_video("b", [(400, 600), (1000, 1200)])))
    tally = cut_clips(again, tmp_path, short_side=90)
    assert (len(tally.skipped), len(tally.done), len(tally.failed)) == (3, 2, 0)
    assert list(read_clips(out)) == list(again.instances)
    assert sorted(path.name for path in out.iterdir()) == sorted([*(f"{i}.mp4" for i in again.instances), "clips.csv"])


def test_settings_out_of_range_are_refused(dataset, tmp_path):
    with pytest.raises(ConfigError, match="short_side must be even"):
        cut_clips(dataset, tmp_path, short_side=255)
    with pytest.raises(ConfigError, match="crf must lie in 0 to 51"):
        cut_clips(dataset, tmp_path, crf=60)


def test_a_folder_that_cannot_be_made_is_one_clear_error(dataset, tmp_path):
    (tmp_path / "clips").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        cut_clips(dataset, tmp_path)


def test_a_damaged_sidecar_is_named(dataset, tmp_path):
    cut_clips(dataset, tmp_path, short_side=90)
    path = tmp_path / "clips" / "clips.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]) + lines[2][:30])
    with pytest.raises(VideoError, match=r"clips\.csv, line 3: is damaged"):
        read_clips(tmp_path / "clips")
    path.write_text("a,b\n")
    with pytest.raises(VideoError, match="expected the columns instance_id,"):
        read_clips(tmp_path / "clips")


def test_a_real_xvid_clip_is_cut_frame_by_frame(shared, tmp_path):
    source = shared / "clips" / "ucf101" / "BalanceBeam" / "v_BalanceBeam_g01_c01.avi"
    dataset = Dataset(CODEBOOK, (make_video("beam", [(1000, 2000)], path=str(source)),))
    tally = cut_clips(dataset, tmp_path)
    (row,) = tally.done.values()
    assert (row.first_frame, row.num_frames, row.width, row.height) == (25, 25, 320, 240)
    with VideoReader(tmp_path / "clips" / row.path) as clip, VideoReader(source) as record:
        ours, theirs = clip.read_frames(range(25)).astype(float), record.read_frames(range(25, 50)).astype(float)
    errors = [[((a - b) ** 2).mean() for b in theirs[::6]] for a in ours[::6]]
    assert np.argmin(errors, axis=1).tolist() == list(range(5))
