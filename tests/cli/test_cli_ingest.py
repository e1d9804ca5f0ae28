"""``finegym video ingest``: what it prints, and its exit status."""

import json
import os
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, Video
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError, OutputError, VideoError
from finegym.video.ingest.rules import DEFAULT_RULES

numbered = runpy.run_path(str(Path(__file__).parents[1] / "video" / "numbered.py"))


@pytest.fixture(autouse=True)
def _keep_indexes_apart(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("FINEGYM_INDEX_FOLDER", str(tmp_path_factory.mktemp("indexes")))


@pytest.fixture
def folder(tmp_path) -> Path:
    """A good file in two copies, and a text that calls itself a video."""
    folder = tmp_path / "in"
    folder.mkdir()
    numbered["write_numbered"](folder / "a.mp4", 50, size=(320, 180))
    shutil.copy(folder / "a.mp4", folder / "b c.mp4")
    (folder / "text.mp4").write_text("hello")
    (folder / "notes.txt").write_text("hello")
    for path in folder.iterdir():
        os.utime(path, (time.time() - 3600,) * 2)
    return folder


def run(*arguments):
    result = CliRunner().invoke(app, ["video", "ingest", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_it_prints_a_table_a_tally_and_one_line_a_failure(folder, tmp_path):
    result = run(folder, "--workspace", tmp_path / "gym", "--no-proxies")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].split() == [
        "competition",
        "records",
        "hours",
        "720p",
        "and",
        "above",
        *["accepted", "disqualified", "failed"],
    ]
    assert lines[1].split() == ["all", "2", "0.001", "0%", "0", "2", "1"]
    assert "done 2, kept 0, failed 1" in lines
    assert "1 exact duplicate, 0 shared parts: confirm them in the report" in lines
    assert "1 file of other kinds (in skipped.csv): notes.txt" in lines
    assert "'b c' is record b_c" in lines
    (problem,) = result.stderr.splitlines()
    assert problem.startswith(f"failed {folder / 'text.mp4'}: is not a video")
    assert (tmp_path / "gym" / "ingest" / "report.html").is_file()


def test_disqualified_is_no_failure_and_a_second_run_keeps(folder, tmp_path):
    (folder / "text.mp4").unlink()
    for expected in ("done 2, kept 0, failed 0", "done 0, kept 2, failed 0"):
        result = run(folder, "--workspace", tmp_path / "gym", "--quick")
        assert result.exit_code == 0 and expected in result.stdout and result.stderr == ""


def test_json_is_for_machines(folder, tmp_path):
    result = run(folder, "--workspace", tmp_path / "gym", "--quick", "--json")
    facts = json.loads(result.stdout)
    assert facts["this_run"]["done"] == ["a", "b_c"] and list(facts["this_run"]["failed"]) == [str(folder / "text.mp4")]
    assert facts["corpus"][-1]["num_disqualified"] == 2
    assert json.loads((tmp_path / "gym" / "ingest" / "report.json").read_text("utf-8")) == facts


def test_rules_of_ones_own(folder, tmp_path):
    (tmp_path / "rules.toml").write_text("min_height = 100\nmin_minutes = 1\n")
    run(folder, "--workspace", tmp_path / "gym", "--quick", "--rules", tmp_path / "rules.toml")
    corpus = (tmp_path / "gym" / "ingest" / "corpus.csv").read_text("utf-8")
    assert corpus.count("0.03 minutes are below min_minutes 1") == 2 and "min_height" not in corpus
    (tmp_path / "rules.toml").write_text("min_hight = 100\n")
    with pytest.raises(ConfigError, match='did you mean "min_height"'):
        run(folder, "--workspace", tmp_path / "gym", "--rules", tmp_path / "rules.toml")


def test_the_built_in_rules_are_printed_ready_for_use():
    assert run("--print-rules").stdout == DEFAULT_RULES


@pytest.mark.parametrize(
    "arguments", [(), ("a.mp4",), ("a.mp4", "-w", "x", "--chunk-minutes", "1", "--overlap-s", "60")]
)
def test_wrong_usage_is_exit_2(arguments):
    assert run(*arguments).exit_code == 2


def test_names_with_dashes_blanks_and_other_letters(folder, tmp_path):
    for name in ("-x.mp4", "-- --.mp4", "体操 Ü.mp4"):
        shutil.copy(folder / "a.mp4", folder / name)
    command = [sys.executable, "-m", "finegym", "video", "ingest", "--workspace", str(tmp_path / "gym"), "--quick"]
    names = ["--", "-x.mp4", "-- --.mp4", "体操 Ü.mp4"]
    result = subprocess.run([*command, *names], cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert result.returncode == 0, result.stderr
    assert "done 3, kept 0, failed 0" in result.stdout
    assert {path.parent.name for path in (tmp_path / "gym").glob("ingest/*/record.json")} == {"-x", "--_--", "体操_Ü"}


def test_a_report_that_cannot_be_written_is_one_line(folder, tmp_path):
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "finegym", "video", "ingest", str(folder), "--workspace", str(tmp_path / "file")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert result.stderr.startswith("OutputError") and "cannot be written" in result.stderr


def test_a_folder_without_videos_is_one_line(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(VideoError, match=r"in: no videos there\. Name videos"):
        run(tmp_path / "in", "--workspace", tmp_path / "gym")
    (tmp_path / "in" / "notes.txt").touch()
    with pytest.raises(VideoError, match=r"in: no videos there \(1 other file, such as notes\.txt\)"):
        run(tmp_path / "in", "--workspace", tmp_path / "gym")


def test_a_workspace_that_cannot_be_written_is_noticed_before_the_work(folder, tmp_path, monkeypatch):
    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "gym").mkdir()
    (tmp_path / "gym" / "records").touch()  # no folder
    with pytest.raises(OutputError, match="gym/records: cannot be written: File exists"):
        run(folder, "--workspace", tmp_path / "gym", "--copy")
    monkeypatch.setattr("finegym.files.tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputError, match="gym/ingest: cannot be written: Permission denied"):
        run(folder, "--workspace", tmp_path / "gym")
    assert [path.name for path in (tmp_path / "gym" / "ingest").iterdir()] == ["run.lock"]


def test_routines_of_other_records_are_told(folder, tmp_path):
    action = Action("E_000000_000001", "FX", 0, 1000, ())
    for number, name in enumerate(("other", "a")):
        dataset = Dataset(read_builtin("artistic-women"), (Video(name, (action,)),))
        write_dataset(dataset, tmp_path / name)
        options = ("--workspace", tmp_path / "gym", "--no-proxies", "--routines", tmp_path / name)
        line = run(folder, *options).stderr.splitlines()[0]
        assert line.startswith(f"routines known of {number} of 3 records")
        assert line.endswith("other has other, here are a, b_c, text") or number


def test_two_runs_at_once_in_one_workspace_are_refused(folder, tmp_path):
    from finegym.video.ingest.lock import hold_workspace
    from finegym.workspace import Workspace

    place = Workspace(tmp_path / "gym")
    command = [sys.executable, "-m", "finegym", "video", "ingest", folder / "a.mp4", "-w", place.folder, "--quick"]
    with hold_workspace(place):
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        (line,) = second.stderr.splitlines()
        assert second.returncode == 1 and second.stdout == "" and "another ingest is at work" in line
        assert [path.name for path in place.ingest.iterdir()] == ["run.lock"], "it wrote nothing"
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0 and "done 1" in again.stdout and place.lock_file.exists()


def test_a_file_with_other_content_under_the_same_id_is_told(folder, tmp_path):
    (folder / "text.mp4").unlink()
    run(folder, "--workspace", tmp_path / "gym", "--quick")
    for name, when in (("a.mp4", 1800), ("b c.mp4", 1700)):
        os.utime(folder / name, (time.time() - when,) * 2)
    touched = run(folder, "--workspace", tmp_path / "gym", "--quick")
    assert "done 2" in touched.stdout and "other content" not in touched.stdout
    numbered["write_numbered"](folder / "a.mp4", 60, size=(320, 180))
    changed = run(folder, "--workspace", tmp_path / "gym", "--quick", "--json")
    assert json.loads(changed.stdout)["this_run"]["changed"] == ["a"]
    shutil.copy(folder / "a.mp4", folder / "b c.mp4")
    numbered["write_numbered"](folder / "a.mp4", 70, size=(320, 180))
    told = run(folder, "--workspace", tmp_path / "gym", "--quick").stdout.splitlines()
    assert "2 records with other content than before: labels may point at other frames: a, b_c" in told


def test_ids_that_differ_in_case_only_are_told(folder, tmp_path):
    shutil.copy(folder / "a.mp4", folder / "A.mp4")
    result = run(folder / "a.mp4", folder / "A.mp4", "--workspace", tmp_path / "gym", "--quick")
    assert "records A and a differ in case only: on macOS and Windows their folders are one" in result.stdout
