import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from finegym.datasets.shuffled_view import draw_order
from finegym.errors import AnnotationError, ConfigError, OutputError, VideoError
from finegym.evaluation.predictions import read_predictions
from finegym.training import loop
from finegym.training.predict import predict
from finegym.training.run import train
from finegym.training.run_folder import RunFolder, read_checkpoint


def read_weights(run):
    return read_checkpoint(run.find_checkpoint("last"))["model"]


def assert_equal_weights(left, right):
    left, right = read_weights(left), read_weights(right)
    assert left.keys() == right.keys()
    assert [key for key in left if not torch.equal(left[key], right[key])] == []


def get_epochs(run):
    """Lines of whole epochs, without what a clock said."""
    return [row for row in get_curve(run) if row["kind"] == "epoch"]


def get_curve(run):
    """Every line of metrics, steps and epochs, without what a clock said."""
    clock = {"seconds", "clips_per_second", "share_waiting_for_data"}
    return [{k: v for k, v in row.items() if k not in clock} for row in run.read_metrics()]


def test_a_run_leaves_everything_that_says_what_it_was(make_recipe, make_data, tmp_path):
    run = train(make_recipe(), make_data(), tmp_path / "run")
    assert run.read_recipe() == make_recipe()
    facts = run.read_facts()
    assert facts["classes"] == [["e0", "e0"], ["e1", "e1"]]
    assert (facts["num_train"], facts["num_val"], facts["seed"]) == (12, 4, 3)
    assert facts["codebook"]["sha256"] == "c"
    assert facts["num_parameters"] == 341_792 + 2 * 1025
    rows = run.read_metrics()
    assert [row["kind"] for row in rows] == ["step", "step", "step", "epoch"] * 4
    assert [row["step"] for row in rows if row["kind"] == "step"] == list(range(1, 13))
    last = rows[-1]
    assert last["num_clips"] == 12
    assert last["num_short_clips"] == 0
    assert last["val_num_instances"] == 4
    assert [epochs for epochs, _ in run.list_checkpoints()] == [3, 4]
    assert list(run.tensorboard_path.glob("events*"))
    assert [path.name for path in run.path.rglob(".*")] == []


def test_a_model_overfits_eight_clips(make_recipe, make_data, tmp_path):
    overrides = ("schedule.epochs=40", "optim.learning_rate=0.02", "model.dropout=0.0", "train.evaluate_every=0")
    recipe = make_recipe(*overrides, "data.crop_scales=[1.0]")
    run = train(recipe, make_data(num_train=8), tmp_path / "run")
    epochs = get_epochs(run)
    assert epochs[-1]["train_top1_accuracy"] == 1.0
    assert epochs[-1]["train_loss"] < 0.1 < 0.5 < epochs[0]["train_loss"]


def test_a_resumed_run_ends_with_the_same_bits(make_recipe, make_data, tmp_path, capsys):
    whole = train(make_recipe(), make_data(), tmp_path / "whole")
    train(make_recipe(), make_data(), tmp_path / "halves", stop_after=2)
    halves = train(make_recipe(), make_data(), tmp_path / "halves")
    assert "resuming" in capsys.readouterr().err
    assert_equal_weights(whole, halves)
    assert get_epochs(whole) == get_epochs(halves)
    assert [row["step"] for row in halves.read_metrics() if row["kind"] == "step"] == list(range(1, 13))


def test_adamw_resumes_with_the_same_bits_too(make_recipe, make_data, tmp_path):
    recipe = make_recipe("optim.name=adamw", "optim.learning_rate=0.001", "schedule.epochs=2")
    whole = train(recipe, make_data(), tmp_path / "whole")
    train(recipe, make_data(), tmp_path / "halves", stop_after=1)
    assert_equal_weights(whole, train(recipe, make_data(), tmp_path / "halves"))


def test_loader_processes_change_no_bit(make_recipe, make_data, tmp_path):
    plain = train(make_recipe("schedule.epochs=1"), make_data(), tmp_path / "plain")
    workers = train(make_recipe("schedule.epochs=1", "data.workers=2"), make_data(), tmp_path / "workers")
    assert_equal_weights(plain, workers)


def test_another_seed_is_another_run(make_recipe, make_data, tmp_path):
    first = read_weights(train(make_recipe("schedule.epochs=1"), make_data(), tmp_path / "a"))
    second = read_weights(train(make_recipe("schedule.epochs=1", "seed=4"), make_data(), tmp_path / "b"))
    assert not torch.equal(first["classifier.weight"], second["classifier.weight"])


def test_a_run_killed_in_an_epoch_goes_on_from_its_last_checkpoint(
    make_recipe, make_data, tmp_path, monkeypatch, capsys
):
    whole = train(make_recipe(), make_data(), tmp_path / "whole")
    steps = 0

    def interrupt(batch):
        nonlocal steps
        steps += 1
        if steps == 5:  # second step of the second epoch
            raise KeyboardInterrupt
        return check_batch(batch)

    check_batch = loop.check_batch
    monkeypatch.setattr(loop, "check_batch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(make_recipe(), make_data(), tmp_path / "stopped")
    assert "stopped on request; the checkpoint of epoch 1 is kept" in capsys.readouterr().err
    monkeypatch.undo()
    stopped = train(make_recipe(), make_data(), tmp_path / "stopped")
    assert "after epoch 1 of 4; 1 lines of metrics" in capsys.readouterr().err
    assert_equal_weights(whole, stopped)
    assert get_epochs(whole) == get_epochs(stopped)


@pytest.mark.parametrize("sent", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_between_two_steps_loses_nothing(make_recipe, make_data, tmp_path, sent):
    """A process of its own, with a loader process, is hit in the middle of its second epoch."""
    path = tmp_path / "program.py"
    path.write_text(
        textwrap.dedent(
            f"""
            import os, sys
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            import conftest
            from finegym.training import loop
            from finegym.training.recipe import parse_recipe
            from finegym.training.run import train

            if __name__ == "__main__":
                check_batch, steps = loop.check_batch, 0
                def hit(batch):
                    global steps
                    steps += 1
                    if steps == 5:
                        os.kill(os.getpid(), {int(sent)})
                    return check_batch(batch)
                loop.check_batch = hit
                recipe = parse_recipe(conftest.RECIPE, "tiny", ["data.workers=1", "schedule.epochs=2"])
                train(recipe, conftest.build_data(), {str(tmp_path / "stopped")!r})
            """
        )
    )
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    # Returning at all proves that no loader process is left behind: it would hold the pipes open.
    stopped = subprocess.run([sys.executable, str(path)], env=environment, capture_output=True, timeout=120)
    assert stopped.returncode != 0
    run = RunFolder(tmp_path / "stopped")
    assert [epochs for epochs, _ in run.list_checkpoints()] == [1], stopped.stderr
    recipe = make_recipe("data.workers=1", "schedule.epochs=2")
    resumed = train(recipe, make_data(), run.path)
    whole = train(recipe, make_data(), tmp_path / "whole")
    assert_equal_weights(whole, resumed)
    assert get_curve(whole) == get_curve(resumed)


def test_a_finished_run_is_left_alone(make_recipe, make_data, tmp_path, capsys):
    run = train(make_recipe("schedule.epochs=1"), make_data(), tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.suffix in {".pt", ".jsonl"}}
    train(make_recipe("schedule.epochs=1"), make_data(), tmp_path / "run")
    assert "nothing to do" in capsys.readouterr().err
    after = {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.suffix == ".pt"}
    assert after.items() <= before.items()


def test_another_recipe_may_not_go_on_with_a_run(make_recipe, make_data, tmp_path):
    train(make_recipe(), make_data(), tmp_path / "run", stop_after=1)
    with pytest.raises(ConfigError, match=r"began with another recipe: seed, optim\.learning_rate differ"):
        train(make_recipe("seed=9", "optim.learning_rate=0.5"), make_data(), tmp_path / "run")
    with pytest.raises(ConfigError, match="holds a run already"):
        train(make_recipe(), make_data(), tmp_path / "run", resume="never")


def test_another_split_may_not_go_on_with_a_run(make_recipe, make_data, tmp_path):
    train(make_recipe(), make_data(), tmp_path / "run", stop_after=1)
    data = make_data()
    data.facts["split"]["val_sha256"] = "other"
    with pytest.raises(ConfigError, match="another split: the dataset has changed"):
        train(make_recipe(), data, tmp_path / "run")


def test_settings_of_speed_may_change_on_the_way(make_recipe, make_data, tmp_path):
    train(make_recipe("schedule.epochs=2"), make_data(), tmp_path / "run", stop_after=1)
    train(
        make_recipe("schedule.epochs=2", "train.batch_size_test=2", "data.dataset=moved"), make_data(), tmp_path / "run"
    )


def test_a_loss_that_is_no_number_stops_with_epoch_and_iteration(make_recipe, make_data, tmp_path, monkeypatch):
    calls = 0

    def poison(batch):
        nonlocal calls
        calls += 1
        return batch._replace(inputs=batch.inputs * float("nan")) if calls == 5 else batch

    monkeypatch.setattr(loop, "check_batch", poison)
    with pytest.raises(ConfigError, match=r"loss is nan in epoch 2, iteration 2 .*checkpoint of epoch 1 is kept"):
        train(make_recipe("train.evaluate_every=0"), make_data(), tmp_path / "run")


def test_a_class_without_training_instances_is_an_error_or_is_allowed(make_recipe, make_data, tmp_path):
    data = make_data(num_train=2, num_val=3, num_classes=3)
    with pytest.raises(AnnotationError, match=r"1 of 3 classes have no instance: e2"):
        train(make_recipe(), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    train(make_recipe("data.allow_empty_classes=true", "schedule.epochs=1"), data, tmp_path / "run")


def test_an_empty_side_is_an_error(make_recipe, make_data, tmp_path):
    with pytest.raises(AnnotationError, match="split colours, val lists no instances"):
        train(make_recipe(), make_data(num_val=0), tmp_path / "run")


def test_instances_left_out_are_counted_and_named(make_recipe, make_data, tmp_path, capsys):
    data = make_data()
    data.labels["train"]["gone_E_000000_000009_A_0000_0009"] = 0
    with pytest.raises(AnnotationError, match="1 of 13 instances have no clip"):
        train(make_recipe(), data, tmp_path / "run")
    run = train(make_recipe("data.missing=leave-out", "schedule.epochs=1"), data, tmp_path / "run")
    assert "train: 1 instances without a clip are left out" in capsys.readouterr().err
    assert list(run.read_facts()["left_out"]["train"]) == ["gone_E_000000_000009_A_0000_0009"]


def test_classes_that_name_a_side_need_their_mirror(make_recipe, make_data, tmp_path):
    data = make_data(class_names=("turn to the left", "turn to the right"))
    with pytest.raises(
        ConfigError, match=r"of 2 of 2 classes it is not known .*: 'e0' \(turn to the left\) names a side"
    ):
        train(make_recipe(), data, tmp_path / "run")
    with pytest.raises(ConfigError, match="'e7', which is not in the subset"):
        train(make_recipe('data.flip_swaps=[["e0", "e7"]]'), make_data(), tmp_path / "run")
    train(make_recipe('data.flip_swaps=[["e0", "e1"]]', "schedule.epochs=1"), data, tmp_path / "swapped")
    train(make_recipe("data.flip=false", "schedule.epochs=1"), data, tmp_path / "unflipped")


def test_a_clip_that_does_not_decode_stops_the_run_in_one_line(make_recipe, make_data, tmp_path, monkeypatch):
    data = make_data()

    def fail(*arguments):
        raise VideoError("v.mp4: frame 3 does not decode")

    monkeypatch.setattr(data.source, "read_frames", fail)
    with pytest.raises(VideoError, match=r"4 clips cannot be read: v\d+_E_\S+: v\.mp4: frame 3") as caught:
        train(make_recipe(), data, tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_the_last_checkpoint_whole(make_recipe, make_data, tmp_path, monkeypatch):
    run = train(make_recipe(), make_data(), tmp_path / "run", stop_after=1)
    before = run.find_checkpoint().read_bytes()

    def fill(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    monkeypatch.setattr(RunFolder, "drop_metrics_after", lambda self, epochs: 0)
    with pytest.raises(OutputError, match=r"epoch-0002\.pt.*No space left"):
        train(make_recipe(), make_data(), tmp_path / "run")
    assert [path.read_bytes() == before for _, path in run.list_checkpoints()] == [True]
    assert list(run.checkpoints_path.glob(".*")) == []


def test_a_frozen_backbone_learns_by_its_head(make_recipe, make_data, tmp_path):
    recipe = make_recipe("model.freeze_backbone=true", "optim.learning_rate=0.1", "schedule.epochs=2")
    weights = read_weights(train(recipe, make_data(), tmp_path / "run"))
    torch.manual_seed(recipe.seed)
    from finegym.training.build_model import build_model

    model, _ = build_model(recipe, 2)
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(weights[f"backbone.{key}"], value)


def test_predictions_cover_the_split_and_agree_with_the_last_validation(make_recipe, make_data, tmp_path):
    data = make_data()
    run = train(make_recipe(), data, tmp_path / "run")
    assert predict(run, run.read_recipe(), data, tmp_path / "val.parquet") == 4
    predictions = read_predictions(tmp_path / "val.parquet")
    assert list(predictions.instance_ids) == list(data.labels["val"])
    targets = np.array(list(data.labels["val"].values()))
    accuracy = (predictions.logits.argmax(axis=1) == targets).mean()
    assert accuracy == get_epochs(run)[-1]["val_top1_accuracy"]
    assert predictions.metadata["subset"] == "colour"
    assert predictions.metadata["split"] == "colours/val"
    assert predictions.metadata["checkpoint"] == "epoch-0004.pt"
    state = torch.load(run.find_checkpoint(), weights_only=True)["model"]
    digest = hashlib.sha256()
    for key in sorted(state):
        array = state[key].numpy()
        digest.update(f"{key} {array.dtype} {array.shape}\n".encode() + array.tobytes())
    assert predictions.metadata["model_sha256"] == digest.hexdigest()
    assert predict(run, run.read_recipe(), data, tmp_path / "train.parquet", side="train", checkpoint="3") == 12


def test_batch_size_and_workers_do_not_change_predictions(make_recipe, make_data, tmp_path):
    data = make_data()
    run = train(make_recipe("schedule.epochs=1"), data, tmp_path / "run")
    logits = []
    for overrides in ((), ("train.batch_size_test=1",), ("train.batch_size_test=3", "data.workers=1")):
        predict(run, make_recipe("schedule.epochs=1", *overrides), data, tmp_path / "p.parquet")
        logits.append(read_predictions(tmp_path / "p.parquet").logits)
    np.testing.assert_allclose(logits[1], logits[0], atol=1e-5, rtol=0)
    np.testing.assert_allclose(logits[2], logits[0], atol=1e-5, rtol=0)
    predict(run, make_recipe("schedule.epochs=1"), data, tmp_path / "p.parquet")
    np.testing.assert_array_equal(read_predictions(tmp_path / "p.parquet").logits, logits[0])


def test_ten_crops_average_views_and_swap_sides(make_recipe, make_data, tmp_path):
    data = make_data()
    overrides = ('data.flip_swaps=[["e0", "e1"]]', "schedule.epochs=1", "data.crop_size=24", "data.crop_scales=[1.0]")
    run = train(make_recipe(*overrides), data, tmp_path / "run")
    predict(run, make_recipe(*overrides, "data.crops_test=ten"), data, tmp_path / "ten.parquet")
    from finegym.datasets.transforms import crop_views, normalise, to_tensor
    from finegym.training.build_model import build_model

    model, _ = build_model(run.read_recipe(), 2)
    model.load_state_dict(read_weights(run))
    model.eval()
    expected = []
    for instance_id in data.labels["val"]:
        frames = data.source.read_frames(instance_id, np.array([1, 3, 5]), 32)
        views = crop_views(to_tensor(frames), 24, "ten")
        with torch.inference_mode():
            normalisation = model.backbone.normalisation
            scores = model(normalise(views, normalisation.mean, normalisation.std))
        expected.append(torch.cat([scores[:5], scores[5:].flip(-1)]).mean(dim=0).numpy())
    got = read_predictions(tmp_path / "ten.parquet").logits
    np.testing.assert_allclose(got, np.stack(expected), atol=1e-5)


@pytest.mark.parametrize("name", ["tsn", "trn", "tsm"])
def test_shuffled_frames_change_what_models_of_order_say_and_not_what_tsn_says(make_recipe, make_data, tmp_path, name):
    data = make_data()
    overrides = (f"model.name={name}", "schedule.epochs=1", "data.num_segments=4", "data.num_segments_test=4")
    overrides += ("model.backbone=resnet18",)  # TSM shifts blocks of a ResNet
    run = train(make_recipe(*overrides), data, tmp_path / "run")
    logits = []
    for number, seed in enumerate((None, 7, 7)):
        predict(run, run.read_recipe(), data, tmp_path / f"{number}.parquet", shuffle_seed=seed)
        logits.append(read_predictions(tmp_path / f"{number}.parquet").logits)
    orders = [draw_order(instance_id, 4, 7) for instance_id in data.labels["val"]]
    moved = np.array([order.tolist() != [0, 1, 2, 3] for order in orders])
    metadata = read_predictions(tmp_path / "1.parquet").metadata
    assert metadata["shuffle_seed"] == "7" and metadata["num_unmoved_clips"] == str((~moved).sum())
    assert "shuffle_seed" not in read_predictions(tmp_path / "0.parquet").metadata
    np.testing.assert_array_equal(logits[1], logits[2])
    differs = np.abs(logits[1] - logits[0]).max(axis=1) > 1e-5
    assert moved.any() and (differs == (moved if name != "tsn" else False)).all()


def test_a_checkpoint_of_other_classes_is_refused(make_recipe, make_data, tmp_path):
    run = train(make_recipe("schedule.epochs=1"), make_data(), tmp_path / "run")
    with pytest.raises(ConfigError, match="knows 2 classes, the split has 3"):
        predict(run, run.read_recipe(), make_data(num_classes=3), tmp_path / "p.parquet")
    with pytest.raises(ConfigError, match="2 of them differ"):
        predict(run, run.read_recipe(), make_data(class_names=("x", "y")), tmp_path / "p.parquet")
    with pytest.raises(ConfigError, match="of another model"):
        predict(run, make_recipe("model.backbone=resnet34"), make_data(), tmp_path / "p.parquet")
    assert not (tmp_path / "p.parquet").exists()


def test_checkpoints_that_are_none_are_named(make_recipe, make_data, tmp_path):
    with pytest.raises(ConfigError, match="is no run"):
        RunFolder(tmp_path / "nothing").read_recipe()
    with pytest.raises(ConfigError, match="no checkpoint yet"):
        RunFolder(tmp_path / "nothing").find_checkpoint()
    run = train(make_recipe("schedule.epochs=1"), make_data(), tmp_path / "run")
    with pytest.raises(ConfigError, match="expected last or one of 1"):
        run.find_checkpoint("9")
    path = run.find_checkpoint()
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ConfigError, match=r"epoch-0001\.pt cannot be read"):
        predict(run, run.read_recipe(), make_data(), tmp_path / "p.parquet")
    torch.save({"some": 1}, path)
    with pytest.raises(ConfigError, match="is no checkpoint of finegym"):
        read_checkpoint(path)


def test_metrics_that_were_cut_off_are_read_up_to_there(tmp_path):
    run = RunFolder(tmp_path)
    run.append_metrics(kind="step", epoch=1)
    with run.metrics_path.open("a") as file:
        file.write('{"kind": "st')
    assert run.read_metrics() == [{"kind": "step", "epoch": 1}]
    assert run.drop_metrics_after(1) == 0
    assert [json.loads(line) for line in run.metrics_path.read_text().splitlines()] == [{"kind": "step", "epoch": 1}]
    run.metrics_path.write_text("nonsense\n{}\n")
    with pytest.raises(ConfigError, match="line 1: not JSON"):
        run.read_metrics()


def test_tensorboard_holds_the_same_curve(make_recipe, make_data, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = train(make_recipe("schedule.epochs=2"), make_data(), tmp_path / "run")
    events = EventAccumulator(str(run.tensorboard_path))
    events.Reload()
    losses = [row["loss"] for row in run.read_metrics() if row["kind"] == "step"]
    assert [event.value for event in events.Scalars("loss")] == pytest.approx(losses)


@pytest.mark.slow
def test_two_processes_learn_as_one_with_twice_the_batch(make_recipe, make_data, tmp_path):
    """On gloo; the backbone is frozen, because batch norm's statistics are each process's own."""
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import conftest
from finegym.training.recipe import parse_recipe
from finegym.training.run import train

overrides = ["model.freeze_backbone=true", "model.dropout=0.0", "schedule.epochs=2", "train.ema_decay=0.5"]
recipe = parse_recipe(conftest.RECIPE, "tiny", [*overrides, f"train.batch_size={{sys.argv[2]}}"])
train(recipe, conftest.build_data(num_train=14), sys.argv[1], device="cpu")
"""
    (tmp_path / "program.py").write_text(program)
    run_two = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for words in ([*run_two, "program.py", "two", "2"], [sys.executable, "program.py", "one", "4"]):
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        result = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stderr
    one, two = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "two")
    losses = [[row["loss"] for row in run.read_metrics() if row["kind"] == "step"] for run in (one, two)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert len(losses[0]) == 8
    ours, theirs = get_epochs(one)[-1], get_epochs(two)[-1]
    assert ours["num_clips"] == theirs["num_clips"] == 14
    assert ours["val_loss"] == pytest.approx(theirs["val_loss"], abs=1e-5)
    assert two.read_facts()["num_processes"] == 2
    left, right = read_weights(one), read_weights(two)
    for key in left:
        torch.testing.assert_close(left[key], right[key], atol=1e-5, rtol=1e-4)
