"""The page of all studies: what is on it, what is not, and that nothing is loaded from elsewhere."""

import re
from pathlib import Path

import pytest

from finegym.errors import ConfigError
from finegym.studies.report_page import MAX_ROWS, write_report
from finegym.studies.size_paper import PAPER
from finegym.studies.size_simulated import TINY
from finegym.studies.study import Figure, Outcome, Study
from finegym.studies.tables import Cell, Column, Row, Table
from finegym.studies.writing import write_outcome

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'


def write_study(folder, name, outcome, size=TINY):
    write_outcome(
        Study(name, f"title of {name}", (), lambda size: (), lambda results: outcome), outcome, size, folder / name
    )


@pytest.fixture
def results(tmp_path):
    cells = {"map/0.5": Cell(41.25, 30.0, 50.0, "records", (41.25,), 7), "map/0.6": Cell(None, why_empty="not run")}
    columns = (Column("map/0.5", "mAP at 0.5"), Column("map/0.6", "mAP at 0.6"))
    notes = ("made small <everywhere>", "of this table")
    table = Table("table4", "the table", ("task",), columns, (Row("actions", ("actions",), cells),), notes)
    figure = Figure("curve", "a curve", "Look at the end of it.", SVG)
    write_study(tmp_path, "table4", Outcome((table,), (figure,)))
    claims = [
        Row("a", ("A holds.", "confirmed", "a less b"), {"difference": Cell(3.0, 1.0, 5.0, "records")}),
        Row("b", ("B & C hold.", "not confirmed", "b less c"), {"difference": Cell(-3.0, -5.0, -1.0)}),
        Row("c", ("C holds.", "not run", "c less d"), {}),
    ]
    column = (Column("difference", "difference", "points"),)
    claims_table = Table("findings", "claims", ("says", "verdict", "measured"), column, tuple(claims), notes[:1])
    write_study(tmp_path, "findings", Outcome((claims_table,)))
    long = Table("long", "many rows", ("row",), columns, tuple(Row(str(i), (str(i),)) for i in range(MAX_ROWS + 1)))
    write_study(tmp_path, "long", Outcome((long,)))
    return tmp_path


def test_tables_figures_commands_and_published_numbers_are_there(results, tmp_path):
    page = tmp_path / "report.html"
    assert write_report(results, ["table4", "findings", "long", "fig5"], "tiny", page, out=tmp_path) == 3
    text = page.read_text(encoding="utf-8")
    assert "41.2<small>30.0 to 50.0</small>" in text and "paper 60.0" in text
    assert "<td><small" in text, "what was not run is empty, the published number beside it all the same"
    assert f"finegym study run table4 --size tiny --out {tmp_path}" in text
    assert "Look at the end of it." in text and "data:image/svg+xml;base64," in text
    assert "Not run: fig5." in text
    assert "<details><summary>many rows: 21 rows</summary>" in text


def test_findings_come_first_with_their_verdicts(results, tmp_path):
    write_report(results, ["table4", "findings"], "tiny", tmp_path / "report.html", out=tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Of 3 claims: 1 confirmed, 1 not confirmed, 1 not run." in text
    assert re.findall(r'<li class="([^"]+)"><span class="verdict">([^<]+)</span>', text) == [
        ("confirmed", "confirmed"),
        ("not-confirmed", "not confirmed"),
        ("not-run", "not run"),
    ]
    assert "B &amp; C hold." in text and "-3.0 points (-5.0 to -1.0)" in text
    assert "3.0 points (1.0 to 5.0) over records" in text
    assert text.index("A holds.") < text.index("Look at the end of it.")


def test_what_holds_for_nearly_all_tables_is_said_once(results, tmp_path):
    write_report(results, ["table4", "findings"], "tiny", tmp_path / "report.html", out=tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.count("made small &lt;everywhere&gt;") == 1 and text.count("of this table") == 1


def test_simulated_numbers_say_so_and_nothing_is_loaded_from_outside(results, tmp_path):
    write_report(results, ["table4", "findings"], "tiny", tmp_path / "report.html", out=tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.count('<span class="badge">simulated</span>') == 3
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert sources and all(source.startswith(("data:", "#")) for source in sources)
    write_study(results / "real", "table4", Outcome(()), PAPER)
    write_report(results / "real", ["table4"], "paper", tmp_path / "real.html", out=Path("my studies"))
    real = (tmp_path / "real.html").read_text(encoding="utf-8")
    assert "simulated" not in real.lower()
    assert "study run table4 --size paper --out &#39;my studies&#39; --dataset DIR" in real


def test_results_of_another_size_are_not_shown_as_of_this_one(results, tmp_path):
    with pytest.raises(ConfigError, match="of size smoke, got those of tiny"):
        write_report(results, ["table4"], "smoke", tmp_path / "report.html", out=tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_without_results_or_pictures_it_is_one_clear_error(results, tmp_path):
    with pytest.raises(ConfigError, match="no results of any study"):
        write_report(tmp_path / "none", ["table4"], "tiny", tmp_path / "report.html", out=tmp_path)
    (results / "table4" / "curve.svg").unlink()
    with pytest.raises(ConfigError, match=r"curve\.svg: the picture cannot be read"):
        write_report(results, ["table4"], "tiny", tmp_path / "report.html", out=tmp_path)
