"""Findings as people read them: a table by kind, examples below each, and a CSV of all."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from finegym.annotations.check import KINDS, Finding, Lists, count_findings
from finegym.annotations.model import Dataset
from finegym.annotations.text import format_count

COLUMNS = ("severity", "kind", "id", "other_id", "value", "unit", "message")


def format_findings(
    findings: Sequence[Finding], dataset: Dataset, lists: Lists | None = None, show: int | None = 3
) -> str:
    """A table: how often each kind was found, in all and among the instances of every setting, with examples.

    Args:
        findings: of ``check_dataset``.
        dataset: that was checked.
        lists: its splits.
        show: examples a kind, largest value first; ``None`` for every finding in the order of the dataset.
    """
    lists = lists or {}
    lines = [_describe(dataset, lists)]
    counts = count_findings(findings, lists)
    if not counts:
        return "\n".join([*lines, "nothing found"])
    width = max(len(count.kind) for count in counts) + 4
    columns = [max(len(setting) + 3, 8) for setting in lists]
    heads = "".join(f"{setting:>{column}}" for setting, column in zip(lists, columns, strict=True))
    lines.append(f"{'':{width}}{'found':>8}{heads}")
    severity = None
    for count in counts:
        kind = KINDS[count.kind]
        if kind.severity != severity:
            severity = kind.severity
            total = sum(finding.severity == severity for finding in findings)
            lines.append(f"{severity + 's':{width}}{total:8d}")
        cells = "".join(f"{count.in_lists[setting]:{column}d}" for setting, column in zip(lists, columns, strict=True))
        lines.append(f"  {count.kind:{width - 2}}{count.count:8d}{cells}   {kind.title}")
        lines += [f"      {finding.id}: {finding.message}" for finding in _choose(findings, count.kind, show)]
    if show is not None and any(count.count > show for count in counts):
        lines.append(f"largest {show} of each kind shown; --all shows every one, --out FILE.csv writes them")
    return "\n".join(lines)


def format_findings_csv(findings: Sequence[Finding]) -> str:
    """Every finding a row: severity, kind, id, other_id, value, unit, message."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for f in findings:
        writer.writerow([f.severity, f.kind, f.id, f.other_id, f.value, KINDS[f.kind].unit, f.message])
    return buffer.getvalue()


def export_findings(findings: Sequence[Finding], dataset: Dataset, lists: Lists | None = None) -> dict[str, Any]:
    """Everything for machines: counts of the dataset, of every kind, and all findings."""
    return {
        "num_records": len(dataset.videos),
        "num_actions": sum(len(video.actions) for video in dataset.videos),
        "num_sub_actions": sum(1 for _ in dataset.iterate_instances()),
        "lists": {f"{s}/{part}": len(listed) for s, parts in (lists or {}).items() for part, listed in parts.items()},
        "kinds": [
            {
                "kind": count.kind,
                "severity": KINDS[count.kind].severity,
                "title": KINDS[count.kind].title,
                "found": count.count,
                "in_lists": dict(count.in_lists),
            }
            for count in count_findings(findings, lists)
        ],
        "findings": [
            {
                "kind": f.kind,
                "severity": f.severity,
                "id": f.id,
                "other_id": f.other_id,
                "value": f.value,
                "unit": KINDS[f.kind].unit,
                "message": f.message,
            }
            for f in findings
        ],
    }


def _describe(dataset: Dataset, lists: Lists) -> str:
    num_actions = sum(len(video.actions) for video in dataset.videos)
    num_sub_actions = sum(1 for _ in dataset.iterate_instances())
    text = ", ".join(
        (
            format_count(len(dataset.videos), "record"),
            format_count(num_actions, "action"),
            format_count(num_sub_actions, "sub-action"),
        )
    )
    for setting, parts in lists.items():
        text += f"; {setting}: " + ", ".join(f"{len(listed)} {part}" for part, listed in parts.items())
    return text


def _choose(findings: Sequence[Finding], kind: str, show: int | None) -> list[Finding]:
    of_kind = [finding for finding in findings if finding.kind == kind]
    if show is None:
        return of_kind
    return sorted(of_kind, key=lambda finding: -(finding.value or 0))[:show]
