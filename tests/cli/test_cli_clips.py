"""``finegym clips``: what it prints and writes, and how it fails."""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset, write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.cli.app import app
from finegym.cli.clips import count_reasons
from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError, VideoError
from finegym.video.store.read import ClipStore

numbered = runpy.run_path(str(Path(__file__).parents[1] / "video" / "numbered.py"))
FIRST, SECOND = (f"v1_E_000000_000002_A_{start:04d}_{start + 1:04d}" for start in (0, 1))


@pytest.fixture(autouse=True)
def _keep_indexes_apart(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("FINEGYM_INDEX_FOLDER", str(tmp_path_factory.mktemp("indexes")))


@pytest.fixture
def folder(tmp_path) -> Path:
    """A dataset folder with one record on disk and one that is gone."""
    codebook = read_builtin("artistic-women")
    element = codebook.get_elements_of_set("VT-S1")[0]
    (tmp_path / "set" / "records").mkdir(parents=True)
    numbered["write_numbered"](tmp_path / "set" / "records" / "v1.mp4", 50)

    def make_video(name):
        sub_actions = tuple(
            SubAction(f"A_{start:04d}_{start + 1:04d}", ((start * 1000, start * 1000 + 600),), element.id, "VT-S1")
            for start in (0, 1)
        )
        return Video(name, (Action("E_000000_000002", "VT", 0, 2000, sub_actions),), path=f"records/{name}.mp4")

    write_dataset(Dataset(codebook, (make_video("v1"), make_video("v2"))), tmp_path / "set")
    return tmp_path / "set"


def run(*arguments):
    result = CliRunner().invoke(app, ["clips", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_clips_are_built_and_what_fails_is_counted_and_named(folder):
    result = run("build", folder, "--short-side", 64)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "done 2, kept 0, failed 2"
    assert lines[1].startswith(f"{folder}/clips: 2 clips, ") and "in 1 shard (sub-actions, mp4, crf 19, " in lines[1]
    assert "2 failed, listed in" in result.stderr and "  2 x " in result.stderr and "no such file" in result.stderr
    numbered["write_numbered"](folder / "records" / "v2.mp4", 40)
    again = run("build", folder, "--short-side", 64, "--json")
    assert again.exit_code == 0
    facts = json.loads(again.stdout)
    assert (len(facts["kept"]), len(facts["done"]), facts["failed"]) == (2, 2, {})
    assert facts["reach_past_their_record"] == []
    assert facts["store"]["num_clips"] == 4


def test_a_clip_can_be_looked_at(folder, tmp_path):
    run("build", folder)
    lines = [line.split("  ", 1) for line in run("show", folder / "clips").stdout.splitlines()]
    facts = {name: value.strip() for name, value in lines}
    assert facts["clips"] == "2, 30 frames"
    assert facts["kind"] == "sub-actions, mp4, crf 19, short side 256"
    assert facts["skipped"] == "2 clips that could not be cut"
    assert "15: 25 to 39 of the record" in run("show", folder / "clips", SECOND).stdout
    facts = json.loads(run("show", folder / "clips", SECOND, "--json").stdout)
    assert (facts["first_frame"], facts["num_frames"], facts["record"]) == (25, 15, "records/v1.mp4")
    result = run("read", folder / "clips", SECOND, "--out", tmp_path / "clip.mp4")
    assert result.stdout == f"{tmp_path}/clip.mp4: 15 frames, records/v1.mp4 from frame 25\n"
    _, frame = cv2.VideoCapture(str(tmp_path / "clip.mp4")).read()
    assert numbered["read_number"](np.asarray(frame)) == 25
    run("read", folder / "clips", SECOND, "--out", tmp_path / "sheet.png", "--frames", 3)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert numbered["read_number"](sheet[:170, 230:456]) == 32
    with pytest.raises(VideoError, match="clip nobody is not in the store"):
        run("read", folder / "clips", "nobody", "--out", tmp_path / "x.png")


def test_jpegs_actions_and_snippets(folder, tmp_path):
    run("build", folder, "--fast", "--unit", "action")
    assert ClipStore(folder / "clips-action").instance_ids == ("v1_E_000000_000002",)
    assert run("read", folder / "clips-action", "v1_E_000000_000002", "--out", tmp_path / "a.mp4").exit_code == 2
    run("build", folder, "--unit", "snippet", "--snippet-ms", 1000, "--stride-ms", 1000, "--out", tmp_path / "snippets")
    assert len(ClipStore(tmp_path / "snippets")) == 2


def test_only_some(folder, tmp_path):
    (tmp_path / "ids.txt").write_text(f"{SECOND}\n")
    assert "done 1, kept 0, failed" in run("build", folder, "--only", tmp_path / "ids.txt").stdout
    assert ClipStore(folder / "clips").instance_ids == (SECOND,)
    with pytest.raises(ConfigError, match="cannot be read as a list of ids"):
        run("build", folder, "--only", tmp_path / "none.txt")


def test_what_stays_and_what_goes_is_said(folder, tmp_path):
    run("build", folder)
    (folder / "records" / "v1.mp4").rename(tmp_path / "v1.mp4")
    result = run("build", folder)
    assert result.stdout.splitlines()[0] == "done 0, kept 2, of them 2 whose record cannot be read now, failed 2"
    assert "2 kept without a look at their record:\n  2 x " in result.stderr
    facts = json.loads(run("build", folder, "--json").stdout)
    assert list(facts["kept_without_record"]) == [FIRST, SECOND] and len(facts["failed"]) == 2
    (tmp_path / "v1.mp4").rename(folder / "records" / "v1.mp4")
    dataset = read_dataset(folder)
    action = dataset.videos[0].actions[0]
    fewer = replace(action, sub_actions=action.sub_actions[1:])
    write_dataset(replace(dataset, videos=(replace(dataset.videos[0], actions=(fewer,)),)), folder)
    (tmp_path / "ids.txt").write_text(f"{SECOND}\n")
    lines = run("build", folder, "--only", tmp_path / "ids.txt").stdout.splitlines()
    assert lines[:2] == [
        "done 0, kept 1, failed 0",
        "stale 1: their annotation has changed or is gone; they stay, --only names others",
    ]
    assert run("build", folder).stdout.splitlines()[:2] == [
        "done 0, kept 1, failed 0",
        "removed 1: no longer annotated",
    ]
    assert ClipStore(folder / "clips").instance_ids == (SECOND,)


def test_other_settings_are_refused_unless_the_store_may_be_replaced(folder):
    run("build", folder)
    with pytest.raises(ConfigError, match="Choose another --out, or --replace"):
        run("build", folder, "--crf", 30)
    assert "done 2, kept 0" in run("build", folder, "--crf", 30, "--replace").stdout


def test_a_damaged_store_is_named_and_repaired(folder):
    run("build", folder)
    assert "2 clips in 1 shard: as written" in run("check", folder / "clips").stdout
    path = folder / "clips" / "shard-000000.tar"
    data = bytearray(path.read_bytes())
    position = data.index(FIRST.encode() + b".mp4") + 512 + 200
    data[position] ^= 1
    path.write_bytes(data)
    result = run("check", folder / "clips")
    assert result.exit_code == 1
    assert f"damaged: 1 of 2 clips: {FIRST}" in result.stdout and "--verify" in result.stdout
    facts = json.loads(run("check", folder / "clips", "--json").stdout)
    assert facts["damaged"] == [FIRST]
    assert "done 1, kept 1" in run("build", folder, "--verify").stdout
    (folder / "clips" / "index.parquet").unlink()
    assert run("check", folder / "clips").exit_code == 1
    assert run("check", folder / "clips", "--reindex", "--decode").exit_code == 0
    (folder / "clips" / "store.json").write_text("{")
    with pytest.raises(VideoError, match=r"store\.json: expected .*`finegym clips check --reindex` makes it again"):
        run("show", folder / "clips")
    assert run("check", folder / "clips", "--reindex").exit_code == 0


def test_reasons_are_counted_and_the_rest_is_counted_too():
    failed = {"a": "x", "b": "y", "c": "x", "d": "z"}
    assert count_reasons(failed, limit=1) == [("x", 2), ("other reasons", 2)]
