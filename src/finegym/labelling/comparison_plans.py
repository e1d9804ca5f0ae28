"""What the votes on an item come to, before anything is written down. The arithmetic is `quality`'s consensus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.codebook.model import Codebook
from finegym.errors import CodebookError
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.projects import read_settings
from finegym.labelling.quality_source import Vote, load_votes, make_vote_units
from finegym.labelling.settings import ProjectSettings, Stage
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item
from finegym.labelling.tables.work import Pass
from finegym.labelling.walks import make_walk_to
from finegym.quality.adjudication import AdjudicationRules
from finegym.quality.consensus import ConsensusSettings, ConsensusUnit, make_consensus
from finegym.quality.grading import Tolerance
from finegym.quality.matching import MATCH_TIOU
from finegym.quality.units import find_no_element_set
from finegym.quality.voting import Method


@dataclass(frozen=True)
class Planned:
    """What the votes on an item come to, before it is written down.

    Attributes:
        item_id: of it.
        versions: of its passes, by id: what is written is about these.
        units: see ``show_units``.
        settings: how it was found.
    """

    item_id: str
    versions: dict[str, int]
    units: list[dict[str, Any]]
    settings: dict[str, Any]


def plan_comparisons(
    session: Session, project: Project, stage: Stage, *, item_ids: Sequence[str] | None = None, method: Method
) -> list[Planned]:
    """What comes of the items that all have signed off and nobody has accepted. Nothing is written: it may take long.

    Args:
        session: on the database.
        project: whose.
        stage: of the items.
        item_ids: only these; their votes alone are looked at.
        method: how votes count. How far somebody can be trusted is learned from all items that two people did.
    """
    settings = read_settings(project)
    votes = load_votes(session, project, stage, item_ids=item_ids, least_annotators=2)
    ready = find_ready(session, project, {vote.item_id for vote in votes})
    if not ready:
        return []
    votes_of: dict[str, list[Vote]] = {}
    for vote in votes:
        votes_of.setdefault(vote.item_id, []).append(vote)
    found: dict[str, list[ConsensusUnit]] = {}
    for unit in make_consensus(make_vote_units(session, project, stage, votes), make_settings(settings, method)).units:
        found.setdefault(unit.item_id, []).append(unit)
    codebook, _ = get_codebook(session, project)
    facts = {"method": method, **settings.quality.model_dump(mode="json", include={"least_confidence", "tolerance"})}
    return [
        Planned(
            item_id,
            {vote.pass_id: vote.version for vote in votes_of[item_id]},
            show_units(found.get(item_id, ()), votes_of[item_id], codebook),
            facts,
        )
        for item_id in ready
    ]


def make_settings(settings: ProjectSettings, method: Method) -> ConsensusSettings:
    """The project's thresholds as `quality` reads them."""
    tolerance = Tolerance(settings.quality.tolerance.default_ms, settings.quality.tolerance.by_set_ms, MATCH_TIOU)
    return ConsensusSettings(method, AdjudicationRules(settings.quality.least_confidence, tolerance))


def find_ready(session: Session, project: Project, item_ids: set[str]) -> list[str]:
    """Those of some items whose passes are all in and that nobody adjudicates yet, in the order of the work."""
    query = (
        select(Item.id)
        .where(Item.project_id == project.id, Item.purpose == "work", Item.state == "submitted")
        .order_by(Item.position, Item.id)
    )
    begun = select(Pass.item_id).where(
        Pass.project_id == project.id, Pass.kind == "adjudication", Pass.state.in_(("open", "returned", "submitted"))
    )
    under_way = set(session.scalars(begun))
    return [id_ for id_ in session.scalars(query) if id_ in item_ids and id_ not in under_way]


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
