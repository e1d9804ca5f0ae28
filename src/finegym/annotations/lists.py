"""Lists of instances: one ``instance_id label`` a line, as FineGym publishes its splits.

The same syntax carries class indices (``gym99_train_element_v1.1.txt``), element ids (``elements.txt``) and set ids
(``sets.txt``). Published files differ in line ends, in the final newline and in trailing blanks; an entry therefore
remembers how its line looked, and a list that was read is written back byte for byte, in whole or filtered.

Ids are anchored by position: a label follows the fixed-width ``_E_dddddd_dddddd_A_dddd_dddd``, so that a video id may
hold blanks, ``_E_`` or a leading hyphen. Times are never derived from ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from finegym.errors import AnnotationError, join_problems
from finegym.files import write_text

# A line: id (ends in fixed widths), blanks, label, and everything up to the next entry (blanks, line end, empty lines).
_ENTRY = re.compile(
    r"(?P<id>[^\r\n]+?_E_[0-9]{6}_[0-9]{6}_A_[0-9]{4}_[0-9]{4})(?P<gap>[ \t]+)"
    r"(?P<label>[^\r\n]*[^ \t\r\n])(?P<tail>[ \t]*(?:(?:\r\n|\n)[ \t]*)*)"
)
_HEAD = re.compile(r"\ufeff?[ \t\r\n]*")
_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]*")

Label = TypeVar("Label", int, str)


class Entry(NamedTuple, Generic[Label]):
    """One line of a list.

    Attributes:
        instance_id: the sub-action, as published.
        label: a class index (int) or an element or set id (str).
        gap: the blanks between the two.
        tail: everything after the label: trailing blanks, the line end, empty lines; ``""`` at the end of a file
            without a final newline.
    """

    instance_id: str
    label: Label
    gap: str = " "
    tail: str = "\n"


@dataclass(frozen=True)
class LabelledIds(Generic[Label]):
    """A list of instances with their labels, in the order of the file, each id once.

    Attributes:
        entries: the lines.
        head: what stood before the first entry (a byte-order mark, empty lines); almost always empty.
    """

    entries: tuple[Entry[Label], ...]
    head: str = ""

    @cached_property
    def label_by_id(self) -> Mapping[str, Label]:
        """The label of every instance, in the order of the file."""
        return {entry.instance_id: entry.label for entry in self.entries}

    def __len__(self) -> int:
        return len(self.entries)


InstanceList = LabelledIds[int]
"""A published split list: instance ids with class indices of one subset (never element ids)."""


def make_list(labels: Mapping[str, Label] | Iterable[tuple[str, Label]]) -> LabelledIds[Label]:
    r"""A list with one blank between id and label and LF line ends, the last one included.

    Example:
        >>> format_list(make_list({"v_E_000001_000009_A_0000_0002": 3}))
        'v_E_000001_000009_A_0000_0002 3\n'
    """
    pairs = labels.items() if isinstance(labels, Mapping) else labels
    return LabelledIds(tuple(Entry(instance_id, label) for instance_id, label in pairs))


def read_instance_list(path: Path) -> InstanceList:
    """Read a list whose labels are class indices: whole numbers from 0.

    Raises:
        AnnotationError: the file is missing, not UTF-8, or has lines that are not ``instance_id class_index``, or an id
            twice; all such lines are named with their numbers.
    """
    return _parse_list(_read_text(path), path, _parse_class_index)


def read_id_list(path: Path) -> LabelledIds[str]:
    """Read a list whose labels are ids (``elements.txt``: element ids; ``sets.txt``: set ids).

    Raises:
        AnnotationError: as for ``read_instance_list``.
    """
    return _parse_list(_read_text(path), path, str)


def parse_instance_list(text: str, source: Path) -> InstanceList:
    """Parse the text of a list of class indices; ``source`` is what messages call it."""
    return _parse_list(text, source, _parse_class_index)


def format_list(labelled: LabelledIds[Label]) -> str:
    """The text of a list: byte for byte what was read.

    A list that was filtered or put together keeps each line as it was; an entry without a line end in the middle
    (it came from the end of a file without a final newline) gets the line end of the first entry.
    """
    entries = labelled.entries
    if not entries:
        return labelled.head
    line_end = "\r\n" if "\r\n" in entries[0].tail else "\n"
    lines = [f"{e.instance_id}{e.gap}{e.label}{e.tail}" for e in entries]
    for index, entry in enumerate(entries[:-1]):
        if "\n" not in entry.tail:
            lines[index] += line_end
    return labelled.head + "".join(lines)


def write_list(labelled: LabelledIds[Label], path: Path) -> None:
    """Write a list, whole or not at all, byte for byte as it was read.

    Raises:
        AnnotationError: an id or a label that would not be read back as it is.
        OutputError: the file cannot be written.
    """
    write_text(path, format_checked_list(labelled, path))


def format_checked_list(labelled: LabelledIds[Label], path: Path) -> str:
    """``format_list``, after making sure that the text reads back as the same entries.

    Raises:
        AnnotationError: an id or a label that would not be read back as it is; ``path`` is only for the message.
    """
    problems = [
        f"{entry.instance_id!r} {entry.label!r}"
        for entry in labelled.entries
        if not (match := _ENTRY.fullmatch(f"{entry.instance_id}{entry.gap}{entry.label}{entry.tail}"))
        or match["id"] != entry.instance_id
        or match["label"] != str(entry.label)
    ]
    if problems:
        raise AnnotationError(
            f"{path}: {len(problems)} entries cannot be written as 'instance_id label' lines: "
            f"{join_problems(problems, 5)}. Ids end in _E_dddddd_dddddd_A_dddd_dddd; labels hold no line end and no "
            "blank at either end."
        )
    return format_list(labelled)


def _read_text(path: Path) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise AnnotationError(
            f"{path}: expected a list of instances, but: {error.strerror}. Check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise AnnotationError(
            f"{path}: expected UTF-8 text, got byte {error.object[error.start]:#04x} at offset {error.start}. "
            "Convert the file to UTF-8."
        ) from error


def _parse_class_index(text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise ValueError("a class index is a whole number from 0, without sign or leading zeros")
    return int(text)


def _parse_list(text: str, source: Path, parse_label: Callable[[str], Label]) -> LabelledIds[Label]:
    head_match = _HEAD.match(text)
    head = head_match[0] if head_match else ""
    entries: list[Entry[Label]] = []
    problems: list[str] = []
    label_by_text: dict[str, Label] = {}
    offset = len(head)
    while offset < len(text):
        match = _ENTRY.match(text, offset)
        if match is None:
            # Not an entry: say what is wrong with this line and go on with the next one.
            end = text.find("\n", offset) % (len(text) + 1)
            line_number = _count_line(text, offset)
            problems.append(f"line {line_number}: expected 'instance_id label', got {text[offset:end].strip()[:80]!r}")
            offset = end + 1
            continue
        instance_id, gap, label_text, tail = match.groups()
        offset = match.end()
        try:
            if label_text not in label_by_text:
                label_by_text[label_text] = parse_label(label_text)
            entries.append(Entry(instance_id, label_by_text[label_text], gap, tail))
        except ValueError as error:
            line_number = _count_line(text, match.start())
            problems.append(f"line {line_number}: {instance_id}: got label {label_text!r}, but {error}")
    if len({entry.instance_id for entry in entries}) < len(entries):
        problems += _find_repeats(text, entries)
    if problems:
        raise AnnotationError(f"{source}: {join_problems(problems)}. Correct these lines ({len(problems)}).")
    return LabelledIds(tuple(entries), head)


def _find_repeats(text: str, entries: list[Entry[Label]]) -> list[str]:
    """One problem a repeated id, with the lines of both; only called when there are some."""
    problems = []
    first_line: dict[str, int] = {}
    known = {entry.instance_id for entry in entries}
    for number, line in enumerate(text.split("\n"), start=1):
        match = _ENTRY.match(line.lstrip("\ufeff \t"))
        if match is None or match["id"] not in known:
            continue
        if match["id"] in first_line:
            problems.append(f"line {number}: {match['id']} is already on line {first_line[match['id']]}")
        else:
            first_line[match["id"]] = number
    return problems


def _count_line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
