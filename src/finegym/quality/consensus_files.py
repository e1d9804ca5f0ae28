"""A consensus as JSON, with every vote in it, and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from finegym.annotations.text import format_count, format_share, format_table
from finegym.quality.adjudication import DECISIONS
from finegym.quality.consensus import Consensus, ConsensusUnit, QueryVotes, Vote

CONSENSUS_FORMAT = "finegym-consensus/1"
_DIGITS = 6  # of probabilities: sums in another order differ in the last ones


def export_consensus(consensus: Consensus) -> dict[str, Any]:
    """Everything about a consensus as plain values: numbers, decisions, and all votes behind them."""
    units: dict[str, list[dict[str, Any]]] = {item.id: [] for item in consensus.items}
    for unit in consensus.units:
        units[unit.item_id].append(_export_unit(unit))
    codebook = consensus.codebook
    return {
        "format": CONSENSUS_FORMAT,
        "level": consensus.level,
        "codebook": {"name": codebook.name, "version": codebook.version},
        "is_simulated": consensus.is_simulated,
        "settings": asdict(consensus.settings),
        "annotators": [_round(asdict(trust)) for trust in consensus.trust],
        "decisions": {name: consensus.count_decisions().get(name, 0) for name in DECISIONS},
        "items": [
            {
                "id": item.id,
                "group": item.group,
                "num_annotators": consensus.num_done[item.id],
                "units": units[item.id],
            }
            for item in consensus.items
        ],
    }


def _export_unit(unit: ConsensusUnit) -> dict[str, Any]:
    return {
        "start_ms": unit.start_ms,
        "end_ms": unit.end_ms,
        "label": unit.label,
        "presence": round(unit.presence, _DIGITS),
        "label_belief": round(unit.label_belief, _DIGITS),
        "decision": unit.decision,
        "reasons": [{"kind": reason.kind, "text": reason.text} for reason in unit.reasons],
        "votes": [_export_vote(vote) for vote in unit.votes],
        "queries": [_export_query(query) for query in unit.queries],
        "ruling": None if unit.ruling is None else asdict(unit.ruling),
    }


def _export_vote(vote: Vote) -> dict[str, Any]:
    if vote.unit_id is None:
        return {"annotator": vote.annotator, "found": False}
    return {
        "annotator": vote.annotator,
        "found": True,
        "id": vote.unit_id,
        "start_ms": vote.start_ms,
        "end_ms": vote.end_ms,
        "label": vote.label,
        "answers": dict(vote.answers),
    }


def _export_query(query: QueryVotes) -> dict[str, Any]:
    return {
        "query": query.query_id,
        "yes": query.num_yes,
        "no": query.num_no,
        "unsure": query.num_unsure,
        "majority": query.majority,
        "yes_belief": round(query.yes_belief, _DIGITS),
    }


def _round(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in values.items()}


def format_consensus(consensus: Consensus, max_open: int = 20) -> str:
    """A consensus as text: what was decided, how far everybody can be trusted, and what is open.

    Args:
        consensus: it.
        max_open: so many open units are listed, and the others counted.
    """
    badge = " (simulated)" if consensus.is_simulated else ""
    head = (
        f"{format_count(len(consensus.units), consensus.level)} in {format_count(len(consensus.items), 'item')} by "
        f"{format_count(len(consensus.annotators), 'annotator')}{badge}, votes by {consensus.settings.method}"
    )
    return "\n\n".join(
        [head, _format_decisions(consensus), _format_trust(consensus), *_format_open(consensus, max_open)]
    )


def tabulate_decisions(consensus: Consensus) -> list[tuple[str, int, str]]:
    """Decision, units, and what the open ones are open for."""
    rows = []
    for decision, number in consensus.count_decisions().items():
        kinds = Counter(reason.kind for unit in consensus.units if unit.decision == decision for reason in unit.reasons)
        rows.append((decision, number, ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())))
    return sorted(rows, key=lambda row: [*DECISIONS].index(row[0]))  # type: ignore[arg-type]


def tabulate_trust(consensus: Consensus) -> list[tuple[str | None, ...]]:
    """Annotator, and shares that they find, invent, name rightly, answer rightly and leave unsure."""
    return [
        (
            trust.annotator,
            format_share(trust.found),
            format_share(trust.invented),
            format_share(trust.top),
            format_share(trust.answers),
            format_share(trust.unsure),
        )
        for trust in consensus.trust
    ]


TRUST_HEADER = ("annotator", "finds", "marks too", "set or event", "answers", "unsure")


def _format_decisions(consensus: Consensus) -> str:
    return format_table(["decision", "units", "open for"], tabulate_decisions(consensus), left=(0, 2))


def _format_trust(consensus: Consensus) -> str:
    return (
        "How far each can be trusted (Dawid and Skene): of what somebody marked, the share that each finds of what is\n"
        "there and marks too of what is not; and what each names and answers rightly\n"
        + format_table(TRUST_HEADER, tabulate_trust(consensus), left=(0,))
    )


def _format_open(consensus: Consensus, max_open: int) -> Iterable[str]:
    units = consensus.list_open()
    if not units or not max_open:
        return
    rows = [
        (
            unit.item_id,
            f"{unit.start_ms / 1000:.2f}",
            f"{unit.end_ms / 1000:.2f}",
            unit.decision,
            "; ".join(reason.text for reason in unit.reasons),
        )
        for unit in units[:max_open]
    ]
    hidden = len(units) - len(rows)
    table = format_table(["item", "start s", "end s", "goes to", "because"], rows, left=(0, 3, 4))
    yield "Open\n" + table + (f"\nand {hidden} more" if hidden > 0 else "")
