"""Building a clip store: every frame is the one that the map says; nothing is done twice, lost or left half-done."""

import csv
import io
import subprocess
import sys
import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numbered import read_numbers, write_numbered
from store_samples import CODEBOOK, FRAMES, VARIABLE_MS, build, compute_psnr, make_dataset, make_video, read_all

from finegym.annotations.model import Dataset
from finegym.errors import AnnotationError, ConfigError, OutputError, VideoError
from finegym.video.reader import VideoReader
from finegym.video.store import build as build_module
from finegym.video.store import cut
from finegym.video.store.build import build_store, make_settings
from finegym.video.store.pack import list_shards
from finegym.video.store.read import ClipStore
from finegym.video.store.tar import scan_tar

FAST = {"fast": True}


@pytest.mark.parametrize("settings", [{}, FAST])
def test_every_frame_of_every_clip_is_the_one_that_the_map_names(dataset, folder, settings):
    result = build(dataset, folder, settings=settings)
    assert (len(result.tally.done), result.tally.skipped, result.tally.failed) == (5, [], {})
    store = ClipStore(folder / "clips")
    assert list(store.instance_ids) == list(dataset.instances)
    for instance_id, frames in zip(store.instance_ids, FRAMES, strict=True):
        facts = store.get_facts(instance_id)
        assert (facts.first_frame, facts.num_frames) == (frames.start, len(frames))
        assert read_numbers(store.read_frames(instance_id)) == list(frames)
        with VideoReader(folder / facts.record) as record:
            np.testing.assert_array_equal(record.index.pts[frames.start : frames.stop], facts.pts)
            np.testing.assert_array_equal(record.index.pts_ms[frames.start : frames.stop], facts.pts_ms)
            theirs = record.read_frames(frames, size=(facts.height, facts.width))
        assert compute_psnr(store.read_frames(instance_id), theirs) > 32


def test_the_mp4_of_a_clip_keeps_the_distances_of_its_frames(dataset, folder, tmp_path):
    build(dataset, folder)
    store = ClipStore(folder / "clips")
    for instance_id in store.instance_ids:
        facts = store.get_facts(instance_id)
        (media,) = store.read_media(instance_id)
        (tmp_path / "clip.mp4").write_bytes(media)
        with VideoReader(tmp_path / "clip.mp4", use_cache=False) as clip:
            np.testing.assert_allclose(clip.index.pts_ms, facts.pts_ms - facts.pts_ms[0], atol=0.1)
            assert (clip.index.width, clip.index.height) == (facts.width, facts.height)
            planes = clip.read_frames(range(facts.num_frames), colours="yuv420")
            np.testing.assert_array_equal(planes, store.read_frames(instance_id, colours="yuv420"))
            assert compute_psnr(clip.read_frames(range(facts.num_frames)), store.read_frames(instance_id)) > 30


def test_three_of_four_frames_of_a_clip_can_be_left_out(folder):
    build(Dataset(CODEBOOK, (make_video("a", [(0, 3600)]),)), folder)
    store = ClipStore(folder / "clips")
    facts = store.get_facts(store.instance_ids[0])
    assert facts.packet_roles[0] == 2 and facts.packet_roles.count(2) == 1
    assert facts.packet_roles.count(0) == 3 * (facts.num_frames - 1) // 4
    assert [frame for frame, role in zip(facts.packet_frames, facts.packet_roles, strict=True) if role] == [
        *range(0, facts.num_frames, 4),
        facts.num_frames - 1,
    ]


@pytest.mark.parametrize("settings", [{}, FAST])
def test_the_same_input_gives_the_same_bytes_with_any_number_of_workers(dataset, folder, settings):
    build(dataset, folder, folder / "x", settings=settings)
    build(dataset, folder, folder / "y", settings=settings, workers=2)
    assert read_all(folder / "x") == read_all(folder / "y")


def test_a_ray_cluster_makes_the_same_bytes(dataset, folder, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    (folder / "records" / "text.mp4").write_text("hello")
    dataset = replace(dataset, videos=(*dataset.videos, make_video("text", [(0, 400)])))
    build(dataset, folder, folder / "x")
    with warnings.catch_warnings():
        # Ray leaves its own sockets to the garbage collector, and speaks of its next version.
        warnings.simplefilter("ignore")
        tally = build(dataset, folder, folder / "y", workers=2, engine="ray").tally
    assert (len(tally.done), len(tally.failed)) == (5, 1)
    assert read_all(folder / "x") == read_all(folder / "y")


def test_a_second_run_repeats_nothing_and_changes_no_byte(dataset, folder):
    build(dataset, folder)
    before = read_all(folder / "clips")
    times = {path: path.stat().st_mtime_ns for path in (folder / "clips").iterdir()}
    again = build(dataset, folder)
    assert (again.tally.done, again.tally.skipped) == ({}, list(dataset.instances))
    assert read_all(folder / "clips") == before
    assert {path: path.stat().st_mtime_ns for path in (folder / "clips").iterdir()} == times


def test_a_build_for_changed_annotations_encodes_only_what_changed_and_ends_as_one_from_nothing(dataset, folder):
    build(dataset, folder)
    for b_times in ([(400, 600), (1000, 1200)], [(1000, 1200)], [(0, 200), (400, 600), (1000, 1200)]):
        moved = make_dataset(b_times)
        there = {clip.instance_id: clip for clip in map(ClipStore(folder / "clips").get_facts, dataset.instances)}
        tally = build(moved, folder).tally
        for instance_id, instance in moved.instances.items():
            times = instance.sub_action.start_ms, instance.sub_action.end_ms
            facts = there.get(instance_id)
            is_kept = facts is not None and (facts.start_ms, facts.end_ms) == times
            assert (instance_id in tally.skipped, instance_id in tally.done) == (is_kept, not is_kept)
        build(moved, folder, folder / "new")
        assert read_all(folder / "clips") == read_all(folder / "new")
        dataset = moved


def test_a_changed_record_is_cut_again(dataset, folder):
    build(dataset, folder)
    write_numbered(folder / "records" / "a.mp4", 90, size=(320, 180), options={"g": "20"})
    tally = build(dataset, folder).tally
    assert set(tally.done) == set(list(dataset.instances)[:3])
    assert tally.skipped == list(dataset.instances)[3:]


def test_shards_are_filled_in_the_order_of_the_dataset_and_kept_when_they_stay_the_same(dataset, folder):
    build_store(dataset, folder, folder / "clips", make_settings(fast=True, short_side=90), shard_mb=1)
    many = Dataset(CODEBOOK, (make_video("a", [(40 * k, 40 * k + 800) for k in range(40)], length_ms=3600),))
    result = build(many, folder, folder / "many", settings=FAST, shard_mb=1)
    shards = list_shards(folder / "many")
    assert len(shards) == len(result.store.shards) > 2
    assert [clip.facts.instance_id for path in shards for clip in scan_tar(path)] == list(many.instances)
    assert all(1e6 <= path.stat().st_size < 1.5e6 for path in shards[:-1])
    times = [path.stat().st_mtime_ns for path in shards]
    fewer = Dataset(CODEBOOK, (make_video("a", [(40 * k, 40 * k + 800) for k in range(39)], length_ms=3600),))
    build(fewer, folder, folder / "many", settings=FAST, shard_mb=1)
    after = [path.stat().st_mtime_ns for path in list_shards(folder / "many")]
    assert after[:-1] == times[: len(after) - 1]
    build(fewer, folder, folder / "new", settings=FAST, shard_mb=1)
    assert read_all(folder / "many") == read_all(folder / "new")


def test_some_clips_can_be_cut_and_the_others_later(dataset, folder):
    ids = list(dataset.instances)
    build(dataset, folder, only=ids[1:2])
    assert ClipStore(folder / "clips").instance_ids == (ids[1],)
    assert build(dataset, folder, only=ids[3:4]).tally.skipped == [ids[1]]
    assert build(dataset, folder).tally.skipped == [ids[1], ids[3]]
    build(dataset, folder, folder / "new")
    assert read_all(folder / "clips") == read_all(folder / "new")
    with pytest.raises(ConfigError, match="1 ids to be cut are not in the dataset; first: nobody"):
        build(dataset, folder, only=["nobody"])


def test_clips_outlive_their_record(dataset, folder):
    """Unmounted, deleted, damaged, or no longer in records.csv: what shows the annotated times stays."""
    build(dataset, folder)
    before = read_all(folder / "clips")
    ids = list(dataset.instances)
    (folder / "records" / "a.mp4").write_text("hello")
    (folder / "records" / "b.mp4").rename(folder / "b.mp4")
    again = build(dataset, folder)
    assert (again.tally.skipped, again.tally.done, again.tally.failed) == (ids, {}, {})
    assert list(again.without_record) == ids
    assert "is not a video" in again.without_record[ids[0]] and "no such file" in again.without_record[ids[3]]
    assert read_all(folder / "clips") == before
    nowhere = replace(dataset, videos=(dataset.videos[0], replace(dataset.videos[1], path=None)))
    again = build(nowhere, folder)
    assert again.without_record[ids[3]] == "record b has no file in records.csv"
    assert read_all(folder / "clips") == before
    # A clip of other times than the annotated ones is not what is asked for, and there is nothing to cut it from.
    moved = make_dataset([(VARIABLE_MS[10], VARIABLE_MS[30]), (400, 600)])
    again = build(moved, folder)
    assert list(again.tally.failed) == [ids[4]] and "no such file" in again.tally.failed[ids[4]]
    assert again.tally.skipped == ids[:4]


def test_clips_that_are_not_named_stay_whatever_became_of_annotation_and_record(dataset, folder, monkeypatch):
    build(dataset, folder)
    ids = list(dataset.instances)
    before = {i: ClipStore(folder / "clips").get_facts(i) for i in ids}
    (folder / "records" / "b.mp4").unlink()
    looked_into = []
    monkeypatch.setattr(build_module, "look_into", lambda path, folder: looked_into.append(path) or look(path, folder))
    # Of b one clip has other times, the other is gone; the named clip of a has other times too.
    videos = make_video("a", [(2040, 2800), (400, 1000), (1000, 1020)]), make_video("b", [(0, 200)])
    changed = Dataset(CODEBOOK, videos)
    result = build(changed, folder, only=[ids[0]])
    assert looked_into == ["records/a.mp4"]
    assert (list(result.tally.done), result.tally.skipped, result.tally.failed) == ([ids[0]], ids[1:3], {})
    assert (result.stale, result.removed) == ((ids[3], ids[4]), ())
    store = ClipStore(folder / "clips")
    assert store.instance_ids == tuple(ids)
    assert {i: store.get_facts(i) for i in ids[1:]} == {i: before[i] for i in ids[1:]}
    assert store.get_facts(ids[0]).first_frame == 51


def look(path, folder):
    return cut.look_into(path, folder=folder)


def test_what_an_earlier_build_could_not_cut_stays_listed_when_others_are_named(dataset, folder):
    (folder / "records" / "b.mp4").rename(folder / "b.mp4")
    ids = list(dataset.instances)
    assert set(build(dataset, folder).tally.failed) == set(ids[3:])
    (folder / "b.mp4").rename(folder / "records" / "b.mp4")
    result = build(dataset, folder, only=[ids[3]])
    assert (list(result.tally.done), result.tally.failed, result.store.num_skipped) == ([ids[3]], {}, 1)
    with (folder / "clips" / "skipped.csv").open(newline="") as file:
        assert [row["instance_id"] for row in csv.DictReader(file)] == [ids[4]]


def test_a_full_build_removes_and_counts_clips_that_are_no_longer_annotated(dataset, folder):
    build(dataset, folder)
    ids = list(dataset.instances)
    fewer = replace(dataset, videos=dataset.videos[:1])
    result = build(fewer, folder)
    assert (result.removed, result.stale, result.tally.failed) == (tuple(ids[3:]), (), {})
    build(fewer, folder, folder / "new")
    assert read_all(folder / "clips") == read_all(folder / "new")


def test_what_cannot_be_cut_is_named_and_the_rest_goes_on(dataset, folder):
    path = folder / "records" / "cut.mp4"
    write_numbered(path, 90, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (folder / "records" / "text.mp4").write_text("hello")
    videos = (
        *dataset.videos,
        make_video("cut", [(0, 400), (3000, 3400)]),
        make_video("text", [(0, 400)]),
        make_video("gone", [(0, 400)]),
        make_video("nofile", [(0, 400)], path=None),
        make_video("c", [(3500, 3700), (9000, 9100)], path="records/a.mp4"),
    )
    result = build(replace(dataset, videos=videos), folder)
    assert len(result.tally.done) == 7
    reasons = {instance_id.split("_E_")[0]: reason for instance_id, reason in result.tally.failed.items()}
    assert len(result.tally.failed) == 5
    assert "is not all there: frame" in reasons["cut"] and "does not decode (header promises 90" in reasons["cut"]
    assert "is not a video that FFmpeg can read" in reasons["text"]
    assert "there is no such file" in reasons["gone"]
    assert reasons["nofile"] == "record nofile has no file in records.csv"
    assert "lies outside the video" in reasons["c"]
    with (folder / "clips" / "skipped.csv").open(newline="") as file:
        assert {row["instance_id"]: row["reason"] for row in csv.DictReader(file)} == result.tally.failed
    assert result.store.num_skipped == 5
    # The clip that reaches 100 ms past the record's end says so.
    assert [ClipStore(folder / "clips").get_facts(i).missing_ms for i in result.shortened] == [100]
    assert not build(dataset, folder).tally.failed
    assert not (folder / "clips" / "skipped.csv").exists()


def test_a_damaged_frame_costs_only_the_clips_that_show_it(folder):
    """Clips of one group; a picture in the middle of the record does not decode."""
    path = write_numbered(folder / "records" / "d.mp4", 90, options={"g": "1000", "bf": "0"})
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    position, size = packets[50]
    data[position : position + size] = b"\xff" * size
    path.write_bytes(data)
    dataset = Dataset(CODEBOOK, (make_video("d", [(0, 400), (1800, 2200), (400, 800), (2800, 3000)]),))
    tally = build(dataset, folder).tally
    ids = list(dataset.instances)
    assert set(tally.done) == {ids[0], ids[2]}
    assert all("frame" in tally.failed[i] and "does not decode" in tally.failed[i] for i in (ids[1], ids[3]))


def test_a_full_disk_is_said_and_what_was_finished_is_kept(dataset, folder, monkeypatch):
    original, calls = cut.format_run, []

    def format_run(facts, files):
        calls.append(facts)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return original(facts, files)

    monkeypatch.setattr(cut, "format_run", format_run)
    tally = build(dataset, folder).tally
    ids = list(dataset.instances)
    # The third clip, in the order of time, of the first record is lost.
    assert set(tally.failed) == {ids[0]}
    assert "No space left on device" in tally.failed[ids[0]]
    assert set(tally.done) == set(ids[1:])
    assert [path.name for path in (folder / "clips").glob(".*")] == [".lock"]
    assert set(build(dataset, folder).tally.done) == {ids[0]}


def test_no_space_for_the_shards_leaves_the_clips_waiting(dataset, folder, monkeypatch):
    from finegym.video.store import pack

    def fail(clip):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pack, "_read_run", fail)
        with pytest.raises(OutputError, match=r"shard-000000\.tar: cannot be written: No space left"):
            build(dataset, folder)
    assert not (folder / "clips" / "store.json").exists()
    assert build(dataset, folder).tally.skipped == list(dataset.instances)


PROGRAM = """
import os, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from finegym.video.store import cut, pack
import store_samples
def count_down(module, name, number):
    original = getattr(module, name)
    def call(*arguments, **named):
        nonlocal number
        number -= 1
        if number == 0:
            os.kill(os.getpid(), 9)
        return original(*arguments, **named)
    setattr(module, name, call)
count_down({module}, {name!r}, {number})
store_samples.build(store_samples.make_dataset({b_times}), Path({folder!r}), settings={{"fast": True}}, shard_mb=1)
"""


def kill(folder, module, name, number, b_times="None"):
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    program = PROGRAM.format(paths=paths, module=module, name=name, number=number, folder=str(folder), b_times=b_times)
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == -9


def test_a_run_killed_while_cutting_is_taken_up_where_it_stopped(dataset, folder):
    kill(folder, "cut", "format_run", 4)
    assert not (folder / "clips" / "store.json").exists()
    with pytest.raises(VideoError, match="no finished clip store"):
        ClipStore(folder / "clips")
    # A file that the killed run had begun does not count.
    (folder / "clips" / ".pending" / ".x-y.tar").write_bytes(b"half a clip")
    tally = build(dataset, folder, settings=FAST, shard_mb=1).tally
    assert (len(tally.skipped), len(tally.done), tally.failed) == (3, 2, {})
    build(dataset, folder, folder / "new", settings=FAST, shard_mb=1)
    assert read_all(folder / "clips") == read_all(folder / "new")


@pytest.mark.parametrize(
    ("name", "number"),
    [("_write_shard", 1), ("_read_run", 2), ("_read_run", 5), ("finish_store", 1), ("format_index", 1)],
)
def test_a_run_killed_while_packing_loses_no_clip(dataset, folder, name, number):
    """For an old store of other clips: shards change while some of their clips are kept."""
    build(make_dataset([(0, 200), (400, 600)]), folder, settings=FAST, shard_mb=1)
    kill(folder, "pack", name, number)
    tally = build(dataset, folder, settings=FAST, shard_mb=1).tally
    assert (tally.skipped, tally.done, tally.failed) == (list(dataset.instances), {}, {})
    build(dataset, folder, folder / "new", settings=FAST, shard_mb=1)
    assert read_all(folder / "clips") == read_all(folder / "new")


def test_a_run_killed_between_two_shards_taking_their_places_loses_no_clip(folder):
    old = Dataset(CODEBOOK, (make_video("a", [(40 * k, 40 * k + 800) for k in range(40)]),))
    build(old, folder, settings=FAST, shard_mb=1)
    new = Dataset(CODEBOOK, (make_video("a", [(40 * k, 40 * k + 800) for k in range(1, 40)]),))
    program = PROGRAM.replace("count_down({module}, {name!r}, {number})", "count_down(Path, 'replace', {number})")
    # replace() of 39 clips, of some shards under .pending, then of the first shards into their places.
    times = repr([(40 * k, 40 * k + 800) for k in range(1, 40)])
    program = program.replace("store_samples.make_dataset({b_times})", "DATASET")
    dataset = f"store_samples.Dataset(store_samples.CODEBOOK, (store_samples.make_video('a', {times}),))"
    program = program.replace("DATASET", dataset)
    result = build(new, folder, folder / "new", settings=FAST, shard_mb=1)
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    number = 39 + len(result.store.shards) + 2
    code = program.format(paths=paths, number=number, folder=str(folder))
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == -9
    assert not (folder / "clips" / "store.json").exists()
    tally = build(new, folder, settings=FAST, shard_mb=1).tally
    assert (len(tally.skipped), len(tally.done)) == (39, 0)
    assert read_all(folder / "clips") == read_all(folder / "new")


def test_two_builds_at_once_are_refused(dataset, folder):
    import fcntl

    (folder / "clips").mkdir()
    with (folder / "clips" / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another build is at work there"):
            build(dataset, folder)


def test_a_build_that_ends_leaves_the_file_that_another_locks(dataset, folder):
    """Two that opened the lock before and after the end of a build hold the same file, never one each."""
    from finegym.video.store.lock import hold_store

    with hold_store(folder / "clips"):
        early = (folder / "clips" / ".lock").stat().st_ino
    build(dataset, folder)
    with hold_store(folder / "clips"):
        assert (folder / "clips" / ".lock").stat().st_ino == early
        with pytest.raises(OutputError, match="another build is at work there"), hold_store(folder / "clips"):
            pass


@pytest.mark.parametrize("moment", ["before", "while"])
def test_a_record_that_changes_while_it_is_cut_is_not_filed_as_what_it_was(dataset, folder, monkeypatch, moment):
    path = folder / "records" / "a.mp4"
    before = path.read_bytes()
    name = "cut_group" if moment == "before" else "_cut"
    module = build_module if moment == "before" else cut
    original = getattr(module, name)

    def change(*arguments, **named):
        write_numbered(path, 90, size=(320, 180), options={"g": "20"})
        return original(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, change)
        tally = build(dataset, folder).tally
    ids = list(dataset.instances)
    assert set(tally.failed) == set(ids[:3]) and set(tally.done) == set(ids[3:])
    assert all("a.mp4: changed while it was being cut" in reason for reason in tally.failed.values())
    path.write_bytes(before)
    assert set(build(dataset, folder).tally.done) == set(ids[:3])


def test_settings_out_of_range_are_refused():
    for settings, words in (
        ({"short_side": 255}, "short_side must be even"),
        ({"crf": 60}, "quality of mp4 must lie in 0 to 51, got 60"),
        ({"fast": True, "jpeg_quality": 0}, "quality of jpeg must lie in 1 to 100, got 0"),
        ({"fast": True, "crf": 20}, "crf belongs to H.264"),
        ({"jpeg_quality": 90}, "jpeg_quality belongs to JPEGs"),
    ):
        with pytest.raises(ConfigError, match=words):
            make_settings(**settings)


def test_a_store_of_other_settings_is_replaced_only_when_told_to(dataset, folder):
    build(dataset, folder)
    before = read_all(folder / "clips")
    with pytest.raises(ConfigError, match="holds sub-actions, mp4, crf 19, short side 90; asked for sub-actions, jpeg"):
        build(dataset, folder, settings=FAST)
    assert read_all(folder / "clips") == before
    assert len(build(dataset, folder, settings=FAST, replace=True).tally.done) == 5


def test_a_replacement_that_was_stopped_goes_on(dataset, folder, monkeypatch):
    build(dataset, folder)
    finish = build_module.pack_shards

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(build_module, "pack_shards", stop)
    with pytest.raises(KeyboardInterrupt):
        build(dataset, folder, settings=FAST, replace=True)
    monkeypatch.setattr(build_module, "pack_shards", finish)
    again = build(dataset, folder, settings=FAST, replace=True).tally
    assert (len(again.done), len(again.skipped)) == (0, 5)
    assert ClipStore(folder / "clips").facts.settings.encoding == "jpeg"


def test_a_folder_that_cannot_be_made_is_one_clear_error(dataset, folder):
    (folder / "clips").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        build(dataset, folder)


def test_an_id_that_occurs_twice_is_an_error(folder):
    with pytest.raises(AnnotationError, match="occurs twice"):
        build(Dataset(CODEBOOK, (make_video("a", [(0, 100)]), make_video("a", [(0, 100)]))), folder)


def test_actions_and_snippets_are_clips_too(dataset, folder):
    build(dataset, folder, folder / "actions", settings={"unit": "action"})
    store = ClipStore(folder / "actions")
    assert store.instance_ids == ("a_E_000000_000009", "b_E_000000_000009")
    assert read_numbers(store.read_frames("a_E_000000_000009", [0, 89, 40])) == [0, 89, 40]
    build(dataset, folder, folder / "snippets", settings={"unit": "snippet", "snippet_ms": 1600, "stride_ms": 800})
    store = ClipStore(folder / "snippets")
    ids = [i for i in store.instance_ids if i.startswith("a_")]
    assert ids == [f"a_E_000000_000009_S_{start:08d}" for start in (0, 800, 1600, 2400)]
    assert [read_numbers(store.read_frames(i))[::20] for i in ids] == [[0, 20], [20, 40], [40, 60], [60, 80]]
    assert [store.count_frames(i) for i in ids] == [40, 40, 40, 30]


def test_a_long_clip_has_a_key_frame_every_96_frames(tmp_path):
    (tmp_path / "records").mkdir()
    write_numbered(tmp_path / "records" / "a.mp4", 250)
    dataset = Dataset(CODEBOOK, (make_video("a", [(0, 100)], length_ms=10_000),))
    build(dataset, tmp_path, settings={"unit": "action"})
    store = ClipStore(tmp_path / "clips")
    (instance_id,) = store.instance_ids
    facts = store.get_facts(instance_id)
    keys = [frame for frame, role in zip(facts.packet_frames, facts.packet_roles, strict=True) if role == 2]
    assert keys == [0, 96, 192]
    wanted = [249, 100, 3, 95, 96, 97, 200]
    assert read_numbers(store.read_frames(instance_id, wanted)) == wanted


@pytest.mark.parametrize("settings", [{}, FAST])
@pytest.mark.parametrize(
    ("name", "arguments", "size"),
    [
        ("odd.mkv", {"codec": "mpeg4", "size": (161, 121)}, (120, 160)),
        ("small.mp4", {"size": (64, 48)}, (48, 64)),
        ("turned.mp4", {"matrix": (0, 1, -1, 0), "prepare": np.rot90}, (120, 160)),
        ("ten_bit.mp4", {"pixel_format": "yuv420p10le"}, (120, 160)),
        ("full.mp4", {"pixel_format": "yuvj420p"}, (120, 160)),
        ("four.mkv", {"pixel_format": "yuv444p"}, (120, 160)),
        ("pictures.avi", {"codec": "mjpeg", "pixel_format": "yuvj422p"}, (120, 160)),
    ],
)
def test_unusual_records_keep_frames_and_colours(tmp_path, name, arguments, size, settings):
    (tmp_path / "records").mkdir()
    write_numbered(tmp_path / "records" / name, 30, **arguments)
    dataset = Dataset(CODEBOOK, (make_video("a", [(400, 1000)], path=f"records/{name}"),))
    build(dataset, tmp_path, settings={**settings, "short_side": 256})
    store = ClipStore(tmp_path / "clips")
    (instance_id,) = store.instance_ids
    facts = store.get_facts(instance_id)
    assert (facts.height, facts.width) == size
    ours = store.read_frames(instance_id)
    assert read_numbers(ours) == list(range(10, 25))
    with VideoReader(tmp_path / "records" / name) as record:
        theirs = record.read_frames(range(10, 25), size=size)
    assert compute_psnr(ours, theirs) > 30
    # Planes that were read with another matrix or range shift flat areas by far more than this.
    assert np.abs(ours.mean(axis=(0, 1, 2)) - theirs.mean(axis=(0, 1, 2))).max() < 1.5


def test_variable_rate_is_written_down_as_it_is(dataset, folder):
    build(dataset, folder)
    facts = ClipStore(folder / "clips").get_facts(list(dataset.instances)[3])
    np.testing.assert_allclose(facts.pts_ms, VARIABLE_MS[10:30])
    assert Fraction(facts.time_base) * facts.pts[0] * 1000 == VARIABLE_MS[10]


def test_ids_with_dots_and_signs_keep_their_names(folder):
    name = "final.2019 á%x"
    dataset = Dataset(CODEBOOK, (make_video(name, [(0, 200)], path="records/a.mp4"),))
    build(dataset, folder)
    (path,) = list_shards(folder / "clips")
    assert ClipStore(folder / "clips").instance_ids == (f"{name}_E_000000_000009_A_0000_0000",)
    import tarfile

    with tarfile.open(path) as archive:
        assert all(member.count(".") == 1 and "%2E2019" in member for member in archive.getnames())


def test_real_xvid_and_h264_clips_are_stored_frame_by_frame(shared, tmp_path):
    other = shared / "clips" / "other"
    sources = [
        shared / "clips" / "ucf101" / "BalanceBeam" / "v_BalanceBeam_g01_c01.avi",
        other / "poseformerv2_sample_video.mp4",
        other / "sports2d_demo.mp4",
        other / "scorehmr_breakdancing.mp4",
    ]
    videos = tuple(make_video(path.stem, [(1000, 1600)], path=str(path)) for path in sources)
    dataset = Dataset(CODEBOOK, videos)
    for settings in ({"short_side": 256}, {"short_side": 256, "fast": True}):
        out = tmp_path / str(len(settings))
        assert not build(dataset, tmp_path, out, settings=settings).tally.failed
        store = ClipStore(out)
        for path, instance_id in zip(sources, store.instance_ids, strict=True):
            facts, ours = store.get_facts(instance_id), store.read_frames(instance_id)
            with VideoReader(path) as record:
                frames = range(facts.first_frame, facts.first_frame + facts.num_frames)
                theirs = record.read_frames(frames, size=(facts.height, facts.width))
            assert facts.num_frames >= 15
            assert compute_psnr(ours, theirs) > (34.5 if "fast" in settings else 35), path.name
            errors = [[((a - b) ** 2).mean() for b in theirs[::6].astype(float)] for a in ours[::6].astype(float)]
            assert np.argmin(errors, axis=1).tolist() == list(range(len(errors)))


def test_an_mp4_in_a_shard_is_a_whole_file(dataset, folder):
    build(dataset, folder)
    store = ClipStore(folder / "clips")
    (media,) = store.read_media(store.instance_ids[0])
    with av.open(io.BytesIO(media)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 20


def test_the_lock_of_a_killed_build_is_gone_with_it(dataset, folder):
    kill(folder, "cut", "format_run", 1)
    assert sorted(path.name for path in (folder / "clips").iterdir()) == [".lock", ".pending"]
    assert len(build(dataset, folder, settings=FAST).tally.done) == 5
