"""How right parses are: counts by hand, of segments, names and kinds."""

from __future__ import annotations

import json

import pytest
from parse_builders import make_action, make_parse, make_parsed
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.applications.parse.counts import Counts
from finegym.applications.parse.evaluating import score_parses
from finegym.applications.parse.evaluating_kinds import NOTHING, read_true_kinds, score_kinds
from finegym.applications.parse.files import PARSE_FILE, Stretch, write_parse
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.errors import PredictionError, SimulationError

CODEBOOK = read_builtin("artistic-women")
ROWS = ((1000, 2000, "fx-turn-1"), (3000, 4000, "fx-turn-2"), (6000, 7000, "fx-turn-3"))
TRUE = tuple(SubAction(f"A_{n:04d}_{n:04d}", ((s, e),), element) for n, (s, e, element) in enumerate(ROWS))
TRUTH = Dataset(CODEBOOK, (Video("v", (Action("E_000000_000010", "FX", 0, 10_000, TRUE),)),))


def test_parses_are_scored_as_by_hand():
    # The first is hit and named rightly, the second is hit and takes its set only, the third is missed by 100 ms.
    subs = (
        make_parsed(1100, 2100, "fx-turn-1"),
        make_parsed(3000, 4000, None, candidate="fx-turn-2"),
        make_parsed(6600, 7600, "fx-turn-3"),
    )
    parsed = make_parse((make_action(subs, 0, 11_000), make_action((), 20_000, 30_000)))
    scores = score_parses([parsed], TRUTH)
    assert scores.routines == Counts(1, 2, 1)
    assert scores.sub_actions == Counts(3, 3, 2)
    assert scores.sets == Counts(3, 3, 2)
    assert scores.elements == Counts(3, 2, 1)
    assert scores.likeliest == Counts(3, 3, 2)
    assert (scores.elements.precision, scores.elements.recall) == (1 / 2, 1 / 3)
    assert Counts(0, 0, 0).precision is None
    with pytest.raises(PredictionError, match="not annotated"):
        score_parses([parsed.model_copy(update={"record_id": "w"})], TRUTH)
    with pytest.raises(PredictionError, match="v: parsed twice"):
        score_parses([parsed, parsed], TRUTH)


def test_what_is_called_a_replay_is_not_counted_as_said():
    again = make_action((make_parsed(21_000, 22_000, "fx-turn-1"),), 20_000, 30_000, kind="replay")
    scores = score_parses([make_parse((make_action((make_parsed(1000, 2000, "fx-turn-1"),), 0, 10_000), again))], TRUTH)
    assert scores.routines == Counts(1, 1, 1) and scores.elements == Counts(3, 1, 1)


SPANS = {
    "routine": [(0, 10_000)],
    "interrupted": [(20_000, 26_000)],
    "replay": [(30_000, 36_000), (50_000, 56_000)],
}


def test_kinds_are_counted_as_by_hand():
    parse = make_parse(
        (
            make_action((), 0, 9000),  # live, and said so
            make_action((), 20_000, 26_000),  # interrupted, taken for a whole one
            make_action((), 31_000, 35_000, kind="replay"),  # lies in the candidate below: counted once
            make_action((), 40_000, 45_000, kind="interrupted"),  # shows nothing
        ),
        stretches=(
            Stretch(kind="replay", start_ms=30_100, end_ms=36_000, score=1, reasons=("framed",)),
            Stretch(kind="replay", start_ms=58_000, end_ms=59_000, score=1, reasons=("shown-before",), speed=1.0),
            Stretch(kind="slow motion", start_ms=50_000, end_ms=56_000, score=1, reasons=()),
        ),
    )
    scores = score_kinds([parse], {"v": SPANS})
    assert scores.kinds["routine"] == Counts(1, 2, 1)
    assert scores.kinds["interrupted"] == Counts(1, 1, 0)
    assert scores.kinds["replay"] == Counts(2, 1, 1)
    called = {shown: {kind: n for kind, n in row.items() if n} for shown, row in scores.confusion.items()}
    assert called == {
        "routine": {"routine": 1},
        "interrupted": {"routine": 1},
        "replay": {"replay": 1},
        NOTHING: {"interrupted": 1},
    }


def test_kinds_are_read_where_a_simulation_knows_them(tmp_path):
    assert read_true_kinds(tmp_path, ["v"]) is None
    (tmp_path / "simulation.json").write_text("{}")
    with pytest.raises(SimulationError):
        read_true_kinds(tmp_path, ["v"])


def test_the_command_counts_and_says_what_it_cannot(tmp_path):
    write_dataset(TRUTH, tmp_path / "truth")
    parse = make_parse((make_action((make_parsed(1000, 2000, "fx-turn-1"),), 0, 10_000),))
    write_parse(tmp_path / "v" / PARSE_FILE, parse)
    arguments = ["evaluate", "parse", str(tmp_path / "v"), "--dataset", str(tmp_path / "truth")]
    printed = CliRunner().invoke(app, arguments)
    assert "kinds are not counted" in printed.output and "100.0 %" in printed.output
    found = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert found["kinds"] is None and found["num_records"] == 1
    assert found["elements"] == {"num_true": 3, "num_said": 1, "num_right": 1}


def test_the_command_refuses_a_record_of_another_competition(tmp_path):
    write_dataset(TRUTH, tmp_path / "truth")
    (tmp_path / "truth" / "simulation.json").write_text("{}")
    parse = make_parse(()).model_copy(update={"record_id": "other"})
    write_parse(tmp_path / "other" / PARSE_FILE, parse)
    arguments = ["evaluate", "parse", str(tmp_path / "other"), "--dataset", str(tmp_path / "truth")]
    refused = CliRunner().invoke(app, arguments).exception
    assert isinstance(refused, PredictionError) and "other: parsed, but not annotated" in str(refused)
