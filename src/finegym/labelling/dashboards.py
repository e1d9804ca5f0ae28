"""The lead's dashboards: how far annotators agree, over what, over time, and what it costs.

All of it is `quality`'s arithmetic on the votes of one stage. An answer is kept until the votes change, because the
dashboards are looked at oftener than anybody signs off.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.dashboard_people import show_costs, show_people
from finegym.labelling.dashboard_questions import show_element_confusions, show_hardest_queries, show_query_confusions
from finegym.labelling.dashboard_time import show_over_time
from finegym.labelling.quality_shapes import MAX_ITEMS, AgreementJson, QualityShape
from finegym.labelling.quality_source import load_votes, make_vote_units, rename_annotators
from finegym.labelling.settings import Stage
from finegym.labelling.tables.gold import GoldAnswer
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item
from finegym.labelling.tables.work import Pass
from finegym.quality.agreement import measure_agreement
from finegym.quality.agreement_files import export_agreement
from finegym.quality.comparison import AgreementSettings

_KEPT = 32
_Answer = TypeVar("_Answer")
_answers: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
_lock = threading.Lock()
SETTINGS = AgreementSettings(num_resamples=300)
NOTHING = "Nobody has signed off an item that somebody else has signed off too. Hand items out twice."


def show_quality(session: Session, project: Project, stage: Stage) -> QualityShape:
    """Everything that the dashboards show of one stage."""
    return _keep(("quality", *_read_state(session, project, stage)), lambda: _make_quality(session, project, stage))


def show_agreement(session: Session, project: Project, stage: Stage) -> AgreementJson:
    """The tables of agreement of one stage, with names for annotators."""
    return _keep(("agreement", *_read_state(session, project, stage)), lambda: _make_json(session, project, stage))


def _make_quality(session: Session, project: Project, stage: Stage) -> QualityShape:
    votes = load_votes(session, project, stage)
    counts: dict[str, int] = {}
    for vote in votes:
        counts[vote.item_id] = counts.get(vote.item_id, 0) + 1
    shared = [vote for vote in votes if counts[vote.item_id] > 1]
    costs = show_costs(session, votes)
    if not shared:
        people = show_people(session, project, stage, votes, None)
        return QualityShape(
            stage=stage, why=NOTHING, notes=[], num_items=0, item_ids=[], over_time=[], element_confusions=[],
            query_confusions=[], hardest_queries=[], people=people, costs=costs,
        )  # fmt: skip
    agreement = measure_agreement(make_vote_units(session, project, stage, shared), SETTINGS)
    item_ids = [item.id for item in agreement.units.items]
    return QualityShape(
        stage=stage,
        why="",
        notes=list(agreement.notes),
        num_items=len(item_ids),
        item_ids=item_ids[:MAX_ITEMS],
        over_time=show_over_time(session, project, stage, shared),
        element_confusions=show_element_confusions(agreement, stage),
        query_confusions=show_query_confusions(agreement),
        hardest_queries=show_hardest_queries(session, agreement),
        people=show_people(session, project, stage, votes, agreement),
        costs=costs,
    )


def _make_json(session: Session, project: Project, stage: Stage) -> AgreementJson:
    votes = load_votes(session, project, stage, least_annotators=2)
    if not votes:
        return AgreementJson(agreement=None, why=NOTHING)
    units = rename_annotators(session, make_vote_units(session, project, stage, votes))
    return AgreementJson(agreement=export_agreement(measure_agreement(units, SETTINGS)), why="")


def _read_state(session: Session, project: Project, stage: Stage) -> tuple[Any, ...]:
    """What an answer depends on, in a few numbers: it is the same as long as they are."""
    passes = session.execute(
        select(
            func.count(Pass.id), func.sum(Pass.version), func.max(Pass.signed_off_at_ms), func.sum(Pass.active_ms),
            func.sum(Item.round), func.count(Item.accepted_pass_id),
        )
        .join(Item, Item.id == Pass.item_id)
        .where(Pass.project_id == project.id, Item.stage == stage, Pass.signed_off_at_ms.is_not(None))
    ).one()  # fmt: skip
    gold = session.scalar(select(func.max(GoldAnswer.graded_at_ms)).where(GoldAnswer.project_id == project.id))
    return (project.id, project.codebook_id, stage, *passes, gold)


def _keep(key: tuple[Any, ...], make: Callable[[], _Answer]) -> _Answer:
    with _lock:
        if key in _answers:
            _answers.move_to_end(key)
            found: _Answer = _answers[key]
            return found
    made = make()
    with _lock:
        _answers[key] = made
        while len(_answers) > _KEPT:
            _answers.popitem(last=False)
    return made
