import pickle

import av
import numpy as np
import pytest

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.datasets import clips as clips_module
from finegym.datasets.clips import MemoryClips, Readers, RecordClips, StoreClips
from finegym.errors import VideoError
from finegym.video.store.build import build_store, make_settings


@pytest.fixture
def record(tmp_path):
    """A record of 50 grey frames at 25 fps; frame i has the brightness 5 i."""
    path = tmp_path / "records" / "v.mp4"
    path.parent.mkdir()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(50):
            picture = np.full((48, 64, 3), 5 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return tmp_path


def build_dataset(path="records/v.mp4"):
    sub_actions = (SubAction("A_0000_0001", ((400, 800),)), SubAction("A_0001_0002", ((1000, 1020),)))
    action = Action("E_000000_000002", "BB", 0, 2000, sub_actions)
    codebook = Codebook("none", "1", "diving", (), (), (), (), {})
    return Dataset(codebook, (Video("v", (action,), path),))


FIRST, SECOND = "v_E_000000_000002_A_0000_0001", "v_E_000000_000002_A_0001_0002"


def test_record_clips_give_the_frames_of_the_annotated_times(record):
    source = RecordClips(build_dataset(), record)
    assert source.find_missing([FIRST, SECOND]) == {}
    assert source.count_frames(FIRST) == 10
    frames = source.read_frames(FIRST, np.array([0, 9, 3]), short_side=24)
    assert frames.shape == (3, 24, 32, 3)
    assert np.abs(frames.mean(axis=(1, 2, 3)) / 5 - [10, 19, 13]).max() < 0.6


def test_an_instance_shorter_than_a_frame_has_one(record):
    assert RecordClips(build_dataset(), record).count_frames(SECOND) == 1


def test_record_clips_say_what_is_missing(record):
    source = RecordClips(build_dataset(), record)
    assert "not annotated" in source.find_missing(["nobody"])["nobody"]
    assert "no file in records.csv" in RecordClips(build_dataset(None), record).find_missing([FIRST])[FIRST]
    gone = RecordClips(build_dataset("records/gone.mp4"), record).find_missing([FIRST, SECOND])
    assert len(gone) == 2
    assert all("gone.mp4 does not exist" in reason for reason in gone.values())


def test_a_source_in_use_can_be_sent_to_another_process(record):
    source = RecordClips(build_dataset(), record)
    before = source.read_frames(FIRST, np.array([2]), 24)
    again = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(again.read_frames(FIRST, np.array([2]), 24), before)


def test_only_the_latest_readers_are_kept(record, monkeypatch):
    monkeypatch.setattr(clips_module, "MAX_READERS", 1)
    readers = Readers()
    first = readers.get(record / "records" / "v.mp4")
    assert readers.get(record / "records" / "v.mp4") is first
    other = record / "other.mp4"
    other.write_bytes((record / "records" / "v.mp4").read_bytes())
    readers.get(other)
    assert readers.get(record / "records" / "v.mp4") is not first


def test_memory_clips_resize_to_the_short_side():
    source = MemoryClips({"a": np.full((4, 60, 90, 3), 9, np.uint8)})
    frames = source.read_frames("a", np.array([0, 3, 3]), 30)
    assert frames.shape == (3, 30, 44, 3)
    assert (frames == 9).all()
    assert source.find_missing(["a", "b"]) == {"b": "not in memory"}
    assert source.count_frames("a") == 4


@pytest.mark.parametrize("settings", [{}, {"fast": True}])
@pytest.mark.parametrize("short_side", [48, 24])
def test_store_and_record_clips_are_the_same_to_within_the_loss_of_the_codec(record, settings, short_side):
    dataset = build_dataset()
    build_store(dataset, record, record / "clips", make_settings(**settings))
    stored, original = StoreClips(record / "clips"), RecordClips(dataset, record)
    assert stored.find_missing([FIRST, SECOND]) == {}
    for instance_id in (FIRST, SECOND):
        count = stored.count_frames(instance_id)
        assert count == original.count_frames(instance_id)
        wanted = np.array([count - 1, 0, count // 2])
        ours, theirs = (source.read_frames(instance_id, wanted, short_side) for source in (stored, original))
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        assert ((ours.astype(float) - theirs) ** 2).mean() < 255**2 / 10**3.5  # 35 dB


def test_real_clips_through_store_and_record(shared, tmp_path):
    path = shared / "clips" / "ucf101" / "BalanceBeam" / "v_BalanceBeam_g02_c01.avi"
    dataset = build_dataset(str(path))
    build_store(dataset, tmp_path, tmp_path / "clips", make_settings())
    stored, original = StoreClips(tmp_path / "clips"), RecordClips(dataset, tmp_path)
    wanted = np.arange(stored.count_frames(FIRST))
    for short_side in (240, 112):
        ours, theirs = (source.read_frames(FIRST, wanted, short_side) for source in (stored, original))
        assert ((ours.astype(float) - theirs) ** 2).mean() < 255**2 / 10**3.5  # 35 dB


def test_store_clips_say_what_is_missing(record):
    with pytest.raises(VideoError, match="no finished clip store"):
        StoreClips(record / "clips")
    build_store(build_dataset(), record, record / "clips", make_settings(), only=[FIRST])
    assert "not in the clip store" in StoreClips(record / "clips").find_missing([FIRST, SECOND])[SECOND]
    (record / "clips" / "shard-000000.tar").unlink()
    assert "shard-000000.tar does not exist" in StoreClips(record / "clips").find_missing([FIRST])[FIRST]


def test_a_store_in_use_can_be_sent_to_another_process(record):
    build_store(build_dataset(), record, record / "clips", make_settings())
    source = StoreClips(record / "clips")
    before = source.read_frames(FIRST, np.array([2]), 24)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read_frames(FIRST, np.array([2]), 24), before)
