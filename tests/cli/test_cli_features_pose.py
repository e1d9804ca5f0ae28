"""``finegym features pose``, ``quality``, ``figure5``, and ``draw`` with poses, on the command line."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.cli import main
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.features.pose import extract, figure5

sys.path.append(str(Path(__file__).parents[1] / "features"))
from pose_scenes import KnowingModel, draw_scene, walk, write_lossless

NAME = "a_E_000000_000001_A_0000_0001"


def run(*arguments):
    return CliRunner().invoke(app, ["features", *map(str, arguments)])


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """A record of 30 frames with one sub-action, and a model that knows a red person."""
    model = KnowingModel(((240, 40, 60),))
    monkeypatch.setattr(extract, "_open_model", lambda name: model)
    monkeypatch.setattr(figure5, "open_pose_model", lambda name: model)
    folder = tmp_path / "data"
    write_lossless(folder / "records/a.mp4", draw_scene([walk(60, 180, 70, 30)]))
    part = SubAction("A_0000_0001", ((200, 1000),), "vt-yurchenko-tucked-1", "VT-S1")
    video = Video("a", (Action("E_000000_000001", "VT", 0, 1200, (part,)),), "records/a.mp4")
    write_dataset(Dataset(read_builtin("artistic-women"), (video,)), folder)
    return folder


def test_pose_makes_a_store_and_says_what_it_found(dataset):
    result = run("pose", dataset)
    assert result.exit_code == 0, result.output
    assert "done 1, kept 0, failed 0" in result.stdout
    assert "20 frames, 20 found, 0 interpolated, 0 missing" in result.stdout
    again = run("pose", dataset, "--json")
    assert json.loads(again.stdout)["kept"] == [NAME]
    assert run("pose", dataset, "--max-gap", 2).exit_code == 1  # a store of other settings is not replaced unasked
    assert run("pose", dataset, "--max-gap", 2, "--replace").exit_code == 0


def test_pose_of_whole_actions_has_a_folder_of_its_own(dataset):
    assert run("pose", dataset, "--unit", "action").exit_code == 0
    assert (dataset / "features/pose-blazepose-full-actions/store.json").is_file()


def test_boxes_are_taken_and_checked(dataset, tmp_path):
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("record,time_ms,x0,y0,x1,y1\na,0,52,45,68,95\n")
    assert run("pose", dataset, "--boxes", boxes).exit_code == 0
    boxes.write_text("record,time_ms,x0,y0,x1,y1\nb,0,52,45,68,95\n")
    result = run("pose", dataset, "--boxes", boxes, "--replace")
    assert result.exit_code == 1 and "the first is b" in str(result.exception)


def test_quality_counts_and_writes_a_page(dataset, tmp_path):
    run("pose", dataset)
    store = dataset / "features/pose-blazepose-full"
    result = run("quality", store, "--page", tmp_path / "q.html")
    assert result.exit_code == 0, result.output
    assert "By set" in result.stdout and "VT-S1" in result.stdout and "100.0 %" in result.stdout
    assert (tmp_path / "q.html").is_file()
    rows = json.loads(run("quality", store, "--json").stdout)
    assert rows[0]["frames"] == rows[0]["found"] == 20 and rows[0]["pck_found"] is None
    without = run("quality", store, "--truth", dataset)
    assert without.exit_code == 1 and "truth" in str(without.exception)


def test_draw_draws_poses_as_film_and_as_picture(dataset, tmp_path):
    run("pose", dataset)
    store = dataset / "features/pose-blazepose-full"
    assert "20 frames" in run("draw", store, NAME, "--out", tmp_path / "a.mp4").stdout
    assert "4 frames" in run("draw", store, NAME, "--out", tmp_path / "a.png", "--pairs", 4).stdout
    assert (tmp_path / "a.mp4").stat().st_size > 1000 and (tmp_path / "a.png").stat().st_size > 1000


def test_figure5_is_written(dataset, tmp_path):
    video, out = dataset / "records/a.mp4", tmp_path / "f.png"
    result = run("figure5", video, "--from", 0.2, "--to", 0.8, "--frames", 3, "--method", "dis", "--out", out)
    assert result.exit_code == 0, result.output
    assert "3 frames, somebody detected in 3, pose found in 3" in result.stdout
    assert out.is_file()


def test_without_weights_one_line_says_what_to_do(dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.undo()
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", str(tmp_path / "none"))
    extract._open_model.cache_clear()
    monkeypatch.setattr(sys, "argv", ["finegym", "features", "pose", str(dataset)])
    with pytest.raises(SystemExit) as stop:
        main()
    error = capsys.readouterr().err.strip()
    assert stop.value.code == 1
    assert error.startswith("ConfigError") and "finegym weights fetch blazepose" in error and "\n" not in error
