"""One file, scored on every level: an element counts as its set, a set as its event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from finegym.errors import AnnotationError
from finegym.evaluation.localization.detections import Truth

Level = Literal["event", "set", "element"]
DEPTHS: Mapping[Level, int] = {"event": 0, "set": 1, "element": 2}
"""How far from the top of the taxonomy a label stands."""


def lift_truth(truth: Truth, level: Level) -> Truth:
    """The same segments with the labels of a level above; predictions are read with its ``aliases``.

    Two predictions of different elements of one set at one place are two of the same class then, as they would be if a
    model of sets had made them.

    Args:
        truth: with labels of this level, or below.
        level: what a class is to be.

    Raises:
        AnnotationError: the taxonomy does not say what a label of the truth belongs to.
    """
    lifted = {label: _find_ancestor(label, truth.parents, DEPTHS[level]) for label in (*truth.parents, *truth.classes)}
    unknown = [label for label in truth.classes if lifted[label] is None]
    if unknown:
        labels = ", ".join(map(repr, unknown[:5]))
        raise AnnotationError(
            f"subset {truth.subset}: its taxonomy does not say which {level} {labels} belongs to. Give a file of this "
            "level or one below it, with a taxonomy, as `finegym annotations convert` writes it."
        )
    aliases = {label: upper for label, upper in lifted.items() if upper is not None}
    present = {aliases[label] for label in truth.classes}
    classes = tuple(label for label in dict.fromkeys(aliases.values()) if label in present)
    index_of = np.array([classes.index(aliases[label]) for label in truth.classes], np.int64)
    return replace(
        truth,
        classes=classes,
        class_index=index_of[truth.class_index] if len(index_of) else truth.class_index,
        aliases=aliases,
        other_labels=frozenset(aliases.values()) - present,
    )


def _find_ancestor(label: str, parents: Mapping[str, str | None], depth: int) -> str | None:
    """The label at a depth, on the way from a label to the top; ``None`` where there is none."""
    path: list[str] = []
    current: str | None = label
    while current is not None and current in parents and current not in path:
        path.append(current)
        current = parents[current]
    path.reverse()
    return path[depth] if current is None and depth < len(path) else None
