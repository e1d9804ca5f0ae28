"""A spotter from recipe to files, on two records of coloured frames: trained, taken up again, spotted, evaluated."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import make_subset
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError, OutputError
from finegym.evaluation.localization.detections import read_truth
from finegym.evaluation.localization.reading import read_detections
from finegym.localization import spotter_predict
from finegym.localization.opening import open_localizer, without_first_weights
from finegym.localization.recipe import read_localization_recipe
from finegym.localization.run import train
from finegym.localization.run_folder import LocalizationRun
from finegym.localization.spotter_localizer import build_spotter
from finegym.localization.spotter_predict import spot
from finegym.localization.timelines import read_timelines

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = (
    "spotter.backbone=resnet18",
    "spotter.weights=none",
    "spotter.freeze=[]",
    "spotter.short_side=32",
    "spotter.follow=0",
    "spotter.cache=''",
    "spotter.crop=[32, 32]",
    "spotter.clip_len=8",
    "spotter.step=4",
    "spotter.windows_per_epoch=4",
    "spotter.hidden_size=8",
    "spotter.windows_at_once=2",
    "spotter.stride=1",
    "spotter.pad_ms=80",
    "train.batch_size=2",
    "schedule.epochs=2",
    "schedule.warmup_epochs=0.0",
    "data.workers=0",
    "data.split=sets",
)


def write_record(path, num_frames=50):
    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(num_frames):
            picture = np.full((48, 64, 3), 5 * number % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spotting") / "dataset"
    codebook = read_builtin("artistic-women")
    turn, vault = (codebook.get_elements_of_set(set_id)[0].id for set_id in ("BB-S2", "VT-S1"))
    videos = []
    for name in ("first", "other"):
        turns = (SubAction("A_0000_0000", ((200, 520),), turn), SubAction("A_0000_0001", ((680, 1000),), turn))
        stages = SubAction("A_0000_0000", ((80, 200), (200, 320), (320, 480)), vault)
        actions = (
            Action("E_000000_000001", "BB", 80, 1200, turns),
            Action(
                "E_000001_000001",
                "VT",
                1240,
                1800,
                (SubAction(stages.name, tuple((a + 1240, b + 1240) for a, b in stages.stages), vault),),
            ),
        )
        videos.append(Video(name, actions, f"records/{name}.mp4"))
    dataset = Dataset(codebook, tuple(videos))
    write_dataset(dataset, folder)
    subset = make_subset("set", "set", ["VT-S1", "BB-S2"], codebook)
    labels = {id_: int(instance.action.event_id == "BB") for id_, instance in dataset.instances.items()}
    sides = [{id_: label for id_, label in labels.items() if id_.startswith(name)} for name in ("first", "other")]
    write_split(Split("sets", subset, *sides), folder / "splits" / "sets")
    for name in ("first", "other"):
        write_record(folder / "records" / f"{name}.mp4")
    return folder


def read(dataset, *overrides):
    path = RECIPES / "smoke" / "spotter_smoke.toml"
    return read_localization_recipe(path, (*SMALL, f"data.dataset={dataset}", *overrides))


def test_a_run_that_was_stopped_ends_with_the_same_weights(dataset, tmp_path):
    recipe = read(dataset)
    straight = train(recipe, tmp_path / "straight", device="cpu")
    train(recipe, tmp_path / "stopped", stop_after=1, device="cpu")
    resumed = train(recipe, tmp_path / "stopped", device="cpu")
    weights = [torch.load(run.find_checkpoint(), weights_only=True)["model"] for run in (straight, resumed)]
    assert weights[0].keys() == weights[1].keys()
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key]), key
    last = straight.read_last_epoch()
    assert last["train_event_loss"] > 0 and last["val_num_segments"] == 3


def test_a_run_becomes_files_of_events_and_segments(dataset, tmp_path):
    train(read(dataset, "schedule.epochs=1", "spotter.min_score=0.001"), tmp_path / "run", device="cpu")
    files = {name: tmp_path / f"{name}.json" for name in ("spots", "truth", "segments")}
    options = [word for name in ("truth", "segments") for word in (f"--{name}", str(files[name]))]
    result = CliRunner().invoke(
        app, ["spot", str(tmp_path / "run"), "--out", str(files["spots"]), *options, "--device", "cpu", "--json"]
    )
    assert result.exit_code == 0, result.output
    tally = json.loads(result.stdout)
    spots, truth = (json.loads(files[name].read_text()) for name in ("spots", "truth"))
    assert tally["num_timelines"] == len(spots) == len(truth) == 2
    assert tally["num_events"] == sum(len(entry["events"]) for entry in spots) > 0
    # The film begins two frames (80 ms) before the action, at frame 0 and at frame 29 of the record.
    assert [(e["frame"], e["label"]) for e in truth[0]["events"]] == [
        *((5, "BB-S2_start"), (13, "BB-S2_end"), (17, "BB-S2_start"), (25, "BB-S2_end")),
    ]
    assert [(e["frame"], e["label"]) for e in truth[1]["events"]] == [
        *((4, "VT-S1_0"), (7, "VT-S1_1"), (10, "VT-S1_2"), (14, "VT-S1_3")),
    ]
    assert truth[1]["_source_info"] == {"start_frame": 31, "end_frame": 45, "pad": [2, 2], "effective_pad": [2, 2]}
    annotations = tmp_path / "annotations.json"
    words = ["annotations", "convert", str(dataset), "--to", "activitynet", "--task", "sub-actions", "--level", "set"]
    assert CliRunner().invoke(app, [*words, "--split", "sets", "--out", str(annotations)]).exit_code == 0
    detections = read_detections(files["segments"], read_truth(annotations, "validation"))
    assert len(detections.scores) == tally["num_segments"]
    made_by = json.loads(files["segments"].read_text())["external_data"]
    opened = open_localizer(tmp_path / "run", device="cpu")
    assert made_by == opened.identify() | {"given_split": "sets", "side": "val", "changed": []}
    assert (made_by["method"], made_by["level"]) == ("spotter", "set")
    refused = [tmp_path / "recipe.toml", files["truth"], files["segments"]]
    refused[0].write_text("name = 'mine'")
    before = [path.read_bytes() for path in refused]
    for path in refused:
        result = CliRunner().invoke(app, ["spot", str(tmp_path / "run"), "--out", str(path)])
        assert isinstance(result.exception, OutputError) and "is there already" in str(result.exception)
    twice = ["--out", str(files["spots"]), "--truth", str(files["spots"])]
    result = CliRunner().invoke(app, ["spot", str(tmp_path / "run"), *twice])
    assert isinstance(result.exception, ConfigError) and "are different files" in str(result.exception)
    assert [path.read_bytes() for path in refused] == before
    assert len(made_by["checkpoint_sha256"]) == len(made_by["split"]["val_sha256"]) == 64


def test_only_the_truth_needs_annotated_stages(dataset, tmp_path, monkeypatch):
    train(read(dataset, "schedule.epochs=1"), tmp_path / "run", device="cpu")
    opened = open_localizer(tmp_path / "run", device="cpu")
    with monkeypatch.context() as patch:
        patch.delattr(spotter_predict, "read_dataset")
        spotted = spot(opened, side="val")
    true = spotter_predict.list_true_spots(opened, spotted)
    assert [entry["num_events"] for entry in true] == [4, 4]


def test_the_same_weights_see_the_same(dataset, tmp_path):
    train(read(dataset, "schedule.epochs=1"), tmp_path / "run", device="cpu")
    run = LocalizationRun(tmp_path / "run")
    first, second = (spot(open_localizer(run.path, device="cpu"), side="val") for _ in range(2))
    assert first.predicted == second.predicted
    cached = open_localizer(run.path, device="cpu", overrides=["spotter.cache=films"])
    assert spot(cached, side="val").predicted == first.predicted
    assert len(list((dataset / "features" / "films").glob("*.npy"))) == 2


def test_a_run_may_start_from_the_weights_of_another(dataset, tmp_path):
    train(read(dataset, "schedule.epochs=1"), tmp_path / "first", device="cpu")
    first = torch.load(LocalizationRun(tmp_path / "first").find_checkpoint(), weights_only=True)["model"]
    timelines = read_timelines(dataset, "sets", task="sub-actions", level="set", side="train")
    second = read(dataset, f"spotter.start={tmp_path / 'first'}", "spotter.temporal=tsm")
    weights = build_spotter(second, timelines).state_dict()
    assert weights.keys() == first.keys()
    assert all(torch.equal(value, weights[key]) for key, value in first.items())
    plain = build_spotter(without_first_weights(second), timelines).state_dict()
    assert not torch.equal(plain["network.events.weight"], first["network.events.weight"])
    (tmp_path / "first" / "checkpoints" / "epoch-0001.pt").unlink()
    with pytest.raises(ConfigError, match="no checkpoint"):
        build_spotter(second, timelines)
    assert without_first_weights(second).spotter.start == ""
