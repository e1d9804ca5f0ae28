"""Databases, ingested records, and apps for the tests of this folder."""

from __future__ import annotations

import os
import shutil
import uuid

import psycopg
import pytest
from labelling_postgres import find_binaries, run_cluster
from labelling_world import ingest_records, make_world


@pytest.fixture(scope="session")
def ingested(tmp_path_factory):
    """A workspace with two records, ingested once."""
    return ingest_records(tmp_path_factory.mktemp("ingested"))


@pytest.fixture(scope="session")
def postgres():
    """The URL of a PostgreSQL cluster, with ``{database}`` for the name."""
    binaries = find_binaries()
    if binaries is None:
        message = "PostgreSQL is not installed (Debian: apt install postgresql): its tests were not run"
        if os.environ.get("FINEGYM_REQUIRE_POSTGRES") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with run_cluster(binaries) as url:
        yield url


def make_database(postgres: str, template: str = "template1") -> str:
    """A new database of the cluster, as a copy of another one."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(postgres.format(database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/finegym.db"


@pytest.fixture
def postgres_url(postgres):
    """A new database."""
    return postgres.format(database=make_database(postgres))


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request):
    """Both databases, empty."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(scope="session")
def sqlite_template(ingested, tmp_path_factory):
    """A database with a project and people, and how they are logged in; made once, because passwords take long."""
    folder = tmp_path_factory.mktemp("template")
    made = make_world(ingested, f"sqlite:///{folder}/finegym.db", folder / "world")
    made.set_up()
    made.server.database.close()
    return folder / "finegym.db", made.remember()


@pytest.fixture(scope="session")
def postgres_template(ingested, postgres, tmp_path_factory):
    name = make_database(postgres)
    made = make_world(ingested, postgres.format(database=name), tmp_path_factory.mktemp("template") / "world")
    made.set_up()
    made.server.database.close()
    return name, made.remember()


@pytest.fixture
def sqlite_world(ingested, sqlite_template, tmp_path):
    """An app with a project and people on SQLite."""
    file, remembered = sqlite_template
    (tmp_path / "world").mkdir()
    shutil.copy(file, tmp_path / "world" / "finegym.db")
    made = make_world(ingested, f"sqlite:///{tmp_path}/world/finegym.db", tmp_path / "world")
    made.go_on(remembered)
    yield made
    made.server.database.close()


@pytest.fixture
def postgres_world(ingested, postgres, postgres_template, tmp_path):
    """The same on PostgreSQL."""
    name, remembered = postgres_template
    copy = make_database(postgres, name)
    made = make_world(ingested, postgres.format(database=copy), tmp_path / "world")
    made.go_on(remembered)
    yield made
    made.server.database.close()


@pytest.fixture
def world(sqlite_world):
    """An app with a project and people, where the database makes no difference."""
    return sqlite_world


@pytest.fixture(params=["sqlite", "postgres"])
def either_world(request):
    """The same on both databases, one after the other."""
    return request.getfixturevalue(f"{request.param}_world")


def give_bundle(world):
    """A bundle in the workspace, which holds nothing."""
    world.server.workspace.bundles.mkdir()
    (world.server.workspace.bundles / "tiny.finegym").write_bytes(b"no bundle")
    return world


@pytest.fixture
def own(sqlite_world):
    """An app whose workspace has a bundle."""
    return give_bundle(sqlite_world)


@pytest.fixture
def either_own(either_world):
    """The same on both databases, one after the other."""
    return give_bundle(either_world)
