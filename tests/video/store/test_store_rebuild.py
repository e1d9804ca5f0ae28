"""A second build of a clip store: what is kept, cut again, left alone or removed."""

from dataclasses import replace

import pytest
from numbered import write_numbered
from store_samples import (
    CODEBOOK,
    FAST,
    VARIABLE_MS,
    build,
    make_dataset,
    make_long_dataset,
    make_video,
    read_all,
    read_new,
    read_skipped,
)

from finegym.annotations.model import Dataset
from finegym.errors import ConfigError
from finegym.video.store import build as build_module
from finegym.video.store.pack import list_shards
from finegym.video.store.read import ClipStore
from finegym.video.store.tar import scan_tar


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
        assert read_all(folder / "clips") == read_new(moved, folder)
        dataset = moved


def test_a_changed_record_is_cut_again(dataset, folder):
    build(dataset, folder)
    write_numbered(folder / "records" / "a.mp4", 90, size=(320, 180), options={"g": "20"})
    tally = build(dataset, folder).tally
    assert set(tally.done) == set(list(dataset.instances)[:3])
    assert tally.skipped == list(dataset.instances)[3:]


def test_shards_are_filled_in_the_order_of_the_dataset_and_kept_when_they_stay_the_same(folder):
    many = make_long_dataset(range(40))
    result = build(many, folder, folder / "many", settings=FAST, shard_mb=1)
    shards = list_shards(folder / "many")
    assert len(shards) == len(result.store.shards) > 2
    assert [clip.facts.instance_id for path in shards for clip in scan_tar(path)] == list(many.instances)
    assert all(1e6 <= path.stat().st_size < 1.5e6 for path in shards[:-1])
    times = [path.stat().st_mtime_ns for path in shards]
    fewer = make_long_dataset(range(39))
    build(fewer, folder, folder / "many", settings=FAST, shard_mb=1)
    after = [path.stat().st_mtime_ns for path in list_shards(folder / "many")]
    assert after[:-1] == times[: len(after) - 1]
    assert read_all(folder / "many") == read_new(fewer, folder, settings=FAST, shard_mb=1)


def test_some_clips_can_be_cut_and_the_others_later(dataset, folder):
    ids = list(dataset.instances)
    build(dataset, folder, only=ids[1:2])
    assert ClipStore(folder / "clips").instance_ids == (ids[1],)
    assert build(dataset, folder, only=ids[3:4]).tally.skipped == [ids[1]]
    assert build(dataset, folder).tally.skipped == [ids[1], ids[3]]
    assert read_all(folder / "clips") == read_new(dataset, folder)
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
    look_into, looked_into = build_module.look_into, []

    def look(path, folder):
        looked_into.append(path)
        return look_into(path, folder=folder)

    monkeypatch.setattr(build_module, "look_into", look)
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


def test_what_an_earlier_build_could_not_cut_stays_listed_when_others_are_named(dataset, folder):
    (folder / "records" / "b.mp4").rename(folder / "b.mp4")
    ids = list(dataset.instances)
    assert set(build(dataset, folder).tally.failed) == set(ids[3:])
    (folder / "b.mp4").rename(folder / "records" / "b.mp4")
    result = build(dataset, folder, only=[ids[3]])
    assert (list(result.tally.done), result.tally.failed, result.store.num_skipped) == ([ids[3]], {}, 1)
    assert list(read_skipped(folder)) == [ids[4]]


def test_a_full_build_removes_and_counts_clips_that_are_no_longer_annotated(dataset, folder):
    build(dataset, folder)
    ids = list(dataset.instances)
    fewer = replace(dataset, videos=dataset.videos[:1])
    result = build(fewer, folder)
    assert (result.removed, result.stale, result.tally.failed) == (tuple(ids[3:]), (), {})
    assert read_all(folder / "clips") == read_new(fewer, folder)


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
