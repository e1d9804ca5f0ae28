"""What annotators signed off, each on their own, as the value that `quality` reads.

A vote is what its annotator said: where a reviewer has changed the pass since, it is read as it was at the sign-off.
Adjudications, gold items and rounds that were begun anew are no votes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.codebook.model import Codebook
from finegym.labelling.access import get_names
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.history import read_state
from finegym.labelling.loading import STATE_COLUMNS, read_state_row
from finegym.labelling.nesting import SegmentState
from finegym.labelling.settings import Stage
from finegym.labelling.tables.people import Person
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.work import Operation, Pass, Revision, Segment
from finegym.quality.units import Answer, Level, Unit, Units, make_units, name_no_element
from finegym.quality.units import Item as UnitItem

STAGE_OF_LEVEL: dict[Level, Stage] = {"action": "routines", "sub-action": "sub-actions"}
LEVEL_OF_STAGE: dict[Stage, Level] = {"routines": "action", "sub-actions": "sub-action", "elements": "sub-action"}


@dataclass(frozen=True)
class Vote:
    """One signed-off pass.

    Attributes:
        pass_id: of it.
        item_id: what it is on.
        person_id: whose it is.
        signed_off_at_ms: when.
        active_ms: how long it took.
        version: of the pass, now.
        segments: as they were at the sign-off, of the stage's level; neither deleted nor discarded ones.
    """

    pass_id: str
    item_id: str
    person_id: str
    signed_off_at_ms: int
    active_ms: int
    version: int
    segments: tuple[SegmentState, ...]


def load_units(
    session: Session,
    project: Project,
    level: Level,
    stage: Stage | None = None,
    *,
    least_annotators: int = 1,
    is_named: bool = True,
) -> Units:
    """The votes of a project.

    Args:
        session: on the database.
        project: whose.
        level: ``action``: what was found in chunks; ``sub-action``: what was found in routines.
        stage: of sub-actions: ``sub-actions`` (default; edges and sets) or ``elements`` (their labels and answers).
        least_annotators: only items that so many people have signed off.
        is_named: annotators go by their names (and addresses, where two have the same); else by their ids.

    Returns:
        Units whose items are work items and whose unit ids are segments. A label that the codebook lost since is none.
    """
    chosen = stage or STAGE_OF_LEVEL[level]
    votes = load_votes(session, project, chosen, least_annotators=least_annotators)
    units = make_vote_units(session, project, chosen, votes)
    return rename_annotators(session, units) if is_named else units


def load_votes(
    session: Session,
    project: Project,
    stage: Stage,
    *,
    item_ids: Sequence[str] | None = None,
    least_annotators: int = 1,
) -> list[Vote]:
    """The signed-off passes of a stage, in the order of the work."""
    query = (
        select(Pass.id, Pass.item_id, Pass.person_id, Pass.signed_off_at_ms, Pass.active_ms, Pass.version)
        .join(Item, (Item.id == Pass.item_id) & (Item.round == Pass.round))
        .where(
            Pass.project_id == project.id,
            Item.purpose == "work",
            Item.stage == stage,
            Item.state != "void",
            Pass.kind == "annotation",
            Pass.signed_off_at_ms.is_not(None),
        )
        .order_by(Item.position, Item.id, Pass.created_at_ms, Pass.id)
    )
    rows = session.execute(query if item_ids is None else query.where(Item.id.in_(item_ids))).all()
    counts = Counter(row.item_id for row in rows)
    rows = [row for row in rows if counts[row.item_id] >= least_annotators]
    wanted = "action" if stage == "routines" else "sub-action"
    segments = load_signed_off(session, [row.id for row in rows])
    return [
        Vote(
            row.id,
            row.item_id,
            row.person_id,
            row.signed_off_at_ms or 0,
            row.active_ms,
            row.version,
            tuple(one for one in segments.get(row.id, ()) if one.level == wanted and one.discard is None),
        )
        for row in rows
    ]


def load_signed_off(session: Session, pass_ids: Sequence[str]) -> dict[str, list[SegmentState]]:
    """Segments of passes as they were signed off, in order of time, without deleted ones."""
    found: dict[str, list[SegmentState]] = {}
    corrected: set[str] = set()
    for some in _batch(pass_ids):
        rows = session.execute(
            select(Segment.pass_id, Segment.author_id != Pass.person_id, Segment.is_deleted, *STATE_COLUMNS)
            .join(Pass, Pass.id == Segment.pass_id)
            .where(Segment.pass_id.in_(some))
            .order_by(Segment.start_frame, Segment.end_frame, Segment.id)
        )
        for pass_id, is_corrected, is_deleted, *columns in rows:
            corrected |= {pass_id} if is_corrected else set()
            if not is_deleted:
                found.setdefault(pass_id, []).append(read_state_row(columns))
    return found | _load_as_signed_off(session, sorted(corrected))


def _load_as_signed_off(session: Session, pass_ids: Sequence[str]) -> dict[str, list[SegmentState]]:
    """Of passes that a reviewer has changed: what they were before."""
    found: dict[str, list[SegmentState]] = {}
    for some in _batch(pass_ids):
        signed_off = (
            select(Operation.pass_id, func.max(Operation.pass_version).label("version"))
            .where(Operation.pass_id.in_(some), Operation.kind == "sign_off")
            .group_by(Operation.pass_id)
            .subquery()
        )
        rows = session.execute(
            select(Revision.pass_id, Revision.segment_id, Revision.fields)
            .join(signed_off, signed_off.c.pass_id == Revision.pass_id)
            .where(Revision.pass_version <= signed_off.c.version)
            .order_by(Revision.pass_id, Revision.segment_id, Revision.version)
        )
        newest = {(row.pass_id, row.segment_id): read_state(row.fields) for row in rows}
        for (pass_id, _), state in newest.items():
            found.setdefault(pass_id, [])
            if not state.is_deleted:
                found[pass_id].append(state)
    return {
        id_: sorted(states, key=lambda one: (one.start_frame, one.end_frame, one.id)) for id_, states in found.items()
    }


def make_vote_units(session: Session, project: Project, stage: Stage, votes: Sequence[Vote]) -> Units:
    """Votes in columns. Annotators are ids of people, in the order of their names."""
    codebook, _ = get_codebook(session, project)
    item_ids = list(dict.fromkeys(vote.item_id for vote in votes))
    items = _load_items(session, item_ids)
    names = get_names(session, (vote.person_id for vote in votes))
    people = sorted(names, key=lambda id_: (names[id_], id_))
    done = {(vote.person_id, vote.item_id) for vote in votes}
    return make_units(
        [unit for vote in votes for unit in make_segment_units(vote.person_id, vote.item_id, vote.segments, codebook)],
        [items[id_] for id_ in item_ids],
        people,
        LEVEL_OF_STAGE[stage],
        codebook,
        not_done=[(person, id_) for person in people for id_ in item_ids if (person, id_) not in done],
        notes=_find_lost_labels(votes, codebook),
    )


def make_segment_units(
    annotator: str, item_id: str, segments: Iterable[SegmentState], codebook: Codebook
) -> list[Unit]:
    """Segments of one person and item as units."""
    return [
        Unit(annotator, item_id, one.start_ms, one.end_ms, label := _get_label(one, codebook), one.id,
             _get_answers(one, label, codebook))
        for one in segments
    ]  # fmt: skip


def _find_lost_labels(votes: Iterable[Vote], codebook: Codebook) -> list[str]:
    """What became of labels that the codebook had when they were given."""
    lost = [one.label for vote in votes for one in vote.segments if one.label and _get_label(one, codebook) is None]
    first = (
        f"{len(lost):,} labels are not in the codebook any more and count as none (first: {lost[0]})" if lost else ""
    )
    return [first] if first else []


def rename_annotators(session: Session, units: Units) -> Units:
    """Units whose annotators are names instead of ids."""
    people = {row.id: row for row in session.scalars(select(Person).where(Person.id.in_(units.annotators)))}
    counts = Counter(one.name for one in people.values())
    names = [
        people[id_].name if counts[people[id_].name] == 1 else f"{people[id_].name} <{people[id_].email}>"
        for id_ in units.annotators
    ]
    return replace(units, annotators=tuple(names))


def _load_items(session: Session, item_ids: Sequence[str]) -> Mapping[str, UnitItem]:
    found: dict[str, UnitItem] = {}
    for some in _batch(item_ids):
        rows = session.execute(
            select(Item.id, Record.name, Item.start_ms, Item.end_ms, Record.fps_average)
            .join(Record, Record.id == Item.record_id)
            .where(Item.id.in_(some))
        )
        found |= {row[0]: UnitItem(*row) for row in rows}
    return found


def _get_label(state: SegmentState, codebook: Codebook) -> str | None:
    """The label as `quality` names it; ``None`` where the codebook does not have it."""
    label = state.label
    if state.level == "action":
        return label if label in codebook.event_by_id else None
    if label in codebook.element_by_id:
        return label
    if label in codebook.set_by_id:
        return name_no_element(str(label)) if state.is_no_element else label
    return None


def _get_answers(state: SegmentState, label: str | None, codebook: Codebook) -> tuple[tuple[str, Answer], ...] | None:
    """The answers that were given; ``None`` for an element without any: those on its path."""
    if not state.path and label in codebook.element_by_id:
        return None
    return tuple((step["query"], cast(Answer, step["answer"])) for step in state.path)


def _batch(ids: Sequence[str], size: int = 10_000) -> Iterable[Sequence[str]]:
    """SQLite takes 32,766 parameters in a statement."""
    return (ids[start : start + size] for start in range(0, len(ids), size))
