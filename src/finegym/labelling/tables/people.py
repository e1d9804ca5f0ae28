"""Who may do what: people, their sessions, invitations, and the log of what happened."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from finegym.labelling.tables.base import Base, Id, PersonRef, ProjectRef, TimeMs


class Person(Base):
    """Somebody who works here. ``email`` is lower case; ``password_hash`` is empty until an invitation is accepted."""

    __tablename__ = "people"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(Text, default="")
    is_admin: Mapped[bool] = mapped_column(default=False)
    is_disabled: Mapped[bool] = mapped_column(default=False)
    preferences: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at_ms: Mapped[TimeMs]


class LoginSession(Base):
    """A browser that is logged in. The cookie's token is stored as its hash only."""

    __tablename__ = "sessions"

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    csrf_token: Mapped[str] = mapped_column(String(64))
    person_id: Mapped[PersonRef]
    created_at_ms: Mapped[TimeMs]
    seen_at_ms: Mapped[TimeMs]
    expires_at_ms: Mapped[TimeMs]
    ended_at_ms: Mapped[TimeMs | None]


class Invitation(Base):
    """A link that works once: for the first admin, into a project, or to a new password."""

    __tablename__ = "invitations"

    id: Mapped[Id]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(20))  # first_admin, project, password
    project_id: Mapped[ProjectRef | None]
    role: Mapped[str | None] = mapped_column(String(20))
    email: Mapped[str | None] = mapped_column(String(254))
    person_id: Mapped[PersonRef | None]
    created_by: Mapped[PersonRef | None]
    created_at_ms: Mapped[TimeMs]
    expires_at_ms: Mapped[TimeMs]
    used_at_ms: Mapped[TimeMs | None]
    used_by: Mapped[PersonRef | None]
    withdrawn_at_ms: Mapped[TimeMs | None]


class LoginAttempt(Base):
    """A login that failed, by whom it was for or where it came from (hashed)."""

    __tablename__ = "login_attempts"
    __table_args__ = (Index("ix_login_attempts_key_at_ms", "key", "at_ms"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(String(64))
    at_ms: Mapped[TimeMs]


class LogEvent(Base):
    """What happened beside the labels: logins, invitations, roles, refusals. Rows are added, never changed."""

    __tablename__ = "log"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at_ms: Mapped[TimeMs]
    kind: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    project_id: Mapped[ProjectRef | None]
    person_id: Mapped[PersonRef | None]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Secret(Base):
    """Keys that the server made for itself: what signs media links."""

    __tablename__ = "secrets"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
