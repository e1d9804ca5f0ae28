"""``DATASHEET.md``: questions about a dataset, answered from the data where it can answer, else by ``about.toml``.

Source of the questions: Gebru et al., Datasheets for Datasets, 2021, arXiv:1803.09010; in our words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finegym.annotations.text import format_count
from finegym.release.contents import Contents
from finegym.release.croissant import describe_plainly
from finegym.release.numbers import ReleaseNumbers
from finegym.release.shapes import ReleaseFile

FILE = "DATASHEET.md"
_UNANSWERED = "*Not answered by the publisher (`{key}` of about.toml).*"


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its answers.

    Attributes:
        text: as it is asked.
        key: of ``about.toml``, where people can say something.
        from_data: what the data says by itself.
    """

    text: str
    key: str | None = None
    from_data: str = ""


def format_datasheet(contents: Contents, facts: ReleaseFile, numbers: ReleaseNumbers) -> str:
    """The datasheet of a release."""
    about = contents.settings.about
    lines = [f"# Datasheet of {facts.title} {facts.version}", ""]
    if facts.is_simulated:
        lines += ["**Simulated: nobody filmed these records.**", ""]
    for title, questions in _ask(contents, facts, numbers).items():
        lines += [f"## {title}", ""]
        for question in questions:
            said = getattr(about, question.key) if question.key else None
            answers = [answer for answer in (question.from_data, said) if answer]
            if question.key and not said:
                answers.append(_UNANSWERED.format(key=question.key))
            lines += [f"**{question.text}**", "", *(line for answer in answers for line in (answer, ""))]
    return "\n".join(lines).rstrip() + "\n"


def _ask(contents: Contents, facts: ReleaseFile, numbers: ReleaseNumbers) -> dict[str, Sequence[Question]]:
    creators = ", ".join(creator.name for creator in contents.settings.about.creators)
    return {
        "Why it was made": (
            Question("For what purpose was the dataset made?", "purpose"),
            Question("Who made it?", None if creators else "creators", creators),
            Question("Who paid for it?", "funding"),
        ),
        "What it holds": _ask_composition(contents, facts, numbers),
        "Where it comes from": (
            Question("Where do the records come from?", "source_of_records"),
            Question("How were they chosen?", "selection_of_records"),
            Question("When were they made?", "collection_period"),
            Question("Did the people in them agree?", "consent"),
            Question("Has an ethics board looked at it?", "ethical_review"),
        ),
        "How it was labelled": _ask_labelling(contents, facts),
        "What it is for": (
            Question("What is it good for?", "uses"),
            Question("What should it not be used for?", "uses_to_avoid"),
            Question("What is it biased by?", "biases", _describe_imbalance(numbers)),
        ),
        "How it is given out and kept": (
            Question("How is it given out?", "distribution"),
            Question("Under which licence?", None if facts.licence else "licence", facts.licence or ""),
            Question("Who looks after it, and will there be newer versions?", "maintenance", _describe_versions(facts)),
            Question("How does one have something taken out?", "withdrawal"),
            Question("Whom does one ask?", "contact"),
        ),
    }


def _ask_composition(contents: Contents, facts: ReleaseFile, numbers: ReleaseNumbers) -> Sequence[Question]:
    total = numbers.whole.total
    num_without = facts.counts.sub_actions - facts.counts.sub_actions_with_element
    missing = (
        f"Sub-actions without an element: {num_without:,}. Actions in which nobody has looked for sub-actions: "
        f"{total.num_unsegmented:,}."
    )
    return (
        Question("What does it hold, and how much of it?", None, describe_plainly(facts)),
        Question("Is anything missing?", None, f"{missing} {_describe_left_out(facts)}"),
        Question("Are there splits, and what is on both sides of them?", None, _describe_splits(facts)),
        Question("What is known to be wrong?", "known_errors"),
        Question("Does it name people?", "personal_data", _describe_people(contents, facts)),
        Question("Does it need anything else?", None, "The media files, which are not part of it (records.csv)."),
    )


def _ask_labelling(contents: Contents, facts: ReleaseFile) -> Sequence[Question]:
    source = contents.source
    agreement = "A measurement of agreement is in agreement/." if source.agreement else ""
    votes = (
        f"{facts.votes.votes:,} votes of {facts.votes.annotators} annotators are published in tables/votes."
        if facts.votes.votes
        else "Votes of single annotators are not part of it."
    )
    how = (
        f"Actions, sub-actions and elements by the {facts.codebook.num_queries:,} yes/no queries of codebook "
        f"{facts.codebook.name} {facts.codebook.version}. {votes} {agreement}".rstrip()
    )
    return (
        Question("How was it labelled?", None, how),
        Question("Who labelled it?", "annotators"),
        Question("How were they paid?", "compensation"),
        Question("What was left out, and why?", None, _describe_left_out(facts)),
    )


def _describe_left_out(facts: ReleaseFile) -> str:
    rules = [
        f"{e.name} ({e.why}) leaves {format_count(e.sub_actions, 'sub-action')}, {format_count(e.actions, 'action')} "
        f"and {format_count(e.records, 'record')} out of the {e.leave_out_of}"
        for e in facts.exclusions
    ]
    others = [f"{len(where):,} {reason}" for reason, where in facts.left_out.items()]
    return f"Left out: {'; '.join([*rules, *others])}." if rules or others else "No rule leaves anything out."


def _describe_splits(facts: ReleaseFile) -> str:
    sentences = []
    for split in facts.splits:
        shared = [f"{leak.num_shared:,} of {leak.num_groups:,} {leak.kind} groups" for leak in split.leaks]
        both = [text for text, leak in zip(shared, split.leaks, strict=True) if leak.num_shared]
        leak = f"on both sides: {', '.join(both)}" if both else "no known group is on both sides"
        sentences.append(
            f"{split.name}: {split.num_classes:,} classes, {split.num_train:,} train, {split.num_val:,} val; {leak}."
        )
    return " ".join(sentences) or "There are none."


def _describe_people(contents: Contents, facts: ReleaseFile) -> str:
    athletes = {a.athlete for video in contents.dataset.videos for a in video.actions if a.athlete is not None}
    if not athletes:
        return "Athletes are not named in the annotations; records may show them. Annotators are numbers."
    form = {"named": "by name", "numbered": "as numbers"}.get(facts.athletes, facts.athletes)
    simulated = ", all of them invented" if facts.is_simulated else ""
    return f"{format_count(len(athletes), 'athlete')} {form}{simulated} (actions.csv). Annotators are numbers."


def _describe_imbalance(numbers: ReleaseNumbers) -> str:
    imbalance = numbers.whole.imbalance
    return f"The most frequent element has {imbalance:.0f} times the sub-actions of the rarest." if imbalance else ""


def _describe_versions(facts: ReleaseFile) -> str:
    return f"This is version {facts.version}" + (f", after {facts.previous}." if facts.previous else ".")
