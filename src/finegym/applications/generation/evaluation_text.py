"""An evaluation as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import finegym
from finegym.applications.generation.evaluation import Evaluation, Row
from finegym.files import write_text

HEADER = (
    "elements", "motion", "motions", "element %", "95 %", "set %", "attributes %", "FID", "diversity", "within",
    "bones %", "sliding cm/s", "below cm", "flight cm", "g m/s2",
    "touching %", "tremble cm", "moved cm",
)  # fmt: skip
FORMAT = "finegym-motion-evaluation/2"


def make_row(row: Row) -> tuple[str, ...]:
    """A row's cells, of ``HEADER``."""
    return (
        f"{row.group} ({row.num_elements})",
        row.source,
        str(row.num_motions),
        f"{100 * row.accuracy:.1f}",
        f"{100 * row.low:.1f} to {100 * row.high:.1f}",
        f"{100 * row.set_accuracy:.1f}",
        f"{100 * row.attributes_right:.1f}",
        f"{row.fid:.2f}",
        f"{row.diversity:.2f}",
        f"{row.multimodality:.2f}",
        f"{100 * row.bone_spread:.2f}",
        f"{100 * row.sliding_m_s:.1f}",
        f"{100 * row.depth_m:.2f}",
        f"{100 * row.flight_error_m:.2f}",
        f"{row.gravity_m_s2:.2f}",
        f"{100 * row.touching:.1f}",
        f"{100 * row.tremble_m:.2f}",
        "" if row.moved_m != row.moved_m else f"{100 * row.moved_m:.2f}",
    )


def format_evaluation(evaluation: Evaluation) -> str:
    """The table as text, and the unseen elements that are recognised least and best."""
    rows = [HEADER, *map(make_row, evaluation.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [
        "  ".join(cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    lines += ["", "unseen elements, share of generated motions recognised, cleaned up:"]
    lines += [f"  {100 * hit:5.1f} %  {name}" for name, hit in sort_unseen(evaluation)]
    return "\n".join(line.rstrip() for line in lines)


def make_json(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation for machines."""
    return {
        "format": FORMAT,
        "finegym": finegym.__version__,
        "simulated": True,
        "seed": evaluation.seed,
        "steps": evaluation.steps,
        "guidance": evaluation.guidance,
        "rows": [_make_facts(row) for row in evaluation.rows],
        "unseen": evaluation.unseen,
    }


def _make_facts(row: Row) -> dict[str, Any]:
    """JSON has no NaN: what could not be measured is none."""
    return {name: None if value != value else value for name, value in asdict(row).items()}


def write_json(path: Path, evaluation: Evaluation) -> None:
    """Write ``make_json``."""
    write_text(path, json.dumps(make_json(evaluation), indent=1) + "\n")


def sort_unseen(evaluation: Evaluation) -> list[tuple[str, float]]:
    """Unseen elements and how many of their motions are recognised, the best first."""
    return sorted(evaluation.unseen.items(), key=lambda item: (-item[1], item[0]))
