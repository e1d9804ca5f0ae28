"""Passes of several people on one item, compared: they agree, a third person is asked, or somebody adjudicates.

What the votes come to is `quality`'s consensus. Here it is written down, once for every comparison, and sends the item
on its way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, write_log
from finegym.labelling.comparison_plans import Planned, find_ready, needs_decision, plan_comparisons
from finegym.labelling.items import refresh_item
from finegym.labelling.projects import read_settings
from finegym.labelling.refusals import conflict, not_found
from finegym.labelling.settings import ProjectSettings, Stage
from finegym.labelling.tables.adjudication import Comparison
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.people import Person
from finegym.labelling.tables.projects import Membership, Project
from finegym.labelling.tables.records import Item
from finegym.labelling.tables.work import Pass

OPEN_STATES = ("agreed", "third", "adjudicate")


def compare_items(
    session: Session, caller: Caller, project: Project, stage: Stage, item_ids: Sequence[str]
) -> list[Comparison]:
    """Compare some items by plain majority: with so few of them, nothing is learned about whom to trust."""
    planned = plan_comparisons(session, project, stage, item_ids=item_ids, method="majority")
    return write_comparisons(session, caller, project, planned)


def write_comparisons(
    session: Session, caller: Caller, project: Project, planned: Sequence[Planned]
) -> list[Comparison]:
    """Write down what was planned, and send the items on their way.

    Earlier comparisons of the same items are replaced. Items that somebody has changed, accepted or begun to adjudicate
    in between are left as they are.
    """
    settings, ids = read_settings(project), [one.item_id for one in planned]
    items = {row.id: row for row in session.scalars(select(Item).where(Item.id.in_(ids)).with_for_update())}
    still = set(find_ready(session, project, set(ids)))
    versions = dict(
        session.execute(select(Pass.id, Pass.version).where(Pass.item_id.in_(ids), Pass.kind == "annotation")).all()
    )
    earlier = _load_current(session, ids)
    return [
        _write(session, caller, settings, items[one.item_id], one, earlier.get(one.item_id))
        for one in planned
        if one.item_id in still and all(versions[id_] == version for id_, version in one.versions.items())
    ]


def get_comparison(session: Session, comparison_id: str) -> Comparison:
    """A comparison by id."""
    row = session.get(Comparison, comparison_id)
    if row is None:
        raise not_found("comparison")
    return row


def find_current(session: Session, item_id: str) -> Comparison | None:
    """The newest comparison of an item."""
    return _load_current(session, [item_id]).get(item_id)


def route(session: Session, caller: Caller, row: Comparison, to: str, reason: str) -> None:
    """Send an item to a third annotator, or to adjudication, whatever the comparison came to.

    Raises:
        Refusal: 409 it is decided, an adjudication has begun, or nobody is left for a third pass.
    """
    if row.state not in OPEN_STATES or row.pass_id is not None:
        raise conflict("comparison_closed", f"This comparison is {row.state}, or its adjudication has begun.")
    item = session.get_one(Item, row.item_id)
    project = session.get_one(Project, row.project_id)
    if to == "third" and not has_third(session, item):
        raise conflict("nobody_left", "Nobody is left who could annotate this item without having seen it.")
    row.state = to
    row.routed_by, row.routed_at_ms, row.routed_reason = caller.person_id, caller.now_ms, reason
    _send(session, item, to, len(row.pass_ids))
    write_log(session, caller.now_ms, "comparison", f"{caller.name} sent an item to {to}: {reason}",
              project_id=project.id, person_id=caller.person_id, item_id=item.id)  # fmt: skip


def has_third(session: Session, item: Item) -> bool:
    """Whether an annotator is left who has not worked on an item."""
    worked = select(Pass.person_id).where(Pass.item_id == item.id, Pass.round == item.round)
    query = (
        select(Membership.id)
        .join(Person, Person.id == Membership.person_id)
        .where(
            Membership.project_id == item.project_id,
            Membership.until_ms.is_(None),
            Membership.role == "annotator",
            Person.is_disabled.is_(False),
            Person.id.not_in(worked),
        )
    )
    return session.scalar(query.limit(1)) is not None


def list_comparisons(
    session: Session, project_id: str, *, state: str | None, stage: str | None, limit: int
) -> list[Comparison]:
    """Comparisons in one state, those that wait longest first; without, those that are not replaced."""
    query = select(Comparison).where(Comparison.project_id == project_id)
    query = query.where(Comparison.state == state) if state else query.where(Comparison.state != "replaced")
    if stage:
        query = query.join(Item, Item.id == Comparison.item_id).where(Item.stage == stage)
    return list(session.scalars(query.order_by(Comparison.at_ms, Comparison.id).limit(limit)))


def count_comparisons(session: Session, project_id: str) -> dict[str, int]:
    """How many comparisons are in which state."""
    rows = session.execute(
        select(Comparison.state, func.count()).where(Comparison.project_id == project_id).group_by(Comparison.state)
    )
    counts = dict(rows.all())
    return {state: counts.get(state, 0) for state in (*OPEN_STATES, "decided")}


def _load_current(session: Session, item_ids: Sequence[str]) -> dict[str, Comparison]:
    """The newest comparison of every item that has one."""
    query = select(Comparison).where(Comparison.item_id.in_(item_ids)).order_by(Comparison.number)
    return {row.item_id: row for row in session.scalars(query)}


def _write(
    session: Session,
    caller: Caller,
    settings: ProjectSettings,
    item: Item,
    planned: Planned,
    earlier: Comparison | None,
) -> Comparison:
    state, reasons = _judge(session, settings, item, planned.units)
    if earlier is not None and earlier.state in OPEN_STATES:
        earlier.state = "replaced"
    row = Comparison(
        id=make_id(),
        project_id=item.project_id,
        item_id=item.id,
        round=item.round,
        number=1 + (earlier.number if earlier else 0),
        state=state,
        pass_ids=list(planned.versions),
        settings=planned.settings,
        units=planned.units,
        reasons=reasons,
        by_id=caller.person_id,
        at_ms=caller.now_ms,
    )
    session.add(row)
    if state == "third":
        _send(session, item, state, len(row.pass_ids))
    return row


def _judge(
    session: Session, settings: ProjectSettings, item: Item, units: Sequence[dict[str, Any]]
) -> tuple[str, list[str]]:
    """What becomes of an item, and why."""
    counts = Counter(reason["text"] for unit in units for reason in unit["reasons"])
    reasons = [text if number == 1 else f"{text} ({number} times)" for text, number in counts.most_common()]
    open_units = [unit for unit in units if needs_decision(unit)]
    if not open_units:
        return "agreed", []
    if not any(unit["decision"] == "third annotator" for unit in open_units) or not settings.quality.third_annotator:
        return "adjudicate", reasons
    if not has_third(session, item):
        return "adjudicate", [*reasons, "nobody is left for a third pass"]
    return "third", reasons


def _send(session: Session, item: Item, state: str, num_passes: int) -> None:
    """A third annotator: one more place, which somebody gets who sees nothing of the others; else no place more."""
    if state == "third":
        item.annotators, item.is_blind = num_passes + 1, True
        worked = set(session.scalars(select(Pass.person_id).where(Pass.item_id == item.id, Pass.round == item.round)))
        item.assignees = [] if worked >= set(item.assignees) else item.assignees
    elif item.annotators is not None and item.annotators > num_passes:
        item.annotators = num_passes
    refresh_item(session, item)
