"""A batch from end to end: what is made of a record, and what a second run keeps, moves, does again or misses."""

import json
import os
import shutil
import time
from itertools import pairwise

import pytest
from ingest_runs import DEEP, QUICK, make_old, run
from numbered import copy_stream, read_numbers, write_numbered

from finegym.video.ingest.chunks import read_chunks
from finegym.video.ingest.record import Settings
from finegym.video.ingest.rules import Rules, read_rules
from finegym.video.ingest.run import read_records
from finegym.video.reader import VideoReader
from finegym.workspace import Workspace


def test_everything_about_a_record_is_in_its_folder(folder, workspace):
    run(folder, workspace, settings=Settings())
    names = {path.name for path in workspace.get_record_folder("a").iterdir()}
    assert names >= {"record.json", "signals.npz", "hashes.npz", "sheet.jpg", "shots.json", "chunks.json"}
    assert names >= {"proxy-000.mp4", "proxy-000.npz", "filmstrip-000.jpg", "filmstrip-000.vtt"}
    record = read_records(workspace)["a"]
    assert record.num_chunks == 1 and record.has_proxies and record.num_cuts == 0
    assert record.media == record.source and record.media_is == "source"
    assert not workspace.records.exists(), "media stay where they are"


def test_json_of_a_record_is_what_the_documentation_says(folder, workspace):
    run(folder / "a.mp4", workspace)
    facts = json.loads(workspace.get_record_file("a").read_text("utf-8"))
    assert facts["format"] == "finegym-record/1" and facts["source"]["path"] == str(folder / "a.mp4")
    assert facts["probe"]["clock"]["time_base"] == "1/12800" and facts["verdict"] == "accepted"


def test_a_pool_gives_the_same_records(folder, workspace, tmp_path):
    run(folder, workspace, settings=DEEP)
    pooled = Workspace(tmp_path / "pooled")
    assert sorted(run(folder, pooled, settings=DEEP, workers=2).done) == ["a", "b", "c"]
    assert read_records(pooled) == read_records(workspace)


@pytest.mark.parametrize("settings", [QUICK, DEEP, Settings()], ids=["quick", "deep", "proxies"])
def test_a_second_run_keeps_everything(folder, workspace, settings):
    first = run(folder, workspace, settings=settings)
    assert (sorted(first.done), first.kept, first.failed) == (["a", "b", "c"], [], {})
    stamps = {path: path.stat().st_mtime_ns for path in workspace.ingest.rglob("*") if path.is_file()}
    second = run(folder, workspace, settings=settings)
    assert (second.done, sorted(second.kept)) == ([], ["a", "b", "c"])
    assert stamps == {path: path.stat().st_mtime_ns for path in workspace.ingest.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("made", "asked", "is_kept"),
    [
        (DEEP, QUICK, True),
        (QUICK, DEEP, False),
        (DEEP, Settings(proxies=False, chunk_minutes=5), True),  # one chunk either way
        (DEEP, Settings(proxies=False, chunk_minutes=0.01, overlap_s=0), False),
        (DEEP, Settings(proxies=False, copy_media=True), False),
        (Settings(), DEEP, True),
    ],
)
def test_a_record_is_kept_where_it_has_all_that_is_asked_for(folder, workspace, made, asked, is_kept):
    run(folder / "a.mp4", workspace, settings=made)
    assert (run(folder / "a.mp4", workspace, settings=asked).kept == ["a"]) == is_kept


def test_what_changed_is_done_again_and_nothing_else(folder, workspace):
    run(folder, workspace)
    make_old(write_numbered(folder / "b.mkv", 50, size=(320, 180)))
    os.utime(folder / "b.mkv", (time.time() - 1800,) * 2)
    second = run(folder, workspace)
    assert (second.done, sorted(second.kept)) == (["b"], ["a", "c"])
    assert read_records(workspace)["b"].probe.num_frames == 50


def test_other_rules_only_judge_anew(folder, workspace):
    run(folder, workspace, settings=DEEP)
    strict = Rules(min_height=720)
    second = run(folder, workspace, rules=strict, settings=DEEP)
    assert second.done == [] and sorted(second.judged_anew) == ["a", "b", "c"]
    assert {record.verdict for record in read_records(workspace).values()} == {"disqualified"}
    assert {record.rules_sha256 for record in read_records(workspace).values()} == {strict.sha256}


def test_proxies_are_made_of_accepted_records_only_and_later_when_rules_accept_more(folder, workspace):
    run(folder, workspace, rules=read_rules(), settings=Settings())
    record = read_records(workspace)["a"]
    assert record.verdict == "disqualified" and record.reasons == ("height 180 is below min_height 720",)
    assert not record.has_proxies and not list(workspace.ingest.glob("*/proxy*"))
    signals = workspace.get_signals_file("a").stat().st_mtime_ns
    again = run(folder, workspace, settings=Settings())
    assert sorted(again.done) == ["a", "b", "c"] and len(list(workspace.ingest.glob("*/proxy-000.mp4"))) == 3
    assert workspace.get_signals_file("a").stat().st_mtime_ns == signals, "what was seen is kept"


def test_known_routines_are_in_one_chunk_each_and_new_ones_make_chunks_anew(folder, workspace):
    settings = Settings(proxies=False, chunk_minutes=0.01, overlap_s=0.1)
    read = lambda: read_chunks(workspace.get_chunks_file("a"))  # noqa: E731
    run(folder, workspace, settings=settings)
    assert [(chunk.start_ms, chunk.end_ms) for chunk in read()] == [(0, 600), (500, 1100), (1000, 1600)]
    routines = {"a": [(450, 700)]}
    again = run(folder, workspace, settings=settings, routines=routines)
    assert (again.done, sorted(again.kept)) == (["a"], ["b", "c"])
    chunks = read()
    assert all(before.end_ms == after.start_ms for before, after in pairwise(chunks))
    assert not any(450 < chunk.end_ms < 700 for chunk in chunks)
    assert (chunks[0].start_ms, chunks[-1].end_ms) == (0, 1600)
    assert run(folder, workspace, settings=settings, routines=routines).done == []


def test_what_a_table_says_is_taken_over_without_another_look(folder, workspace):
    table = folder / "list.csv"
    for competition in ("Worlds", "Cup"):
        table.write_text(f"path,competition\na.mp4,{competition}\n")
        result = run(table, workspace)
        assert read_records(workspace)["a"].metadata == {"competition": competition}
    assert result.kept == ["a"]


def test_another_promise_is_another_look(folder, workspace):
    table = folder / "list.csv"
    table.write_text("path,duration_s\na.mp4,1.6\n")
    assert run(table, workspace).done == ["a"] and run(table, workspace).kept == ["a"]
    table.write_text("path,duration_s\na.mp4,100\n")
    assert run(table, workspace).done == ["a"]
    assert [found.kind for found in read_records(workspace)["a"].damage] == ["missing"]


def test_moved_and_deleted_files_are_told(folder, workspace):
    run(folder, workspace)
    (folder / "later").mkdir()
    (folder / "a.mp4").rename(folder / "later" / "a.mp4")
    (folder / "c.mp4").unlink()
    second = run(folder, workspace)
    assert second.moved == {"a": str(folder / "a.mp4")} and second.done == []
    assert second.lost == {"c": str(folder / "c.mp4")}
    assert sorted(second.kept) == ["a", "b"]
    assert "c" in read_records(workspace), "what is known about it stays"


def test_another_file_of_the_same_name_elsewhere_is_no_move(folder, workspace):
    run(folder / "a.mp4", workspace)
    (folder / "later").mkdir()
    shutil.copy(folder / "c.mp4", folder / "later" / "a.mp4")
    make_old(folder / "later" / "a.mp4")
    (folder / "a.mp4").unlink()
    second = run(folder / "later", workspace)
    assert second.moved == {} and second.done == ["a"] and second.lost == {}
    assert read_records(workspace)["a"].probe.num_frames == 42


def test_a_workspace_moves_with_its_media(folder, workspace, tmp_path):
    run(folder, workspace, settings=Settings(is_quick=True, copy_media=True))
    record = read_records(workspace)["b"]
    assert record.media_is == "copy" and record.media.path == "records/b.mkv"
    assert record.media.sha256 == record.source.sha256
    workspace.folder.rename(tmp_path / "elsewhere")
    moved = Workspace(tmp_path / "elsewhere")
    again = run(folder, moved, settings=Settings(is_quick=True, copy_media=True))
    assert sorted(again.kept) == ["a", "b", "c"]
    shutil.rmtree(folder)
    assert all("its copy" in told for told in run([], moved).lost.values())


def test_what_ingest_made_is_not_ingested(workspace):
    workspace.records.mkdir(parents=True)
    make_old(write_numbered(workspace.records / "a.ts", 40), write_numbered(workspace.records / "b.mp4", 40))
    for _ in range(2):
        result = run(workspace.folder, workspace, settings=Settings())
        assert sorted(result.done + result.kept) == ["a", "b"] and result.failed == {}
    assert read_records(workspace)["a"].media.path == "records/a.mp4"
    with VideoReader(workspace.records / "a.mp4") as reader:
        assert read_numbers(reader.read_frames(range(40))) == list(range(40))


def test_nothing_of_the_users_is_overwritten(folder, workspace):
    workspace.records.mkdir(parents=True)
    mine = workspace.records / "t.mp4"
    mine.write_bytes(b"mine")
    make_old(write_numbered(folder / "t.ts", 20))
    result = run(folder / "t.ts", workspace)
    assert "is in the way" in result.failed[str(folder / "t.ts")] and mine.read_bytes() == b"mine"


def test_transport_streams_keep_their_clock_and_tell_their_damage(folder, workspace):
    late = copy_stream(folder / "a.mp4", folder / "late.ts", shift_s=10)
    make_old(late)
    run(late, workspace, settings=DEEP)
    record = read_records(workspace)["late"]
    assert record.media_is == "remux" and record.probe.container == "mpegts"
    assert record.probe.clock.start_ms == pytest.approx(10_000, abs=1)
    assert record.source.sha256 != record.media.sha256 and record.damage == ()
