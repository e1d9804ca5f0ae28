"""When the codebook changes: which labels stand on a path that has changed, and what a person says to each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.codebook.check import check_codebook
from finegym.codebook.diff import compute_diff
from finegym.codebook.model import Codebook
from finegym.errors import CodebookError
from finegym.labelling.access import Caller, get_names, get_project, require_role, write_log
from finegym.labelling.codebooks import add_codebook, read_codebook
from finegym.labelling.items import refresh_item
from finegym.labelling.loading import make_state
from finegym.labelling.refusals import conflict, invalid, not_found
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.projects import CodebookVersion
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.review import Recheck
from finegym.labelling.tables.work import Comment, Pass, Segment
from finegym.labelling.views import refer, show_segment
from finegym.labelling.walks import follow_walk, make_walk_to, parse_walk


@dataclass(frozen=True)
class ChangedPath:
    """A label that does not stand as it did."""

    segment: Segment
    reason: str
    new_path: list[dict[str, str]] | None


def change_codebook(
    session: Session, caller: Caller, project_id: str, codebook: Codebook, yaml: str, *, is_trial: bool
) -> dict[str, Any]:
    """Give a project another codebook, and write down which labels are to be looked at again.

    Raises:
        Refusal: the codebook has errors.
    """
    project = get_project(session, project_id, lock=True)
    require_role(session, caller, project_id, ["lead"])
    problems = check_codebook(codebook)
    errors = [str(problem) for problem in problems if problem.severity == "error"]
    if errors and not is_trial:
        raise invalid([{"field": "codebook_yaml", "error": error} for error in errors[:50]])
    current = session.get_one(CodebookVersion, project.codebook_id)
    changed = list(find_changed_paths(session, project_id, read_codebook(current), codebook))
    result = {
        "number": current.number + 1,
        "diff": compute_diff(read_codebook(current), codebook).to_json(),
        "rechecks": len(changed),
        "problems": [str(problem) for problem in problems][:200],
    }
    if is_trial:
        return result
    row = add_codebook(session, project_id, current.number + 1, yaml, caller.person_id, caller.now_ms)
    project.codebook_id = row.id
    project.version += 1
    for one in changed:
        session.add(_make_recheck(project_id, one, current.number, row.number, caller.now_ms))
    text = f"{caller.name} changed the codebook to {codebook.name} {codebook.version}."
    write_log(
        session,
        caller.now_ms,
        "codebook",
        text,
        project_id=project_id,
        person_id=caller.person_id,
        rechecks=len(changed),
    )
    return result


def find_changed_paths(session: Session, project_id: str, old: Codebook, new: Codebook) -> Iterator[ChangedPath]:
    """The labels of living passes whose walk another codebook would not accept, or would lead elsewhere, or reword."""
    rows = session.scalars(
        select(Segment)
        .join(Pass, Pass.id == Segment.pass_id)
        .join(Item, Item.id == Pass.item_id)
        .where(
            Pass.project_id == project_id,
            Item.purpose == "work",
            Pass.state != "superseded",
            Segment.is_deleted.is_(False),
            Segment.level == "sub-action",
            Segment.label.is_not(None),
        )
        .order_by(Segment.at_ms, Segment.id)
    )
    for row in rows:
        reason = _find_reason(row, old, new)
        if reason:
            yield ChangedPath(row, reason, _find_new_path(row, new))


def _find_reason(row: Segment, old: Codebook, new: Codebook) -> str:
    label = str(row.label)
    if label not in new.element_by_id and label not in new.set_by_id:
        return f"{label} is not in the codebook any more"
    if not row.path:
        return ""
    set_id = old.element_by_id[label].set_id if label in old.element_by_id else label
    if label in new.element_by_id and new.element_by_id[label].set_id != set_id:
        return f"{label} moved from set {set_id} to {new.element_by_id[label].set_id}"
    try:
        state = follow_walk(new, set_id, parse_walk(row.path))
    except CodebookError as error:
        return f"the path has changed: {error}"
    expected = label if label in new.element_by_id else None
    if state.element_id != expected or state.is_dead_end != row.is_no_element:
        return f"the answers lead to {state.element_id or 'no element'} now, not to {expected or 'no element'}"
    if not state.is_complete:
        return f"the path goes on: query {state.next_query} is asked"
    return _find_rewording(row, old, new)


def _find_rewording(row: Segment, old: Codebook, new: Codebook) -> str:
    for step in row.path:
        before, after = old.query_by_id.get(step["query"]), new.query_by_id.get(step["query"])
        if before is not None and after is not None and before.text != after.text:
            return f'query {before.id} was "{before.text}", is "{after.text}"'
    return ""


def _find_new_path(row: Segment, new: Codebook) -> list[dict[str, str]] | None:
    try:
        return [step.to_json() for step in make_walk_to(new, str(row.label))]
    except CodebookError:
        return None


def _make_recheck(project_id: str, one: ChangedPath, old: int, new: int, now_ms: int) -> Recheck:
    return Recheck(
        id=make_id(),
        project_id=project_id,
        pass_id=one.segment.pass_id,
        segment_id=one.segment.id,
        reason=one.reason,
        old_path=list(one.segment.path),
        new_path=one.new_path,
        old_codebook=one.segment.codebook_number or old,
        new_codebook=new,
        state="open",
        created_at_ms=now_ms,
    )


def show_rechecks(session: Session, project_id: str, state: str) -> list[dict[str, Any]]:
    """Re-checks in one state; open ones whose segment was labelled anew since count as ``gone``."""
    rows = session.execute(
        select(Recheck, Segment, Item, Record)
        .join(Segment, Segment.id == Recheck.segment_id)
        .join(Pass, Pass.id == Recheck.pass_id)
        .join(Item, Item.id == Pass.item_id)
        .join(Record, Record.id == Item.record_id)
        .where(Recheck.project_id == project_id, Recheck.state == ("open" if state == "gone" else state))
        .order_by(Recheck.created_at_ms, Recheck.id)
    ).all()
    names = get_names(session, (segment.author_id for _, segment, _, _ in rows))
    found = []
    for recheck, segment, item, record in rows:
        is_gone = segment.is_deleted or (segment.codebook_number or 0) >= recheck.new_codebook
        shown = "gone" if recheck.state == "open" and is_gone else recheck.state
        if shown == state:
            found.append(
                {
                    "id": recheck.id,
                    "segment": show_segment(make_state(segment), refer(names, segment.author_id), segment.at_ms),
                    "pass_id": recheck.pass_id,
                    "item_id": item.id,
                    "record_name": record.name,
                    "reason": recheck.reason,
                    "old_path": recheck.old_path,
                    "new_path": recheck.new_path,
                    "old_codebook": recheck.old_codebook,
                    "new_codebook": recheck.new_codebook,
                    "state": shown,
                }
            )
    return found


def answer_recheck(session: Session, caller: Caller, recheck_id: str, answer: str, allowed: Sequence[str]) -> None:
    """Keep a label, or return its pass with a remark at the place.

    Raises:
        Refusal: 404, 403; 409 answered already.
    """
    row = session.get(Recheck, recheck_id)
    if row is None:
        raise not_found("re-check")
    require_role(session, caller, row.project_id, allowed)
    if row.state != "open":
        raise conflict("answered", f"This was answered already: {row.state}.", state=row.state)
    row.state = "kept" if answer == "keep" else "redo"
    row.answered_by, row.answered_at_ms = caller.person_id, caller.now_ms
    if answer == "redo":
        _return_pass(session, caller, row)


def _return_pass(session: Session, caller: Caller, recheck: Recheck) -> None:
    row = session.scalar(select(Pass).where(Pass.id == recheck.pass_id).with_for_update())
    assert row is not None
    segment = session.get_one(Segment, recheck.segment_id)
    session.add(
        Comment(
            id=make_id(),
            pass_id=row.id,
            text=f"Walk the tree again: {recheck.reason}.",
            frame=segment.start_frame,
            time_ms=segment.start_ms,
            segment_id=segment.id,
            author_id=caller.person_id,
            at_ms=caller.now_ms,
        )
    )
    item = session.get_one(Item, row.item_id)
    if row.state in ("submitted", "accepted"):
        row.state, row.signed_off_at_ms = "returned", None
        item.accepted_pass_id = None
    refresh_item(session, item)
