"""Passes of several people on one item, compared: they agree, a third person is asked, or somebody adjudicates.

What the votes come to is `quality`'s consensus. Here it is written down, once for every comparison, and sends the item
on its way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.codebook.model import Codebook
from finegym.errors import CodebookError
from finegym.labelling.access import Caller, write_log
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.items import refresh_item
from finegym.labelling.projects import read_settings
from finegym.labelling.quality_source import Vote, load_votes, make_vote_units
from finegym.labelling.refusals import conflict, not_found
from finegym.labelling.settings import ProjectSettings, Stage
from finegym.labelling.tables.adjudication import Comparison
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.people import Person
from finegym.labelling.tables.projects import Membership, Project
from finegym.labelling.tables.records import Item
from finegym.labelling.tables.work import Pass
from finegym.labelling.walks import make_walk_to
from finegym.quality.adjudication import AdjudicationRules
from finegym.quality.consensus import ConsensusSettings, ConsensusUnit, make_consensus
from finegym.quality.grading import Tolerance
from finegym.quality.matching import MATCH_TIOU
from finegym.quality.units import find_no_element_set
from finegym.quality.voting import Method

OPEN_STATES = ("agreed", "third", "adjudicate")


def compare_items(
    session: Session,
    caller: Caller,
    project: Project,
    stage: Stage,
    *,
    item_ids: Sequence[str] | None = None,
    method: Method = "dawid-skene",
) -> list[Comparison]:
    """Compare what everybody has signed off and nobody has accepted yet.

    Args:
        session: on the database.
        caller: who asks for it.
        project: whose.
        stage: of the items.
        item_ids: only these; their votes alone are looked at.
        method: how votes count. How far somebody can be trusted is learned from all items of the call: with few of
            them, a plain majority says as much.

    Returns:
        The new comparisons; earlier ones of the same items are replaced, unless an adjudication has begun.
    """
    settings = read_settings(project)
    votes = load_votes(session, project, stage, item_ids=item_ids, least_annotators=2)
    items = _find_ready(session, project, {vote.item_id for vote in votes})
    votes_of: dict[str, list[Vote]] = {}
    for vote in votes:
        votes_of.setdefault(vote.item_id, []).append(vote)
    if not items:
        return []
    units = make_vote_units(session, project, stage, votes)
    consensus_settings = make_settings(settings, method)
    found: dict[str, list[ConsensusUnit]] = {}
    for unit in make_consensus(units, consensus_settings).units:
        found.setdefault(unit.item_id, []).append(unit)
    codebook, _ = get_codebook(session, project)
    facts = {"method": method, **settings.quality.model_dump(mode="json", include={"least_confidence", "tolerance"})}
    return [
        _write(session, caller, settings, item, votes_of[item.id],
               show_units(found.get(item.id, ()), votes_of[item.id], codebook), facts)
        for item in items
    ]  # fmt: skip


def make_settings(settings: ProjectSettings, method: Method) -> ConsensusSettings:
    """The project's thresholds as `quality` reads them."""
    tolerance = Tolerance(settings.quality.tolerance.default_ms, settings.quality.tolerance.by_set_ms, MATCH_TIOU)
    return ConsensusSettings(method, AdjudicationRules(settings.quality.least_confidence, tolerance))


def get_comparison(session: Session, comparison_id: str) -> Comparison:
    """A comparison by id."""
    row = session.get(Comparison, comparison_id)
    if row is None:
        raise not_found("comparison")
    return row


def find_current(session: Session, item_id: str) -> Comparison | None:
    """The newest comparison of an item."""
    query = select(Comparison).where(Comparison.item_id == item_id).order_by(Comparison.number.desc())
    return session.scalar(query.limit(1))


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
    _send(session, item, to, len(row.pass_ids), read_settings(project))
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


def show_units(units: Iterable[ConsensusUnit], votes: Sequence[Vote], codebook: Codebook) -> list[dict[str, Any]]:
    """Units of one item as they are stored, with what every pass says of each."""
    pass_of = {vote.person_id: vote.pass_id for vote in votes}
    origin_of = {one.id: (one.origin or {}).get("id") for vote in votes for one in vote.segments}
    shown = [_show_unit(unit, pass_of, origin_of, codebook) for unit in units]
    shown.sort(key=lambda unit: (unit["start_ms"], unit["end_ms"]))
    for number, unit in enumerate(shown, start=1):
        unit["id"] = f"u{number}"
    for left, right in pairwise([unit for unit in shown if unit["decision"] != "left out"]):
        if right["start_ms"] < left["end_ms"]:
            right["reasons"].append(
                {"kind": "overlap", "text": f"overlaps the one before it by medians ({left['id']})"}
            )
            right["overlaps"] = True
    return shown


def needs_decision(unit: dict[str, Any]) -> bool:
    """Whether somebody has to say what a unit is."""
    return unit["decision"] not in ("agreed", "left out") or bool(unit.get("overlaps"))


def _find_ready(session: Session, project: Project, item_ids: set[str]) -> list[Item]:
    """Items whose passes are all in, that nobody adjudicates yet."""
    query = (
        select(Item)
        .where(Item.project_id == project.id, Item.purpose == "work", Item.state == "submitted")
        .order_by(Item.position, Item.id)
    )
    begun = select(Pass.item_id).where(
        Pass.project_id == project.id, Pass.kind == "adjudication", Pass.state.in_(("open", "returned", "submitted"))
    )
    under_way = set(session.scalars(begun))
    return [item for item in session.scalars(query) if item.id in item_ids and item.id not in under_way]


def _write(
    session: Session,
    caller: Caller,
    settings: ProjectSettings,
    item: Item,
    votes: Sequence[Vote],
    units: list[dict[str, Any]],
    facts: dict[str, Any],
) -> Comparison:
    state, reasons = _judge(session, settings, item, units)
    earlier = find_current(session, item.id)
    if earlier is not None and earlier.state in OPEN_STATES:
        earlier.state = "replaced"
    row = Comparison(
        id=make_id(),
        project_id=item.project_id,
        item_id=item.id,
        round=item.round,
        number=1 + (earlier.number if earlier else 0),
        state=state,
        pass_ids=[vote.pass_id for vote in votes],
        settings=facts,
        units=units,
        reasons=reasons,
        by_id=caller.person_id,
        at_ms=caller.now_ms,
    )
    session.add(row)
    _send(session, item, state, len(votes), settings)
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


def _send(session: Session, item: Item, state: str, num_passes: int, settings: ProjectSettings) -> None:
    """A third annotator: one more place, which somebody gets who sees nothing of the others; else no place more."""
    if state == "third":
        item.annotators, item.is_blind = num_passes + 1, True
        worked = set(session.scalars(select(Pass.person_id).where(Pass.item_id == item.id, Pass.round == item.round)))
        item.assignees = [] if worked >= set(item.assignees) else item.assignees
    elif item.annotators is not None and item.annotators > num_passes:
        item.annotators = num_passes
    refresh_item(session, item)


def _show_unit(
    unit: ConsensusUnit, pass_of: dict[str, str], origin_of: dict[str, Any], codebook: Codebook
) -> dict[str, Any]:
    origins = [origin_of.get(vote.unit_id) for vote in unit.votes if vote.unit_id]
    label, no_element_set = unit.label, find_no_element_set(unit.label or "")
    return {
        "id": "",
        "start_ms": unit.start_ms,
        "end_ms": unit.end_ms,
        "label": no_element_set or label,
        "is_no_element": no_element_set is not None,
        "path": _make_path(label, codebook),
        "presence": unit.presence,
        "label_belief": unit.label_belief,
        "decision": unit.decision,
        "reasons": [{"kind": reason.kind, "text": reason.text} for reason in unit.reasons],
        "origin_id": next((one for one in origins if one is not None), None),
        "votes": [
            {
                "pass_id": pass_of[vote.annotator],
                "segment_id": vote.unit_id,
                "start_ms": vote.start_ms,
                "end_ms": vote.end_ms,
                "label": vote.label,
            }
            for vote in unit.votes
        ],
        "queries": [
            {
                "query": query.query_id,
                "votes": [
                    {"pass_id": pass_of[vote.annotator], "answer": vote.answers.get(query.query_id)}
                    for vote in unit.votes
                ],
                "majority": query.majority,
                "yes_belief": query.yes_belief,
            }
            for query in unit.queries
        ],
    }


def _make_path(label: str | None, codebook: Codebook) -> list[dict[str, str]]:
    """The walk to an element that was voted for."""
    if label not in codebook.element_by_id:
        return []
    try:
        return [step.to_json() for step in make_walk_to(codebook, str(label))]
    except CodebookError:
        return []  # no tree leads to it: the label stands alone
