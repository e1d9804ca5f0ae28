"""Actions in records, and the sub-actions in those actions: two localizers, one after the other."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finegym.errors import ConfigError, join_problems
from finegym.files import write_text
from finegym.localization.localize import Localized, find_parts
from finegym.localization.localizer import Found
from finegym.localization.opening import OpenedRun
from finegym.localization.parts import get_parts, remove_parts, write_found
from finegym.localization.snippets_source import SnippetSource
from finegym.localization.timelines import Timeline, Timelines

FORMAT = "finegym-routines/1"
ACTIONS_FILE, SUB_ACTIONS_FILE, NESTED_FILE = "actions.json", "sub-actions.json", "routines.json"
MAX_SHARED = 0.5


@dataclass(frozen=True)
class ChosenAction:
    """An action that is taken for one.

    Attributes:
        timeline: of the action.
        class_index: of its event.
        score: as found.
    """

    timeline: Timeline
    class_index: int
    score: float


def choose_actions(record: Timeline, found: Found, min_score: float) -> list[ChosenAction]:
    """Of all that was found in a record, the actions: the surest first, without those that share their time with one.

    Args:
        record: the timeline.
        found: in it.
        min_score: what is less sure is none.

    Returns:
        In order of time. Two share their time if they overlap by more than half of the shorter one.
    """
    chosen: list[ChosenAction] = []
    ids: set[str] = set()
    for place in np.argsort(-found.scores, kind="stable").tolist():
        if found.scores[place] < min_score:
            break
        start_ms, end_ms = (int(time) for time in np.rint(found.segments_ms[place]).tolist())
        start_ms, end_ms = record.start_ms + start_ms, record.start_ms + end_ms
        action_id = f"{record.record_id}_E_{start_ms // 1000:06d}_{end_ms // 1000:06d}"
        is_double = action_id in ids or any(_share(start_ms, end_ms, other.timeline) > MAX_SHARED for other in chosen)
        if end_ms <= start_ms or is_double:
            continue
        ids.add(action_id)
        timeline = Timeline(action_id, record.record_id, record.path, start_ms, end_ms)
        chosen.append(ChosenAction(timeline, int(found.class_index[place]), float(found.scores[place])))
    return sorted(chosen, key=lambda action: action.timeline.start_ms)


def localize_nested(
    actions: OpenedRun,
    sub_actions: OpenedRun,
    records: Timelines,
    open_source: Callable[[OpenedRun, Sequence[Timeline]], Any],
    out: Path,
    *,
    min_score: float,
    min_sub_score: float,
    more: dict[str, Any] | None = None,
    show_progress: bool = True,
) -> tuple[Localized, Localized]:
    """Find actions in records and sub-actions in the actions; write ActivityNet's files of both, and one of all.

    ``actions.json`` has everything that was found in records; ``sub-actions.json`` has, by the id of the action,
    everything that was found in the actions chosen (times on the action's clock); ``routines.json`` has the chosen
    actions with their sub-actions of ``min_sub_score`` or more, on the record's clock.

    Args:
        actions: a localizer of actions.
        sub_actions: a localizer of sub-actions.
        records: to look through.
        open_source: what a localizer sees of timelines.
        out: folder to write.
        min_score: of actions that are looked into.
        min_sub_score: of sub-actions in ``routines.json``.
        more: for the files, what was looked through.
        show_progress: whether bars are drawn on a terminal.

    Raises:
        ConfigError: the runs are not of these tasks.
    """
    for opened, task in ((actions, "actions"), (sub_actions, "sub-actions")):
        if opened.task != task:
            raise ConfigError(f"{opened.path} is a run of the task {opened.task}; expected one of {task}")
    if not (math.isfinite(min_score) and math.isfinite(min_sub_score)):
        raise ConfigError(f"least scores must be numbers, got {min_score} and {min_sub_score}")
    known = more or {}
    upper, lower = out / ACTIONS_FILE, out / SUB_ACTIONS_FILE
    found, num_before = find_parts(
        actions, records, open_source(actions, records.timelines), upper, known, show_progress
    )
    chosen = [choose_actions(*each, min_score) for each in zip(records.timelines, found, strict=True)]
    inside = _list_timelines(chosen)
    source = open_source(sub_actions, inside) if inside else None
    if isinstance(source, SnippetSource):
        chosen = _leave_out(chosen, source.find_empty(inside))
        inside = _list_timelines(chosen)
    timelines = dataclasses.replace(sub_actions.classes, timelines=inside)
    looked = known | {"actions": actions.identify(), "min_score": min_score}
    found_inside, num_before_inside = find_parts(sub_actions, timelines, source, lower, looked, show_progress)
    write_found(upper, found, records, actions.identify() | known)
    write_found(lower, found_inside, timelines, sub_actions.identify() | looked)
    nested = _nest(records, chosen, found_inside, actions, sub_actions, min_sub_score)
    write_text(out / NESTED_FILE, json.dumps(nested, indent=1, ensure_ascii=False) + "\n")
    for path in (upper, lower):
        remove_parts(get_parts(path))
    return (
        Localized(upper, len(records), num_before, sum(len(each.scores) for each in found)),
        Localized(lower, len(inside), num_before_inside, sum(len(each.scores) for each in found_inside)),
    )


def _list_timelines(chosen: Sequence[Sequence[ChosenAction]]) -> tuple[Timeline, ...]:
    return tuple(action.timeline for each in chosen for action in each)


def _leave_out(chosen: Sequence[Sequence[ChosenAction]], empty: Sequence[Timeline]) -> list[list[ChosenAction]]:
    """Without actions that are too short to be looked into; the user sees how many."""
    ids = {timeline.timeline_id for timeline in empty}
    if ids:
        named = join_problems([f"{each.timeline_id}, {each.duration_ms} ms" for each in empty], limit=3)
        print(f"{len(ids)} actions are left out, no snippet lies in them: {named}", file=sys.stderr, flush=True)
    return [[action for action in each if action.timeline.timeline_id not in ids] for each in chosen]


def _share(start_ms: int, end_ms: int, other: Timeline) -> float:
    """Of the shorter of two, the part that lies in the other."""
    shared = min(end_ms, other.end_ms) - max(start_ms, other.start_ms)
    return max(0, shared) / max(1, min(end_ms - start_ms, other.duration_ms))


def _nest(
    records: Timelines,
    chosen: Sequence[Sequence[ChosenAction]],
    found_inside: Sequence[Found],
    actions: OpenedRun,
    sub_actions: OpenedRun,
    min_sub_score: float,
) -> dict[str, Any]:
    inside = iter(found_inside)
    listed = {
        record.timeline_id: [_describe(action, next(inside), actions, sub_actions, min_sub_score) for action in each]
        for record, each in zip(records.timelines, chosen, strict=True)
    }
    made_by = {"actions": actions.identify(), "sub_actions": sub_actions.identify(), "min_sub_score": min_sub_score}
    return {"format": FORMAT, "made_by": made_by, "records": listed}


def _describe(
    action: ChosenAction, found: Found, actions: OpenedRun, sub_actions: OpenedRun, min_sub_score: float
) -> dict[str, Any]:
    """An action with the sub-actions in it, times in ms on the record's clock."""
    timeline = action.timeline
    event = actions.classes.classes.classes[action.class_index]
    kept = [place for place in range(len(found.scores)) if found.scores[place] >= min_sub_score]
    rows = []
    for place in sorted(kept, key=lambda place: float(found.segments_ms[place, 0])):
        class_ = sub_actions.classes.classes.classes[int(found.class_index[place])]
        start_ms, end_ms = (timeline.start_ms + round(time) for time in found.segments_ms[place].tolist())
        score = float(found.scores[place])
        rows.append({"label": class_.id, "name": class_.name, "start_ms": start_ms, "end_ms": end_ms, "score": score})
    return {
        "action_id": timeline.timeline_id,
        "label": event.id,
        "name": event.name,
        "start_ms": timeline.start_ms,
        "end_ms": timeline.end_ms,
        "score": action.score,
        "sub_actions": rows,
    }
