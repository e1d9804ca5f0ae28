"""``finegym quality consensus``, ``exam`` and ``simulate``, as people type them."""

import json
import sys

import pytest

from finegym import cli
from finegym.annotations.folder import read_dataset, write_dataset
from finegym.codebook.builtin import read_builtin
from finegym.simulation.competition import CompetitionSettings
from finegym.simulation.undrawn import make_undrawn_competition


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A folder with ``gold`` and the work of five simulated people."""
    folder = tmp_path_factory.mktemp("people")
    settings = CompetitionSettings(num_videos=2, minutes=2.0, seed=4)
    write_dataset(make_undrawn_competition(settings, read_builtin("artistic-women")), folder / "gold")
    assert call("quality", "simulate", folder / "gold", "--out", folder, "--seed", "3") == 0
    return folder


def call(*words):
    """The status of a command as it is typed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["finegym", *map(str, words)])
        try:
            cli.main()
        except SystemExit as stop:
            return stop.code or 0
    return 0


def run(capsys, *words):
    status = call(*words)
    said = capsys.readouterr()
    return status, said.out, said.err


def test_simulate_writes_everybody_and_the_truth_about_them(people, capsys):
    capsys.readouterr()
    truth = read_dataset(people / "gold")
    for name in ("expert", "careful", "steady", "hasty", "guesser"):
        mine = read_dataset(people / name)
        known = json.loads((people / name / "simulation.json").read_text())
        assert known["true_ids"].keys() == mine.instances.keys()
        found = {true for true in known["true_ids"].values() if true is not None}
        assert found | set(known["missed"]) == set(truth.instances)
    status, _, err = run(capsys, "quality", "simulate", people / "gold", "--out", people)
    assert status == 1 and "there already" in err
    status, _, err = run(capsys, "quality", "simulate", people / "gold", "--out", people / "x", "--annotator", "ada")
    assert status == 1 and "no simulated annotator ada; there are expert" in err


def test_consensus_as_text_json_and_dataset(people, capsys, tmp_path):
    files = [people / name for name in ("expert", "careful", "steady", "hasty")]
    status, out, err = run(
        capsys, "quality", "consensus", *files, "--dataset", tmp_path / "agreed", "--out", tmp_path / "votes.json"
    )
    assert status == 0 and "by 4 annotators (simulated)" in out and "agreed" in out
    content = json.loads((tmp_path / "votes.json").read_text())
    agreed = read_dataset(tmp_path / "agreed")
    decisions = content["decisions"]
    assert len(agreed.instances) == decisions["agreed"] > 10
    assert f"left out: {decisions['adjudicate']} open, {decisions['left out']} not there" in err
    status, out, _ = run(capsys, "quality", "consensus", *files, "--json", "--method", "majority")
    assert status == 0 and json.loads(out)["settings"]["method"] == "majority"
    status, _, err = run(capsys, "quality", "consensus", *files, "--dataset", tmp_path / "agreed")
    assert status == 1 and "agreed" in err


def test_consensus_of_routines(people, capsys, tmp_path):
    names = ["expert", "careful", "steady"]
    words = [word for name in names for word in ("--annotator", name)]
    status, _, _ = run(
        capsys, "quality", "simulate", people / "gold", "--out", tmp_path, "--what", "actions", "--seed", "1", *words
    )
    assert status == 0
    files = [tmp_path / name for name in names]
    status, out, _ = run(capsys, "quality", "consensus", *files, "--level", "action", "--json")
    assert status == 0
    content = json.loads(out)
    assert content["level"] == "action" and [one["annotator"] for one in content["annotators"]] == names
    assert sum(content["decisions"].values()) >= len(read_dataset(people / "gold").actions_frame)


def test_consensus_refuses_what_makes_no_sense(people, capsys, tmp_path):
    files = [people / name for name in ("expert", "careful")]
    for words, fact in (
        (["--tolerance", "VT-S1"], "expected SET=MS, such as VT-S1=400, got VT-S1"),
        (["--min-confidence", "0.3"], "got 0.3"),
    ):
        status, _, err = run(capsys, "quality", "consensus", *files, *words)
        assert status == 1 and fact in err


def test_exam_with_rules(people, capsys, tmp_path):
    rules = tmp_path / "exam.toml"
    rules.write_text(
        "[pass_marks]\nfound = 0.7\nelement = 0.5\n\n[tolerance]\ndefault_ms = 250\nby_set_ms = {VT-S1 = 400}\n"
    )
    words = ["quality", "exam", people / "gold", people / "expert", people / "guesser", "--rules", rules]
    status, out, _ = run(capsys, *words, "--mistakes", "2", "--out", tmp_path / "exam.json")
    assert status == 0 and "passed 1, not passed 1" in out and "guesser, not right" in out
    expert, guesser = json.loads((tmp_path / "exam.json").read_text())["candidates"]
    assert expert["is_passed"] and not guesser["is_passed"]
    assert {one["verdict"] for one in guesser["segments"]} >= {"wrong label", "missed", "extra"}
    assert expert["parts"]["element"]["pass_mark"] == 0.5


def test_exam_without_rules_and_with_names(people, capsys):
    status, out, _ = run(capsys, "quality", "exam", people / "gold", people / "hasty", "--name", "Bea", "--json")
    assert status == 0
    (candidate,) = json.loads(out)["candidates"]
    assert candidate["name"] == "Bea" and candidate["is_passed"]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("pass_marks = 3", "pass_marks"),
        ("[pass_marks]\nspelling = 0.5", "spelling"),
        ("[pass_marks]\nfound = 2", "is 2; expected 0 to 1"),
        ("colour = 1", "colour"),
        ("[tolerance.by_set_ms]\nXX = 3", "no such set"),
        ("= broken", "expected an exam's rules as TOML"),
    ],
)
def test_exam_rules_that_cannot_be_are_refused(people, capsys, tmp_path, text, fact):
    rules = tmp_path / "exam.toml"
    rules.write_text(text)
    status, _, err = run(capsys, "quality", "exam", people / "gold", people / "hasty", "--rules", rules)
    assert status == 1 and fact in err and err.count("\n") == 1, err
