"""A build of a clip store that goes wrong: what fails is named, and nothing else is lost or left half-done."""

from dataclasses import replace

import av
import pytest
from numbered import write_numbered
from store_samples import CODEBOOK, build, make_video, read_skipped

from finegym.annotations.model import Dataset
from finegym.errors import OutputError
from finegym.video.store import build as build_module
from finegym.video.store import cut, pack
from finegym.video.store.read import ClipStore


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
    assert read_skipped(folder) == result.tally.failed
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
    def fail(clip):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pack, "_read_run", fail)
        with pytest.raises(OutputError, match=r"shard-000000\.tar: cannot be written: No space left"):
            build(dataset, folder)
    assert not (folder / "clips" / "store.json").exists()
    assert build(dataset, folder).tally.skipped == list(dataset.instances)


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
