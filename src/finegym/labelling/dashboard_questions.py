"""What is taken for what: elements and answers that two annotators gave to one thing, and the hardest queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.access import get_names
from finegym.labelling.dashboard_time import LEVEL_OF
from finegym.labelling.dashboard_values import get_cell
from finegym.labelling.quality_shapes import (
    MAX_ITEMS,
    ElementConfusionShape,
    ExampleAnswer,
    HardQueryShape,
    QueryConfusionShape,
    QueryExample,
)
from finegym.labelling.settings import Stage
from finegym.labelling.shapes import RecordRef
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.work import Pass, Segment
from finegym.labelling.views import refer
from finegym.quality.agreement import Agreement
from finegym.quality.confusions import SplitQuery, list_confusions, list_split_queries
from finegym.quality.queries import collect_votes

MAX_CONFUSIONS = 200
MAX_QUERIES = 20
MAX_EXAMPLES = 6
_Found = tuple[Segment, Pass, Item, Record]


def show_element_confusions(agreement: Agreement, stage: Stage) -> list[ElementConfusionShape]:
    """Pairs of labels of the stage's level, the most frequent first; those that agree too: a whole matrix."""
    level = LEVEL_OF[stage]
    if level not in agreement.comparison.categories:
        return []
    found = list_confusions(agreement.comparison, level, with_agreeing=True)
    return [
        ElementConfusionShape(
            left=one.first,
            right=one.second,
            left_name=one.first_name,
            right_name=one.second_name,
            count=one.count,
            num_items=len(one.item_ids),
            item_ids=list(one.item_ids[:MAX_ITEMS]),
        )
        for one in found[:MAX_CONFUSIONS]
    ]


def show_query_confusions(agreement: Agreement) -> list[QueryConfusionShape]:
    """How pairs of annotators answered every query, in the order of the trees."""
    units = agreement.units
    votes = collect_votes(agreement.comparison)
    num = len(units.answers.queries)
    split = {(one.set_id, one.query_id): one for one in list_split_queries(agreement.comparison)}

    def add(amount: np.ndarray) -> list[int]:
        found: list[int] = np.bincount(votes.query, amount, num).round().astype(int).tolist()
        return found

    yes_yes, no_no = add(votes.yes * (votes.yes - 1) / 2), add(votes.no * (votes.no - 1) / 2)
    yes_no, unsure = add(votes.yes * votes.no), add(votes.unsure)
    return [
        QueryConfusionShape(
            set_id=set_id,
            query=query,
            text=_get_text(agreement, query),
            yes_yes=yes_yes[place],
            yes_no=yes_no[place],
            no_no=no_no[place],
            unsure=unsure[place],
            alpha=get_cell(agreement, "queries", (set_id, query), "alpha"),
            num_items=len(items),
            item_ids=list(items[:MAX_ITEMS]),
        )
        for place, (set_id, query) in enumerate(units.answers.queries)
        for items in [split[set_id, query].item_ids if (set_id, query) in split else ()]
    ]


def show_hardest_queries(session: Session, agreement: Agreement) -> list[HardQueryShape]:
    """The queries most often answered with yes and no, with places to look at."""
    found = list_split_queries(agreement.comparison)[:MAX_QUERIES]
    segments = _load_segments(session, (ids for one in found for ids in one.unit_ids[:MAX_EXAMPLES]))
    names = get_names(session, agreement.units.annotators)
    return [
        HardQueryShape(
            set_id=one.set_id,
            query=one.query_id,
            text=_get_text(agreement, one.query_id),
            num=one.num_asked,
            num_disagreements=one.num_split,
            share=one.num_split / one.num_asked,
            num_items=len(one.item_ids),
            item_ids=list(one.item_ids[:MAX_ITEMS]),
            examples=list(_show_examples(one, segments, names)),
        )
        for one in found
    ]


def _show_examples(one: SplitQuery, segments: Mapping[str, _Found], names: Mapping[str, str]) -> Iterable[QueryExample]:
    for ids in one.unit_ids[:MAX_EXAMPLES]:
        rows = [segments[id_] for id_ in ids]
        _, _, item, record = rows[0]
        states = [row[0] for row in rows]
        yield QueryExample(
            item_id=item.id,
            record=RecordRef(id=record.id, name=record.name, fps_average=record.fps_average),
            start_frame=min(state.start_frame for state in states),
            end_frame=max(state.end_frame for state in states),
            start_ms=min(state.start_ms for state in states),
            end_ms=max(state.end_ms for state in states),
            answers=[
                ExampleAnswer(
                    person=refer(names, row.person_id),
                    answer=next((step["answer"] for step in state.path if step["query"] == one.query_id), None),
                    segment_id=state.id,
                )
                for state, row, _, _ in rows
            ],
        )


def _load_segments(session: Session, groups: Iterable[tuple[str, ...]]) -> dict[str, _Found]:
    ids = {id_ for group in groups for id_ in group}
    rows = session.execute(
        select(Segment, Pass, Item, Record)
        .join(Pass, Pass.id == Segment.pass_id)
        .join(Item, Item.id == Pass.item_id)
        .join(Record, Record.id == Item.record_id)
        .where(Segment.id.in_(ids))
    )
    return {segment.id: (segment, pass_, item, record) for segment, pass_, item, record in rows}


def _get_text(agreement: Agreement, query: str) -> str:
    known = agreement.units.codebook.query_by_id.get(query)
    return known.text if known else query
