"""Annotators side by side, and what items cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import get_names
from finegym.labelling.dashboard_time import LEVEL_OF
from finegym.labelling.dashboard_values import get_cell, make_undefined
from finegym.labelling.quality_shapes import MAX_ITEMS, CostsShape, ItemCostShape, PersonQualityShape
from finegym.labelling.quality_source import Vote
from finegym.labelling.settings import Stage
from finegym.labelling.tables.gold import GoldAnswer
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item
from finegym.labelling.views import refer
from finegym.quality.agreement import Agreement

MAX_DEAREST = 50
_SAME = "everybody labels the same sub-actions"


def show_people(
    session: Session, project: Project, stage: Stage, votes: Sequence[Vote], agreement: Agreement | None
) -> list[PersonQualityShape]:
    """Everybody who signed off anything in a stage, by name."""
    lengths = _load_lengths(session, votes)
    gold = {
        person_id: (number, mean)
        for person_id, number, mean in session.execute(
            select(GoldAnswer.person_id, func.count(), func.avg(GoldAnswer.score))
            .where(
                GoldAnswer.project_id == project.id,
                GoldAnswer.stage == stage,
                GoldAnswer.kind == "silent",
                GoldAnswer.graded_at_ms.is_not(None),
            )
            .group_by(GoldAnswer.person_id)
        )
    }
    people = {vote.person_id for vote in votes}
    names = get_names(session, people)
    shown = [
        _show_person(id_, [vote for vote in votes if vote.person_id == id_], stage, agreement, lengths,
                     gold.get(id_, (0, None)), names)
        for id_ in people
    ]  # fmt: skip
    return sorted(shown, key=lambda one: (one.person.name, one.person.id))


def show_costs(session: Session, votes: Sequence[Vote]) -> CostsShape:
    """What items cost: the active time of their signed-off passes."""
    timed = [vote for vote in votes if vote.active_ms > 0]
    lengths = _load_lengths(session, timed)
    cost: dict[str, int] = {}
    passes: dict[str, int] = {}
    for vote in timed:
        cost[vote.item_id] = cost.get(vote.item_id, 0) + vote.active_ms
        passes[vote.item_id] = passes.get(vote.item_id, 0) + 1
    seconds = np.array(list(cost.values()), np.float64) / 1000
    num_segments = sum(len(vote.segments) for vote in timed)
    dearest = sorted(cost, key=lambda id_: (-cost[id_], id_))
    return CostsShape(
        num_items=len(cost),
        item_ids=dearest[:MAX_ITEMS],
        num_untimed=len(votes) - len(timed),
        median_active_s=float(np.median(seconds)) if len(seconds) else None,
        p90_active_s=float(np.quantile(seconds, 0.9)) if len(seconds) else None,
        active_hours=float(seconds.sum()) / 3600,
        video_hours=sum(lengths[id_] for id_ in cost) / 3_600_000,
        num_segments=num_segments,
        active_s_per_segment=float(seconds.sum()) / num_segments if num_segments else None,
        items=[
            ItemCostShape(item_id=id_, active_s=cost[id_] / 1000, num_passes=passes[id_])
            for id_ in dearest[:MAX_DEAREST]
        ],
    )


def _show_person(
    person_id: str,
    votes: Sequence[Vote],
    stage: Stage,
    agreement: Agreement | None,
    lengths: dict[str, int],
    gold: tuple[int, float | None],
    names: dict[str, str],
) -> PersonQualityShape:
    shared = {item.id for item in agreement.units.items} if agreement else set()
    mine = [vote.item_id for vote in votes]
    active_ms, video_ms = sum(vote.active_ms for vote in votes), sum(lengths[id_] for id_ in mine)
    has_edges = stage != "elements"
    found = {
        "detection_f1": ("detection_annotators", (person_id, "0.5"), "f1"),
        "start_bias_ms": ("boundaries_annotators", (person_id, "start"), "median_ms"),
        "end_bias_ms": ("boundaries_annotators", (person_id, "end"), "median_ms"),
    }
    return PersonQualityShape(
        person=refer(names, person_id),
        num_items=len(mine),
        item_ids=mine[:MAX_ITEMS],
        num_shared_items=sum(id_ in shared for id_ in mine),
        **{name: get_cell(agreement, *place) if has_edges else make_undefined(_SAME) for name, place in found.items()},
        label_agreement=get_cell(agreement, "labels_annotators", (person_id, LEVEL_OF[stage]), "agreement"),
        answer_agreement=get_cell(agreement, "queries_annotators", (person_id,), "agreement"),
        gold_score=None if gold[1] is None else float(gold[1]),
        num_gold=gold[0],
        active_minutes=active_ms / 60_000,
        video_minutes=video_ms / 60_000,
        minutes_per_video_minute=active_ms / video_ms if video_ms and active_ms else None,
    )


def _load_lengths(session: Session, votes: Sequence[Vote]) -> dict[str, int]:
    """How long items are, in milliseconds of video."""
    ids = list({vote.item_id for vote in votes})
    found: dict[str, int] = {}
    for start in range(0, len(ids), 10_000):
        rows = session.execute(
            select(Item.id, Item.end_ms - Item.start_ms).where(Item.id.in_(ids[start : start + 10_000]))
        )
        found |= dict(rows.all())
    return found
