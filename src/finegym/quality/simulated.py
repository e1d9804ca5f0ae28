"""Simulated annotators' work as units, to be measured like anybody's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from finegym.annotations.model import Dataset
from finegym.quality.units import Answer, Item, Level, Unit, Units, make_units, name_no_element
from finegym.simulation.annotators import Annotated

_WORDS: dict[bool | None, Answer] = {True: "yes", False: "no", None: "unsure"}


def make_simulated_units(truth: Dataset, annotated: Mapping[str, Annotated], level: Level) -> Units:
    """What simulated people made of a dataset.

    Args:
        truth: what they looked at; its records (for actions) or routines (for sub-actions) are the items.
        annotated: by name, from ``annotate_actions`` or ``annotate_sub_actions``.
        level: of the units.
    """
    rows = [
        row
        for name, one in annotated.items()
        for row in (_list_actions(name, one) if level == "action" else _list_sub_actions(name, one))
    ]
    return make_units(rows, list_items(truth, level), tuple(annotated), level, truth.codebook, is_simulated=True)


def make_reference_units(truth: Dataset, level: Level, name: str = "reference") -> Units:
    """The truth itself as one annotator's units: gold items."""
    return make_simulated_units(truth, {name: Annotated(truth, {}, {}, ())}, level)


def list_items(dataset: Dataset, level: Level) -> list[Item]:
    """What is handed out: records for actions, routines whose sub-actions are asked for for sub-actions."""
    if level == "action":
        return [
            Item(video.id, video.id, 0, max((action.end_ms for action in video.actions), default=0), video.fps)
            for video in dataset.videos
        ]
    return [
        Item(f"{video.id}_{action.name}", video.id, action.start_ms, action.end_ms, video.fps)
        for video in dataset.videos
        for action in video.actions
        if action.sub_actions is not None
    ]


def _list_actions(name: str, one: Annotated) -> Iterator[Unit]:
    for video in one.dataset.videos:
        for action in video.actions:
            yield Unit(name, video.id, action.start_ms, action.end_ms, action.event_id, f"{video.id}_{action.name}")


def _list_sub_actions(name: str, one: Annotated) -> Iterator[Unit]:
    for id_, instance in one.dataset.instances.items():
        sub, given = instance.sub_action, one.answers.get(id_)
        answers = None if given is None else tuple((query, _WORDS[answer]) for query, answer in given)
        label = sub.element_id or sub.set_id
        if answers and sub.element_id is None and sub.set_id is not None:
            label = name_no_element(sub.set_id)
        yield Unit(name, instance.action_id, sub.start_ms, sub.end_ms, label, id_, answers)
