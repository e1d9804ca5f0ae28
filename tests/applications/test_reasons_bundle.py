"""Reasons of runs, of bundles with several recognisers, and of parses: on models that were trained for seconds."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from timeline_samples import make_split
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset
from finegym.annotations.splits import write_split
from finegym.applications.bundle import make_bundle
from finegym.applications.parse.files import read_parse, write_parse
from finegym.applications.parse.interpreting import Thresholds
from finegym.applications.parse.run import ParseSettings, parse_videos
from finegym.applications.reasons import Explainer, find_sub_action
from finegym.applications.reasons_output import export_reasons, format_reasons
from finegym.applications.reasons_page import write_reasons_page
from finegym.applications.reasons_parse import explain_parse
from finegym.applications.scoring.code_of_points import read_code_text
from finegym.cli.app import app
from finegym.errors import AnnotationError, ConfigError, VideoError
from finegym.training.data import open_data
from finegym.training.predict import predict
from finegym.training.recipe import parse_recipe
from finegym.training.run import train

FOUR = ["data.num_segments_test=4"]


@pytest.fixture(scope="module")
def joint(tiny, tmp_path_factory):
    """``bundle``: two recognisers of elements that differ, one of sets; of ``dataset``."""
    root = tmp_path_factory.mktemp("joint")
    folder = root / "dataset"
    shutil.copytree(tiny.dataset, folder)
    sets = ["VT-S1", "FX-S1", "FX-S2"]
    write_split(make_split(read_dataset(folder), sets, name="sets", level="set"), folder / "splits" / "sets")
    runs = []
    for name, split, seed in (("elements", "toy", 1), ("sets", "sets", 2)):
        text = (tiny.recogniser / "recipe.toml").read_text(encoding="utf-8").replace(str(tiny.dataset), str(folder))
        text = text.replace('split = "toy"', f'split = "{split}"').replace("seed = 0", f"seed = {seed}")
        recipe = parse_recipe(text, "tiny.toml")
        data = open_data(recipe.data)
        run = train(recipe, data, root / name)
        predict(run, recipe, data, run.predictions_path / "val.parquet", device="cpu")
        runs.append(run.path)
    paths = {"actions": tiny.actions, "sub_actions": tiny.sub_actions}
    make_bundle(root / "joint.finegym", **paths, recognisers=[tiny.recogniser, *runs])
    return SimpleNamespace(bundle=root / "joint.finegym", dataset=folder)


def get_ids(one):
    return [id_ for id_, each in read_dataset(one.dataset).instances.items() if each.sub_action.element_id]


def parse_last(one, out):
    (video,) = [each for each in read_dataset(one.dataset).videos if each.id == "rec3"]
    settings = ParseSettings(Thresholds(0.02, 0.0, 0.5, 0.05), device="cpu")
    parse_videos([one.dataset / video.path], one.bundle, out, settings)
    return out / video.id


def test_a_run_explains_a_clip(tiny, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny.recogniser, run)
    explainer = Explainer(run, overrides=FOUR, with_places=True, device="cpu")
    instance_id = get_ids(tiny)[-1]  # of the last record, which is for validation
    reasons = explainer.explain(instance_id, num_neighbours=2)
    assert reasons.label == read_dataset(tiny.dataset).instances[instance_id].sub_action.element_id
    assert sum(probability for _, _, probability in reasons.ranked) == pytest.approx(1)  # of three classes
    (facts,) = reasons.recognisers
    assert len(facts.frames) == 4 and facts.num_runs > 50 and not reasons.notes
    for one in reasons.decisions:
        (voice,) = one.voices
        assert voice.probability == one.probability
        assert (len(voice.saliency), len(voice.places)) == ((4, 49) if voice.is_decided else (0, 0))
        assert all(-1 <= near.similarity <= 1 + 1e-9 for near in (*voice.like_answer, *voice.like_other))
    assert len(facts.nearest) == 2
    (kept,) = (run / "reasons").glob("features-*.npy")
    before = kept.stat().st_mtime_ns
    again = Explainer(run, overrides=FOUR, with_places=True, device="cpu").explain(instance_id, num_neighbours=2)
    assert again == reasons and kept.stat().st_mtime_ns == before
    assert json.loads(json.dumps(export_reasons(reasons)))["instance"] == instance_id
    write_reasons_page(tmp_path / "why.html", reasons, explainer)
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert "data:image/jpeg" in page and "data:image/svg+xml" in page and reasons.answer[1] in page


def test_a_labelled_clip_is_its_own_nearest_neighbour(tiny, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny.recogniser, run)
    instance_id = get_ids(tiny)[0]  # of the first record, which is for training
    reasons = Explainer(run, device="cpu").explain(instance_id, num_neighbours=1)
    (near,) = reasons.recognisers[0].nearest
    assert near.similarity == pytest.approx(1, abs=1e-5) and near.class_id == reasons.label


def test_what_is_wrong_is_said_before_anything_is_computed(tiny, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny.recogniser, run)
    explainer = Explainer(run, device="cpu")
    right = get_ids(tiny)[0]
    with pytest.raises(AnnotationError, match=f"did you mean {right}"):
        explainer.explain(right[:-1] + "9")
    with pytest.raises(AnnotationError, match="clips, such as"):
        explainer.explain("nobody")
    with pytest.raises(ConfigError, match="did you mean"):
        explainer.explain(right, against="onne")
    assert not (run / "reasons").exists()
    with pytest.raises(ConfigError, match="no such run or bundle"):
        Explainer(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="which has one recogniser"):
        Explainer(run, number=2)


def test_without_the_training_data_there_are_no_neighbours_and_a_note(tiny, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny.recogniser, run)
    recipe = (run / "recipe.toml").read_text(encoding="utf-8")
    (run / "recipe.toml").write_text(recipe.replace(str(tiny.dataset), str(tmp_path / "gone")), encoding="utf-8")
    reasons = Explainer(run, dataset=tiny.dataset, device="cpu").explain(get_ids(tiny)[0])
    assert reasons.recognisers[0].nearest == () and "no labelled clips to compare with" in reasons.notes[0]


def test_of_a_bundle_those_are_asked_who_decide(joint):
    explainer = Explainer(joint.bundle, dataset=joint.dataset, device="cpu")
    first, second, sets = explainer.asked
    for instance_id in get_ids(joint)[:3]:
        reasons = explainer.explain(instance_id, num_neighbours=0)
        by_kind = {one.kind: one for one in reasons.decisions}
        # Who tells sets tells events, and so do those of elements, who know all those sets: together as one.
        assert [voice.recogniser for voice in by_kind["event"].voices] == [0, 1, 2]
        said = [voice.probability for voice in by_kind["event"].voices]
        assert by_kind["event"].probability == pytest.approx((np.mean(said[:2]) + said[2]) / 2, abs=1e-5)
        own = by_kind["class"]
        assert [voice.recogniser for voice in own.voices] == [0, 1]
        assert all(not one.silence for one in reasons.recognisers)
        # The second road: the mean of what that of sets and those of elements say; one known element a set.
        looks = {each: each.look(instance_id).probabilities for each in (first, second, sets)}
        set_id = next(
            one for one in read_dataset(joint.dataset).codebook.elements if one.id == reasons.answer[0]
        ).set_id
        own = np.mean([looks[each][each.recogniser.class_ids.index(reasons.answer[0])] for each in (first, second)])
        share = (looks[sets][sets.recogniser.class_ids.index(set_id)] + own) / 2
        assert reasons.ranked[0][2] == pytest.approx(float(share), abs=1e-5)
        assert str(joint.bundle) in format_reasons(reasons)


def test_one_of_a_bundle_can_be_asked_alone(joint):
    instance_id = get_ids(joint)[0]
    for number in (1, 2, 3):
        explainer = Explainer(joint.bundle, dataset=joint.dataset, number=number, device="cpu")
        reasons = explainer.explain(instance_id, num_neighbours=0)
        (facts,) = reasons.recognisers
        assert facts.number == number and facts.level == ("set" if number == 3 else "element")
        assert np.prod([one.probability for one in reasons.decisions]) == pytest.approx(reasons.ranked[0][2])
    with pytest.raises(ConfigError, match="has 3 recognisers"):
        Explainer(joint.bundle, dataset=joint.dataset, number=4)


def test_rather_than_another_those_are_asked_who_know_both(joint):
    explainer = Explainer(joint.bundle, dataset=joint.dataset, device="cpu")
    instance_id = get_ids(joint)[0]
    answer = explainer.explain(instance_id, num_neighbours=0).answer[0]
    other = next(id_ for id_ in ("one", "two", "three") if id_ != answer)
    *_, pair = explainer.explain(instance_id, against=other, num_neighbours=0).decisions
    assert pair.kind == "pair" and [voice.recogniser for voice in pair.voices] == [0, 1] and 0 < pair.probability < 1
    with pytest.raises(ConfigError, match="knows both"):
        explainer.explain(instance_id, against="VT-S1", num_neighbours=0)
    with pytest.raises(ConfigError, match="no recogniser knows it"):
        explainer.explain(instance_id, against="four", num_neighbours=0)


def test_a_bundle_explains_on_the_command_line(joint, tmp_path):
    words = ["explain", "clip", str(joint.bundle), get_ids(joint)[0], "--dataset", str(joint.dataset)]
    words += ["--device", "cpu", "--neighbours", "0"]
    plain = CliRunner().invoke(app, [*words, "--json"])
    assert plain.exit_code == 0, plain.output
    assert {one["number"] for one in json.loads(plain.stdout)["recognisers"]} == {1, 2, 3}
    text = CliRunner().invoke(app, [*words, "--page", str(tmp_path / "why.html")])
    assert text.exit_code == 0, text.output
    assert "all together" in text.stdout and "runs of a model" in text.stderr and (tmp_path / "why.html").is_file()


def test_a_parse_says_why(joint, tmp_path):
    folder = parse_last(joint, tmp_path)
    before = (folder / "parse.html").read_text(encoding="utf-8")
    words = ["explain", "parse", str(folder), "--bundle", str(joint.bundle), "--neighbours", "1", "--device", "cpu"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    reasons = json.loads((folder / "reasons.json").read_text(encoding="utf-8"))["reasons"]
    parse = read_parse(folder / "parse.json")
    subs = [sub for action in parse.actions for sub in action.sub_actions]
    page = (folder / "parse.html").read_text(encoding="utf-8")
    assert len(subs) == len(reasons) > 0
    assert page.count("<summary>Why</summary>") == len(subs) and "Why" not in before
    for one in reasons:
        sub = find_sub_action(parse, one["instance"])
        assert one["ranked"][0]["probability"] == pytest.approx(sub.candidates[0].probability)
        event = next(each for each in one["decisions"] if each["kind"] == "event")
        assert event["probability"] in [pytest.approx(value, abs=1e-6) for value in sub.events.values()]
    one = reasons[0]["instance"]
    words = ["explain", "clip", str(joint.bundle), one, "--dataset", str(folder), "--device", "cpu", "--json"]
    alone = json.loads(CliRunner().invoke(app, [*words, "--neighbours", "1"]).stdout)
    assert alone["decisions"] == reasons[0]["decisions"]
    wrong = CliRunner().invoke(app, [*words[:3], "nobody", *words[4:]])
    assert isinstance(wrong.exception, AnnotationError) and "no such sub-action" in str(wrong.exception)


def test_a_parse_of_another_bundle_other_rules_or_another_recording_is_refused(joint, tiny, tmp_path):
    folder = parse_last(joint, tmp_path)
    with pytest.raises(ConfigError, match="another bundle"):
        explain_parse(folder, tiny.bundle)
    rules = read_code_text("fig-women-2017").replace("A: 0.1", "A: 0.15")  # of the same name
    (tmp_path / "mine.yaml").write_text(rules, encoding="utf-8")
    with pytest.raises(ConfigError, match="other rules"):
        explain_parse(folder, joint.bundle, code=str(tmp_path / "mine.yaml"))
    (tmp_path / "other.mp4").write_bytes(b"another one")
    parse = read_parse(folder / "parse.json").model_copy(update={"video": str(tmp_path / "other.mp4")})
    write_parse(folder / "parse.json", parse)
    with pytest.raises(VideoError, match="another recording"):
        explain_parse(folder, joint.bundle)
