"""A feature build: what it makes, and what it keeps, makes again, removes and counts when it is asked anew."""

import pytest
from feature_samples import (
    IDS,
    OTHER_SETTINGS,
    SETTINGS,
    NumberMaker,
    build,
    get_file,
    make_dataset,
    make_video,
    open_store,
    read_all,
    read_numbers,
    write_video,
)

from finegym.errors import ConfigError, FeatureError, OutputError
from finegym.features.carried import read_facts

FRAMES = [range(10, 20), range(2, 3), range(0, 15), range(0, 5), range(5, 25)]


def test_every_clip_has_the_frames_that_are_annotated(folder):
    result = build(folder)
    store = open_store(folder)
    assert list(store.instance_ids) == IDS and sorted(result.tally.done) == sorted(IDS)
    assert [read_numbers(store, name) for name in IDS] == [list(frames) for frames in FRAMES]
    facts = store.get_facts(IDS[4])
    assert (facts.record, facts.first_frame, facts.num_frames) == ("records/b.mp4", 5, 20)
    assert [pts * 25 for pts in facts.pts] == [12800 * k for k in range(5, 25)]
    assert facts == read_facts(get_file(folder, IDS[4]))
    assert result.store.counts == {"frames": sum(map(len, FRAMES))}


def test_actions_are_clips_too(folder):
    result = build(folder, settings=SETTINGS.model_copy(update={"unit": "action"}))
    assert [facts.num_frames for facts in result.tally.done.values()] == [30, 30]


def test_a_clip_that_reaches_past_its_record_is_counted(folder):
    dataset = make_dataset(make_video("a", [(1000, 1500)], length_ms=1500))
    result = build(folder, dataset)
    assert result.shortened == (IDS[0],) and open_store(folder).get_facts(IDS[0]).missing_ms == 300


def test_workers_and_one_process_write_the_same_bytes(folder):
    build(folder, name="one")
    build(folder, name="two", workers=2)
    assert read_all(folder / "features/one") == read_all(folder / "features/two")


def test_a_ray_cluster_writes_the_same_bytes(folder, monkeypatch):
    pytest.importorskip("ray")
    started = []
    monkeypatch.setattr(
        "finegym.ray_engine.run_on_ray",
        lambda pending, do, workers, **_: (started.append(workers) or (name, do(item), "") for name, item in pending),
    )
    build(folder, name="one")
    build(folder, name="two", engine="ray", workers=2)
    assert started and read_all(folder / "features/one") == read_all(folder / "features/two")


def test_a_second_run_repeats_nothing_and_changes_no_byte(folder):
    build(folder)
    before = read_all(folder / "features")
    result = build(folder, maker=NumberMaker(bad=0))
    assert (result.tally.done, sorted(result.tally.skipped)) == ({}, sorted(IDS))
    assert read_all(folder / "features") == before


def test_only_what_changed_is_made_again(folder, tmp_path):
    build(folder)
    changed = make_dataset(make_video("a", [(400, 800), (80, 120), (0, 640)]), make_video("b", [(0, 200), (200, 1000)]))
    log = tmp_path / "log"
    result = build(folder, changed, NumberMaker(log=str(log)))
    assert log.read_text().split() == [IDS[2]] and list(result.tally.done) == [IDS[2]]
    assert read_numbers(open_store(folder), IDS[2]) == list(range(16))


def test_features_of_a_changed_record_are_made_again(folder):
    build(folder)
    write_video(folder / "records/b.mp4", range(500, 530), speed=0)
    result = build(folder)
    assert sorted(result.tally.done) == sorted(IDS[3:]) and sorted(result.tally.skipped) == sorted(IDS[:3])
    assert open_store(folder).get_facts(IDS[3]).extra == {"cuts": []}


def test_features_outlive_their_record(folder):
    build(folder)
    (folder / "records/b.mp4").unlink()
    result = build(folder)
    assert sorted(result.without_record) == sorted(IDS[3:]) and not result.tally.failed and not result.removed


def test_clips_no_longer_annotated_are_removed_and_counted(folder):
    build(folder)
    result = build(folder, make_dataset(make_video("a", [(400, 800)])))
    assert sorted(result.removed) == sorted(IDS[1:])
    assert [path.stem for path in (folder / "features/numbers/clips").rglob("*.safetensors")] == IDS[:1]
    assert open_store(folder).instance_ids == (IDS[0],)


def test_others_stay_when_some_are_named(folder):
    build(folder, only=IDS[:2])
    result = build(folder, make_dataset(make_video("a", [(400, 760), (80, 120), (0, 600)])), only=[IDS[2]])
    assert list(result.tally.done) == [IDS[2]] and result.stale == (IDS[0],)
    assert sorted(open_store(folder).instance_ids) == sorted(IDS[:3])
    with pytest.raises(ConfigError, match="nobody"):
        build(folder, only=["nobody"])


def test_settings_do_not_mix(folder):
    build(folder)
    with pytest.raises(ConfigError, match=r"model numbers .asked for words"):
        build(folder, settings=OTHER_SETTINGS)
    result = build(folder, settings=OTHER_SETTINGS, replace=True)
    assert len(result.tally.done) == 5 and open_store(folder).settings == OTHER_SETTINGS
    detailed = OTHER_SETTINGS.model_copy(update={"details": {"steps": 3}})
    with pytest.raises(ConfigError, match=r"steps unknown .asked for 3"):
        build(folder, settings=detailed)


def test_settings_do_not_mix_in_an_unfinished_store_either(folder):
    build(folder)
    (folder / "features/numbers/store.json").unlink()
    other = SETTINGS.model_copy(update={"unit": "action"})
    with pytest.raises(ConfigError, match="pose of sub-actions"):
        build(folder, settings=other)
    result = build(folder, settings=other, replace=True)
    assert list(result.tally.done) == ["a_E_000000_000001", "b_E_000000_000001"]
    assert [p.stem for p in sorted((folder / "features/numbers/clips").rglob("*.safetensors"))] == list(
        result.tally.done
    )


def test_a_new_store_of_some_clips_only_is_refused(folder):
    build(folder)
    with pytest.raises(ConfigError, match=r"--only 1 of its 5 clips"):
        build(folder, settings=OTHER_SETTINGS, only=IDS[:1], replace=True)
    assert open_store(folder).settings == SETTINGS and len(open_store(folder)) == 5


def test_a_folder_of_something_else_is_refused(folder):
    (folder / "features/numbers").mkdir(parents=True)
    (folder / "features/numbers/store.json").write_text('{"format": "finegym-clips/1"}')
    with pytest.raises(FeatureError, match="finegym-features/1"):
        build(folder, replace=True)


def test_a_folder_that_cannot_be_made_is_one_clear_error(folder):
    (folder / "features").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        build(folder)
