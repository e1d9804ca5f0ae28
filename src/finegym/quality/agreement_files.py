"""Agreement as JSON: every number at full precision, with its interval or the reason why there is none."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from finegym import __version__
from finegym.quality.agreement import Agreement
from finegym.quality.agreement_table import Cell, Table
from finegym.quality.confusions import list_confusions, list_split_queries
from finegym.quality.units import Units
from finegym.quality.values import Value

FORMAT = "finegym-agreement/1"
MAX_CONFUSIONS = 100


def export_agreement(agreement: Agreement) -> dict[str, Any]:
    """The answer as plain values.

    ``sections`` holds the tables; ``confusions`` and ``split_queries`` (the first 100 of each, and how many there are)
    name the items behind the disagreements.
    """
    units = agreement.units
    return {
        "format": FORMAT,
        "finegym": __version__,
        "level": units.level,
        "codebook": {"name": units.codebook.name, "version": units.codebook.version},
        "is_simulated": units.is_simulated,
        "settings": asdict(agreement.settings),
        "annotators": describe_annotators(units),
        "num_items": len(units.items) + agreement.num_lone_items,
        "num_shared_items": len(units.items),
        "num_lone_units": agreement.num_lone_units,
        "num_records": len(units.groups),
        "num_units": len(units),
        "num_performances": agreement.num_groups,
        "num_shared_performances": agreement.num_shared_groups,
        "notes": list(agreement.notes),
        "sections": {name: [_export_table(table) for table in tables] for name, tables in agreement.sections.items()},
        **_export_disagreements(agreement),
    }


def describe_annotators(units: Units) -> list[dict[str, Any]]:
    """Name, items and units of every annotator."""
    counts = [int((units.annotator_index == place).sum()) for place in range(len(units.annotators))]
    return [
        {"name": name, "num_items": int(units.done[place].sum()), "num_units": counts[place]}
        for place, name in enumerate(units.annotators)
    ]


def _export_disagreements(agreement: Agreement) -> dict[str, Any]:
    comparison = agreement.comparison
    confusions = {level: list_confusions(comparison, level) for level in comparison.categories}
    queries = list_split_queries(comparison)
    return {
        "num_confusions": {level: len(found) for level, found in confusions.items()},
        "confusions": {level: [asdict(one) for one in found[:MAX_CONFUSIONS]] for level, found in confusions.items()},
        "num_split_queries": len(queries),
        "split_queries": [asdict(one) for one in queries[:MAX_CONFUSIONS]],
    }


def _export_table(table: Table) -> dict[str, Any]:
    return {
        "key": table.key,
        "title": table.title,
        "note": table.note,
        "about": list(table.about),
        "columns": [asdict(column) for column in table.columns],
        "rows": [
            {**row.about, **({"name": row.detail} if row.detail else {})}
            | {column.key: _export_cell(row.cells.get(column.key)) for column in table.columns}
            for row in table.rows
        ],
    }


def _export_cell(cell: Cell) -> Any:
    if not isinstance(cell, Value):
        return cell
    facts: dict[str, Any] = {"value": cell.value, "low": cell.low, "high": cell.high, "count": cell.count}
    if cell.undefined:
        facts["undefined"] = cell.undefined
    if cell.no_interval:
        facts["no_interval"] = cell.no_interval
    return facts
