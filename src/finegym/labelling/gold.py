"""Gold items: accepted work frozen as an answer, so that exams and silent questions can be graded against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.codebook.model import Codebook
from finegym.errors import CodebookError
from finegym.labelling.access import Caller, write_log
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.derive import find_segment_items
from finegym.labelling.guidelines import KEY
from finegym.labelling.history import read_state
from finegym.labelling.loading import load_segments, make_columns
from finegym.labelling.nesting import SegmentState
from finegym.labelling.refusals import invalid_field, not_found
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.gold import GoldItem
from finegym.labelling.tables.projects import Guideline, Project
from finegym.labelling.tables.records import Item
from finegym.labelling.tables.work import Pass
from finegym.labelling.walks import follow_walk, parse_walk


@dataclass
class AddedGold:
    """What was made gold, and what was not: reason → ids of items."""

    rows: list[GoldItem] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ground:
    """What gold items stand on now: the codebook, and the newest version of every page of the guidelines."""

    codebook: Codebook
    codebook_number: int
    pages: Mapping[str, int]


def load_ground(session: Session, project: Project) -> Ground:
    """The codebook and the guidelines of a project as they are."""
    codebook, number = get_codebook(session, project)
    pages = session.execute(
        select(Guideline.key, func.max(Guideline.version))
        .where(Guideline.project_id == project.id)
        .group_by(Guideline.key)
    )
    return Ground(codebook, number, dict(pages.all()))


def add_gold(
    session: Session,
    caller: Caller,
    project: Project,
    item_ids: Sequence[str],
    *,
    is_silent: bool,
    note: str = "",
    guideline_key: str | None = None,
) -> AddedGold:
    """Freeze what accepted items say now. An item that was gold before is gold with what it says now.

    Raises:
        Refusal: 404 an item is none of the project's; 422 ``guideline_key`` is none.
    """
    check_guideline_key(guideline_key)
    items = {row.id: row for row in session.scalars(select(Item).where(Item.id.in_(item_ids)))}
    ground, added = load_ground(session, project), AddedGold()
    for item_id in dict.fromkeys(item_ids):
        item = items.get(item_id)
        if item is None or item.project_id != project.id or item.purpose != "work":
            raise not_found("item in this project")
        row = session.get(Pass, item.accepted_pass_id) if item.accepted_pass_id else None
        if item.state != "accepted" or row is None:
            added.left_out.setdefault("items that are not accepted", []).append(item_id)
        elif _is_frozen(session, row):
            added.left_out.setdefault("items that are gold already", []).append(item_id)
        else:
            _withdraw_earlier(session, caller, item_id)
            added.rows.append(_freeze(session, caller, item, row, ground, is_silent, note, guideline_key))
    session.add_all(added.rows)
    text = f"{caller.name} made {len(added.rows)} items gold."
    write_log(session, caller.now_ms, "gold", text, project_id=project.id, person_id=caller.person_id)
    session.flush()
    return added


def get_gold(session: Session, gold_id: str) -> GoldItem:
    """A gold item by id."""
    row = session.get(GoldItem, gold_id)
    if row is None:
        raise not_found("gold item")
    return row


def withdraw_gold(session: Session, caller: Caller, row: GoldItem) -> None:
    """Ask it no more. What was answered stays."""
    if row.withdrawn_at_ms is None:
        row.withdrawn_at_ms, row.withdrawn_by = caller.now_ms, caller.person_id


def change_gold(session: Session, caller: Caller, row: GoldItem, changes: Mapping[str, Any]) -> None:
    """Say otherwise whether it appears silently, what its feedback adds, which page explains it; the log keeps both."""
    check_guideline_key(changes.get("guideline_key"))
    before = {name: getattr(row, name) for name in changes}
    for name, value in changes.items():
        setattr(row, name, value)
    text = f"{caller.name} changed a gold item."
    write_log(session, caller.now_ms, "gold", text, project_id=row.project_id, person_id=caller.person_id,
              gold_id=row.id, before=before, after=dict(changes))  # fmt: skip


def check_guideline_key(key: str | None) -> None:
    """Whether a page can have this key."""
    if key is not None and not KEY.fullmatch(key):
        raise invalid_field("guideline_key", "expected general, stage:…, event:…, set:…, query:… or element:…", key)


def read_states(stored: Iterable[dict[str, Any]]) -> list[SegmentState]:
    """Frozen segments as values."""
    return [read_state(fields) for fields in stored]


def list_labels(row: GoldItem) -> list[str]:
    """The labels of what is in it, each once, without discarded segments."""
    labels = {state.label for state in read_states(row.truth) if state.discard is None and state.level != "stage"}
    return sorted(label for label in labels if label is not None)


def list_sets(row: GoldItem, codebook: Codebook) -> set[str]:
    """What it asks about, for drawing: sets of its sub-actions, events of its routines."""
    elements = codebook.element_by_id
    return {elements[label].set_id if label in elements else label for label in list_labels(row)}


def find_broken(row: GoldItem, ground: Ground) -> list[str]:
    """Why it cannot be asked any more: labels and walks that the codebook does not have, as sentences."""
    if row.codebook_number == ground.codebook_number:
        return []
    found = []
    for state in read_states(row.truth):
        if state.discard is None and state.level != "stage" and state.label is not None:
            reason = _check_label(state, ground.codebook)
            found += [reason] if reason else []
    return list(dict.fromkeys(found))


def find_staleness(row: GoldItem, item: Item, accepted_version: int | None, ground: Ground) -> list[str]:
    """What has changed since it was frozen, as sentences; nothing where it is current."""
    found = find_broken(row, ground)
    if (item.accepted_pass_id, accepted_version) != (row.pass_id, row.pass_version):
        found.append("its item was changed since")
    for key in _list_pages(row.stage, read_states(row.truth), row.action_label, ground.codebook):
        before, now = row.guidelines.get(key, 0), ground.pages.get(key, 0)
        if now != before:
            found.append(f"page {key} of the guidelines was version {before}, is {now}")
    return found


def _is_frozen(session: Session, row: Pass) -> bool:
    query = select(GoldItem.id).where(
        GoldItem.pass_id == row.id, GoldItem.pass_version == row.version, GoldItem.withdrawn_at_ms.is_(None)
    )
    return session.scalar(query.limit(1)) is not None


def _withdraw_earlier(session: Session, caller: Caller, item_id: str) -> None:
    query = select(GoldItem).where(GoldItem.item_id == item_id, GoldItem.withdrawn_at_ms.is_(None))
    for row in session.scalars(query):
        withdraw_gold(session, caller, row)


def _freeze(
    session: Session,
    caller: Caller,
    item: Item,
    row: Pass,
    ground: Ground,
    is_silent: bool,
    note: str,
    guideline_key: str | None,
) -> GoldItem:
    truth = [state for state in load_segments(session, row.id).values() if not state.is_deleted]
    pages = _list_pages(item.stage, truth, item.action_label, ground.codebook)
    return GoldItem(
        id=make_id(),
        project_id=item.project_id,
        item_id=item.id,
        pass_id=row.id,
        pass_version=row.version,
        record_id=item.record_id,
        stage=item.stage,
        chunk_number=item.chunk_number,
        action_id=item.action_id,
        action_label=item.action_label,
        start_frame=item.start_frame,
        end_frame=item.end_frame,
        start_ms=item.start_ms,
        end_ms=item.end_ms,
        start=[make_columns(state) for state in _load_start(session, item)],
        truth=[make_columns(state) for state in truth],
        codebook_number=ground.codebook_number,
        guidelines={key: ground.pages[key] for key in pages if key in ground.pages},
        is_silent=is_silent,
        note=note,
        guideline_key=guideline_key,
        author_id=caller.person_id,
        at_ms=caller.now_ms,
    )


def _load_start(session: Session, item: Item) -> list[SegmentState]:
    """What a pass of the item begins with: in stage elements, the accepted sub-actions."""
    if item.stage != "elements" or item.action_id is None:
        return []
    source = find_segment_items(session, item.action_id).get("sub-actions")
    if source is None or source.accepted_pass_id is None:
        return []
    return [state for state in load_segments(session, source.accepted_pass_id).values() if not state.is_deleted]


def _list_pages(stage: str, truth: Sequence[SegmentState], event_id: str | None, codebook: Codebook) -> list[str]:
    """Keys of the pages that say how the item is done, whether they are written or not."""
    keys = {"general", f"stage:{stage}"} | ({f"event:{event_id}"} if event_id else set())
    for state in truth:
        label = state.label or ""
        if label in codebook.event_by_id:
            keys.add(f"event:{label}")
        if label in codebook.element_by_id:
            keys |= {f"element:{label}", f"set:{codebook.element_by_id[label].set_id}"}
        if label in codebook.set_by_id:
            keys.add(f"set:{label}")
        keys |= {f"query:{step['query']}" for step in state.path}
    return sorted(keys)


def _check_label(state: SegmentState, codebook: Codebook) -> str:
    label = str(state.label)
    known = codebook.event_by_id if state.level == "action" else {**codebook.set_by_id, **codebook.element_by_id}
    if label not in known:
        return f"{label} is not in the codebook any more"
    if not state.path:
        return ""
    set_id = codebook.element_by_id[label].set_id if label in codebook.element_by_id else label
    try:
        walked = follow_walk(codebook, set_id, parse_walk(state.path))
    except CodebookError as error:
        return f"its path has changed: {error}"
    expected = label if label in codebook.element_by_id else None
    return "" if walked.element_id == expected else f"the answers to {label} lead elsewhere now"
