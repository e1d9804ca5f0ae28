"""Predictions of a checkpoint: of every instance, and the same however they are computed."""

import hashlib

import numpy as np
import pytest
import torch
from finished_runs import get_epochs, read_weights

from finegym.datasets.shuffled_view import draw_order
from finegym.datasets.transforms import crop_views, normalise, to_tensor
from finegym.errors import ConfigError
from finegym.evaluation.predictions import read_predictions
from finegym.training.build_model import build_model
from finegym.training.predict import predict
from finegym.training.run import train


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
