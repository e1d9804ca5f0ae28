"""Gold items among the work: handed out like any other item, and graded without a word."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller
from finegym.labelling.attempts import ask, find_askable
from finegym.labelling.settings import ProjectSettings
from finegym.labelling.tables.gold import GoldAnswer, GoldItem
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item
from finegym.labelling.tables.work import Pass


def ask_silently(
    session: Session, caller: Caller, project: Project, settings: ProjectSettings, stage: str, priority: int
) -> Pass | None:
    """A gold item of a stage for the caller, if it is her turn and there is one that she has not met.

    ``priority`` is that of the item in whose place it comes.
    """
    if not _is_due(session, caller, project.id, settings.quality.gold_every):
        return None
    met = select(GoldAnswer.gold_id).where(GoldAnswer.person_id == caller.person_id)
    rows = session.scalars(
        select(GoldItem).where(
            GoldItem.project_id == project.id,
            GoldItem.stage == stage,
            GoldItem.is_silent.is_(True),
            GoldItem.withdrawn_at_ms.is_(None),
            GoldItem.id.not_in(met),
        )
    ).all()
    askable = find_askable(session, project, list(rows), caller.person_id)
    if not askable:
        return None
    gold = min(askable, key=lambda row: _mix(caller.person_id, row.id))
    return ask(session, caller, project, gold, "silent", number=0, priority=priority)


def _is_due(session: Session, caller: Caller, project_id: str, every: int) -> bool:
    """Whether a silent item comes next, by how many items she has taken."""
    number = session.scalar(
        select(func.count(Pass.id))
        .join(Item, Item.id == Pass.item_id)
        .where(Pass.project_id == project_id, Pass.person_id == caller.person_id, Item.purpose != "exam")
    )
    return is_turn(project_id, caller.person_id, number or 0, every)


def is_turn(project_id: str, person_id: str, number: int, every: int) -> bool:
    """About one in so many, at places that nobody can guess and that are the same if asked again."""
    return int(_mix(project_id, person_id, str(number)), 16) % every == 0


def _mix(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
