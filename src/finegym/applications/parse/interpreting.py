"""From opinions to a reading of each sub-action: one belief over the hierarchy, what is accepted, what is unsure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from finegym.annotations.model import Action, SubAction
from finegym.applications.hierarchy import Levels, combine_levels, find_path, rank, spread_event
from finegym.applications.parse.files import Answer, Candidate, ParsedAction, ParsedSubAction, Stretch
from finegym.applications.parse.found import FoundAction, FoundSubAction
from finegym.applications.parse.recognising import Level, Opinion
from finegym.applications.scoring.code_of_points import CodeOfPoints
from finegym.applications.scoring.difficulty import score_action
from finegym.codebook.model import Codebook

NUM_CANDIDATES = 5


@dataclass(frozen=True)
class Thresholds:
    """What is accepted.

    Attributes:
        min_score: of routines that are looked into.
        min_sub_score: of sub-actions that are listed.
        min_probability: of an element or set that is named; a query's answer below it is unsure.
        min_familiarity: there and below, a clip looks like none of the known classes; so does that share, at most, of
            clips of known classes.
    """

    min_score: float = 0.3
    min_sub_score: float = 0.3
    min_probability: float = 0.5
    min_familiarity: float = 0.05


def interpret_action(
    found: FoundAction,
    record_id: str,
    opinions: Sequence[Opinion],
    codebook: Codebook,
    thresholds: Thresholds,
    code: CodeOfPoints,
) -> ParsedAction:
    """Read one routine.

    Args:
        found: where the localizers found it, and the stretches in it.
        record_id: of the record.
        opinions: of the recognisers.
        codebook: of the bundle.
        thresholds: what is accepted.
        code: the code of points for its score.
    """
    places = {id_: place for opinion in opinions[:1] for place, id_ in enumerate(opinion.instance_ids)}
    subs = []
    for sub in found.sub_actions:
        place = places.get(f"{record_id}_{found.name}_{sub.name}")
        said = [] if place is None else [(opinion, place) for opinion in opinions]
        subs.append(interpret_sub_action(sub, found, said, codebook, thresholds))
    if found.event_id is None:  # a clip that was cut out: its event is what it shows
        event_id, probability = next(iter(subs[0].events.items()))
        found, unsure = replace(found, event_id=event_id, score=probability), []
    else:
        event_id, unsure = found.event_id, _doubt_action(found, subs, code)
    named, likeliest = (_score(found, subs, codebook, code, likeliest=flag) for flag in (False, True))
    return ParsedAction(
        name=found.name,
        event_id=event_id,
        start_ms=found.start_ms,
        end_ms=found.end_ms,
        score=found.score,
        sub_actions=tuple(subs),
        unsure=tuple(unsure),
        points=named,
        points_of_likeliest=likeliest,
    )


def interpret_sub_action(
    sub: FoundSubAction,
    action: FoundAction,
    said: Sequence[tuple[Opinion, int]],
    codebook: Codebook,
    thresholds: Thresholds,
) -> ParsedSubAction:
    """Read one sub-action; ``said`` are opinions, each with the row that is of this sub-action."""
    levels = combine_levels(
        codebook,
        elements=average_elements(said, codebook),
        sets=average_sets(sub, said, codebook),
        events=spread_event(codebook, action.event_id, action.score) if action.event_id else None,
    )
    candidates = tuple(_make_candidate(*pair, levels, codebook) for pair in rank(levels.elements, NUM_CANDIDATES))
    best = candidates[0] if candidates else None
    set_id, set_probability = rank(levels.sets, 1)[0]
    least = find_familiarity(said, set_id, codebook)
    is_strange = least is not None and least <= thresholds.min_familiarity
    is_element = best is not None and best.probability >= thresholds.min_probability and not is_strange
    is_set = set_probability >= thresholds.min_probability and not is_strange
    return ParsedSubAction(
        name=sub.name,
        start_ms=sub.start_ms,
        end_ms=sub.end_ms,
        score=sub.score,
        element_id=best.element_id if best and is_element else None,
        set_id=best.set_id if best and is_element else set_id if is_set else None,
        events=dict(rank(levels.events, 3)),
        sets=dict(rank(levels.sets, 3)),
        candidates=candidates,
        attributes=dict(codebook.attributes_by_element_id[best.element_id]) if best and is_element else {},
        familiarity=least,
        unsure=tuple(_doubt_sub_action(sub, best, levels, least, thresholds)),
    )


def find_familiarity(said: Sequence[tuple[Opinion, int]], set_id: str, codebook: Codebook) -> float | None:
    """How usual a sub-action is for those who know its likeliest set: a p-value; ``None`` where none of them says.

    A recogniser of other sets has never seen the like, whatever it is. Of several p-values the least counts, times
    their number (Bonferroni): so no more clips of known classes are refused than by one.
    """
    values = [
        float(opinion.familiarity[row])
        for opinion, row in said
        if opinion.familiarity is not None and set_id in _find_known_sets(opinion, codebook)
    ]
    return min(1.0, len(values) * min(values)) if values else None


def _find_known_sets(opinion: Opinion, codebook: Codebook) -> set[str]:
    """The sets that a recogniser has seen clips of."""
    if opinion.level == "element":
        return {codebook.element_by_id[class_id].set_id for class_id in opinion.class_ids}
    if opinion.level == "set":
        return set(opinion.class_ids)
    return {set_.id for set_ in codebook.sets if set_.event_id in opinion.class_ids}


def average_elements(said: Sequence[tuple[Opinion, int]], codebook: Codebook) -> dict[str, float]:
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


def average_sets(sub: FoundSubAction, said: Sequence[tuple[Opinion, int]], codebook: Codebook) -> dict[str, float]:
    """Probabilities of sets: the mean of what the localizer and the recognisers of sets say.

    Where no recogniser of sets is there, one of the elements of several sets speaks for them.
    """
    voices = []
    label = codebook.element_by_id[sub.label].set_id if sub.label in codebook.element_by_id else sub.label
    if label in codebook.set_by_id:
        voices.append(_spread_set(label, sub.score, codebook))
    of_sets = [
        dict(zip(opinion.class_ids, opinion.probabilities[row].tolist(), strict=True))
        for opinion, row in _of_level(said, "set")
    ]
    voices += of_sets or ([sums] if len(sums := _sum_sets(said, codebook)) > 1 else [])
    if not voices:
        return {set_.id: 1 / len(codebook.sets) for set_ in codebook.sets}
    ids = {set_id for voice in voices for set_id in voice}
    return {set_id: sum(voice.get(set_id, 0.0) for voice in voices) / len(voices) for set_id in sorted(ids)}


def _of_level(said: Sequence[tuple[Opinion, int]], level: Level) -> list[tuple[Opinion, int]]:
    return [(opinion, row) for opinion, row in said if opinion.level == level]


def _sum_sets(said: Sequence[tuple[Opinion, int]], codebook: Codebook) -> dict[str, float]:
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


def _make_candidate(element_id: str, probability: float, levels: Levels, codebook: Codebook) -> Candidate:
    element = codebook.element_by_id[element_id]
    tree = codebook.tree_by_set_id.get(element.set_id)
    steps = find_path(tree, levels.elements, element_id) if tree else ()
    path = tuple(
        Answer(
            query_id=step.query_id,
            text=codebook.query_by_id[step.query_id].text,
            answer=step.answer,
            probability=round(step.probability, 6),
        )
        for step in steps
    )
    return Candidate(
        element_id=element_id,
        name=element.name.strip(),
        set_id=element.set_id,
        probability=round(probability, 6),
        path=path,
    )


def _doubt_sub_action(
    sub: FoundSubAction, best: Candidate | None, levels: Levels, familiarity: float | None, thresholds: Thresholds
) -> list[str]:
    doubts = []
    if familiarity is not None and familiarity <= thresholds.min_familiarity:
        doubts.append("looks like none of the classes that the models know")
    set_id, probability = rank(levels.sets, 1)[0]
    if probability < thresholds.min_probability:
        doubts.append(f"set: {set_id} is likeliest, at {100 * probability:.0f} %")
    if best is None:
        doubts.append("element: no model tells elements")
    elif levels.none_of_set.get(set_id, 0.0) > best.probability:
        doubts.append(f"element: no model tells those of {set_id}")
    elif best.probability < thresholds.min_probability:
        weakest = min(best.path, key=lambda answer: answer.probability, default=None)
        where = f"; least sure: {weakest.text}" if weakest else ""
        doubts.append(f"element: the likeliest has {100 * best.probability:.0f} %{where}")
    if sub.num_shared:
        doubts.append(f"{sub.num_shared} other findings in the same stretch")
    return doubts


def _doubt_action(found: FoundAction, subs: Sequence[ParsedSubAction], code: CodeOfPoints) -> list[str]:
    """Why a routine may be none, or not whole."""
    doubts = []
    if found.score < 0.5:
        doubts.append(f"found with a score of {found.score:.2f} only")
    if not subs:
        doubts.append("nothing was found in it: a replay, a warm-up, an interrupted routine?")
    rules = code.events.get(found.event_id or "")
    of_dismount = {set_id for one in (rules.dismount or () if rules else ()) for set_id in one.sets}
    if subs and of_dismount and max(subs[-1].sets, key=lambda one: subs[-1].sets[one]) not in of_dismount:
        doubts.append("it does not end with a dismount: interrupted, or its end was not found?")
    return doubts


def _score(
    found: FoundAction,
    subs: Sequence[ParsedSubAction],
    codebook: Codebook,
    code: CodeOfPoints,
    *,
    likeliest: bool,
) -> float | None:
    if found.event_id not in code.events or not any(sub.candidates for sub in subs):
        return None
    action = make_action(found, subs)
    if likeliest:
        best = [sub.candidates[0].element_id if sub.candidates else None for sub in subs]
        labelled = zip(action.sub_actions or (), best, strict=True)
        action = replace(action, sub_actions=tuple(replace(one, element_id=element) for one, element in labelled))
    return score_action(action, codebook, code).points


def doubt_replays(actions: Sequence[ParsedAction], stretches: Sequence[Stretch]) -> tuple[ParsedAction, ...]:
    """Routines of which more than half lies in what may be a replay or slow motion say so."""
    doubted = []
    for action in actions:
        shared = sum(
            max(0.0, min(action.end_ms, one.end_ms) - max(action.start_ms, one.start_ms))
            for one in stretches
            if one.kind == "replay"
        )
        if shared > (action.end_ms - action.start_ms) / 2:
            doubt = "most of it lies in what may be a replay"
            action = action.model_copy(update={"unsure": (*action.unsure, doubt)})
        doubted.append(action)
    return tuple(doubted)


def make_action(found: FoundAction | ParsedAction, subs: Sequence[ParsedSubAction]) -> Action:
    """A parsed routine as an annotation: what is likely enough is its label."""
    made = tuple(
        SubAction(sub.name, ((sub.start_ms, sub.end_ms),), sub.element_id, None if sub.element_id else sub.set_id)
        for sub in subs
    )
    assert found.event_id is not None, "it was read"
    return Action(found.name, found.event_id, found.start_ms, found.end_ms, made)


def explain_levels(levels: Mapping[str, float]) -> str:
    """Probabilities as one line, likeliest first."""
    return ", ".join(f"{id_} {100 * probability:.0f} %" for id_, probability in levels.items())
