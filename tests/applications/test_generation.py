"""From a recipe to generated motion: the whole, once, and its verbs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from finegym.applications.generation.attribute_vector import encode_elements
from finegym.applications.generation.motions import Motions
from finegym.applications.generation.recipe import MotionRecipe, read_motion_recipe
from finegym.applications.generation.run_folder import read_generator, read_judge
from finegym.applications.generation.sampling import NO_ELEMENT, draw_motions, make_requests
from finegym.applications.generation.training import train_generator
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.codebook.yaml_format import write_codebook
from finegym.errors import ConfigError
from finegym.training.recipe_text import list_fields

RECIPE = Path(__file__).parents[2] / "recipes" / "motion_transformer.toml"
CODEBOOK = read_builtin("artistic-women")
SALTO = "fx-back-salto-tucked"


def test_the_shipped_recipe_loads_and_says_everything():
    recipe, text = read_motion_recipe(RECIPE), RECIPE.read_text(encoding="utf-8")
    assert recipe.name == RECIPE.stem and recipe.note
    assert [name for name in list_fields(MotionRecipe) if f"\n{name.rpartition('.')[2]} =" not in text] == []


@pytest.mark.parametrize(
    ("override", "fact"),
    [
        ("model.width=190", "does not divide into model.num_heads"),
        ("model.patch=5", "does not divide into patches"),
        ("optim.warmup_steps=9999", "more than train.steps"),
        ("train.stepz=3", "train.steps"),
        ("data.held_out=1.0", "held_out"),
    ],
)
def test_a_wrong_recipe_is_refused(override, fact):
    with pytest.raises(ConfigError, match=fact):
        read_motion_recipe(RECIPE, [override])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on the vaults and beam dismounts of the codebook, too short to be good."""
    folder = tmp_path_factory.mktemp("generation")
    sets = tuple(set_ for set_ in CODEBOOK.sets if set_.id in ("FX-S5", "BB-S5"))
    small = replace(
        CODEBOOK,
        events=tuple(event for event in CODEBOOK.events if event.id in ("FX", "BB")),
        sets=sets,
        elements=tuple(e for e in CODEBOOK.elements if e.set_id in ("FX-S5", "BB-S5")),
        trees=tuple(tree for tree in CODEBOOK.trees if tree.set_id in ("FX-S5", "BB-S5")),
    )
    write_codebook(small, folder / "codebook.yaml")
    settings = [
        f'data.codebook="{folder / "codebook.yaml"}"', "data.performances=3", "data.performances_test=2",
        "data.num_frames=24", "model.width=32", "model.depth=2", "train.steps=30", "train.batch_size=16",
        "optim.warmup_steps=5", "judge.steps=60", "judge.width=32", "sampling.steps=3",
    ]  # fmt: skip
    train_generator(read_motion_recipe(RECIPE, settings), folder / "run", say=lambda line: None)
    return folder / "run"


def test_a_run_says_what_it_is_of(run):
    generator = read_generator(run)
    assert generator.facts["simulated"] and len(generator.held_out) == round(0.1 * len(generator.codebook.elements))
    assert generator.facts["motions"] - generator.facts["motions_seen_by_generator"] == 3 * len(generator.held_out)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {line["what"] for line in lines} == {"generator", "judge"}
    assert read_judge(run, generator).classifier.out_features == len(generator.codebook.elements)


def test_sampling_repeats_and_another_seed_gives_another_motion(run):
    generator = read_generator(run)
    vectors, which = encode_elements(generator.space, generator.codebook)[:3], np.arange(3)
    first, again, other = (draw_motions(generator, vectors, which, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.joints, again.joints)
    assert not np.allclose(first.joints, other.joints)
    assert isinstance(first, Motions) and np.isfinite(first.joints).all() and (first.duration_s > 0).all()


def test_requests_name_elements_changes_or_attributes_alone(run):
    codebook = read_generator(run).codebook
    (plain,) = make_requests(codebook, [SALTO], None, {})
    assert codebook.elements[plain.element_index].id == SALTO
    (changed,) = make_requests(codebook, [SALTO], None, {"twist": 4.0})
    assert changed.element_index == NO_ELEMENT and changed.attributes["body"] == "tucked"
    (back,) = make_requests(codebook, [SALTO], None, {"body": "piked"})
    assert codebook.elements[back.element_index].id == "fx-back-salto-piked", "the codebook has this one"
    (alone,) = make_requests(codebook, [], "FX", dict(plain.attributes))
    assert alone.element_index == plain.element_index
    for ids, event in (([], None), ([SALTO], "FX"), (["nobody"], None)):
        with pytest.raises(ConfigError):
            make_requests(codebook, ids, event, {})


def call(*words):
    return CliRunner().invoke(app, ["generate", *map(str, words)])


def test_the_verbs_sample_and_evaluate(run, tmp_path):
    result = call("sample", run, "--out", tmp_path / "new", "--held-out", "--count", 2, "--no-film", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    held_out = read_generator(run).held_out
    with np.load(tmp_path / "new" / "motions.npz") as file:
        assert file["joints"].shape == (2 * len(held_out), 24, 26, 3)
        assert file["contacts"].shape == (2 * len(held_out), 24, 5) and (file["moved_m"] > 0).all()
        assert file["moved_m"].tolist() == told["moved_m"]
        assert file["names"].tolist() == list(held_out) == [row["request"] for row in told["requests"]]
    result = call("evaluate", run, "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["rows"]
    kinds = [(row["group"], row["source"]) for row in rows]
    linear, nearest, cleaned = "linear in attributes", "nearest seen, performed", "generated, cleaned up"
    assert kinds == [
        *(("seen", source) for source in ("performed", linear, "generated", cleaned)),
        *(("unseen", source) for source in ("performed", nearest, linear, "generated", cleaned)),
    ]
    by_kind = dict(zip(kinds, rows, strict=True))
    assert by_kind["seen", "performed"]["accuracy"] > 3 * by_kind["seen", "generated"]["accuracy"], "30 steps"
    unseen = by_kind["unseen", "performed"]["accuracy"]
    assert by_kind["unseen", nearest]["accuracy"] < unseen / 2, "another element, as the judge sees too"
    assert by_kind["seen", "performed"]["fid"] < by_kind["seen", "generated"]["fid"]
    assert by_kind["seen", "performed"]["gravity_m_s2"] == pytest.approx(9.81, abs=0.2)
    assert by_kind["seen", "generated"]["moved_m"] is None and by_kind["seen", cleaned]["moved_m"] > 0
    assert json.loads((run / "evaluation.json").read_text())["rows"] == rows
    assert "seen (" in call("evaluate", run, "--count", 2).stdout


def test_cleaning_up_is_said_and_can_be_switched_off(run, tmp_path):
    plain = call("sample", run, "--out", tmp_path / "plain", "--element", SALTO, "--no-film", "--as-generated")
    cleaned = call("sample", run, "--out", tmp_path / "cleaned", "--element", SALTO, "--no-film")
    assert "switched off" in plain.stderr and "moved joints by" in cleaned.stderr
    with np.load(tmp_path / "plain" / "motions.npz") as before, np.load(tmp_path / "cleaned" / "motions.npz") as after:
        assert before["moved_m"].tolist() == [0]
        distance = np.linalg.norm(after["joints"] - before["joints"], axis=-1).mean()
        assert distance == pytest.approx(after["moved_m"][0], rel=1e-4)


@pytest.mark.slow
def test_motions_are_drawn_and_the_page_shows_unseen_elements(run, tmp_path):
    result = call("sample", run, "--out", tmp_path / "new", "--element", SALTO)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "new" / "sheet.jpg").read_bytes()[:2] == b"\xff\xd8" and (tmp_path / "new" / "film.mp4").exists()
    result = call("evaluate", run, "--page", tmp_path / "page.html")
    assert result.exit_code == 0 and "data:image/jpeg" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("sample", "nowhere", "--out", "x", "--held-out"), "holds no generator"),
        (("evaluate", "nowhere"), "holds no generator"),
        (("train", "nowhere.toml", "--out", "x"), "cannot be read"),
    ],
)
def test_bad_input_is_one_error(words, fact, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call(*words)
    assert isinstance(result.exception, ConfigError) and fact in str(result.exception)
    assert "\n" not in str(result.exception) and not (tmp_path / "x").exists()


def test_train_sends_the_recipe_of_a_generator_to_the_right_verb(tmp_path):
    result = CliRunner().invoke(app, ["train", str(RECIPE), "--out", str(tmp_path / "run")])
    assert isinstance(result.exception, ConfigError) and "finegym generate train" in str(result.exception)


def test_damaged_weights_and_folders_in_use_are_refused(run, tmp_path):
    with pytest.raises(ConfigError, match="holds a run already"):
        train_generator(read_motion_recipe(RECIPE), run)
    copy = tmp_path / "run"
    copy.mkdir()
    for name in ("recipe.toml", "run.json", "codebook.yaml"):
        (copy / name).write_bytes((run / name).read_bytes())
    (copy / "generator.safetensors").write_bytes((run / "generator.safetensors").read_bytes()[:5000])
    with pytest.raises(ConfigError, match="cannot be read"):
        read_generator(copy)
    (copy / "generator.safetensors").write_bytes((run / "judge.safetensors").read_bytes())
    with pytest.raises(ConfigError, match="holds no generator of format"):
        read_generator(copy)
