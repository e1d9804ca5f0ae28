"""What changed from one version of a codebook to the next. Things are the same where their ids are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from finegym.codebook.model import Codebook, Element
from finegym.codebook.tree import TreePath, get_paths


@dataclass(frozen=True, slots=True)
class Change:
    """Something that both versions have, differently.

    Attributes:
        id: of an element, query, set or event.
        old: what it was, as text.
        new: what it is, as text.
    """

    id: str
    old: str
    new: str


@dataclass(frozen=True)
class CodebookDiff:
    """The difference of two versions. Ids are in the order of the new version, of the old one where only that has them.

    ``*_moved`` went to another set, ``*_repathed`` are found by other queries or answers.
    """

    old_version: str
    new_version: str
    events_appeared: tuple[str, ...] = ()
    events_gone: tuple[str, ...] = ()
    sets_appeared: tuple[str, ...] = ()
    sets_gone: tuple[str, ...] = ()
    sets_renamed: tuple[Change, ...] = ()
    elements_appeared: tuple[str, ...] = ()
    elements_gone: tuple[str, ...] = ()
    elements_moved: tuple[Change, ...] = ()
    elements_renamed: tuple[Change, ...] = ()
    elements_repathed: tuple[Change, ...] = ()
    elements_rerated: tuple[Change, ...] = ()
    attributes_changed: tuple[Change, ...] = ()
    queries_appeared: tuple[str, ...] = ()
    queries_gone: tuple[str, ...] = ()
    queries_reworded: tuple[Change, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed (a new version number alone is nothing)."""
        return not any(_get_lists(self).values())

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``json.dumps``: versions, and per kind of change a list."""
        return asdict(self)


def compute_diff(old: Codebook, new: Codebook) -> CodebookDiff:
    """The difference of two versions of a codebook."""
    kept = [element_id for element_id in new.element_by_id if element_id in old.element_by_id]
    old_paths, new_paths = _format_paths(old, kept), _format_paths(new, kept)
    return CodebookDiff(
        old_version=old.version,
        new_version=new.version,
        events_appeared=_subtract(new.event_by_id, old.event_by_id),
        events_gone=_subtract(old.event_by_id, new.event_by_id),
        sets_appeared=_subtract(new.set_by_id, old.set_by_id),
        sets_gone=_subtract(old.set_by_id, new.set_by_id),
        sets_renamed=_compare({one.id: one.name for one in old.sets}, {one.id: one.name for one in new.sets}),
        elements_appeared=_subtract(new.element_by_id, old.element_by_id),
        elements_gone=_subtract(old.element_by_id, new.element_by_id),
        elements_moved=_compare(
            {element.id: element.set_id for element in old.elements},
            {element.id: element.set_id for element in new.elements},
        ),
        elements_renamed=_compare(
            {element.id: element.name for element in old.elements},
            {element.id: element.name for element in new.elements},
        ),
        elements_repathed=_compare(old_paths, new_paths),
        elements_rerated=_compare(
            {element.id: _format_difficulty(element) for element in old.elements},
            {element.id: _format_difficulty(element) for element in new.elements},
        ),
        attributes_changed=_compare(_format_attributes(old), _format_attributes(new)),
        queries_appeared=_subtract(new.query_by_id, old.query_by_id),
        queries_gone=_subtract(old.query_by_id, new.query_by_id),
        queries_reworded=_compare(
            {query.id: query.text for query in old.queries}, {query.id: query.text for query in new.queries}
        ),
    )


def format_diff(diff: CodebookDiff, old: Codebook, new: Codebook) -> str:
    """The difference for people: a heading a kind of change, a line a change, names beside ids."""
    if diff.is_empty:
        return f"no differences between version {diff.old_version} and {diff.new_version}"
    lines = [f"{old.name} {diff.old_version} → {new.name} {diff.new_version}"]
    for kind, changes in _get_lists(diff).items():
        if changes:
            lines += ["", f"{kind.replace('_', ' ')} ({len(changes)})"]
            lines += [f"  {line}" for change in changes for line in _format_change(change, kind, old, new)]
    return "\n".join(lines)


def _format_change(change: str | Change, kind: str, old: Codebook, new: Codebook) -> Iterator[str]:
    what = kind.split("_")[0]
    if isinstance(change, str):
        name = _find_name(what, change, new) or _find_name(what, change, old)
        yield f"{change}  {name}" if name else change
        return
    name = "" if kind.endswith(("renamed", "reworded")) else _find_name(what, change.id, new)
    yield f"{change.id}  {name}" if name else change.id
    yield f"  - {change.old}"
    yield f"  + {change.new}"


def _find_name(what: str, id_: str, codebook: Codebook) -> str:
    if what in ("elements", "attributes"):
        return codebook.element_by_id[id_].name.strip() if id_ in codebook.element_by_id else ""
    if what == "queries":
        return codebook.query_by_id[id_].text if id_ in codebook.query_by_id else ""
    if what == "sets":
        return codebook.set_by_id[id_].name if id_ in codebook.set_by_id else ""
    return codebook.event_by_id[id_].name if id_ in codebook.event_by_id else ""


def _get_lists(diff: CodebookDiff) -> dict[str, Sequence[str | Change]]:
    return {field.name: getattr(diff, field.name) for field in fields(diff) if not field.name.endswith("_version")}


def _subtract(left: Mapping[str, object], right: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(id_ for id_ in left if id_ not in right)


def _compare(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    return tuple(Change(id_, before[id_], text) for id_, text in after.items() if before.get(id_, text) != text)


def _format_paths(codebook: Codebook, element_ids: Sequence[str]) -> dict[str, str]:
    paths: dict[str, TreePath] = {}
    for tree in codebook.trees:
        paths.update(get_paths(tree))
    return {id_: _format_path(paths[id_]) if id_ in paths else "no path" for id_ in element_ids}


def _format_path(path: TreePath) -> str:
    steps = [f"{step.query_id}: {'yes' if step.answer else 'no'}" for step in path]
    return ", ".join(steps) or "at the root"


def _format_difficulty(element: Element) -> str:
    value = "none" if element.difficulty_value is None else f"{element.difficulty_value:g}"
    return f"value {value}, code {element.difficulty_code or 'none'}"


def _format_attributes(codebook: Codebook) -> dict[str, str]:
    return {
        element_id: ", ".join(f"{name}={value}" for name, value in sorted(attributes.items())) or "none"
        for element_id, attributes in codebook.attributes_by_element_id.items()
    }
