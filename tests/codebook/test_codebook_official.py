import json
import time
from dataclasses import replace

import pytest

from finegym.codebook.check import check_codebook
from finegym.codebook.model import Leaf, Node
from finegym.codebook.official import format_official_files, read_official_files, write_official_files
from finegym.codebook.tree import compute_tree_shape, get_path
from finegym.codebook.yaml_format import parse_codebook
from finegym.codebook.yaml_text import format_codebook
from finegym.errors import CodebookError

SETS = "set: 1; vault\nset: 22; FX_turns\n"
GYM530 = (
    "Glabel:   0; set:  1; (VT) handspring; really\n"
    "Glabel:   1; set:  1; (VT) Überschlag  \n"
    "Glabel:   2; set: 22; (FX) 2 turn\n"
    "Glabel:   3; set: 22; (FX) 1 turn\n"
)
GYM99 = "Clabel:   0; set:  1; Glabel:   1; (VT) Überschlag  \nClabel:   1; set: 22; Glabel:   3; (FX) 1 turn\n"
TREES = {
    "0": {"BTcode": "1", "questions": ["Forward?"], "code": "4.60"},
    "1": {"BTcode": "0", "questions": ["Forward?"], "code": "0.000"},
    "2": {"BTcode": "11", "questions": ["Turn é?", "2 turn?"], "code": "2.201"},
    "3": {"BTcode": "10", "questions": ["Turn é?", "2 turn?"], "code": "2.101"},
}
FILES = {
    "set_categories.txt": SETS,
    "gym530_categories.txt": GYM530,
    "gym99_categories.txt": GYM99,
    "finegym_glabel_to_Qtree.json": json.dumps(TREES, indent=4),
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(text.encode())
    return tmp_path


def get_problems(folder) -> str:
    with pytest.raises(CodebookError) as caught:
        read_official_files(folder)
    return str(caught.value)


def test_small_folder_is_read(folder):
    files = read_official_files(folder)
    codebook = files.codebook
    assert [event.id for event in codebook.events][:4] == ["VT", "FX", "BB", "UB"]
    assert [(set_.id, set_.event_id, set_.number) for set_ in codebook.sets] == [
        ("VT-S1", "VT", 1),
        ("FX-S2", "FX", 22),
    ]
    assert [element.name for element in codebook.elements] == ["handspring; really", "Überschlag  ", "2 turn", "1 turn"]
    assert [element.difficulty_code for element in codebook.elements] == ["4.60", "0.000", "2.201", "2.101"]
    assert [element.difficulty_value for element in codebook.elements] == [4.6, None, 0.2, 0.1]
    assert files.class_glabels == {"gym99": (1, 3)}
    turns = codebook.tree_by_set_id["FX-S2"].root
    assert turns == Node("turn-e", Node("2-turn", Leaf("2"), Leaf("3")), Leaf(None))


def test_places_are_the_lines_of_the_files(folder):
    places = read_official_files(folder).places
    text = FILES["finegym_glabel_to_Qtree.json"].split("\n")
    assert places["element", "2"].line == 3
    assert places["set", "FX-S2"].line == 2
    assert '"2 turn?"' in text[places["query", "2-turn"].line - 1]
    assert '"2 turn?"' in text[places["node", "FX-S2", "1"].line - 1]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("final", [True, False])
def test_small_folder_is_written_back_byte_for_byte(folder, tmp_path, line_end, final):
    for name, text in FILES.items():
        text = text.removesuffix("\n").replace("\n", line_end) + (line_end if final else "")
        (folder / name).write_bytes(text.encode())
    write_official_files(read_official_files(folder), tmp_path / "out")
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (folder / name).read_bytes()


def test_what_is_written_follows_the_values_not_the_file(folder):
    files = read_official_files(folder)
    elements = tuple(replace(element, name=f"new {element.id}") for element in files.codebook.elements)
    texts = format_official_files(replace(files, codebook=replace(files.codebook, elements=elements)))
    assert texts["gym99_categories.txt"].splitlines()[1] == "Clabel:   1; set: 22; Glabel:   3; (FX) new 3"
    assert "new 0" in texts["gym530_categories.txt"]


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("set_categories.txt", "set: 22", "set: 72", "set_categories.txt:2: set 72 belongs to no event"),
        ("set_categories.txt", "set: 22; FX_turns", "FX_turns", 'set_categories.txt:2: expected a line like "set: 21;'),
        ("set_categories.txt", "set: 22", "set: 1", "set_categories.txt:2: set 1 is there twice"),
        ("gym530_categories.txt", "Glabel:   3", "Glabel:   5", "gym530_categories.txt:4: expected Glabel 3, got 5"),
        ("gym530_categories.txt", "set: 22; (FX) 1", "set: 33; (FX) 1", ":4: element 3: set 33 is unknown to set_cat"),
        ("gym530_categories.txt", "(FX) 1", "(BB) 1", ':4: expected "Glabel:   3; set: 22; (FX) 1 turn", got "'),
        (
            "gym530_categories.txt",
            "Glabel:   3",
            "Glabel: 3",
            ':4: expected "Glabel:   3; set: 22; (FX) 1 turn", got "',
        ),
        ("gym99_categories.txt", "1 turn", "1 turns", 'gym99_categories.txt:2: expected "Clabel:   1; set: 22'),
        ("gym99_categories.txt", "Glabel:   3", "Glabel: 300", "gym99_categories.txt:2: Glabel 300 is unknown"),
        ("gym99_categories.txt", "Clabel:   1", "Clabel:   2", "gym99_categories.txt:2: expected Clabel 1, got 2"),
        ("finegym_glabel_to_Qtree.json", '"BTcode": "0"', '"BTcode": "1"', "element 0 ends at 1, where element 1"),
        (
            "finegym_glabel_to_Qtree.json",
            '"BTcode": "0"',
            '"BTcode": "x"',
            "Glabel 1: BTcode: expected a text of 1 and 0",
        ),
        (
            "finegym_glabel_to_Qtree.json",
            '"BTcode": "0"',
            '"BTcode": "01"',
            "Glabel 1: expected an answer a question, got 2",
        ),
        ("finegym_glabel_to_Qtree.json", '"code": "4.60"', '"code": 4.60', "Glabel 0: code: expected text, got 4.6"),
        ("finegym_glabel_to_Qtree.json", '"code": "4.60"', '"kode": "4.60"', "expected BTcode, questions, code, got"),
        ("finegym_glabel_to_Qtree.json", '"3": {', '"9": {', "Glabel 3 is missing"),
        ("finegym_glabel_to_Qtree.json", "{", "{,", "finegym_glabel_to_Qtree.json:1: not valid JSON"),
        ("finegym_glabel_to_Qtree.json", '    "1"', '   "1"', "in the official layout"),
    ],
)
def test_a_contradiction_is_named_with_file_and_line(folder, name, old, new, expected):
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    assert expected in get_problems(folder)


def test_one_node_asks_one_question(folder):
    trees = {**TREES, "3": {**TREES["3"], "questions": ["Turn é?", "3 turn?"]}}
    (folder / "finegym_glabel_to_Qtree.json").write_text(json.dumps(trees, indent=4), encoding="utf-8")
    assert 'element 3 asks "3 turn?" at "1", element 2 asks "2 turn?"' in get_problems(folder)


def test_missing_file_is_named_and_subset_lists_may_be_missing(folder):
    (folder / "gym99_categories.txt").unlink()
    assert read_official_files(folder).class_glabels == {}
    (folder / "gym530_categories.txt").unlink()
    (folder / "set_categories.txt").unlink()
    message = get_problems(folder)
    assert "gym530_categories.txt: cannot be read: No such file" in message
    assert "set_categories.txt: cannot be read" in message


@pytest.fixture(scope="module")
def official(shared):
    return read_official_files(shared / "finegym" / "official")


@pytest.fixture(scope="module")
def problems(official):
    return check_codebook(official.codebook, official.places)


def find(problems, kind):
    return [problem for problem in problems if problem.kind == kind]


def test_official_counts(official):
    codebook = official.codebook
    assert len(codebook.events) == 10
    assert len([event for event in codebook.events if codebook.get_sets_of_event(event.id)]) == 4
    assert (len(codebook.sets), len(codebook.elements), len(codebook.trees)) == (15, 530, 15)
    assert len(codebook.queries) == len({query.text for query in codebook.queries}) == 233
    shapes = [compute_tree_shape(tree) for tree in codebook.trees]
    assert sum(shape.num_nodes for shape in shapes) == 544
    assert sum(shape.num_dead_answers for shape in shapes) == 29
    assert [shape.num_leaves for shape in shapes] == [67, 64, 20, 4, 23, 26, 58, 25, 26, 26, 58, 52, 22, 2, 57]
    assert [shape.max_depth for shape in shapes] == [10, 9, 6, 3, 8, 7, 9, 7, 6, 9, 9, 9, 7, 1, 10]
    assert {subset: len(glabels) for subset, glabels in official.class_glabels.items()} == {"gym99": 99, "gym288": 288}
    assert set(official.class_glabels["gym99"]) < set(official.class_glabels["gym288"])


def test_official_files_are_written_back_byte_for_byte(official, shared, tmp_path):
    write_official_files(official, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 5
    for name in names:
        assert (tmp_path / name).read_bytes() == (shared / "finegym" / "official" / name).read_bytes(), name


def test_official_paths_are_those_of_the_annotation(official, shared):
    """Second road: the published JSON, element by element."""
    annotation = json.loads((shared / "finegym" / "official" / "finegym_glabel_to_Qtree.json").read_text())
    codebook = official.codebook
    for glabel, entry in annotation.items():
        path = get_path(codebook.tree_by_set_id[codebook.element_by_id[glabel].set_id], glabel)
        assert "".join("1" if step.answer else "0" for step in path) == entry["BTcode"]
        assert [codebook.query_by_id[step.query_id].text for step in path] == entry["questions"]


def test_official_codebook_survives_yaml(official):
    assert parse_codebook(format_codebook(official.codebook)) == official.codebook


def test_official_files_have_no_errors_and_every_problem_has_its_line(problems):
    assert [problem for problem in problems if problem.severity == "error"] == []
    assert all(problem.place is not None for problem in problems)
    assert all(problem.element_ids for problem in problems if problem.kind != "misspelt")


def test_official_dead_answers_name_the_elements_below(problems, shared):
    findings = json.loads((shared / "finegym" / "findings.json").read_text())
    expected = [
        tuple(str(glabel) for glabel in node["elements_below"])
        for tree in findings["trees"].values()
        for node in tree["one_child_nodes"]
    ]
    dead = find(problems, "dead-answer")
    assert len(dead) == 29
    assert sorted(problem.element_ids for problem in dead) == sorted(expected)


def test_official_swapped_leaves_and_odd_codes(problems):
    assert [problem.element_ids for problem in find(problems, "swapped-leaves")] == [("373", "374"), ("376", "377")]
    assert [problem.element_ids for problem in find(problems, "odd-code")] == [("132",), ("142",), ("471",)]


def test_official_names_that_are_no_keys(problems, shared):
    findings = json.loads((shared / "finegym" / "findings.json").read_text())
    expected = {
        tuple(str(glabel) for glabel in pair)
        for pair in findings["duplicate_names_within_event_glabels"]["530"].values()
    }
    in_event = find(problems, "name-twice-in-event")
    assert len(in_event) == 4
    assert all(any(set(pair) <= set(problem.element_ids) for problem in in_event) for pair in expected)
    (across,) = find(problems, "name-in-several-events")
    assert across.message.startswith("42 names")  # 46 over all events, those four included
    assert {"67", "223"} <= set(across.element_ids)


def test_official_blanks_and_alike_texts(problems):
    trailing = {problem.element_ids[0] for problem in find(problems, "trailing-blanks")}
    assert trailing == {"94", "104", "111", "213", "220", "336"}
    alike = find(problems, "alike-queries")
    assert sum(problem.message.count(" / ") for problem in alike) == 233 - 213


def test_official_wording_flaws_of_facts_surface(problems, shared):
    findings = json.loads((shared / "finegym" / "findings.json").read_text())
    wording = [problem for problem in problems if problem.kind not in ("dead-answer", "alike-queries")]
    for text, glabels in findings["question_text_flaws"].items():
        found = [problem for problem in wording if f'"{text}"' in problem.message]
        assert any(set(map(str, glabels)) <= set(problem.element_ids) for problem in found), text
    messages = "\n".join(problem.message for problem in wording)
    for word in ("fligh", "sissone", "upawrd", "uring", "twis", "tur", "seperated"):
        assert f'"{word}" looks misspelt' in messages
    assert {problem.element_ids for problem in find(problems, "two-spellings")} == {("126",), ("260",)}
    assert {problem.element_ids for problem in find(problems, "foreign-script")} == {("457", "458"), ("457",)}


def test_official_folder_is_read_and_checked_fast(shared):
    start = time.process_time()
    files = read_official_files(shared / "finegym" / "official")
    check_codebook(files.codebook, files.places)
    assert time.process_time() - start < 1.0
