"""Bringing a database's tables up to date: Alembic, from within the package, without a file of settings."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import text

from finegym.errors import LabellingError
from finegym.labelling.database import Database

SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x66676D  # any number that other programs on the same PostgreSQL do not use


def migrate_database(database: Database, revision: str = "head") -> None:
    """Run the migrations that are missing, all of them or none; two servers that start at once do it one by one.

    Raises:
        LabellingError: the database was made by a newer finegym.
    """
    known = {script.revision for script in ScriptDirectory(str(SCRIPTS)).walk_revisions()}
    with database.engine.connect() as connection:
        connection.info["is_writing"] = True
        try:
            with connection.begin():
                if not database.is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                current = MigrationContext.configure(connection).get_current_revision()
                if current is not None and current not in known:
                    raise LabellingError(
                        f"database {database.url} has tables of version {current}, which this finegym does not know. "
                        "Install the finegym that made them, or a newer one."
                    )
                config = Config()
                config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
        except CommandError as error:
            raise LabellingError(f"database {database.url} cannot be brought up to date: {error}") from error
        finally:
            connection.info["is_writing"] = False


def read_revision(database: Database) -> str | None:
    """Which version the tables have."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
