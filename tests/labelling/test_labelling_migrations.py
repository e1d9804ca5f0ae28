"""Migrations: forwards from nothing, on a copy of old data, and never past what this program knows."""

import shutil
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from labelling_world import create, make_operation
from sqlalchemy import select, text

from finegym.errors import LabellingError
from finegym.labelling.database import Database, open_database
from finegym.labelling.migrate import migrate_database, read_revision
from finegym.labelling.tables import Base
from finegym.labelling.tables.people import Person

OLD = Path(__file__).parent / "old_databases"


def compare(database):
    """What the tables lack, or have too much, beside what the program says."""
    with database.engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata)


def test_migrations_lead_to_the_tables_of_the_program(database_url):
    database = open_database(database_url)
    assert compare(database) == []
    migrate_database(database)  # again: nothing to do
    assert read_revision(database) == "0002"
    database.close()


@pytest.mark.parametrize("file", sorted(OLD.glob("*.sql")), ids=lambda file: file.stem)
def test_old_data_are_brought_forward(tmp_path, file):
    """Each file is what ``.dump`` gave of a database that an earlier version had worked with."""
    import sqlite3

    place = tmp_path / "old.db"
    with sqlite3.connect(place) as connection:
        connection.executescript(file.read_text(encoding="utf-8"))
        before = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
    connection.close()
    database = open_database(f"sqlite:///{place}")
    assert compare(database) == []
    with database.read() as session:
        for name, count in before.items():
            assert session.scalar(text(f"SELECT count(*) FROM {name}")) == count, name
        assert session.scalar(select(Person.name).where(Person.email == "ann@example.org")) == "Ann"
    database.close()


def test_a_copy_of_a_database_goes_on(world, tmp_path):
    """A backup taken while the server runs: SQLite's own, which docs/labelling-operators.md describes."""
    import sqlite3

    detail = world.take(world.ann, "routines", record="alpha", chunk=0)
    first = create(100, 400, "BB")
    world.ann.save(detail["id"], 0, first)
    source = world.server.workspace.folder / "finegym.db"
    with sqlite3.connect(source) as live, sqlite3.connect(tmp_path / "copy.db") as copy:
        live.backup(copy)
    live.close()
    copy.close()
    label = make_operation("set_label", segment_id=first["payload"]["segment_id"], label="VT")
    world.ann.save(detail["id"], 1, label)
    world.server.database.close()
    shutil.copy(tmp_path / "copy.db", source)
    for rest in source.parent.glob("finegym.db-*"):
        rest.unlink()
    # the client knows more than the backup: it is told, and can send its change again
    assert world.ann.save(detail["id"], 2, label, expected=412)["version"] == 1
    assert world.ann.save(detail["id"], 1, label)["segments"][0]["label"] == "VT"


def test_a_database_of_a_newer_program_is_refused(database_url):
    database = open_database(database_url)
    with database.engine.connect() as connection:
        connection.info["is_writing"] = True
        with connection.begin():
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.info["is_writing"] = False
    with pytest.raises(LabellingError, match="9999"):
        migrate_database(database)
    database.close()


def test_a_migration_that_fails_changes_nothing(database_url, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("in the middle")

    database = Database(database_url)
    monkeypatch.setattr("alembic.op.create_index", fail)
    monkeypatch.setattr("alembic.operations.BatchOperations.create_index", fail, raising=False)
    with pytest.raises(RuntimeError, match="in the middle"):
        migrate_database(database)
    monkeypatch.undo()
    migrate_database(database)
    assert compare(database) == []
    database.close()


@pytest.mark.parametrize(
    ("url", "fact"),
    [
        ("nonsense", "expected postgresql"),
        ("mysql://x/y", "expected postgresql or sqlite"),
        ("postgresql://finegym:secret@127.0.0.1:1/x", "cannot be reached"),
        ("postgresql://finegym:secret@127.0.0.1:port/x", "expected postgresql"),
        ("postgresql://finegym:secret", "expected postgresql"),
    ],
)
def test_databases_that_cannot_be_used_are_named_without_their_password(url, fact):
    with pytest.raises(LabellingError, match=fact) as caught:
        open_database(url)
    assert "secret" not in str(caught.value)
