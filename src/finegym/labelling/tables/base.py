"""What all tables have in common: text ids, times as milliseconds since 1970, JSON that both databases hold."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, ClassVar

from sqlalchemy import JSON, BigInteger, ForeignKey, MetaData, String
from sqlalchemy.orm import DeclarativeBase, mapped_column

# Constraints with names of their own can be changed by later migrations, on both databases.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Root of all tables."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
    }


def make_id() -> str:
    """A new id of a row."""
    return str(uuid.uuid4())


Id = Annotated[str, mapped_column(String(36), primary_key=True, default=make_id)]


def _refer(table: str, *, index: bool = True) -> Any:
    """A column that points at a row; checked at the end of a transaction, so that rows can be added in any order."""
    key = ForeignKey(f"{table}.id", deferrable=True, initially="DEFERRED")
    return mapped_column(String(36), key, index=index)


ProjectRef = Annotated[str, _refer("projects")]
PersonRef = Annotated[str, _refer("people", index=False)]
RecordRef = Annotated[str, _refer("records")]
ItemRef = Annotated[str, _refer("items")]
PassRef = Annotated[str, _refer("passes")]
TimeMs = Annotated[int, mapped_column(BigInteger)]
"""Milliseconds since 1970, UTC."""
RecordMs = Annotated[int, mapped_column(BigInteger)]
"""Milliseconds on a record's clock."""
