"""A tiny bundle: localizers and a recogniser that were trained for seconds on films whose colours say what happens."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from timeline_samples import write_folder

from finegym.annotations.folder import read_dataset
from finegym.applications.bundle import make_bundle
from finegym.features.snippets.build import build_snippets
from finegym.localization.recipe import parse_localization_recipe
from finegym.localization.run import train as train_localizer
from finegym.localization.snippet_items import list_items
from finegym.localization.snippet_makers import open_backbone
from finegym.training.data import open_data
from finegym.training.predict import predict
from finegym.training.recipe import parse_recipe
from finegym.training.run import train

LOCALIZER = """
name = "tiny"
task = "{task}"
[data]
dataset = "{folder}"
split = "toy"
level = "{level}"
[snippets]
stores = ["snippets"]
[model]
name = "actionformer"
[actionformer]
width = 16
num_heads = 2
window = 5
num_levels = 3
num_stem_blocks = 1
head_convs = 1
max_snippets = 64
min_score = 0.01
[optim]
name = "adamw"
learning_rate = 0.003
[schedule]
name = "cosine"
epochs = 3
[train]
batch_size = 2
"""
RECOGNISER = """
name = "colours"
[data]
dataset = "{folder}"
split = "toy"
source = "records"
short_side = 32
crop_size = 32
workers = 0
[model]
backbone = "shufflenet_v2_x0_5"
[optim]
learning_rate = 0.02
[schedule]
name = "cosine"
epochs = 2
[train]
batch_size = 4
"""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """``dataset``, ``actions``, ``sub_actions``, ``recogniser`` (folders) and ``bundle`` (a file)."""
    root = tmp_path_factory.mktemp("tiny")
    folder = root / "dataset"
    write_folder(folder)
    torch.manual_seed(0)
    weights = folder / "weights.pt"
    maker = open_backbone("shufflenet_v2_x0_5", weights="none", short_side=32, crop_size=32)
    torch.save(maker._load().model.backbone.body.state_dict(), weights)
    maker = open_backbone("shufflenet_v2_x0_5", weights=str(weights), short_side=32, crop_size=32)
    items, _ = list_items(read_dataset(folder), "record")
    build_snippets(items, folder, folder / "features" / "snippets", maker.make_settings("record", 4), maker)
    runs = {}
    for task, level in (("actions", "event"), ("sub-actions", "element")):
        text = LOCALIZER.format(task=task, folder=folder, level=level)
        runs[task] = train_localizer(parse_localization_recipe(text, "tiny", ()), root / task, device="cpu").path
    recipe = parse_recipe(RECOGNISER.format(folder=folder), "tiny.toml")
    data = open_data(recipe.data)
    run = train(recipe, data, root / "recogniser")
    predict(run, recipe, data, run.predictions_path / "val.parquet", device="cpu")
    paths = {"actions": runs["actions"], "sub_actions": runs["sub-actions"]}
    make_bundle(root / "tiny.finegym", **paths, recognisers=[run.path])
    return SimpleNamespace(dataset=folder, recogniser=run.path, bundle=root / "tiny.finegym", **paths)


@pytest.fixture(autouse=True)
def _unpack_elsewhere(tmp_path_factory, monkeypatch):
    """Bundles are unpacked into no user's cache folder."""
    monkeypatch.setenv("FINEGYM_BUNDLES_FOLDER", str(tmp_path_factory.getbasetemp() / "bundles"))
