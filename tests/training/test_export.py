"""ONNX files give PyTorch's logits for any batch, say what they are, and are not left where they do not."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from finegym.datasets.views import FLOW_MEAN
from finegym.errors import ConfigError, OutputError
from finegym.models.actionvlad import ActionVLAD, VGG16Maps
from finegym.models.backbones import IMAGENET, Backbone, build_backbone
from finegym.models.bninception import build_bn_inception
from finegym.models.gsf import GSF
from finegym.models.heads import HierarchyHead, TreeHead, WithHead
from finegym.models.i3d import I3D, add_non_local_blocks, inflate_backbone
from finegym.models.pose_mlp import PoseMLP
from finegym.models.posec3d import PoseConv3D
from finegym.models.stgcn import STGCN
from finegym.models.trn import TRN, TRNms
from finegym.models.tsm import TSM, shift_frames
from finegym.models.tsn import TSN
from finegym.models.videomae import VideoMAE, build_videomae
from finegym.training import export
from finegym.training.build_model import build_model
from finegym.training.export import export_network, export_onnx, export_run
from finegym.training.recipe import read_recipe
from finegym.training.recipe_text import RECOGNITION, read_task
from finegym.training.run import train
from finegym.training.run_folder import RunFolder

RECIPES = Path(__file__).parents[2] / "recipes"
RECOGNISERS = sorted(path for path in RECIPES.glob("*.toml") if read_task(path) == RECOGNITION)
FRAMES, CLIP = (4, 3, 32, 32), (8, 3, 32, 32)


def build_resnet():
    """A ResNet of one block a stage."""
    body = ResNet(BasicBlock, [1, 1, 1, 1])
    body.fc = nn.Identity()
    return Backbone(body, 512, IMAGENET)


def build_small_maps():
    """The first three convolutions of VGG-16: ActionVLAD at a size that takes no time."""
    maps = VGG16Maps(3)
    maps.features = maps.features[:7]
    return Backbone(maps, 128, IMAGENET)


def build_non_local(kind):
    return I3D(add_non_local_blocks(inflate_backbone(build_resnet()), {2: (0,)}, kind=kind), 5)


def build_small_videomae():
    pytest.importorskip("transformers")
    return VideoMAE(build_videomae("videomae_s", num_frames=4, image_size=32)[0], 5)


HIERARCHY = HierarchyHead([0, 0, 1], [0, 0, 1, 2, 2])
TREE = TreeHead([[0, 1], [0, 1], [0, -1]], [[1, 1], [1, 0], [0, 0]], num_queries=2)
QUICK = {
    "tsm": (lambda: TSM(build_resnet(), 5), FRAMES),
    "stgcn": (lambda: STGCN(5, widths=(8, 8, 16)), (3, 16, 17, 2)),
    "pose_mlp": (lambda: PoseMLP(4, 5, hidden_size=16), (3, 16, 17, 1)),
    "tree head": (lambda: WithHead(PoseMLP(4, TREE.num_scores, hidden_size=8), TREE), (3, 8, 17, 1)),
}
SLOW = {
    "hierarchy head": (lambda: WithHead(PoseMLP(4, HIERARCHY.num_scores, hidden_size=8), HIERARCHY), (3, 8, 17, 1)),
    "actionvlad": (lambda: ActionVLAD(build_small_maps(), 5, num_clusters=4), (2, 3, 16, 16)),
    "posec3d": (lambda: PoseConv3D(5, base_channels=4, num_blocks=(1, 1, 1)), (17, 8, 14, 14)),
    "tsn": (lambda: TSN(build_resnet(), 5), FRAMES),
    "tsn of flow": (lambda: TSN(build_backbone("shufflenet_v2_x0_5", in_channels=10)[0], 5), (3, 10, 32, 32)),
    "tsn bninception": (lambda: TSN(build_bn_inception(), 5), (2, 3, 112, 112)),
    "tsn lite0": (lambda: TSN(build_backbone("efficientnet_lite0")[0], 5), (2, 3, 64, 64)),
    "trn": (lambda: TRN(build_resnet(), 5, 4), FRAMES),
    "trnms": (lambda: TRNms(build_resnet(), 5, 4), FRAMES),
    "trnms all": (lambda: TRNms(build_resnet(), 5, 4, relations="all"), FRAMES),
    "tsm regnet": (lambda: TSM(build_backbone("regnet_y_400mf")[0], 5), FRAMES),
    "gsf": (lambda: GSF(build_resnet(), 5), FRAMES),
    "tsm lite0": (lambda: TSM(build_backbone("efficientnet_lite0")[0], 5), (2, 3, 64, 64)),
    "videomae": (build_small_videomae, (4, 3, 32, 32)),
    "i3d": (lambda: I3D(inflate_backbone(build_resnet()), 5), CLIP),
    "nl_i3d": (lambda: build_non_local("embedded_gaussian"), CLIP),
    "nl_i3d gaussian": (lambda: build_non_local("gaussian"), CLIP),
    "nl_i3d dot product": (lambda: build_non_local("dot_product"), CLIP),
}


def randomise(model):
    """Statistics and scales of batch norms, zeros of new blocks and small class layers: so that all parts matter."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                module.running_mean.normal_(0, 0.1, generator=generator)
                module.running_var.uniform_(0.5, 2, generator=generator)
                module.weight.uniform_(0.5, 1.5, generator=generator)
            elif isinstance(module, nn.Linear) and module.out_features < 20:
                module.weight.normal_(generator=generator)
    return model


def open_session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def check(build, shape, path):
    model = randomise(build()).train()
    done = export_onnx(model, shape, path, {"note": "a test"})
    assert model.training  # left as it was
    assert done.difference <= 1e-4 and done.size_bytes == path.stat().st_size
    session = open_session(path)
    assert session.get_inputs()[0].shape == ["batch", *shape]
    assert session.get_modelmeta().custom_metadata_map["note"] == "a test"
    model.eval()
    whole = torch.randn(3, *shape, generator=torch.Generator().manual_seed(9))
    for clips in (whole, whole[1:2]):
        (logits,) = session.run(["logits"], {"clips": clips.numpy()})
        with torch.no_grad():
            expected = model(clips).numpy()
        assert logits.shape == expected.shape == (len(clips), done.num_classes)
        assert np.abs(logits - expected).max() <= 1e-4 * np.abs(expected).max()
    assert np.ptp(expected) > 0


@pytest.mark.parametrize("name", QUICK)
def test_one_file_gives_the_logits_of_any_batch(name, tmp_path):
    check(*QUICK[name], tmp_path / "model.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_one_file_gives_the_logits_of_any_batch_in_larger_networks(name, tmp_path):
    if "lite0" in name:
        pytest.importorskip("efficientnet_lite_pytorch")
    check(*SLOW[name], tmp_path / "model.onnx")


def test_the_shift_written_for_onnx_is_the_shift(monkeypatch):
    maps = torch.randn(2 * 4, 16, 3, 3)
    expected = shift_frames(maps, 4, 2)
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    assert torch.equal(shift_frames(maps, 4, 2), expected)


class Sizes(nn.Module):
    """Its logits depend on the batch size as a number of Python's, which becomes a constant."""

    def forward(self, clips):
        return clips.flatten(1)[:, :3] * float(len(clips))


class Unknown(nn.Module):
    """Nothing that ONNX has a word for."""

    def forward(self, clips):
        return torch.special.bessel_j0(clips.flatten(1))


class Other(nn.Module):
    """It says twice as much in ONNX."""

    def forward(self, clips):
        return clips.flatten(1) * (2.0 if torch.onnx.is_in_onnx_export() else 1.0)


def test_no_file_is_left_where_logits_differ(tmp_path):
    with pytest.raises(OutputError, match=r"model\.onnx: not written, .*differ from PyTorch's by 1\.0e\+00 .*0\.0001"):
        export_onnx(Other(), (4,), tmp_path / "model.onnx", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("model", "error", "match"),
    [
        (Unknown, ConfigError, r"Unknown cannot be written as ONNX: .*bessel"),
        (Sizes, OutputError, r"ONNX Runtime does not run the exported network: .*invalid dimensions"),
    ],
)
def test_what_cannot_be_written_is_one_line(model, error, match, tmp_path, capfd):
    with pytest.raises(error, match=match) as caught:
        export_onnx(model(), (4,), tmp_path / "model.onnx", {})
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["onnx", "onnxruntime", "onnxscript"])
def test_the_extra_is_named_where_it_is_missing(name, tmp_path, monkeypatch):
    find = export.importlib.util.find_spec
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda wanted: None if wanted == name else find(wanted))
    with pytest.raises(ConfigError, match=rf"needs {name}: pip install 'finegym\[onnx\]'"):
        export_network("stgcn", tmp_path / "model.onnx")


def test_a_run_of_poses_says_what_it_is(tmp_path):
    recipe = read_recipe(RECIPES / "pose_mlp_demo.toml", ["model.hidden_size=8"])
    classes = [["FX-S1", "leaps"], ["FX-S2", "turns"]]
    torch.manual_seed(0)
    model, _ = build_model(recipe, 2, load_weights=False)
    randomise(model)
    run = RunFolder(tmp_path / "run")
    run.write_start(recipe, {"subset": "set", "split": {"subset_sha256": "abc"}, "features": {"name": "pose-x"}})
    run.write_checkpoint(3, {"recipe": recipe.name, "classes": classes, "model": model.state_dict()}, keep=1)
    done = export_run(run, tmp_path / "new" / "run.onnx")
    session = open_session(done.path)
    facts = session.get_modelmeta().custom_metadata_map
    assert facts == dict(done.metadata)
    assert (json.loads(facts["class_ids"]), json.loads(facts["class_names"])) == (
        ["FX-S1", "FX-S2"],
        ["leaps", "turns"],
    )
    assert (facts["run"], facts["checkpoint"], facts["epochs_done"]) == (recipe.name, "epoch-0003.pt", "3")
    assert (facts["subset"], facts["subset_sha256"]) == ("set", "abc")
    assert json.loads(facts["features"]) == {"name": "pose-x"} and json.loads(facts["view"])["clip_len"] == 48
    skeletons = torch.randn(2, 3, 48, 17, 1)
    with torch.no_grad():
        expected = model.eval()(skeletons).numpy()
    np.testing.assert_allclose(session.run(None, {"clips": skeletons.numpy()})[0], expected, rtol=1e-3, atol=1e-5)
    with pytest.raises(ConfigError, match="no checkpoint '7'"):
        export_run(run, tmp_path / "no.onnx", checkpoint="7")
    with pytest.raises(ConfigError, match=r"is no run: it has no recipe\.toml"):
        export_run(RunFolder(tmp_path / "nothing"), tmp_path / "no.onnx")
    assert not (tmp_path / "no.onnx").exists()


@pytest.mark.slow
def test_a_trained_run_says_what_it_is(make_recipe, make_data, tmp_path):
    recipe = make_recipe("schedule.epochs=1")
    run = train(recipe, make_data(), tmp_path / "run")
    done = export_run(run, tmp_path / "new" / "run.onnx")
    facts = open_session(done.path).get_modelmeta().custom_metadata_map
    assert facts == dict(done.metadata)
    assert json.loads(facts["class_ids"]) == json.loads(facts["class_names"]) == ["e0", "e1"]
    assert (facts["run"], facts["checkpoint"], facts["epochs_done"]) == ("tiny", "epoch-0001.pt", "1")
    assert (facts["format"], facts["model"], facts["input"]) == ("finegym-onnx/1", "tsn", "B, T, C, H, W")
    assert json.loads(facts["input_shape"]) == [None, 3, 3, 32, 32]
    assert json.loads(facts["mean"]) == [0.485, 0.456, 0.406]
    assert json.loads(facts["view"])["crop_size"] == 32


def test_flow_is_described_as_codes(make_recipe):
    recipe = make_recipe("data.modality=flow", "data.features=flow-dis", "data.num_segments_test=5")
    assert export.find_input(recipe) == ("B, T, C, H, W", (5, 10, 32, 32))
    described = export.describe_view(recipe, IMAGENET)
    assert json.loads(described["mean"]) == [FLOW_MEAN] and "codes" in described["pixels"]


def test_a_name_that_is_nothing(tmp_path):
    with pytest.raises(ConfigError, match="nothing is neither a run folder nor a network of `finegym model list`"):
        export_network("nothing", tmp_path / "model.onnx")


@pytest.mark.parametrize("path", RECOGNISERS, ids=lambda path: path.stem)
def test_the_input_of_every_recipe_is_one_that_its_model_takes(path):
    """On the meta device: shapes, no numbers."""
    recipe = read_recipe(path)
    axes, shape = export.find_input(recipe)
    assert len(axes.split(", ")) == 1 + len(shape)
    with torch.device("meta"):
        model, _ = build_model(recipe, 7, load_weights=False)
    assert model.eval()(torch.empty(2, *shape, device="meta")).shape == (2, 7)
    described = export.describe_view(recipe, model.normalisation)
    assert json.loads(described["view"]) and described["modality"] == recipe.data.modality
