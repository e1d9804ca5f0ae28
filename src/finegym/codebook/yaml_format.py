"""``codebook.yaml``: the file in which people write a codebook. Format and fields are described in docs/codebook.md.

Reading names every problem with file and line, all in one error. Writing produces a file that reads well and reads
back equal; comments that somebody wrote by hand are not kept, because a ``Codebook`` does not know them.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path

from yaml.nodes import MappingNode, Node, ScalarNode

from finegym.codebook import model
from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Query, Set
from finegym.codebook.problems import Place, Places, Problem, suggest
from finegym.codebook.yaml_nodes import YamlDoor, describe
from finegym.codebook.yaml_text import FORMAT, NO_ELEMENT, format_codebook
from finegym.errors import CodebookError, join_problems
from finegym.files import write_text

_HEAD = ("format", "name", "version", "sport")


def read_codebook(path: Path) -> Codebook:
    """Read a ``codebook.yaml``.

    Raises:
        CodebookError: the file is missing, is not YAML, or does not follow the format. All problems are in the one
            message, each with file and line.
    """
    return read_codebook_with_places(path)[0]


def read_codebook_with_places(path: Path) -> tuple[Codebook, Places]:
    """As ``read_codebook``, and where every part of it stands in the file (for ``check_codebook``)."""
    codebook, places, problems = scan_codebook(path)
    if codebook is None:
        raise CodebookError(join_problems([str(problem) for problem in problems]))
    return codebook, places


def scan_codebook(path: Path) -> tuple[Codebook | None, Places, tuple[Problem, ...]]:
    """Read a ``codebook.yaml`` without raising: the codebook is ``None`` where there are problems."""
    reader = _Reader(str(path))
    # A third of the time would go to the garbage collector, which looks again and again through nodes that all live.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return reader.read(reader.door.read_root(Path(path)))
    finally:
        if was_enabled:
            gc.enable()


def parse_codebook(text: str, file: str = "codebook.yaml") -> Codebook:
    """Read a codebook from YAML text; ``file`` is what messages call it."""
    reader = _Reader(file)
    codebook, _, problems = reader.read(reader.door.parse_root(text))
    if codebook is None:
        raise CodebookError(join_problems([str(problem) for problem in problems]))
    return codebook


def write_codebook(codebook: Codebook, path: Path) -> None:
    """Write a codebook as YAML, whole or not at all; element names stand as comments beside the leaves.

    Raises:
        CodebookError: sets, elements or trees are not in the order of events and sets, which the nested file has.
        OutputError: the file cannot be written.
    """
    write_text(path, format_codebook(codebook))


class _Reader:
    """One pass over one file; what it has read so far."""

    def __init__(self, file: str) -> None:
        self.door = YamlDoor(file)
        self.places: dict[tuple[str, ...], Place] = {}
        self.events: list[Event] = []
        self.sets: list[Set] = []
        self.elements: list[Element] = []
        self.queries: list[Query] = []
        self.trees: list[DecisionTree] = []
        self.seen_tree_nodes: set[int] = set()

    def read(self, root: Node | None) -> tuple[Codebook | None, Places, tuple[Problem, ...]]:
        head: dict[str, str] = {}
        if root is not None:
            head = self.read_document(root)
        if self.door.problems:
            return None, self.places, tuple(self.door.problems)
        codebook = Codebook(
            name=head["name"],
            version=head["version"],
            sport=head["sport"],
            events=tuple(self.events),
            sets=tuple(self.sets),
            elements=tuple(self.elements),
            queries=tuple(self.queries),
            trees=tuple(self.trees),
            source=head.get("source", ""),
        )
        return codebook, self.places, ()

    def read_document(self, root: Node) -> dict[str, str]:
        if isinstance(root, MappingNode):
            # A file of another version may differ in everything: say only that.
            for key, value in root.value:
                if isinstance(key, ScalarNode) and key.value == "format" and getattr(value, "value", "") != FORMAT:
                    self.door.report(value, f'format: expected "{FORMAT}", got {describe(value)}; update finegym')
                    return {}
        fields = self.door.read_fields(root, "codebook", required=(*_HEAD, "events"), optional=("source", "queries"))
        if fields is None:
            return {}
        head = {name: self.door.read_text(fields[name], name) for name in (*_HEAD, "source") if name in fields}
        if "queries" in fields:
            for query_id, node in (self.door.read_mapping(fields["queries"], "queries") or {}).items():
                self.read_query(query_id, node)
        trees: list[tuple[str, Node]] = []
        for node in self.door.read_items(fields.get("events"), "events"):
            trees += self.read_event(node)
        # Trees last: their leaves may name elements of any set, and check_codebook says which are in the wrong one.
        known_queries = [query.id for query in self.queries]
        known_elements = [element.id for element in self.elements]
        for set_id, node in trees:
            tree_root = self.read_tree_node(node, set_id, "", set(known_queries), set(known_elements))
            self.trees.append(DecisionTree(set_id, tree_root))
        return head

    def remember(self, kind: str, id_: str, node: Node | None) -> None:
        place = self.door.place(node)
        if not id_:
            return  # reported as missing
        if (kind, id_) in self.places:
            first = self.places[kind, id_].line
            self.door.report(node, f'{kind} id "{id_}" is already taken on line {first}; ids are unique')
        else:
            self.places[kind, id_] = place

    def read_query(self, query_id: str, node: Node) -> None:
        what = f"query {query_id}"
        self.places["query", query_id] = self.door.place(self.door.keys[id(node)])
        fields = self.door.read_fields(node, what, required=("text",), optional=("yes", "no"))
        if fields is None:
            return
        text = self.door.read_text(fields.get("text"), f"{what}: text")
        yes = self.door.read_attributes(fields.get("yes"), f"{what}: yes")
        no = self.door.read_attributes(fields.get("no"), f"{what}: no")
        self.queries.append(Query(query_id, text, yes, no))

    def read_event(self, node: Node) -> list[tuple[str, Node]]:
        fields = self.door.read_fields(node, "event", required=("id", "name"), optional=("number", "sets"))
        if fields is None:
            return []
        event_id = self.door.read_text(fields.get("id"), "event: id")
        what = f"event {event_id}"
        self.remember("event", event_id, fields.get("id"))
        name = self.door.read_text(fields.get("name"), f"{what}: name")
        self.events.append(Event(event_id, name, self.door.read_integer(fields.get("number"), f"{what}: number")))
        trees = []
        for set_node in self.door.read_items(fields.get("sets"), f"{what}: sets"):
            trees += self.read_set(set_node, event_id)
        return trees

    def read_set(self, node: Node, event_id: str) -> list[tuple[str, Node]]:
        fields = self.door.read_fields(
            node, f"set of {event_id}", required=("id", "name"), optional=("number", "attributes", "elements", "tree")
        )
        if fields is None:
            return []
        set_id = self.door.read_text(fields.get("id"), f"set of {event_id}: id")
        what = f"set {set_id}"
        self.remember("set", set_id, fields.get("id"))
        name = self.door.read_text(fields.get("name"), f"{what}: name")
        number = self.door.read_integer(fields.get("number"), f"{what}: number")
        attributes = self.door.read_attributes(fields.get("attributes"), f"{what}: attributes")
        self.sets.append(Set(set_id, event_id, name, number, attributes))
        for element_node in self.door.read_items(fields.get("elements"), f"{what}: elements"):
            self.read_element(element_node, set_id)
        if "tree" not in fields:
            return []
        self.places["tree", set_id] = self.door.place(self.door.keys[id(fields["tree"])])
        return [(set_id, fields["tree"])]

    def read_element(self, node: Node, set_id: str) -> None:
        fields = self.door.read_fields(
            node, f"element of {set_id}", required=("id", "name"), optional=("difficulty", "glabel", "attributes")
        )
        if fields is None:
            return
        element_id = self.door.read_text(fields.get("id"), f"element of {set_id}: id")
        what = f"element {element_id}"
        self.remember("element", element_id, fields.get("id"))
        if element_id == NO_ELEMENT:
            self.door.report(
                fields["id"], f'element id "{NO_ELEMENT}" means "no such element" in trees; choose another'
            )
        code, value = self.read_difficulty(fields.get("difficulty"), what)
        self.elements.append(
            Element(
                id=element_id,
                set_id=set_id,
                name=self.door.read_text(fields.get("name"), f"{what}: name"),
                difficulty_code=code,
                difficulty_value=value,
                glabel=self.door.read_integer(fields.get("glabel"), f"{what}: glabel"),
                given_attributes=self.door.read_attributes(fields.get("attributes"), f"{what}: attributes"),
            )
        )

    def read_difficulty(self, node: Node | None, what: str) -> tuple[str | None, float | None]:
        if node is None:
            return None, None
        fields = self.door.read_fields(node, f"{what}: difficulty", required=(), optional=("code", "value")) or {}
        code = self.door.read_text(fields["code"], f"{what}: difficulty code") if "code" in fields else None
        return code, self.door.read_number(fields.get("value"), f"{what}: difficulty value")

    def read_tree_node(
        self, node: Node | None, set_id: str, answers: str, queries: set[str], elements: set[str]
    ) -> model.Node | Leaf:
        if node is None:
            return Leaf(None)  # a missing answer, reported at its node
        where = f"tree of {set_id}" + (f" at {answers}" if answers else "")
        self.places["node", set_id, answers] = self.door.place(node)
        if isinstance(node, ScalarNode):
            return self.read_leaf(node, where, elements)
        if id(node) in self.seen_tree_nodes:
            self.door.report(node, f"{where}: a part of a tree is used twice (YAML alias); write it out")
            return Leaf(None)
        self.seen_tree_nodes.add(id(node))
        fields = self.door.read_fields(node, where, required=("ask", "yes", "no"))
        if fields is None:
            return Leaf(None)
        query_id = self.door.read_text(fields.get("ask"), f"{where}: ask")
        if query_id and query_id not in queries:
            self.door.report(
                fields.get("ask"), f'{where}: unknown query "{query_id}"{suggest(query_id, sorted(queries))}'
            )
        yes = self.read_tree_node(fields.get("yes"), set_id, f"{answers}1", queries, elements)
        no = self.read_tree_node(fields.get("no"), set_id, f"{answers}0", queries, elements)
        return model.Node(query_id, yes, no)

    def read_leaf(self, node: ScalarNode, where: str, elements: set[str]) -> Leaf:
        if node.value == NO_ELEMENT:
            return Leaf(None)
        element_id = self.door.read_text(node, f"{where}: leaf (an element, or {NO_ELEMENT})")
        if element_id and element_id not in elements:
            self.door.report(node, f'{where}: unknown element "{element_id}"{_suggest_leaf(element_id, elements)}')
        return Leaf(element_id)


def _suggest_leaf(element_id: str, elements: Sequence[str] | set[str]) -> str:
    return suggest(element_id, sorted(elements)) + f' (or write {NO_ELEMENT}, "no such element")'
