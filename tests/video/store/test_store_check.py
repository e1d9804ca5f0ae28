"""A damaged store is noticed, the damage is named, and a build with ``verify`` repairs it."""

import pytest
from store_samples import build, read_all

from finegym.errors import VideoError
from finegym.video.store.check import check_store, rebuild_index
from finegym.video.store.read import ClipStore


@pytest.fixture
def store(folder, dataset):
    build(dataset, folder)
    return folder / "clips"


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_a_sound_store_has_no_problems(store):
    lines = []
    found = check_store(store, decode=True, say=lines.append)
    assert (found.problems, found.damaged, lines) == ((), (), ["shard-000000.tar (1 of 1)"])


def test_a_changed_byte_names_shard_and_clip_and_is_cut_again(store, folder, dataset):
    before = read_all(store)
    clip = ClipStore(store)._index.get(2)
    flip(store / "shard-000000.tar", clip.packet_offsets[0] + 5)
    found = check_store(store)
    assert found.damaged == (clip.facts.instance_id,)
    assert found.problems[0].startswith("shard-000000.tar: is not what was written; damaged: 1 of 5 clips: ")
    # Without being told to look, a build trusts what is there.
    assert build(dataset, folder).tally.done == {}
    assert list(build(dataset, folder, verify=True).tally.done) == [clip.facts.instance_id]
    assert read_all(store) == before
    assert check_store(store).problems == ()


def test_a_shard_cut_short_and_a_shard_that_is_gone(store, folder, dataset):
    before = read_all(store)
    path = store / "shard-000000.tar"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = check_store(store)
    assert "bytes, store.json promises" in found.problems[0] and 0 < len(found.damaged) < 5
    tally = build(dataset, folder).tally
    assert set(tally.done) == set(found.damaged)
    assert read_all(store) == before
    path.unlink()
    assert "does not exist; damaged: 5 of 5 clips" in check_store(store).problems[0]
    assert len(build(dataset, folder).tally.done) == 5
    assert read_all(store) == before


def test_an_index_that_is_gone_or_changed_is_made_again_from_the_shards(store):
    before = read_all(store)
    flip(store / "index.parquet", 100)
    assert "index.parquet: is not what was written" in check_store(store).problems[0]
    rebuild_index(store)
    assert read_all(store) == before
    for name in ("index.parquet", "store.json"):
        (store / name).unlink()
    with pytest.raises(VideoError, match="no finished clip store"):
        check_store(store)
    rebuild_index(store)
    assert read_all(store) == before


def test_a_build_makes_a_lost_index_again_without_cutting(store, folder, dataset):
    before = read_all(store)
    (store / "index.parquet").unlink()
    assert build(dataset, folder).tally.done == {}
    assert read_all(store) == before


def test_the_index_of_damaged_shards_is_not_made(store, tmp_path):
    flip(store / "shard-000000.tar", ClipStore(store)._index.get(0).packet_offsets[0] + 5)
    with pytest.raises(VideoError, match="1 of 5 clips are damaged: a_E_"):
        rebuild_index(store)
    with pytest.raises(VideoError, match="there are no shards"):
        rebuild_index(tmp_path)


@pytest.mark.parametrize("lost", [("store.json",), ("store.json", "index.parquet")])
def test_without_store_json_a_changed_byte_is_not_made_good(store, folder, dataset, lost):
    before = read_all(store)
    clip = ClipStore(store)._index.get(2)
    flip(store / "shard-000000.tar", clip.packet_offsets[0] + 5)
    for name in lost:
        (store / name).unlink()
    with pytest.raises(VideoError, match=f"1 of 5 clips are damaged: {clip.facts.instance_id}"):
        rebuild_index(store)
    result = build(dataset, folder)
    assert result.damaged == (clip.facts.instance_id,) == tuple(result.tally.done)
    assert read_all(store) == before


def test_a_damaged_clip_whose_record_is_gone_is_named_and_not_kept(store, folder, dataset):
    clip = ClipStore(store)._index.get(2)
    flip(store / "shard-000000.tar", clip.packet_offsets[0] + 5)
    (folder / "records").rename(folder / "away")
    result = build(dataset, folder, verify=True)
    assert result.damaged == (clip.facts.instance_id,) == tuple(result.tally.failed)
    assert len(result.tally.skipped) == 4


def test_a_header_that_is_damaged_hides_no_clip(store, folder, dataset):
    """A tar reader takes a damaged header for the end; a shard that holds more than its clips is not made good."""
    before = read_all(store)
    flip(store / "shard-000000.tar", ClipStore(store)._index.get(3).offset + 150)
    (store / "store.json").unlink()
    with pytest.raises(VideoError, match="holds bytes that are no whole clip: after clip a_E_"):
        rebuild_index(store)
    assert len(build(dataset, folder).tally.done) == 2
    assert read_all(store) == before


def test_a_changed_byte_beside_the_media_is_repaired_too(store, folder, dataset):
    """In a clip's JSON: no CRC covers it, the index knows better."""
    before = read_all(store)
    data = before["shard-000000.tar"]
    flip(store / "shard-000000.tar", data.index(b'"start_ms":') + 11)
    assert len(check_store(store).problems) == 1
    assert len(build(dataset, folder, verify=True).tally.done) == 1
    assert read_all(store) == before


def test_what_no_hash_shows_decoding_does(folder, dataset, monkeypatch):
    """Packets that were written wrong: their hashes agree, and they do not decode."""
    from finegym.video.store import cut

    original = cut.Mp4Encoder.finish

    def finish(encoder):
        import zlib
        from dataclasses import replace

        clip = original(encoder)
        data = bytearray(clip.files[0])
        start, size = clip.packet_start, clip.packet_sizes[0]
        data[start + 4 : start + size] = bytes(size - 4)
        checks = (zlib.crc32(data[start : start + size]), *clip.packet_crc32[1:])
        return replace(clip, files=[bytes(data)], packet_crc32=checks)

    monkeypatch.setattr(cut.Mp4Encoder, "finish", finish)
    build(dataset, folder)
    assert check_store(folder / "clips").problems == ()
    found = check_store(folder / "clips", decode=True)
    assert set(found.damaged) == set(dataset.instances)
    assert all("does not decode" in problem for problem in found.problems)
