"""A localizer that trains in seconds, and the films and snippets that it learns from."""

from __future__ import annotations

import torch
from timeline_samples import write_folder

from finegym.annotations.folder import read_dataset
from finegym.features.snippets.build import build_snippets
from finegym.localization.recipe import parse_localization_recipe
from finegym.localization.snippet_items import list_items
from finegym.localization.snippet_makers import open_backbone

RECIPE = """
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
weight_decay = 0.01
[schedule]
name = "cosine"
epochs = {epochs}
[train]
batch_size = 2
ema_decay = 0.5
"""


def make_recipe(folder, *overrides, task="actions", epochs=3):
    level = "event" if task == "actions" else "element"
    return parse_localization_recipe(
        RECIPE.format(task=task, folder=folder, level=level, epochs=epochs), "tiny", overrides
    )


def write_folder_with_snippets(folder):
    """A dataset of four films with the snippets of an untrained network."""
    write_folder(folder)
    torch.manual_seed(0)
    weights = folder / "weights.pt"
    maker = open_backbone("shufflenet_v2_x0_5", weights="none", short_side=32, crop_size=32)
    torch.save(maker._load().model.backbone.body.state_dict(), weights)
    maker = open_backbone("shufflenet_v2_x0_5", weights=str(weights), short_side=32, crop_size=32)
    items, _ = list_items(read_dataset(folder), "record")
    build_snippets(items, folder, folder / "features" / "snippets", maker.make_settings("record", 4), maker)
