"""The official question annotation (``finegym_glabel_to_Qtree.json``) as decision trees, and back.

The file gives every element its path: ``{glabel: {"BTcode": "110", "questions": [text, …], "code": "1.202"}}``.
Character ``i`` of ``BTcode`` answers question ``i`` (1 yes, 0 no). The paths of one set's elements are one tree; an
answer that no path takes leads to "no such element".
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

from finegym.codebook.difficulty import parse_difficulty_code
from finegym.codebook.model import DecisionTree, Element, Leaf, Node, Query, Set
from finegym.codebook.problems import Place, Places
from finegym.codebook.tree import TreePath, get_paths

_FIELDS = ["BTcode", "questions", "code"]
_MAX_SLUG = 48

Parsed = tuple[list[Element], list[Query], list[DecisionTree], Places, list[str]]


def format_question_annotation(
    elements: Sequence[Element], queries: Sequence[Query], trees: Sequence[DecisionTree]
) -> str:
    """The annotation as published: JSON, indented by four, no line end at its end."""
    texts = {query.id: query.text for query in queries}
    paths: dict[str, TreePath] = {}
    for tree in trees:
        paths.update(get_paths(tree))
    annotation = {
        str(element.glabel): {
            "BTcode": "".join("1" if step.answer else "0" for step in paths[element.id]),
            "questions": [texts[step.query_id] for step in paths[element.id]],
            "code": element.difficulty_code,
        }
        for element in elements
    }
    return json.dumps(annotation, indent=4)


def parse_question_annotation(text: str, file: str, sets: Sequence[Set], elements: Sequence[Element]) -> Parsed:
    """Read the annotation of ``elements``, whose ids are Glabels in digits.

    Returns:
        The elements with their difficulty, the queries (one a distinct text), the trees, places, and problems (each
        with file and line); with problems, the rest is not to be used.
    """
    try:
        annotation = json.loads(text)
    except json.JSONDecodeError as error:
        return [], [], [], {}, [f"{file}:{error.lineno}: not valid JSON: {error.msg}"]
    problems = _check_shape(annotation, file, elements)
    if problems:
        return [], [], [], {}, problems
    lines = _count_lines(annotation)
    rated = [_rate(element, annotation[element.id]["code"]) for element in elements]
    queries: dict[str, Query] = {}
    places: dict[tuple[str, ...], Place] = {}
    taken: set[str] = set()
    for element in elements:
        for step, question in enumerate(annotation[element.id]["questions"]):
            if question not in queries:
                queries[question] = Query(_make_query_id(question, taken), question)
                places["query", queries[question].id] = Place(file, lines[element.id] + 3 + step)
    trees = []
    for set_ in sets:
        members = [element.id for element in elements if element.set_id == set_.id]
        builder = _TreeBuilder(set_.id, annotation, queries, lines, file)
        trees.append(DecisionTree(set_.id, builder.build(members, "") if members else Leaf(None)))
        places.update(builder.places)
        problems += builder.problems
    if not problems:
        # The second road: what was understood must give back what was read.
        problems = _compare(format_question_annotation(rated, list(queries.values()), trees), text, file)
    return rated, list(queries.values()), trees, places, problems


class _TreeBuilder:
    """Joins the paths of one set to one tree."""

    def __init__(
        self,
        set_id: str,
        annotation: dict[str, dict],
        queries: Mapping[str, Query],
        lines: Mapping[str, int],
        file: str,
    ) -> None:
        self.set_id, self.annotation, self.queries, self.lines, self.file = set_id, annotation, queries, lines, file
        self.places: dict[tuple[str, ...], Place] = {}
        self.problems: list[str] = []

    def build(self, members: Sequence[str], prefix: str) -> Node | Leaf:
        """The tree of the elements whose answers start with ``prefix``."""
        if not members:
            return Leaf(None)
        depth = len(prefix)
        first = members[0]
        self.places["node", self.set_id, prefix] = Place(self.file, self.lines[first] + 3 + depth)
        ended = [glabel for glabel in members if len(self.annotation[glabel]["BTcode"]) == depth]
        if ended:
            if len(members) > 1:
                other = next(glabel for glabel in members if glabel != ended[0])
                self.report(ended[0], f"element {ended[0]} ends at {prefix}, where element {other} is or goes on")
            return Leaf(ended[0])
        question = self.annotation[first]["questions"][depth]
        for glabel in members:
            if self.annotation[glabel]["questions"][depth] != question:
                got = self.annotation[glabel]["questions"][depth]
                self.report(glabel, f'element {glabel} asks "{got}" at "{prefix}", element {first} asks "{question}"')
        yes = [glabel for glabel in members if self.annotation[glabel]["BTcode"][depth] == "1"]
        no = [glabel for glabel in members if self.annotation[glabel]["BTcode"][depth] == "0"]
        return Node(self.queries[question].id, self.build(yes, f"{prefix}1"), self.build(no, f"{prefix}0"))

    def report(self, glabel: str, message: str) -> None:
        self.problems.append(f"{self.file}:{self.lines[glabel]}: {message}")


def _check_shape(annotation: object, file: str, elements: Sequence[Element]) -> list[str]:
    if not isinstance(annotation, dict):
        return [f"{file}: expected an object with a Glabel for key, got {type(annotation).__name__}"]
    problems = []
    for element in elements:
        if element.id not in annotation:
            problems.append(f"{file}: Glabel {element.id} is missing")
    known = {element.id for element in elements}
    for glabel, entry in annotation.items():
        where = f"{file}: Glabel {glabel}"
        if glabel not in known:
            problems.append(f"{where} is unknown to the category list")
        elif not isinstance(entry, dict) or list(entry) != _FIELDS:
            problems.append(f"{where}: expected {', '.join(_FIELDS)}, got {', '.join(entry) or entry!r}")
        elif not isinstance(entry["code"], str):
            problems.append(f"{where}: code: expected text, got {entry['code']!r}")
        elif not isinstance(entry["BTcode"], str) or not re.fullmatch("[01]*", entry["BTcode"]):
            problems.append(f"{where}: BTcode: expected a text of 1 and 0, got {entry['BTcode']!r}")
        elif not isinstance(entry["questions"], list) or not all(isinstance(text, str) for text in entry["questions"]):
            problems.append(f"{where}: questions: expected a list of texts")
        elif len(entry["questions"]) != len(entry["BTcode"]):
            got = f"{len(entry['BTcode'])} answers to {len(entry['questions'])} questions"
            problems.append(f"{where}: expected an answer a question, got {got}")
    return problems


def _count_lines(annotation: Mapping[str, Mapping]) -> dict[str, int]:
    """The line of every Glabel's key: an entry takes six lines and one a question."""
    lines, line = {}, 2
    for glabel, entry in annotation.items():
        lines[glabel] = line
        line += 6 + len(entry["questions"])
    return lines


def _rate(element: Element, code: str) -> Element:
    difficulty = parse_difficulty_code(code)
    return replace(element, difficulty_code=code, difficulty_value=difficulty.value if difficulty else None)


def _make_query_id(text: str, taken: set[str]) -> str:
    """A readable id made of the words of a text, unique among those taken so far."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"\d+\.\d+|[a-z0-9]+", plain)
    slug = "-".join(words)
    if len(slug) > _MAX_SLUG:
        slug = slug[: _MAX_SLUG + 1].rpartition("-")[0]
    slug = slug or "query"
    unique, count = slug, 1
    while unique in taken:
        count += 1
        unique = f"{slug}-{count}"
    taken.add(unique)
    return unique


def _compare(written: str, read: str, file: str) -> list[str]:
    if written == read:
        return []
    for number, (ours, theirs) in enumerate(zip(written.split("\n"), read.split("\n"), strict=False), start=1):
        if ours != theirs:
            return [f"{file}:{number}: expected {ours.strip()!r} in the official layout, got {theirs.strip()!r}"]
    return [f"{file}: expected the official layout (JSON, indented by four), got another number of lines"]
