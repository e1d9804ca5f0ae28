"""How right parses are, against annotations of the same records: what was found, and of that what was named rightly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finegym.annotations.model import Dataset
from finegym.applications.parse.counts import Counts, add_counts, match
from finegym.applications.parse.evaluating_kinds import KindScores, Spans, score_kinds
from finegym.applications.parse.files import Parse, ParsedSubAction
from finegym.errors import PredictionError, join_problems


@dataclass(frozen=True)
class ParseScores:
    """How right parses are; a segment is hit by one of a tIoU of ``MIN_TIOU`` or more, one to one.

    Only what a parse takes for routines, performed live and to their end, is compared: the same is annotated.

    Attributes:
        num_records: compared.
        routines: found with the right event.
        sub_actions: found, whatever they were called.
        sets: named with the right set, of all sub-actions.
        elements: named with the right element, likewise.
        likeliest: the likeliest element of every sub-action is right, however unsure.
        num_unsure: sub-actions found that something speaks against.
        kinds: how right kinds are; ``None`` where nobody knows what was interrupted and replayed.
    """

    num_records: int
    routines: Counts
    sub_actions: Counts
    sets: Counts
    elements: Counts
    likeliest: Counts
    num_unsure: int
    kinds: KindScores | None = None


def check_records(parses: Sequence[Parse], truth: Dataset) -> None:
    """Refuse parses of records that are not annotated, and two of one record.

    Raises:
        PredictionError: there are such; they are named.
    """
    ids = [parse.record_id for parse in parses]
    repeated = sorted({id_ for id_ in ids if ids.count(id_) > 1})
    if repeated:
        raise PredictionError(
            f"{join_problems(repeated, 3)}: parsed twice; it would count twice. Give one parse of each."
        )
    known = {video.id for video in truth.videos}
    unknown = [parse.record_id for parse in parses if parse.record_id not in known]
    if unknown:
        raise PredictionError(f"{join_problems(unknown, 3)}: parsed, but not annotated. Give the records' dataset.")


def score_parses(parses: Sequence[Parse], truth: Dataset, kinds: Mapping[str, Spans] | None = None) -> ParseScores:
    """Compare parses with the annotations of their records.

    Args:
        parses: one a record.
        truth: annotations; records that were not parsed are left out.
        kinds: by record what is live, interrupted and replayed; see ``read_true_kinds``.

    Raises:
        PredictionError: a parsed record is not annotated, or given twice.
    """
    check_records(parses, truth)
    videos = {video.id: video for video in truth.videos}
    routines, subs = [], []
    for parse in parses:
        video = videos[parse.record_id]
        live = [one for one in parse.actions if one.kind == "routine"]
        events = {one.event_id for one in video.actions} | {one.event_id for one in live}
        for event_id in sorted(events):
            true = [(one.start_ms, one.end_ms) for one in video.actions if one.event_id == event_id]
            found = [(one.start_ms, one.end_ms) for one in live if one.event_id == event_id]
            routines.append(Counts(len(true), len(found), len(match(true, found))))
        annotated = [sub for action in video.actions for sub in action.sub_actions or ()]
        parsed = [sub for action in live for sub in action.sub_actions]
        pairs = match([(s.start_ms, s.end_ms) for s in annotated], [(s.start_ms, s.end_ms) for s in parsed])
        subs.append((annotated, parsed, pairs))
    total = sum(len(annotated) for annotated, _, _ in subs)
    said = [sub for _, parsed, _ in subs for sub in parsed]
    hits = [(annotated[left], parsed[right]) for annotated, parsed, pairs in subs for left, right in pairs]
    set_of = {element.id: element.set_id for element in truth.codebook.elements}
    return ParseScores(
        num_records=len(parses),
        routines=add_counts(routines),
        sub_actions=Counts(total, len(said), len(hits)),
        sets=Counts(
            total,
            sum(sub.set_id is not None for sub in said),
            sum((true.set_id or set_of.get(true.element_id or "")) == sub.set_id for true, sub in hits if sub.set_id),
        ),
        elements=Counts(
            total,
            sum(sub.element_id is not None for sub in said),
            sum(true.element_id == sub.element_id for true, sub in hits if sub.element_id),
        ),
        likeliest=Counts(
            total,
            sum(bool(sub.candidates) for sub in said),
            sum(true.element_id == _get_likeliest(sub) for true, sub in hits if sub.candidates),
        ),
        num_unsure=sum(bool(sub.unsure) for sub in said),
        kinds=None if kinds is None else score_kinds(parses, kinds),
    )


def tabulate_scores(scores: ParseScores) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Header and rows for people."""
    names = {
        "routines, with their event": scores.routines,
        "sub-actions": scores.sub_actions,
        "sub-actions with the set": scores.sets,
        "sub-actions with the element": scores.elements,
        "likeliest element, however unsure": scores.likeliest,
    }
    if scores.kinds is not None:
        of_kinds = {"interrupted": "interrupted, as such", "replay": "replays, as such"}
        names |= {name: scores.kinds.kinds[kind] for kind, name in of_kinds.items()}
    rows = [
        (name, str(one.num_true), str(one.num_said), str(one.num_right), _format(one.precision), _format(one.recall))
        for name, one in names.items()
    ]
    return ("", "annotated", "said", "right", "precision", "recall"), rows


def _get_likeliest(sub: ParsedSubAction) -> str:
    return sub.candidates[0].element_id


def _format(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
