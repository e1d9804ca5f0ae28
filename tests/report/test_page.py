"""The page: escaped, self-contained, complete."""

import re

import pytest

from finegym.errors import OutputError
from finegym.report.page import Code, Picture, Prose, Section, Table, render_page, write_page

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'


def make_page() -> str:
    blocks = [
        Prose("a < b & c"),
        Table(["set", "instances"], [["FX-S1", 12], ["<script>", 3]], caption="counts"),
        Picture(SVG, caption="a plot", alt="a plot of nothing"),
        Code("finegym demo\n  --quick"),
    ]
    return render_page("A page", [Section("First", blocks, badge="simulated")], lead="lead", footer="foot")


def test_text_is_escaped():
    page = make_page()
    assert "a &lt; b &amp; c" in page
    assert "&lt;script&gt;" in page and page.count("<script>") == 1  # the page's own


def test_page_loads_nothing_from_outside():
    sources = re.findall(r'(?:src|href)="([^"]*)"', make_page())
    assert sources and all(source.startswith(("data:", "#")) for source in sources)


def test_numbers_stand_right_under_their_heading():
    page = make_page()
    assert '<td class="number">12</td>' in page
    assert '<th class="number">instances</th>' in page


def test_picture_knows_its_kind():
    assert Picture(b"\xff\xd8\xff", "", "").source.startswith("data:image/jpeg;base64,")
    assert Picture(b"\x89PNG", "", "").source.startswith("data:image/png;base64,")
    assert Picture(SVG, "", "").source.startswith("data:image/svg+xml;base64,")


def test_page_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_page(tmp_path / "file" / "page.html", "t", [], lead="", footer="")
