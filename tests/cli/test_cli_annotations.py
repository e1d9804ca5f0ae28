import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from finegym import cli
from finegym.annotations.folder import read_dataset, write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.cli.annotations import probe_clip
from finegym.codebook.model import Codebook, Element, Event, Set
from finegym.errors import VideoError


@pytest.fixture(autouse=True)
def _keep_indexes_apart(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("FINEGYM_INDEX_FOLDER", str(tmp_path_factory.mktemp("indexes")))


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["finegym", "annotations", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
            raise SystemExit(0)
        output = capsys.readouterr()
        return caught.value.code or 0, output.out, output.err

    return call


def make_dataset(end_ms=3000, element_id="tuck"):
    codebook = Codebook(
        "tumbling",
        "1",
        "tumbling",
        (Event("TU", "tumbling", 1),),
        (Set("TU-S1", "TU", "saltos"),),
        (Element("tuck", "TU-S1", "salto tucked"), Element("pike", "TU-S1", "salto piked")),
        (),
        (),
    )
    sub_actions = (
        SubAction("A_0001_0002", ((1000, 2500),), element_id, "TU-S1" if element_id else None),
        SubAction(f"A_0002_{end_ms // 1000:04d}", ((2500, end_ms),), "pike", "TU-S1"),
    )
    action = Action("E_000000_000009", "TU", 0, 9000, sub_actions)
    return Dataset(codebook, (Video("-first-one_", (action,)),))


@pytest.fixture
def folder(tmp_path):
    write_dataset(make_dataset(), tmp_path / "data")
    return tmp_path / "data"


def write_clip(path: Path, num_frames=10):
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = "gif" if path.suffix == ".gif" else "libvpx" if path.suffix == ".webm" else "mpeg4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        for k in range(num_frames):
            picture = np.full((48, 64, 3), 20 * k % 256, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.fixture
def clips(tmp_path):
    for name in ("beam/v_g01_1.avi", "beam/v_g02_1.mp4", "rest/w_g01_1.mkv", "rest/w_g02_1.webm", "rest/w_g03_1.gif"):
        write_clip(tmp_path / "clips" / name)
    return tmp_path / "clips"


def test_check_prints_kinds_with_counts_and_ids(run, folder):
    status, out, err = run("check", folder)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "1 record, 1 action, 2 sub-actions"
    assert any(line.split()[:2] == ["adjacent-sub-actions", "1"] for line in lines)
    assert "-first-one__E_000000_000009_A_0001_0002: ends where" in out


def test_check_exits_with_1_where_there_are_errors_and_shows_them(run, folder):
    text = (folder / "annotations.json").read_text()
    (folder / "annotations.json").write_text(text.replace("[2.5, 3.0]", "[2.5, 2.5]"))
    status, out, err = run("check", folder)
    assert (status, err) == (1, "")
    assert "empty-interval" in out and "starts at 2500 ms and ends at 2500 ms" in out


def test_check_as_json_and_as_a_file(run, folder, tmp_path):
    status, out, err = run("check", folder, "--json", "--out", tmp_path / "f.csv", "--min-duration-ms", 1000)
    assert status == 0
    found = json.loads(out)
    assert {kind["kind"]: kind["found"] for kind in found["kinds"]} == {"near-zero": 1, "adjacent-sub-actions": 1}
    assert err == f"2 findings written to {tmp_path / 'f.csv'}\n"
    assert len((tmp_path / "f.csv").read_text().splitlines()) == 3


def test_check_all_shows_every_finding(run, tmp_path):
    dataset = make_dataset()
    action = dataset.videos[0].actions[0]
    short = tuple(SubAction(f"A_{k:04d}_{k:04d}", ((1000 * k, 1000 * k + 5),), "tuck", "TU-S1") for k in range(5))
    many = Action(action.name, "TU", 0, 9000, short)
    write_dataset(Dataset(dataset.codebook, (Video("v", (many,)),)), tmp_path / "data")
    assert run("check", tmp_path / "data")[1].count("lasts 5 ms") == 3
    assert run("check", tmp_path / "data", "--all")[1].count("lasts 5 ms") == 5


@pytest.mark.parametrize(
    ("break_it", "fact"),
    [
        (lambda f: (f / "annotations.json").write_text("{"), "line 1, column"),
        (lambda f: (f / "codebook.yaml").write_text("format: x"), "codebook.yaml"),
        (lambda f: (f / "elements.txt").write_text("nonsense\n"), "elements.txt: line 1"),
        (lambda f: (f / "annotations.json").unlink(), "expected a dataset folder"),
    ],
)
@pytest.mark.parametrize("verb", [("check",), ("convert", "--to", "csv", "--out", "i.csv")])
def test_bad_input_is_one_line_on_stderr_and_exit_1(run, folder, monkeypatch, verb, break_it, fact):
    monkeypatch.chdir(folder.parent)
    break_it(folder)
    status, out, err = run(verb[0], folder, *verb[1:])
    assert (status, out) == (1, "")
    assert err.count("\n") == 1 and fact in err
    assert not Path("i.csv").exists()


@pytest.mark.parametrize("to", ["csv", "activitynet"])
def test_convert_to_a_file(run, folder, tmp_path, to):
    status, out, err = run("convert", folder, "--to", to, "--out", tmp_path / "out.file")
    assert (status, err) == (0, "")
    assert out.startswith("1 records, ") and out.endswith(f"written to {tmp_path / 'out.file'}\n")
    assert (tmp_path / "out.file").is_file()


def test_options_of_another_shape_are_refused_not_ignored(run, folder, tmp_path):
    for option in (("--level", "set"), ("--split", "gym99")):
        status, _, err = run("convert", folder, "--to", "csv", "--out", tmp_path / "out.csv", *option)
        assert status == 2 and "only --to activitynet has" in err and not (tmp_path / "out.csv").exists()


def test_convert_does_not_overwrite(run, folder, tmp_path):
    (tmp_path / "out.csv").write_text("mine")
    status, _, err = run("convert", folder, "--to", "csv", "--out", tmp_path / "out.csv")
    assert status == 1 and "is there already" in err
    assert (tmp_path / "out.csv").read_text() == "mine"


def test_convert_reports_what_was_left_out(run, tmp_path):
    write_dataset(make_dataset(element_id=None), tmp_path / "data")
    words = ("convert", tmp_path / "data", "--to", "activitynet", "--out", tmp_path / "a.json")
    status, _, err = run(*words)
    assert status == 1 and "1 sub-actions without a label of the element level" in err
    status, out, _ = run(*words, "--allow-loss")
    assert status == 0
    assert "left out: 1 sub-actions without a label of the element level, such as -first-one_" in out


def test_convert_json_lists_files_counts_and_losses(run, folder, tmp_path):
    _, out, _ = run("convert", folder, "--to", "activitynet", "--level", "set", "--out", tmp_path / "a.json", "--json")
    assert json.loads(out) == {
        "written": [str(tmp_path / "a.json")],
        "counts": {"records": 1, "segments": 2, "records of unknown duration": 1},
        "left_out": {},
    }


def test_a_folder_of_clips_becomes_a_dataset_with_the_lengths_of_the_files(run, clips, tmp_path):
    status, out, err = run(
        "convert", clips, "--to", "folder", "--out", tmp_path / "data", "--group-pattern", r"_(g\d+)_"
    )
    assert (status, err) == (0, "")
    assert out == f"5 records, 5 actions, 5 sub-actions written to {tmp_path / 'data'}\n"
    videos = read_dataset(tmp_path / "data").videos
    assert [video.competition for video in videos] == ["g01", "g02", "g01", "g02", "g03"]
    assert {(v.num_frames, v.width, v.height) for v in videos} == {(10, 64, 48)}
    assert all(v.actions[0].end_ms - v.actions[0].start_ms == pytest.approx(1000, abs=15) for v in videos)
    assert all((tmp_path / "data" / str(v.path)).is_file() for v in videos)


def test_damaged_clips_are_named_and_can_be_left_out(run, clips, tmp_path):
    (clips / "rest" / "w_g01_1.mkv").write_bytes(b"no video")
    (clips / "rest" / "notes.txt").write_text("x")
    status, _, err = run("convert", clips, "--to", "folder", "--out", tmp_path / "data")
    assert status == 1 and "1 of 5 clips do not decode: rest/w_g01_1.mkv" in err and err.count("\n") == 1
    assert not (tmp_path / "data").exists()
    status, out, _ = run("convert", clips, "--to", "folder", "--out", tmp_path / "data", "--skip-damaged")
    assert status == 0
    assert "4 records" in out
    assert "left out: 1 damaged files, such as rest/w_g01_1.mkv" in out
    assert "left out: 1 files that are no clips in a class's subfolder, such as rest/notes.txt" in out
    status, out, _ = run(
        "convert", clips, "--to", "csv", "--out", tmp_path / "i.csv", "--exclude", "rest/w_g01_1.mkv", "--json"
    )
    assert json.loads(out)["left_out"]["excluded files"] == ["rest/w_g01_1.mkv"]


def test_a_truncated_clip_is_damaged(tmp_path):
    path = write_clip(tmp_path / "a.avi", 60)
    assert probe_clip(path).num_frames == 60
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(VideoError, match=r"a\.avi"):
        probe_clip(path)


def test_clips_can_be_read_by_several_processes(run, clips, tmp_path):
    status, _, _ = run("convert", clips, "--to", "folder", "--out", tmp_path / "data", "--workers", 2)
    assert status == 0
    assert len(read_dataset(tmp_path / "data").videos) == 5


@pytest.mark.parametrize("words", [("check",), ("convert", ".", "--to", "xml", "--out", "x"), ("convert", ".")])
def test_wrong_usage_is_exit_2(run, words):
    status, _, _ = run(*words)
    assert status == 2


@pytest.mark.parametrize("verb", ["check", "convert"])
def test_help_ends_with_an_example(run, verb):
    status, out, _ = run(verb, "--help")
    assert status == 0
    assert f"finegym annotations {verb}" in out.replace("\n", " ")


def test_help_loads_no_heavy_library():
    code = (
        "import sys; sys.argv = ['finegym', 'annotations', '--help']\n"
        "from finegym.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'polars', 'numpy', 'av') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_check_of_the_real_folder(run, shared):
    status, out, err = run("check", shared / "finegym")
    assert (status, err) == (0, "")
    lines = {line.split()[0]: line.split()[1:4] for line in out.splitlines() if line.startswith("  ") and line.split()}
    # found, gym288, gym99
    assert lines["outside-action"] == ["80", "80", "74"]
    assert lines["near-duplicate-actions"] == ["70", "70", "48"]
    assert lines["adjacent-sub-actions"] == ["20", "20", "17"]


def test_the_real_clips_become_a_dataset(run, shared, tmp_path):
    source = shared / "clips" / "ucf101"
    status, out, _ = run("convert", source, "--to", "folder", "--out", tmp_path / "d", "--group-pattern", r"_(g\d+)_")
    assert status == 0 and out.startswith("96 records, 96 actions, 96 sub-actions")
    dataset = read_dataset(tmp_path / "d")
    assert len(dataset.codebook.elements) == 9
    assert len({video.competition for video in dataset.videos}) == 16
    beam = [i for i in dataset.iterate_instances() if i.sub_action.element_id == "BalanceBeam"]
    assert len(beam) == 64
