"""Opening, reading and checking a feature store, wherever it lies."""

import hashlib
import json
import pickle
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from feature_samples import IDS, SETTINGS, build, make_dataset, make_video, read_numbers, write_records
from safetensors.numpy import save

from finegym.errors import FeatureError
from finegym.features.carried import read_facts
from finegym.features.check import check_features
from finegym.features.flow.store import FlowStore
from finegym.features.imported import ImportedClip, write_features
from finegym.features.make import MadeClip
from finegym.features.store import FeatureStore


@pytest.fixture(scope="session")
def _made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made-features")
    write_records(folder)
    build(folder)
    return folder / "features/numbers"


@pytest.fixture
def made(_made, tmp_path):
    """A store that a test may damage."""
    return shutil.copytree(_made, tmp_path / "store")


def test_the_index_says_of_every_clip_what_its_file_says(made):
    store = FeatureStore(made)
    assert len(store) == 5 and IDS[0] in store and "nobody" not in store
    for name in IDS:
        assert store.get_facts(name) == read_facts(made / store.get(name).path)
        assert store.count_frames(name) == len(read_numbers(store, name))
    table = pq.read_table(made / "index.parquet").to_pylist()
    assert [row["instance_id"] for row in table] == IDS and table[0]["first_frame"] == 10


def test_a_store_goes_to_other_processes_and_does_without_arrow_there(made):
    store = pickle.loads(pickle.dumps(FeatureStore(made)))
    assert read_numbers(store, IDS[1]) == [2] and store.get_facts(IDS[1]).num_frames == 1


def test_a_store_behind_a_url_reads_the_same(made):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.put(str(made), "/features-of-test", recursive=True)
    try:
        store = FeatureStore("memory://features-of-test")
        assert read_numbers(store, IDS[0]) == list(range(10, 20))
        assert check_features("memory://features-of-test").problems == ()
        with pytest.raises(FeatureError, match="no finished feature store"):
            FeatureStore("memory://elsewhere")
    finally:
        memory.rm("/features-of-test", recursive=True)


def test_what_is_not_there_is_named(made, tmp_path):
    with pytest.raises(FeatureError, match=r"nobody is not in the store of 5 clips \(pose of sub-actions"):
        FeatureStore(made).read_bytes("nobody")
    with pytest.raises(FeatureError, match="no finished feature store"):
        FeatureStore(tmp_path)
    with pytest.raises(FeatureError, match="expected a store of flow, got one of pose"):
        FlowStore(made)


def test_damage_is_noticed_when_it_is_read_and_when_it_is_looked_for(made):
    store = FeatureStore(made)
    paths = [made / store.get(name).path for name in IDS]
    data = bytearray(paths[0].read_bytes())
    data[-1] ^= 4
    paths[0].write_bytes(data)
    paths[1].write_bytes(paths[1].read_bytes()[:-1])
    paths[2].unlink()
    for name, what in zip(IDS[:3], ("is damaged", "is damaged", "does not exist"), strict=True):
        with pytest.raises(FeatureError, match=f"{what}.*--verify"):
            store.read_bytes(name)
    found = check_features(made)
    assert found.damaged == tuple(IDS[:3]) and len(found.problems) == 3


def test_a_changed_index_and_list_are_noticed(made):
    (made / "skipped.csv").write_text("instance_id,reason\nx,y\n")
    assert "has 1 rows" in "\n".join(check_features(made).problems)
    index = pq.read_table(made / "index.parquet")
    pq.write_table(index.slice(1), made / "index.parquet")  # of another store: whole, but not this one's
    for look in (FeatureStore, check_features):
        with pytest.raises(FeatureError, match=r"index\.parquet: is damaged, or of another store"):
            look(made)


def test_an_index_that_is_not_parquet_is_one_line(made):
    store = json.loads((made / "store.json").read_text())
    (made / "index.parquet").write_bytes(b"PAR1")
    store["index_sha256"] = hashlib.sha256(b"PAR1").hexdigest()
    (made / "store.json").write_text(json.dumps(store))
    with pytest.raises(FeatureError, match=r"index\.parquet: is damaged"):
        FeatureStore(made)


@pytest.mark.parametrize("change", ["{", '{"format": "finegym-features/2"}', "extra"])
def test_a_damaged_store_file_is_one_line(made, change):
    text = json.loads((made / "store.json").read_text())
    (made / "store.json").write_text(json.dumps(text | {"more": 1}) if change == "extra" else change)
    with pytest.raises(FeatureError, match=r"store\.json: expected finegym-features/1") as caught:
        FeatureStore(made)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.safetensors", "a.mp4", "short.safetensors"])
def test_files_that_say_nothing_of_themselves_are_refused(tmp_path, name):
    data = b"12" if name.startswith("short") else save({"x": np.zeros(3)}) if name.endswith("s") else b"no film"
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FeatureError, match="is not a file of a feature store"):
        read_facts(tmp_path / name)


def test_ids_with_dots_slashes_and_signs_keep_their_names(tmp_path):
    name = "final.2019/Ω"
    write_records(tmp_path)
    (tmp_path / "records/a.mp4").rename(tmp_path / "records/x.mp4")
    video = make_video(name, [(0, 400)], path="records/x.mp4")
    build(tmp_path, make_dataset(video))
    store = FeatureStore(tmp_path / "features/numbers")
    instance_id = f"{name}_E_000000_000001_A_0000_0000"
    assert read_numbers(store, instance_id) == list(range(10))
    assert store.get(instance_id).path.startswith("clips/final%2E2019%2FΩ/")


def make_clip(name, numbers):
    def encode(facts):
        return [save({"n": numbers}, {"finegym": facts})]

    made = MadeClip(name, 8, 8, {"frames": len(numbers)}, ".safetensors", encode)
    return ImportedClip(made, video_id="v", num_frames=len(numbers))


def test_features_from_elsewhere_need_no_record(tmp_path):
    clips = [make_clip("one", np.arange(3)), make_clip("two", np.arange(4))]
    result = write_features(tmp_path, SETTINGS, iter(clips), failed={"three": "is damaged"})
    store = FeatureStore(tmp_path)
    assert list(result.tally.done) == ["one", "two"] == list(store.instance_ids)
    facts = store.get_facts("two")
    assert (facts.num_frames, facts.record, facts.first_frame, facts.pts) == (4, "", -1, ())
    assert store.facts.num_skipped == 1 and check_features(tmp_path).problems == ()
    write_features(tmp_path, SETTINGS, clips[:1])
    assert FeatureStore(tmp_path).instance_ids == ("one",)
    with pytest.raises(FeatureError, match="comes twice"):
        write_features(tmp_path, SETTINGS, [clips[0], clips[0]])


def test_an_empty_store_can_be_opened(tmp_path):
    write_features(tmp_path, SETTINGS, [])
    assert len(FeatureStore(tmp_path)) == 0 and check_features(tmp_path).problems == ()
