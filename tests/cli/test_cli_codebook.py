import json
import subprocess
import sys

import pytest

from finegym import cli
from finegym.codebook.yaml_format import read_codebook

TEXT = """\
format: finegym-codebook/1
name: tumbling
version: "1.0"
sport: tumbling
queries:
  tucked: {text: "Tucked?", yes: {body: tucked}}
events:
  - id: TU
    name: tumbling
    sets:
      - id: TU-S1
        name: saltos
        elements:
          - {id: e1, name: tuck}
          - {id: e2, name: pike}
        tree: {ask: tucked, yes: e1, no: e2}
"""


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["finegym", "codebook", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
            raise SystemExit(0)
        output = capsys.readouterr()
        return caught.value.code or 0, output.out, output.err

    return call


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_check_of_a_sound_codebook(run, book):
    assert run("check", book) == (0, "0 errors, 0 warnings\n", "")


def test_check_lists_every_mistake_with_its_line_and_exits_with_1(run, book):
    book.write_text(TEXT.replace("no: e2", "no: e9").replace("sport", "sprot"), encoding="utf-8")
    status, out, err = run("check", book)
    assert (status, err) == (1, "")
    assert f'{book}:4: codebook: unknown key "sprot"; did you mean "sport"?' in out
    book.write_text(TEXT.replace("no: e2", "no: e1"), encoding="utf-8")
    status, out, _ = run("check", book, "--json")
    found = json.loads(out)
    assert (status, found["num_errors"]) == (1, 2)
    assert {problem["kind"] for problem in found["problems"]} == {"duplicate-leaf", "no-leaf"}
    assert {problem["line"] for problem in found["problems"]} == {15, 16}


def test_show_overview_set_and_element(run, book):
    status, out, _ = run("show", book)
    assert status == 0
    assert "1 event, 1 set, 2 elements, 1 tree with 1 node, 1 query" in out
    assert "tuck" in run("show", book, "--set", "TU-S1")[1]
    assert "body: tucked" in run("show", book, "--element", "e1")[1]
    assert json.loads(run("show", book, "--json")[1])["num_elements"] == 2
    assert json.loads(run("show", book, "--set", "TU-S1", "--json")[1])["tree"]["yes"] == "e1"
    assert json.loads(run("show", book, "--element", "e1", "--json")[1])["attributes"] == {"body": "tucked"}


def test_show_without_a_name_shows_artistic_women(run):
    assert run("show")[1].startswith("artistic-women ")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["show", "artistic-woman"], 'did you mean "artistic-women"?'),
        (["show", "artistic-women", "--set", "FX-S11"], 'no set "FX-S11"; did you mean "FX-S1"?'),
        (["show", "artistic-women", "--set", "FX-S11", "--json"], 'no set "FX-S11"; did you mean "FX-S1"?'),
        (["show", "--element", "nothing-like-it"], 'no element "nothing-like-it"'),
        (["tree", "diving", "zz"], 'no set "zz"'),
        (["tree", "diving"], "expected a set after the codebook"),
        (["check", "no-such-name"], "neither a file nor a built-in codebook"),
        (["show", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["import-finegym", "nowhere", "--out", "x.yaml"], "set_categories.txt: cannot be read"),
    ],
)
def test_a_wrong_name_ends_in_one_line_and_status_1(run, words, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(*words)
    assert (status, out) == (1, "")
    assert expected in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_set_and_element_together_are_wrong_usage(run):
    assert run("show", "--set", "FX-S1", "--element", "x")[0] == 2


def test_tree_in_the_terminal_and_as_a_page(run, book, tmp_path):
    assert "├─ yes ● e1 tuck\n└─ no  ● e2 pike" in run("tree", book, "TU-S1")[1]
    assert json.loads(run("tree", book, "TU-S1", "--json")[1])["queries"] == {"tucked": "Tucked?"}
    page = tmp_path / "tree.html"
    assert run("tree", book, "--html", page) == (0, f"wrote {page}\n", "")
    assert "Tucked?" in page.read_text(encoding="utf-8")


def test_diff_in_words_and_json(run, book, tmp_path):
    new = tmp_path / "new.yaml"
    new.write_text(TEXT.replace("name: pike", "name: piked salto"), encoding="utf-8")
    assert "elements renamed (1)\n  e2\n  - pike" in run("diff", book, new)[1].replace("    ", "  ")
    assert json.loads(run("diff", book, new, "--json")[1])["elements_renamed"][0]["new"] == "piked salto"
    assert run("diff", book, book)[1] == "no differences between version 1.0 and 1.0\n"


def test_import_of_the_official_folder(run, shared, tmp_path):
    out = tmp_path / "codebook.yaml"
    status, said, _ = run("import-finegym", shared / "finegym" / "official", "--out", out)
    assert status == 0
    assert "10 events, 15 sets, 530 elements, 15 trees, 233 queries; 0 errors, " in said
    assert len(read_codebook(out).elements) == 530


def test_start_loads_no_heavy_library():
    # Start-up below 0.4 s hangs on this; seconds themselves are measured in benchmarks, not in tests.
    code = (
        "import sys; sys.argv = ['finegym', 'codebook', 'show']\n"
        "from finegym.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'polars', 'matplotlib', 'jinja2', 'rich.table'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.rstrip().endswith("[]")
