"""What all four measurements stand on: who is compared with whom, what matches, and the levels of a label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np

from finegym.quality.matching import MATCH_TIOU, Groups, Pairs, find_overlaps, group_units, match_units
from finegym.quality.units import NO_LABEL, Units, find_no_element_set, get_set_of_label
from finegym.quality.values import Bootstrap, make_bootstrap

LabelLevel = Literal["event", "set", "element"]
LABEL_LEVELS: dict[str, tuple[LabelLevel, ...]] = {"action": ("event",), "sub-action": ("event", "set", "element")}


@dataclass(frozen=True)
class AgreementSettings:
    """How agreement is measured.

    Attributes:
        match_tiou: from which overlap on two units are the same performance: bounds and labels are compared on these.
        tious: thresholds of detection.
        frames: distances of bounds, in frames.
        num_resamples: of the bootstrap over records; 0 for no intervals.
        seed: of the bootstrap.
    """

    match_tiou: float = MATCH_TIOU
    tious: tuple[float, ...] = (0.5, 0.75, 0.9)
    frames: tuple[int, ...] = (1, 2, 5)
    num_resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class Categories:
    """Labels as the events, sets or elements that they belong to.

    Attributes:
        level: which.
        ids: K ids, in the order of the codebook; for elements, ends without element are among them.
        names: K, as people call them.
        of_unit: int32 (N,), into ``ids``; -1 where the label does not say.
    """

    level: LabelLevel
    ids: tuple[str, ...]
    names: tuple[str, ...]
    of_unit: np.ndarray


class Comparison:
    """Units of several annotators, and what matches among them.

    Attributes:
        units: of all annotators.
        settings: how agreement is measured.
        boot: resamples of their records.
        overlaps: every pair that shares time.
        matches: one to one, of at least ``settings.match_tiou``.
    """

    def __init__(self, units: Units, settings: AgreementSettings) -> None:
        self.units = units
        self.settings = settings
        self.boot: Bootstrap = make_bootstrap(len(units.groups), settings.num_resamples, settings.seed)
        self.overlaps: Pairs = find_overlaps(units)
        self.matches: Pairs = match_units(units, settings.match_tiou, self.overlaps)

    @cached_property
    def groups(self) -> Groups:
        """Units that are one performance."""
        return group_units(self.units, self.matches)

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Annotators who did an item in common."""
        done = self.units.done.astype(np.int64)
        shared = done @ done.T
        return tuple((a, b) for a, b in combinations(range(len(done)), 2) if shared[a, b])

    @cached_property
    def categories(self) -> dict[LabelLevel, Categories]:
        """Of every level that labels of these units can have."""
        return {level: make_categories(self.units, level) for level in LABEL_LEVELS[self.units.level]}

    def find_pair_of(self, pairs: Pairs) -> np.ndarray:
        """int64 (P,), which of ``self.pairs`` each pair of units belongs to."""
        number = np.full((len(self.units.annotators),) * 2, -1)
        for place, (first, second) in enumerate(self.pairs):
            number[first, second] = place
        annotator = self.units.annotator_index
        return number[annotator[pairs.left], annotator[pairs.right]]

    def name_pairs(self) -> Iterator[dict[str, str]]:
        """What the row of each pair is about."""
        for first, second in self.pairs:
            yield {"first": self.units.annotators[first], "second": self.units.annotators[second]}


def make_categories(units: Units, level: LabelLevel) -> Categories:
    """Labels of units at one level."""
    codebook = units.codebook
    found = [_lift(units, label, level) for label in units.labels]
    if level == "event":
        order = [event.id for event in codebook.events]
    elif level == "set":
        order = [set_.id for set_ in codebook.sets]
    else:
        order = list(units.labels)
    present = {id_ for id_ in found if id_ is not None}
    ids = tuple(id_ for id_ in order if id_ in present)
    number = {id_: index for index, id_ in enumerate(ids)}
    of_label = np.array([-1 if id_ is None else number[id_] for id_ in found] + [-1], np.int32)
    of_unit = of_label[np.where(units.label_index == NO_LABEL, len(found), units.label_index)]
    return Categories(level, ids, tuple(name_label(units, id_) for id_ in ids), of_unit)


def name_label(units: Units, label: str) -> str:
    """What people call an event, a set or an element."""
    codebook = units.codebook
    if label in codebook.event_by_id:
        return codebook.event_by_id[label].name
    if label in codebook.set_by_id:
        return codebook.set_by_id[label].name
    return codebook.element_by_id[label].name.strip() if label in codebook.element_by_id else label


def _lift(units: Units, label: str, level: LabelLevel) -> str | None:
    """The event, set or element that a label says; ``None`` where it does not say so much."""
    codebook = units.codebook
    set_id = get_set_of_label(codebook, label)
    if level == "event":
        return label if set_id is None else codebook.set_by_id[set_id].event_id
    if level == "set":
        return set_id
    return label if label in codebook.element_by_id or find_no_element_set(label) is not None else None
