"""The part of the demo's page about quality control: exam, agreement, consensus, and the release that came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finegym.annotations.text import format_count
from finegym.demo.quality import EXAM_RULES, QualityOutcome
from finegym.quality.agreement_page import summarise_agreement
from finegym.quality.consensus_files import TRUST_HEADER, tabulate_decisions, tabulate_trust
from finegym.quality.exams import ExamResult
from finegym.quality.grading import Share
from finegym.report.page import Picture, Prose, Section, Table


def describe_quality(outcome: QualityOutcome, folder: Path, badge: str) -> list[Section]:
    """Sections about everything that happened between five annotators and a release.

    Args:
        outcome: of the chain.
        folder: of the demo: paths are given from there.
        badge: beside every heading.
    """
    return [
        Section("Annotators and their exam", _describe_exams(outcome), badge),
        Section("Agreement of annotators", _describe_agreement(outcome, folder), badge),
        Section("Consensus and adjudication", _describe_consensus(outcome), badge),
        Section("The release", _describe_release(outcome, folder), badge),
    ]


def _describe_exams(outcome: QualityOutcome) -> list[Prose | Table]:
    failed = [exam.annotator for exam in outcome.exams if not exam.is_qualified]
    text = (
        f"{len(outcome.exams)} simulated annotators of known skill sat an exam before they worked: "
        f"{EXAM_RULES.num_items} routines each, drawn from a bank of gold items, other ones at every try. "
        f"Not admitted: {', '.join(failed) or 'nobody'}."
    )
    parts = list(EXAM_RULES.pass_marks)
    rows = [
        [
            exam.annotator,
            number,
            *(_format_share(_get_shares(result)[part]) for part in parts),
            "passed" if result.is_passed else "failed",
        ]
        for exam in outcome.exams
        for number, result in enumerate(exam.tries, 1)
    ]
    header = ["annotator", "try", *(f"{part} %" for part in parts), "result"]
    marks = ", ".join(f"{part} {100 * EXAM_RULES.pass_marks[part]:.0f}" for part in parts)
    caption = (
        f"To reach: {marks}. Bounds are right where both edges are within {EXAM_RULES.tolerance.default_ms} ms of the "
        "reference."
    )
    return [Prose(text), Table(header, rows, caption)]


def _get_shares(result: ExamResult) -> dict[str, Share]:
    return {part.part: part.share for part in result.parts}


def _describe_agreement(outcome: QualityOutcome, folder: Path) -> Sequence[Prose | Table | Picture]:
    where = f"The whole page is {outcome.page.relative_to(folder)}: every event, set, element and query, pair by pair."
    return [*summarise_agreement(outcome.agreement), Prose(where)]


def _describe_consensus(outcome: QualityOutcome) -> list[Prose | Table]:
    num_open, num_units = len(outcome.consensus.list_open()), len(outcome.consensus.units)
    text = (
        f"What matches became {format_count(num_units, 'unit')}: medians of edges, votes on every query of the tree. "
        f"{num_open} of them the votes left open; a lead who sees the truth decided about those. Against that truth:"
    )
    rows = [
        [
            one.name,
            *(_format_share(one.grade.get_share(part)) for part in ("found", "set", "element")),
            round(one.edge_mae_ms, 1),
            _format_share(one.grade.score),
        ]
        for one in outcome.accuracy
    ]
    header = ["whose", "found %", "set %", "element %", "edges, ms", "all %"]
    caption = (
        "Found: of what is there or was marked. Set and element: of what was found, those that are right. Edges: mean "
        f"distance from the true ones. All: found, both edges within {EXAM_RULES.tolerance.default_ms} ms, and the "
        "right element."
    )
    decisions = Table(["decision", "units", "open for"], tabulate_decisions(outcome.consensus))
    trust = Table(
        TRUST_HEADER,
        [["" if cell is None else cell for cell in row] for row in tabulate_trust(outcome.consensus)],
        "How far each can be trusted, from the votes alone: the model of Dawid and Skene, which knows no truth.",
    )
    return [Prose(text), Table(header, rows, caption), decisions, trust]


def _describe_release(outcome: QualityOutcome, folder: Path) -> list[Prose | Table]:
    release, verified, final = outcome.release, outcome.verified, outcome.final
    facts: list[Sequence[object]] = [
        ["folder", str(release.folder.relative_to(folder))],
        ["sub-actions", f"{len(final.dataset.instances):,}"],
        ["not there by the votes or the lead", f"{final.num_absent:,}"],
        ["open", f"{final.num_open:,}"],
        ["files", f"{release.num_files}, {release.size_bytes / 1e6:.1f} MB"],
        ["SHA-256 of the manifest", f"{release.sha256[:16]}…"],
        [
            "finegym release verify",
            f"{verified.num_files} files as in the manifest" if verified.is_intact else "damaged",
        ],
    ]
    text = (
        "The result was frozen into a folder that reproduces bit for bit: annotations, a split of whole records behind "
        "a leak gate, every vote, agreement, cards, Croissant metadata and exports."
    )
    return [Prose(text), Table(["what", ""], facts)]


def _format_share(share: Share) -> float | str:
    return "–" if share.value is None else round(100 * share.value, 1)
