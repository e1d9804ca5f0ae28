"""From a codebook to generated motion: every part small, the whole once."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from finegym.applications.generation import coding, flow
from finegym.applications.generation.attribute_vector import build_space, encode_elements, parse_attributes
from finegym.applications.generation.baselines import copy_nearest, fit_linear
from finegym.applications.generation.held_out import choose_held_out
from finegym.applications.generation.motions import PELVIS, Motions, make_motions, mirror, put_at_origin
from finegym.applications.generation.recipe import MotionRecipe, read_motion_recipe
from finegym.applications.generation.recogniser import MotionRecogniser, recognise, train_recogniser
from finegym.applications.generation.run_folder import read_generator, read_judge
from finegym.applications.generation.sampling import NO_ELEMENT, draw_motions, make_requests
from finegym.applications.generation.training import train_generator
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.codebook.yaml_format import write_codebook
from finegym.errors import ConfigError
from finegym.simulation.skeleton import BONES, JOINT_INDEX
from finegym.training.recipe_text import list_fields

RECIPE = Path(__file__).parents[2] / "recipes" / "motion_transformer.toml"
CODEBOOK = read_builtin("artistic-women")
SALTO = "fx-back-salto-tucked"


# Attributes.


def test_every_element_has_a_vector_of_its_own():
    vectors = encode_elements(build_space(CODEBOOK), CODEBOOK)
    assert vectors.dtype == np.float32 and len(np.unique(vectors, axis=0)) == len(CODEBOOK.elements)
    assert vectors.any(axis=1).all(), "zeros ask for any motion at all"


def test_more_twists_have_all_that_fewer_have():
    space = build_space(CODEBOOK)
    few, many, most = (space.encode("FX", {"kind": "salto", "twist": twist}) for twist in (1.0, 2.0, 7.0))
    assert (many >= few).all() and (most >= many).all() and not (few >= many).all()
    steps = [value for name, value in space.steps if name == "twist"]
    assert many.sum() - few.sum() == pytest.approx(sum(1 < value <= 2 for value in steps) + 1 / 4)


@pytest.mark.parametrize(
    ("event", "attributes", "fact"),
    [
        ("PH", {}, "event 'PH'"),
        ("FX", {"colour": "red"}, "unknown attribute 'colour'"),
        ("FX", {"body": "banana"}, "piked, straddled, stretched, tucked"),
        ("FX", {"twist": "two"}, "'two', expected a number from 0 to 8"),
        ("FX", {"twist": 9.0}, "expected a number from 0 to 8"),
    ],
)
def test_what_a_generator_does_not_know_is_refused(event, attributes, fact):
    with pytest.raises(ConfigError, match=fact):
        build_space(CODEBOOK).encode(event, attributes)


def test_written_attributes_are_parsed_or_refused():
    assert parse_attributes(("twist=2", "counter=true", "body=piked")) == {
        "twist": 2.0,
        "counter": True,
        "body": "piked",
    }
    with pytest.raises(ConfigError, match="NAME=VALUE"):
        parse_attributes(("twist",))


# Held out.


def test_every_attribute_of_a_held_out_element_is_left_with_two_others():
    held_out = choose_held_out(CODEBOOK, 0.1, 0)
    assert len(held_out) == round(0.1 * len(CODEBOOK.elements))
    left = [element for element in CODEBOOK.elements if element.id not in held_out]
    for id_ in held_out:
        set_id = CODEBOOK.element_by_id[id_].set_id
        for name, value in CODEBOOK.attributes_by_element_id[id_].items():
            others = [
                e for e in left if e.set_id == set_id and CODEBOOK.attributes_by_element_id[e.id].get(name) == value
            ]
            assert len(others) >= 2, (id_, name, value)
    assert held_out == choose_held_out(CODEBOOK, 0.1, 0) != choose_held_out(CODEBOOK, 0.1, 1)


# Motions.


@pytest.fixture(scope="module")
def motions():
    return make_motions(CODEBOOK, [SALTO, "ub-giant-backward", "bb-dismount-back-piked"], 3, 0, 24)


def test_a_performance_depends_on_its_element_and_number_alone(motions):
    again = make_motions(CODEBOOK, ["ub-giant-backward"], 1, 0, 24)
    np.testing.assert_array_equal(again.joints[0], motions.joints[3])
    assert CODEBOOK.elements[again.element_index[0]].id == "ub-giant-backward"
    assert np.abs(motions.joints[3] - motions.joints[4]).max() > 0.02, "another gymnast"


def test_a_mirrored_motion_is_one_and_the_same_body(motions):
    mirrored = mirror(motions.joints[0])
    np.testing.assert_array_equal(mirror(mirrored), motions.joints[0])
    left, right = JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]
    np.testing.assert_array_equal(mirrored[:, left], motions.joints[0][:, right] * [1, -1, 1])


def test_at_the_origin_she_starts_facing_along_x(motions):
    angle = 2.1
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    moved = motions.joints[0].astype(np.float64) @ turn + [3.0, -2.0, 0.0]
    placed = put_at_origin(moved)
    np.testing.assert_allclose(placed, motions.joints[0], atol=1e-5)  # was there already
    across = placed[0, JOINT_INDEX["left_hip"]] - placed[0, JOINT_INDEX["right_hip"]]
    assert across[1] > 0 and abs(across[0]) < 1e-6
    np.testing.assert_allclose(placed[0, PELVIS, :2], 0, atol=1e-9)


def test_coded_motions_come_back(motions):
    scaling = coding.compute_scaling(motions)
    values = coding.encode(motions, scaling)
    assert values.shape == (9, 24, coding.NUM_VALUES)
    back = coding.decode(values, scaling, motions.element_index)
    np.testing.assert_allclose(back.joints, motions.joints, atol=1e-5)
    np.testing.assert_allclose(back.duration_s, motions.duration_s, rtol=1e-5)


def test_bones_get_one_length_and_keep_their_direction(motions):
    rng = np.random.default_rng(0)
    noisy = (motions.joints + rng.normal(0, 0.01, motions.joints.shape)).astype(np.float32)
    kept = coding.keep_bones(noisy)
    for parent, child in BONES:
        before, after = (j[:, :, JOINT_INDEX[child]] - j[:, :, JOINT_INDEX[parent]] for j in (noisy, kept))
        lengths = np.linalg.norm(after, axis=-1)
        np.testing.assert_allclose(
            lengths, np.median(np.linalg.norm(before, axis=-1), axis=1)[:, None] + 0 * lengths, rtol=1e-4
        )
        np.testing.assert_allclose(
            after / lengths[..., None], before / np.linalg.norm(before, axis=-1, keepdims=True), atol=1e-4
        )
    np.testing.assert_array_equal(kept[:, :, PELVIS], noisy[:, :, PELVIS])


# Baselines.


def test_a_motion_linear_in_the_attributes_is_found_where_motion_is(motions):
    scaling = coding.compute_scaling(motions)
    vectors = np.eye(3, dtype=np.float32)
    three = Motions(motions.joints, motions.duration_s, np.repeat(np.arange(3), 3))
    linear = fit_linear(three, vectors, scaling, np.array([0, 2]))
    # One-hot vectors: the mean of an element's motions, drawn a little to the mean of all by the ridge.
    values = coding.encode(three, scaling)
    own, of_all = values[:3].mean(axis=0), values.mean(axis=(0))
    share = ((coding.encode(linear, scaling)[0] - of_all) * (own - of_all)).sum() / ((own - of_all) ** 2).sum()
    assert 0.6 < share < 1


def test_the_nearest_element_is_copied(motions):
    three = Motions(motions.joints, motions.duration_s, np.repeat([0, 2, 3], 3))
    vectors = np.array([[0, 0], [0, 1], [0, 3], [5, 1.0]])
    copied, of = copy_nearest(three, vectors, np.array([1]))
    assert copied.element_index.tolist() == [0, 0, 0] and of.tolist() == [1, 1, 1]


# Flow.


def make_ideal(means, deviation):
    """The best possible prediction where motions of class k are normal around ``means[k]``: linear in the noisy one."""

    def predict(noisy, time, attributes):
        t = time[:, None, None]
        mean = (attributes @ means)[:, None, :]
        gain = t * deviation**2 / (t**2 * deviation**2 + (1 - t) ** 2)
        return mean + gain * (noisy - t * mean)

    return predict


@pytest.mark.parametrize("shift", [1.0, 4.0])
def test_the_flow_leads_from_noise_to_the_distribution_of_the_motions(shift):
    means = torch.tensor([[3.0, -1.0], [-2.0, 4.0]])
    noise = torch.randn(4000, 1, 2, generator=torch.Generator().manual_seed(0))
    attributes = torch.tensor([[1.0, 0.0]]).expand(4000, 2)
    drawn = flow.sample(make_ideal(means, 0.5), noise, attributes, steps=30, guidance=1.0, shift=shift)[:, 0]
    torch.testing.assert_close(drawn.mean(dim=0), means[0], atol=0.04, rtol=0)
    torch.testing.assert_close(drawn.std(dim=0), torch.full((2,), 0.5), atol=0.03, rtol=0)


def test_guidance_goes_away_from_any_motion_at_all():
    network = make_ideal(torch.tensor([[1.0]]), 0.2)
    noise, wanted = torch.zeros(1, 1, 1), torch.ones(1, 1)
    plain, none, guided = (flow.sample(network, noise, wanted, steps=8, guidance=g).item() for g in (1.0, 0.0, 2.0))
    assert none == pytest.approx(0, abs=1e-6) and plain < guided
    assert guided == pytest.approx(2 * plain, rel=1e-4)  # a linear flow from zero noise


def test_the_loss_of_the_best_prediction_is_lower_than_that_of_others():
    clean = 1 + 0.5 * torch.randn(5000, 4, 1, generator=torch.Generator().manual_seed(1))
    attributes = torch.ones(5000, 1)

    def compute(network):
        return flow.compute_loss(network, clean, attributes, torch.Generator().manual_seed(2), drop=0, smoothness=0)

    best = compute(make_ideal(torch.tensor([[1.0]]), 0.5))
    assert best < compute(make_ideal(torch.tensor([[0.8]]), 0.5)) and best < compute(
        make_ideal(torch.tensor([[1.0]]), 1)
    )
    assert compute(lambda *_: clean) == 0


def test_shifted_times_have_divided_odds():
    times = torch.linspace(0.01, 0.99, 20)
    shifted = flow.shift_times(times, 8.0)
    torch.testing.assert_close(shifted / (1 - shifted), times / (1 - times) / 8)


# Judge.


def test_a_judge_tells_classes_apart(motions):
    scaling = coding.compute_scaling(motions)
    values, classes = coding.encode(motions, scaling), np.repeat(np.arange(3), 3)
    torch.manual_seed(0)
    judge = MotionRecogniser(coding.NUM_VALUES, 3, width=16)
    train_recogniser(judge, values, classes, steps=40, batch_size=8, learning_rate=0.01, jitter=0.02, seed=0)
    features, logits = recognise(judge, values)
    assert (logits.argmax(axis=1) == classes).all() and features.shape == (9, 16) and (features >= 0).all()
    np.testing.assert_array_equal(recognise(judge, values)[1], logits)


# Recipe.


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


# The whole.


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
        assert file["names"].tolist() == list(held_out) == [row["request"] for row in told["requests"]]
    result = call("evaluate", run, "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["rows"]
    kinds = [(row["group"], row["source"]) for row in rows]
    linear, nearest = "linear in attributes", "nearest seen, performed"
    assert kinds == [
        *(("seen", source) for source in ("performed", linear, "generated")),
        *(("unseen", source) for source in ("performed", nearest, linear, "generated")),
    ]
    by_kind = dict(zip(kinds, rows, strict=True))
    assert by_kind["seen", "performed"]["accuracy"] > 3 * by_kind["seen", "generated"]["accuracy"], "30 steps"
    assert by_kind["unseen", nearest]["accuracy"] == 0, "another element, as the judge sees too"
    assert by_kind["seen", "performed"]["fid"] < by_kind["seen", "generated"]["fid"]
    assert by_kind["seen", "performed"]["gravity_m_s2"] == pytest.approx(9.81, abs=0.2)
    assert json.loads((run / "evaluation.json").read_text())["rows"] == rows
    assert "seen (" in call("evaluate", run, "--count", 2).stdout


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
