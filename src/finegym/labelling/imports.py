"""Annotations of elsewhere become passes of the person who imports them: a pass an item, with where each came from.

Frames are found by the record's clock; times stay what the file says, to the millisecond, until somebody moves an
edge. What breaks the rules of nesting, or fits into no chunk, is left out, counted and named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from finegym.annotations.model import Action, SubAction, Video
from finegym.labelling.access import Caller, write_log
from finegym.labelling.completeness import find_gaps
from finegym.labelling.derive import derive_next_stage, find_segment_items
from finegym.labelling.items import refresh_item
from finegym.labelling.loading import Work, load_rules, load_segments, make_columns, read_clock_of
from finegym.labelling.nesting import SegmentState, check_nesting
from finegym.labelling.overlaps import propose_overlaps
from finegym.labelling.projects import read_settings
from finegym.labelling.record_clock import RecordClock
from finegym.labelling.starting import start_pass
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.work import Pass, Revision, Segment
from finegym.labelling.walks import make_walk_to
from finegym.workspace import Workspace

State = Literal["accepted", "open"]


@dataclass
class Imported:
    """What was imported, and what was not: reason → ids."""

    records: int = 0
    actions: int = 0
    sub_actions: int = 0
    elements: int = 0
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def leave_out(self, reason: str, id_: str) -> None:
        """Count something that was not taken."""
        self.left_out.setdefault(reason, []).append(id_)


@dataclass(frozen=True)
class _Import:
    session: Session
    workspace: Workspace
    caller: Caller
    project: Project
    state: State
    tally: Imported


def import_videos(
    session: Session, workspace: Workspace, caller: Caller, project: Project, videos: Sequence[Video], state: State
) -> Imported:
    """Take annotations into a project.

    Args:
        session: on the database.
        workspace: holds the frame maps.
        caller: whose work it counts as.
        project: where to.
        videos: records with their actions; records that the project does not have are left out.
        state: ``accepted``: complete items are taken as reviewed; ``open``: everything is work to go on with.
    """
    job = _Import(session, workspace, caller, project, state, Imported())
    records = {row.name: row for row in session.scalars(select(Record).where(Record.project_id == project.id))}
    for video in videos:
        record = records.get(video.id)
        if record is None:
            job.tally.leave_out("records that this project does not have", video.id)
        else:
            _import_video(job, record, video)
    text = f"{caller.name} imported {job.tally.actions} actions and {job.tally.sub_actions} sub-actions."
    write_log(session, caller.now_ms, "import", text, project_id=project.id, person_id=caller.person_id)
    return job.tally


def _import_video(job: _Import, record: Record, video: Video) -> None:
    clock = read_clock_of(job.workspace, record)
    items = job.session.scalars(
        select(Item)
        .where(Item.record_id == record.id, Item.stage == "routines", Item.purpose == "work")
        .order_by(Item.chunk_number)
    ).all()
    taken: dict[str, list[Action]] = {item.id: [] for item in items}
    for action in video.actions:
        item = _find_chunk(items, action)
        if item is None:
            job.tally.leave_out("actions that lie in no chunk", f"{video.id}_{action.name}")
        else:
            taken[item.id].append(action)
    job.tally.records += 1
    for item in items:
        _import_chunk(job, record, item, taken[item.id], clock)


def _find_chunk(items: Sequence[Item], action: Action) -> Item | None:
    """The first chunk that holds an action whole."""
    return next((item for item in items if item.start_ms <= action.start_ms and action.end_ms <= item.end_ms), None)


def _import_chunk(job: _Import, record: Record, item: Item, actions: list[Action], clock: RecordClock) -> None:
    if job.session.scalar(select(Pass.id).where(Pass.item_id == item.id).limit(1)) is not None:
        for action in actions:
            job.tally.leave_out("actions of chunks that have work already", f"{record.name}_{action.name}")
        return
    if not actions and job.state == "open":
        return
    states = {}
    for action in actions:
        state = _make_state("action", None, action.start_ms, action.end_ms, action.name, clock, action.event_id)
        states[state.id] = state
    by_id = dict(zip(states, actions, strict=True))
    work = _start(job, record, item)
    kept = _keep_sound(job, work, states, {id_: f"{record.name}_{a.name}" for id_, a in by_id.items()})
    job.tally.actions += len(kept)
    if not _store(job, work, kept):
        return
    propose_overlaps(job.session, item, job.caller.now_ms)
    for id_, action in by_id.items():
        found = find_segment_items(job.session, id_).get("sub-actions")
        if found is not None and action.sub_actions is not None:
            _import_sub_actions(job, record, found, action.sub_actions, clock, f"{record.name}_{action.name}")


def _import_sub_actions(
    job: _Import, record: Record, item: Item, subs: Sequence[SubAction], clock: RecordClock, action_id: str
) -> None:
    work = _start(job, record, item)
    states: dict[str, SegmentState] = {}
    names: dict[str, str] = {}
    elements: dict[str, str] = {}
    for sub in subs:
        state = _make_state("sub-action", item.action_id, sub.start_ms, sub.end_ms, sub.name, clock, sub.set_id)
        states[state.id], names[state.id] = state, f"{action_id}_{sub.name}"
        if sub.element_id is not None:
            elements[state.id] = sub.element_id
        if len(sub.stages) > 1:
            for number, (start, end) in enumerate(sub.stages, start=1):
                stage = _make_state("stage", state.id, start, end, f"{sub.name}_stage_{number}", clock, None)
                states[stage.id], names[stage.id] = stage, f"{names[state.id]}_stage_{number}"
    kept = _keep_sound(job, work, states, names)
    job.tally.sub_actions += sum(state.level == "sub-action" for state in kept.values())
    if _store(job, work, kept) and elements:
        found = find_segment_items(job.session, str(item.action_id)).get("elements")
        if found is not None:
            _import_elements(job, record, found, elements)


def _import_elements(job: _Import, record: Record, item: Item, elements: dict[str, str]) -> None:
    work = _start(job, record, item)
    rules = load_rules(job.session, job.workspace, work)
    labelled = {}
    for state in load_segments(job.session, work.pass_.id).values():
        element_id = elements.get(str((state.origin or {}).get("id")))
        if element_id is None or element_id not in rules.codebook.element_by_id:
            continue
        path = tuple(step.to_json() for step in make_walk_to(rules.codebook, element_id))
        labelled[state.id] = replace(
            state, label=element_id, path=path, codebook_number=rules.codebook_number, version=state.version + 1
        )
    job.tally.elements += len(labelled)
    _store(job, work, labelled, is_new=False)


def _start(job: _Import, record: Record, item: Item) -> Work:
    row = start_pass(job.session, job.caller, item, read_settings(job.project))
    return Work(row, item, job.project, record)


def _make_state(
    level: str, parent_id: str | None, start_ms: int, end_ms: int, name: str, clock: RecordClock, label: str | None
) -> SegmentState:
    start = clock.find_frame(start_ms)
    return SegmentState(
        id=make_id(),
        level=level,
        parent_id=parent_id,
        start_frame=start,
        end_frame=max(start + 1, clock.find_frame(end_ms)),
        start_ms=start_ms,
        end_ms=end_ms,
        label=label,
        origin={"kind": "import", "id": name, "start_ms": start_ms, "end_ms": end_ms},
    )


def _keep_sound(
    job: _Import, work: Work, states: dict[str, SegmentState], names: dict[str, str]
) -> dict[str, SegmentState]:
    """Segments that keep the rules of nesting; the others are counted, one by one, until those left do."""
    bounds = (work.item.start_frame, work.item.end_frame)
    kept = dict(states)
    while problem := next(iter(check_nesting(kept, list(kept), bounds, work.item.action_id)), None):
        pair = [kept[id_] for id_ in (problem.segment_id, problem.other_id) if id_ in kept]
        bad = kept.pop(max(pair, key=lambda state: (state.start_ms, state.end_ms)).id)  # of two that overlap, the later
        job.tally.leave_out(f"{bad.level}s that break a rule: {_generalise(problem.error)}", names[bad.id])
    return kept


def _generalise(error: str) -> str:
    """A rule without the numbers of one case."""
    return "overlaps its neighbour" if error.startswith("overlaps") else error.split(" [")[0]


def _store(job: _Import, work: Work, states: dict[str, SegmentState], *, is_new: bool = True) -> bool:
    """Store an imported pass; True where it counts as accepted."""
    session, row, now_ms = job.session, work.pass_, job.caller.now_ms
    stamp = {"pass_id": row.id, "author_id": job.caller.person_id, "at_ms": now_ms}
    if states:
        columns = [make_columns(state) for state in states.values()]
        if is_new:
            session.execute(insert(Segment), [{**one, **stamp} for one in columns])
        else:
            for state in states.values():
                stored = session.get_one(Segment, state.id)
                for name, value in {**make_columns(state), **stamp}.items():
                    setattr(stored, name, value)
        session.execute(
            insert(Revision),
            [
                {"segment_id": one["id"], "version": one["version"], "pass_version": 0, "fields": one, **stamp}
                for one in columns
            ],
        )
        session.flush()
    rules = load_rules(session, job.workspace, work)
    gaps = find_gaps(load_segments(session, row.id), rules)
    if job.state == "open" or gaps:
        if gaps:
            job.tally.leave_out("items that are not complete, left open", f"{work.record.name} {work.item.key}")
        refresh_item(session, work.item)
        return False
    row.state, row.signed_off_at_ms = "accepted", now_ms
    row.reviewed_at_ms, row.reviewed_by = now_ms, job.caller.person_id
    work.item.state, work.item.accepted_pass_id = "accepted", row.id
    session.flush()
    derive_next_stage(session, work.item, now_ms)
    session.flush()
    return True


def show_left_out(tally: Imported) -> Iterator[dict[str, object]]:
    """What was left out, for people."""
    for why, ids in tally.left_out.items():
        yield {"why": why, "count": len(ids), "first": ids[0]}
