"""What whole routines are like, event by event: learned from annotations, so that a parse can tell which break off."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict

from finegym.annotations.model import Action, Dataset, SubAction

LOW = 0.05
"""Of whole routines, this share is shorter than ``low_ms``, and has fewer sub-actions than ``low_sub_actions``."""
CLOSING = 0.05
"""A set that this share of whole routines end with is one that routines end with."""


class RoutineFacts(BaseModel):
    """Whole routines of one event.

    Attributes:
        num_routines: that were looked at; those without sub-actions are not.
        low_ms: a short one: the quantile ``LOW`` of durations.
        median_ms: a usual one.
        low_sub_actions: the quantile ``LOW`` of numbers of sub-actions, rounded down.
        last_sets: how often they end with which set, in shares.
        sets: that are in them anywhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_routines: int
    low_ms: int
    median_ms: int
    low_sub_actions: int
    last_sets: Mapping[str, float]
    sets: tuple[str, ...]

    @property
    def closing(self) -> frozenset[str]:
        """The sets that routines end with: at least one in twenty. Empty where most sets are: it tells little."""
        often = frozenset(set_id for set_id, share in self.last_sets.items() if share >= CLOSING)
        return often if 2 * len(often) <= len(self.sets) else frozenset()


def describe_routines(dataset: Dataset) -> dict[str, RoutineFacts]:
    """Facts by event, of every event that has routines with sub-actions."""
    by_event: dict[str, list[Action]] = defaultdict(list)
    for video in dataset.videos:
        for action in video.actions:
            if action.sub_actions:
                by_event[action.event_id].append(action)
    return {event_id: _describe(actions, dataset) for event_id, actions in sorted(by_event.items())}


def _describe(actions: list[Action], dataset: Dataset) -> RoutineFacts:
    subs = [sub for action in actions for sub in action.sub_actions or ()]
    durations = [action.end_ms - action.start_ms for action in actions]
    last = Counter(_find_set(max(action.sub_actions or (), key=lambda sub: sub.end_ms), dataset) for action in actions)
    return RoutineFacts(
        num_routines=len(actions),
        low_ms=int(np.quantile(durations, LOW)),
        median_ms=int(np.median(durations)),
        low_sub_actions=int(np.quantile([len(action.sub_actions or ()) for action in actions], LOW)),
        last_sets={set_id: count / len(actions) for set_id, count in sorted(last.items()) if set_id},
        sets=tuple(sorted({_find_set(sub, dataset) for sub in subs} - {""})),
    )


def _find_set(sub: SubAction, dataset: Dataset) -> str:
    element = dataset.codebook.element_by_id.get(sub.element_id or "")
    return element.set_id if element else sub.set_id or ""
