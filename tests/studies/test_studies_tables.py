"""Cells, tables and the forms that they are written in."""

import csv
import io
import json
from dataclasses import replace

import pytest

from finegym.errors import ConfigError
from finegym.evaluation.estimates import Estimate
from finegym.studies.cells import make_cell
from finegym.studies.compare import compare_table, format_comparison
from finegym.studies.size_simulated import TINY
from finegym.studies.study import Figure, Outcome, Study
from finegym.studies.tables import NOT_RUN, Cell, Column, Row, Table, make_count
from finegym.studies.writing import (
    export_table,
    format_cell,
    format_csv,
    format_latex,
    format_text,
    read_results,
    write_outcome,
)

TABLE = Table(
    "table2",
    "Table 2: a test",
    ("method", "modality"),
    (Column("event/top1", "event top-1"), Column("set/top1", "set & top_1")),
    (
        Row(
            "TSN RGB",
            ("TSN", "RGB"),
            {"event/top1": Cell(92.0, 87.0, 97.0, "seeds and records", (90.0, 92.0, 94.0), 50)},
        ),
        Row("TSN Flow", ("TSN", "Flow")),
    ),
    ("SIMULATED",),
)


def test_a_cell_is_an_estimate_in_percent():
    cell = make_cell(Estimate(0.61, 0.5, 0.7, 3, 9, by_seed=(0.6, 0.61, 0.62)), 100)
    assert (cell.value, cell.low, cell.high) == pytest.approx((61, 50, 70))
    assert (cell.interval, cell.num_instances, cell.by_seed) == ("seeds and records", 100, pytest.approx((60, 61, 62)))
    assert make_cell(Estimate(0.61, 0.5, 0.7, 1, 9, by_seed=(0.61,)), 100).interval == "records"


def test_without_an_interval_a_cell_says_why():
    cell = make_cell(Estimate(0.61, None, None, 1, 2, "fewer than 5 records", (0.61,)), 100)
    assert (cell.low, cell.interval, cell.no_interval) == (None, "", "fewer than 5 records")
    unknown = make_cell(Estimate(float("nan"), None, None, 1, 9, "the true answer is always no"), 100)
    assert (unknown.value, unknown.why_empty) == (None, "the true answer is always no")


def test_nothing_run_is_empty_everywhere():
    assert TABLE.count_empty() == 3
    assert format_cell(NOT_RUN, TABLE.columns[0]) == ""
    rows = list(csv.DictReader(io.StringIO(format_csv(TABLE))))
    assert [row["value"] for row in rows] == ["92.0", "", "", ""]
    assert rows[1]["why_empty"] == "not run"
    assert [cell["value"] for cell in export_table(TABLE)["cells"]] == [92.0, None, None, None]
    assert format_latex(TABLE).splitlines()[-3].split("&")[2:] == ["  ", r"  \\"]


def test_forms_say_the_same():
    assert "92.0 (87.0–97.0)" in format_text(TABLE)
    assert "92.0 (87.0--97.0)" in format_latex(TABLE)
    row = next(csv.DictReader(io.StringIO(format_csv(TABLE))))
    assert (row["num_seeds"], row["num_instances"], row["interval"]) == ("3", "50", "seeds and records")
    assert float(row["published"]) == 98.18
    assert (float(row["low"]), row["no_interval"]) == (87.0, "")


def test_latex_is_escaped_and_complete():
    lines = format_latex(TABLE).splitlines()
    assert lines[0] == "% Table 2: a test"
    assert lines[1] == "% SIMULATED"
    assert r"set \& top\_1" in lines[4]
    assert lines[2] == r"\begin{tabular}{llrr}"
    assert all(line.count(" & ") == 3 for line in lines if line.endswith(r"\\"))


def test_latex_has_no_letter_that_stops_it():
    column = Column("a", "changed", "10⁹")
    rows = (Row("r", (r"a<b\c^d…",), {"a": Cell(-4.5, -9.0, -1.0)}, "remark"),)
    lines = format_latex(Table("t", "a test", ("method",), (column,), rows)).splitlines()
    assert lines[1] == r"% a<b\c^d… remark"
    assert lines[4] == r"method & changed, 10\textsuperscript{9} \\"
    assert lines[6] == r"a\textless{}b\textbackslash{}c\textasciicircum{}d\ldots{} & $-$4.5 ($-$9.0--$-$1.0) \\"


def test_comparison_has_ours_theirs_and_the_difference():
    found = {(each.row, each.column): each for each in compare_table(export_table(TABLE))}
    ours = found["TSN RGB", "event/top1"]
    assert (ours.ours, ours.published, ours.num_seeds, ours.num_instances) == (92.0, 98.18, 3, 50)
    assert ours.difference == pytest.approx(-6.18)
    # What the paper has and we have not stays empty: it is not estimated.
    missing = found["TSN Flow", "event/top1"]
    assert (missing.ours, missing.difference, missing.published, missing.note) == (None, None, 93.25, "not run")
    # A cell that neither has is left out.
    nobody = replace(TABLE, columns=(*TABLE.columns, Column("nobody", "nobody")))
    assert {(each.row, each.column) for each in compare_table(export_table(nobody))} == set(found)


def test_small_numbers_are_compared_with_the_digits_of_their_column():
    columns = (Column("gmacs", "multiply-adds", "10⁹", 3),)
    table = Table("efficiency", "cost", ("method",), columns, (Row("a", ("a",), {"gmacs": Cell(0.0421)}),))
    facts = {"tables": [export_table(table)], "size": "tiny", "is_simulated": True}
    assert "0.042" in format_comparison(facts)


def test_results_are_written_and_read(tmp_path):
    study = Study("table2", "a test", (), lambda size: (), lambda results: Outcome(()))
    outcome = Outcome((TABLE,), (Figure("table2", "a picture", "nothing to see", b"<svg/>"),))
    written = write_outcome(study, outcome, TINY, tmp_path)
    assert {path.name for path in written} == {"table2.txt", "table2.csv", "table2.tex", "table2.svg", "study.json"}
    facts = read_results(tmp_path)
    assert (facts["size"], facts["is_simulated"]) == ("tiny", True)
    text = format_comparison(facts)
    assert "SIMULATED" in text and "-6.2" in text and "4 cells: 1 beside a published number, 3 not run" in text
    with pytest.raises(ConfigError, match="study run"):
        read_results(tmp_path / "elsewhere")
    (tmp_path / "study.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(ConfigError, match="finegym-study/2"):
        read_results(tmp_path)


def test_results_that_are_damaged_or_of_something_else_are_one_clear_error(tmp_path):
    study = Study("table2", "a test", (), lambda size: (), lambda results: Outcome(()))
    write_outcome(study, Outcome((TABLE,)), TINY, tmp_path)
    path, whole = tmp_path / "study.json", json.loads((tmp_path / "study.json").read_text())
    assert read_results(tmp_path, "table2", "tiny") == whole
    for study_name, size, named in (("table5", "tiny", "table5, got those of table2"), ("table2", "smoke", "of tiny")):
        with pytest.raises(ConfigError, match=named):
            read_results(tmp_path, study_name, size)
    lacks_cells = {key: value for key, value in whole["tables"][0].items() if key != "cells"}
    lacks_value = {**whole["tables"][0], "cells": [{"row": "TSN RGB"}]}
    for damaged, named in (
        (["a list"], "list"),
        ({"format": whole["format"]}, "lacks figures, is_simulated"),
        ({**whole, "tables": [lacks_cells]}, "lacks cells"),
        ({**whole, "tables": [lacks_value]}, "value of a cell"),
    ):
        path.write_text(json.dumps(damaged))
        with pytest.raises(ConfigError, match=named):
            read_results(tmp_path)


def test_cells_that_neither_has_are_counted():
    nobody = replace(TABLE, columns=(*TABLE.columns, Column("nobody", "nobody")))
    facts = {"tables": [export_table(nobody)], "size": "tiny", "is_simulated": True}
    assert f"3 not run; {len(TABLE.rows)} more that neither has" in format_comparison(facts)


def test_counts_have_no_interval():
    cell = make_count(1234)
    assert format_cell(cell, Column("n", "n", "", 0)) == "1,234"
    assert format_cell(Cell(12.34, 10.0, 14.0), Column("a", "a")) == "12.3 (10.0–14.0)"
