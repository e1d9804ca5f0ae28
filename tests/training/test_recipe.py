from pathlib import Path

import pytest

from finegym.errors import ConfigError
from finegym.training.recipe import list_fields, parse_recipe, read_recipe
from finegym.training.recipe_sections import ClipSection, HeatmapSection, NonLocalSection, VladSection
from finegym.training.recipe_text import compare_recipes, format_recipe, read_task

ROOT = Path(__file__).parents[2]
# Those of localizers are looked at in tests/localization.
RECIPES = [path for path in sorted((ROOT / "recipes").rglob("*.toml")) if read_task(path) == "recognition"]
OPTIONAL = ("pose", "clip", "heatmap", "non_local", "vlad")  # sections of some models

MINIMAL = """
name = "minimal"
[data]
dataset = "d"
split = "s"
[model]
backbone = "resnet18"
[optim]
learning_rate = 0.1
[schedule]
epochs = 10
[train]
batch_size = 2
"""


# What makes the minimal recipe one of poses.
POSE = (
    "data.modality=pose",
    "data.features=pose-blazepose",
    "pose.clip_len=48",
    "model.name=pose_mlp",
    "model.backbone=",
)


def test_there_are_recipes():
    assert {"tsn_r50_gym99_rgb", "tsn_lite0_ucf101_beam"} <= {path.stem for path in RECIPES}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_loads_and_is_complete(path):
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    text = path.read_text(encoding="utf-8")
    absent = {section for section in OPTIONAL if getattr(recipe, section) is None}
    named = [name for name in list_fields() if name.partition(".")[0] not in absent]
    missing = [name for name in named if f"\n{name.rpartition('.')[2]} =" not in f"\n{text}"]
    assert missing == [], "shipped recipes say everything"
    assert recipe.note


def test_every_field_is_documented():
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    assert [name for name in list_fields() if f"`{name}`" not in page] == []


def test_documented_defaults_are_the_real_ones():
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    resolved = parse_recipe(MINIMAL, "m", POSE).model_dump()
    sections = {"clip": ClipSection, "heatmap": HeatmapSection, "non_local": NonLocalSection, "vlad": VladSection}
    resolved |= {name: section().model_dump() for name, section in sections.items()}
    given = {"name", "data.dataset", "data.split", "model.backbone", "optim.learning_rate", "schedule.epochs"}
    given |= {"data.modality", "data.features", "model.name"}
    for name in set(list_fields()) - given - {"train.batch_size"}:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        value = resolved
        for part in name.split("."):
            value = value[part]
        text = str(list(value) if isinstance(value, tuple) else value).replace("True", "true").replace("False", "false")
        assert row.split("|")[2].strip() == f"`{text}`" or value == "", row


def test_the_resolved_recipe_reads_back_as_itself():
    recipe = parse_recipe(MINIMAL, "m", ['note=a "quoted" word', "data.flip=true", 'data.flip_swaps=[["a", "b"]]'])
    again = parse_recipe(format_recipe(recipe), "again")
    assert again == recipe
    text = format_recipe(recipe)
    given = [name for name in list_fields() if name.partition(".")[0] not in OPTIONAL]
    assert all(f"{name.rpartition('.')[2]} = " in text for name in given)
    posed = parse_recipe(MINIMAL, "m", POSE)
    assert parse_recipe(format_recipe(posed), "again") == posed
    given += [name for name in list_fields() if name.startswith("pose.")]
    assert all(f"{name.rpartition('.')[2]} = " in format_recipe(posed) for name in given)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("optim.lerning_rate=0.1", r'unknown key "optim\.lerning_rate"; did you mean "optim\.learning_rate"\?'),
        ("learning_rate=0.1", r'unknown key "learning_rate"; did you mean "optim\.learning_rate"\?'),
        ("train.epochs=4", r'did you mean "schedule\.epochs"\?'),
        ("train.zzzz=4", r'unknown key "train\.zzzz"; expected one of train\.batch_size'),
        ("data.crop_size=big", r'"data\.crop_size": .*integer, got \'big\''),
        ("data.flip=1", r'"data\.flip": .*boolean, got 1'),
        ("schedule.name=linear", r'"schedule\.name": .*\'linear\''),
        ("model.dropout=1.0", r'"model\.dropout": .*less than 1'),
        ("optim.learning_rate=nan", r'"optim\.learning_rate"'),
        ("optim.learning_rate=inf", r'"optim\.learning_rate"'),
        ("data.crop_size=300", r"data\.crop_size \(300\) exceeds data\.short_side \(256\)"),
        ("data.crop_scales=[]", r"data\.crop_scales is empty"),
        ('data.flip_swaps=[["a", "b"]]', r"data\.flip is false"),
        ("data.crops_test=ten", r"mirrors clips"),
        ("model.partial_batch_norm=true", r"model\.weights is \"none\""),
        ("loss.focal_gamma=1.0", r"loss\.focal_gamma is given, but loss\.name is \"cross-entropy\""),
        ("loss.tau=0.5", r"loss\.tau is given"),
        ("loss.name=huber", r'"loss\.name": .*\'huber\''),
        ("sampling.power=1.5", r'"sampling\.power"'),
        ("mix.probability=0.5", r"mix\.mixup_alpha and mix\.cutmix_alpha are 0"),
        ("schedule.milestones=[10]", r"must lie before the end \(10 epochs\)"),
        ("schedule.milestones=[4, 2]", r"must increase"),
        ("schedule.warmup_epochs=10", r"must be less than schedule\.epochs"),
    ],
)
def test_a_slip_is_named(line, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_recipe(MINIMAL, "minimal.toml", [line])
    assert "minimal.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_come_at_once():
    with pytest.raises(ConfigError) as caught:
        parse_recipe(MINIMAL, "m", ["sead=1", "data.flip=7", "train.batch_size=0"])
    for fact in ("sead", "data.flip", "train.batch_size"):
        assert fact in str(caught.value)
    overrides = ["data.crop_size=300", "schedule.name=cosine", "schedule.milestones=[3]", "optim.name=adamw"]
    with pytest.raises(ConfigError) as caught:
        parse_recipe(MINIMAL, "m", [*overrides, "optim.momentum=0.5"])
    for fact in ("crop_size", "cosine", "momentum"):
        assert fact in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["loss.name=balanced-softmax", "sampling.power=0.0"], r"has nothing to adjust"),
        ([*POSE, "mix.cutmix_alpha=1.0"], r"mix\.cutmix_alpha cuts pictures"),
        ([*POSE, "optim.layer_decay=0.9"], r"has no backbone"),
        (["model.freeze_backbone=true", "optim.layer_decay=0.9"], r"no layer of the backbone to train"),
    ],
)
def test_two_settings_that_contradict_each_other_are_named(lines, message):
    with pytest.raises(ConfigError, match=message):
        parse_recipe(MINIMAL, "m", lines)


def test_missing_sections_and_keys_are_named():
    with pytest.raises(ConfigError, match=r'"data" is missing.*"train" is missing'):
        parse_recipe('name = "x"', "m")


def test_overrides_reach_every_kind_of_value():
    overrides = ["optim.learning_rate=1", "data.split=gym99", "data.crop_scales=[1, 0.5]", "seed=7", "data.flip=true"]
    recipe = parse_recipe(MINIMAL, "m", overrides)
    assert recipe.optim.learning_rate == 1.0
    assert recipe.data.split == "gym99"
    assert recipe.data.crop_scales == (1.0, 0.5)
    assert (recipe.seed, recipe.data.flip) == (7, True)


@pytest.mark.parametrize("override", ["learning_rate", "=3", "name.first=1"])
def test_an_override_that_is_none_is_refused(override):
    with pytest.raises(ConfigError, match="override"):
        parse_recipe(MINIMAL, "m", [override])


def test_files_that_are_no_recipe_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read"):
        read_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("name = \nseed = 1\n")
    with pytest.raises(ConfigError, match=r"bad\.toml is not TOML: .*line 1"):
        read_recipe(tmp_path / "bad.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_recipe(tmp_path / "bytes.toml")


def test_a_recipe_cannot_be_changed():
    recipe = parse_recipe(MINIMAL, "m")
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 4


def test_compare_names_what_differs():
    left, right = parse_recipe(MINIMAL, "m"), parse_recipe(MINIMAL, "m", ["seed=1", "optim.learning_rate=0.2"])
    assert compare_recipes(left, right) == ["seed", "optim.learning_rate"]
