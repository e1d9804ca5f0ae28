"""Passes of several people on one item, laid side by side. What is decided is in the log of the adjudication."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from finegym.labelling.tables.base import Base, Id, ItemRef, PersonRef, ProjectRef, TimeMs


class Comparison(Base):
    """The passes of an item, compared once. A later comparison of the item makes this one ``replaced``."""

    __tablename__ = "comparisons"
    __table_args__ = (
        UniqueConstraint("item_id", "number"),
        Index("ix_comparisons_project_state", "project_id", "state"),
    )

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    item_id: Mapped[ItemRef]
    round: Mapped[int]
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(20))  # agreed, third, adjudicate, decided, replaced
    pass_ids: Mapped[list[Any]] = mapped_column(default=list)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    units: Mapped[list[Any]] = mapped_column(default=list)
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    by_id: Mapped[PersonRef]
    at_ms: Mapped[TimeMs]
    routed_by: Mapped[PersonRef | None]
    routed_at_ms: Mapped[TimeMs | None]
    routed_reason: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[PersonRef | None]
    decided_at_ms: Mapped[TimeMs | None]
    pass_id: Mapped[str | None] = mapped_column(String(36))  # of the adjudication
