"""The card's tables of agreement, and annotators as numbers, from the JSON of ``finegym quality agreement``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from finegym.errors import ConfigError, join_problems
from finegym.release.markdown import make_table

_MAX_ROWS = 12  # longer tables are in the file only


def describe_agreement(stage: str, agreement: Mapping[str, Any]) -> Iterator[str]:
    """Lines of Markdown: the overall table of each section; a value that is undefined says why."""
    yield f"### Agreement on {stage}"
    yield ""
    yield (
        f"{len(agreement.get('annotators', ())):,} annotators, {agreement.get('num_shared_items', 0):,} of "
        f"{agreement.get('num_items', 0):,} items done by two or more; intervals are 95 % over records. All tables are "
        f"in `agreement/{stage}.json`."
    )
    yield ""
    for name, tables in agreement.get("sections", {}).items():
        for table in tables:
            if table["key"] == name and 0 < len(table["rows"]) <= _MAX_ROWS:
                yield from _describe_table(table)


def _describe_table(table: Mapping[str, Any]) -> Iterator[str]:
    yield f"{table['title']}:"
    yield ""
    header = [*table["about"], *(_head(column) for column in table["columns"])]
    rows = [
        [*(row[name] for name in table["about"]), *(_format(row[c["key"]], c["kind"]) for c in table["columns"])]
        for row in table["rows"]
    ]
    yield from make_table(header, rows, num_left=len(table["about"]))


def _head(column: Mapping[str, Any]) -> str:
    unit = f", {column['kind']}" if column["kind"] in ("ms", "frames") else ""
    return f"{column['title']}{unit}"


def _format(cell: Any, kind: str) -> str | int | None:
    if not isinstance(cell, Mapping):
        return cell if cell is None or isinstance(cell, int) else _format_number(cell, kind)
    if cell["value"] is None:
        return str(cell.get("undefined") or "undefined")
    text = _format_number(cell["value"], kind)
    if cell["low"] is None or cell["high"] is None:
        return text
    return f"{text} ({_format_number(cell['low'], kind)} to {_format_number(cell['high'], kind)})"


def _format_number(value: float, kind: str) -> str:
    if kind == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.0f}" if kind in ("ms", "count") else f"{value:.3f}"


def number_names(agreement: Mapping[str, Any]) -> dict[str, Any]:
    """The same with ``annotator-1``, ``annotator-2`` … for the names of annotators.

    Raises:
        ConfigError: a name stands inside of another text, where it cannot be told from the rest.
    """
    names = [str(one["name"]) for one in agreement.get("annotators", ())]
    numbers = {name: f"annotator-{number}" for number, name in enumerate(names, start=1)}
    numbered: dict[str, Any] = _replace(agreement, numbers)
    left = [name for name in names if name not in numbers.values() and _holds(numbered, name)]
    if left:
        raise ConfigError(
            f"agreement: the names of annotators ({join_problems(left, 5)}) stand inside of other texts and would be "
            "published. Measure it with --annotator, which knows them as numbers only."
        )
    return numbered


def _replace(value: Any, numbers: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {numbers.get(key, key): _replace(item, numbers) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replace(item, numbers) for item in value]
    return numbers.get(value, value) if isinstance(value, str) else value


def _holds(value: Any, name: str) -> bool:
    """Whether a text holds a name as a word of its own."""
    if isinstance(value, Mapping):
        return any(_holds(item, name) for item in (*value, *value.values()))
    if isinstance(value, list | tuple):
        return any(_holds(item, name) for item in value)
    return isinstance(value, str) and f" {name} " in f" {value} "
