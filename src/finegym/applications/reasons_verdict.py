"""What recognisers come to together: the answer that a parse gives, or would give, and the probability of each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finegym.applications.parse.files import Candidate, ParsedSubAction
from finegym.applications.parse.found import FoundAction, FoundSubAction
from finegym.applications.parse.interpreting import Thresholds, interpret_action
from finegym.applications.parse.recognising import Opinion, find_level
from finegym.applications.reasons_opening import OpenedRecogniser
from finegym.applications.reasons_questions import Goal, find_goal
from finegym.applications.scoring.code_of_points import read_code
from finegym.codebook.model import Codebook

CODE = "fig-women-2017"  # interpreting wants one; points are not looked at


@dataclass(frozen=True)
class Verdict:
    """The answer, and how sure its steps are.

    Attributes:
        goal: the answer.
        ranked: (id, name, probability) of the likeliest of its level.
        probabilities: of the steps on the way, by ``Question.key``.
    """

    goal: Goal
    ranked: tuple[tuple[str, str, float], ...]
    probabilities: Mapping[tuple[str, str | None], float | None]

    def compare(self, other: str) -> float | None:
        """The probability of the answer, if it can only be that or another; ``None``: the other is not listed."""
        shares = {id_: value for id_, _, value in self.ranked}
        own, rival = shares.get(self.goal.finest), shares.get(other)
        return None if own is None or rival is None or own + rival <= 0 else own / (own + rival)


def read_verdict(sub: ParsedSubAction, codebook: Codebook) -> Verdict:
    """What a parse says of a sub-action: what it names; where it names nothing, the likeliest element.

    Where it names a set only, the likeliest element of that set is looked at; where no model knows one, the set.
    """
    best = _choose(sub)
    if best is not None:
        set_id, ranked = best.set_id, tuple((one.element_id, one.name, one.probability) for one in sub.candidates)
    else:
        set_id = sub.set_id or next(iter(sub.sets))
        ranked = tuple((id_, codebook.set_by_id[id_].name, value) for id_, value in sub.sets.items())
    goal = find_goal(best.element_id if best else set_id, codebook)
    assert goal is not None, "the parse is of this codebook"
    found: dict[tuple[str, str | None], float] = {}
    event = sub.events.get(goal.event_id)
    if event is not None:
        found["event", None] = event
        if set_id in sub.sets and event > 0:
            found["set", None] = min(1.0, sub.sets[set_id] / event)
    if best is not None:
        found |= {("query", step.query_id): step.probability for step in best.path}
        if not best.path and sub.sets.get(set_id):
            found["class", None] = min(1.0, best.probability / sub.sets[set_id])
    return Verdict(goal, ranked, found)


def reach_verdict(recognisers: Sequence[OpenedRecogniser], shares: Sequence[np.ndarray], codebook: Codebook) -> Verdict:
    """What a parse would say of a clip that was cut out before.

    Args:
        recognisers: N of them.
        shares: of each its probabilities, float64 (K,).
        codebook: of the bundle.
    """
    action, sub = "E_000000_000001", "A_0000_0001"
    opinions = [
        Opinion(
            one.recipe.name,
            find_level({"classes": [(id_, "") for id_ in one.class_ids]}, codebook),
            one.class_ids,
            (f"clip_{action}_{sub}",),
            row[None],
            None,
            0,
        )
        for one, row in zip(recognisers, shares, strict=True)
    ]
    found = FoundAction(action, None, 0, 1000, 1.0, (FoundSubAction(sub, 0, 1000, "", 1.0, 0),))
    read = interpret_action(found, "clip", opinions, codebook, Thresholds(), read_code(CODE))
    return read_verdict(read.sub_actions[0], codebook)


def _choose(sub: ParsedSubAction) -> Candidate | None:
    if sub.element_id is None and sub.set_id is not None:
        return next((one for one in sub.candidates if one.set_id == sub.set_id), None)
    return sub.candidates[0] if sub.candidates else None
