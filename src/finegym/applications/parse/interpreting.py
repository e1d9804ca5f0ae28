"""From opinions to a reading of each routine: its event, one belief over the hierarchy, what is accepted and unsure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from finegym.annotations.model import Action, SubAction
from finegym.applications.hierarchy import (
    Levels,
    combine_levels,
    condition_sets,
    decide_event,
    find_path,
    rank,
    spread_event,
)
from finegym.applications.parse.beliefs import (
    Familiarity,
    Said,
    average_elements,
    average_events,
    average_sets,
    judge_familiarity,
)
from finegym.applications.parse.files import Answer, Candidate, ParsedAction, ParsedSubAction
from finegym.applications.parse.found import FoundAction, FoundSubAction
from finegym.applications.parse.recognising import Opinion
from finegym.applications.scoring.code_of_points import CodeOfPoints
from finegym.applications.scoring.difficulty import score_action
from finegym.codebook.model import Codebook

NUM_CANDIDATES = 5
MAX_AGAINST = 0.1
"""Pictures that give the event of their routine this probability or less contradict it."""


@dataclass(frozen=True)
class Thresholds:
    """What is accepted.

    Attributes:
        min_score: of routines that are looked into.
        min_sub_score: of sub-actions that are listed.
        min_probability: of an element or set that is named; a query's answer below it is unsure.
        min_familiarity: there and below, a clip looks like none of the known classes; so does that share, at most, of
            clips of known classes (where they were calibrated on enough clips: see ``judge_familiarity``).
    """

    min_score: float = 0.3
    min_sub_score: float = 0.3
    min_probability: float = 0.5
    min_familiarity: float = 0.05


@dataclass(frozen=True)
class Heard:
    """A sub-action, and what its own pictures say before the rest of the routine has a say.

    Attributes:
        sub: where it was found.
        said: opinions, each with its row.
        sets: their probabilities of sets.
        events: and of events.
        is_strange: whether it looks like nothing that those know who know its likeliest set.
        left_out: names of recognisers that found no gymnast in it; what they say is not among ``said``.
    """

    sub: FoundSubAction
    said: Said
    sets: Mapping[str, float]
    events: Mapping[str, float]
    is_strange: bool
    left_out: tuple[str, ...] = ()

    @property
    def is_seen(self) -> bool:
        """Whether a recogniser has a say, where there are any; the localizer alone names nothing that nobody saw."""
        return bool(self.said) or not self.left_out


def interpret_action(
    found: FoundAction,
    record_id: str,
    opinions: Sequence[Opinion],
    codebook: Codebook,
    thresholds: Thresholds,
    code: CodeOfPoints,
) -> ParsedAction:
    """Read one routine, as if it were performed live and to its end; ``kinds.assign_kinds`` says whether it is.

    Args:
        found: where the localizers found it, and the stretches in it.
        record_id: of the record.
        opinions: of the recognisers.
        codebook: of the bundle.
        thresholds: what is accepted.
        code: the code of points for its score.
    """
    places = {id_: place for opinion in opinions[:1] for place, id_ in enumerate(opinion.instance_ids)}
    heard = []
    for sub in found.sub_actions:
        place = places.get(f"{record_id}_{found.name}_{sub.name}")
        said = [] if place is None else [(opinion, place) for opinion in opinions]
        heard.append(_listen(sub, said, codebook, thresholds))
    events = None
    if found.event_id is not None:
        localized = spread_event(codebook, found.event_id, found.score)
        events = decide_event(localized, [one.events for one in heard if not one.is_strange])
    subs = tuple(interpret_sub_action(one, events, codebook, thresholds) for one in heard)
    if events is None:  # a clip that was cut out: its event is what it shows
        events = dict(subs[0].events)
    event_id, probability = rank(events, 1)[0]
    action = ParsedAction(
        name=found.name,
        kind="routine",
        evidence=(),
        replay_of=None,
        event_id=event_id,
        localized_event_id=found.event_id,
        start_ms=found.start_ms,
        end_ms=found.end_ms,
        score=probability if found.event_id is None else found.score,
        events=dict(rank(events, 3)),
        sub_actions=subs,
        unsure=tuple(_doubt_action(found, event_id, probability, subs, thresholds)),
        points=None,
        points_of_likeliest=None,
    )
    named, likeliest = (_score(action, codebook, code, likeliest=flag) for flag in (False, True))
    return action.model_copy(update={"points": named, "points_of_likeliest": likeliest})


def interpret_sub_action(
    heard: Heard, events: Mapping[str, float] | None, codebook: Codebook, thresholds: Thresholds
) -> ParsedSubAction:
    """Read one sub-action, given the probabilities of its routine's event; without any, its own pictures decide.

    What is named is always of the routine's likeliest event.
    """
    sub, said = heard.sub, heard.said
    sets = dict(heard.sets) if events is None else condition_sets(codebook, heard.sets, heard.events, events)
    levels = combine_levels(codebook, elements=average_elements(said, codebook), sets=sets)
    event_id = rank(levels.events, 1)[0][0] if events is None else rank(events, 1)[0][0]
    candidates = tuple(_make_candidate(*pair, levels, codebook) for pair in rank(levels.elements, NUM_CANDIDATES))
    best = candidates[0] if candidates else None
    set_id, set_probability = rank(levels.sets, 1)[0]
    familiarity = judge_familiarity(said, set_id, codebook, thresholds.min_familiarity)
    is_strange = familiarity is not None and familiarity.is_strange
    may_name = heard.is_seen and not is_strange
    is_element = best is not None and best.probability >= thresholds.min_probability and may_name
    is_element = is_element and best is not None and codebook.set_by_id[best.set_id].event_id == event_id
    is_set = set_probability >= thresholds.min_probability and may_name
    is_set = is_set and codebook.set_by_id[set_id].event_id == event_id
    doubts = _doubt_seen(heard)
    doubts += _doubt_sub_action(sub, best, levels, familiarity, thresholds) if heard.is_seen else []
    doubts += [f"{sub.num_shared} other findings in the same stretch"] if sub.num_shared else []
    likely = [(set_id, set_probability), *([(best.set_id, best.probability)] if best else [])]
    for one, share in likely:  # a low threshold lets several be likely enough, of several events
        if share >= thresholds.min_probability and codebook.set_by_id[one].event_id != event_id:
            doubts.append(f"not named: {100 * share:.0f} % for {one}, which is not of its routine's event {event_id}")
            break
    if events is not None and heard.events.get(event_id, 0.0) <= MAX_AGAINST:
        other, share = rank(heard.events, 1)[0]
        doubts.append(f"event: by itself it looks like {other} ({100 * share:.0f} %), its routine is {event_id}")
    return ParsedSubAction(
        name=sub.name,
        start_ms=sub.start_ms,
        end_ms=sub.end_ms,
        score=sub.score,
        element_id=best.element_id if best and is_element else None,
        set_id=best.set_id if best and is_element else set_id if is_set else None,
        events=dict(rank(levels.events, 3)),
        own_events=dict(rank(heard.events, len(heard.events))),
        sets=dict(rank(levels.sets, 3)),
        candidates=candidates,
        attributes=dict(codebook.attributes_by_element_id[best.element_id]) if best and is_element else {},
        familiarity=familiarity.value if familiarity else None,
        is_strange=is_strange,
        strange_rate=familiarity.mistaken if familiarity else None,
        left_out=heard.left_out,
        is_seen=heard.is_seen,
        unsure=tuple(doubts),
    )


def make_action(action: ParsedAction) -> Action:
    """A parsed routine as an annotation: what is likely enough is its label."""
    made = tuple(
        SubAction(sub.name, ((sub.start_ms, sub.end_ms),), sub.element_id, None if sub.element_id else sub.set_id)
        for sub in action.sub_actions
    )
    return Action(action.name, action.event_id, action.start_ms, action.end_ms, made)


def _listen(sub: FoundSubAction, all_said: Said, codebook: Codebook, thresholds: Thresholds) -> Heard:
    """What all say of a sub-action who have seen anything in it."""
    said = [(opinion, row) for opinion, row in all_said if not opinion.is_blind(row)]
    blind = tuple(opinion.name for opinion, row in all_said if opinion.is_blind(row))
    sets = average_sets(sub, said, codebook)
    familiarity = judge_familiarity(said, rank(sets, 1)[0][0], codebook, thresholds.min_familiarity)
    is_strange = familiarity is not None and familiarity.is_strange
    return Heard(sub, said, sets, average_events(sub, said, codebook), is_strange, blind)


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


def _doubt_seen(heard: Heard) -> list[str]:
    """What nobody, or not everybody, has seen."""
    if not heard.is_seen:
        return ["not seen: no gymnast was found in any of its frames, so that nothing is named"]
    names = ", ".join(heard.left_out)
    return [f"no gymnast was found in any of its frames: {names} has no say"] if names else []


def _doubt_sub_action(
    sub: FoundSubAction,
    best: Candidate | None,
    levels: Levels,
    familiarity: Familiarity | None,
    thresholds: Thresholds,
) -> list[str]:
    doubts = []
    if familiarity is not None and familiarity.is_strange:
        often = f" (so would up to {100 * familiarity.mistaken:.0f} % of clips that they know)"
        is_usual = familiarity.mistaken <= 1.25 * thresholds.min_familiarity
        doubts.append("looks like none of the classes that the models know" + ("" if is_usual else often))
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
    return doubts


def _doubt_action(
    found: FoundAction, event_id: str, probability: float, subs: Sequence[ParsedSubAction], thresholds: Thresholds
) -> list[str]:
    """Why a routine may be none, or of another event."""
    doubts = []
    likeliest = f"event: {event_id} is likeliest, at {100 * probability:.0f} %"
    if found.event_id is None:  # a clip that was cut out: nobody looked for a routine
        return [likeliest] if probability < thresholds.min_probability else []
    if found.score < 0.5:
        doubts.append(f"found with a score of {found.score:.2f} only")
    if event_id != found.event_id:
        doubts.append(f"found as {found.event_id}; what is in it speaks for {event_id} ({100 * probability:.0f} %)")
    elif subs and probability < thresholds.min_probability:
        doubts.append(likeliest)
    num_against = sum(sub.own_events.get(event_id, 0.0) <= MAX_AGAINST for sub in subs)
    if num_against:
        doubts.append(f"{num_against} of {len(subs)} sub-actions by themselves look like another event")
    return doubts


def _score(action: ParsedAction, codebook: Codebook, code: CodeOfPoints, *, likeliest: bool) -> float | None:
    if action.event_id not in code.events or not any(sub.candidates for sub in action.sub_actions):
        return None
    annotated = make_action(action)
    if likeliest:
        best = [sub.candidates[0].element_id if sub.candidates else None for sub in action.sub_actions]
        labelled = zip(annotated.sub_actions or (), best, strict=True)
        annotated = replace(annotated, sub_actions=tuple(replace(one, element_id=element) for one, element in labelled))
    return score_action(annotated, codebook, code).points
