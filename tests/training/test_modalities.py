"""The one loop on flow, differences and poses: what test_run.py asks of frames."""

from typing import get_args

import numpy as np
import pytest
import torch
from finished_runs import assert_equal_weights, read_weights

from finegym.datasets.flow_clips import MemoryFlow
from finegym.datasets.skeletons import MemoryPoses, make_test_skeletons
from finegym.errors import AnnotationError, ConfigError
from finegym.evaluation.predictions import read_predictions
from finegym.features.pose.poses import FOUND, MISSING, Poses
from finegym.models import MODELS
from finegym.training.build_model import build_model
from finegym.training.contradictions import MODALITIES as TAKES
from finegym.training.data import RecognitionData
from finegym.training.predict import predict, read_recipe_for_prediction
from finegym.training.recipe_sections import DataSection, ModelSection
from finegym.training.run import train

FLOW = ("data.modality=flow", "data.features=flow-tvl1", "data.flow_frames=2")
POSE = (
    "data.modality=pose",
    "data.features=pose-blazepose",
    "model.name=pose_mlp",
    "model.backbone=",
    "model.hidden_size=32",
    "pose.clip_len=6",
    "optim.name=adamw",
    "optim.learning_rate=0.01",
)
MODALITIES = {"flow": FLOW, "pose": POSE, "rgb-diff": ("data.modality=rgb-diff", "data.flow_frames=2")}


def build_source(modality, classes):
    """Clips whose class is the direction of motion, half hidden by noise."""
    rng = np.random.default_rng(0)
    if modality == "flow":
        codes = {id_: rng.integers(60, 196, (5, 32, 40, 2), dtype=np.uint8) for id_ in classes}
        for id_, class_index in classes.items():
            codes[id_][..., class_index] += 50
        valid = {id_: np.array([True, False, True, True, True]) for id_ in classes}
        return MemoryFlow(codes, valid)
    poses = {}
    for id_, class_index in classes.items():
        keypoints = rng.uniform(20, 60, (1, 9, 17, 2)).astype(np.float32)
        keypoints[..., class_index] += 20
        status = np.full((1, 9), FOUND, np.uint8)
        status[0, 4] = MISSING
        scores = np.full((1, 9, 17), 0.5, np.float32) * (status != MISSING)[..., None]
        keypoints *= (status != MISSING)[..., None, None]
        poses[id_] = Poses(keypoints, scores, np.zeros((1, 9, 4), np.float32), status, 80, 80)
    return MemoryPoses(poses)


def build_data(modality, num_train=12, num_val=4, method="tvl1"):
    ids = [f"v{number}_E_000000_000009_A_0000_0009" for number in range(num_train + num_val)]
    classes = {id_: number % 2 for number, id_ in enumerate(ids)}
    labels = {"train": {i: classes[i] for i in ids[:num_train]}, "val": {i: classes[i] for i in ids[num_train:]}}
    settings = {"kind": modality, "unit": "sub-action", "method": method}
    features = {"name": f"{modality}-{method}", "index_sha256": "i", "settings": settings}
    facts = {"codebook": {"sha256": "c"}, "split": {"val_sha256": "s"}, "features": features}
    return RecognitionData("ways", "way", ("e0", "e1"), ("e0", "e1"), labels, build_source(modality, classes), facts)


@pytest.fixture
def make(make_recipe, make_data):
    """(recipe, data) of a modality."""

    def call(modality, *overrides, **settings):
        recipe = make_recipe(*MODALITIES[modality], *overrides)
        return recipe, make_data(**settings) if modality == "rgb-diff" else build_data(modality, **settings)

    return call


def get_last(run):
    return run.read_last_epoch()


@pytest.mark.parametrize("modality", ["flow", "pose"])
def test_a_model_overfits_eight_clips(make, tmp_path, modality):
    overrides = ("schedule.epochs=30", "model.dropout=0.0", "train.evaluate_every=0", "data.crop_scales=[1.0]")
    run = train(*make(modality, *overrides, "data.flip=false", num_train=8), tmp_path / "run")
    assert get_last(run)["train_top1_accuracy"] == 1.0
    assert get_last(run)["train_loss"] < 0.1


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_resumed_run_ends_with_the_same_bits(make, tmp_path, modality):
    whole = train(*make(modality, "schedule.epochs=2"), tmp_path / "whole")
    train(*make(modality, "schedule.epochs=2"), tmp_path / "halves", stop_after=1)
    halves = train(*make(modality, "schedule.epochs=2", "data.workers=1"), tmp_path / "halves")
    assert_equal_weights(whole, halves)


@pytest.mark.parametrize("modality", MODALITIES)
def test_batch_size_does_not_change_predictions(make, tmp_path, modality):
    recipe, data = make(modality, "schedule.epochs=1")
    run = train(recipe, data, tmp_path / "run")
    logits = []
    for size in (16, 1, 3):
        recipe = read_recipe_for_prediction(run, [f"train.batch_size_test={size}"])
        assert predict(run, recipe, data, tmp_path / "p.parquet") == 4
        logits.append(read_predictions(tmp_path / "p.parquet").logits)
    np.testing.assert_allclose(logits[1], logits[0], atol=1e-5, rtol=0)
    np.testing.assert_allclose(logits[2], logits[0], atol=1e-5, rtol=0)


def test_what_holds_nothing_is_counted_in_metrics_and_predictions(make, tmp_path):
    recipe, data = make("flow", "schedule.epochs=1")
    run = train(recipe, data, tmp_path / "run")
    assert (get_last(run)["num_short_clips"], get_last(run)["num_blank_frames"] > 0) == (0, True)
    predict(run, recipe, data, tmp_path / "p.parquet")
    metadata = read_predictions(tmp_path / "p.parquet").metadata
    # Five pairs, the second without flow; windows of two begin at 0, 2, 3 (of four, the centres of thirds).
    assert (metadata["modality"], metadata["num_short_clips"], metadata["num_blank_frames"]) == ("flow", "0", "4")
    assert metadata["features_name"] == "flow-tvl1"
    assert '"method": "tvl1"' in metadata["features_settings"]
    recipe, data = make("pose", "schedule.epochs=1")
    last = get_last(train(recipe, data, tmp_path / "pose"))
    assert (last["num_persons_padded"], last["num_persons_left_out"]) == (0, 0)


def test_several_clips_of_poses_are_averaged(make, tmp_path):
    recipe, data = make("pose", "schedule.epochs=1")
    run = train(recipe, data, tmp_path / "run")
    recipe = read_recipe_for_prediction(run, ["pose.num_clips_test=3"])
    predict(run, recipe, data, tmp_path / "p.parquet")
    model, _ = build_model(recipe, 2)
    model.load_state_dict(read_weights(run))
    model.eval()
    for instance_id, logits in zip(data.labels["val"], read_predictions(tmp_path / "p.parquet").logits, strict=True):
        skeletons = make_test_skeletons(data.source.read(instance_id), clip_len=6, num_clips=3).array
        with torch.inference_mode():
            expected = sum(model(torch.from_numpy(skeleton[None]))[0] for skeleton in skeletons) / 3
        np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_a_run_says_its_modality_and_features(make, tmp_path):
    recipe, data = make("flow", "schedule.epochs=1")
    facts = train(recipe, data, tmp_path / "run").read_facts()
    assert facts["modality"] == "flow"
    assert facts["features"] == data.facts["features"]
    # shufflenet_v2_x0_5 with four input channels in place of three: 24 kernels of 3 x 3.
    assert facts["num_parameters"] == 341_792 + 2 * 1025 + 24 * 9


def test_other_features_may_not_go_on_with_a_run(make, tmp_path):
    recipe, data = make("flow")
    train(recipe, data, tmp_path / "run", stop_after=1)
    with pytest.raises(ConfigError, match="began with another features: the dataset has changed"):
        train(recipe, build_data("flow", method="dis"), tmp_path / "run")


def test_other_features_may_not_be_predicted_from(make, tmp_path):
    recipe, data = make("flow", "schedule.epochs=1")
    run = train(recipe, data, tmp_path / "run")
    with pytest.raises(ConfigError, match=r"'flow-dis' are others than .*method was 'tvl1', is 'dis'"):
        predict(run, recipe, build_data("flow", method="dis"), tmp_path / "p.parquet")
    assert not (tmp_path / "p.parquet").exists()


def test_clips_of_one_frame_have_no_flow(make, tmp_path):
    recipe, data = make("flow", "schedule.epochs=1")
    first = next(iter(data.labels["train"]))
    data.source._codes[first] = data.source._codes[first][:0]
    with pytest.raises(
        AnnotationError, match=r"1 of 12 .*one frame, so no flow\. Make it with `finegym features flow`"
    ):
        train(recipe, data, tmp_path / "run")
    recipe, _ = make("flow", "schedule.epochs=1", "data.missing=leave-out")
    run = train(recipe, data, tmp_path / "run")
    assert run.read_facts()["left_out"]["train"] == {first: "its clip has one frame, so no flow"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("data.modality=flow",), r"data\.features is empty: give the name of a folder .*`finegym features flow`"),
        (("data.features=flow-tvl1",), r'data\.features is given, but data\.modality = "rgb" reads frames'),
        ((*FLOW, "data.source=records"), r'data\.source = "records" is for frames'),
        ((*FLOW, "model.name=pose_mlp"), r'pose_mlp" takes pose, but data\.modality is "flow"; that is for tsn'),
        ((*FLOW, "pose.clip_len=4"), r'the section \[pose\] is given, but data\.modality is "flow"'),
        ((*POSE, "model.name=tsn"), r'tsn" takes rgb or rgb-diff or flow, .*; that is for stgcn, pose_mlp'),
        ((*POSE, "model.backbone=resnet18"), r"model\.backbone is given, .*has no backbone"),
        ((*POSE, "model.weights=imagenet"), r"model\.weights is given, .*has no backbone"),
        ((*POSE, "pose.clip_len=7"), r"pose\.clip_len \(7\) must be a multiple of data\.num_segments \(3\)"),
        ((*POSE, "data.num_segments_test=6"), r"data\.num_segments_test \(6\) differs from data\.num_segments \(3\)"),
        ((*POSE, "data.crops_test=three"), r'data\.crops_test = "three" cuts pictures'),
        ((*FLOW, "data.dataset=gym.pkl"), r'data\.dataset is a pose pickle, but data\.modality is "flow"'),
        ((*POSE, "data.dataset=gym.pkl"), r"data\.features is given, but data\.dataset is a pose pickle"),
        (("data.split=",), r"data\.split is empty"),
        (("model.backbone=",), r'model\.name = "tsn" needs model\.backbone'),
    ],
)
def test_settings_that_cannot_both_be_meant_are_named(make_recipe, overrides, message):
    with pytest.raises(ConfigError, match=message):
        make_recipe(*overrides)


def test_poses_without_their_section_are_refused(make_recipe):
    with pytest.raises(ConfigError, match=r"the section \[pose\] is missing"):
        make_recipe(*(override for override in POSE if not override.startswith("pose.")))


def test_the_recipe_knows_every_model_and_what_it_takes():
    assert set(MODELS) == set(TAKES) == set(get_args(ModelSection.model_fields["name"].annotation))
    assert {modality for taken in TAKES.values() for modality in taken} == set(
        get_args(DataSection.model_fields["modality"].annotation)
    )


@pytest.mark.parametrize(("modality", "in_channels"), [("rgb-diff", 15), ("flow", 10)])
def test_the_first_convolution_takes_the_channels_of_the_modality(make_recipe, modality, in_channels):
    overrides = [*MODALITIES[modality], "data.flow_frames=5"]
    model, _ = build_model(make_recipe(*overrides), 2)
    assert model.backbone.body.conv1[0].in_channels == in_channels
    model, _ = build_model(make_recipe(*overrides[:-1], "data.flow_frames=1"), 2)
    assert model.backbone.body.conv1[0].in_channels == in_channels // 5
