"""What the two editions say, against values that public pages print; one's own edition; the page of all sheets."""

import re

import pytest
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.applications.scoring.code_of_points import parse_code, read_code, read_code_text
from finegym.applications.scoring.conditions import find_unknown
from finegym.applications.scoring.difficulty import score_action
from finegym.applications.scoring.sheet import score_dataset
from finegym.applications.scoring.sheet_page import write_sheets
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.codebook.official import read_official_codebook
from finegym.errors import ConfigError

CODEBOOK = read_builtin("artistic-women")
LATE, EARLY = read_code("fig-women-2017"), read_code("fig-women-2013")


def make_action(event_id, element_ids, gap_ms=300):
    subs = [
        SubAction(f"A_{i:04d}_{i:04d}", ((i * (1000 + gap_ms), i * (1000 + gap_ms) + 1000),), element_id)
        for i, element_id in enumerate(element_ids)
    ]
    return Action("E_000001_000040", event_id, 1000, 40_000, tuple(subs))


def find(letter, *set_ids, **attributes):
    """Some element of a letter."""
    value = round((ord(letter) - ord("A") + 1) / 10, 1)
    return next(
        one.id
        for set_id in set_ids
        for one in CODEBOOK.get_elements_of_set(set_id)
        if one.difficulty_value == value and attributes.items() <= CODEBOOK.attributes_by_element_id[one.id].items()
    )


def connect(code, event_id, *element_ids, gap_ms=300):
    awards = score_action(make_action(event_id, element_ids, gap_ms), CODEBOOK, code).connections
    return [award.thousandths / 1000 for award in awards]


def make_beam_rows():
    flic = "bb-flic-flac-step-out"  # B
    return {
        "B + E": (flic, find("E", "BB-S3", "BB-S4"), 0.1),
        "B + F": (flic, find("F", "BB-S3", "BB-S4"), 0.2),
        "C + C": ("bb-back-salto-step-out", "bb-back-salto-step-out", 0.1),
        "B + C": (flic, "bb-back-salto-tucked", None),
        "dance D + D": (find("D", "BB-S1"), find("D", "BB-S2"), 0.2),
        "dance C + D": (find("C", "BB-S1"), find("D", "BB-S2"), 0.1),
    }


@pytest.mark.parametrize("code", [EARLY, LATE], ids=lambda code: code.name)
@pytest.mark.parametrize("name", make_beam_rows())
def test_beam_connections_are_those_of_the_tables(code, name):
    """gymsymbol.com/apparatus/balance-beam (2013-2016); mcsmaria.blogspot.com, 2015/10 (both cycles)."""
    first, second, points = make_beam_rows()[name]
    assert connect(code, "BB", first, second) == ([] if points is None else [points])
    assert connect(code, "BB", first, second, gap_ms=700) == []


def test_a_dismount_connects_on_the_beam_since_2017():
    """Back handspring + double-twisting double back: 0.2 in balancebeamsituation.com, 15 August 2019."""
    value = {"fig-women-2013": [], "fig-women-2017": [0.2]}
    for code in (EARLY, LATE):
        assert connect(code, "BB", "bb-flic-flac-step-out", find("F", "BB-S5")) == value[code.name]


def test_a_beam_series_of_2019_is_scored_as_it_was_counted():
    """Aerial (D) + split jump (B): 0.1; switch leap (C) + switch half (D) + back pike (C): 0.2. The same page."""
    aerial, leap = find("D", "BB-S3", "BB-S4"), "bb-split-leap"
    assert connect(LATE, "BB", aerial, leap) == [0.1]
    switch, half, pike = find("C", "BB-S1"), find("D", "BB-S1"), find("C", "BB-S3", body="piked")
    assert connect(LATE, "BB", switch, half, pike) == [0.1, 0.1]


def test_a_layout_repeated_in_its_series_connects_and_elsewhere_does_not():
    """Flic-flac, layout step-out, layout step-out: 0.1 on the same page."""
    flic, layout = "bb-flic-flac-step-out", "bb-back-salto-step-out"
    assert connect(LATE, "BB", flic, layout, layout) == [0.1]
    rows = make_action("BB", (layout, layout, "bb-turn-1", layout, layout))
    assert [one.elements for one in score_action(rows, CODEBOOK, LATE).connections] == [(0, 1)]


@pytest.mark.parametrize("code", [EARLY, LATE], ids=lambda code: code.name)
def test_bars_connections_are_those_of_the_table(code):
    """gymsymbol.com/apparatus/uneven-bars: D + D 0.1; D flight to same or high bar, then C, 0.2; D + E flight 0.2."""
    release, circle_c = find("D", "UB-S2"), find("C", "UB-S1")
    up = find("D", "UB-S3", to_bar="high")
    assert connect(code, "UB", find("D", "UB-S1"), "ub-pak") == [0.1]
    assert connect(code, "UB", release, circle_c) == [0.2] == connect(code, "UB", up, circle_c)
    assert connect(code, "UB", circle_c, release) == []  # in this order only
    assert connect(code, "UB", "ub-pak", circle_c) == []  # that was flight to the low bar
    assert connect(code, "UB", "ub-pak", find("E", "UB-S2")) == [0.2]


@pytest.mark.parametrize("code", [EARLY, LATE], ids=lambda code: code.name)
def test_floor_connections_are_those_of_the_table(code):
    """gymsymbol.com/apparatus/floor-exercise."""
    a, b, c, d, e = (find(letter, "FX-S4", "FX-S5") for letter in "ABCDE")
    assert connect(code, "FX", a, d) == [0.1] and connect(code, "FX", e, a) == [0.2]
    assert connect(code, "FX", b, d, gap_ms=2000) == [0.1] and connect(code, "FX", c, e, gap_ms=2000) == [0.2]
    assert connect(code, "FX", a, d, gap_ms=2000) == []
    assert connect(code, "FX", d, find("B", "FX-S1")) == [0.1]
    assert connect(code, "FX", find("B", "FX-S1"), d) == []


def test_saltos_to_the_side_count_as_a_direction_until_2016():
    rows = (find("A", "FX-S5"), "fx-side-salto-tucked")
    given = [
        {one.id: one.thousandths for one in score_action(make_action("FX", rows), CODEBOOK, code).requirements}
        for code in (EARLY, LATE)
    ]
    assert [one["directions"] for one in given] == [500, 0]
    aerial = score_action(make_action("FX", (rows[0], "fx-aerial-cartwheel")), CODEBOOK, EARLY).requirements
    assert {one.id: one.thousandths for one in aerial}["directions"] == 0


@pytest.mark.parametrize(
    ("element_id", "early", "late"),
    [
        ("vt-handspring-front-tucked", 4.4, 4.0),
        ("vt-handspring-front-stretched-1", 5.8, 5.4),
        ("vt-handspring-double-front-tucked", 7.0, 6.4),
        ("vt-tsukahara-stretched-2", 6.0, 5.6),
        ("vt-yurchenko-stretched-1-half", 5.3, 5.0),
        ("vt-yurchenko-stretched-2-half", 6.3, 5.8),
    ],
)
def test_vaults_have_the_values_of_their_cycle(element_id, early, late):
    """unevenbeam.wordpress.com, 27 December 2016; balancebeamsituation.com/elite-skill-database."""
    action = make_action("VT", [element_id])
    assert [score_action(action, CODEBOOK, code).points for code in (EARLY, LATE)] == [early, late]


def test_official_names_are_revalued_too(shared):
    codebook = read_official_codebook(shared / "finegym" / "official")
    assert find_unknown(EARLY, codebook) == ()
    (cheng,) = (
        one.id
        for one in codebook.elements
        if one.name.endswith("0.5 turn on, stretched salto forward with 1.5 turn off")
    )
    assert score_action(make_action("VT", [cheng]), codebook, EARLY).points == 6.4


def test_a_value_given_twice_is_refused():
    text = read_code_text("fig-women-2013").replace(
        "\nvalues:\n", "\nvalues:\n  - {points: 1, of: [tsukahara stretched salto]}\n"
    )
    with pytest.raises(ConfigError, match="one value only of tsukahara stretched salto"):
        parse_code(text, "mine")


@pytest.fixture
def folder(tmp_path):
    actions = (make_action("VT", ["vt-yurchenko-stretched"]), make_action("BB", ["bb-split-leap", None]))
    videos = tuple(Video(name, (one,), path=f"{name}.mp4") for name, one in zip("vb", actions, strict=True))
    write_dataset(Dataset(CODEBOOK, videos), tmp_path / "set")
    return tmp_path / "set"


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(app, ["score", *map(str, arguments)])
    assert result.exit_code == exit_code, result.output
    return result


def test_a_code_can_be_printed_corrected_and_used(folder, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(run("--print-code", "fig-women-2017").stdout)
    assert mine.read_text().startswith("# Women's artistic gymnastics") and "FROM MEMORY" in mine.read_text()
    assert run(folder, "--code", mine).stdout == run(folder).stdout
    mine.write_text(mine.read_text().replace("\nconditions:", "\nvalues: {vt-yurchenko-stretched: 3.8}\n\nconditions:"))
    assert "3.800" in run(folder, "--code", mine).stdout and "4.000" in run(folder).stdout
    mine.write_text(mine.read_text().replace("num_counted: 8", "num_conted: 8"))
    refused = CliRunner().invoke(app, ["score", str(folder), "--code", str(mine)])
    assert "num_conted" in str(refused.exception) + refused.output


def test_a_user_is_told_that_it_is_an_extract(folder, tmp_path):
    said = run(folder, "--page", tmp_path / "page.html").stderr
    assert "written from memory" in said
    text = (tmp_path / "page.html").read_text()
    assert "written from memory" in text and "--print-code" in text


def test_the_page_opens_with_what_matters(folder, tmp_path):
    from finegym.annotations.source import open_source

    write_sheets(tmp_path / "page.html", score_dataset(open_source(folder).dataset, LATE), LATE, "test")
    text = (tmp_path / "page.html").read_text()
    contents = re.findall(r"<a href=.*?>(.*?)</a>", text[text.index("<nav") : text.index("</nav>")])
    assert contents == ["At a glance", "VT", "BB"]  # an entry an event, however many routines
    (row,) = re.findall(r"<tr><td>4\.000</td><td><a href=\"#(.*?)\">", text)
    fold = text[text.index(f'<details id="{row}">') :]
    assert "Yurchenko, stretched" in fold[: fold.index("</details>")]
