"""Which files are taken, under which ids, and what is said about the others."""

import os
from pathlib import Path

import pytest

from finegym.video.ingest.sources import find_sources


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def get_ids(sources) -> list[str]:
    return [source.record_id for source in sources.found]


def test_folders_are_searched_to_the_bottom_and_other_files_are_named(tmp_path):
    touch(*(tmp_path / name for name in ("b.mp4", "deep/er/a.MKV", "notes.txt", "deep/.hidden.mp4", "c.ts")))
    sources = find_sources([tmp_path])
    assert get_ids(sources) == ["b", "c", "a"]
    assert {path.name for path in sources.other_files} == {"notes.txt", ".hidden.mp4"}
    assert sources.problems == {}


def test_a_file_that_is_named_itself_is_taken_whatever_its_suffix(tmp_path):
    touch(tmp_path / "tape.bin")
    assert get_ids(find_sources([tmp_path / "tape.bin"])) == ["tape"]


def test_blanks_in_ids_become_underscores_and_that_is_said(tmp_path):
    touch(tmp_path / "Finale  am Sönntag.mp4", tmp_path / "-x.mp4")
    sources = find_sources([tmp_path])
    assert get_ids(sources) == ["-x", "Finale_am_Sönntag"]
    assert sources.renamed == {"Finale  am Sönntag": "Finale_am_Sönntag"}


def test_a_file_named_twice_is_taken_once_and_counted(tmp_path):
    touch(tmp_path / "a.mp4")
    sources = find_sources([tmp_path, tmp_path / "a.mp4", tmp_path / ".." / tmp_path.name / "a.mp4"])
    assert get_ids(sources) == ["a"] and sources.num_repeated == 2


def test_two_files_cannot_have_one_id(tmp_path):
    touch(tmp_path / "one/a.mp4", tmp_path / "two/a.mkv")
    sources = find_sources([tmp_path])
    assert get_ids(sources) == ["a"]
    (reason,) = sources.problems.values()
    assert "'a' belongs to" in reason and "one/a.mp4" in reason


def test_an_id_taken_in_the_workspace_is_free_once_its_file_is_gone(tmp_path):
    touch(tmp_path / "new/a.mp4", tmp_path / "old.mp4")
    assert get_ids(find_sources([tmp_path / "new"], taken={"a": tmp_path / "old.mp4"})) == []
    assert get_ids(find_sources([tmp_path / "new"], taken={"a": tmp_path / "gone.mp4"})) == ["a"]


def test_what_ingest_made_is_no_source(tmp_path):
    touch(tmp_path / "records/a.ts", tmp_path / "records/a.mp4", tmp_path / "ingest/a/proxy-000.mp4")
    sources = find_sources([tmp_path], ignored=[tmp_path / "records/a.mp4", tmp_path / "ingest"])
    assert [source.path.name for source in sources.found] == ["a.ts"] and sources.other_files == []


def test_a_ring_of_links_ends(tmp_path):
    touch(tmp_path / "a.mp4")
    (tmp_path / "again").symlink_to(tmp_path)
    assert get_ids(find_sources([tmp_path])) == ["a"]


def test_a_table_names_ids_and_keeps_its_other_columns(tmp_path):
    touch(tmp_path / "media/a.mp4", tmp_path / "media/b c.mp4")
    table = tmp_path / "list.csv"
    table.write_text(
        "\ufeffvideo_id,path,competition,judge\nA0xA,media/a.mp4,Worlds 2019,Smith\n,media/b c.mp4,,\n", "utf-8"
    )
    sources = find_sources([table])
    assert get_ids(sources) == ["A0xA", "b_c"]
    assert sources.found[0].metadata == {"competition": "Worlds 2019", "judge": "Smith"}
    assert sources.found[1].metadata == {}


@pytest.mark.parametrize(
    ("row", "fact"),
    [
        ("gone.mp4,a,1", "there is no file gone.mp4"),
        (",a,1", "the cell path is empty"),
        ("a.mp4,x/y,1", "cannot be a record id"),
        ("a.mp4,a", "expected 3 cells"),
        ("a.mp4,a,1,2", "expected 3 cells"),
        ("a.mp4,a,soon", "duration_s must be a number of seconds, got 'soon'"),
        ("a.mp4,a,-3", "duration_s must be a number of seconds, got '-3'"),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_the_others_go_on(tmp_path, row, fact):
    touch(tmp_path / "a.mp4", tmp_path / "good.mp4")
    table = tmp_path / "list.csv"
    table.write_text(f"path,video_id,duration_s\n{row}\ngood.mp4,good,\n", "utf-8")
    sources = find_sources([table])
    assert get_ids(sources) == ["good"]
    assert list(sources.problems) == [f"{table}, line 2"]
    assert fact in sources.problems[f"{table}, line 2"]


@pytest.mark.parametrize("content", [b"name,competition\na.mp4,x\n", b"path,path\na,b\n", b"", b"path\n\xff\xfe.mp4\n"])
def test_a_table_that_is_none_is_one_problem(tmp_path, content):
    table = tmp_path / "list.csv"
    table.write_bytes(content)
    sources = find_sources([table])
    assert sources.found == [] and list(sources.problems) == [str(table)]


def test_rows_that_were_not_downloaded_are_told_and_are_no_failure(tmp_path):
    touch(tmp_path / "a.mp4")
    table = tmp_path / "download.csv"
    table.write_text("video_id,status,reason,path\na,there,,a.mp4\nb,missing,private video,\nc,there,,\n")
    sources = find_sources([table])
    assert get_ids(sources) == ["a"]
    assert sources.absent == {f"{table}, line 3": "b missing: private video"}
    assert list(sources.problems) == [f"{table}, line 4"], "there, it says, but where?"


def test_missing_paths_and_names_that_are_not_utf8_are_named(tmp_path):
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4"))
    touch(odd)
    sources = find_sources([tmp_path / "gone", tmp_path])
    assert sources.found == []
    assert "there is no such file" in sources.problems[str(tmp_path / "gone")]
    assert any("not UTF-8" in reason for reason in sources.problems.values())


@pytest.mark.parametrize("order", ["table first", "folder first"])
def test_what_a_table_says_of_a_file_counts_in_any_order(tmp_path, order):
    touch(tmp_path / "media/a.mp4", tmp_path / "media/b.mp4")
    table = tmp_path / "list.csv"
    table.write_text("path,video_id,competition\nmedia/a.mp4,FINAL,Worlds\n", "utf-8")
    paths = [table, tmp_path / "media"] if order == "table first" else [tmp_path / "media", table]
    sources = find_sources(paths)
    found = {source.path.name: (source.record_id, dict(source.metadata)) for source in sources.found}
    assert found == {"a.mp4": ("FINAL", {"competition": "Worlds"}), "b.mp4": ("b", {})}
    assert sources.num_repeated == 1 and sources.problems == {}


@pytest.mark.parametrize("separator", ["\u2028", "\x0b", "\x85", "\x1c", '"\r\n"'])
def test_cells_may_hold_what_python_takes_for_a_line_end(tmp_path, separator):
    touch(tmp_path / "a.mp4", tmp_path / "b.mp4")
    table = tmp_path / "list.csv"
    cell = "Final" + separator.strip('"') + "Beam"
    quoted = f'"{cell}"' if '"' in separator else cell
    table.write_bytes(f"path,title\na.mp4,{quoted}\nb.mp4,ok\n".encode())
    sources = find_sources([table])
    assert [source.metadata["title"] for source in sources.found] == [cell, "ok"] and sources.problems == {}


@pytest.mark.parametrize(
    "name", ["corpus.csv", "report.json", "Report.HTML", "skipped.csv", "duplicates.json", "run.lock"]
)
def test_an_id_that_ingest_needs_for_a_file_of_its_own_is_refused(tmp_path, name):
    touch(tmp_path / f"{name}.mp4")
    sources = find_sources([tmp_path])
    (reason,) = sources.problems.values()
    assert sources.found == [] and "ingest writes a file of that name" in reason


def test_ids_that_differ_in_case_only_are_named(tmp_path):
    touch(tmp_path / "one/Final.mp4", tmp_path / "two/final.mkv")
    sources = find_sources([tmp_path], taken={"FINAL": tmp_path / "old.mp4"})
    assert get_ids(sources) == ["Final", "final"], "they are two ids"
    assert sources.alike == {"Final": "FINAL", "final": "FINAL"}


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo.mp4")
    sources = find_sources([tmp_path])
    assert sources.found == []
    assert "is a pipe or a device" in sources.problems[str(tmp_path / "fifo.mp4")]
