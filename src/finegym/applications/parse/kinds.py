"""What kind of routine was found: live and whole, broken off, shown again, or nothing that one can tell.

Rules, not a model: each looks at one thing, says what it saw, and where its limit is. A replay is known by where it
lies; a routine that breaks off is known by what whole ones of its event are like (the bundle says). ``finegym evaluate
parse`` counts how often they are right where a simulation knows; docs/parse.md has the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finegym.applications.bundle_routines import RoutineFacts
from finegym.applications.parse.files import COUNTED, Evidence, Kind, ParsedAction, Stretch
from finegym.codebook.model import Codebook

MIN_SHARE = 0.5
"""Of a routine's time, that lies in candidates."""
MIN_SCORE = 0.5
"""Of a localizer that is believed although everything in a routine looks strange to recognisers."""
MAX_SPEED = 0.65
"""Relative to the original: one gymnast's vault looks like the other's, and is a little slower or faster."""
MAX_SLOW_SHARE = 0.25
"""Of the record's time: where more than this looks slowed down, it is how the record was converted."""
MIN_CLOSING = 0.1
"""Score with which a localizer found a dismount at the end of a routine: far below what would be listed. Whole
simulated routines had 0.14 or more, for dismounts of another apparatus it was 0.05 at most."""
FAR_BELOW = 0.9
"""Of what is already short: where an event's routines may end with anything, only this tells."""


def assign_kinds(
    actions: Sequence[ParsedAction],
    stretches: Sequence[Stretch],
    duration_ms: float,
    facts: Mapping[str, RoutineFacts] | None,
    endings: Mapping[str, Mapping[str, float]],
) -> tuple[ParsedAction, ...]:
    """Say of every routine of a record what kind it is, and why; those that nobody performs lose their points.

    Args:
        actions: of the record, in order.
        stretches: candidates for replays and slow motion.
        duration_ms: of the record.
        facts: of whole routines by event; ``None`` where nobody knows: then nothing is called interrupted.
        endings: by the routines' names, of every set the best score with which it was found where they end.
    """
    assigned: list[ParsedAction] = []
    for action in actions:
        of_replay = find_replay_evidence(action, stretches, duration_ms)
        original = find_original(action, stretches, assigned)
        if original is not None:
            text = f"what it shows was shown before, in {original}"
            of_replay.append(_make_evidence("replay", "shown-before", 1.0, 1.0, text))
        of_break = find_break_evidence(action, (facts or {}).get(action.event_id), endings.get(action.name, {}))
        kind = _decide(action, of_replay, of_break, (facts or {}).get(action.event_id))
        assigned.append(_apply(action, kind, (*of_replay, *of_break), original if kind == "replay" else None))
    return tuple(assigned)


def find_replay_evidence(action: ParsedAction, stretches: Sequence[Stretch], duration_ms: float) -> list[Evidence]:
    """What says that a routine is shown again: most of it lies in what may be a replay, or in slow motion."""
    evidence = []
    candidates = [one for one in stretches if one.kind == "replay"]
    share = _measure_share(action, [one for one in candidates if is_telling(one)])
    if share > MIN_SHARE:
        text = f"{100 * share:.0f} % of it lies in what may be a replay"
        evidence.append(_make_evidence("replay", "in-replay-candidate", share, MIN_SHARE, text))
    elif (share := _measure_share(action, candidates)) > MIN_SHARE:
        text = f"{100 * share:.0f} % of it looks like what was shown before: a replay, or the same element again?"
        evidence.append(_make_evidence("replay", "looks-like-before", share, MIN_SHARE, text))
    slow = [one for one in stretches if one.kind == "slow motion" and set(one.reasons) - {"slower-than-before"}]
    is_rare = sum(one.end_ms - one.start_ms for one in slow) <= MAX_SLOW_SHARE * duration_ms
    share = _measure_share(action, slow)
    if share > MIN_SHARE and is_rare:
        text = f"{100 * share:.0f} % of it is in slow motion"
        evidence.append(_make_evidence("replay", "in-slow-motion", share, MIN_SHARE, text))
    return evidence


def is_telling(stretch: Stretch) -> bool:
    """Whether a candidate is enough to call a routine in it a replay.

    A frame of wipes is: nobody frames what is live. That its pictures were seen before is enough only where they are
    far slower now: two vaults filmed by one camera look the same.
    """
    return "framed" in stretch.reasons or (stretch.speed is not None and stretch.speed <= MAX_SPEED)


def find_original(action: ParsedAction, stretches: Sequence[Stretch], earlier: Sequence[ParsedAction]) -> str | None:
    """The earlier routine that most of a routine's pictures were seen in before; ``None`` where they were not found."""
    for one in stretches:
        if one.original_start_ms is None or one.original_end_ms is None or not is_telling(one):
            continue
        middle = (one.original_start_ms + one.original_end_ms) / 2
        for other in earlier:
            is_in = other.kind in COUNTED and other.start_ms <= middle < other.end_ms
            if is_in and _measure_share(action, [one]) > MIN_SHARE:
                return other.name
    return None


def sum_endings(ending: Mapping[str, float], codebook: Codebook) -> dict[str, float]:
    """The best score by set, of the best scores by set or element."""
    best: dict[str, float] = {}
    for label, score in ending.items():
        element = codebook.element_by_id.get(label)
        set_id = element.set_id if element else label
        best[set_id] = max(best.get(set_id, 0.0), score)
    return best


def find_break_evidence(
    action: ParsedAction, facts: RoutineFacts | None, ending: Mapping[str, float]
) -> list[Evidence]:
    """What says that a routine breaks off: how it ends, how long it is, how much is in it; and that nothing is."""
    if not action.sub_actions:
        return [_make_evidence("unclear", "nothing-found", 0, 1, "nothing was found in it")]
    if not any(sub.is_seen for sub in action.sub_actions):
        return [_make_evidence("unclear", "nothing-seen", 0, 1, "no gymnast was found in anything in it")]
    if all(sub.is_strange or not sub.is_seen for sub in action.sub_actions):
        text = "nothing in it looks like anything that the models know"
        return [_make_evidence("unclear", "nothing-known", 0, 1, text)]
    if facts is None:
        return []
    evidence = []
    value = max((score for set_id, score in ending.items() if set_id in facts.closing), default=0.0)
    if facts.closing and value < MIN_CLOSING:
        text = f"no {' or '.join(sorted(facts.closing))} was found at its end, as whole ones of {action.event_id} have"
        evidence.append(_make_evidence("interrupted", "no-dismount", value, MIN_CLOSING, text))
    length = action.end_ms - action.start_ms
    if length < facts.low_ms:
        text = f"it lasts {length / 1000:.1f} s; 95 % of whole ones last {facts.low_ms / 1000:.1f} s or more"
        evidence.append(_make_evidence("interrupted", "too-short", length, facts.low_ms, text))
    number = len(action.sub_actions)
    if number < facts.low_sub_actions:
        text = f"{number} sub-actions; 95 % of whole ones have {facts.low_sub_actions} or more"
        evidence.append(_make_evidence("interrupted", "too-few-sub-actions", number, facts.low_sub_actions, text))
    return evidence


def _decide(
    action: ParsedAction, of_replay: Sequence[Evidence], of_break: Sequence[Evidence], facts: RoutineFacts | None
) -> Kind:
    """No dismount at all is enough, however unsure one might be found: localizers miss other things, and are late."""
    if any(one.reason != "looks-like-before" for one in of_replay):
        return "replay"
    is_likely = action.localized_event_id is not None and action.score >= MIN_SCORE
    reasons = {one.reason for one in of_break}
    if "nothing-found" in reasons or (reasons & {"nothing-known", "nothing-seen"} and not is_likely):
        return "unclear"
    if facts is None or not facts.closing:
        is_broken = any(one.reason == "too-short" and one.value < FAR_BELOW * one.limit for one in of_break)
    else:
        is_broken = "no-dismount" in reasons
    return "interrupted" if is_broken else "routine"


def _apply(action: ParsedAction, kind: Kind, evidence: tuple[Evidence, ...], original: str | None) -> ParsedAction:
    """The action with its kind; what spoke for another one, and was not enough, is a doubt."""
    doubts = [one.text for one in evidence if one.speaks_for != kind and kind in COUNTED]
    changes: dict[str, object] = {
        "kind": kind,
        "evidence": evidence,
        "replay_of": original,
        "unsure": (*action.unsure, *doubts),
    }
    if kind not in COUNTED:
        changes |= {"points": None, "points_of_likeliest": None}
    return action.model_copy(update=changes)


def _make_evidence(kind: Kind, reason: str, value: float, limit: float, text: str) -> Evidence:
    return Evidence.model_validate(
        {"speaks_for": kind, "reason": reason, "value": round(float(value), 4), "limit": limit, "text": text}
    )


def _measure_share(action: ParsedAction, stretches: Sequence[Stretch]) -> float:
    """Of a routine's time, the part that lies in any of some stretches."""
    cut = sorted((max(action.start_ms, one.start_ms), min(action.end_ms, one.end_ms)) for one in stretches)
    total, reached = 0.0, float(action.start_ms)
    for start_ms, end_ms in cut:
        total += max(0.0, end_ms - max(start_ms, reached))
        reached = max(reached, end_ms)
    return total / max(1, action.end_ms - action.start_ms)
