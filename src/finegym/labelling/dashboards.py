"""The lead's dashboards: how far annotators agree, over what, over time, and what it costs.

All of it is `quality`'s arithmetic on the votes of one stage. An answer is kept until the votes change, because the
dashboards are looked at oftener than anybody signs off.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.clock import format_time
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


@dataclass(frozen=True)
class _Kept:
    """An answer, what it depended on, and until when it is good enough whatever has changed."""

    state: tuple[Any, ...]
    answer: Any
    fresh_until_s: float


_answers: OrderedDict[tuple[str, ...], _Kept] = OrderedDict()
_lock = threading.Lock()
SETTINGS = AgreementSettings(num_resamples=300)
NOTHING = "Nobody has signed off an item that somebody else has signed off too. Hand items out twice."


def show_quality(session: Session, project: Project, stage: Stage, now_ms: int) -> QualityShape:
    """Everything that the dashboards show of one stage."""
    state = _read_state(session, project, stage)
    return _keep(("quality", project.id, stage), state, lambda: _make_quality(session, project, stage, now_ms))


def show_agreement(session: Session, project: Project, stage: Stage, now_ms: int) -> AgreementJson:
    """The tables of agreement of one stage, with names for annotators."""
    state = _read_state(session, project, stage)
    return _keep(("agreement", project.id, stage), state, lambda: _make_json(session, project, stage, now_ms))


def _make_quality(session: Session, project: Project, stage: Stage, now_ms: int) -> QualityShape:
    votes = load_votes(session, project, stage)
    counts: dict[str, int] = {}
    for vote in votes:
        counts[vote.item_id] = counts.get(vote.item_id, 0) + 1
    shared = [vote for vote in votes if counts[vote.item_id] > 1]
    costs, computed_at = show_costs(session, votes), str(format_time(now_ms))
    if not shared:
        people = show_people(session, project, stage, votes, None)
        return QualityShape(
            stage=stage, computed_at=computed_at, why=NOTHING, notes=[], num_items=0, item_ids=[], over_time=[],
            element_confusions=[],
            query_confusions=[], hardest_queries=[], people=people, costs=costs,
        )  # fmt: skip
    agreement = measure_agreement(make_vote_units(session, project, stage, shared), SETTINGS)
    item_ids = [item.id for item in agreement.units.items]
    return QualityShape(
        stage=stage,
        computed_at=computed_at,
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


def _make_json(session: Session, project: Project, stage: Stage, now_ms: int) -> AgreementJson:
    votes = load_votes(session, project, stage, least_annotators=2)
    if not votes:
        return AgreementJson(agreement=None, why=NOTHING, computed_at=str(format_time(now_ms)))
    units = rename_annotators(session, make_vote_units(session, project, stage, votes))
    found = export_agreement(measure_agreement(units, SETTINGS))
    return AgreementJson(agreement=found, why="", computed_at=str(format_time(now_ms)))


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
    return (project.codebook_id, *passes, gold)


def _keep(key: tuple[str, ...], state: tuple[Any, ...], make: Callable[[], _Answer]) -> _Answer:
    """The answer that is kept where nothing has changed since; else a new one.

    An answer that took more than a second is kept for twenty times as long as it took, whatever has changed: in a big
    project somebody signs off every few seconds, and the server has annotators to answer.
    """
    with _lock:
        kept = _answers.get(key)
        if kept is not None and (kept.state == state or time.monotonic() < kept.fresh_until_s):
            _answers.move_to_end(key)
            found: _Answer = kept.answer
            return found
    begun_s = time.monotonic()
    made = make()
    took_s = time.monotonic() - begun_s
    with _lock:
        _answers[key] = _Kept(state, made, time.monotonic() + (20 * took_s if took_s > 1 else 0))
        _answers.move_to_end(key)
        while len(_answers) > _KEPT:
            _answers.popitem(last=False)
    return made
