"""CSV that people open in a spreadsheet: nothing is computed, numbers stay numbers, and it comes back as it was."""

from __future__ import annotations

import csv
import io

import pytest
from labelling_world import make_codebook

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.labelling.exchange import export_dataset
from finegym.labelling.import_files import read_videos
from finegym.labelling.spreadsheets import guard_cell, guard_csv, unguard_cell

RISKY = ["=1+1", "+x", "-7dFhKWKnfo", "@SUM(A1)", "\t=1", "\r=1", "-1+1", "--1", '=HYPERLINK("http://x","y")']
HARMLESS = ["", "leap", "'tis", "12", "-7", "+3.5", "-.5", "1e-3", "-1.5E+10", "a=b", " =1 "]


@pytest.mark.parametrize("cell", RISKY)
def test_what_would_be_computed_becomes_text(cell):
    assert guard_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", HARMLESS)
def test_numbers_and_words_stay(cell):
    assert guard_cell(cell) == cell


@pytest.mark.parametrize("cell", [*RISKY, *HARMLESS, "'=1", "''=1", "'-7", "'"])
def test_every_cell_comes_back_as_it_was(cell):
    assert unguard_cell(guard_cell(cell)) == cell


def test_cells_with_commas_quotes_and_lines_stay_whole():
    rows = [["a", "b"], ['=x,"y"\nz', "-3"]]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    got = list(csv.reader(io.StringIO(guard_csv(buffer.getvalue()))))
    assert got == [["a", "b"], ['\'=x,"y"\nz', "-3"]]


def test_an_export_is_guarded_and_imported_as_it_was():
    turn = SubAction("A_0000_0001", ((2410, 3590),), "t2", "BB-S1")
    video = Video("-7dFhKWKnfo", (Action("E_000001_000011", "BB", 2010, 11_990, (turn,)),), competition="=Worlds")
    dataset = Dataset(make_codebook(), (video,))
    content = export_dataset(dataset, "csv").content
    (row,) = csv.DictReader(io.StringIO(content.decode()))
    assert (row["video_id"], row["competition"], row["start_ms"]) == ("'-7dFhKWKnfo", "'=Worlds", "2410")
    (got,) = read_videos(content, "csv", make_codebook(), None)
    assert (got.id, got.actions) == (video.id, video.actions)
