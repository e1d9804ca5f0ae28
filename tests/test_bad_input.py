"""What a user gets wrong, through the command line: one clear line, exit status 1, nothing half-written."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.builtin import read_builtin

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def run(*arguments: object, max_file_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        if max_file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, max_file_bytes))

    command = [sys.executable, "-m", "finegym", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, preexec_fn=limit)


def assert_one_clear_line(result: subprocess.CompletedProcess[str], *facts: str) -> None:
    assert result.returncode == 1, result.stdout + result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert "Error: " in last, result.stderr
    for fact in facts:
        assert fact in last, f"{fact!r} is not in: {last}"


def write_video(path: Path, num_frames: int = 60) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        rng = np.random.default_rng(0)
        for _ in range(num_frames):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.fixture
def folder(tmp_path) -> Path:
    """A dataset folder: two records with one diving action each, of two classes."""
    codebook = read_builtin("diving")
    elements = [element.id for element in codebook.get_elements_of_set("DV-S1")[:2]]
    videos = tuple(
        Video(
            f"record-{k:04d}", (Action("E_000000_000004", "DV", 0, 4000, (SubAction("A_0000_0002", ((0, 2000),), e),)),)
        )
        for k, e in enumerate(elements)
    )
    write_dataset(Dataset(codebook, videos), tmp_path / "data")
    return tmp_path / "data"


def test_truncated_video_names_the_first_lost_frame(tmp_path):
    write_video(tmp_path / "whole.mkv")
    data = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "half.mkv").write_bytes(data[: len(data) // 2])
    result = run("video", "frames", tmp_path / "half.mkv", "--frame", 59, "--out", tmp_path / "still.png")
    assert_one_clear_line(result, "half.mkv", "frame ")
    assert not (tmp_path / "still.png").exists()


def test_codebook_with_a_typo_names_file_line_and_the_likely_word(tmp_path):
    path = tmp_path / "sport.yaml"
    path.write_text("format: finegym-codebook/1\nnaem: sport\nversion: 1.0.0\nsport: sport\nqueries: {}\nevents: []\n")
    result = run("codebook", "show", path)
    assert_one_clear_line(result, "sport.yaml", "naem", "name")
    assert "2" in result.stderr


def test_json_with_a_missing_key_names_action_and_key(folder):
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    del content["record-0001"]["E_000000_000004"]["timestamps"]
    path.write_text(json.dumps(content))
    assert_one_clear_line(run("annotations", "check", folder), "record-0001", "E_000000_000004", "timestamps")


def test_split_list_with_an_unknown_id_names_it(folder):
    made = run("annotations", "split", folder, "--subset", "event", "--val", "0.5", "--out", "halves")
    assert made.returncode == 0, made.stderr
    path = folder / "splits" / "halves" / "val.txt"
    path.write_text(path.read_text().replace("record-000", "recurd-000"))
    assert_one_clear_line(run("annotations", "audit", folder, "halves"), "val.txt", "not the file that was written")
    about = json.loads((path.parent / "split.json").read_text())
    del about["hashes"]["val.txt"]
    (path.parent / "split.json").write_text(json.dumps(about))
    assert_one_clear_line(run("annotations", "audit", folder, "halves"), "recurd-000", "val.txt")


def test_empty_class_is_named_and_no_split_is_written(folder):
    result = run("annotations", "split", folder, "--subset", "DV-S1", "--val", "0.5", "--out", "halves")
    assert_one_clear_line(result, "empty", "--allow-empty-classes")
    assert not (folder / "splits" / "halves").exists()


def test_recipe_with_a_misspelt_key_suggests_the_right_one(tmp_path):
    recipe = Path(__file__).parents[1] / "recipes" / "tsn_r50_gym99_rgb.toml"
    path = tmp_path / "train.toml"
    path.write_text(recipe.read_text().replace("learning_rate", "lerning_rate"))
    result = run("train", path, "--out", tmp_path / "run")
    assert_one_clear_line(result, "train.toml", "optim.lerning_rate", "optim.learning_rate")
    assert not (tmp_path / "run").exists()


def test_no_space_while_simulating_leaves_no_half_written_record(tmp_path):
    result = run(
        "simulate", "--out", tmp_path / "c", "--videos", 1, "--minutes", 0.3, "--size", "160x90", max_file_bytes=20_000
    )
    assert_one_clear_line(result, "cannot be written")
    assert list((tmp_path / "c").rglob("*.mp4")) == []


def test_no_space_while_writing_a_page_keeps_the_old_one(tmp_path):
    page = tmp_path / "tree.html"
    page.write_text("old")
    result = run("codebook", "tree", "diving", "--html", page, max_file_bytes=100)
    assert_one_clear_line(result, "tree.html", "cannot be written")
    assert page.read_text() == "old" and list(tmp_path.iterdir()) == [page]
