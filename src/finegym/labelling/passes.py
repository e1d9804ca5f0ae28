"""Saving: operations on a pass, all of a request in one transaction, each of them once.

What makes this safe: the client gives every operation an id, so a request that is sent again is recognised and
answered as before; the request says which version of the pass it was made on, so changes that the client has not seen
are never written over; and the answer is given after the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.access import REVIEWS, Caller, require_role
from finegym.labelling.adjudications import check_may_adjudicate, find_undecided
from finegym.labelling.clock import format_time
from finegym.labelling.completeness import find_gaps
from finegym.labelling.conflicts import find_unseen, make_conflict
from finegym.labelling.database import Database
from finegym.labelling.drafts import Draft, PassRules, StaleRow
from finegym.labelling.items import refresh_item
from finegym.labelling.leases import renew_lease
from finegym.labelling.loading import Work, load_rules, load_segments, load_work
from finegym.labelling.operation_kinds import AnyOperation
from finegym.labelling.operations import apply_operations
from finegym.labelling.refusals import conflict, forbidden, invalid, not_found
from finegym.labelling.shapes import PersonRef, SavedShape
from finegym.labelling.sign_offs import check_withdrawal, follow_sign_off
from finegym.labelling.storing import hash_operation, store_draft
from finegym.labelling.tables.work import Comment, Operation, Revision, Segment
from finegym.labelling.views import (
    can_see_pass,
    show_comments,
    show_segment,
    show_segments,
)
from finegym.workspace import Workspace

ANY_VERSION = -1
"""``If-Match: *``: the versions of the rows decide alone."""
_ALWAYS = ("withdraw_sign_off", "comment", "resolve_comment")
_IDS = ("segment_id", "other_id", "new_segment_id", "parent_id")
Manner = Literal["own", "correction"]


@dataclass(frozen=True)
class _Request:
    operations: Sequence[AnyOperation]
    seen_version: int
    caller: Caller
    manner: Manner


def save_operations(
    database: Database,
    workspace: Workspace,
    caller: Caller,
    pass_id: str,
    seen_version: int,
    operations: Sequence[AnyOperation],
) -> SavedShape:
    """Apply operations to a pass and store them, all or none.

    Args:
        database: where.
        workspace: holds the frame maps.
        caller: who.
        pass_id: of the pass.
        seen_version: the pass's version that the client made them on, or ``ANY_VERSION``.
        operations: in order.

    Raises:
        Refusal: 404, 403; 409 signed off, or an id was used for something else; 412 changes that the client has not
            seen; 422 rules that are broken. Nothing was stored.
    """
    with database.write() as session:
        work = load_work(session, pass_id, lock=True)
        manner = _check_rights(session, caller, work)
        known = _find_known(session, pass_id, operations)
        new = [operation for operation in operations if operation.uuid not in known]
        replayed = [operation.uuid for operation in operations if operation.uuid in known]
        request = _Request(new, seen_version, caller, manner)
        before = work.pass_.version
        draft = Draft({})
        if new:
            _check_open(work)  # what is known is answered all the same: its first answer may have been lost
            _check_version(session, work, operations, request)
            draft = _apply(session, workspace, work, request)
            state = work.pass_.state
            store_draft(session, caller, work, draft, new)
            if work.pass_.state != state:
                refresh_item(session, work.item)
                if work.pass_.signed_off_at_ms is not None:
                    follow_sign_off(session, caller, work)
        return _answer(session, work, draft, before, [operation.uuid for operation in new], replayed, caller)


def _check_rights(session: Session, caller: Caller, work: Work) -> Manner:
    role = require_role(session, caller, work.project.id)
    row = work.pass_
    if not can_see_pass(role, caller, row, work.item):
        raise not_found("pass")
    is_mine = row.person_id == caller.person_id and role in ("annotator", "lead", "reviewer")
    if work.pass_.kind == "adjudication" and role in REVIEWS:
        check_may_adjudicate(session, caller, work.item)
        return "own"  # whoever adjudicates may go on with it: the log says who did what
    if is_mine:
        return "own"
    if role in REVIEWS:
        return "correction"
    raise forbidden(f"Your role here is {role}: you can look, not change.")


def _check_open(work: Work) -> None:
    state = work.pass_.state
    if state in ("accepted", "superseded"):
        raise conflict("pass_closed", f"This pass is {state}; a reviewer can return it.", state=state)


def _find_known(session: Session, pass_id: str, operations: Sequence[AnyOperation]) -> set[str]:
    uuids = [operation.uuid for operation in operations]
    if len(set(uuids)) < len(uuids):
        twice = next(uuid for uuid in uuids if uuids.count(uuid) > 1)
        raise invalid([{"field": "uuid", "error": "is there twice in this request", "got": twice}])
    stored = session.execute(
        select(Operation.uuid, Operation.pass_id, Operation.content_hash).where(Operation.uuid.in_(uuids))
    )
    content = {operation.uuid: hash_operation(operation) for operation in operations}
    known = set()
    for uuid, stored_pass, content_hash in stored:
        if stored_pass != pass_id or content_hash != content[uuid]:
            raise conflict("uuid_reused", f"Operation {uuid} is known with another content. Give it a new id.")
        known.add(uuid)
    return known


def _check_version(session: Session, work: Work, operations: Sequence[AnyOperation], request: _Request) -> None:
    """Whether the client has seen everything, what it sent itself included."""
    if request.seen_version in (ANY_VERSION, work.pass_.version):
        return
    unseen = find_unseen(session, work.pass_.id, request.seen_version, operations)
    if unseen or request.seen_version > work.pass_.version:
        raise make_conflict(session, work, unseen, operations, request.seen_version)


def _apply(session: Session, workspace: Workspace, work: Work, request: _Request) -> Draft:
    rules = load_rules(session, workspace, work)
    draft = make_draft(session, work, request.operations)
    _check_manner(session, work, request)
    _check_ids(session, work.pass_.id, request.operations)
    try:
        problems = apply_operations(draft, request.operations, rules)
    except StaleRow as stale:
        unseen = find_unseen(session, work.pass_.id, 0, request.operations)
        theirs = [row for row in unseen if row.payload.get("segment_id") == stale.segment_id]
        raise make_conflict(session, work, theirs[-20:], request.operations, request.seen_version) from stale
    if any(one.kind == "sign_off" for one in request.operations) and not problems:
        problems = _check_sign_off(session, work, draft, rules, request)
    if problems:
        raise invalid(problems)
    return draft


def _check_sign_off(
    session: Session, work: Work, draft: Draft, rules: PassRules, request: _Request
) -> list[dict[str, Any]]:
    place = next(place for place, one in enumerate(request.operations) if one.kind == "sign_off")
    gaps = [*find_gaps(draft.segments, rules), *find_undecided(session, work)]
    return [{"operation": place, "got": None, **gap} for gap in gaps]


def _check_manner(session: Session, work: Work, request: _Request) -> None:
    """Annotators change what is not signed off; reviewers say why, and leave answers to gold items alone."""
    if request.manner == "correction" and work.item.purpose != "work":
        raise conflict("gold", "This answers a gold item: nobody changes it for her.")
    is_signed_off = work.pass_.signed_off_at_ms is not None
    for place, operation in enumerate(request.operations):
        if request.manner == "correction":
            if operation.kind in ("sign_off", "withdraw_sign_off"):
                raise forbidden("Only the annotator herself signs off. Return the pass instead.")
            if operation.payload.reason is None and operation.kind not in ("comment", "resolve_comment"):
                error = "must say why you change somebody's work"
                raise invalid([{"operation": place, "field": "reason", "error": error, "got": None}])
        elif is_signed_off and operation.kind not in _ALWAYS:
            raise conflict("signed_off", "This is signed off. Withdraw the sign-off first.", operation=place)
        if operation.kind == "sign_off":
            is_signed_off = True
        if operation.kind == "withdraw_sign_off":
            check_withdrawal(session, work)
            is_signed_off = False


def _check_ids(session: Session, pass_id: str, operations: Sequence[AnyOperation]) -> None:
    """New ids of segments and comments are new everywhere, not only in this pass."""
    segments = [one.payload.segment_id for one in operations if one.kind == "create_segment"]
    segments += [one.payload.new_segment_id for one in operations if one.kind == "split_segment"]
    comments = [one.payload.comment_id for one in operations if one.kind == "comment"]
    taken: Sequence[str] = ()
    if segments:
        query = select(Segment.id).where(Segment.id.in_(segments), Segment.pass_id != pass_id)
        taken = session.scalars(query).all()
    if comments:
        taken = [*taken, *session.scalars(select(Comment.id).where(Comment.id.in_(comments)))]
    if taken:
        raise conflict("id_taken", f"Id {taken[0]} is used elsewhere. Give a new one.")


def make_draft(session: Session, work: Work, operations: Sequence[AnyOperation]) -> Draft:
    """A pass as it is, as far as operations can ask for it."""
    named = {str(id_) for one in operations for name in _IDS if (id_ := getattr(one.payload, name, None))}
    comments: set[str] = set()
    if any("comment" in one.kind for one in operations):
        query = select(Comment.id).where(Comment.pass_id == work.pass_.id, Comment.resolved_at_ms.is_(None))
        comments = set(session.scalars(query))
    is_signed_off = work.pass_.signed_off_at_ms is not None
    return Draft(load_segments(session, work.pass_.id, deleted=named), is_signed_off, comments)


def _answer(
    session: Session,
    work: Work,
    draft: Draft,
    before: int,
    accepted: list[str],
    replayed: list[str],
    caller: Caller,
) -> SavedShape:
    row = work.pass_
    me = PersonRef(id=caller.person_id, name=caller.name)
    newest = {state.id: show_segment(state, me, caller.now_ms) for _, state in draft.revisions}
    segments = list(newest.values())
    if replayed:
        again = set(session.scalars(select(Revision.segment_id).where(Revision.operation_uuid.in_(replayed))))
        segments += show_segments(session, row.id, again - newest.keys())
    session.flush()
    return SavedShape(
        version=row.version,
        accepted=accepted,
        replayed=replayed,
        segments=segments,
        comments=show_comments(session, row.id, [one.comment_id for one, _ in draft.new_comments])
        if draft.new_comments
        else [],
        state=cast(Any, row.state),
        lease=renew_lease(session, work, caller.now_ms),
        signed_off_at=format_time(row.signed_off_at_ms),
    )
