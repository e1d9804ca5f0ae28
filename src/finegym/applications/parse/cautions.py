"""What somebody must know before believing anything in a parse: said at the top of the page and in ``parse.json``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scipy.stats import binom

from finegym.annotations.text import format_count
from finegym.applications.bundle import BundleFacts
from finegym.applications.parse.files import ParsedAction
from finegym.simulation.competition import SETTINGS_FILE

MAX_CHANCE = 0.01
"""So many strange clips or more are no accident where known footage had them with this probability or less."""


def is_in_simulation(video: Path) -> bool:
    """Whether a recording lies in the folder of a simulated competition, or one below it."""
    return any((folder / SETTINGS_FILE).is_file() for folder in list(video.absolute().parents)[:2])


def is_foreign(actions: Sequence[ParsedAction]) -> bool:
    """Whether so many sub-actions look strange that the whole recording is unlike what the models learned from."""
    judged = [sub for action in actions for sub in action.sub_actions if sub.strange_rate is not None]
    if not judged:
        return False
    rate = max(sub.strange_rate or 0.0 for sub in judged)
    return bool(binom.sf(sum(sub.is_strange for sub in judged) - 1, len(judged), rate) <= MAX_CHANCE)


def doubt_foreign(actions: Sequence[ParsedAction]) -> tuple[ParsedAction, ...]:
    """The actions of a foreign recording: what looks familiar by itself is in doubt too."""
    doubt = "the recording as a whole looks like nothing that the models know"
    return tuple(
        action.model_copy(
            update={
                "sub_actions": tuple(
                    sub if sub.is_strange else sub.model_copy(update={"unsure": (*sub.unsure, doubt)})
                    for sub in action.sub_actions
                )
            }
        )
        for action in actions
    )


def list_cautions(facts: BundleFacts, actions: Sequence[ParsedAction], *, is_simulated: bool) -> tuple[str, ...]:
    """The warnings of a parse, the gravest first.

    Args:
        facts: of the bundle.
        actions: that were found.
        is_simulated: whether the recording is known to be simulated.
    """
    warnings = []
    if facts.is_simulated and not is_simulated:
        warnings.append(
            "The models have seen nothing but a simulated competition, and this recording is not known to be of one. "
            "Do not rely on anything below, however sure it sounds."
        )
    if is_foreign(actions):
        judged = [sub for action in actions for sub in action.sub_actions if sub.strange_rate is not None]
        rate = max(sub.strange_rate or 0.0 for sub in judged)
        warnings.append(
            f"{sum(sub.is_strange for sub in judged)} of {format_count(len(judged), 'sub-action')} look like nothing "
            f"that the models know; of footage like that they learned from, {100 * rate:.0f} % at most would."
        )
    if not actions:
        warnings.append("No routine was found. The models may have been trained on other footage than this.")
    return (*warnings, *facts.weaknesses)
