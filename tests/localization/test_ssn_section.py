"""Recipes of SSN: those that are shipped, and settings that cannot both be meant."""

from pathlib import Path

import pytest

from finegym.errors import ConfigError
from finegym.localization.recipe import read_localization_recipe
from finegym.localization.ssn_section import SsnSection

RECIPES = Path(__file__).parents[2] / "recipes"
SMOKE = RECIPES / "smoke" / "ssn_sub_actions_smoke.toml"
SHIPPED = sorted([*RECIPES.glob("ssn_*.toml"), *RECIPES.glob("smoke/ssn_*.toml")])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_say_everything(path):
    recipe = read_localization_recipe(path)
    assert recipe.name == path.stem and recipe.note
    text = path.read_text(encoding="utf-8")
    assert [key for key in SsnSection.model_fields if f"\n{key} = " not in text] == []


def test_every_field_is_documented():
    page = (RECIPES.parent / "docs" / "ssn.md").read_text(encoding="utf-8")
    assert [key for key in SsnSection.model_fields if f"`ssn.{key}`" not in page] == []


def test_there_are_recipes_for_both_tasks_and_modalities():
    assert {f"ssn_{task}_{modality}" for task in ("actions", "sub_actions") for modality in ("rgb", "flow")} <= {
        path.stem for path in SHIPPED
    }


def test_published_recipes_are_the_published_settings():
    recipe = read_localization_recipe(RECIPES / "ssn_actions_rgb.toml")
    section = recipe.ssn
    assert (section.num_snippets, section.pyramid, section.counts) == ((2, 5, 2), ((1,), (1,), (1,)), (1, 6, 1))
    assert (section.completeness_weight, section.regression_weight, section.hard_share) == (0.1, 0.1, 0.17)
    assert (section.dropout, section.max_tiou_proposals, section.backbone) == (0.8, 0.95, "bn_inception")
    assert (recipe.schedule.epochs, recipe.schedule.milestones, recipe.optim.learning_rate) == (7, (3, 6), 0.001)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("ssn.actionness_kernel=4", "odd, got 4"),
        ("ssn.incomplete_tiou=0.9", r"must rise, got 0\.01, 0\.9, 0\.7"),
        ("ssn.pyramid=[[1], [1, 9], [1]]", r"course stage has levels \[1, 9\]"),
        ("ssn.completeness_weight=0.0", "score uses completeness"),
        ("ssn.regression_weight=0.0", "regression = false"),
        ("ssn.weights=imagenet", "backbone is empty"),
        ("ssn.window_ms_max=1.0", "window_ms_max is 1"),
        ("ssn.crop_size=512", "larger than ssn.short_side"),
    ],
)
def test_contradictions_are_named(override, message):
    with pytest.raises(ConfigError, match=message):
        read_localization_recipe(SMOKE, [override])
