"""``finegym features`` on the command line: flow, show, check, draw, compare, import and export."""

import json
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.cli import main
from finegym.cli.app import app
from finegym.codebook.model import Codebook, Element, Event, Set

CODEBOOK = Codebook(
    "toy",
    "1",
    "toy",
    (Event("VT", "vault"),),
    (Set("VT-S1", "VT", "vault"),),
    (Element("one", "VT-S1", "one"),),
    (),
    (),
)
NAMES = [f"a_E_000000_000001_A_{n:04d}_{n:04d}" for n in range(3)]


def run(*arguments):
    return CliRunner().invoke(app, ["features", *map(str, arguments)])


def run_as_user(capsys, monkeypatch, *arguments):
    """What a user sees: exit status and standard error."""
    monkeypatch.setattr(sys, "argv", ["finegym", "features", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code, capsys.readouterr().err


@pytest.fixture
def dataset(tmp_path):
    """A dataset folder with a record of 16 frames; the third of its three sub-actions lies behind its end."""
    folder = tmp_path / "data"
    (folder / "records").mkdir(parents=True)
    with av.open(str(folder / "records/a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(16):
            y, x = np.mgrid[:48, :64]
            grey = (128 + 50 * np.sin((x - number) / 5 + y / 9) + 40 * np.cos(y / 4)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, 2), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    times = [(0, 320), (400, 440), (5000, 6000)]
    parts = tuple(SubAction(f"A_{n:04d}_{n:04d}", (t,), "one", "VT-S1") for n, t in enumerate(times))
    video = Video("a", (Action("E_000000_000001", "VT", 0, 640, parts),), path="records/a.mp4")
    write_dataset(Dataset(CODEBOOK, (video,)), folder)
    return folder


@pytest.fixture
def store(dataset):
    run("flow", dataset, "--method", "dis")
    return dataset / "features/flow-dis"


def test_flow_ends_with_a_tally_and_names_what_failed(dataset):
    result = run("flow", dataset, "--method", "dis")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "done 2, kept 0, failed 1" and lines[1] == "cuts of 1 records: 1 found now"
    assert lines[2].startswith(f"{dataset / 'features/flow-dis'}: 2 clips, 0.0 MB (flow of sub-actions: method dis")
    assert lines[3].startswith("7 pairs, ") and "0 at cuts, 2 at the end of clips" in lines[3]
    assert "outside the video" in result.stderr and "skipped.csv" in result.stderr
    again = run("flow", dataset, "--method", "dis")
    assert again.stdout.splitlines()[0] == "done 0, kept 2, failed 1"


def test_flow_in_json(dataset, tmp_path):
    (tmp_path / "ids").write_text(f"{NAMES[0]}\n")
    result = run("flow", dataset, "--method", "dis", "--form", "float16", "--only", tmp_path / "ids", "--json")
    facts = json.loads(result.stdout)
    assert result.exit_code == 0 and facts["done"] == [NAMES[0]] and facts["failed"] == {}
    assert facts["store"]["settings"]["parameters"] == {"method": "dis", "short_side": 256, "form": "float16"}


def test_actions_have_a_store_of_their_own(dataset):
    result = run("flow", dataset, "--method", "dis", "--unit", "action")
    assert result.exit_code == 0 and (dataset / "features/flow-dis-actions/store.json").exists()


def test_errors_are_one_line(dataset, store, capsys, monkeypatch):
    for arguments, message in [
        (["flow", dataset, "--method", "nope"], "ConfigError: Unknown flow method 'nope'"),
        (["flow", dataset, "--method", "dis", "--form", "float16"], "holds flow made with form quantised"),
        (["flow", dataset / "records"], "AnnotationError"),
        (["show", dataset], "FeatureError"),
        (["show", store, "nobody"], "nobody is not in the store"),
        (["import-flow", dataset / "records"], "give --out, or --dataset"),
        (["import-flow", dataset / "records", "--out", dataset / "x"], "no flow there"),
        (["draw", store, NAMES[1], "--out", dataset / "x.png"], "is of one frame"),
        (["draw", store, NAMES[0], "--out", dataset / "x.txt"], "ends in .png"),
        (["compare", dataset / "none.mp4", "--out", dataset / "x.html"], "no such file"),
    ]:
        status, text = run_as_user(capsys, monkeypatch, *arguments)
        assert status == 1 and message in text and len(text.strip().splitlines()) == 1, text


def test_show_tells_what_is_there(store):
    text = run("show", store).stdout
    assert "finegym-features/1" in text and "2, 9 frames" in text and "7 pairs" in text and "1 clips that could" in text
    text = run("show", store, NAMES[0]).stdout
    assert "records/a.mp4" in text and "8: 0 to 7 of the record" in text and "64x48" in text
    facts = json.loads(run("show", store, NAMES[0], "--json").stdout)
    assert facts["num_frames"] == 8 and facts["counts"]["pairs"] == 7
    assert json.loads(run("show", store, "--json").stdout)["num_clips"] == 2


def test_check_finds_damage(store):
    result = run("check", store)
    assert result.exit_code == 0 and "2 clips are as they were written" in result.stdout
    path = next((store / "clips").rglob(f"{NAMES[0]}.mp4"))
    path.write_bytes(path.read_bytes()[:-2] + b"xx")
    result = run("check", store)
    assert result.exit_code == 1 and NAMES[0] in result.stdout and "--verify" in result.stdout
    assert json.loads(run("check", store, "--json").stdout)["damaged"] == [NAMES[0]]
    run("flow", store.parent.parent, "--method", "dis", "--verify")
    assert run("check", store).exit_code == 0


@pytest.mark.parametrize("name", ["sheet.png", "film.mp4"])
def test_draw(store, tmp_path, name):
    result = run("draw", store, NAMES[0], "--out", tmp_path / name)
    assert result.exit_code == 0 and "7" in result.stdout and (tmp_path / name).stat().st_size > 1000
    other = run("draw", store, NAMES[0], "--out", tmp_path / f"alone-{name}", "--without-frames", "--pairs", 3)
    assert other.exit_code == 0 and (tmp_path / f"alone-{name}").exists()


def test_compare(dataset, tmp_path):
    arguments = ["compare", dataset / "records/a.mp4", "--out", tmp_path / "p.html", "--at", "0.2", "--method", "dis"]
    result = run(*arguments)
    assert result.exit_code == 0 and "1 pair and one of known motion" in result.stdout
    facts = json.loads(run(*arguments, "--method", "farneback", "--json").stdout)
    assert [each["method"] for each in facts] == ["dis", "farneback"] * 2
    assert [each["is_known_motion"] for each in facts] == [False, False, True, True]
    assert facts[0]["error_px"] is None and facts[2]["error_px"] > 0


@pytest.mark.parametrize("layout", ["jpg", "flo", "npy"])
def test_flow_goes_out_and_comes_back(dataset, store, tmp_path, layout):
    result = run("export-flow", store, "--out", tmp_path / "out", "--layout", layout)
    assert result.exit_code == 0 and "not written, of one frame: 1" in result.stdout
    facts = json.loads(run("export-flow", store, "--out", tmp_path / "out", "--layout", layout, "--json").stdout)
    assert facts["num_clips"] == 1 and facts["without_pairs"] == [NAMES[1]]
    result = run("import-flow", tmp_path / "out", "--dataset", dataset)
    assert result.exit_code == 0 and "done 1, kept 0, failed 0" in result.stdout
    assert "clips of the dataset without flow: 2" in result.stdout
    assert "imported" in run("show", dataset / "features/flow-imported", NAMES[0]).stdout
    facts = json.loads(run("import-flow", tmp_path / "out", "--out", tmp_path / "s", "--json").stdout)
    assert facts["layouts"] == {layout: 1} and Path(facts["out"]) == tmp_path / "s"
