"""Finding by attributes: conditions, marginals and bounds by hand and by brute force, in all three kinds of source."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.source import open_source
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import make_subset
from finegym.applications.attributes import (
    Belief,
    Candidate,
    bound_probability,
    build_table,
    compute_marginals,
    find_sub_actions,
    make_sought,
)
from finegym.applications.attributes_query import find_elements, format_value, parse_condition
from finegym.applications.attributes_sources import make_belief, read_candidates
from finegym.applications.parse.files import PARSE_FILE, Parse, ParsedAction, ParsedSubAction, write_parse
from finegym.applications.parse.files import Candidate as ParsedCandidate
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Node, Query, Set
from finegym.codebook.yaml_format import write_codebook
from finegym.errors import ConfigError, FineGymError, PredictionError
from finegym.evaluation.predictions import write_predictions

WOMEN = read_builtin("artistic-women")
TOY = Codebook(
    "toy",
    "1",
    "toy",
    (Event("FX", "floor exercise"),),
    (
        Set("FX-S1", "FX", "saltos", attributes={"kind": "salto"}),
        Set("FX-S2", "FX", "turns", attributes={"kind": "turn"}),
    ),
    (
        Element("tuck", "FX-S1", "salto tucked", difficulty_value=0.2),
        Element("tuck-2", "FX-S1", "salto tucked, two twists", difficulty_value=0.4),
        Element("pike", "FX-S1", "salto piked", given_attributes={"counter": True}),
        Element("spin", "FX-S2", "spin"),
    ),
    (
        Query("piked", "Are the knees straight?", yes={"body": "piked"}, no={"body": "tucked"}),
        Query("twists", "Are there two twists?", yes={"twist": 2.0}, no={"twist": 0.0}),
    ),
    (
        DecisionTree("FX-S1", Node("piked", Leaf("pike"), Node("twists", Leaf("tuck-2"), Leaf("tuck")))),
        DecisionTree("FX-S2", Leaf("spin")),
    ),
)


def find(*texts, codebook=TOY):
    return set(find_elements([parse_condition(text) for text in texts], codebook))


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["kind=salto"], {"tuck", "tuck-2", "pike"}),
        (["twist>=2"], {"tuck-2"}),
        (["twist<2"], {"tuck"}),  # a pike says nothing of twists
        (["twist!=2"], {"tuck"}),
        (["twist"], {"tuck", "tuck-2"}),
        (["body=tucked,piked", "twist = 0.0"], {"tuck"}),
        (["kind!=salto,turn"], set()),
        (["counter=yes"], {"pike"}),
        (["counter=TRUE"], {"pike"}),
        (["event=Floor Exercise", "set=FX-S2"], {"spin"}),
        (["set=saltos", "name~TWO"], {"tuck-2"}),
        (["difficulty>0.2"], {"tuck-2"}),
        (["element!=spin", "kind=turn"], set()),
        ([], {"tuck", "tuck-2", "pike", "spin"}),
    ],
)
def test_conditions_mean_what_they_say(texts, wanted):
    assert find(*texts) == wanted


def test_all_saltos_with_two_twists_or_more_of_the_real_codebook():
    wanted = set()
    for element in WOMEN.elements:
        attributes = WOMEN.attributes_by_element_id[element.id]
        if attributes.get("kind") == "salto" and attributes.get("twist", 0) >= 2:
            wanted.add(element.id)
    assert len(wanted) > 3
    assert find("kind=salto", "twist>=2", codebook=WOMEN) == wanted


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("twists>=2", 'did you mean "twist"'),
        ("kind=salt", 'did you mean "salto"'),
        ("twist=7", "values of twist are 0, 2"),
        ("body>=2", "body is no number"),
        ("twist>=two", "one number"),
        ("twist>=1,2", "one number"),
        ("=salto", "no condition"),
        ("kind=", "no condition"),
        ("body=tucked,,piked", "a value is empty"),
    ],
)
def test_slips_of_the_pen_are_refused(text, fact):
    with pytest.raises(ConfigError, match=fact):
        find(text)


def test_a_codebook_without_attributes_says_so():
    bare = Codebook(
        "bare", "1", "toy", TOY.events, (Set("FX-S1", "FX", "saltos"),), (Element("a", "FX-S1", "a"),), (), ()
    )
    with pytest.raises(ConfigError, match="its attributes are none; event, set"):
        find("kind=salto", codebook=bare)


def test_marginals_by_hand():
    belief = Belief({"tuck": 0.5, "tuck-2": 0.2, "spin": 0.05}, {"FX-S1": 0.15})
    assert compute_marginals(belief, TOY) == {
        "kind": pytest.approx({"salto": 0.85, "turn": 0.05}),  # the set alone is enough
        "body": pytest.approx({"tucked": 0.7}),
        "twist": pytest.approx({"0": 0.5, "2": 0.2}),
    }


def test_bounds_by_hand():
    belief = Belief({"tuck": 0.5, "tuck-2": 0.2}, {"FX-S1": 0.15, "FX-S2": 0.05})  # of 0.1 nothing is known
    assert bound_probability(belief, make_sought({"tuck-2"}, TOY)) == pytest.approx((0.2, 0.2 + 0.15 + 0.1))
    assert bound_probability(belief, make_sought({"tuck", "tuck-2", "pike"}, TOY)) == pytest.approx((0.85, 0.95))
    assert bound_probability(belief, make_sought({"spin"}, TOY)) == pytest.approx((0.05, 0.15))
    assert bound_probability(belief, make_sought(set(), TOY)) == (0.0, 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_the_bounds_hold_whatever_the_unknown_elements_are(seed):
    rng = np.random.default_rng(seed)
    ids = [element.id for element in WOMEN.elements]
    full = dict(zip(ids, rng.dirichlet(np.full(len(ids), 0.05)).tolist(), strict=True))
    listed = dict(sorted(full.items(), key=lambda pair: -pair[1])[:5])
    sets = {}
    for id_, probability in full.items():
        if id_ not in listed:
            set_id = WOMEN.element_by_id[id_].set_id
            sets[set_id] = sets.get(set_id, 0.0) + probability
    kept = dict(sorted(sets.items(), key=lambda pair: -pair[1])[:3])
    for texts in (["kind=salto"], ["twist>=1"], ["body=tucked", "direction=backward"], ["event=BB"]):
        sought = make_sought(find(*texts, codebook=WOMEN), WOMEN)
        truth = sum(probability for id_, probability in full.items() if id_ in sought.elements)
        at_least, at_most = bound_probability(Belief(listed, kept), sought)
        assert at_least - 1e-12 <= truth <= at_most + 1e-12


def test_the_table_gives_the_same_marginals():
    rng = np.random.default_rng(0)
    ids = [element.id for element in WOMEN.elements]
    table = build_table(ids, WOMEN)
    row = rng.dirichlet(np.full(len(ids), 0.2))
    one_by_one = compute_marginals(Belief(dict(zip(ids, row.tolist(), strict=True)), {}), WOMEN)
    at_once = row @ table.has
    for (name, value), probability in zip(table.pairs, at_once, strict=True):
        assert one_by_one[name][format_value(value)] == pytest.approx(probability)


def test_hits_come_likeliest_first_and_the_rest_is_counted():
    beliefs = {
        "b": Belief({"tuck-2": 0.9}, {}),
        "a": Belief({"tuck": 0.1, "tuck-2": 0.9}, {}),
        "low": Belief({"tuck": 0.7, "tuck-2": 0.3}, {}),
        "open": Belief({}, {"FX-S1": 0.8, "FX-S2": 0.2}),
        "not": Belief({"spin": 1.0}, {}),
    }
    candidates = [Candidate(name, name, 0, 10, belief) for name, belief in beliefs.items()]
    found = find_sub_actions(candidates, make_sought({"tuck-2"}, TOY))
    assert [hit.candidate.id for hit in found.hits] == ["a", "b"]
    assert [hit.at_most for hit in found.hits] == pytest.approx([0.9, 1.0])
    assert (found.num_searched, found.num_below, found.num_unknown) == (5, 2, 1)
    everything = find_sub_actions(candidates, make_sought({"tuck-2"}, TOY), min_probability=0)
    assert [hit.candidate.id for hit in everything.hits] == ["a", "b", "low"]  # never one of probability 0


# Sources and the command line.


def make_folder(folder):
    """Three sub-actions of which one has an element, one a set, one nothing; and a split of all elements."""
    subs = (
        SubAction("A_0001_0002", ((1000, 2000),), "tuck-2", "FX-S1"),
        SubAction("A_0003_0004", ((3000, 4000),), None, "FX-S1"),
        SubAction("A_0005_0006", ((5000, 6000),)),
    )
    dataset = Dataset(TOY, (Video("rec", (Action("E_000000_000010", "FX", 0, 10_000, subs),)),))
    write_dataset(dataset, folder)
    subset = make_subset("all", "element", [element.id for element in TOY.elements], TOY)
    write_split(Split("all", subset, {}, {"rec_E_000000_000010_A_0001_0002": 1}), folder / "splits" / "all")
    return folder


def run(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result


def test_annotations_are_searched(tmp_path):
    folder = make_folder(tmp_path / "set")
    result = run("attributes", "find", folder, "--where", "kind=salto", "--json")
    found = json.loads(result.stdout)
    assert [(row["instance"][-11:], row["probability"]) for row in found["found"]] == [
        ("A_0001_0002", 1.0),
        ("A_0003_0004", 1.0),
    ]
    assert "found 2 of 3" in result.stderr
    run("attributes", "find", folder, "--where", "twist>=2", "--csv", tmp_path / "found.csv")
    rows = list(csv.DictReader((tmp_path / "found.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["element"], row["start_ms"], row["attributes"]) for row in rows] == [
        ("tuck-2", "1000", "kind=salto; body=tucked; twist=2")
    ]
    assert "100 %" in run("attributes", "find", folder, "--where", "twist>=2").stdout


def test_predictions_are_searched(tmp_path):
    folder, path = make_folder(tmp_path / "set"), tmp_path / "val.parquet"
    probabilities = np.array([[0.2, 0.7, 0.05, 0.05]])
    write_predictions(
        path, ["rec_E_000000_000010_A_0001_0002"], np.log(probabilities), {"subset": "all", "split": "all/val"}
    )
    words = (path, "--dataset", folder, "--split", "all")
    found = json.loads(run("attributes", "find", *words, "--where", "body=tucked", "--json").stdout)["found"]
    assert found[0]["probability"] == pytest.approx(0.9, abs=1e-5)
    assert found[0]["element"] == "tuck-2" and found[0]["start_ms"] == 1000
    rows = json.loads(run("attributes", "predict", *words, "--json").stdout)
    assert {(row["attribute"], row["value"]): row["probability"] for row in rows}["twist", "2"] == pytest.approx(
        0.7, abs=1e-5
    )
    with pytest.raises(ConfigError, match="needs --dataset and --split"):
        read_candidates(path)
    with pytest.raises(ConfigError, match="are for prediction files"):
        read_candidates(folder, dataset=folder, split="all")
    write_predictions(path, ["x"], np.zeros((1, 3)), {"subset": "all", "split": "all/val"})
    with pytest.raises(PredictionError, match="3 logits a row"):
        read_candidates(path, dataset=folder, split="all")


def make_parsed_sub(**changes):
    candidates = (
        ParsedCandidate(element_id="tuck", name="salto tucked", set_id="FX-S1", probability=0.4, path=()),
        ParsedCandidate(element_id="tuck-2", name="two twists", set_id="FX-S1", probability=0.3, path=()),
    )
    facts = {
        "name": "A_0001_0002",
        "start_ms": 1000,
        "end_ms": 2000,
        "score": 0.9,
        "element_id": None,
        "set_id": "FX-S1",
        "events": {"FX": 1.0},
        "own_events": {"FX": 1.0},
        "sets": {"FX-S1": 0.9, "FX-S2": 0.1},
        "candidates": candidates,
        "attributes": {},
        "familiarity": None,
        "is_strange": False,
        "strange_rate": None,
        "unsure": ("element: the likeliest has 40 %",),
    }
    return ParsedSubAction(**{**facts, **changes})


def test_parses_are_searched(tmp_path):
    assert make_belief(make_parsed_sub()).sets == pytest.approx({"FX-S1": 0.2, "FX-S2": 0.1})
    action = ParsedAction(
        name="E_000000_000010",
        kind="routine",
        evidence=(),
        replay_of=None,
        event_id="FX",
        localized_event_id="FX",
        events={"FX": 1.0},
        start_ms=0,
        end_ms=10_000,
        score=0.9,
        sub_actions=(make_parsed_sub(),),
        unsure=(),
        points=None,
        points_of_likeliest=None,
    )
    parse = Parse(
        record_id="rec",
        video="rec.mp4",
        video_fingerprint="0",
        duration_ms=10_000,
        bundle="b",
        bundle_sha256="0",
        is_trained_on_simulation=True,
        code_of_points="none",
        is_simulated=True,
        warnings=(),
        settings={},
        actions=(action,),
        stretches=(),
        seconds={},
    )
    for name in ("one", "two"):
        write_parse(tmp_path / "parsed" / name / PARSE_FILE, parse)
        write_codebook(TOY, tmp_path / "parsed" / name / "codebook.yaml")
    result = run("attributes", "find", tmp_path / "parsed", "--where", "body=tucked", "--json")
    found = json.loads(result.stdout)["found"]
    assert [(row["probability"], row["at_most"], row["element"]) for row in found] == [(0.7, 0.9, "tuck")] * 2
    assert found[0]["doubts"] == ["element: the likeliest has 40 %"]
    text = run("attributes", "find", tmp_path / "parsed" / "one" / PARSE_FILE, "--where", "body=tucked").stdout
    assert "70 % to 90 %" in text and "unsure" in text
    write_codebook(WOMEN, tmp_path / "parsed" / "two" / "codebook.yaml")
    with pytest.raises(FineGymError, match="different codebooks"):
        read_candidates(tmp_path / "parsed")


def test_the_attributes_of_a_codebook_are_listed():
    rows = json.loads(run("attributes", "list", "artistic-women", "--json").stdout)
    counts = {(row["attribute"], row["value"]): row["num_elements"] for row in rows}
    wanted = sum(one.get("kind") == "salto" for one in WOMEN.attributes_by_element_id.values())
    assert counts["kind", "salto"] == wanted
    assert counts["counter", "yes"] == sum(
        one.get("counter") is True for one in WOMEN.attributes_by_element_id.values()
    )


def test_finegym_is_searched_by_name(shared, tmp_path):
    """FineGym's codebook says no attributes; names do."""
    for path in (shared / "finegym" / "official").iterdir():
        shutil.copy(path, tmp_path)
    annotations = shared / "finegym" / "annotations" / "finegym_annotation_info_v1.1.rebuilt.json.gz"
    shutil.copy(annotations, tmp_path / "finegym_annotation_info_v1.1.json.gz")
    candidates, codebook = read_candidates(tmp_path)
    sought = make_sought(find("event=FX", "name~double salto backward", codebook=codebook), codebook)
    found = find_sub_actions(candidates, sought)
    wanted = {
        instance.id
        for instance in open_source(tmp_path).dataset.instances.values()
        if instance.action.event_id == "FX"
        and instance.sub_action.element_id is not None
        and "double salto backward" in codebook.element_by_id[instance.sub_action.element_id].name
    }
    assert len(wanted) > 1000 and {hit.candidate.id for hit in found.hits} == wanted
    assert found.num_searched == 38_099
