"""Votes: what every annotator found and answered, joined to the sub-actions that came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from finegym.annotations.model import Dataset, Instance
from finegym.quality.matching import MATCH_TIOU
from finegym.quality.units import ANSWER_CODES, Units, find_no_element_set
from finegym.release.source import Vote, VoteAnswer
from finegym.segments import compute_tiou

_ANSWERS: Mapping[int, VoteAnswer] = {code: answer for answer, code in ANSWER_CODES.items()}


def collect_votes(units: Units, dataset: Dataset) -> tuple[Vote, ...]:
    """The votes of several annotators on the sub-actions of a dataset.

    Annotators get numbers in their order among ``units``. A unit is about the sub-action that it is matched to: one to
    one for every annotator and record, by the largest sum of temporal IoU over pairs that overlap enough.

    Args:
        units: of level ``sub-action``.
        dataset: what came of them.

    Returns:
        In the order of ``units``.
    """
    of_record: dict[str, list[Instance]] = defaultdict(list)
    for instance in dataset.iterate_instances():
        of_record[instance.video.id].append(instance)
    records = [units.items[index].group for index in units.item_index.tolist()]
    places: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row, (record, annotator) in enumerate(zip(records, units.annotator_index.tolist(), strict=True)):
        places[record, annotator].append(row)
    matched: dict[int, str] = {}
    for (record, _), rows in places.items():
        matched |= _match(units, rows, of_record[record])
    return tuple(_make_vote(units, row, records[row], matched.get(row)) for row in range(len(units)))


def _match(units: Units, rows: Sequence[int], instances: Sequence[Instance]) -> dict[int, str]:
    if not instances:
        return {}
    theirs = np.array([(one.sub_action.start_ms, one.sub_action.end_ms) for one in instances])
    tiou = compute_tiou(np.stack([units.start_ms[rows], units.end_ms[rows]], axis=1), theirs)
    tiou[tiou < MATCH_TIOU] = 0
    chosen = zip(*linear_sum_assignment(tiou, maximize=True), strict=True)
    return {rows[row]: instances[column].id for row, column in chosen if tiou[row, column] > 0}


def _make_vote(units: Units, row: int, record: str, instance_id: str | None) -> Vote:
    number = int(units.label_index[row])
    label = units.labels[number] if number >= 0 else None
    element = units.codebook.element_by_id.get(label or "")
    set_id = element.set_id if element else find_no_element_set(label) or label if label else None
    given = units.answers
    answers = tuple(
        (given.queries[given.query_index[place]][1], _ANSWERS[int(given.answer[place])])
        for place in range(given.start[row], given.start[row + 1])
    )
    return Vote(
        annotator=f"annotator-{int(units.annotator_index[row]) + 1}",
        video_id=record,
        start_ms=int(units.start_ms[row]),
        end_ms=int(units.end_ms[row]),
        instance_id=instance_id,
        set_id=set_id,
        element_id=element.id if element else None,
        answers=answers,
    )


def keep_votes(votes: Iterable[Vote], before: Dataset, after: Dataset) -> tuple[Vote, ...]:
    """The votes without those on what left the release: its records, actions and sub-actions, by id and by time.

    Args:
        votes: on sub-actions of ``before``.
        before: the dataset before rules of exclusion.
        after: the dataset after them.
    """
    there = {video.id: {action.name for action in video.actions} for video in after.videos}
    gone_spans = {
        video.id: [(a.start_ms, a.end_ms) for a in video.actions if a.name not in there.get(video.id, ())]
        for video in before.videos
    }
    return tuple(
        vote
        for vote in votes
        if vote.video_id in there
        and (vote.instance_id is None or vote.instance_id in after.instances)
        and not any(start < vote.end_ms and vote.start_ms < end for start, end in gone_spans[vote.video_id])
    )


def keep_records(units: Units, records: Collection[str]) -> Units:
    """The units, and the items, of some records only."""
    kept = np.array([item.group in records for item in units.items], bool)
    chosen = units.select(kept[units.item_index])
    number = np.cumsum(kept) - 1
    return replace(
        chosen,
        items=tuple(item for item, is_kept in zip(units.items, kept, strict=True) if is_kept),
        item_index=number[chosen.item_index].astype(np.int32),
        done=chosen.done[:, kept],
    )


def list_votes(votes: Iterable[Vote]) -> Iterator[Sequence[object]]:
    """Rows of the table ``votes``."""
    for number, vote in enumerate(votes):
        yield (number, *vote[: Vote._fields.index("answers")])


def list_vote_answers(votes: Iterable[Vote]) -> Iterator[Sequence[object]]:
    """Rows of the table ``vote_answers``."""
    for number, vote in enumerate(votes):
        for step, (query_id, answer) in enumerate(vote.answers):
            yield number, step, query_id, answer


Count = Literal["votes", "annotators", "answers", "without_instance"]


def count_votes(votes: Sequence[Vote]) -> dict[Count, int]:
    """How many votes there are, by how many people."""
    return {
        "annotators": len({vote.annotator for vote in votes}),
        "votes": len(votes),
        "answers": sum(len(vote.answers) for vote in votes),
        "without_instance": sum(vote.instance_id is None for vote in votes),
    }
