import pytest

from finegym.codebook.builtin import list_builtins, read_builtin
from finegym.codebook.official import read_official_codebook
from finegym.codebook.source import check_source, open_codebook
from finegym.codebook.yaml_format import write_codebook
from finegym.errors import CodebookError


def test_a_built_in_is_opened_by_name_and_read_once():
    name = list_builtins()[0]
    codebook, places = open_codebook(name)
    assert codebook is read_builtin(name)
    assert places["element", codebook.elements[0].id].file.endswith(f"{name}.yaml")


def test_a_file_and_the_folder_that_holds_it_are_the_same(tmp_path):
    codebook = read_builtin("diving")
    write_codebook(codebook, tmp_path / "codebook.yaml")
    assert open_codebook(str(tmp_path))[0] == open_codebook(str(tmp_path / "codebook.yaml"))[0] == codebook


def test_unknown_names_are_answered_with_a_suggestion(tmp_path):
    with pytest.raises(CodebookError, match='did you mean "artistic-women"'):
        open_codebook("artistic-woman")
    with pytest.raises(CodebookError, match='no built-in codebook "divin"; did you mean "diving"'):
        read_builtin("divin")
    with pytest.raises(CodebookError, match="no such file"):
        open_codebook(str(tmp_path / "none.yaml"))
    with pytest.raises(CodebookError, match="found neither"):
        open_codebook(str(tmp_path))


def test_problems_of_a_file_that_cannot_be_read_are_listed_not_raised(tmp_path):
    path = tmp_path / "book.yaml"
    path.write_text("format: finegym-codebook/1\nnmae: x\n", encoding="utf-8")
    problems = check_source(str(path))
    assert [(problem.severity, problem.place.line) for problem in problems] == [("error", 2), ("error", 1)]


def test_the_official_folder_is_opened_as_a_codebook(shared):
    folder = shared / "finegym" / "official"
    codebook, places = open_codebook(str(folder))
    assert codebook == read_official_codebook(folder)
    assert places["element", "529"].line == 530
