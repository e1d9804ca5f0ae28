"""Every published model through the one loop: what recipes build, that it trains, that its predictions stand still."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from finished_runs import read_weights
from safetensors.torch import save_file

from finegym.datasets.flow_clips import MemoryFlow
from finegym.datasets.skeletons import MemoryPoses
from finegym.errors import ConfigError
from finegym.evaluation.predictions import read_predictions
from finegym.features.pose.poses import FOUND, Poses
from finegym.models import MODELS, count_parameters
from finegym.models.backbones import Normalisation, build_backbone
from finegym.models.hub import HubFile
from finegym.models.weights_origin import Origin
from finegym.training.build_model import build_model
from finegym.training.predict import predict, read_recipe_for_prediction
from finegym.training.recipe import read_recipe
from finegym.training.recipe_text import RECOGNITION, read_task
from finegym.training.run import train

RECIPES = Path(__file__).parents[2] / "recipes"
SMOKE = sorted(path for path in (RECIPES / "smoke").glob("*.toml") if read_task(path) == RECOGNITION)

TINY = ("data.short_side=32", "data.crop_size=32", "data.crop_scales=[1.0]", "schedule.epochs=1", "train.batch_size=4")
CLIPS = ("clip.clip_len=4", "clip.frame_interval=1", "model.backbone=resnet18")
R18 = ("model.backbone=resnet18",)
POSES = ("data.features=pose-x", "model.backbone=", "data.crop_scales=[1.0]")
# Overrides of the tiny recipe of conftest.py that make it one of each method.
METHODS = {
    "trn": ("model.name=trn",),
    "trnms": ("model.name=trnms",),
    "tsm": ("model.name=tsm", *R18),
    "gsf": ("model.name=gsf", *R18),
    "i3d": ("model.name=i3d", *CLIPS),
    "i3d_flow": ("model.name=i3d", *CLIPS, "data.modality=flow", "data.features=flow-x"),
    "nl_i3d": ("model.name=nl_i3d", *CLIPS, "model.backbone=resnet34", "non_local.is_scaled=true"),
    "swin3d_t": ("model.name=swin3d_t", *CLIPS[:2], "model.backbone="),
    "videomae_s": ("model.name=videomae_s", *CLIPS[:2], "model.backbone="),
    "actionvlad": (
        *("model.name=actionvlad", "model.backbone=vgg16", "vlad.num_clusters=4", "vlad.num_features=64"),
        *("model.freeze_backbone=true",),
    ),
    "stgcn": ("model.name=stgcn", "data.modality=pose", "pose.clip_len=8", *POSES),
    "posec3d": ("model.name=posec3d", "data.modality=heatmap", "heatmap.clip_len=4", "heatmap.size=16", *POSES),
}
SLOW = {"swin3d_t", "videomae_s", "nl_i3d", "actionvlad", "gsf", "i3d_flow"}

# The same code as Swin3D-T with more layers, and a network that takes 16 frames of 224 pixels only.
TOO_LARGE = {"mvit_v2_s", "swin3d_s", "swin3d_b", "videomae_b", "videomae_l"}


def mark_slow(names):
    return [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in names]


def build_source(modality, classes):
    """Flow or poses whose direction is the class."""
    rng = np.random.default_rng(0)
    if modality == "flow":
        codes = {id_: rng.integers(90, 166, (9, 32, 40, 2), dtype=np.uint8) for id_ in classes}
        for id_, class_index in classes.items():
            codes[id_][..., class_index] += 60
        return MemoryFlow(codes)
    poses = {}
    for id_, class_index in classes.items():
        keypoints = rng.uniform(20, 60, (1, 9, 17, 2)).astype(np.float32)
        keypoints[:, :, :8, class_index] += 40
        status, scores = np.full((1, 9), FOUND, np.uint8), np.full((1, 9, 17), 0.9, np.float32)
        poses[id_] = Poses(keypoints, scores, np.zeros((1, 9, 4), np.float32), status, 120, 120)
    return MemoryPoses(poses)


@pytest.fixture
def make(make_recipe, make_data):
    """(recipe, data) of a method."""

    def call(name, *overrides, **settings):
        recipe, data = make_recipe(*TINY, *METHODS[name], *overrides), make_data(**settings)
        if recipe.data.modality != "rgb":
            classes = {**data.labels["train"], **data.labels["val"]}
            data = dataclasses.replace(data, source=build_source(recipe.data.modality, classes))
        return recipe, data

    return call


def test_every_method_is_tested_here():
    assert {name.removesuffix("_flow") for name in METHODS} == set(MODELS) - {"tsn", "pose_mlp"} - TOO_LARGE


@pytest.mark.parametrize("name", mark_slow(METHODS))
def test_predictions_of_a_trained_method_do_not_depend_on_the_batch(make, tmp_path, name):
    recipe, data = make(name, num_train=8)
    run = train(recipe, data, tmp_path / "run")
    assert np.isfinite(run.read_last_epoch()["train_loss"])
    logits = []
    for size in (4, 1, 3):
        recipe = read_recipe_for_prediction(run, [f"train.batch_size_test={size}"])
        assert predict(run, recipe, data, tmp_path / "p.parquet") == 4
        logits.append(read_predictions(tmp_path / "p.parquet").logits)
    scale = max(1.0, float(np.abs(logits[0]).max()))
    np.testing.assert_allclose(logits[1], logits[0], atol=1e-5 * scale, rtol=0)
    np.testing.assert_allclose(logits[2], logits[0], atol=1e-5 * scale, rtol=0)


@pytest.mark.parametrize("name", ["trnms", *(pytest.param(n, marks=pytest.mark.slow) for n in METHODS if n != "trnms")])
def test_every_method_learns_eight_clips_by_heart(make, tmp_path, name):
    overrides = ("optim.name=adamw", "optim.learning_rate=0.001")
    if name == "actionvlad":  # only its classifier is trained
        overrides = ("optim.name=adamw", "optim.learning_rate=0.05")
    run = train(*make(name, *overrides), tmp_path / "run", overfit=8)
    assert run.read_last_epoch()["val_top1_accuracy"] == 1.0


# What recipes build.

# Parameters at 99 classes: MODEL_FACTS' numbers where frames are as many as there, which only relations depend on.
COUNTS = {
    "tsn_r50_gym99_rgb": 23_710_883,
    "tsn_r50_gym99_flow": 23_710_883 + 21_952,
    "tsn_bninception_gym99_rgb": 10_371_715,
    "tsn_bninception_gym99_flow": 10_371_715 + 21_952,
    "trn_bninception_gym99_rgb": 10_292_192 - 21_952 + 1025 * 256 + 769 * 512 + 513 * 99,
    "trnms_bninception_gym99_rgb": 10_292_192 - 21_952 + 1025 * 256 + (769 + 513) * 256 + 2 * 257 * 99,
    "tsm_r50_gym99_rgb": 23_710_883,
    "tsm_r50_gym99_flow": 23_710_883 + 21_952,
    "gsf_r50_gym99_rgb": 23_821_027,
    "actionvlad_vgg16_gym99_rgb_step1": 18_024_419,
    "i3d_r50_gym99_rgb": 27_426_723,
    "i3d_r50_k400_gym99_rgb": 27_426_723,
    "nl_i3d_r50_gym99_rgb": 34_781_091,
    "mvit_v2_s_gym99_rgb": 34_537_744 - 301 * 769,
    "swin3d_t_gym99_rgb": 28_158_070 - 301 * 769,
    "swin3d_s_gym99_rgb": 49_816_678 - 301 * 769,
    "swin3d_b_gym99_rgb": 88_048_984 - 301 * 1025,
    "videomae_b_gym99_rgb": 86_534_800 - 301 * 769,
    "stgcn_gym99_pose": 3_098_727,
    "posec3d_gym99_heatmap": 2_044_867,
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_recipe_builds_the_published_network(name):
    recipe = read_recipe(RECIPES / f"{name}.toml")
    with torch.device("meta"):
        model, report = build_model(recipe, 99, load_weights=False)
    assert report is None
    assert isinstance(model, MODELS[recipe.model.name])
    assert count_parameters(model) == COUNTS[name]


@pytest.mark.parametrize(("name", "count"), [("trn", 11_632_515), ("trnms", 13_006_293)])
def test_relations_of_eight_frames_have_the_published_parameters(name, count):
    overrides = ["data.num_segments=8", "data.num_segments_test=8"]
    recipe = read_recipe(RECIPES / f"{name}_bninception_gym99_rgb.toml", overrides)
    with torch.device("meta"):
        model, _ = build_model(recipe, 99, load_weights=False)
    assert count_parameters(model) == count


def test_layers_before_conv5_stand_still():
    recipe = read_recipe(RECIPES / "actionvlad_vgg16_gym99_rgb_step2.toml")
    with torch.device("meta"):
        model, _ = build_model(recipe, 99, load_weights=False)
    moving = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert next(name for name in moving if name.startswith("backbone")) == "backbone.body.features.24.weight"
    assert "vlad.centres" in moving


def test_smoke_recipes_cover_every_method():
    assert {read_recipe(path).model.name for path in SMOKE} == set(MODELS) - {"pose_mlp"} - TOO_LARGE


@pytest.mark.slow
@pytest.mark.parametrize("path", SMOKE, ids=lambda path: path.stem)
def test_every_smoke_recipe_runs(path, make_data, tmp_path):
    recipe = read_recipe(path, ["schedule.epochs=2", "data.workers=0", "train.batch_size=4"])
    data = make_data(num_train=8)
    if recipe.data.modality != "rgb":
        classes = {**data.labels["train"], **data.labels["val"]}
        data = dataclasses.replace(data, source=build_source(recipe.data.modality, classes))
    run = train(recipe, data, tmp_path / "run")
    assert run.read_last_epoch()["epoch"] == 2
    assert predict(run, run.read_recipe(), data, tmp_path / "p.parquet") == 4


# Contradictions.


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("model.name=i3d", *R18), r'model\.name is "i3d", but the section \[clip\] is missing'),
        (("clip.clip_len=4",), r'the section \[clip\] is given, but model\.name is "tsn"'),
        (("model.name=nl_i3d", *CLIPS), r"the section \[non_local\] is missing"),
        (("data.modality=heatmap", "data.features=x"), r"the section \[heatmap\] is missing"),
        ((*METHODS["i3d"], "data.num_segments=8"), r'model\.name = "i3d" sees no segments'),
        ((*METHODS["i3d"], "model.freeze_backbone=true"), r'give model\.freeze = \["backbone\.\*"\]'),
        ((*METHODS["i3d"], "model.partial_batch_norm=true"), r'is for tsn, trn, .*, but model\.name is "i3d"'),
        ((*METHODS["trn"], "data.num_segments_test=8"), r"looks at as many in testing as in training"),
        ((*METHODS["trn"], "model.hidden_size=64"), r'hidden_size is of pose_mlp, but model\.name is "trn"'),
        ((*METHODS["actionvlad"], "model.backbone=resnet18"), r"gathers the maps of vgg16"),
        ((*METHODS["actionvlad"], "vlad.centres=weights"), r"wants model\.weights to be a run of actionvlad"),
        ((*METHODS["actionvlad"], "data.modality=flow"), r"actionvlad\" takes rgb, but"),
        ((*METHODS["stgcn"], "model.weights=imagenet"), r"has no backbone"),
        ((*METHODS["posec3d"], "mix.cutmix_alpha=1.0"), r'cuts pictures, but data\.modality is "heatmap"'),
    ],
)
def test_settings_that_no_method_can_mean_are_named(make_recipe, overrides, message):
    with pytest.raises(ConfigError, match=message):
        make_recipe(*overrides)


# Weights.


def test_weights_of_a_backbone_reach_every_family(make, tmp_path):
    torch.manual_seed(5)
    state = {key: value.clone() for key, value in build_backbone("resnet18")[0].body.state_dict().items()}
    save_file(state, tmp_path / "r18.safetensors")
    weights = f"model.weights={json.dumps(str(tmp_path / 'r18.safetensors'))}"
    for name in ("tsm", "gsf"):
        model, report = build_model(make(name, weights)[0], 2)
        torch.testing.assert_close(model.backbone.body.conv1.weight, state["conv1.weight"])
        assert len(report.used) == len(state)
    model, _ = build_model(make("i3d", weights)[0], 2)
    torch.testing.assert_close(model.backbone.body.conv1.weight.sum(dim=2), state["conv1.weight"])
    model, _ = build_model(make("i3d_flow", weights)[0], 2)
    expected = state["conv1.weight"].mean(dim=1, keepdim=True).expand(-1, 2, -1, -1)
    torch.testing.assert_close(model.backbone.body.conv1.weight.sum(dim=2), expected)


def test_bn_inception_takes_a_file_for_flow(make_recipe, tmp_path):
    state = {key: value.clone() for key, value in build_backbone("bn_inception")[0].body.state_dict().items()}
    save_file({**state, "fc.weight": torch.rand(1000, 1024)}, tmp_path / "bn.safetensors")
    recipe = make_recipe(
        *("data.modality=flow", "data.features=x", "model.backbone=bn_inception"),
        f"model.weights={json.dumps(str(tmp_path / 'bn.safetensors'))}",
    )
    model, report = build_model(recipe, 2)
    kernel = state["conv1_7x7_s2.weight"].mean(dim=1, keepdim=True).expand(-1, 10, -1, -1)
    torch.testing.assert_close(model.backbone.body.conv1_7x7_s2.weight, kernel)
    assert report.ignored == ("fc.weight",)
    with pytest.raises(ConfigError, match=r"finegym weights convert FILE --to bn_inception"):
        build_model(make_recipe("model.backbone=bn_inception", "model.weights=imagenet"), 2)


def test_a_missing_timm_names_the_extra(make_recipe):
    if importlib.util.find_spec("timm"):
        pytest.skip("timm is installed")
    with pytest.raises(ConfigError, match=r"pip install 'finegym\[timm\]'"):
        build_model(make_recipe("model.backbone=timm:convnext_tiny"), 2)


def test_a_run_hands_its_weights_on(make, tmp_path):
    recipe, data = make("stgcn", num_train=8)
    run = train(recipe, data, tmp_path / "first")
    first = read_weights(run)
    weights = f"model.weights={json.dumps(str(run.path))}"
    classes = [list(pair) for pair in zip(data.class_ids, data.class_names, strict=True)]
    model, report = build_model(make("stgcn", weights)[0], 2, classes=classes)
    assert all(torch.equal(model.state_dict()[key], value) for key, value in first.items())
    assert report.ignored == ()
    model, report = build_model(make("stgcn", weights)[0], 5, classes=[["a", "a"]] * 5)
    assert report.ignored == ("classifier.weight", "classifier.bias")
    assert torch.equal(model.state_dict()["blocks.0.graph.weight"], first["blocks.0.graph.weight"])
    with pytest.raises(ConfigError, match=r"is a run of stgcn, but the recipe's model is posec3d"):
        build_model(make("posec3d", weights)[0], 2)
    second = train(*make("stgcn", weights, num_train=8), tmp_path / "second")
    assert second.read_facts()["weights"]["source"].endswith("epoch-0001.pt")


def save_converted(model, path, target, pixels=None):
    """A file as ``finegym weights convert`` writes one."""
    origin = Origin(target, "slowfast", "there.pyth", "0" * 64, "0", 2, 3, {}, pixels)
    save_file(
        {key: value.contiguous().clone() for key, value in model.state_dict().items()}, path, origin.to_metadata()
    )
    return f"model.weights={json.dumps(str(path))}"


def test_a_converted_file_is_loaded_whole_and_its_pixels_are_kept(make, tmp_path):
    recipe, data = make("i3d", num_train=8)
    trained, _ = build_model(recipe, 2)
    pixels = {"mean": [0.45] * 3, "std": [0.225] * 3}
    weights = save_converted(trained, tmp_path / "i3d.safetensors", "i3d/resnet18", pixels)
    recipe, _ = make("i3d", weights)
    model, report = build_model(recipe, 2)
    assert torch.equal(model.backbone.body.conv1.weight, trained.backbone.body.conv1.weight)
    assert sorted(report.ignored) == ["classifier.bias", "classifier.weight"]
    assert model.normalisation == Normalisation((0.45,) * 3, (0.225,) * 3)
    run = train(recipe, data, tmp_path / "run")
    facts = run.read_facts()
    assert facts["weights"]["origin"]["target"] == "i3d/resnet18"
    assert facts["pixels"] == pixels
    # Predictions normalise pixels as the file says, also when the file is gone.
    (tmp_path / "i3d.safetensors").unlink()
    predict(run, recipe, data, tmp_path / "p.parquet")
    model, _ = build_model(recipe, 2, load_weights=False)
    model.load_state_dict(read_weights(run))
    first = next(iter(data.labels["val"]))
    frames = torch.from_numpy(data.source.read_frames(first, np.arange(1, 5), 32)).permute(0, 3, 1, 2)[..., 4:36]
    with torch.inference_mode():
        expected = model.eval()(((frames / 255 - 0.45) / 0.225)[None])
    np.testing.assert_allclose(read_predictions(tmp_path / "p.parquet").logits[0], expected[0], atol=1e-4)


def test_a_converted_file_of_another_method_is_refused(make, tmp_path):
    # TSM has TSN's tensors: only the file's own word tells them apart.
    model, _ = build_model(make("tsm")[0], 2)
    weights = save_converted(model, tmp_path / "tsn.safetensors", "tsn/resnet18")
    with pytest.raises(ConfigError, match=r"is of tsn/resnet18, but the recipe's model is tsm/resnet18"):
        build_model(make("tsm", weights)[0], 2)


def test_weights_of_the_hub_are_a_file_and_the_run_says_which(make_recipe, monkeypatch, tmp_path):
    backbone, _ = build_backbone("shufflenet_v2_x0_5")
    path = tmp_path / "model.safetensors"
    save_file({key: value.contiguous() for key, value in backbone.body.state_dict().items()}, path)
    asked = []

    def fetch(address):
        asked.append(address)
        return HubFile(path, f"{address} (SHA-256 …)")

    monkeypatch.setattr("finegym.training.build_model.fetch_hub_file", fetch)
    recipe = make_recipe("model.weights=hub:a/b/model.safetensors")
    model, report = build_model(recipe, 2)
    assert asked == ["hub:a/b/model.safetensors"]
    assert report.source == "hub:a/b/model.safetensors (SHA-256 …)"
    key = "conv1.0.weight"
    assert torch.equal(model.backbone.body.state_dict()[key], backbone.body.state_dict()[key])
    build_model(recipe, 2, load_weights=False)
    assert len(asked) == 1


# Action words.


def test_action_words_are_those_of_the_seed_and_stand_still(make, tmp_path):
    recipe, data = make("actionvlad", "vlad.freeze_centres=true", num_train=8)
    runs = [train(recipe, data, tmp_path / name) for name in ("a", "b")]
    left, right = (read_weights(run)["vlad.centres"] for run in runs)
    assert torch.equal(left, right)
    assert runs[0].read_facts()["action_words"] == {"num_clips": 1, "num_features": 12}
    torch.manual_seed(recipe.seed)
    fresh, _ = build_model(recipe, 2)
    assert not torch.allclose(fresh.vlad.centres, left)


@pytest.mark.slow
def test_the_second_step_goes_on_from_the_words_of_the_first(make, tmp_path):
    first = train(*make("actionvlad", "vlad.freeze_centres=true", num_train=8), tmp_path / "first")
    words = read_weights(first)["vlad.centres"]
    recipe, _ = make("actionvlad", "vlad.centres=weights", f"model.weights={json.dumps(str(first.path))}")
    model, _ = build_model(recipe, 2, classes=[["e0", "e0"], ["e1", "e1"]])
    assert torch.equal(model.vlad.centres, words)
    assert model.vlad.centres.requires_grad


def test_a_file_of_images_has_no_words(make, tmp_path):
    save_file({"features.0.weight": torch.zeros(1)}, tmp_path / "vgg16.safetensors")
    weights = f"model.weights={json.dumps(str(tmp_path / 'vgg16.safetensors'))}"
    with pytest.raises(ConfigError, match=r"has no action words: give the folder of a run"):
        build_model(make("actionvlad", "vlad.centres=weights", weights)[0], 2)
