"""The whole chain on a simulated competition, by five people of known skill: exam, agreement, consensus, release.

The competition is planned and annotated, and not drawn: nothing here looks at pixels.
"""

import json
import warnings
from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest

from finegym.annotations.folder import read_dataset
from finegym.annotations.model import Dataset
from finegym.codebook.builtin import read_builtin
from finegym.codebook.model import Leaf
from finegym.demo.quality import adjudicate, control_quality, release_dataset
from finegym.quality.agreement import measure_agreement
from finegym.quality.consensus import ConsensusSettings, make_consensus
from finegym.quality.exam_files import list_units
from finegym.quality.simulated import make_simulated_units
from finegym.quality.units import get_set_of_label
from finegym.release.manifest import hash_file
from finegym.release.verify import verify_release
from finegym.simulation.annotators import annotate_sub_actions
from finegym.simulation.competition import CompetitionSettings
from finegym.simulation.skills import FIVE_SKILLS
from finegym.simulation.undrawn import make_undrawn_competition

BY_SKILL = list(FIVE_SKILLS)


@pytest.fixture(scope="module")
def truth():
    settings = CompetitionSettings(num_videos=8, minutes=3.0, seed=0)
    return make_undrawn_competition(settings, read_builtin("artistic-women"))


@pytest.fixture(scope="module")
def chain(truth, tmp_path_factory):
    out = tmp_path_factory.mktemp("chain")
    return out, control_quality(truth, out, seed=0, say=lambda line: None)


@pytest.fixture(scope="module")
def season(truth):
    """The same competition four times over, under other names: enough to tell people of near skill apart."""
    return Dataset(truth.codebook, tuple(replace(v, id=f"{v.id}-{k}") for k in range(4) for v in truth.videos))


@pytest.fixture(scope="module")
def five(season):
    """Units of all five, as if nobody had been held back."""
    work = {name: annotate_sub_actions(season, skill, 50 + k) for k, (name, skill) in enumerate(FIVE_SKILLS.items())}
    return make_simulated_units(season, work, "sub-action")


def test_exams_fail_the_one_who_guesses_and_nobody_else(chain):
    _, outcome = chain
    assert [exam.annotator for exam in outcome.exams if not exam.is_qualified] == ["guesser"]
    tries = {exam.annotator: len(exam.tries) for exam in outcome.exams}
    assert tries["guesser"] == 3, "all tries used up"
    for exam in outcome.exams:
        assert all(not result.is_passed for result in exam.tries[:-1])


def test_agreement_ranks_annotators_by_skill(five):
    tables = measure_agreement(five).tables
    f1 = [tables["detection_annotators"].get(name, "0.5").cells["f1"].value for name in BY_SKILL]
    edges = [
        sum(tables["boundaries_annotators"].get(name, edge).cells["mae_ms"].value for edge in ("start", "end"))
        for name in BY_SKILL
    ]
    answers = [tables["queries_annotators"].get(name).cells["agreement"].value for name in BY_SKILL]
    assert f1 == sorted(f1, reverse=True)
    assert edges == sorted(edges)
    assert answers == sorted(answers, reverse=True)
    bias = tables["boundaries_annotators"].get("hasty", "start").cells["bias_ms"]
    assert bias.low > 0, "who starts late is seen to start late"


def test_trust_ranks_them_too_without_knowing_the_truth(five):
    trust = make_consensus(five).trust
    answers = [one.answers for one in trust]
    assert answers == sorted(answers, reverse=True)
    true = [1 - FIVE_SKILLS[name].query_error_rate for name in BY_SKILL]
    assert answers == pytest.approx(true, abs=0.04)


def test_consensus_is_better_than_the_best_of_them(chain):
    _, outcome = chain
    accuracy = {one.name: one for one in outcome.accuracy}
    people = [accuracy[name] for name in outcome.agreement.units.annotators]
    for method in ("consensus, majority", "consensus, Dawid and Skene"):
        consensus = accuracy[method]
        assert consensus.edge_mae_ms < min(one.edge_mae_ms for one in people)
        for part in ("found", "element"):
            assert consensus.grade.get_share(part).value > max(one.grade.get_share(part).value for one in people)
        assert consensus.grade.score.value > max(one.grade.score.value for one in people)
    done = accuracy["after adjudication"]
    assert done.grade.score.value >= accuracy["consensus, Dawid and Skene"].grade.score.value
    assert done.grade.score.value > 0.97


def group_slowly(units, item_id):
    """Units of one item that overlap by 0.3, joined pair by pair; a group has one unit of each annotator at most."""
    rows = [unit for name in units.annotators for unit in list_units(units, name).get(item_id, [])]
    pairs = []
    for one, other in combinations(rows, 2):
        shared = min(one.end_ms, other.end_ms) - max(one.start_ms, other.start_ms)
        whole = max(one.end_ms, other.end_ms) - min(one.start_ms, other.start_ms)
        if one.annotator != other.annotator and shared > 0 and shared / whole >= 0.3:
            pairs.append((shared / whole, one, other))
    groups = {id(unit): [unit] for unit in rows}
    for _, one, other in sorted(pairs, key=lambda pair: -pair[0]):
        mine, theirs = groups[id(one)], groups[id(other)]
        if mine is not theirs and not {u.annotator for u in mine} & {u.annotator for u in theirs}:
            mine += theirs
            for unit in theirs:
                groups[id(unit)] = mine
    return {id(group): group for group in groups.values()}.values()


def find_asked_slowly(units, paths):
    """Ids of the units of every group that majority leaves open, by the rules as they are written down."""
    asked = set()
    for item in units.items:
        for group in group_slowly(units, item.id):
            found = len(group) / len(units.annotators)
            if found <= 0.1:
                continue
            is_open = found < 0.9
            for edges in ([u.start_ms for u in group], [u.end_ms for u in group]):
                together = max(sum(first <= edge <= first + 200 for edge in edges) for first in edges)
                is_open |= together <= len(group) / 2
            if is_open or vote_slowly(units.codebook, group, paths) < 0.9:
                asked.add(frozenset(unit.id + unit.annotator for unit in group))
    return asked


def vote_slowly(codebook, group, paths):
    """How likely the likeliest leaf is: share of the votes for its set, times shares of the votes on its path."""
    sets = Counter(get_set_of_label(codebook, unit.label) for unit in group)
    top = max(sets.values())
    best = min((s for s in sets if sets[s] == top), key=[s.id for s in codebook.sets].index)
    voters = [dict(unit.answers) for unit in group if get_set_of_label(codebook, unit.label) == best]

    def share(query, answer):
        hands = [given[query] for given in voters if given.get(query) in ("yes", "no")]
        return hands.count(answer) / len(hands) if hands else 0.5

    def value(path):
        product = top / sum(sets.values())
        for query, answer in path:
            product *= share(query, answer)
        return product

    return max(value(path) for path in paths[best])


def list_paths(codebook):
    """Ways to every leaf of every tree, dead ends included, by set."""

    def walk(node, path):
        if isinstance(node, Leaf):
            return [path]
        return walk(node.yes, [*path, (node.query_id, "yes")]) + walk(node.no, [*path, (node.query_id, "no")])

    return {tree.set_id: walk(tree.root, []) for tree in codebook.trees}


def test_adjudication_is_asked_for_exactly_what_majority_leaves_open(five):
    units = five.select_annotators(BY_SKILL[:4])
    consensus = make_consensus(units, ConsensusSettings("majority"))
    asked = {
        frozenset(vote.unit_id + vote.annotator for vote in unit.votes if vote.unit_id is not None)
        for unit in consensus.list_open()
    }
    expected = find_asked_slowly(units, list_paths(units.codebook))
    assert asked == expected
    assert 20 < len(asked) < len(consensus.units)


def test_adjudication_is_asked_about_what_is_wrong_and_about_little_else(season, five):
    """By trust: of what is not asked about next to nothing is wrong; what is asked about is little, and often wrong."""
    units = five.select_annotators(BY_SKILL[:4])
    consensus = make_consensus(units)
    every = adjudicate(consensus, season, everything=True)
    wrong = {"asked": [], "not asked": []}
    for unit, ruled in zip(consensus.units, every.units, strict=True):
        is_there = unit.decision != "left out"
        off_ms = max(abs(unit.start_ms - ruled.start_ms), abs(unit.end_ms - ruled.end_ms))
        is_wrong = is_there != ruled.ruling.is_there or (is_there and (unit.label != ruled.label or off_ms > 200))
        wrong["asked" if unit in consensus.list_open() else "not asked"].append(is_wrong)
    assert sum(wrong["not asked"]) <= 0.01 * len(wrong["not asked"])
    assert len(wrong["asked"]) <= 0.1 * len(consensus.units)
    assert sum(wrong["asked"]) >= 0.1 * len(wrong["asked"])


def test_every_vote_is_kept(chain):
    out, outcome = chain
    content = json.loads((out / "consensus.json").read_text(encoding="utf-8"))
    votes = Counter(
        (vote["annotator"], vote["id"])
        for item in content["items"]
        for unit in item["units"]
        for vote in unit["votes"]
        if vote["found"]
    )
    units = outcome.agreement.units
    names = [units.annotators[k] for k in units.annotator_index.tolist()]
    assert votes == Counter(zip(names, units.unit_ids, strict=True))
    rulings = [unit["ruling"] for item in content["items"] for unit in item["units"] if unit["ruling"]]
    assert len(rulings) == len(outcome.consensus.list_open()) and all(one["reason"] for one in rulings)


def test_release_is_whole_and_holds_the_result(chain, truth):
    _, outcome = chain
    assert outcome.verified.problems == ()
    released = read_dataset(outcome.release.folder)
    assert released.instances.keys() == outcome.final.dataset.instances.keys()
    assert outcome.final.num_open == 0
    damaged = outcome.release.folder / "annotations.json"
    before = damaged.read_bytes()
    damaged.write_bytes(before.replace(b"1", b"2", 1))
    try:
        assert any("annotations.json" in problem for problem in verify_release(outcome.release.folder).problems)
    finally:
        damaged.write_bytes(before)


def test_croissant_is_valid_and_its_records_are_those_of_the_release(chain):
    mlcroissant = pytest.importorskip("mlcroissant")
    _, outcome = chain
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = mlcroissant.Dataset(jsonld=str(outcome.release.folder / "croissant.json"))
        assert not opened.metadata.ctx.issues.errors
        names = [record_set.id for record_set in opened.metadata.record_sets]
        rows = list(opened.records(record_set="sub_actions"))
    assert "sub_actions" in names
    assert len(rows) == len(outcome.final.dataset.instances)


def test_second_build_is_the_same_to_the_last_byte(chain, tmp_path):
    _, outcome = chain
    again = release_dataset(
        outcome.final.dataset, outcome.agreement.units, outcome.agreement, tmp_path / "again", seed=0
    )
    assert again.sha256 == outcome.release.sha256
    files = sorted(p.relative_to(again.folder) for p in again.folder.rglob("*") if p.is_file())
    assert files == sorted(
        p.relative_to(outcome.release.folder) for p in outcome.release.folder.rglob("*") if p.is_file()
    )
    different = [str(p) for p in files if hash_file(again.folder / p) != hash_file(outcome.release.folder / p)]
    assert different == []
