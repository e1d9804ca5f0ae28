"""Guidelines: a page for everything that annotators look up, in versions, with stills and clips."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller
from finegym.labelling.clock import format_time
from finegym.labelling.media import Links
from finegym.labelling.refusals import Refusal, invalid_field, not_found
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.projects import Attachment, Guideline

KEY = re.compile(r"general|(?:stage|event|set|query|element):[^\x00-\x1f]{1,200}")


def get_guideline(session: Session, project_id: str, key: str) -> Guideline | None:
    """The newest version of a page."""
    query = select(Guideline).where(Guideline.project_id == project_id, Guideline.key == key)
    return session.scalar(query.order_by(Guideline.version.desc()).limit(1))


def list_guidelines(session: Session, project_id: str) -> list[dict[str, Any]]:
    """The pages that there are."""
    newest = (
        select(Guideline.key, func.max(Guideline.version).label("version"))
        .where(Guideline.project_id == project_id)
        .group_by(Guideline.key)
        .subquery()
    )
    rows = session.scalars(
        select(Guideline)
        .join(newest, (newest.c.key == Guideline.key) & (newest.c.version == Guideline.version))
        .where(Guideline.project_id == project_id)
        .order_by(Guideline.key)
    )
    return [
        {"key": row.key, "title": row.title, "updated_at": format_time(row.at_ms), "version": row.version}
        for row in rows
    ]


def show_guideline(session: Session, links: Links, caller: Caller, project_id: str, key: str) -> dict[str, Any]:
    """A page with links to its media."""
    row = get_guideline(session, project_id, key)
    if row is None:
        raise not_found("page of the guidelines")
    media = []
    for one in row.media:
        attachment = session.get_one(Attachment, one["id"])
        media.append(
            {
                "id": attachment.id,
                "name": attachment.name,
                "type": attachment.media_type,
                "url": links.link_attachment(caller, attachment),
                "caption": one["caption"],
                "answer": one["answer"],
            }
        )
    return {
        "key": row.key,
        "title": row.title,
        "text": row.text,
        "media": media,
        "version": row.version,
        "updated_at": format_time(row.at_ms),
    }


def put_guideline(
    session: Session,
    caller: Caller,
    project_id: str,
    key: str,
    seen_version: int,
    title: str,
    text: str,
    media: list[dict[str, Any]],
) -> None:
    """A new version of a page.

    Raises:
        Refusal: the key is none; a medium is none of the project's; 412 somebody else wrote in between.
    """
    if not KEY.fullmatch(key):
        expected = "general, stage:…, event:…, set:…, query:… or element:…"
        raise invalid_field("key", f"expected {expected}", key[:200])
    current = get_guideline(session, project_id, key)
    version = current.version if current else 0
    if seen_version not in (-1, version):
        theirs = {"title": current.title, "text": current.text} if current else None
        raise Refusal(
            412, "version_conflict", "Somebody else changed this page in between.", version=version, theirs=theirs
        )
    for one in media:
        attachment = session.get(Attachment, one["id"])
        if attachment is None or attachment.project_id != project_id:
            raise invalid_field("media", "is no attachment of this project", one["id"])
    session.add(
        Guideline(
            project_id=project_id,
            key=key,
            version=version + 1,
            title=title,
            text=text,
            media=media,
            author_id=caller.person_id,
            at_ms=caller.now_ms,
        )
    )


def add_attachment(
    session: Session, caller: Caller, project_id: str, name: str, stored: tuple[str, str], size_bytes: int
) -> Attachment:
    """Write down a file that ``attachments.store_attachment`` has stored."""
    row = Attachment(
        id=make_id(),
        project_id=project_id,
        name=name,
        media_type=stored[1],
        file_name=stored[0],
        size_bytes=size_bytes,
        author_id=caller.person_id,
        at_ms=caller.now_ms,
    )
    session.add(row)
    return row
