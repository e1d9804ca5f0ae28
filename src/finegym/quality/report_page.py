"""The quality report: agreement at every level that was annotated twice, and what is left to decide, on one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finegym.annotations.text import format_share
from finegym.quality.agreement import Agreement
from finegym.quality.agreement_page import MAX_ITEMS, MAX_ROWS, describe_agreement, describe_origin, make_sections
from finegym.quality.consensus import Consensus
from finegym.report.page import Prose, Section, Table, write_page

MAX_OPEN = 50


@dataclass(frozen=True)
class QualityPart:
    """One kind of work that two people or more did.

    Attributes:
        agreement: how far they agree.
        consensus: what they agree on.
    """

    agreement: Agreement
    consensus: Consensus


def write_quality_page(
    path: Path,
    parts: Mapping[str, QualityPart],
    left_out: Mapping[str, str],
    *,
    max_rows: int | None = MAX_ROWS,
    max_items: int = MAX_ITEMS,
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: where to.
        parts: by name ("Actions"), at least one.
        left_out: why other kinds of work are not on it, by name.
        max_rows: of a table; ``None``: all.
        max_items: draw so many items of every part.
    """
    is_simulated = any(part.agreement.units.is_simulated for part in parts.values())
    badge = "simulated" if is_simulated else ""
    summary = [Prose(f"{name}: {describe_agreement(part.agreement)}") for name, part in parts.items()]
    summary += [Prose(f"{name}: not compared. {reason}") for name, reason in left_out.items()]
    sections = [Section("In short", summary, badge)]
    for name, part in parts.items():
        sections.append(Section(f"{name}: what is left to decide", _make_consensus(part.consensus), badge))
        sections += make_sections(part.agreement, what=name, max_rows=max_rows, max_items=max_items)
    people = list(dict.fromkeys(name for part in parts.values() for name in part.agreement.units.annotators))
    write_page(
        path,
        "Quality of the annotations",
        sections,
        lead=f"What {', '.join(people)} annotated, compared: how far they agree, what they agree on, and what is open.",
        footer=describe_origin(next(iter(parts.values())).agreement),
    )


def _make_consensus(consensus: Consensus) -> list[Prose | Table]:
    """Decisions, why units are open, the first of them, and how far everybody can be trusted."""
    blocks: list[Prose | Table] = [
        Table(["decision", "units"], list(consensus.count_decisions().items()), "Units of the consensus.")
    ]
    found = consensus.list_open()
    if found:
        reasons = Counter(reason.kind for unit in found for reason in unit.reasons)
        blocks.append(
            Table(["reason", "units"], list(reasons.most_common()), "Why units are open; one may have several.")
        )
        rows = [
            [unit.item_id, f"{unit.start_ms / 1000:g} to {unit.end_ms / 1000:g} s", unit.label or "", unit.decision,
             "; ".join(reason.text for reason in unit.reasons)]
            for unit in found[:MAX_OPEN]
        ]  # fmt: skip
        caption = (
            f"The first {len(rows):,} of {len(found):,} open units." if len(rows) < len(found) else "All open units."
        )
        blocks.append(Table(["item", "time", "label so far", "goes to", "because"], rows, caption))
    else:
        blocks.append(Prose("Nothing is open."))
    trust = [
        [one.annotator, *(format_share(share) or "–" for share in (one.found, one.invented, one.top, one.answers))]
        for one in consensus.trust
    ]
    header = ["annotator", "finds what is there", "takes for there what is not", "event or set right", "answers right"]
    caption = (
        "How far everybody can be trusted, as the model of Dawid and Skene sees it, over what at least one of them "
        "marked; – where it saw nothing."
    )
    return [*blocks, Table(header, trust, caption)]
