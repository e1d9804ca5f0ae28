"""The official FineGym category files and question annotation, read into a ``Codebook`` and written back byte for byte.

The text of every file is a function of typed values, nothing else is kept:

- ``set_categories.txt`` from the sets (number, name);
- ``gym530_categories.txt`` from the elements (Glabel, set, event, name as published, blanks at its end included);
- ``gym99_categories.txt``, ``gym288_categories.txt`` from their lists of Glabels, since they repeat Gym530 otherwise;
- ``finegym_glabel_to_Qtree.json`` from the trees (answers and texts of each path) and the difficulty codes, which stay
  text;
- and from ``TextLayout``: how lines end. Everything else about the layout is fixed (numbers padded to three and two
  columns, JSON indented by four), and the reader refuses a line that this layout would not give back.

Source: https://sdolivia.github.io/FineGym/ (category lists and question annotation, CC BY-NC 4.0).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finegym.codebook.model import Codebook, Element, Event, Set
from finegym.codebook.official_trees import format_question_annotation, parse_question_annotation
from finegym.codebook.problems import Place, Places
from finegym.errors import CodebookError, join_problems
from finegym.files import write_text

SETS_FILE = "set_categories.txt"
ELEMENTS_FILE = "gym530_categories.txt"
TREES_FILE = "finegym_glabel_to_Qtree.json"
SUBSET_FILES = {"gym99": "gym99_categories.txt", "gym288": "gym288_categories.txt"}

WOMEN = (
    Event("VT", "vault", 1),
    Event("FX", "floor exercise", 2),
    Event("BB", "balance beam", 3),
    Event("UB", "uneven bars", 4),
)
# The paper counts ten events; men's records are annotated at the event level only, so these have no sets and numbers.
MEN = (
    Event("MFX", "floor exercise (men)"),
    Event("MPH", "pommel horse (men)"),
    Event("MSR", "still rings (men)"),
    Event("MVT", "vault (men)"),
    Event("MPB", "parallel bars (men)"),
    Event("MHB", "horizontal bar (men)"),
)

_SET_LINE = re.compile(r"set: *(?P<set>\d+); (?P<name>.*)")
_ELEMENT_LINE = re.compile(r"Glabel: *(?P<glabel>\d+); set: *(?P<set>\d+); \((?P<event>[A-Z]+)\) (?P<name>.*)")
_CLASS_LINE = re.compile(
    r"Clabel: *(?P<index>\d+); set: *(?P<set>\d+); Glabel: *(?P<glabel>\d+); \((?P<event>[A-Z]+)\) (?P<name>.*)"
)


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How the lines of a file end."""

    line_end: str = "\n"
    has_final_line_end: bool = True


@dataclass(frozen=True)
class OfficialFiles:
    """The official folder as values.

    Attributes:
        codebook: events, sets, elements, trees; element ids are Glabels in digits.
        class_glabels: per subset (``"gym99"``, ``"gym288"``; those whose file is there) the Glabel of each class index.
        layouts: per file name, how its lines end.
        places: file and line of every part, for ``check_codebook``.
    """

    codebook: Codebook
    class_glabels: Mapping[str, tuple[int, ...]]
    layouts: Mapping[str, TextLayout]
    places: Places = field(compare=False, default_factory=dict, repr=False)


def read_official_codebook(folder: Path) -> Codebook:
    """The codebook of an official folder. See ``read_official_files``."""
    return read_official_files(folder).codebook


def read_official_files(folder: Path) -> OfficialFiles:
    """Read the category files and trees of an official folder.

    Raises:
        CodebookError: a file is missing (the two subset lists may be), a line does not have the published layout, or
            the files contradict each other; every problem with file and line in one message.
    """
    reader = _Reader(Path(folder))
    sets = reader.read_sets()
    elements = reader.read_elements(sets)
    annotation = reader.read_text(TREES_FILE)
    reader.stop_at_problems()
    subsets = {name: file for name, file in SUBSET_FILES.items() if (reader.folder / file).exists()}
    class_glabels = {name: reader.read_classes(file, sets, elements) for name, file in subsets.items()}
    file = str(reader.folder / TREES_FILE)
    elements, queries, trees, places, problems = parse_question_annotation(annotation, file, sets, elements)
    reader.problems += problems
    reader.places.update(places)
    reader.stop_at_problems()
    codebook = Codebook(
        name="finegym",
        version="1.1",
        sport="artistic gymnastics",
        events=(*WOMEN, *MEN),
        sets=tuple(sets),
        elements=tuple(elements),
        queries=tuple(queries),
        trees=tuple(trees),
        source="official FineGym categories and question annotation, https://sdolivia.github.io/FineGym/, CC BY-NC 4.0",
    )
    return OfficialFiles(codebook, class_glabels, reader.layouts, reader.places)


def write_official_files(files: OfficialFiles, folder: Path) -> None:
    """Write the files that ``read_official_files`` reads, byte for byte as they were read."""
    for name, text in format_official_files(files).items():
        write_text(Path(folder) / name, text)


def format_official_files(files: OfficialFiles) -> dict[str, str]:
    """The text of every official file, by file name."""
    codebook = files.codebook
    sets = codebook.set_by_id
    by_glabel = {element.glabel: element for element in codebook.elements}
    lines = {
        SETS_FILE: [format_set_line(set_) for set_ in codebook.sets],
        ELEMENTS_FILE: [format_element_line(sets[element.set_id], element) for element in codebook.elements],
        TREES_FILE: format_question_annotation(codebook.elements, codebook.queries, codebook.trees).split("\n"),
    }
    for subset, glabels in files.class_glabels.items():
        lines[SUBSET_FILES[subset]] = [
            format_class_line(index, sets[by_glabel[glabel].set_id], by_glabel[glabel])
            for index, glabel in enumerate(glabels)
        ]
    texts = {}
    for name, of_file in lines.items():
        layout = files.layouts.get(name, TextLayout(has_final_line_end=name != TREES_FILE))
        texts[name] = layout.line_end.join(of_file) + (layout.line_end if layout.has_final_line_end else "")
    return texts


def format_set_line(set_: Set) -> str:
    """A line of ``set_categories.txt``."""
    return f"set: {set_.number}; {set_.name}"


def format_element_line(set_: Set, element: Element) -> str:
    """A line of ``gym530_categories.txt``."""
    return f"Glabel: {element.glabel:3d}; set: {set_.number:2d}; ({set_.event_id}) {element.name}"


def format_class_line(index: int, set_: Set, element: Element) -> str:
    """A line of ``gym99_categories.txt``."""
    return f"Clabel: {index:3d}; set: {set_.number:2d}; Glabel: {element.glabel:3d}; ({set_.event_id}) {element.name}"


def make_set_id(number: int) -> tuple[str, str] | None:
    """Event id and set id of an official set number: 1 is ``VT-S1``, 21 to 25 are ``FX-S1`` to ``FX-S5``, and so on.

    Example:
        >>> make_set_id(1), make_set_id(44), make_set_id(7)
        (('VT', 'VT-S1'), ('UB', 'UB-S4'), None)
    """
    event_number, k = divmod(number, 10) if number != 1 else (1, 1)
    for event in WOMEN:
        if event.number == event_number and k > 0:
            return event.id, f"{event.id}-S{k}"
    return None


class _Reader:
    """One pass over a folder; problems are gathered and raised together."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[str] = []
        self.layouts: dict[str, TextLayout] = {}
        self.places: dict[tuple[str, ...], Place] = {}

    def stop_at_problems(self) -> None:
        if self.problems:
            raise CodebookError(join_problems(self.problems))

    def report(self, file: str, line: int, message: str) -> None:
        self.problems.append(f"{self.folder / file}:{line}: {message}")

    def read_text(self, file: str) -> str:
        """The text of a file with LF for line ends and none at its end; ``layouts`` keeps what it had."""
        path = self.folder / file
        try:
            data = path.read_bytes()
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            self.report(file, line, f"expected UTF-8 text, got byte 0x{error.object[error.start]:02x}")
            return ""
        except OSError as error:
            self.problems.append(f"{path}: cannot be read: {error.strerror}; it is one of the official FineGym files")
            return ""
        line_end = "\r\n" if "\r\n" in text else "\n"
        self.layouts[file] = TextLayout(line_end, text.endswith(line_end))
        return "\n".join(text.removesuffix(line_end).split(line_end))

    def match_lines(self, file: str, pattern: re.Pattern[str], sample: str) -> Iterator[tuple[int, str, re.Match[str]]]:
        text = self.read_text(file)
        for number, line in enumerate(text.split("\n") if text else [], start=1):
            match = pattern.fullmatch(line)
            if match:
                yield number, line, match
            else:
                self.report(file, number, f'expected a line like "{sample}", got "{line}"')

    def check_line(self, file: str, number: int, line: str, written: str) -> None:
        if line != written:
            self.report(file, number, f'expected "{written}", got "{line}"')

    def read_sets(self) -> list[Set]:
        sets: list[Set] = []
        for line_number, line, match in self.match_lines(SETS_FILE, _SET_LINE, "set: 21; FX_leap_jump_hop"):
            number = int(match["set"])
            ids = make_set_id(number)
            if ids is None:
                self.report(SETS_FILE, line_number, f"set {number} belongs to no event; expected 1, or event x 10 + k")
            elif any(set_.number == number for set_ in sets):
                self.report(SETS_FILE, line_number, f"set {number} is there twice")
            else:
                sets.append(Set(ids[1], ids[0], match["name"], number))
                self.places["set", ids[1]] = Place(str(self.folder / SETS_FILE), line_number)
                self.check_line(SETS_FILE, line_number, line, format_set_line(sets[-1]))
        return sets

    def read_elements(self, sets: Sequence[Set]) -> list[Element]:
        set_by_number = {set_.number: set_ for set_ in sets}
        elements: list[Element] = []
        sample = "Glabel:   0; set:  1; (VT) name"
        for line_number, line, match in self.match_lines(ELEMENTS_FILE, _ELEMENT_LINE, sample):
            glabel, set_ = int(match["glabel"]), set_by_number.get(int(match["set"]))
            if glabel != len(elements):
                self.report(ELEMENTS_FILE, line_number, f"expected Glabel {len(elements)}, got {glabel}")
            if set_ is None:
                self.report(
                    ELEMENTS_FILE, line_number, f"element {glabel}: set {match['set']} is unknown to {SETS_FILE}"
                )
                continue
            elements.append(Element(str(glabel), set_.id, match["name"], glabel=glabel))
            self.places["element", str(glabel)] = Place(str(self.folder / ELEMENTS_FILE), line_number)
            self.check_line(ELEMENTS_FILE, line_number, line, format_element_line(set_, elements[-1]))
        return elements

    def read_classes(self, file: str, sets: Sequence[Set], elements: Sequence[Element]) -> tuple[int, ...]:
        set_by_id = {set_.id: set_ for set_ in sets}
        glabels: list[int] = []
        sample = "Clabel:   0; set:  1; Glabel:   1; (VT) name"
        for line_number, line, match in self.match_lines(file, _CLASS_LINE, sample):
            index, glabel = int(match["index"]), int(match["glabel"])
            if glabel >= len(elements):
                self.report(file, line_number, f"Glabel {glabel} is unknown to {ELEMENTS_FILE}")
            elif glabel in glabels:
                self.report(file, line_number, f"Glabel {glabel} is there twice")
            elif index != len(glabels):
                self.report(file, line_number, f"expected Clabel {len(glabels)}, got {index}")
            else:
                element = elements[glabel]
                self.check_line(file, line_number, line, format_class_line(index, set_by_id[element.set_id], element))
            glabels.append(glabel)
        return tuple(glabels)
