"""``README.md`` of a release: the data card, made from the data."""

from __future__ import annotations

from collections.abc import Iterator

from finegym.annotations.audit import explain_audit
from finegym.annotations.statistics import EventStatistics
from finegym.annotations.text import format_count, format_share
from finegym.release.about import CROISSANT_REQUIRES
from finegym.release.agreement_card import describe_agreement
from finegym.release.contents import Contents
from finegym.release.croissant import describe_plainly
from finegym.release.diff_text import format_counts
from finegym.release.leak_gate import GatedSplit
from finegym.release.markdown import make_table
from finegym.release.numbers import ReleaseNumbers
from finegym.release.shapes import ReleaseFile

FILE = "README.md"


def format_data_card(contents: Contents, facts: ReleaseFile, numbers: ReleaseNumbers) -> str:
    """The card: what there is, how it is split and what leaks, what was left out, how far annotators agree."""
    parts = [
        _describe_head(contents, facts),
        _describe_numbers(contents, numbers),
        _describe_splits(contents, facts),
        _describe_exclusions(facts),
        _describe_work(contents, facts),
        _describe_changes(contents),
        _describe_exports(facts),
        _describe_use(contents, facts),
    ]
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _describe_head(contents: Contents, facts: ReleaseFile) -> Iterator[str]:
    about = contents.settings.about
    yield f"# {facts.title} {facts.version}"
    yield ""
    if facts.is_simulated:
        yield "**Simulated: nobody filmed these records, and every number below is of a simulation.**"
        yield ""
    yield about.description or describe_plainly(facts)
    yield ""
    rows = [
        ("licence", facts.licence or "not stated"),
        ("made by", ", ".join(creator.name for creator in about.creators) or "not stated"),
        ("published", facts.date_published or "no date given"),
        ("address", about.url or "not stated"),
        ("questions to", about.contact or "not stated"),
        ("media", "not part of the release; records.csv says where each file belongs"),
    ]
    yield from make_table(("", "what"), rows, num_left=2)
    if about.citation:
        yield from ("```bibtex", about.citation.strip(), "```", "")


def _describe_numbers(contents: Contents, numbers: ReleaseNumbers) -> Iterator[str]:
    simulated = " (simulated)" if contents.source.is_simulated else ""
    yield f"## What is in it{simulated}"
    yield ""
    columns = [*numbers.whole.events, numbers.whole.total]
    header = ("", *(column.event_id for column in columns))
    yield from make_table(header, _count_rows(columns))
    if contents.settings.with_figures:
        for stem in ("classes", "sub-action-durations"):
            yield f"![{stem.replace('-', ' ')}](statistics/dataset-{stem}.svg)"
        yield ""
    codebook = contents.dataset.codebook
    yield (
        f"Labelled with codebook {codebook.name} {codebook.version} ({codebook.sport}): {len(codebook.events)} events, "
        f"{len(codebook.sets)} sets, {len(codebook.elements):,} elements, {len(codebook.queries):,} queries. Times are "
        "milliseconds on the record's own clock."
    )
    yield ""
    if contents.settings.athletes != "named":
        yield f"Athletes are {contents.settings.athletes.replace('-', ' ')}."
        yield ""


def _count_rows(columns: list[EventStatistics]) -> list[tuple[object, ...]]:
    return [
        ("records", *(c.num_videos for c in columns)),
        ("actions", *(c.num_actions for c in columns)),
        ("actions nobody has searched", *(c.num_unsegmented for c in columns)),
        ("sub-actions", *(c.num_sub_actions for c in columns)),
        ("of them without an element", *(c.num_without_element for c in columns)),
        ("elements in the codebook", *(c.num_elements for c in columns)),
        ("of them performed", *(c.num_elements_with_instances for c in columns)),
        ("sub-actions of the largest element", *(c.max_instances for c in columns)),
        ("median action, s", *(_round(c.action_durations.median) for c in columns)),
        ("median sub-action, s", *(_round(c.sub_action_durations.median) for c in columns)),
        ("sub-actions an action", *(_round(c.mean_sub_actions) for c in columns)),
        ("share of actions covered", *(format_share(c.coverage) for c in columns)),
    ]


def _round(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _describe_splits(contents: Contents, facts: ReleaseFile) -> Iterator[str]:
    yield "## Splits"
    yield ""
    if not facts.splits:
        yield "None."
        yield ""
        return
    rows = [
        (s.name, "made with the release" if s.is_made else "brought along", s.num_classes, s.num_train, s.num_val)
        for s in facts.splits
    ]
    yield from make_table(("split", "origin", "classes", "train", "val"), rows, num_left=2)
    if facts.swapped:
        yield "A model trained on one split has seen answers of another one's test:"
        yield ""
        yield from (f"- {format_count(number, 'instance')} of {what}" for what, number in facts.swapped.items())
        yield ""
    for gated in contents.splits:
        yield from _describe_split(gated)


def _describe_split(gated: GatedSplit) -> Iterator[str]:
    split, missing = gated.released.split, gated.released.not_annotated
    yield f"### {split.name}"
    yield ""
    rule = split.rule or "how it was made is not stated"
    yield f"{rule[0].upper()}{rule[1:]}."
    yield ""
    if missing:
        yield f"{len(missing):,} listed instances are not annotated: they have a class and no times."
        yield ""
    for exception in gated.exceptions:
        yield f"**Exception of the leak gate, {exception.kind} groups on both sides:** {exception.reason}"
        yield ""
    yield from (f"- {sentence}" for sentence in explain_audit(gated.audit))
    yield from (f"- Outside: {count:,} {reason}." for reason, count in split.outside.items())
    yield ""


def _describe_exclusions(facts: ReleaseFile) -> Iterator[str]:
    yield "## Left out"
    yield ""
    if not facts.exclusions and not facts.left_out:
        yield "Nothing."
    if facts.exclusions:
        yield "By rules. `exclusions.json` names every sub-action that they cover, but for what was withdrawn:"
        yield ""
        header = ("rule", "why", "left out of", "records", "actions", "sub-actions")
        rows = [(e.name, e.why, f"the {e.leave_out_of}", e.records, e.actions, e.sub_actions) for e in facts.exclusions]
        yield from make_table(header, rows, num_left=3)
        yield from (f"- {e.name}: {e.note}" for e in facts.exclusions if e.note)
    for reason, where in facts.left_out.items():
        yield f"- {len(where):,} {reason}, such as {where[0]}"
    yield ""


def _describe_work(contents: Contents, facts: ReleaseFile) -> Iterator[str]:
    source = contents.source
    yield "## How it was labelled"
    yield ""
    if not source.agreement:
        yield "No measurement of agreement between annotators is part of this release."
        yield ""
    for stage, measured in source.agreement.items():
        yield from describe_agreement(stage, measured)
    if facts.votes.votes:
        yield (
            f"All {facts.votes.votes:,} votes of {facts.votes.annotators} annotators with {facts.votes.answers:,} "
            "answers to queries are in `tables/votes` and `tables/vote_answers`; "
            f"{format_count(facts.votes.without_result, 'vote')} came to nothing in this release."
        )
    else:
        yield "Votes of single annotators are not part of this release."
    yield ""
    if source.decisions:
        adjudicated = sum(bool(one.reason) for one in source.decisions)
        yield (
            f"{format_count(len(source.decisions), 'decision')} on what several annotators voted on, "
            f"{adjudicated:,} of them by an adjudicator with a reason: `tables/decisions`."
        )
        yield ""
    if len(source.codebooks) > 1:
        yield f"The codebook had {len(source.codebooks)} versions during the work (`codebooks/`)."
        yield ""
    if source.guidelines:
        pages = len({page.key for page in source.guidelines})
        yield f"Guidelines: {format_count(pages, 'page')} in {len(source.guidelines)} versions (`guidelines/`)."
        yield ""


def _describe_changes(contents: Contents) -> Iterator[str]:
    if contents.changes is not None:
        yield f"## Changes since {contents.changes.old}"
        yield ""
        yield "All of them are in `CHANGES.md` and `changes.json`."
        yield ""
        yield "```text"
        yield format_counts(contents.changes)
        yield "```"
        yield ""


def _describe_exports(facts: ReleaseFile) -> Iterator[str]:
    if not facts.exports:
        return
    yield "## Other formats"
    yield ""
    yield "Made from the same data (`exports/`). What a format has no place for:"
    yield ""
    for name, export in facts.exports.items():
        lost = "; ".join(export.cannot_carry) or "nothing is lost"
        yield f"- **{name}**: {lost}"
    yield ""


def _describe_use(contents: Contents, facts: ReleaseFile) -> Iterator[str]:
    yield "## How to use it"
    yield ""
    yield "The folder is a dataset folder of finegym: every verb takes it."
    yield ""
    yield "```console"
    yield "$ finegym release verify ."
    yield "$ finegym annotations stats ."
    yield "```"
    yield ""
    yield (
        "`croissant.json` describes the tables for `mlcroissant`; `schemas/` holds a JSON Schema of every JSON file, "
        "table and list; `manifest.json` says what each file is."
    )
    yield ""
    missing = [name for name in CROISSANT_REQUIRES if name in facts.unanswered]
    if missing:
        yield f"Croissant asks for {', '.join(missing)}, which the publisher has not stated."
        yield ""
    yield f"Written by finegym {facts.finegym}. See `DATASHEET.md` for where the data comes from and what it is for."
