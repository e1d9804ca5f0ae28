import pytest

from finegym.codebook.export import export_element, export_overview, export_problems, export_set
from finegym.codebook.problems import Place, Problem
from finegym.codebook.text import draw_tree, format_element, format_overview, format_problems, format_set
from finegym.codebook.yaml_format import parse_codebook
from finegym.errors import CodebookError

TEXT = """\
format: finegym-codebook/1
name: tumbling
version: "1.0"
sport: tumbling
queries:
  tucked: {text: "Tucked?", yes: {body: tucked}, no: {body: piked}}
  double: {text: "Double?"}
events:
  - id: TU
    name: tumbling
    sets:
      - id: TU-S1
        name: saltos
        number: 11
        attributes: {kind: salto, hands: false}
        elements:
          - {id: e1, name: double tuck, difficulty: {code: "4.60", value: 4.6}, glabel: 7}
          - {id: e2, name: tuck, difficulty: {code: "1.202", value: 0.2}}
          - {id: e3, name: pike}
        tree: {ask: tucked, yes: {ask: double, yes: e1, no: e2}, no: {ask: double, yes: none, no: e3}}
  - {id: RO, name: rope}
"""


@pytest.fixture
def codebook():
    return parse_codebook(TEXT)


def test_tree_is_drawn_yes_before_no(codebook):
    assert draw_tree(codebook, "TU-S1").split("\n") == [
        "TU-S1 saltos  3 elements behind 3 queries, 2 to 2 answers each (mean 2.0), 1 dead answer",
        "",
        "Tucked?",
        "├─ yes Double?",
        "│  ├─ yes ● e1 double tuck  4.60",
        "│  └─ no  ● e2 tuck  0.20 (code 1.202)",
        "└─ no  Double?",
        "   ├─ yes ∅ no such element",
        "   └─ no  ● e3 pike",
    ]


def test_overview_counts_elements_queries_and_depth(codebook):
    lines = format_overview(codebook).split("\n")
    assert "  TU-S1  saltos        11         3        3    2–2" in lines
    assert lines[-1] == "2 events, 1 set, 3 elements, 1 tree with 3 nodes, 2 queries"


def test_element_card_has_attributes_and_path(codebook):
    text = format_element(codebook, "e1")
    assert "attributes  kind: salto, hands: false, body: tucked" in text
    assert "difficulty  4.60" in text
    assert text.endswith("path\n  yes  Tucked?\n  yes  Double?")


def test_set_lists_its_elements(codebook):
    text = format_set(codebook, "TU-S1")
    assert "kind: salto, hands: false" in text
    assert "e1            7   4.60   4.60  double tuck" in text
    with pytest.raises(CodebookError, match='no set "TU-S2"; did you mean "TU-S1"'):
        format_set(codebook, "TU-S2")
    with pytest.raises(CodebookError, match='no element "e9"; known: e1, e2, e3'):
        format_element(codebook, "e9")


def test_paint_sees_the_roles(codebook):
    seen = set()

    def paint(text, role):
        seen.add(role)
        return text

    draw_tree(codebook, "TU-S1", paint)
    assert seen == {"query", "yes", "no", "dead", "id", "element", "faint", "heading"}


def test_warnings_are_cut_with_a_count_and_errors_never():
    warnings = [Problem("warning", "w", f"warning {index}", Place("f", index)) for index in range(4)]
    errors = [Problem("error", "e", f"error {index}") for index in range(4)]
    text = format_problems([*errors, *warnings], limit=1)
    assert text.count("error ") == 4
    assert "f:0: warning 0\n  … and 3 more (--all shows them)" in text
    assert text.endswith("4 errors, 4 warnings")
    assert "more" not in format_problems(warnings)


def test_exports_are_plain_values(codebook):
    exported = export_set(codebook, "TU-S1")
    assert exported["tree"] == {
        "ask": "tucked",
        "yes": {"ask": "double", "yes": "e1", "no": "e2"},
        "no": {"ask": "double", "yes": None, "no": "e3"},
    }
    assert exported["queries"] == {"tucked": "Tucked?", "double": "Double?"}
    assert export_overview(codebook)["events"][0]["sets"][0]["num_elements"] == 3
    path = export_element(codebook, codebook.element_by_id["e3"])["path"]
    assert [(step["text"], step["answer"]) for step in path] == [("Tucked?", False), ("Double?", False)]
    problem = Problem("error", "e", "message", Place("f", 3), ("e1",), "TU-S1")
    assert export_problems([problem])["problems"][0]["line"] == 3
