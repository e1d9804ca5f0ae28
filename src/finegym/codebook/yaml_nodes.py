"""Typed access to YAML nodes: every value is taken with its file and line, and every problem is kept, not raised.

Works on the node graph (``yaml.compose``), not on loaded objects: those have forgotten their lines, have turned
``yes:`` into ``True`` and ``4.60`` into ``4.6``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from finegym.codebook.model import AttributeValue
from finegym.codebook.problems import Place, Problem, suggest

# libyaml is several times faster; the pure Python loader reads the same language.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
# libyaml recurses on nesting and would crash the process; no tree that a person answers is this deep.
_MAX_DEPTH = 200
_NESTED_ON_ONE_LINE = re.compile(rf"(?:[-?] +){{{_MAX_DEPTH},}}")
_INDENTED = re.compile(rf"^ {{{4 * _MAX_DEPTH},}}", re.MULTILINE)
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


class YamlDoor:
    """Reads nodes of one YAML file into plain values and gathers what is wrong with them.

    Attributes:
        file: how messages name the file.
        problems: what was found so far, in the order of reading.
        keys: the key that a value was last read under, by the value's ``id`` (nodes live as long as their file).
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.keys: dict[int, ScalarNode] = {}

    def report(self, node: Node | None, message: str) -> None:
        """Keep an error at the line of ``node``."""
        self.problems.append(Problem("error", "format", message, self.place(node)))

    def place(self, node: Node | None) -> Place:
        return Place(self.file, node.start_mark.line + 1 if node is not None else 1)

    def read_root(self, path: Path) -> Node | None:
        """The root node of a file; ``None`` and a problem where it cannot be read or is not YAML."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return self._refuse(None, f"{self.file}: no such file; expected a codebook in YAML")
        except OSError as error:
            return self._refuse(None, f"{self.file}: cannot be read: {error.strerror}")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            return self._refuse(line, f"expected UTF-8 text, got byte 0x{data[error.start]:02x}; save it as UTF-8")
        return self.parse_root(text)

    def parse_root(self, text: str) -> Node | None:
        """The root node of YAML text; ``None`` and a problem where it is not one document of YAML."""
        if _is_too_deep(text):
            return self._refuse(1, f"nested more than {_MAX_DEPTH} levels deep; no codebook is")
        try:
            root = yaml.compose(text, Loader=_LOADER)
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            return self._refuse(line, f"character {error.character!r} is not allowed in YAML; remove it")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            reason = ", ".join(part for part in (error.context, error.problem) if part)
            last = text.count("\n", 0, len(text.rstrip())) + 1  # libyaml puts the end of the text on a line after it
            return self._refuse(min(mark.line + 1, last) if mark else 1, f"not valid YAML: {reason}")
        if root is None:
            return self._refuse(1, "the file is empty; expected a codebook in YAML")
        return root

    def _refuse(self, line: int | None, message: str) -> Node | None:
        place = None if line is None else Place(self.file, line)
        self.problems.append(Problem("error", "format", message, place))
        return None

    def read_fields(
        self, node: Node, what: str, *, required: Collection[str], optional: Collection[str] = ()
    ) -> dict[str, Node] | None:
        """The known fields of a mapping by name; keys are taken as written, so that ``yes`` and ``"yes"`` are the same.

        Unknown and missing ones are reported here, once; what is there is returned all the same, so that the rest of
        the file is read too. ``None`` where the node is no mapping.
        """
        fields = self.read_mapping(node, what)
        if fields is None:
            return None
        known = [*required, *optional]
        missing = [name for name in required if name not in fields]
        for name in fields:
            if name not in known:
                meant = get_close_matches(name, known, n=1)
                missing = [other for other in missing if other not in meant]  # said already, by the suggestion
                self.report(self.keys[id(fields[name])], f'{what}: unknown key "{name}"{suggest(name, known)}')
        if missing:
            self.report(node, f"{what}: missing {', '.join(missing)}")
        return {name: value for name, value in fields.items() if name in known}

    def read_mapping(self, node: Node, what: str) -> dict[str, Node] | None:
        """Values by key, keys as written and unique; ``None`` and a problem where it is no mapping."""
        if not isinstance(node, MappingNode):
            self.report(node, f"{what}: expected a mapping (key: value), got {describe(node)}")
            return None
        fields: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.report(key, f"{what}: expected a name as key, got {describe(key)}")
            elif key.value in fields:
                self.report(key, f'{what}: key "{key.value}" is there twice; remove one')
            else:
                fields[key.value] = value
                self.keys[id(value)] = key
        return fields

    def read_items(self, node: Node | None, what: str) -> list[Node]:
        """The items of a list; none where the field is absent."""
        if node is None:
            return []
        if not isinstance(node, SequenceNode):
            self.report(node, f"{what}: expected a list (lines that start with -), got {describe(node)}")
            return []
        return list(node.value)

    def read_text(self, node: Node | None, what: str) -> str:
        """Text as written: ``4.60`` stays ``4.60``, ``no`` stays ``no``.

        Empty where the field is absent (``read_fields`` has reported that) or, with a problem, holds no text.
        """
        if node is None:
            return ""
        if isinstance(node, ScalarNode) and node.value and node.tag != f"{_TAG}null":
            return node.value
        self.report(node, f"{what}: expected text, got {describe(node)}")
        return ""

    def read_integer(self, node: Node | None, what: str) -> int | None:
        """A whole number; ``None`` where the field is absent."""
        if node is None:
            return None
        if isinstance(node, ScalarNode) and _INTEGER.fullmatch(node.value):
            return int(node.value)
        self.report(node, f"{what}: expected a whole number, got {describe(node)}")
        return None

    def read_number(self, node: Node | None, what: str) -> float | None:
        """A finite number; ``None`` where the field is absent."""
        if node is None:
            return None
        if isinstance(node, ScalarNode) and _FLOAT.fullmatch(node.value) and math.isfinite(float(node.value)):
            return float(node.value)
        self.report(node, f"{what}: expected a number, got {describe(node)}")
        return None

    def read_attributes(self, node: Node | None, what: str) -> Mapping[str, AttributeValue]:
        """Attributes: names with text, numbers, ``true`` or ``false``."""
        if node is None:
            return {}
        found: dict[str, AttributeValue] = {}
        for name, value in (self.read_mapping(node, what) or {}).items():
            read = self._read_attribute(value, f"{what}: {name}")
            if read is not None:
                found[name] = read
        return found

    def _read_attribute(self, node: Node, what: str) -> AttributeValue | None:
        if isinstance(node, ScalarNode):
            if node.tag == f"{_TAG}str" and node.value:
                return node.value
            if node.tag == f"{_TAG}bool" and node.value in ("true", "false"):
                return node.value == "true"
            if node.tag == f"{_TAG}int" and _INTEGER.fullmatch(node.value):
                return int(node.value)
            if node.tag == f"{_TAG}float" and _FLOAT.fullmatch(node.value) and math.isfinite(float(node.value)):
                return float(node.value)
            if node.value and node.tag != f"{_TAG}null":
                # on, off, 1:30, 010, 2024-01-01 …: YAML 1.1 makes something of them that nobody meant.
                self.report(node, f"{what}: expected text, a number, true or false, got {node.value}; quote it if text")
                return None
        self.report(node, f"{what}: expected text, a number, true or false, got {describe(node)}")
        return None


def _is_too_deep(text: str) -> bool:
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth = depth + 1 if bracket in "[{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest > _MAX_DEPTH or bool(_NESTED_ON_ONE_LINE.search(text) or _INDENTED.search(text))


def describe(node: Node | None) -> str:
    """What a node is, for the "got" of a message."""
    if node is None:
        return "nothing"
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    return f'"{node.value}"' if node.value else "nothing"
