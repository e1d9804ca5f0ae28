import numpy as np
import pytest

from finegym.datasets.clips import MemoryClips
from finegym.training.data import RecognitionData
from finegym.training.recipe import parse_recipe

RECIPE = """
name = "tiny"
seed = 3

[data]
dataset = "nowhere"
split = "colours"
short_side = 32
crop_size = 32
crop_scales = [1.0, 0.75]
flip = true
workers = 0

[model]
backbone = "shufflenet_v2_x0_5"
dropout = 0.2

[optim]
learning_rate = 0.02

[schedule]
name = "cosine"
epochs = 4

[train]
batch_size = 4
"""


@pytest.fixture
def make_recipe():
    """A recipe of a tiny network, with overrides."""
    return lambda *overrides: parse_recipe(RECIPE, "tiny.toml", overrides)


def build_data(num_train=12, num_val=4, num_classes=2, class_names=None):
    """Clips of a few classes, told apart by a colour that noise half hides."""
    rng = np.random.default_rng(0)
    clips, labels = {}, {"train": {}, "val": {}}
    for number in range(num_train + num_val):
        class_index = number % num_classes
        frames = rng.integers(0, 100, (6, 32, 40, 3), dtype=np.uint8)
        frames[..., class_index] += 100
        instance_id = f"v{number}_E_000000_000009_A_0000_0009"
        clips[instance_id] = frames
        labels["train" if number < num_train else "val"][instance_id] = class_index
    ids = tuple(f"e{i}" for i in range(num_classes))
    facts = {"codebook": {"sha256": "c"}, "split": {"name": "colours", "val_sha256": "s"}}
    return RecognitionData("colours", "colour", ids, class_names or ids, labels, MemoryClips(clips), facts)


@pytest.fixture
def make_data():
    """``build_data``."""
    return build_data
