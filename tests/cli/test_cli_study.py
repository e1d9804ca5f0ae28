"""``finegym study`` as people type it."""

import json

import pytest
from typer.testing import CliRunner

from finegym.cli import main
from finegym.cli.app import app
from finegym.studies.all import STUDIES


def call(*words):
    return CliRunner().invoke(app, ["study", *words])


def test_list_names_every_study_and_counts_shared_runs_once():
    result = call("list", "--size", "paper", "--json")
    facts = json.loads(result.stdout)
    assert [study["name"] for study in facts["studies"]] == list(STUDIES)
    by_name = {study["name"]: study for study in facts["studies"]}
    assert by_name["table3a"]["runs"] == 84
    assert facts["runs"] < sum(study["runs"] for study in facts["studies"])
    text = call("list").stdout
    assert all(name in text for name in STUDIES)


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (["run", "tabel2"], "table2"),
        (["run", "table2", "--size", "paper"], "--dataset"),
        (["run", "table2", "--size", "smoke", "--dataset", "x"], "simulates"),
        (["compare", "table2", "--out", "nowhere"], "study run"),
        (["run", "table2", "--recipes", "nowhere"], "recipes"),
    ],
)
def test_what_is_wrong_is_one_line(words, fact, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["finegym", "study", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    error = capsys.readouterr().err.strip()
    assert fact in error and len(error.splitlines()) == 1
