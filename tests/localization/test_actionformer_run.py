"""One run that learns event, set and element, and what is found with it at each level."""

import json

import pytest
from timeline_samples import write_folder
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset
from finegym.cli.app import app
from finegym.errors import ConfigError
from finegym.features.snippets.build import build_snippets
from finegym.localization.opening import open_localizer
from finegym.localization.recipe import parse_localization_recipe
from finegym.localization.run import train
from finegym.localization.snippet_items import list_items
from finegym.localization.snippet_makers import open_backbone
from finegym.localization.ssn_localizer import SSNLocalizer

RECIPE = """
name = "levels"
task = "sub-actions"
[data]
dataset = "{folder}"
split = "toy"
level = "element"
[snippets]
stores = ["snippets"]
[model]
name = "actionformer"
[actionformer]
upper_levels = ["event", "set"]
width = 16
num_heads = 2
window = 5
num_levels = 3
num_stem_blocks = 1
[optim]
name = "adamw"
learning_rate = 0.003
[schedule]
name = "cosine"
epochs = 2
[train]
batch_size = 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    write_folder(folder)
    maker = open_backbone("shufflenet_v2_x0_5", weights="none", short_side=32, crop_size=32)
    items, _ = list_items(read_dataset(folder), "record")
    build_snippets(items, folder, folder / "features" / "snippets", maker.make_settings("record", 4), maker)
    return folder


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    recipe = parse_localization_recipe(RECIPE.format(folder=folder), "levels")
    return train(recipe, tmp_path_factory.mktemp("runs") / "levels", device="cpu")


@pytest.mark.parametrize("level, prefixes", [("event", ("VT", "FX")), ("set", ("VT-S", "FX-S")), ("element", ())])
def test_what_is_found_has_the_labels_of_the_level(folder, run, tmp_path, level, prefixes):
    out = tmp_path / "found.json"
    arguments = ["localize", str(folder), "--run", str(run.path), "--level", level, "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    content = json.loads(out.read_text(encoding="utf-8"))
    labels = {row["label"] for rows in content["results"].values() for row in rows}
    codebook = read_dataset(folder).codebook
    known = {"event": codebook.event_by_id, "set": codebook.set_by_id, "element": codebook.element_by_id}[level]
    assert labels and labels <= set(known)
    assert all(label.startswith(prefixes) for label in labels if prefixes)
    assert content["external_data"]["level"] == level


def test_every_level_has_a_loss(run):
    last = run.read_last_epoch()
    assert {"train_event_loss", "train_set_loss", "train_element_loss", "train_regression_loss"} <= set(last)


def test_levels_of_an_opened_run(run):
    assert open_localizer(run.path, device="cpu").classes.level == "element"
    opened = open_localizer(run.path, level="set", device="cpu")
    assert opened.classes.level == "set" and opened.classes.classes.level == "set"
    assert opened.identify()["level"] == "set"


def test_a_method_of_one_level_refuses_another():
    with pytest.raises(ConfigError, match="level 'set' was not learnt"):
        SSNLocalizer.choose_level(object.__new__(SSNLocalizer), "set")
