"""``finegym train`` and ``predict`` on flow and poses: from records to scores, and what goes wrong on the way."""

import json
import pickle
import shutil
import sys

import av
import numpy as np
import pytest

from finegym.cli import main

RECIPE = """
name = "tiny"
[data]
dataset = "data"
split = "way"
modality = "flow"
features = "flow-dis"
num_segments = 2
num_segments_test = 2
flow_frames = 2
short_side = 32
crop_size = 32
crop_scales = [1.0]
workers = 0
[model]
backbone = "shufflenet_v2_x0_5"
dropout = 0.0
[optim]
learning_rate = 0.05
[schedule]
epochs = 2
[train]
batch_size = 4
"""

POSE_RECIPE = """
name = "poses"
[data]
dataset = "gym.pkl"
split = ""
modality = "pose"
workers = 0
[pose]
clip_len = 6
[model]
name = "pose_mlp"
hidden_size = 16
dropout = 0.0
[optim]
name = "adamw"
learning_rate = 0.01
[schedule]
epochs = 20
[train]
batch_size = 4
"""


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command in this process: (exit status, stdout, stderr)."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["finegym", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        return status, *capsys.readouterr()

    return call


def write_video(path, step, num_frames, rng):
    """Texture that moves ``step`` pixels a frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    texture = rng.integers(0, 255, (8, 40), dtype=np.uint8).repeat(6, axis=0).repeat(6, axis=1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "15"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(num_frames):
            picture = np.roll(texture, step * number, axis=1)[:, :64, None].repeat(3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Twelve videos that move left or right as a dataset folder with a split and a flow store."""
    folder = tmp_path_factory.mktemp("features")
    rng = np.random.default_rng(0)
    for number in range(12):
        name, step = (("left", -2), ("right", 2))[number % 2]
        write_video(folder / "videos" / name / f"{name}_g{number // 4}_c{number}.mp4", step, 8, rng)
    argv = sys.argv
    for words in (
        f"annotations convert {folder}/videos --group-pattern _(g.)_ --to folder --out {folder}/data",
        f"annotations split {folder}/data --by competition --val 0.34 --out way",
        f"features flow {folder}/data --method dis --short-side 32",
    ):
        sys.argv = ["finegym", *words.split()]
        with pytest.raises(SystemExit) as stopped:
            main()
        assert not stopped.value.code, words
    sys.argv = argv
    (folder / "tiny.toml").write_text(RECIPE)
    return folder


@pytest.fixture
def folder(template, tmp_path, monkeypatch):
    """A copy of the template, and the current folder."""
    shutil.copytree(template, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def test_from_records_to_scores_by_flow(run, folder):
    status, out, err = run("train", "tiny.toml", "--out", "runs/a", "--set", "schedule.epochs=8")
    assert (status, "epoch 8 of 8" in out) == (0, True), err
    facts = json.loads((folder / "runs/a/run.json").read_text())
    assert facts["modality"] == "flow"
    assert facts["features"]["settings"]["method"] == "dis"
    assert len(facts["features"]["index_sha256"]) == 64
    status, out, _ = run("predict", "runs/a", "--out", "predictions.parquet")
    assert (status, "4 instances of way/val" in out) == (0, True)
    command = next(line for line in out.splitlines() if line.startswith("next")).split()[2:]
    status, out, _ = run(*command, "--json")
    assert (status, json.loads(out)["num_instances"]) == (0, 4)


def remove_the_store(folder):
    (folder / "data/features/flow-dis/store.json").unlink()


def damage_a_clip(folder):
    for path in (folder / "data/features/flow-dis/clips").rglob("*.mp4"):
        path.write_bytes(bytes(path.stat().st_size))


def do_nothing(folder):
    pass


@pytest.mark.parametrize(
    ("spoil", "override", "facts"),
    [
        (remove_the_store, "seed=0", ["no finished store 'flow-dis'", "there are: none", "finegym features flow"]),
        (do_nothing, "data.features=flow-raft", ["no finished store 'flow-raft'", "there are: flow-dis"]),
        (damage_a_clip, "seed=0", ["clips cannot be read"]),
        (do_nothing, "data.source=records", ['data.source = "records" is for frames']),
        (do_nothing, "data.dataset=gone.pkl", ['is a pose pickle, but data.modality is "flow"']),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_checkpoint(run, folder, spoil, override, facts):
    spoil(folder)
    status, out, err = run("train", "tiny.toml", "--out", "runs/a", "--set", override)
    assert (status, out) == (1, "")
    assert err.count("\n") == 1, err
    for fact in facts:
        assert fact in err
    assert not list(folder.rglob("*.pt"))


def test_a_store_of_other_clips_is_named(run, folder):
    ids = [line.split()[0] for line in (folder / "data/splits/way/val.txt").read_text().splitlines()]
    (folder / "ids.txt").write_text("\n".join(ids) + "\n")
    shutil.rmtree(folder / "data/features/flow-dis")
    words = ("--method", "dis", "--short-side", "32", "--only", "ids.txt")
    assert run("features", "flow", "data", *words)[0] == 0
    status, _, err = run("train", "tiny.toml", "--out", "runs/a")
    assert (status, "8 of 8 instances have no clip" in err, "not in the flow store" in err) == (1, True, True)
    assert "Make it with `finegym features flow`" in err


def test_a_store_of_other_settings_is_refused_by_a_run(run, folder):
    assert run("train", "tiny.toml", "--out", "runs/a", "--stop-after", "1")[0] == 0
    words = ("--method", "farneback", "--short-side", "32", "--out", "data/features/flow-dis", "--replace")
    assert run("features", "flow", "data", *words)[0] == 0
    status, _, err = run("train", "tiny.toml", "--out", "runs/a")
    assert (status, "began with another features" in err) == (1, True)
    status, _, err = run("predict", "runs/a")
    assert (status, "'flow-dis' are others than runs/a was trained on: method was 'dis'" in err) == (1, True)


def write_pickle(path, num_clips=16, lost=(), names=None):
    rng = np.random.default_rng(0)
    annotations, split = [], {"train": [], "val": []}
    for number in range(num_clips):
        name = f"v{number:02d}_E_000000_000009_A_0000_0009" if names is None else names[number]
        keypoint = rng.uniform(20, 60, (1, 9, 17, 2)).astype(np.float16)
        keypoint[..., number % 2] += 25
        annotation = {"frame_dir": name, "label": number % 2, "keypoint": keypoint, "total_frames": 9}
        annotation |= {"img_shape": (100, 100), "original_shape": (100, 100)}
        annotation["keypoint_score"] = np.full((1, 9, 17), 0.9, np.float16)
        if number not in lost:
            annotations.append(annotation)
        split["train" if number < num_clips - 4 else "val"].append(name)
    path.write_bytes(pickle.dumps({"split": split, "annotations": annotations}))


@pytest.fixture
def poses(tmp_path, monkeypatch):
    """A pose pickle of two classes, a recipe, and the current folder."""
    monkeypatch.chdir(tmp_path)
    write_pickle(tmp_path / "gym.pkl")
    (tmp_path / "poses.toml").write_text(POSE_RECIPE)
    return tmp_path


def test_published_skeletons_train_straight_from_their_file(run, poses):
    status, out, err = run("train", "poses.toml", "--out", "runs/a", "--json")
    assert status == 0, err
    assert json.loads(out)["val_top1_accuracy"] == 1.0
    facts = json.loads((poses / "runs/a/run.json").read_text())
    assert (facts["modality"], facts["features"]["name"]) == ("pose", "gym.pkl")
    assert len(facts["features"]["sha256"]) == 64
    status, out, _ = run("predict", "runs/a")
    assert (status, "4 instances of gym/val" in out) == (0, True)
    assert "official FineGym files" in out


def test_poses_train_from_the_store_of_a_dataset(run, folder):
    lists = [folder / f"data/splits/way/{side}.txt" for side in ("train", "val")]
    rows = sorted((line.split() for path in lists for line in path.read_text().splitlines()), key=lambda row: row[1])
    names = [row[0] for pair in zip(rows[:6], rows[6:], strict=True) for row in pair]  # classes 0 and 1 in turn
    write_pickle(folder / "gym.pkl", num_clips=12, names=names)
    assert run("features", "import-poses", "gym.pkl", "--dataset", "data", "--name", "pose-hrnet")[0] == 0
    (folder / "poses.toml").write_text(POSE_RECIPE)
    overrides = ("data.dataset=data", "data.split=way", "data.features=pose-hrnet")
    words = [word for override in overrides for word in ("--set", override)]
    status, out, err = run("train", "poses.toml", "--out", "runs/a", "--json", *words)
    assert status == 0, err
    assert json.loads(out)["val_top1_accuracy"] == 1.0
    assert json.loads((folder / "runs/a/run.json").read_text())["features"]["settings"]["kind"] == "pose"
    words += ["--set", "data.features=flow-dis"]
    status, _, err = run("train", "poses.toml", "--out", "runs/b", *words)
    assert (status, "expected a store of pose, got one of flow" in err) == (1, True)


def test_a_changed_pickle_does_not_go_on(run, poses):
    assert run("train", "poses.toml", "--out", "runs/a", "--stop-after", "1")[0] == 0
    write_pickle(poses / "gym.pkl", num_clips=20)
    status, _, err = run("train", "poses.toml", "--out", "runs/a")
    assert (status, "began with another features" in err) == (1, True)


def test_ids_of_a_pickle_without_poses_are_an_error_or_counted(run, poses):
    write_pickle(poses / "gym.pkl", lost=(1,))
    status, _, err = run("train", "poses.toml", "--out", "runs/a")
    assert (status, err.count("\n"), "v01_E_000000_000009_A_0000_0009" in err) == (1, 1, True)
    words = ("--set", "data.missing=leave-out", "--set", "schedule.epochs=1")
    status, out, err = run("train", "poses.toml", "--out", "runs/a", *words)
    assert (status, "train       11 instances" in out) == (0, True), err
    assert "gym.pkl: 1 " in err


def test_a_pickle_that_would_run_code_is_refused(run, poses):
    class Evil:
        def __reduce__(self):
            return (print, ("pwned",))

    (poses / "gym.pkl").write_bytes(pickle.dumps({"split": {}, "annotations": [Evil()]}))
    status, out, err = run("train", "poses.toml", "--out", "runs/a")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "builtins" in err
    assert "pwned" not in err
