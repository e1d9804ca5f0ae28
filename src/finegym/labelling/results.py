"""What the work has come to: accepted passes of all stages put together as one dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.derive import find_duplicates
from finegym.labelling.loading import STATE_COLUMNS, read_state_row
from finegym.labelling.nesting import SegmentState, get_children
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.work import Pass, Segment

What = Literal["accepted", "latest"]
_RANK = {"accepted": 0, "submitted": 1, "returned": 2, "open": 3}


@dataclass(frozen=True)
class RecordResult:
    """The results of one record.

    Attributes:
        record: it.
        actions: routines that are kept, in order of time.
        passes: (stage, chunk number or action id) → segments of the pass that counts.
    """

    record: Record
    actions: tuple[SegmentState, ...]
    passes: dict[tuple[str, str], dict[str, SegmentState]]


@dataclass(frozen=True)
class Results:
    """The results of a project.

    Attributes:
        dataset: what has a label.
        left_out: routines without an event of the codebook (nobody has named it, or the codebook lost it since), which
            no format can hold: where each is, in words.
        old_labels: sub-actions whose element or set the codebook lost since: likewise. Of an element the set is kept.
    """

    dataset: Dataset
    left_out: tuple[str, ...]
    old_labels: tuple[str, ...]


def load_results(session: Session, project_id: str, what: What = "accepted") -> Iterator[RecordResult]:
    """The results of every record of a project, in its order.

    Args:
        session: on the database.
        project_id: of the project.
        what: ``accepted``: only what a reviewer accepted; ``latest``: where nothing is accepted, what is signed off or
            else in work.
    """
    chosen = _choose_passes(session, project_id, what)
    for record in session.scalars(select(Record).where(Record.project_id == project_id).order_by(Record.position)):
        mine = {key[1:]: pass_id for key, pass_id in chosen.items() if key[0] == record.id}
        segments = _load_many(session, list(mine.values()))
        passes = {key: segments.get(pass_id, {}) for key, pass_id in mine.items()}
        duplicates = find_duplicates(session, record.id)
        actions = [
            state
            for (stage, _), states in passes.items()
            if stage == "routines"
            for state in states.values()
            if not state.is_deleted and state.discard is None and state.id not in duplicates
        ]
        actions.sort(key=lambda state: (state.start_ms, state.end_ms, state.id))
        yield RecordResult(record, tuple(actions), passes)


def make_results(session: Session, project: Project, what: What = "accepted") -> Results:
    """The results of a project as a dataset. Sub-actions are ``None`` where nobody has finished looking for any."""
    codebook, _ = get_codebook(session, project)
    videos, left_out, old_labels = [], [], []
    for result in load_results(session, project.id, what):
        labelled = tuple(state for state in result.actions if state.label in codebook.event_by_id)
        whole, result = result, replace(result, actions=labelled)
        videos.append(_make_video(result, codebook))
        left_out += [_describe_place(whole.record, state) for state in whole.actions if state not in labelled]
        old_labels += [_describe_place(result.record, state) for state in _find_old_labels(result, codebook)]
    return Results(Dataset(codebook, tuple(videos)), tuple(left_out), tuple(old_labels))


def _find_old_labels(result: RecordResult, codebook: Codebook) -> Iterator[SegmentState]:
    """Sub-actions whose label was kept when the codebook changed, and is not in it any more."""
    for action in result.actions:
        labels = _collect_labels(result.passes.get(("elements", action.id), {}))
        for one in _list_kept(result.passes.get(("sub-actions", action.id), {}), labels):
            label = _get_label(one, labels)
            if label and label not in codebook.element_by_id and label not in codebook.set_by_id:
                yield one


def _describe_place(record: Record, state: SegmentState) -> str:
    return f"{record.name} from {state.start_ms / 1000:.3f} s to {state.end_ms / 1000:.3f} s"


def list_accepted_actions(session: Session, project_id: str) -> list[tuple[str, SegmentState]]:
    """Accepted routines with their ids, as exports name them."""
    found = []
    for result in load_results(session, project_id):
        names = _name_actions(result.actions)
        found += [(f"{result.record.name}_{names[state.id]}", state) for state in result.actions]
    return found


def _choose_passes(session: Session, project_id: str, what: What) -> dict[tuple[str, str, str], str]:
    """(record id, stage, chunk number or action id) → the pass that counts."""
    rows = session.execute(
        select(Item, Pass)
        .join(Pass, (Pass.item_id == Item.id) & (Pass.round == Item.round))
        .where(
            Item.project_id == project_id,
            Item.purpose == "work",
            Item.state != "void",
            Pass.state != "superseded",
        )
    ).all()
    states = ("accepted",) if what == "accepted" else tuple(_RANK)
    best: dict[tuple[str, str, str], Pass] = {}
    for item, row in rows:
        if row.state not in states:
            continue
        key = (item.record_id, item.stage, item.action_id or str(item.chunk_number))
        other = best.get(key)
        if other is None or _rank(row) < _rank(other):
            best[key] = row
    return {key: row.id for key, row in best.items()}


def _rank(row: Pass) -> tuple[int, int, str]:
    return _RANK[row.state], -row.version, row.id


def _load_many(session: Session, pass_ids: list[str]) -> dict[str, dict[str, SegmentState]]:
    rows = session.execute(select(Segment.pass_id, *STATE_COLUMNS).where(Segment.pass_id.in_(pass_ids)))
    found: dict[str, dict[str, SegmentState]] = {}
    for row in rows:
        found.setdefault(row[0], {})[row[1]] = read_state_row(row[1:])
    return found


def _make_video(result: RecordResult, codebook: Codebook) -> Video:
    record, names = result.record, _name_actions(result.actions)
    return Video(
        id=record.name,
        actions=tuple(_make_action(state, names[state.id], result, codebook) for state in result.actions),
        path=record.media_path,
        competition=record.competition or None,
        fps=record.fps_average,
        num_frames=record.num_frames,
        width=record.width,
        height=record.height,
    )


def _make_action(state: SegmentState, name: str, result: RecordResult, codebook: Codebook) -> Action:
    found = result.passes.get(("sub-actions", state.id))
    subs: tuple[SubAction, ...] | None = None
    if found is not None:
        labels = _collect_labels(result.passes.get(("elements", state.id), {}))
        kept = _list_kept(found, labels)
        sub_names = _name_sub_actions(kept, state.start_ms)
        subs = tuple(_make_sub_action(one, sub_names[one.id], found, labels, codebook) for one in kept)
    return Action(name, str(state.label), state.start_ms, state.end_ms, subs)


def _list_kept(found: dict[str, SegmentState], labels: dict[str, SegmentState]) -> list[SegmentState]:
    """Sub-actions in order, without those that either annotator, the one of the elements too, found to be of no use."""
    discarded = {id_ for id_, label in labels.items() if label.discard is not None}
    kept = [
        one
        for one in found.values()
        if one.level == "sub-action" and not one.is_deleted and one.discard is None and one.id not in discarded
    ]
    return sorted(kept, key=lambda one: (one.start_ms, one.end_ms, one.id))


def _get_label(one: SegmentState, labels: dict[str, SegmentState]) -> str | None:
    """The element, where somebody has looked for it; else the set."""
    return labels[one.id].label if one.id in labels else one.label


def _collect_labels(copies: dict[str, SegmentState]) -> dict[str, SegmentState]:
    return {
        str(copy.origin["id"]): copy
        for copy in copies.values()
        if copy.origin and copy.origin.get("kind") == "copy" and copy.level == "sub-action"
    }


def _make_sub_action(
    one: SegmentState,
    name: str,
    found: dict[str, SegmentState],
    labels: dict[str, SegmentState],
    codebook: Codebook,
) -> SubAction:
    stages = tuple((child.start_ms, child.end_ms) for child in get_children(found, one.id) if child.level == "stage")
    label = _get_label(one, labels)
    element = codebook.element_by_id.get(label or "")
    # An element that a newer codebook no longer has leaves the set that the sub-action was found to be of.
    set_id = element.set_id if element else next((id_ for id_ in (label, one.label) if id_ in codebook.set_by_id), None)
    return SubAction(name, stages or ((one.start_ms, one.end_ms),), element.id if element else None, set_id)


def _name_actions(actions: Sequence[SegmentState]) -> dict[str, str]:
    """``E_SSSSSS_EEEEEE``: floored seconds on the record's clock; what was imported and not moved keeps its name."""
    return _name(actions, lambda start_s, end_s: f"E_{start_s:06d}_{end_s:06d}", 0)


def _name_sub_actions(subs: Sequence[SegmentState], origin_ms: int) -> dict[str, str]:
    """``A_SSSS_EEEE``: floored seconds from the start of the action; likewise."""
    return _name(subs, lambda start_s, end_s: f"A_{start_s:04d}_{end_s:04d}", origin_ms)


def _name(segments: Sequence[SegmentState], form: Callable[[int, int], str], origin_ms: int) -> dict[str, str]:
    """Names are names: where two would be the same, the later one counts its end up until it is its own."""
    names: dict[str, str] = {}
    for one in segments:
        kept = _get_imported_name(one)
        if kept is not None and kept not in names.values():
            names[one.id] = kept
    taken = set(names.values())
    for one in segments:
        if one.id in names:
            continue
        start_s, end_s = (max(0, time - origin_ms) // 1000 for time in (one.start_ms, one.end_ms))
        while form(start_s, end_s) in taken:
            end_s += 1
        names[one.id] = form(start_s, end_s)
        taken.add(names[one.id])
    return names


def _get_imported_name(one: SegmentState) -> str | None:
    """The name that a segment came with, as long as it is where it was."""
    origin = one.origin or {}
    is_same = (origin.get("start_ms"), origin.get("end_ms")) == (one.start_ms, one.end_ms)
    return str(origin["id"]) if origin.get("kind") == "import" and is_same else None
