"""Files of weights: converting from the command line, what the new file says, loading it into a model."""

import hashlib
import json
import re

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from typer.testing import CliRunner

from finegym import __version__
from finegym.cli.app import app
from finegym.errors import ConfigError, OutputError
from finegym.models.backbones import build_backbone
from finegym.models.i3d import I3D, add_non_local_blocks, inflate_backbone
from finegym.models.stgcn import STGCN
from finegym.models.weights_origin import load_converted, read_origin
from finegym.training.convert_weights import convert_file

WIDTHS = (4, 8)


def run(*arguments):
    result = CliRunner().invoke(app, ["weights", "convert", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def name_as_the_authors(state):
    """ST-GCN's tensors under its authors' names."""
    names = (
        (r"^data_norm\.", "data_bn."),
        (r"^adjacency$", "A"),
        (r"^blocks\.(\d)\.graph\.", r"st_gcn_networks.\1.gcn.conv."),
        (r"^blocks\.(\d)\.temporal\.", r"st_gcn_networks.\1.tcn."),
        (r"^blocks\.(\d)\.shortcut\.", r"st_gcn_networks.\1.residual."),
        (r"^classifier\.", "fcn."),
    )
    renamed = {}
    for key, tensor in state.items():
        for pattern, name in names:
            key = re.sub(pattern, name, key)
        renamed[key] = tensor
    return renamed


@pytest.fixture
def model():
    torch.manual_seed(0)
    return STGCN(5, widths=WIDTHS).eval()


@pytest.fixture
def theirs(model, tmp_path):
    """A checkpoint with what training leaves beside the tensors."""
    path = tmp_path / "stgcn.pt"
    torch.save({"state_dict": name_as_the_authors(model.state_dict()), "epoch": 80, "meta": {"seed": 0}}, path)
    return path


@pytest.fixture
def converted(theirs, tmp_path):
    convert_file(theirs, "stgcn", tmp_path / "ours.safetensors")
    return tmp_path / "ours.safetensors"


def test_logits_survive_the_file_exactly(model, converted):
    loaded = STGCN(5, widths=WIDTHS).eval()
    report = load_converted(loaded, converted, keep_classes=True)
    assert set(report.used) == set(model.state_dict())
    assert report.ignored == ()
    skeletons = torch.randn(2, 3, 16, 17, 2)
    with torch.inference_mode():
        assert torch.equal(loaded(skeletons), model(skeletons))


def test_for_other_classes_the_models_own_class_layer_stays(model, converted):
    loaded = STGCN(99, widths=WIDTHS)
    own = loaded.classifier.weight.detach().clone()
    report = load_converted(loaded, converted)
    assert report.ignored == ("classifier.bias", "classifier.weight")
    assert set(report.used) == set(model.state_dict()) - set(report.ignored)
    assert torch.equal(loaded.classifier.weight, own)
    assert torch.equal(loaded.blocks[0].graph.weight, model.blocks[0].graph.weight)
    with pytest.raises(ConfigError, match=r"classifier\.weight is \(5, 8\), expected \(99, 8\)"):
        load_converted(loaded, converted, keep_classes=True)


def test_the_file_says_where_it_came_from(theirs, converted):
    origin = read_origin(converted)
    assert origin.source == "stgcn.pt"
    assert origin.source_sha256 == hashlib.sha256(theirs.read_bytes()).hexdigest()
    assert (origin.target, origin.layout, origin.finegym) == ("stgcn", "mmaction2", __version__)
    assert (origin.num_classes, origin.in_channels, origin.form, origin.pixels) == (5, 3, {}, None)
    assert not origin.is_backbone
    with safe_open(converted, framework="pt") as file:
        metadata = file.metadata()
    assert metadata["format"] == "finegym-weights/1"
    assert metadata["num_classes"] == "5"


def test_the_command_prints_what_became_of_every_tensor(theirs, tmp_path):
    result = run(theirs, "--to", "stgcn", "--out", tmp_path / "ours.safetensors")
    assert result.exit_code == 0
    assert "layout mmaction2" in result.output
    assert result.output.splitlines()[-1] == "used 45, ignored 0, missing 0"
    assert len(load_file(tmp_path / "ours.safetensors")) == 45


def test_json_names_every_key(theirs, tmp_path):
    result = run(theirs, "--to", "stgcn", "--out", tmp_path / "ours.safetensors", "--json")
    facts = json.loads(result.output)
    assert facts["used"]["st_gcn_networks.1.residual.0.weight"] == "blocks.1.shortcut.0.weight"
    assert facts["target"] == "stgcn"
    assert facts["ignored"] == facts["changed"] == {}


def test_a_mismatch_writes_nothing(model, tmp_path):
    state = name_as_the_authors(model.state_dict())
    del state["st_gcn_networks.0.gcn.conv.bias"]
    save_file(state, tmp_path / "theirs.safetensors")
    with pytest.raises(ConfigError, match=r"theirs\.safetensors.*1 missing.*missing: blocks\.0\.graph\.bias"):
        run(tmp_path / "theirs.safetensors", "--to", "stgcn", "--out", tmp_path / "out" / "ours.safetensors")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["theirs.safetensors"]


def test_a_file_with_code_in_it_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("pwned",))

    torch.save({"state_dict": {"A": Evil()}}, tmp_path / "evil.pth")
    with pytest.raises(ConfigError, match=r"evil\.pth cannot be read as plain tensors"):
        run(tmp_path / "evil.pth", "--to", "stgcn", "--out", tmp_path / "ours.safetensors")
    assert not (tmp_path / "ours.safetensors").exists()


def test_the_new_file_has_the_right_name_and_replaces_none(theirs, converted, tmp_path):
    with pytest.raises(ConfigError, match=r"ends in \.safetensors"):
        convert_file(theirs, "stgcn", tmp_path / "ours.pth")
    before = converted.read_bytes()
    with pytest.raises(ConfigError, match="exists"):
        convert_file(theirs, "stgcn", converted)
    assert converted.read_bytes() == before
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        convert_file(theirs, "stgcn", tmp_path / "file" / "ours.safetensors")


def test_views_of_one_memory_are_written_apart(model, tmp_path):
    state = name_as_the_authors(model.state_dict())
    memory = torch.randn(2, 4)
    state["st_gcn_networks.0.tcn.0.weight"], state["st_gcn_networks.0.tcn.0.bias"] = memory[0], memory[1]
    torch.save(state, tmp_path / "views.pt")
    convert_file(tmp_path / "views.pt", "stgcn", tmp_path / "ours.safetensors")
    assert torch.equal(load_file(tmp_path / "ours.safetensors")["blocks.0.temporal.0.bias"], memory[1])


def test_another_partition_of_the_graph_is_refused(converted):
    with pytest.raises(ConfigError, match=r'its graph, or its partition.*partition="published"'):
        load_converted(STGCN(5, widths=WIDTHS, partition="true_distance"), converted)


def test_only_converted_files_of_whole_models_are_loaded(model, tmp_path):
    save_file(model.state_dict(), tmp_path / "other.safetensors")
    assert read_origin(tmp_path / "other.safetensors") is None
    assert read_origin(tmp_path / "other.pth") is None
    with pytest.raises(ConfigError, match="was not converted"):
        load_converted(model, tmp_path / "other.safetensors")
    with pytest.raises(ConfigError, match=r"nothing\.safetensors does not exist"):
        read_origin(tmp_path / "nothing.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"not weights")
    with pytest.raises(ConfigError, match=r"damaged\.safetensors cannot be read"):
        read_origin(tmp_path / "damaged.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "later.safetensors", metadata={"format": "finegym-weights/2"})
    with pytest.raises(ConfigError, match="finegym-weights/2, expected finegym-weights/1"):
        read_origin(tmp_path / "later.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "half.safetensors", metadata={"format": "finegym-weights/1"})
    with pytest.raises(ConfigError, match="metadata is damaged"):
        read_origin(tmp_path / "half.safetensors")


def test_a_converted_backbone_is_for_build_backbone(tmp_path):
    whole = build_backbone("resnet18")[0].body.state_dict()
    torch.save({**whole, "fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}, tmp_path / "r18.pth")
    out = tmp_path / "r18.safetensors"
    run(tmp_path / "r18.pth", "--to", "resnet18", "--out", out)
    backbone, report = build_backbone("resnet18", weights=str(out))
    assert torch.equal(backbone.body.conv1.weight, whole["conv1.weight"])
    assert report.ignored == ()
    assert read_origin(out).is_backbone
    with pytest.raises(ConfigError, match="give it to build_backbone"):
        load_converted(nn.Identity(), out)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_backbone_that_was_widened_is_taken_as_it_is(tmp_path, prefix):
    """Widening at conversion, or when the backbone is built, is the same."""
    state = build_backbone("resnet18")[0].body.state_dict()
    torch.save({prefix + key: tensor for key, tensor in state.items()}, tmp_path / "rgb.pth")
    out = tmp_path / "flow.safetensors"
    result = run(tmp_path / "rgb.pth", "--to", "resnet18", "--out", out, "--in-channels", 10)
    assert "changed 1: widened from 3 to 10 channels" in result.output
    assert read_origin(out).in_channels == 10
    before, _ = build_backbone("resnet18", weights=str(out), in_channels=10)
    after, _ = build_backbone("resnet18", weights=str(tmp_path / "rgb.pth"), in_channels=10)
    assert before.body.conv1.weight.shape == (64, 10, 7, 7)
    assert torch.equal(before.body.conv1.weight, after.body.conv1.weight)
    with pytest.raises(ConfigError, match=r"conv1\.weight is \(64, 10, 7, 7\)"):
        build_backbone("resnet18", weights=str(out), in_channels=6)


def test_images_become_i3d_without_classes(tmp_path):
    torch.manual_seed(0)
    torch.save(build_backbone("resnet18")[0].body.state_dict(), tmp_path / "r18.pth")
    out = tmp_path / "i3d.safetensors"
    result = run(tmp_path / "r18.pth", "--to", "i3d/resnet18", "--out", out)
    assert "inflated to 5 frames" in result.output
    assert "no class layer" in result.output
    model = I3D(inflate_backbone(build_backbone("resnet18")[0]), 7)
    report = load_converted(model, out)
    assert len(report.used) == 120
    expected, _ = build_backbone("resnet18", weights=str(tmp_path / "r18.pth"))
    expected = inflate_backbone(expected).body.state_dict()
    assert all(torch.equal(tensor, expected[key]) for key, tensor in model.backbone.body.state_dict().items())
    with pytest.raises(ConfigError, match="no class layer to keep"):
        load_converted(model, out, keep_classes=True)


def test_non_local_blocks_of_another_form_are_refused(tmp_path):
    def build(**settings):
        backbone = inflate_backbone(build_backbone("resnet18")[0])
        return I3D(add_non_local_blocks(backbone, {2: (1,)}, output_bias=True, **settings), 5)

    model = build(is_scaled=True, pools_first=True)
    path = tmp_path / "nl.safetensors"
    facts = {"target": "nl_i3d/resnet18", "layout": "slowfast", "source": "x", "source_sha256": "0", "finegym": "0"}
    form = {"stem_temporal_stride": 1, "is_scaled": True, "pools_first": True}
    facts |= {"num_classes": "5", "in_channels": "3", "form": json.dumps(form), "pixels": "null"}
    save_file(model.state_dict(), path, metadata={"format": "finegym-weights/1", **facts})
    load_converted(build(is_scaled=True, pools_first=True), path)  # the stride of the stem is free
    with pytest.raises(ConfigError, match="build them with is_scaled=True, pools_first=True"):
        load_converted(build(), path)
