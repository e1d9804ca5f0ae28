"""What somebody must know before believing anything in a parse: said at the top of the page and in ``parse.json``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scipy.stats import binom

from finegym.annotations.text import format_count
from finegym.applications.bundle import BundleFacts
from finegym.applications.parse.files import ParsedAction
from finegym.simulation.competition import SETTINGS_FILE

SIMULATED_ONLY = "the models have seen simulated competitions only"
MAX_CHANCE = 0.01
"""So many strange clips or more are no accident where known footage had them with this probability or less."""


def is_in_simulation(video: Path) -> bool:
    """Whether a recording lies in the folder of a simulated competition, or one below it."""
    return any((folder / SETTINGS_FILE).is_file() for folder in list(video.absolute().parents)[:2])


def find_foreign(facts: BundleFacts, actions: Sequence[ParsedAction], *, is_simulated: bool) -> str | None:
    """Why a recording is of another kind than what the models learned from, as a doubt; ``None`` where nothing says so.

    Args:
        facts: of the bundle.
        actions: that were found.
        is_simulated: whether the recording is known to be simulated.
    """
    if facts.is_simulated and not is_simulated:
        some = ", ".join(facts.simulated_parts)
        return f"some models have seen simulated competitions only: {some}" if some else SIMULATED_ONLY
    if _are_too_many(*_count_strange(actions)):
        return "the recording as a whole looks like nothing that the models know"
    return None


def doubt_all(actions: Sequence[ParsedAction], doubt: str) -> tuple[ParsedAction, ...]:
    """The actions of a foreign recording: whatever looks familiar by itself is in doubt too."""
    return tuple(
        action.model_copy(
            update={
                "unsure": (doubt, *action.unsure),
                "sub_actions": tuple(
                    sub.model_copy(update={"unsure": (doubt, *sub.unsure)}) for sub in action.sub_actions
                ),
            }
        )
        for action in actions
    )


def mark_doubtful(
    actions: Sequence[ParsedAction], min_probability: float, *, is_foreign: bool
) -> tuple[ParsedAction, ...]:
    """Say of every routine whether it is in doubt as such: all are in a foreign recording, else by their event."""
    return tuple(
        action.model_copy(
            update={"is_doubtful": is_foreign or action.events.get(action.event_id, 0.0) < min_probability}
        )
        for action in actions
    )


def count_doubtful(actions: Sequence[ParsedAction]) -> int:
    """How many would be in the official annotations if they were not in doubt."""
    return sum(action.is_doubtful and action.kind == "routine" for action in actions)


def count_not_seen(actions: Sequence[ParsedAction]) -> int:
    """Sub-actions in which nobody saw a gymnast."""
    return sum(not sub.is_seen for action in actions for sub in action.sub_actions)


def list_cautions(
    facts: BundleFacts, actions: Sequence[ParsedAction], *, is_simulated: bool, with_doubtful: bool = False
) -> tuple[str, ...]:
    """The warnings of a parse, the gravest first.

    Args:
        facts: of the bundle.
        actions: that were found.
        is_simulated: whether the recording is known to be simulated.
        with_doubtful: whether the official annotations hold what is in doubt.
    """
    warnings = []
    if facts.is_simulated and not is_simulated:
        warnings.append(_describe_simulated(facts))
    if facts.is_simulated is None:
        warnings.append(
            "Nobody knows what the models were trained on: the data were gone when their bundle was made. It may be "
            "other footage than this."
        )
    num_strange, num_judged, rate = _count_strange(actions)
    if _are_too_many(num_strange, num_judged, rate):
        warnings.append(
            f"{num_strange} of {format_count(num_judged, 'sub-action')} look like nothing that the models know; of "
            f"footage like that they learned from, {100 * rate:.0f} % at most would."
        )
    warnings += _describe_not_seen(actions)
    warnings += _describe_doubtful(count_doubtful(actions), with_doubtful)
    if not actions:
        warnings.append("No routine was found. The models may have been trained on other footage than this.")
    return (*warnings, *facts.weaknesses)


def _describe_simulated(facts: BundleFacts) -> str:
    end = "this recording is not known to be of one. Do not rely on anything below, however sure it sounds."
    if not facts.simulated_parts:
        return f"The models have seen nothing but a simulated competition, and {end}"
    others = [name for name in facts.trained_on if name not in facts.simulated_parts]
    return (
        f"Some of the models have seen nothing but a simulated competition ({', '.join(facts.simulated_parts)}; not "
        f"so, or nobody knows: {', '.join(others)}), and {end}"
    )


def _describe_not_seen(actions: Sequence[ParsedAction]) -> list[str]:
    subs = [sub for action in actions for sub in action.sub_actions]
    num_left_out, num_not_seen = sum(bool(sub.left_out) for sub in subs), count_not_seen(actions)
    if not num_left_out:
        return []
    return [
        f"In {num_left_out} of {format_count(len(subs), 'sub-action')} no gymnast was found in any frame: who looks at "
        f"poses has no say there. In {num_not_seen} of them nobody else has one, so that nothing is named."
    ]


def _describe_doubtful(num_doubtful: int, with_doubtful: bool) -> list[str]:
    if not num_doubtful:
        return []
    count = f"{format_count(num_doubtful, 'routine')} in doubt as such: "
    if with_doubtful:
        return [count + "in the official annotations too, as was asked for, which have no place for a doubt."]
    return [
        count + "left out of the official annotations (annotations.json, elements.txt, sets.txt), which have no place "
        "for a doubt. With --with-doubtful they are in them."
    ]


def _count_strange(actions: Sequence[ParsedAction]) -> tuple[int, int, float]:
    """Strange sub-actions, those that were judged, and the share of known ones that would be strange at most."""
    judged = [sub for action in actions for sub in action.sub_actions if sub.strange_rate is not None]
    rate = max((sub.strange_rate or 0.0 for sub in judged), default=0.0)
    return sum(sub.is_strange for sub in judged), len(judged), rate


def _are_too_many(num_strange: int, num_judged: int, rate: float) -> bool:
    return num_judged > 0 and bool(binom.sf(num_strange - 1, num_judged, rate) <= MAX_CHANCE)
