"""Writing down what operations did: the log, every new revision, the newest state of each segment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller
from finegym.labelling.drafts import Draft
from finegym.labelling.loading import Work, make_columns
from finegym.labelling.operation_kinds import AnyOperation
from finegym.labelling.tables.work import Comment, Operation, Pass, Revision, Segment, SuggestionAnswer


def hash_operation(operation: AnyOperation) -> str:
    """Of what an operation says: a replay has the same, another operation under the same id has not."""
    content = operation.model_dump(mode="json", include={"kind", "payload"})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def store_draft(session: Session, caller: Caller, work: Work, draft: Draft, operations: Sequence[AnyOperation]) -> None:
    """Write operations, what they changed, and the pass's new version; nothing is written over but newest states."""
    row = work.pass_
    first = row.version + 1
    session.execute(
        insert(Operation),
        [
            {
                "uuid": operation.uuid,
                "pass_id": row.id,
                "pass_version": first + place,
                "kind": operation.kind,
                "payload": operation.payload.model_dump(mode="json", exclude_none=True),
                "based_on": operation.based_on,
                "content_hash": hash_operation(operation),
                "reason": operation.payload.reason,
                "author_id": caller.person_id,
                "at_ms": caller.now_ms,
                "client_time": operation.client_time,
            }
            for place, operation in enumerate(operations)
        ],
    )
    _store_segments(session, caller, row, draft, operations)
    _store_remarks(session, caller, row, draft, operations)
    row.version += len(operations)
    if draft.is_signed_off != (row.signed_off_at_ms is not None):
        row.signed_off_at_ms = caller.now_ms if draft.is_signed_off else None
        row.state = "submitted" if draft.is_signed_off else "open"


def _store_segments(
    session: Session, caller: Caller, row: Pass, draft: Draft, operations: Sequence[AnyOperation]
) -> None:
    newest = {}
    revisions = []
    for place, state in draft.revisions:
        columns = make_columns(state)
        newest[state.id] = {**columns, "pass_id": row.id, "author_id": caller.person_id, "at_ms": caller.now_ms}
        revisions.append(
            {
                "segment_id": state.id,
                "version": state.version,
                "pass_id": row.id,
                "pass_version": row.version + 1 + place,
                "operation_uuid": operations[place].uuid,
                "author_id": caller.person_id,
                "at_ms": caller.now_ms,
                "fields": columns,
            }
        )
    if revisions:
        session.execute(insert(Revision), revisions)
    created = {state.id for _, state in draft.revisions if state.version == 1}
    if created:
        session.execute(insert(Segment), [values for id_, values in newest.items() if id_ in created])
    changed = [values for id_, values in newest.items() if id_ not in created]
    if changed:
        session.execute(update(Segment), changed)


def _store_remarks(
    session: Session, caller: Caller, row: Pass, draft: Draft, operations: Sequence[AnyOperation]
) -> None:
    for comment, time_ms in draft.new_comments:
        session.add(
            Comment(
                id=comment.comment_id,
                pass_id=row.id,
                text=comment.text,
                frame=comment.frame,
                time_ms=time_ms,
                segment_id=comment.segment_id,
                author_id=caller.person_id,
                at_ms=caller.now_ms,
            )
        )
    for comment_id in draft.resolved:
        stored = session.get_one(Comment, comment_id)
        stored.resolved_at_ms, stored.resolved_by = caller.now_ms, caller.person_id
    for place, suggestion_id, answer, segment_id in draft.new_answers:
        session.merge(
            SuggestionAnswer(
                pass_id=row.id,
                suggestion_id=suggestion_id,
                answer=answer,
                segment_id=segment_id,
                operation_uuid=operations[place].uuid,
            )
        )
