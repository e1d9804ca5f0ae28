"""A tiny bundle: localizers and a recogniser that were trained for seconds on films whose colours say what happens."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tiny_localizer import make_recipe, write_folder_with_snippets

from finegym.applications.bundle import make_bundle
from finegym.localization.run import train as train_localizer
from finegym.training.data import open_data
from finegym.training.predict import predict
from finegym.training.recipe import parse_recipe
from finegym.training.run import train

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
    write_folder_with_snippets(folder)
    runs = {
        task: train_localizer(make_recipe(folder, task=task), root / task, device="cpu").path
        for task in ("actions", "sub-actions")
    }
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
