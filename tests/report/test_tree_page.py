import json
import re

import pytest

from finegym.codebook.builtin import read_builtin
from finegym.codebook.yaml_format import parse_codebook
from finegym.errors import CodebookError
from finegym.report.tree_page import build_tree_page, write_tree_page


def get_data(page):
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(text)


def test_page_holds_every_tree_and_loads_nothing():
    codebook = read_builtin("artistic-women")
    page = build_tree_page(codebook)
    data = get_data(page)
    assert [one["id"] for one in data["sets"]] == [tree.set_id for tree in codebook.trees]
    assert sum(len(one["elements"]) for one in data["sets"]) == len(codebook.elements)
    for loading in (r"\ssrc=", r"<link", r"@import", r"url\(", r"\bfetch\(", r"\bimport\b"):
        assert not re.search(loading, re.sub(r'<script type="application/json".*?</script>', "", page, flags=re.S)), (
            loading
        )


def test_page_of_one_set_holds_that_set():
    data = get_data(build_tree_page(read_builtin("artistic-women"), ["FX-S2"]))
    assert [one["id"] for one in data["sets"]] == ["FX-S2"]
    assert data["sets"][0]["elements"][0]["attributes"]["kind"] == "turn"


def test_text_of_a_codebook_cannot_break_out_of_the_page():
    text = (
        'format: finegym-codebook/1\nname: "</title><script>alert(1)</script>"\nversion: "1"\nsport: x\n'
        'queries: {q: {text: "</script><script>alert(2)</script>"}}\n'
        "events: [{id: E, name: e, sets: [{id: S, name: s, elements: [{id: a, name: '<b>a</b>'}], "
        "tree: {ask: q, yes: a, no: none}}]}]\n"
    )
    page = build_tree_page(parse_codebook(text))
    assert "<script>alert" not in page
    assert "<b>a" not in page
    assert get_data(page)["sets"][0]["queries"]["q"] == "</script><script>alert(2)</script>"


def test_unknown_set_is_an_error_and_writes_nothing(tmp_path):
    with pytest.raises(CodebookError, match='no set "FX-S22"; did you mean "FX-S2"'):
        write_tree_page(read_builtin("artistic-women"), tmp_path / "page.html", ["FX-S22"])
    assert list(tmp_path.iterdir()) == []
