"""The database behind the app: SQLite beside the workspace, or PostgreSQL by URL.

Reads and writes are separate. A write is one transaction that takes its locks at the beginning: on SQLite, where there
is one writer at a time, writers of this process queue up for a lock of their own, because SQLite's way of waiting is
to sleep and try again; on PostgreSQL the rows that are worked on are locked.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from finegym.errors import LabellingError

BUSY_S = 30.0
_POOL_SIZE = 12  # of PostgreSQL connections; each waiting request of the server's threads holds one


class Database:
    """Sessions on one database.

    Attributes:
        url: without password, for messages.
        is_sqlite: whether it is SQLite.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError) as error:  # ValueError: the port is no number
            scheme, mark, _ = url.partition("://")  # what follows may hold a password, wherever it was put
            raise LabellingError(
                f"database {scheme + mark!r}…: cannot be read as a URL; expected postgresql://USER@HOST:PORT/NAME or "
                "sqlite:///FILE, with characters such as @ and / in a password written as %40 and %2F"
            ) from error
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise LabellingError(f"database {parsed.get_backend_name()!r}: expected postgresql or sqlite")
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.url = parsed.render_as_string(hide_password=True)
        self.engine = _make_sqlite_engine(parsed) if self.is_sqlite else _make_postgresql_engine(parsed)
        self._write_lock = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database and changes nothing."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that is committed when the block succeeds and rolled back when it does not."""
        if not self.is_sqlite:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                yield session
            return
        with self._write_lock, self.engine.connect() as connection:
            connection.info["is_writing"] = True
            try:
                with Session(connection, expire_on_commit=False) as session, session.begin():
                    yield session
            finally:
                connection.info["is_writing"] = False

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_database(url: str, *, migrate: bool = True) -> Database:
    """Connect, and bring the tables up to date.

    Raises:
        LabellingError: the database cannot be reached, or is newer than this finegym.
    """
    from finegym.labelling.migrate import migrate_database

    database = Database(url)
    try:
        with database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise LabellingError(
            f"database {database.url} cannot be reached: {reason}. Check that it runs and that the URL is right."
        ) from error
    if migrate:
        migrate_database(database)
    return database


def make_sqlite_url(file: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{file.resolve()}"


def is_storage_full(error: BaseException) -> bool:
    """Whether a database error says that there is no room left."""
    original = getattr(error, "orig", None)
    if isinstance(original, sqlite3.Error):
        full = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}
        return getattr(original, "sqlite_errorcode", None) in full or "disk is full" in str(original)
    return getattr(original, "sqlstate", None) in ("53100", "53200")


def is_unavailable(error: BaseException) -> bool:
    """Whether a database error may be gone at the next try: locked, restarting, out of connections."""
    return isinstance(error, OperationalError)


def _make_sqlite_engine(url: Any) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_S, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # BEGIN is said below; the driver would say it too late
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would fail, not wait, if another has written in between.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("is_writing") else "BEGIN")

    return engine


def _make_postgresql_engine(url: Any) -> Engine:
    return create_engine(
        url,
        pool_size=_POOL_SIZE,
        max_overflow=2 * _POOL_SIZE,
        pool_pre_ping=True,
        pool_timeout=BUSY_S,
        connect_args={"connect_timeout": 10},
    )
