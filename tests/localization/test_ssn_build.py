"""SSN from a recipe: network, samples and what the user is told of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from finegym.annotations.subsets import make_subset
from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError
from finegym.localization.recipe import read_localization_recipe
from finegym.localization.snippets import Snippets
from finegym.localization.ssn_actionness import is_inside
from finegym.localization.ssn_localizer import build_ssn
from finegym.localization.ssn_samples import build_ssn_samples
from finegym.localization.timelines import Timeline, Timelines
from finegym.models.ssn import SnippetEncoder

SMOKE = Path(__file__).parents[2] / "recipes" / "smoke"
SMALL = ("ssn.actionness_epochs=2", "ssn.actionness_hidden=4", "ssn.actionness_window=64", "ssn.proposals=sliding")


class Source:
    feature_size = 6

    def read(self, timeline):
        times = np.arange(20, timeline.duration_ms, 40)
        features = np.zeros((len(times), 6), np.float16)
        features[is_inside(times, timeline.segments_ms), 0] = 1
        return Snippets(features, times, timeline.duration_ms)


@pytest.fixture(scope="module")
def timelines():
    codebook = read_builtin("artistic-women")
    classes = make_subset("sets", "set", [set_.id for set_ in codebook.sets[:3]], codebook)
    full = Timeline("a", "r", None, 0, 9000, np.array([[1000, 2500], [4000, 5200]]), np.array([0, 2]))
    other = Timeline("b", "s", None, 0, 8000, np.array([[3000, 4500]]), np.array([1]), np.array([[6000, 7000]]))
    empty = Timeline("c", "s", None, 0, 5000)
    return Timelines("sub-actions", "set", classes, codebook, (full, other, empty), {})


def read(name, *overrides):
    return read_localization_recipe(SMOKE / f"{name}.toml", [*SMALL, *overrides])


@pytest.mark.parametrize("overrides", [(), ("ssn.hidden_size=0",), ("ssn.proposals=tag",), ("ssn.proposals=uniform",)])
def test_recipe_to_losses_and_detections(timelines, overrides, capsys):
    recipe = read("ssn_sub_actions_smoke", *overrides)
    torch.manual_seed(0)
    localizer = build_ssn(recipe, timelines, 6)
    samples = build_ssn_samples(recipe, timelines, Source())
    assert len(samples) == 2 * recipe.ssn.repeats
    batch = samples.collate([samples.draw(place, np.random.default_rng(place)) for place in range(2)])
    losses = localizer.train()(batch)
    assert all(torch.isfinite(loss) for loss in losses.values())
    assert ("actionness_loss" in losses) == (recipe.ssn.proposals == "tag") == ("actionness" in capsys.readouterr().err)
    assert isinstance(localizer.encoder, SnippetEncoder) == (recipe.ssn.hidden_size > 0)
    np.testing.assert_allclose(localizer.ssn.regression_stats, samples.pool.stats)
    localizer.eval()
    with torch.inference_mode():
        found = localizer.detect(timelines.timelines[0], Source())
    assert found.segments_ms.min() >= 0 and found.segments_ms.max() <= 9000
    assert np.all(found.segments_ms[:, 1] > found.segments_ms[:, 0])
    assert set(found.class_index) <= {0, 1, 2}


def test_what_is_told_of_samples(timelines):
    counts = build_ssn_samples(read("ssn_sub_actions_smoke"), timelines, Source()).counts
    assert counts["timelines without a segment, not learnt from"] == 1
    assert counts["foreground proposals, true segments among them"] > 3
    assert counts["proposals"] > counts["incomplete proposals"] > 0


def test_a_kind_that_is_missing_everywhere_is_an_error(timelines):
    recipe = read("ssn_sub_actions_smoke", "ssn.background_length=0.99")
    with pytest.raises(ConfigError, match="none of the proposals is background"):
        build_ssn_samples(recipe, timelines, Source())


def test_actions_have_no_encoder(timelines):
    localizer = build_ssn(read("ssn_actions_smoke"), replace(timelines, task="actions"), 6)
    assert localizer.encoder is None and localizer.ssn.num_snippets == (4, 16, 4)
