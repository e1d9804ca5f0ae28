"""What was found by attributes, as lines, as a table for spreadsheets, and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from finegym.annotations.text import format_table
from finegym.applications.attributes import Candidate, Found, Hit, compute_marginals
from finegym.applications.attributes_query import format_value
from finegym.codebook.model import Codebook

COLUMNS = (
    "instance",
    "record",
    "start_ms",
    "end_ms",
    "probability",
    "at_most",
    "element",
    "name",
    "attributes",
    "doubts",
)
MARGINAL_COLUMNS = ("instance", "record", "start_ms", "end_ms", "attribute", "value", "probability")


def format_found(found: Found, codebook: Codebook, limit: int) -> str:
    """One line a sub-action, the first so many."""
    rows = [
        (
            hit.candidate.id,
            None if hit.candidate.start_ms is None else f"{hit.candidate.start_ms / 1000:.2f}",
            _format_bounds(hit),
            codebook.element_by_id[hit.element_id].name.strip() if hit.element_id else "(set only)",
            "unsure" if hit.candidate.doubts else "",
        )
        for hit in found.hits[:limit]
    ]
    return format_table(("sub-action", "start, s", "probability", "element", ""), rows, left=(3, 4))


def export_found(found: Found, codebook: Codebook, conditions: Sequence[str]) -> dict[str, Any]:
    """Plain values for JSON."""
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in (_make_row(hit, codebook) for hit in found.hits)]
    return {
        "format": "finegym-attributes-found/1",
        "where": list(conditions),
        "elements": sorted(found.elements),
        "num_searched": found.num_searched,
        "num_below": found.num_below,
        "num_unknown": found.num_unknown,
        "found": rows,
    }


def format_found_csv(found: Found, codebook: Codebook) -> str:
    """CSV text, a row a sub-action."""
    rows = []
    for hit in found.hits:
        *plain, attributes, doubts = _make_row(hit, codebook)
        rows.append((*plain, "; ".join(f"{k}={format_value(v)}" for k, v in attributes.items()), "; ".join(doubts)))
    return _format_csv(COLUMNS, rows)


def list_marginals(candidates: Sequence[Candidate], codebook: Codebook) -> list[tuple[object, ...]]:
    """Rows of ``MARGINAL_COLUMNS``: the values of each sub-action's attributes that have some probability."""
    return [
        (one.id, one.record_id, one.start_ms, one.end_ms, name, value, round(probability, 6))
        for one in candidates
        for name, values in compute_marginals(one.belief, codebook).items()
        for value, probability in values.items()
    ]


def format_marginals_csv(rows: Sequence[Sequence[object]]) -> str:
    """CSV text."""
    return _format_csv(MARGINAL_COLUMNS, rows)


def _make_row(hit: Hit, codebook: Codebook) -> tuple[Any, ...]:
    one = hit.candidate
    element = codebook.element_by_id[hit.element_id] if hit.element_id else None
    return (
        *(one.id, one.record_id, one.start_ms, one.end_ms, round(hit.probability, 6), round(hit.at_most, 6)),
        *(element.id if element else None, element.name.strip() if element else None),
        dict(codebook.attributes_by_element_id[element.id]) if element else {},
        list(one.doubts),
    )


def _format_bounds(hit: Hit) -> str:
    least, most = f"{100 * hit.probability:.0f} %", f"{100 * hit.at_most:.0f} %"
    return least if least == most else f"{least} to {most}"


def _format_csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
