"""Snippet features against the recogniser itself: what it says of the same frames as a clip, by recognition's road."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from timeline_samples import write_folder

from finegym.annotations.folder import read_dataset
from finegym.datasets.clips import MemoryClips
from finegym.datasets.flow_clips import MemoryFlow
from finegym.errors import ConfigError, FeatureError
from finegym.features.build import build_features
from finegym.features.flow.extract import FlowMaker
from finegym.features.flow.methods import compute_flows
from finegym.features.flow.quantise import quantise
from finegym.features.flow.store import FlowStore
from finegym.features.snippets.build import build_snippets
from finegym.features.snippets.store import SnippetStore
from finegym.localization.snippet_items import list_items
from finegym.localization.snippet_makers import find_window, open_backbone, open_origin, open_run
from finegym.training.build_model import build_model
from finegym.training.data import build_view
from finegym.training.recipe import parse_recipe
from finegym.training.run_folder import RunFolder
from finegym.video.reader import VideoReader

RECIPE = """
name = "tiny"
[data]
dataset = "."
split = "toy"
short_side = 40
crop_size = 32
num_segments = 3
num_segments_test = 3
flow_frames = 3
[model]
backbone = "shufflenet_v2_x0_5"
[optim]
learning_rate = 0.1
[schedule]
epochs = 1
[train]
batch_size = 2
"""
CLASSES = [["a", "a"], ["b", "b"], ["c", "c"]]


def write_run(folder, *overrides, flow="dis"):
    """A run whose weights are random but for one stream; batch norms have seen something."""
    recipe = parse_recipe(RECIPE, "tiny", overrides)
    torch.manual_seed(1)
    model, _ = build_model(recipe, 3)
    torch.nn.init.normal_(model.classifier.weight, 0, 0.1)
    channels = 6 if recipe.data.modality == "flow" else 3
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    # In training mode: what batch norms see makes random layers answer differently to different pictures.
    model(torch.randn(8, 3, channels, 32, 32))
    run = RunFolder(folder)
    facts = {"classes": CLASSES, "head": None}
    if recipe.data.modality == "flow":
        facts["features"] = {"settings": {"method": flow, "short_side": 48}}
    run.write_start(recipe, facts)
    run.write_checkpoint(1, {"classes": CLASSES, "model": model.state_dict()}, 1)
    return recipe, model.eval()


def make(folder, maker, stride=10, unit="record"):
    items, _ = list_items(read_dataset(folder), unit)
    out = folder / "features" / "made"
    build_snippets(items, folder, out, maker.make_settings(unit, stride), maker, replace=True)
    return SnippetStore(out)


def test_a_snippet_of_tsn_is_its_centre_frame(tmp_path):
    write_folder(tmp_path, 1)
    recipe, model = write_run(tmp_path / "run")
    maker = open_run(tmp_path / "run", outputs=["features", "logits", "softmax"])
    store = make(tmp_path, maker)
    features, times = store.read("rec0")
    assert store.settings.window == 1 and features.shape == (10, 1024 + 3 + 3)
    with VideoReader(tmp_path / "records/rec0.mp4") as reader:
        frames = reader.read_frames(times[:, 0], short_side=40)
    for row, frame in zip(np.asarray(features, np.float32), frames, strict=True):
        view = build_view(recipe, MemoryClips({"one": frame[None]}), model.normalisation)
        inputs = view.look("one").inputs  # (1, 3, …): the same frame three times
        with torch.inference_mode():
            pixels = view.normalise(inputs)
            logits = model(pixels)[0]
            pooled = model.backbone(pixels[0, :1])[0]
        assert row[:1024] == pytest.approx(pooled.numpy(), rel=2e-3, abs=5e-3)
        assert row[1024:1027] == pytest.approx(logits.numpy(), rel=2e-3, abs=5e-3)
        assert row[1027:] == pytest.approx(logits.softmax(-1).numpy(), rel=2e-3, abs=5e-3)
    assert np.abs(features[0] - features[5]).max() > 0.01, "frames differ"


def test_a_snippet_of_tsm_is_a_clip_of_as_many_frames(tmp_path):
    write_folder(tmp_path, 1)
    recipe, model = write_run(tmp_path / "run", "model.name=tsm", "model.backbone=resnet18")
    maker = open_run(tmp_path / "run", outputs=["logits"], window=9)
    features, times = make(tmp_path, maker, stride=25).read("rec0")
    for row, (centre, _) in zip(np.asarray(features, np.float32), times.tolist(), strict=True):
        with VideoReader(tmp_path / "records/rec0.mp4") as reader:
            window = reader.read_frames(range(centre - 4, centre + 5), short_side=40)
        view = build_view(recipe, MemoryClips({"one": window}), model.normalisation)
        with torch.inference_mode():
            logits = model(view.normalise(view.look("one").inputs))[0]
        assert row == pytest.approx(logits.numpy(), rel=2e-3, abs=5e-3)


def test_flow_is_computed_for_the_frames_of_the_window_and_never_across_a_cut(tmp_path):
    write_folder(tmp_path, 1)
    recipe, model = write_run(tmp_path / "run", "data.modality=flow", "data.features=flow-dis")
    maker = open_run(tmp_path / "run", outputs=["logits"])
    assert (maker.window, maker.needs_cuts) == (4, True)
    windows = np.stack([np.arange(10, 14), np.arange(50, 54)])
    with VideoReader(tmp_path / "records/rec0.mp4") as reader:
        logits, counts = maker.make("rec0", reader, windows, ())
        assert counts == {}
        for row, window in zip(logits, windows, strict=True):
            codes = quantise(compute_flows(reader.read_frames(window, colours="grey"), "dis"))
            view = build_view(recipe.model_copy(update={"data": maker.recipe.data}), MemoryFlow({"one": codes}), None)
            with torch.inference_mode():
                expected = model(view.normalise(view.look("one").inputs))[0]
            assert row == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-4)
        from finegym.video.ingest.cuts import Cut

        cut = Cut(frame=12, time_ms=480, begin_frame=12, end_frame=12, is_gradual=False, score=1.0)
        across, counts = maker.make("rec0", reader, windows, (cut,))
    assert counts == {"blank_frames": 1}
    assert np.abs(across[0] - logits[0]).max() > 1e-4 and across[1] == pytest.approx(logits[1])


def test_stored_flow_of_actions_serves_as_well(tmp_path):
    dataset = write_folder(tmp_path, 1)
    write_run(tmp_path / "run", "data.modality=flow", "data.features=flow-dis")
    out = tmp_path / "features" / "flow"
    flow = FlowMaker("dis", 48, "float16")
    build_features(dataset, tmp_path, out, flow.make_settings("action"), flow)
    computed = open_run(tmp_path / "run", outputs=["logits"])
    stored = open_run(tmp_path / "run", outputs=["logits"], flow_store=out)
    assert not stored.needs_cuts
    items, _ = list_items(dataset, "action")
    frames = FlowStore(out).get_facts(items[0].item_id)
    windows = np.arange(frames.first_frame + 3, frames.first_frame + 7)[None]
    with VideoReader(tmp_path / "records/rec0.mp4") as reader:
        there, _ = stored.make(items[0].item_id, reader, windows, ())
        here, _ = computed.make(items[0].item_id, reader, windows, ())
        assert there == pytest.approx(here, abs=0.05), "float16 moves a code by one at most"
        with pytest.raises(FeatureError, match="does not cover frames 0 to 3"):
            stored.make(items[0].item_id, reader, np.arange(4)[None], ())
    write_run(tmp_path / "other", "data.modality=flow", "data.features=flow-dis", flow="tvl1")
    other = open_run(tmp_path / "other", flow_store=out)
    with VideoReader(tmp_path / "records/rec0.mp4") as reader, pytest.raises(FeatureError, match="trained on tvl1"):
        other.make(items[0].item_id, reader, windows, ())


def test_an_image_network_without_a_run(tmp_path):
    write_folder(tmp_path, 1)
    torch.manual_seed(3)
    maker = open_backbone("shufflenet_v2_x0_5", weights="none", short_side=32, crop_size=32)
    store = make(tmp_path, maker, unit="action")
    assert store.settings.feature_size == 1024 and len(store) == 2
    assert store.settings.maker["weights_sha256"]


def test_what_made_a_store_is_opened_again_and_known_by_its_weights(tmp_path):
    write_folder(tmp_path, 1)
    write_run(tmp_path / "run")
    store = make(tmp_path, open_run(tmp_path / "run"))
    again = open_origin(store.facts.origin)
    assert again.make_settings("record", 10) == store.settings
    (tmp_path / "run").rename(tmp_path / "moved")
    with pytest.raises(ConfigError, match="--features-run"):
        open_origin(store.facts.origin)
    assert open_origin(store.facts.origin, run=tmp_path / "moved").make_settings("record", 10) == store.settings


def test_windows_are_as_short_as_a_model_can_do_with():
    def recipe(*overrides):
        return parse_recipe(RECIPE, "tiny", overrides)

    flow = ("data.modality=flow", "data.features=f")
    clip = ("model.name=i3d", "model.backbone=resnet18", "clip.clip_len=8", "clip.frame_interval=2")
    assert find_window(recipe()) == 1
    assert find_window(recipe(*flow)) == 4
    assert find_window(recipe("data.modality=rgb-diff")) == 4
    assert find_window(recipe("model.name=tsm", "model.backbone=resnet18")) == 9  # 3 frames, four apart
    assert find_window(recipe(*clip)) == 15
    assert find_window(recipe(*clip, *flow)) == 16


def test_what_cannot_be_is_said(tmp_path):
    write_run(tmp_path / "run", "model.name=tsm", "model.backbone=resnet18")
    with pytest.raises(ConfigError, match=r"--window 2: .* sees 3 frames or more"):
        open_run(tmp_path / "run", window=2)
    with pytest.raises(ConfigError, match="--flow-store is for models of flow"):
        open_run(tmp_path / "run", flow_store=tmp_path)
    with pytest.raises(ConfigError, match="is no run"):
        open_run(tmp_path / "none")
