import textwrap

import pytest
import yaml
from codebook_strategies import codebooks
from hypothesis import given, settings

from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Node, Query, Set
from finegym.codebook.yaml_format import (
    parse_codebook,
    read_codebook,
    read_codebook_with_places,
    scan_codebook,
    write_codebook,
)
from finegym.codebook.yaml_text import format_codebook
from finegym.errors import CodebookError, OutputError

TEXT = """\
format: finegym-codebook/1
name: tumbling            # a remark
version: 1.0
sport: tumbling
source: made for tests
queries:
  tucked: {text: "Is the body tucked?", yes: {body: tucked}, no: {body: piked}}
  double: {text: "Two saltos?", "yes": {somersaults: 2}, "no": {somersaults: 1}}
events:
  - id: TU
    name: tumbling
    number: 1
    sets:
      - id: TU-S1
        name: saltos
        number: 11
        attributes: {kind: salto, twist: 0.5, hands: false}
        elements:
          - {id: 1, name: double tuck, difficulty: {code: 4.60, value: 4.6}, glabel: 7}
          - {id: no, name: tuck, difficulty: {code: B}}
          - id: pike
            name: "pike: one"
            attributes: {landing: two-feet}
        tree:
          ask: tucked
          yes:
            ask: double
            "yes": 1
            no: no
          "no":
            ask: double
            yes: none   # nobody does that
            no: pike
  - {id: RO, name: rope}
"""


@pytest.fixture
def codebook() -> Codebook:
    return parse_codebook(TEXT)


def get_problems(text: str) -> str:
    with pytest.raises(CodebookError) as caught:
        parse_codebook(textwrap.dedent(text), "book.yaml")
    return str(caught.value)


def change(old: str, new: str) -> str:
    assert old in TEXT
    return get_problems(TEXT.replace(old, new, 1))


def test_every_field_is_read(codebook):
    assert codebook == Codebook(
        name="tumbling",
        version="1.0",
        sport="tumbling",
        events=(Event("TU", "tumbling", 1), Event("RO", "rope")),
        sets=(Set("TU-S1", "TU", "saltos", 11, {"kind": "salto", "twist": 0.5, "hands": False}),),
        elements=(
            Element("1", "TU-S1", "double tuck", "4.60", 4.6, 7),
            Element("no", "TU-S1", "tuck", "B"),
            Element("pike", "TU-S1", "pike: one", given_attributes={"landing": "two-feet"}),
        ),
        queries=(
            Query("tucked", "Is the body tucked?", {"body": "tucked"}, {"body": "piked"}),
            Query("double", "Two saltos?", {"somersaults": 2}, {"somersaults": 1}),
        ),
        trees=(
            DecisionTree(
                "TU-S1",
                Node("tucked", Node("double", Leaf("1"), Leaf("no")), Node("double", Leaf(None), Leaf("pike"))),
            ),
        ),
    )
    assert codebook.source == "made for tests"
    assert codebook.attributes_by_element_id["1"]["body"] == "tucked"


def test_code_keeps_its_zeros_and_ids_stay_text(codebook):
    assert codebook.element_by_id["1"].difficulty_code == "4.60"
    assert "no" in codebook.element_by_id


def test_places_name_the_line_of_every_part(tmp_path):
    path = tmp_path / "book.yaml"
    path.write_text(TEXT, encoding="utf-8")
    _, places = read_codebook_with_places(path)
    lines = {key: place.line for key, place in places.items()}
    assert lines["query", "double"] == 8
    assert lines["event", "TU"] == 10
    assert lines["set", "TU-S1"] == 14
    assert lines["element", "pike"] == 21
    assert lines["tree", "TU-S1"] == 24
    assert lines["node", "TU-S1", ""] == 25
    assert lines["node", "TU-S1", "10"] == 29
    assert lines["node", "TU-S1", "01"] == 32
    assert {place.file for place in places.values()} == {str(path)}


def test_written_file_reads_back_equal_and_names_elements_beside_leaves(codebook, tmp_path):
    path = tmp_path / "new" / "book.yaml"
    write_codebook(codebook, path)
    assert read_codebook(path) == codebook
    text = path.read_text(encoding="utf-8")
    assert '"no": pike  # pike: one' in text
    assert "ask: tucked  # Is the body tucked?" in text
    assert 'code: "4.60"' in text
    assert '"no": "no"  # tuck' in text


@settings(deadline=None, max_examples=150)
@given(codebooks())
def test_any_codebook_reads_back_equal(codebook):
    text = format_codebook(codebook)
    again = parse_codebook(text)
    assert again == codebook
    assert again.source == codebook.source
    assert format_codebook(again) == text


@settings(deadline=None, max_examples=50)
@given(codebooks())
def test_other_readers_of_yaml_see_texts_as_texts(codebook):
    loaded = yaml.safe_load(format_codebook(codebook))
    assert loaded["name"] == codebook.name
    assert [event["name"] for event in loaded["events"]] == [event.name for event in codebook.events]
    assert list(loaded.get("queries", {})) == [query.id for query in codebook.queries]


def test_codebook_out_of_order_is_not_written_in_another_order(codebook):
    shuffled = Codebook(
        name="x",
        version="1",
        sport="x",
        events=codebook.events,
        sets=(*codebook.sets, Set("RO-S1", "RO", "rope")),
        elements=(Element("r", "RO-S1", "rope"), *codebook.elements),
        queries=codebook.queries,
        trees=codebook.trees,
    )
    with pytest.raises(CodebookError, match="elements do not stand in the order"):
        format_codebook(shuffled)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("sport: tumbling", "sprot: tumbling", 'book.yaml:4: codebook: unknown key "sprot"; did you mean "sport"?'),
        ("sport: tumbling\n", "", "codebook: missing sport"),
        (
            "finegym-codebook/1",
            "finegym-codebook/2",
            'line|:1: format: expected "finegym-codebook/1", got "finegym-codebo',
        ),
        ("glabel: 7", "glabel: seven", 'book.yaml:19: element 1: glabel: expected a whole number, got "seven"'),
        ("value: 4.6}", "value: much}", 'element 1: difficulty value: expected a number, got "much"'),
        ("value: 4.6}", "valeu: 4.6}", 'unknown key "valeu"; did you mean "value"?'),
        ("ask: tucked", "ask: tuckd", 'book.yaml:25: tree of TU-S1: unknown query "tuckd"; did you mean "tucked"?'),
        ("no: pike", "no: pke", 'book.yaml:33: tree of TU-S1 at 00: unknown element "pke"; did you mean "pike"?'),
        ("id: pike", "id: 1", 'book.yaml:21: element id "1" is already taken on line 19'),
        ("id: RO", "id: TU", 'event id "TU" is already taken on line 10'),
        ("  double:", "  tucked:", 'book.yaml:8: queries: key "tucked" is there twice'),
        ('            "yes": 1', '            "yes": 1\n            yes: 1', 'key "yes" is there twice'),
        (
            "yes: none   #",
            "yes:        #",
            "tree of TU-S1 at 01: leaf (an element, or none): expected text, got nothing",
        ),
        ("yes: none   #", "yes: [none] #", "tree of TU-S1 at 01: expected a mapping (key: value), got a list"),
        ("            no: pike\n", "", "book.yaml:31: tree of TU-S1 at 0: missing no"),
        ("hands: false", "hands: off", "attributes: hands: expected text, a number, true or false, got off; quote it"),
        ("hands: false", "hands: {a: b}", "hands: expected text, a number, true or false, got a mapping"),
        ("twist: 0.5", "twist: .inf", "twist: expected text, a number, true or false, got .inf"),
        ("id: pike", "id: none", 'element id "none" means "no such element"'),
        (
            "name: rope",
            "name: rope, sets: many",
            'event RO: sets: expected a list (lines that start with -), got "many"',
        ),
    ],
)
def test_a_mistake_is_named_with_file_and_line(old, new, expected):
    message = change(old, new)
    assert expected.removeprefix("line|") in message
    assert message.startswith("book.yaml:")


def test_all_problems_come_at_once():
    text = TEXT.replace("glabel: 7", "glabel: x").replace("ask: tucked", "ask: tuckd").replace("no: pike", "no: pke")
    message = get_problems(text)
    assert message.count("book.yaml:") == 3


def test_a_mistake_in_the_head_does_not_hide_those_below():
    text = (
        TEXT.replace("sport:", "sprot:")
        .replace("no: pike", "no: pke")
        .replace("- id: pike\n            name:", "- nmae:")
    )
    message = get_problems(text)
    assert message.count("book.yaml:") == 4
    for fact in ('"sprot"; did you mean "sport"', 'unknown key "nmae"', "element of TU-S1: missing id", '"pke"'):
        assert fact in message


def test_a_problem_in_one_element_does_not_make_its_leaf_unknown():
    message = change("name: double tuck, ", "")
    assert "element of TU-S1: missing name" in message


def test_syntax_error_names_its_line():
    message = get_problems("format: finegym-codebook/1\nname: [a\nversion: 1\n")
    assert message.startswith("book.yaml:3: not valid YAML: ")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "the file is empty"),
        (b"name: caf\xe9\n", "expected UTF-8 text, got byte 0xe9"),
        (b"format: x\nname: a\x00b\n", "character"),
        (b"- a\n- b\n", "expected a mapping (key: value), got a list"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"a: *unknown\n", "not valid YAML"),
        (b"? [a, b]\n: c\n", "expected a name as key, got a list"),
        (b"a: [b\n", "book.yaml:1: not valid YAML"),
        (b"[" * 200_000, "nested more than 200 levels"),
        (b"a:\n  " + b"- " * 200_000, "nested more than 200 levels"),
        (b"a:\n" + b"".join(b" " * depth + b"a:\n" for depth in range(1, 900)), "nested more than 200 levels"),
    ],
)
def test_a_file_that_is_no_codebook_ends_in_one_clear_error(tmp_path, data, expected):
    path = tmp_path / "book.yaml"
    path.write_bytes(data)
    with pytest.raises(CodebookError) as caught:
        read_codebook(path)
    assert expected in str(caught.value)
    assert "book.yaml:" in str(caught.value)


def test_byte_order_mark_is_no_problem(tmp_path):
    path = tmp_path / "book.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert read_codebook(path) == parse_codebook(TEXT)


def test_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(CodebookError, match=r"nowhere\.yaml: no such file"):
        read_codebook(tmp_path / "nowhere.yaml")
    codebook, _, problems = scan_codebook(tmp_path)
    assert codebook is None
    assert "cannot be read" in str(problems[0])


def test_a_tree_that_contains_itself_is_refused():
    text = TEXT.replace("        tree:\n", "        tree: &t\n").replace("no: pike", "no: *t")
    assert "used twice (YAML alias)" in get_problems(text)


def test_nothing_is_left_behind_when_the_disk_is_full(codebook, tmp_path, monkeypatch):
    path = tmp_path / "book.yaml"
    path.write_text("old", encoding="utf-8")

    def fail(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", fail)
    with pytest.raises(OutputError, match="No space left"):
        write_codebook(codebook, path)
    assert path.read_text(encoding="utf-8") == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["book.yaml"]
