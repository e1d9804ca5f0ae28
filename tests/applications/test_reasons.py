"""Reasons: made clips in which one frame carries the answer, neighbours by brute force, paths that multiply."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset
from finegym.applications.neighbours import FeatureReader, find_neighbours
from finegym.applications.parse.interpreting import Thresholds
from finegym.applications.parse.run import ParseSettings, parse_videos
from finegym.applications.reasons import Explainer
from finegym.applications.reasons_opening import find_frames
from finegym.applications.reasons_output import export_reasons, write_reasons_page
from finegym.applications.reasons_parse import explain_parse
from finegym.applications.reasons_questions import describe_parting, format_parting, list_questions
from finegym.applications.saliency import METHODS, compute_frame_saliency
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.codebook.tree import get_path
from finegym.datasets.clip_views import RgbClipView, Stretch
from finegym.datasets.clips import MemoryClips
from finegym.datasets.skeletons import MemoryPoses
from finegym.datasets.transforms import Crops
from finegym.datasets.views import PoseView, RgbDifferenceView, RgbView
from finegym.errors import AnnotationError, CodebookError, ConfigError, FineGymError
from finegym.features.pose.poses import Poses
from finegym.models.backbones import Normalisation
from finegym.models.stgcn import STGCN
from finegym.models.trn import TRNms
from finegym.models.tsn import TSN

WOMEN = read_builtin("artistic-women")
NORMALISATION = Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


class Colours(nn.Module):
    """A backbone whose features are the mean of each colour."""

    feature_size = 3
    normalisation = NORMALISATION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(2, 3))


def make_tsn():
    """Two classes: red, and anything else."""
    model = TSN(Colours(), 2)
    with torch.no_grad():
        model.classifier.weight.copy_(torch.tensor([[4.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    return model.eval()


def make_clip(num_frames=12, red=7):
    """Grey noise, and one frame that is red."""
    rng = np.random.default_rng(0)
    clip = rng.integers(90, 140, (num_frames, 16, 16, 3), dtype=np.uint8)
    clip[red, ..., 0], clip[red, ..., 1:] = 250, 20
    return clip


def score_red(model):
    return lambda inputs: (logits := model(inputs))[:, :1] - logits[:, 1:]


# Which frames decided.


@pytest.mark.parametrize("method", METHODS)
def test_the_one_red_frame_decided(method):
    model, clip = make_tsn(), make_clip()
    view = RgbView(MemoryClips({"clip": clip}), 12, 12, Crops(16, 16, (1.0,)), NORMALISATION.mean, NORMALISATION.std)
    inputs = view.normalise(view.look("clip").inputs)
    (saliency,) = compute_frame_saliency(score_red(model), inputs, time_axis=1, method=method)
    assert saliency.argmax() == 7
    assert saliency[7] > 5 * np.abs(np.delete(saliency, 7)).max()
    assert find_frames(view, "clip").tolist() == [[frame] for frame in range(12)]


def test_occlusion_is_what_is_lost_without_the_frame():
    torch.manual_seed(0)
    inputs = torch.randn(1, 5, 4)
    weights = torch.randn(5, 4, 2)

    def score(x):
        return torch.tanh(torch.einsum("btc,tcq->bq", x, weights))

    found = compute_frame_saliency(score, inputs, time_axis=1)
    mean = inputs.mean(dim=1)
    for frame in range(5):
        without = inputs.clone()
        without[:, frame] = mean
        assert found[:, frame] == pytest.approx((score(inputs) - score(without))[0].numpy(), abs=1e-6)


def test_integrated_gradients_add_up_to_what_the_clip_scores_above_its_mean():
    torch.manual_seed(1)
    inputs, weights = torch.randn(1, 6, 3), torch.randn(6, 3, 2)

    def score(x):
        return torch.tanh(0.5 * torch.einsum("btc,tcq->bq", x, weights))

    found = compute_frame_saliency(score, inputs, time_axis=1, method="integrated-gradients")
    wanted = score(inputs) - score(inputs.mean(dim=1, keepdim=True).expand_as(inputs))
    assert found.sum(axis=1) == pytest.approx(wanted[0].numpy(), abs=1e-3)


def test_time_may_be_another_axis():
    inputs = torch.zeros(1, 3, 8, 17, 1)  # B, C, T, V, M: a skeleton that moves in one frame
    inputs[:, 0, 5] = 1.0
    (saliency,) = compute_frame_saliency(lambda x: x[:, 0].square().sum(dim=(1, 2, 3))[:, None], inputs, time_axis=2)
    assert saliency.shape == (8,) and saliency.argmax() == 5


def test_one_frame_alone_cannot_be_compared():
    with pytest.raises(ConfigError, match="one frame only"):
        compute_frame_saliency(lambda x: x.sum(dim=(1, 2))[:, None], torch.ones(1, 1, 3), time_axis=1)


def test_a_still_clip_is_decided_by_no_frame():
    saliency = compute_frame_saliency(lambda x: x.sum(dim=2), torch.ones(1, 4, 3), time_axis=1)
    assert np.abs(saliency).max() == 0


def test_frames_of_every_view_are_those_that_it_reads():
    """Frames are told apart by their brightness."""
    clip = np.repeat(np.arange(0, 200, 10, dtype=np.uint8), 16 * 16 * 3).reshape(20, 16, 16, 3)
    source, crops = MemoryClips({"clip": clip}), Crops(16, 16, (1.0,))
    views = (
        RgbView(source, 4, 6, crops, NORMALISATION.mean, NORMALISATION.std),
        RgbDifferenceView(source, 3, 3, crops, NORMALISATION.mean, NORMALISATION.std, 2),
        RgbClipView(source, Stretch(5, 3), crops, NORMALISATION.mean, NORMALISATION.std),
    )
    for view in views:
        seen = view.look("clip").inputs[0]  # (T, L*3, S, S)
        brightness = seen.unflatten(1, (-1, 3))[:, :, 0, 0, 0].numpy()  # (T, L)
        assert (find_frames(view, "clip") * 10).tolist() == brightness.tolist()
    keypoints = np.zeros((1, 20, 17, 2), np.float32)
    keypoints[..., 0] = np.arange(20)[:, None]
    scores, boxes, status = (
        np.ones((1, 20, 17), np.float32),
        np.zeros((1, 20, 4), np.float32),
        np.ones((1, 20), np.uint8),
    )
    poses = MemoryPoses({"clip": Poses(keypoints, scores, boxes, status, width=40, height=40)})
    view = PoseView(poses, clip_len=7)
    x = view.look("clip").inputs[0, 0, :, 0, 0].numpy()  # from -1 to 1 across the frame
    assert find_frames(view, "clip")[:, 0] == pytest.approx((x + 1) * 20, abs=1e-3)


# Questions.


@pytest.mark.parametrize("seed", range(4))
def test_probabilities_of_the_decisions_multiply_to_the_answer(seed):
    rng = np.random.default_rng(seed)
    elements = [one for one in WOMEN.elements if rng.random() < 0.4 and one.set_id in WOMEN.tree_by_set_id]
    ids, names = [one.id for one in elements], [one.name for one in elements]
    logits = rng.normal(size=len(ids)) * 3
    probabilities = np.exp(logits) / np.exp(logits).sum()
    for chosen in rng.integers(0, len(ids), 5).tolist():
        questions = list_questions(chosen, ids, names, WOMEN)
        assert questions[0].kind == "set"
        path = get_path(WOMEN.tree_by_set_id[elements[chosen].set_id], ids[chosen])
        assert [(one.query_id, one.answer) for one in questions[1:]] == [(s.query_id, s.answer) for s in path]
        product = math.prod(one.compute_probability(logits) for one in questions)
        assert product == pytest.approx(probabilities[chosen])
        for one in questions:
            assert chosen in one.in_favour and not set(one.in_favour) & set(one.against)


def test_without_a_tree_it_is_this_class_or_another():
    (question,) = list_questions(1, ["a", "b", "c"], ["A", "B", "C"], None)
    assert (question.kind, question.in_favour, question.against) == ("class", (1,), (0, 2))
    assert question.compute_probability(np.log([0.2, 0.5, 0.3])) == pytest.approx(0.5)


def test_against_another_element_it_is_the_query_where_they_part():
    ids = ["fx-turn-1", "fx-turn-2", "fx-split-leap"]
    *_, pair = list_questions(0, ids, ids, WOMEN, against="fx-turn-2")
    assert (pair.kind, pair.in_favour, pair.against) == ("pair", (0,), (1,))
    parting = describe_parting(WOMEN, "fx-turn-1", "fx-turn-2")
    assert (pair.query_id, pair.answer) == (parting.query_id, parting.answer)
    assert parting.attributes == (("turns", 1.0, 2.0),)
    assert "no for the first, yes for the second" in format_parting(parting)
    with pytest.raises(ConfigError, match="does not know it"):
        list_questions(0, ids, ids, WOMEN, against="fx-turn-22")
    with pytest.raises(ConfigError, match="what the model says"):
        list_questions(0, ids, ids, WOMEN, against="fx-turn-1")


def test_elements_of_two_sets_part_at_no_query():
    parting = describe_parting(WOMEN, "fx-turn-1", "fx-split-leap")
    assert parting.query_id is None and "two sets" in format_parting(parting)
    with pytest.raises(CodebookError, match="did you mean"):
        describe_parting(WOMEN, "fx-turn-1", "fx-turn-11")
    with pytest.raises(CodebookError, match="same element"):
        describe_parting(WOMEN, "fx-turn-1", "fx-turn-1")


# Neighbours.


@pytest.mark.parametrize("rows", [None, [3, 5, 8, 13, 21]])
def test_neighbours_are_those_of_brute_force(rows):
    rng = np.random.default_rng(2)
    labelled, one = rng.normal(size=(30, 6)), rng.normal(size=6)
    labelled[21] = 0
    cosines = []
    for row in range(30) if rows is None else rows:
        length = math.sqrt(sum(x * x for x in labelled[row])) * math.sqrt(sum(x * x for x in one))
        cosines.append((row, sum(a * b for a, b in zip(labelled[row], one, strict=True)) / length if length else 0.0))
    wanted = sorted(cosines, key=lambda pair: -pair[1])[:4]
    found = find_neighbours(one, labelled, 4, rows)
    assert [row for row, _ in found] == [row for row, _ in wanted]
    assert [similarity for _, similarity in found] == pytest.approx([similarity for _, similarity in wanted])
    assert find_neighbours(one, labelled, 4, []) == []


def test_features_are_what_the_class_layer_is_given():
    torch.manual_seed(0)
    model, inputs = TSN(Colours(), 5).eval(), torch.rand(2, 4, 3, 8, 8)
    features = FeatureReader(model, model).read(inputs)
    assert features == pytest.approx(inputs.mean(dim=(1, 3, 4)).numpy(), abs=1e-6)
    logits = features @ model.classifier.weight.T.detach().numpy() + model.classifier.bias.detach().numpy()
    assert logits == pytest.approx(model(inputs).detach().numpy(), abs=1e-5)
    relations = TRNms(Colours(), 5, 3, frame_feature_size=6, hidden_size=4).eval()
    assert FeatureReader(relations, relations).read(inputs[:, :3]).shape == (2, 2 * 4)  # scales of 2 and 3 frames
    skeletons = STGCN(5, widths=(8,) * 10).eval()
    assert FeatureReader(skeletons, skeletons).read(torch.rand(2, 3, 8, 17, 1)).shape == (2, 8)


# The whole path, on a recogniser that was trained for seconds.


def get_ids(tiny):
    return [id_ for id_, one in read_dataset(tiny.dataset).instances.items() if one.sub_action.element_id]


def test_a_run_explains_a_clip(tiny, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny.recogniser, run)
    explainer = Explainer(run, overrides=["data.num_segments_test=4"], device="cpu")
    instance_id = get_ids(tiny)[-1]  # of the last record, which is for validation
    reasons = explainer.explain(instance_id, num_neighbours=2)
    assert reasons.label == read_dataset(tiny.dataset).instances[instance_id].sub_action.element_id
    assert sum(probability for _, _, probability in reasons.ranked) == pytest.approx(1)  # of three classes
    assert len(reasons.frames) == 4 and not reasons.notes
    for one in reasons.questions:
        assert len(one.saliency) == (4 if one.question.against else 0)
        kinds = {explainer.recogniser.class_ids[k] for k in one.question.in_favour}
        assert {near.class_id for near in one.like_answer} <= kinds
        assert all(-1 <= near.similarity <= 1 + 1e-9 for near in (*one.like_answer, *one.like_other))
    assert len(reasons.nearest) == 2
    (kept,) = (run / "reasons").glob("features-*.npy")
    before = kept.stat().st_mtime_ns
    again = Explainer(run, overrides=["data.num_segments_test=4"], device="cpu").explain(instance_id, num_neighbours=2)
    assert again == reasons and kept.stat().st_mtime_ns == before
    assert json.loads(json.dumps(export_reasons(reasons)))["instance"] == instance_id
    write_reasons_page(tmp_path / "why.html", reasons, explainer)
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert "data:image/jpeg" in page and reasons.ranked[0][1] in page


def test_a_labelled_clip_is_its_own_nearest_neighbour(tiny, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny.recogniser, run)
    instance_id = get_ids(tiny)[0]  # of the first record, which is for training
    reasons = Explainer(run, device="cpu").explain(instance_id, num_neighbours=1)
    assert reasons.nearest[0].similarity == pytest.approx(1, abs=1e-5)
    assert reasons.nearest[0].class_id == reasons.label


def test_a_bundle_explains_without_its_training_data(tiny, tmp_path):
    elsewhere = tmp_path / "clips"
    shutil.copytree(tiny.dataset, elsewhere)
    shutil.rmtree(elsewhere / "splits")
    words = ["explain", "clip", str(tiny.bundle), get_ids(tiny)[0], "--dataset", str(elsewhere), "--device", "cpu"]
    plain = CliRunner().invoke(app, [*words, "--neighbours", "0", "--json"])
    assert plain.exit_code == 0, plain.output
    reasons = json.loads(plain.stdout)
    assert reasons["nearest"] == [] and reasons["questions"][0]["kind"] == "set"
    text = CliRunner().invoke(app, [*words, "--neighbours", "0", "--page", str(tmp_path / "why.html")])
    assert text.exit_code == 0, text.output
    assert "likeliest" in text.stdout and (tmp_path / "why.html").is_file()
    gone = CliRunner().invoke(app, [*words, "--recogniser", "2"])
    assert isinstance(gone.exception, ConfigError) and "has 1 recognisers" in str(gone.exception)


def test_what_is_missing_is_said(tiny, tmp_path):
    with pytest.raises(AnnotationError, match="not annotated"):
        Explainer(tiny.recogniser, with_neighbours=False, device="cpu").explain("nobody")
    run = tmp_path / "run"
    shutil.copytree(tiny.recogniser, run)
    recipe = (run / "recipe.toml").read_text(encoding="utf-8")
    (run / "recipe.toml").write_text(recipe.replace(str(tiny.dataset), str(tmp_path / "gone")), encoding="utf-8")
    explainer = Explainer(run, dataset=tiny.dataset, device="cpu")
    reasons = explainer.explain(get_ids(tiny)[0])
    assert reasons.nearest == () and "no labelled clips to compare with" in reasons.notes[0]


def test_where_two_elements_part_on_the_command_line():
    result = CliRunner().invoke(app, ["explain", "pair", "fx-turn-1", "fx-turn-2", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["answer"] is False
    assert "They part at" in CliRunner().invoke(app, ["explain", "pair", "fx-turn-1", "fx-turn-2"]).stdout


def test_a_parse_says_why(tiny, tmp_path):
    (video,) = [one for one in read_dataset(tiny.dataset).videos if one.id == "rec3"]
    settings = ParseSettings(Thresholds(0.02, 0.0, 0.5, 0.05), device="cpu")
    parse_videos([tiny.dataset / video.path], tiny.bundle, tmp_path, settings)
    folder = tmp_path / video.id
    before = (folder / "parse.html").read_text(encoding="utf-8")
    words = ["explain", "parse", str(folder), "--bundle", str(tiny.bundle), "--neighbours", "1", "--device", "cpu"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    reasons = json.loads((folder / "reasons.json").read_text(encoding="utf-8"))
    assert {one["instance"] for one in reasons["reasons"]} == set(read_dataset(folder).instances)
    page = (folder / "parse.html").read_text(encoding="utf-8")
    num_subs = len(reasons["reasons"])
    assert num_subs > 0 and page.count("<summary>Why</summary>") == num_subs and "Why" not in before
    assert page.count("Nearest:") == num_subs  # the tiny dataset has sets, but no trees: one decision each
    shutil.copy(tiny.bundle, tmp_path / "other.finegym")
    with (tmp_path / "other.finegym").open("ab") as file:
        file.write(b"\0" * 8)
    with pytest.raises(FineGymError):
        explain_parse(folder, tmp_path / "other.finegym")
