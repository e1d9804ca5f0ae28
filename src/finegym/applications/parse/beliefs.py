"""What localizers and recognisers say of one sub-action, put together level by level; and whether it is familiar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finegym.applications.hierarchy import sum_events
from finegym.applications.parse.found import FoundSubAction
from finegym.applications.parse.recognising import Level, Opinion
from finegym.codebook.model import Codebook

Said = Sequence[tuple[Opinion, int]]
"""Opinions, each with its row that is of the sub-action."""


@dataclass(frozen=True)
class Familiarity:
    """How usual a sub-action is for those who know its likeliest set.

    Attributes:
        value: p-value; of several the least, times their number (Bonferroni).
        is_strange: whether it looks like nothing that they know.
        mistaken: of clips like those they were calibrated on, at most this share is called strange.
    """

    value: float
    is_strange: bool
    mistaken: float


def judge_familiarity(said: Said, set_id: str, codebook: Codebook, min_familiarity: float) -> Familiarity | None:
    """Whether a sub-action is like what those who know its likeliest set were calibrated on.

    A recogniser of other sets has never seen the like, whatever it is. K recognisers share ``min_familiarity``. One
    that was calibrated on N clips says no less than 1 / (N + 1); where that is more than its share, a clip that is
    stranger than all N is called strange nevertheless: else a model that saw few clips would never refuse anything.

    Returns:
        ``None`` where nobody is calibrated that knows the set.
    """
    knowing = [
        (float(opinion.familiarity[row]), 1 / (opinion.num_calibrated + 1))
        for opinion, row in said
        if opinion.familiarity is not None and set_id in find_known_sets(opinion, codebook)
    ]
    if not knowing:
        return None
    limits = [max(min_familiarity / len(knowing), least) for _, least in knowing]
    return Familiarity(
        min(1.0, len(knowing) * min(value for value, _ in knowing)),
        any(value <= limit for (value, _), limit in zip(knowing, limits, strict=True)),
        min(1.0, sum(limits)),
    )


def find_known_sets(opinion: Opinion, codebook: Codebook) -> set[str]:
    """The sets that a recogniser has seen clips of."""
    if opinion.level == "element":
        return {codebook.element_by_id[class_id].set_id for class_id in opinion.class_ids}
    if opinion.level == "set":
        return set(opinion.class_ids)
    return {set_.id for set_ in codebook.sets if set_.event_id in opinion.class_ids}


def average_elements(said: Said, codebook: Codebook) -> dict[str, float]:
    """Probabilities of elements: of each set, the mean over the recognisers that know elements of it.

    Recognisers of some sets only say nothing of the others: each counts with its shares inside a set.
    """
    inside: dict[str, list[dict[str, float]]] = {}
    for opinion, row in _of_level(said, "element"):
        by_set: dict[str, dict[str, float]] = {}
        for class_id, probability in zip(opinion.class_ids, opinion.probabilities[row].tolist(), strict=True):
            by_set.setdefault(codebook.element_by_id[class_id].set_id, {})[class_id] = probability
        for set_id, members in by_set.items():
            total = sum(members.values())
            inside.setdefault(set_id, []).append(
                {one: value / total if total > 0 else 1 / len(members) for one, value in members.items()}
            )
    averaged: dict[str, float] = {}
    weights = _sum_sets(said, codebook)
    for set_id, shares in inside.items():
        for element_id in {one for each in shares for one in each}:
            mean = sum(each.get(element_id, 0.0) for each in shares) / len(shares)
            averaged[element_id] = mean * weights.get(set_id, 1.0)
    return averaged


def average_events(sub: FoundSubAction, said: Said, codebook: Codebook) -> dict[str, float]:
    """Probabilities of events, of those that have sets: the mean of what all say who tell sets or events apart."""
    voices = [sum_events(codebook, voice) for voice in _list_voices(sub, said, codebook)]
    ids = list(dict.fromkeys(set_.event_id for set_ in codebook.sets))
    for opinion, row in _of_level(said, "event"):
        told = dict(zip(opinion.class_ids, opinion.probabilities[row].tolist(), strict=True))
        total = sum(told.get(event_id, 0.0) for event_id in ids)
        if total > 0:
            voices.append({event_id: told.get(event_id, 0.0) / total for event_id in ids})
    if not voices:
        return dict.fromkeys(ids, 1 / len(ids))
    return {event_id: sum(voice[event_id] for voice in voices) / len(voices) for event_id in ids}


def average_sets(sub: FoundSubAction, said: Said, codebook: Codebook) -> dict[str, float]:
    """Probabilities of sets: the mean of what the localizer and the recognisers of sets say."""
    voices = _list_voices(sub, said, codebook)
    if not voices:
        return {set_.id: 1 / len(codebook.sets) for set_ in codebook.sets}
    ids = {set_id for voice in voices for set_id in voice}
    return {set_id: sum(voice.get(set_id, 0.0) for voice in voices) / len(voices) for set_id in sorted(ids)}


def _list_voices(sub: FoundSubAction, said: Said, codebook: Codebook) -> list[dict[str, float]]:
    """Probabilities of sets by all who tell them apart.

    Recognisers of elements of several sets are among them where they know elements of every set that those of sets
    know: others would speak against sets that they have never seen.
    """
    voices = []
    label = codebook.element_by_id[sub.label].set_id if sub.label in codebook.element_by_id else sub.label
    if label in codebook.set_by_id:
        voices.append(_spread_set(label, sub.score, codebook))
    of_sets = [
        dict(zip(opinion.class_ids, opinion.probabilities[row].tolist(), strict=True))
        for opinion, row in _of_level(said, "set")
    ]
    sums = _sum_sets(said, codebook)
    knows_all = len(sums) > 1 and all(set_id in sums for voice in of_sets for set_id in voice)
    return [*voices, *of_sets, *([sums] if knows_all else [])]


def _of_level(said: Said, level: Level) -> list[tuple[Opinion, int]]:
    return [(opinion, row) for opinion, row in said if opinion.level == level]


def _sum_sets(said: Said, codebook: Codebook) -> dict[str, float]:
    """What the recognisers of elements of several sets give each set, on average."""
    sums: dict[str, float] = {}
    wide = []
    for opinion, row in _of_level(said, "element"):
        by_set: dict[str, float] = {}
        for class_id, probability in zip(opinion.class_ids, opinion.probabilities[row].tolist(), strict=True):
            set_id = codebook.element_by_id[class_id].set_id
            by_set[set_id] = by_set.get(set_id, 0.0) + probability
        if len(by_set) > 1:
            wide.append(by_set)
    for by_set in wide:
        for set_id, probability in by_set.items():
            sums[set_id] = sums.get(set_id, 0.0) + probability / len(wide)
    return sums


def _spread_set(set_id: str, score: float, codebook: Codebook) -> dict[str, float]:
    """A set with the localizer's score; what is left belongs to the other sets, alike."""
    others = [set_.id for set_ in codebook.sets if set_.id != set_id]
    sure = min(max(score, 0.0), 1.0) if others else 1.0
    return {set_id: sure, **{other: (1 - sure) / len(others) for other in others}}
