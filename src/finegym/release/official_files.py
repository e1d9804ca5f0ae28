"""``official/`` of a release: category lists, question annotation and split lists in the shape FineGym published them.

Official files count: events, sets, elements and classes are numbers there. Where a codebook has such numbers they are
used; where it has none, things are numbered in its order, and ``numbers.csv`` says which is which.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from finegym.annotations.annotation_json import format_annotation_json, number_events
from finegym.annotations.lists import format_checked_list, make_list
from finegym.annotations.splits import Split
from finegym.codebook.model import Codebook, Element, Set
from finegym.codebook.official import (
    SETS_FILE,
    format_class_line,
    format_element_line,
    format_official_files,
    format_set_line,
)
from finegym.codebook.official_trees import format_question_annotation
from finegym.codebook.tree import get_paths
from finegym.release.contents import Contents

FOLDER = "official"
OWN_ELEMENTS_FILE, OWN_TREES_FILE, NUMBERS_FILE = "element_categories.txt", "question_annotation.json", "numbers.csv"


def format_official_folder(contents: Contents) -> dict[str, str]:
    """The text of every file, by path in the release."""
    codebook = number_codebook(contents.dataset.codebook)
    official = contents.source.official
    texts = format_official_files(official) if official else _format_own_files(codebook)
    texts[NUMBERS_FILE] = _format_numbers(codebook)
    version = contents.settings.version
    for gated in contents.splits:
        split = gated.released.split
        if split.subset.level == "element":
            name = split.name
            texts.setdefault(f"{name}_categories.txt", _format_classes(split, codebook))
            texts[f"{name}_train_element_v{version}.txt"] = _format_ids(split, "train")
            texts[f"{name}_val_element.txt"] = _format_ids(split, "val")
    if official:  # makes the folder one of official files, as others read them
        annotations = format_annotation_json(contents.dataset.videos, contents.dataset.codebook)
        texts[f"finegym_annotation_info_v{version}.json"] = annotations
    return {f"{FOLDER}/{name}": text for name, text in texts.items()}


def number_codebook(codebook: Codebook) -> Codebook:
    """The codebook with a number for every set and element; given numbers stay where all of a kind have one."""
    events = number_events(codebook)
    sets = list(codebook.sets)
    if any(set_.number is None for set_ in sets):
        places = {event.id: [s.id for s in codebook.get_sets_of_event(event.id)] for event in codebook.events}
        numbers = {e.id: events.get(e.id, place) for place, e in enumerate(codebook.events, start=1)}
        sets = [replace(s, number=numbers[s.event_id] * 10 + places[s.event_id].index(s.id) + 1) for s in sets]
    elements = list(codebook.elements)
    if any(element.glabel is None for element in elements):
        elements = [replace(element, glabel=number) for number, element in enumerate(elements)]
    return replace(codebook, sets=tuple(sets), elements=tuple(elements))


def find_pathless(codebook: Codebook) -> list[str]:
    """Elements that no decision tree leads to: the question annotation has no place for them."""
    on_paths = {id_ for tree in codebook.trees for id_ in get_paths(tree)}
    return [element.id for element in codebook.elements if element.id not in on_paths]


def _format_own_files(codebook: Codebook) -> dict[str, str]:
    pathless = set(find_pathless(codebook))
    asked = [element for element in codebook.elements if element.id not in pathless]
    set_lines = [format_set_line(set_) for set_ in codebook.sets]
    element_lines = [format_element_line(codebook.set_by_id[e.set_id], e) for e in codebook.elements]
    return {
        SETS_FILE: _join_lines(set_lines),
        OWN_ELEMENTS_FILE: _join_lines(element_lines),
        OWN_TREES_FILE: format_question_annotation(asked, codebook.queries, codebook.trees),
    }


def _format_classes(split: Split, codebook: Codebook) -> str:
    elements = [codebook.element_by_id[class_.id] for class_ in split.subset.classes]
    lines = [format_class_line(i, codebook.set_by_id[e.set_id], e) for i, e in enumerate(elements)]
    return _join_lines(lines)


def _format_ids(split: Split, side: str) -> str:
    return format_checked_list(make_list(split.get_side(side)), Path(FOLDER) / f"{split.name}_{side}_element.txt")


def _format_numbers(codebook: Codebook) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("kind", "id", "number"))
    writer.writerows(("event", id_, number) for id_, number in number_events(codebook).items())
    parts: Sequence[tuple[str, Set | Element, int | None]]
    parts = [("set", s, s.number) for s in codebook.sets]
    parts += [("element", e, e.glabel) for e in codebook.elements]
    writer.writerows((kind, part.id, number) for kind, part, number in parts)
    return buffer.getvalue()


def _join_lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
