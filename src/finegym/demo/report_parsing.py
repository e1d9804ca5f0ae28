"""The part of the demo's page about parsing: what was said of a competition that no model has seen, and how right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from finegym.annotations.model import SubAction, Video
from finegym.annotations.text import format_count
from finegym.applications.parse.counts import MIN_TIOU, Counts, match
from finegym.applications.parse.evaluating import tabulate_scores
from finegym.applications.parse.files import Parse, ParsedSubAction
from finegym.applications.parse.overview import describe_parse
from finegym.applications.parse.page import format_clock
from finegym.codebook.model import Codebook
from finegym.demo.parsing import ParsingOutcome
from finegym.report.page import Code, Prose, Section, Table

NOT_FOUND, NOTHING_THERE = "not found", "nothing is annotated there"


def describe_parsing(outcome: ParsingOutcome, out: Path, badge: str) -> Section:
    """Precision and recall, every sub-action beside what was said of it, and the parse in lines."""
    header, rows = tabulate_scores(outcome.scores)
    pages = ", ".join(str(page.relative_to(out)) for page in outcome.pages)
    scores = outcome.scores
    conclusion = sum_up(
        sub_actions=scores.sub_actions, sets=scores.sets, elements=scores.elements, num_unsure=scores.num_unsure
    )
    seconds = sum(sum(parse.seconds.values()) for parse in outcome.parses)
    text = (
        f"The localizers and recognisers of this page were put into one file, {outcome.bundle.name}, and looked at "
        f"{format_count(len(outcome.parses), 'record')} of another competition: other gymnasts, another hall, the same "
        f"elements. {conclusion} {outcome.video_ms / 1000:.0f} s of video took {seconds:.0f} s of CPU time. "
        f"Pages with player, timeline and score sheets: {pages}."
    )
    counted = Table(
        header,
        rows,
        caption=f"A segment is hit by one that shares {100 * MIN_TIOU:.0f} % of their union's time: finegym evaluate "
        "parse",
    )
    videos = {video.id: video for video in outcome.truth.videos}
    listed = [
        row
        for parse in outcome.parses
        for row in list_sub_actions(videos[parse.record_id], parse, outcome.truth.codebook)
    ]
    compared = Table(
        ["at", "", "annotated", "said", "sure"], listed, caption="Every sub-action, and what the parse says of it."
    )
    lines = [Code(describe_parse(parse)) for parse in outcome.parses]
    return Section("Parsing an unseen competition", [Prose(text), counted, compared, *lines], badge=badge)


def sum_up(*, sub_actions: Counts, sets: Counts, elements: Counts, num_unsure: int) -> str:
    """What a reader should take home, in counts."""
    if not sub_actions.num_said:
        return "No sub-action was found."
    found = (
        f"It found {sub_actions.num_right} of {format_count(sub_actions.num_true, 'sub-action')}"
        f"{_count_wrong(sub_actions, ' (and {} where nothing is annotated)')}, named the set of "
        f"{sets.num_right} rightly{_count_wrong(sets, ' and of {} wrongly')}, and the element of "
        f"{elements.num_right} rightly{_count_wrong(elements, ' and of {} wrongly')}."
    )
    unsure = (
        f"Of {num_unsure} of the {sub_actions.num_said} it says itself that it is unsure, and why; an "
        "element that is not likely enough is not named."
    )
    models = (
        "The models are small, learned for a minute from simulated gymnasts, and know nothing of real ones; one record "
        "says little, so docs/demo.md has the mean over several."
    )
    return f"{found} {unsure} {models}"


def _count_wrong(counts: Counts, words: str) -> str:
    wrong = counts.num_said - counts.num_right
    return words.format(wrong) if wrong else ""


def list_sub_actions(video: Video, parse: Parse, codebook: Codebook) -> Iterator[Sequence[str]]:
    """A row for every annotated sub-action and for every other one that was found, in order of time.

    Yields:
        When, whether what was said is right, what is annotated, what was said, and how sure.
    """
    true = [sub for action in video.actions for sub in action.sub_actions or ()]
    said = [sub for action in parse.actions if action.kind == "routine" for sub in action.sub_actions]
    pairs = dict(match([(s.start_ms, s.end_ms) for s in true], [(s.start_ms, s.end_ms) for s in said]))
    rows = [(sub.start_ms, sub, said[pairs[place]] if place in pairs else None) for place, sub in enumerate(true)]
    rest = [said[place] for place in range(len(said)) if place not in pairs.values()]
    together = [*rows, *((sub.start_ms, None, sub) for sub in rest)]
    for start_ms, annotated, found in sorted(together, key=lambda row: row[0]):
        name, words, sure, verdict = _compare(annotated, found, codebook)
        yield format_clock(start_ms), verdict, name, words, sure


def _compare(
    annotated: SubAction | None, found: ParsedSubAction | None, codebook: Codebook
) -> tuple[str, str, str, str]:
    """What is annotated, what was said, how sure, and whether that is right."""
    element_id = annotated.element_id if annotated else None
    name = (
        f"{codebook.element_by_id[element_id].set_id}: {codebook.element_by_id[element_id].name}" if element_id else ""
    )
    if found is None:
        return name, "", "", NOT_FOUND
    words, sure = _say(found, codebook)
    if element_id is None:
        return name, words, sure, NOTHING_THERE
    if found.element_id is not None:
        return name, words, sure, "right" if found.element_id == element_id else "wrong"
    is_set = found.set_id == codebook.element_by_id[element_id].set_id
    verdict = "unsure" if found.set_id is None else "the set is right" if is_set else "the set is wrong"
    return name, words, sure, verdict


def _say(found: ParsedSubAction, codebook: Codebook) -> tuple[str, str]:
    """What was named, and its probability; what is likeliest, in brackets, where nothing was."""
    best = found.candidates[0] if found.candidates else None
    if found.element_id is not None and best is not None:
        return f"{best.set_id}: {best.name}", f"{100 * best.probability:.0f} %"
    if found.set_id is not None:
        return found.set_id, f"{100 * found.sets[found.set_id]:.0f} %"
    if best is not None:
        return f"({best.set_id}: {best.name}?)", f"{100 * best.probability:.0f} %"
    return "", ""
