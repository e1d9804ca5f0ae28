from pathlib import Path

import pytest

from finegym.errors import ConfigError
from finegym.localization.recipe import LocalizationRecipe, parse_localization_recipe, read_localization_recipe
from finegym.localization.run_folder import LocalizationRun
from finegym.training.recipe_text import format_recipe, list_fields, read_task
from finegym.training.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
RECIPES = [
    path for path in sorted((ROOT / "recipes").rglob("*.toml")) if read_task(path) not in ("recognition", "motion")
]
METHODS = ("ssn", "actionformer", "spotter")
OPTIONAL = ("snippets", *METHODS)
MINIMAL = """
name = "minimal"
task = "actions"
[data]
dataset = "d"
split = "s"
level = "event"
[snippets]
stores = ["rgb"]
[model]
name = "actionformer"
[actionformer]
[optim]
learning_rate = 0.1
[schedule]
epochs = 10
[train]
batch_size = 2
"""


def parse(*overrides):
    return parse_localization_recipe(MINIMAL, "minimal", overrides)


def test_there_are_recipes_of_every_method():
    assert {read_localization_recipe(path).model.name for path in RECIPES} == set(METHODS)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_loads_and_is_complete(path):
    recipe = read_localization_recipe(path)
    assert recipe.name == path.stem and recipe.note
    text = path.read_text(encoding="utf-8")
    absent = {section for section in OPTIONAL if getattr(recipe, section) is None}
    named = [name for name in list_fields(LocalizationRecipe) if name.partition(".")[0] not in absent]
    missing = [name for name in named if f"\n{name.rpartition('.')[2]} =" not in f"\n{text}"]
    assert missing == [], "shipped recipes say everything"


def test_a_resolved_recipe_says_the_same():
    recipe = parse()
    assert parse_localization_recipe(format_recipe(recipe), "again") == recipe


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.levl=set"], 'unknown key "data.levl"; did you mean "data.level"'),
        (["actionformer.widht=8"], r'did you mean "actionformer.width"'),
        (["actionformer.qqqq=1"], r"expected one of (actionformer\.\w+, ){7}actionformer\.\w+ or of \d\d others$"),
        (["snippets.stores=[]"], '"snippets.stores": tuple should have at least 1 item'),
        (['snippets.stores=["a", "a"]'], "snippets.stores names a store twice: a, a"),
        (["data.level=set"], 'task is "actions", which are of events, but data.level is "set"'),
        (["model.name=spotter"], r"model.name is \"spotter\", but the section \[spotter\] is missing"),
        (["model.name=spotter"], r"the section \[snippets\] is given, but model.name = \"spotter\" sees frames"),
        (["model.name=ssn"], r"the section \[actionformer\] is given, but model.name is \"ssn\""),
        (["optim.name=adamw", "optim.momentum=0.5"], "adamw keeps its own"),
        (["optim.layer_decay=0.9"], "layer_decay is for recognisers"),
        (["schedule.milestones=[20]"], "must lie before the end"),
        (['data.split=""'], "data.split is empty"),
        (["train.ema_decay=1.0"], "train.ema_decay"),
    ],
)
def test_what_cannot_be_meant_is_said(overrides, message):
    with pytest.raises(ConfigError, match=message):
        parse(*overrides)


def test_all_problems_come_at_once():
    with pytest.raises(ConfigError) as caught:
        parse("data.level=set", "optim.layer_decay=0.9", "schedule.milestones=[20]")
    assert all(part in str(caught.value) for part in ("which are of events", "layer_decay", "milestones"))


def test_the_two_kinds_of_runs_are_told_apart(tmp_path):
    recipe = parse()
    LocalizationRun(tmp_path / "localizer").write_start(recipe, {})
    assert LocalizationRun(tmp_path / "localizer").read_recipe() == recipe
    with pytest.raises(ConfigError, match=r"is a run of a localizer \(actions\): expected one of a recogniser"):
        RunFolder(tmp_path / "localizer").read_recipe()
    (tmp_path / "recogniser").mkdir()
    text = (ROOT / "recipes/tsn_r18_demo.toml").read_text(encoding="utf-8")
    (tmp_path / "recogniser/recipe.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="is a run of a recogniser: expected one of a localizer"):
        LocalizationRun(tmp_path / "recogniser").read_recipe()
