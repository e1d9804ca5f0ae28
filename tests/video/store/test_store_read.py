"""Reading a clip store: any frame, from anywhere, in any process, by other people's tools too."""

import io
import json
import multiprocessing
import pickle
import subprocess
import sys
import tarfile
import warnings
from pathlib import Path

import av
import fsspec
import numpy as np
import pytest
from numbered import read_numbers
from store_samples import FRAMES, build, compute_psnr, read_all

from finegym.errors import ConfigError, VideoError
from finegym.video.store.access import LocalFolder, RemoteFolder
from finegym.video.store.decode import choose_packets
from finegym.video.store.read import ClipStore

OPEN_FILES = Path("/proc/self/fd")
ENCODINGS = {"mp4": {}, "jpeg": {"fast": True}}


@pytest.fixture(scope="module")
def stores(_records, tmp_path_factory):
    """A store of each encoding, by name."""
    from store_samples import make_dataset

    out = tmp_path_factory.mktemp("stores")
    for name, settings in ENCODINGS.items():
        build(make_dataset(), _records, out / name, settings=settings)
    return {name: out / name for name in ENCODINGS}


@pytest.fixture(params=ENCODINGS)
def store(request, stores):
    return ClipStore(stores[request.param])


def test_frames_come_in_the_order_asked_for_repeats_included(store):
    wanted = [19, 0, 7, 7, 12]
    frames = store.read_frames(store.instance_ids[0], wanted)
    assert read_numbers(frames) == [FRAMES[0][k] for k in wanted]
    np.testing.assert_array_equal(frames, store.read_frames(store.instance_ids[0])[wanted])


def test_every_choice_of_frames_gives_the_pixels_of_reading_everything(store):
    rng = np.random.default_rng(0)
    for instance_id in store.instance_ids:
        whole = store.read_frames(instance_id)
        for _ in range(30):
            wanted = rng.integers(0, len(whole), rng.integers(1, 6))
            np.testing.assert_array_equal(store.read_frames(instance_id, wanted), whole[wanted])


def test_only_what_is_needed_is_decoded(stores):
    store = ClipStore(stores["mp4"])
    facts = store.get_facts(store.instance_ids[0])
    frames_of = lambda wanted: [facts.packet_frames[packet] for packet in choose_packets(facts, wanted)]  # noqa: E731
    assert frames_of([0]) == [0]
    assert frames_of([5]) == [0, 4, 8, 5]
    assert frames_of([9, 2]) == [0, 4, 2, 8, 12, 9]
    assert frames_of(range(20)) == list(facts.packet_frames)
    jpeg = ClipStore(stores["jpeg"])
    assert choose_packets(jpeg.get_facts(jpeg.instance_ids[0]), [7, 3, 7]) == [3, 7]


def test_grey_planes_and_sizes_are_those_of_the_frames(store):
    instance_id = store.instance_ids[1]
    frames = store.read_frames(instance_id, [0, 8])
    small = store.read_frames(instance_id, [0, 8], short_side=60)
    assert (frames.shape, small.shape) == ((2, 90, 160, 3), (2, 60, 106, 3))
    assert read_numbers(small) == [10, 18]
    grey = store.read_frames(instance_id, [0, 8], colours="grey")
    assert grey.shape == (2, 90, 160)
    assert compute_psnr(grey, frames @ np.array([0.299, 0.587, 0.114])) > 40
    planes = store.read_frames(instance_id, [0, 8], colours="yuv420")
    assert planes.shape == (2, 135, 160)
    rgb = av.VideoFrame.from_ndarray(planes[1], format="yuv420p").to_ndarray(format="rgb24")
    assert compute_psnr(rgb, frames[1]) > 30


def test_counting_reads_nothing(store, monkeypatch):
    monkeypatch.setattr(LocalFolder, "read_parts", lambda *arguments: pytest.fail("something was read"))
    assert [store.count_frames(instance_id) for instance_id in store.instance_ids] == [len(frames) for frames in FRAMES]


def test_what_is_not_there_is_one_clear_error(store, tmp_path):
    with pytest.raises(VideoError, match="clip nobody is not in the store"):
        store.read_frames("nobody")
    with pytest.raises(VideoError, match="there is no frame 20: it has 20, counted from 0"):
        store.read_frames(store.instance_ids[0], [3, 20])
    with pytest.raises(VideoError, match="no finished clip store"):
        ClipStore(tmp_path)
    assert "nobody" not in store and store.instance_ids[0] in store and len(store) == 5


def test_a_store_in_use_can_be_sent_to_another_process_and_survives_a_fork(store):
    instance_id = store.instance_ids[0]
    before = store.read_frames(instance_id, [3])
    again = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(again.read_frames(instance_id, [3]), before)

    def read(queue):
        queue.put(store.read_frames(instance_id, [3]).tobytes())

    with warnings.catch_warnings():
        # Python warns that forking beside other libraries' threads is unsafe; that is what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        process = context.Process(target=read, args=(queue,))
        process.start()
    assert queue.get(timeout=30) == before.tobytes()
    process.join()
    assert store.read_frames(instance_id, [3]).tobytes() == before.tobytes()


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="looks for open files in /proc")
def test_no_file_stays_open(store):
    before = len(list(OPEN_FILES.iterdir()))
    store.read_frames(store.instance_ids[0])
    assert len(list(OPEN_FILES.iterdir())) == before


def test_a_remote_store_gives_the_same_frames(stores):
    for name, path in stores.items():
        files = fsspec.filesystem("memory")
        for file, data in read_all(path).items():
            files.pipe_file(f"/{name}-store/{file}", data)
        local, remote = ClipStore(path), ClipStore(f"memory://{name}-store")
        assert remote.instance_ids == local.instance_ids
        for instance_id in local.instance_ids:
            wanted = [0, local.count_frames(instance_id) - 1]
            np.testing.assert_array_equal(
                remote.read_frames(instance_id, wanted), local.read_frames(instance_id, wanted)
            )
        ours, theirs = list(local.iterate(seed=1)), list(pickle.loads(pickle.dumps(remote)).iterate(seed=1))
        for (our_id, our_frames), (their_id, their_frames) in zip(ours, theirs, strict=True):
            assert our_id == their_id
            np.testing.assert_array_equal(our_frames, their_frames)
        assert remote.find_missing_shards() == set()
        files.rm_file(f"/{name}-store/shard-000000.tar")
        assert remote.find_missing_shards() == {"shard-000000.tar"}
        with pytest.raises(VideoError, match="cannot be read"):
            remote.read_frames(local.instance_ids[0])


def test_a_remote_store_that_is_not_there_or_not_known_is_one_clear_error():
    with pytest.raises(VideoError, match="no finished clip store"):
        ClipStore("memory://nothing/here")
    with pytest.raises(ConfigError, match="Install what this protocol needs"):
        ClipStore("nosuchprotocol://here")
    assert isinstance(pickle.loads(pickle.dumps(RemoteFolder("memory://x/"))), RemoteFolder)


def test_remote_neighbours_are_one_request(stores):
    files = fsspec.filesystem("memory")
    for file, data in read_all(stores["jpeg"]).items():
        files.pipe_file(f"/requests/{file}", data)
    store = ClipStore("memory://requests")
    calls = []
    original = RemoteFolder.read_parts
    store._folder.read_parts = lambda parts: calls.append(parts) or original(store._folder, parts)
    store.read_frames(store.instance_ids[0], [1, 2, 3])
    assert [len(parts) for parts in calls] == [1]


def test_a_changed_byte_is_noticed_by_whoever_reads_it_and_by_nobody_else(stores, tmp_path):
    for name, path in stores.items():
        (tmp_path / name).mkdir()
        for file, data in read_all(path).items():
            (tmp_path / name / file).write_bytes(data)
        store = ClipStore(tmp_path / name)
        clip = store._index.get(1)
        data = bytearray((tmp_path / name / "shard-000000.tar").read_bytes())
        data[clip.packet_offsets[3] + 20] ^= 1
        (tmp_path / name / "shard-000000.tar").write_bytes(data)
        frame = clip.facts.packet_frames[3]
        with pytest.raises(VideoError, match=f"clip {store.instance_ids[1]} is damaged"):
            store.read_frames(store.instance_ids[1], [frame])
        with pytest.raises(VideoError, match="is damaged"):
            store.read_media(store.instance_ids[1])
        store.read_frames(store.instance_ids[1], [0])
        store.read_frames(store.instance_ids[0])


def test_a_damaged_index_and_a_store_of_another_version_are_named(stores, tmp_path):
    for file, data in read_all(stores["mp4"]).items():
        (tmp_path / file).write_bytes(data)
    index = (tmp_path / "index.parquet").read_bytes()
    (tmp_path / "index.parquet").write_bytes(index[: len(index) // 2])
    with pytest.raises(VideoError, match=r"index\.parquet: is damaged"):
        ClipStore(tmp_path)
    (tmp_path / "index.parquet").unlink()
    with pytest.raises(VideoError, match=r"index\.parquet: does not exist"):
        ClipStore(tmp_path)
    facts = json.loads((tmp_path / "store.json").read_text())
    (tmp_path / "store.json").write_text(json.dumps(facts | {"format": "finegym-clips/9"}))
    with pytest.raises(VideoError, match=r"store\.json: expected finegym-clips/1, but format"):
        ClipStore(tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_webdataset_reads_the_shards(stores):
    import webdataset

    for name, path in stores.items():
        store = ClipStore(path)
        samples = list(webdataset.WebDataset(str(path / "shard-{000000..000000}.tar"), shardshuffle=False))
        assert [json.loads(sample["json"])["instance_id"] for sample in samples] == list(store.instance_ids)
        for sample, instance_id in zip(samples, store.instance_ids, strict=True):
            media = store.read_media(instance_id)
            if name == "mp4":
                assert [sample["mp4"]] == media
                with av.open(io.BytesIO(sample["mp4"])) as container:
                    assert sum(1 for _ in container.decode(video=0)) == store.count_frames(instance_id)
            else:
                assert [sample[f"{k:04d}.jpg"] for k in range(len(media))] == media


def test_the_tar_alone_says_everything(stores):
    for path in stores.values():
        store = ClipStore(path)
        with tarfile.open(path / "shard-000000.tar") as archive:
            members = {member.name: member for member in archive if member.name.endswith(".json")}
            assert len(members) == len(store)
            for member in members.values():
                assert (member.mtime, member.uid, member.uname) == (0, 0, "")
                facts = json.loads(archive.extractfile(member).read())
                assert store.get_facts(facts["instance_id"]).model_dump(mode="json") == facts


def test_opening_leaves_no_thread_that_could_outlive_python(stores):
    if not Path("/proc/self/task").is_dir():
        pytest.skip("no /proc on this system")
    code = (
        "import os, sys, time, pyarrow.parquet\n"
        "from pathlib import Path\n"
        "from finegym.video.store.read import ClipStore\n"
        "def count(): return sum('jemalloc' not in p.read_text() for p in Path('/proc/self/task').glob('*/comm'))\n"
        "before = count(); ClipStore(sys.argv[1]); print(count() - before)"
    )
    result = subprocess.run([sys.executable, "-c", code, stores["jpeg"]], capture_output=True, text=True, check=True)
    assert result.stdout == "0\n"
