"""The part of the demo's page about parsing: what was said of a competition that no model has seen, and how right."""

from __future__ import annotations

from pathlib import Path

from finegym.annotations.text import format_count
from finegym.applications.parse.evaluating import tabulate_scores
from finegym.applications.parse.overview import describe_parse
from finegym.demo.parsing import ParsingOutcome
from finegym.report.page import Code, Prose, Section, Table


def describe_parsing(outcome: ParsingOutcome, out: Path, badge: str) -> Section:
    """Precision and recall, and the parse in lines; the pages lie beside the report."""
    header, rows = tabulate_scores(outcome.scores)
    pages = ", ".join(str(page.relative_to(out)) for page in outcome.pages)
    seconds = sum(sum(parse.seconds.values()) for parse in outcome.parses)
    text = (
        f"The localizers and recognisers of this page were put into one file, {outcome.bundle.name}, and looked at "
        f"{format_count(len(outcome.parses), 'record')} of another competition: other gymnasts, another hall. "
        f"{_describe_doubts(outcome)}An element that is not likely enough is not named. "
        f"{outcome.video_ms / 1000:.0f} s of video took {seconds:.0f} s of CPU time. Pages with player, timeline and "
        f"score sheets: {pages}."
    )
    table = Table(
        header,
        rows,
        caption="A segment is hit by one that shares half of their union's time: finegym evaluate parse",
    )
    listed = [Code(describe_parse(parse)) for parse in outcome.parses]
    return Section("Parsing an unseen competition", [Prose(text), table, *listed], badge=badge)


def _describe_doubts(outcome: ParsingOutcome) -> str:
    found, unsure = outcome.scores.sub_actions.num_said, outcome.scores.num_unsure
    if not found:
        return "No sub-action was found. "
    return f"Of {unsure} of the {found} sub-actions that it found, the parse says itself that it is unsure, and why. "
