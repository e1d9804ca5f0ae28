"""What several people annotated on the same items, in columns: the one value that all of `quality` reads.

A *unit* is one thing that one annotator found: an action or a sub-action, with its bounds, its label and the answers on
the way to it. An *item* is what was handed out: a record or a chunk of it for actions, a routine for sub-actions.
Columns rather than objects, so that 40,000 sub-actions by three annotators are compared in two seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from finegym.codebook.model import Codebook
from finegym.codebook.tree import get_paths
from finegym.errors import AnnotationError, join_problems

Level = Literal["action", "sub-action"]
Answer = Literal["yes", "no", "unsure"]
ANSWER_CODES: dict[Answer, int] = {"no": 0, "yes": 1, "unsure": -1}
NO_LABEL = -1
_NO_ELEMENT = "no such element of "


class Item(NamedTuple):
    """Something that was handed out to be annotated.

    Attributes:
        id: unique.
        group: the record (or the competition) that it belongs to; groups are what the bootstrap draws.
        start_ms: first millisecond of it on the record's clock.
        end_ms: first one after it.
        fps: frames a second; ``None`` where nobody knows.
    """

    id: str
    group: str
    start_ms: int
    end_ms: int
    fps: float | None = None


class Unit(NamedTuple):
    """Something that one annotator found in an item.

    Attributes:
        annotator: who.
        item: in which.
        start_ms: on the record's clock.
        end_ms: first millisecond after it.
        label: event, set or element id, or ``name_no_element`` of a set; ``None`` where there is none yet.
        id: of the segment or the instance, so that a number leads back to it.
        answers: ``(query id, answer)`` in the order in which they were given; ``None``: those on the path to the label.
    """

    annotator: str
    item: str
    start_ms: int
    end_ms: int
    label: str | None
    id: str
    answers: tuple[tuple[str, Answer], ...] | None = None


@dataclass(frozen=True)
class Answers:
    """Answers to the queries of trees, rows of all units one after the other.

    Attributes:
        queries: ``(set id, query id)``: every tree asks its own.
        start: int64 (N + 1,): those of unit i are ``start[i]:start[i + 1]``.
        query_index: int32 (M,), into ``queries``.
        answer: int8 (M,), 1 yes, 0 no, -1 unsure.
    """

    queries: tuple[tuple[str, str], ...]
    start: np.ndarray
    query_index: np.ndarray
    answer: np.ndarray


@dataclass(frozen=True)
class Units:
    """What several people annotated on the same items, at one level.

    Attributes:
        level: ``action`` or ``sub-action``.
        codebook: where labels and queries come from.
        annotators: A names.
        items: I items.
        labels: L ids: events, sets, elements, ends without element; in the order of the codebook.
        annotator_index: int32 (N,).
        item_index: int32 (N,), ascending; units of an item are ordered by start, end, annotator.
        start_ms: int64 (N,), on the record's clock.
        end_ms: int64 (N,), greater than ``start_ms``.
        label_index: int32 (N,), ``NO_LABEL`` where there is none.
        unit_ids: N ids of segments or instances.
        answers: to the queries of the trees.
        done: bool (A, I): who did which item, also where nothing was found in it.
        is_simulated: nobody filmed it.
        notes: what was left out or taken for granted on the way here, in words.
    """

    level: Level
    codebook: Codebook
    annotators: tuple[str, ...]
    items: tuple[Item, ...]
    labels: tuple[str, ...]
    annotator_index: np.ndarray
    item_index: np.ndarray
    start_ms: np.ndarray
    end_ms: np.ndarray
    label_index: np.ndarray
    unit_ids: tuple[str, ...]
    answers: Answers
    done: np.ndarray
    is_simulated: bool = False
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.annotator_index)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Records, in the order in which they first appear."""
        return tuple(dict.fromkeys(item.group for item in self.items))

    @cached_property
    def group_of_item(self) -> np.ndarray:
        """int32 (I,), into ``groups``."""
        number = {group: index for index, group in enumerate(self.groups)}
        return np.array([number[item.group] for item in self.items], np.int32)

    @cached_property
    def group_index(self) -> np.ndarray:
        """int32 (N,), into ``groups``."""
        return self.group_of_item[self.item_index]

    @cached_property
    def fps(self) -> np.ndarray:
        """float64 (N,), frames a second of the record of every unit; NaN where nobody knows."""
        rates = np.array([np.nan if item.fps is None else item.fps for item in self.items], np.float64)
        return rates[self.item_index]

    def select(self, rows: np.ndarray) -> Units:
        """The units of some rows, ascending; annotators, items and labels stay."""
        rows = np.arange(len(self))[rows]
        counts = np.diff(self.answers.start)[rows]
        start = np.concatenate([[0], np.cumsum(counts)])
        places = np.repeat(self.answers.start[rows] - start[:-1], counts) + np.arange(start[-1])
        answers = replace(
            self.answers,
            start=start,
            query_index=self.answers.query_index[places],
            answer=self.answers.answer[places],
        )
        return replace(
            self,
            annotator_index=self.annotator_index[rows],
            item_index=self.item_index[rows],
            start_ms=self.start_ms[rows],
            end_ms=self.end_ms[rows],
            label_index=self.label_index[rows],
            unit_ids=tuple(self.unit_ids[row] for row in rows.tolist()),
            answers=answers,
        )

    def select_items(self, wanted: np.ndarray) -> Units:
        """Only some items, bool (I,), and the units in them."""
        number = np.where(wanted, np.cumsum(wanted) - 1, -1).astype(np.int32)
        chosen = self.select(wanted[self.item_index])
        return replace(
            chosen,
            items=tuple(item for item, is_wanted in zip(self.items, wanted.tolist(), strict=True) if is_wanted),
            item_index=number[chosen.item_index],
            done=self.done[:, wanted],
        )

    def select_annotators(self, names: Sequence[str]) -> Units:
        """Only the units of some annotators; the others are no longer among ``annotators``."""
        kept = [self.annotators.index(name) for name in names]
        number = np.full(len(self.annotators), -1, np.int32)
        number[kept] = np.arange(len(kept))
        chosen = self.select(number[self.annotator_index] >= 0)
        return replace(
            chosen,
            annotators=tuple(names),
            annotator_index=number[chosen.annotator_index],
            done=self.done[kept],
        )


def name_no_element(set_id: str) -> str:
    """The label of a walk that ended at "no such element"."""
    return _NO_ELEMENT + set_id


def find_no_element_set(label: str) -> str | None:
    """The set of a label made by ``name_no_element``; ``None`` for other labels."""
    return label.removeprefix(_NO_ELEMENT) if label.startswith(_NO_ELEMENT) else None


def make_units(
    units: Iterable[Unit],
    items: Sequence[Item],
    annotators: Sequence[str],
    level: Level,
    codebook: Codebook,
    *,
    not_done: Iterable[tuple[str, str]] = (),
    is_simulated: bool = False,
    notes: Sequence[str] = (),
) -> Units:
    """Put rows into columns, checked once.

    Args:
        units: in any order.
        items: in the order of the work.
        annotators: in the order in which tables show them.
        level: ``action`` or ``sub-action``.
        codebook: knows every label.
        not_done: ``(annotator, item id)``: who did not do which item; everybody did all others.
        is_simulated: nobody filmed it.
        notes: what was left out or taken for granted, in words.

    Raises:
        AnnotationError: a unit has an unknown annotator, item or label, ends before it starts, or is in an item that
            its annotator did not do; or an item or an annotator is there twice. All such problems are gathered.
    """
    rows = list(units)
    item_number = {item.id: index for index, item in enumerate(items)}
    annotator_number = {name: index for index, name in enumerate(annotators)}
    known = {label: index for index, label in enumerate(list_labels(codebook))}
    problems = [f"item {item.id!r} is there twice" for item in items if items[item_number[item.id]] is not item]
    problems += ["an annotator is there twice"] if len(annotator_number) < len(annotators) else []
    problems += [text for unit in rows for text in _find_problems(unit, item_number, annotator_number, known)]
    skipped = set(not_done)
    problems += [
        f"{unit.id}: {unit.annotator} did not do item {unit.item!r}"
        for unit in rows
        if (unit.annotator, unit.item) in skipped
    ]
    if problems:
        raise AnnotationError(f"units of {codebook.name}: {join_problems(problems)}. Correct them first.")
    rows.sort(key=lambda unit: (item_number[unit.item], unit.start_ms, unit.end_ms, annotator_number[unit.annotator]))
    labels = tuple(sorted({unit.label for unit in rows if unit.label is not None}, key=known.__getitem__))
    label_number: dict[str | None, int] = {label: index for index, label in enumerate(labels)} | {None: NO_LABEL}
    done = np.ones((len(annotators), len(items)), bool)
    for name, item_id in skipped:
        done[annotator_number[name], item_number[item_id]] = False
    return Units(
        level=level,
        codebook=codebook,
        annotators=tuple(annotators),
        items=tuple(items),
        labels=labels,
        annotator_index=np.array([annotator_number[unit.annotator] for unit in rows], np.int32),
        item_index=np.array([item_number[unit.item] for unit in rows], np.int32),
        start_ms=np.array([unit.start_ms for unit in rows], np.int64),
        end_ms=np.array([unit.end_ms for unit in rows], np.int64),
        label_index=np.array([label_number[unit.label] for unit in rows], np.int32),
        unit_ids=tuple(unit.id for unit in rows),
        answers=_make_answers(rows, codebook),
        done=done,
        is_simulated=is_simulated,
        notes=tuple(notes),
    )


def list_labels(codebook: Codebook) -> list[str]:
    """Every label that a unit can have: events, sets, elements set by set, ends without element."""
    labels = [event.id for event in codebook.events]
    for set_ in codebook.sets:
        labels += [set_.id, *(element.id for element in codebook.get_elements_of_set(set_.id))]
        labels.append(name_no_element(set_.id))
    return labels


def get_set_of_label(codebook: Codebook, label: str) -> str | None:
    """The set that a label belongs to; ``None`` for an event."""
    if label in codebook.element_by_id:
        return codebook.element_by_id[label].set_id
    return label if label in codebook.set_by_id else find_no_element_set(label)


def _find_problems(
    unit: Unit, items: dict[str, int], annotators: dict[str, int], labels: dict[str, int]
) -> Iterable[str]:
    if unit.annotator not in annotators:
        yield f"{unit.id}: annotator {unit.annotator!r} is not one of {', '.join(annotators)}"
    if unit.item not in items:
        yield f"{unit.id}: item {unit.item!r} is not among the items"
    if unit.label is not None and unit.label not in labels:
        yield f"{unit.id}: label {unit.label!r} is not in the codebook"
    if unit.end_ms <= unit.start_ms:
        yield f"{unit.id}: ends at {unit.end_ms} ms, but starts at {unit.start_ms} ms"


def _make_answers(rows: Sequence[Unit], codebook: Codebook) -> Answers:
    paths = {
        element_id: tuple((step.query_id, ANSWER_CODES["yes" if step.answer else "no"]) for step in path)
        for tree in codebook.trees
        for element_id, path in get_paths(tree).items()
    }
    set_of: dict[str, str] = {}
    numbers: dict[tuple[str, str], int] = {}
    counts, queries, answers = [0], [], []
    for unit in rows:
        given = paths.get(unit.label or "", ())
        if unit.answers is not None:
            given = tuple((query, ANSWER_CODES[answer]) for query, answer in unit.answers)
        if given and unit.label is not None:
            if unit.label not in set_of:
                set_of[unit.label] = get_set_of_label(codebook, unit.label) or ""
            set_id = set_of[unit.label]
            for query, answer in given:
                queries.append(numbers.setdefault((set_id, query), len(numbers)))
                answers.append(answer)
        counts.append(len(queries))
    return Answers(tuple(numbers), np.array(counts, np.int64), np.array(queries, np.int32), np.array(answers, np.int8))
