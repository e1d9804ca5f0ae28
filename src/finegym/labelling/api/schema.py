"""The OpenAPI schema without a running server: what the web client's types are made from."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from finegym.labelling.api.app import create_app
from finegym.labelling.api.server import Server
from finegym.labelling.database import open_database
from finegym.labelling.tables import Base
from finegym.workspace import Workspace


def make_schema() -> dict[str, Any]:
    """The schema of the API."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database("sqlite://", migrate=False)
        Base.metadata.create_all(database.engine)
        server = Server(database, Workspace(Path(folder)), public_url="http://localhost")
        return create_app(server, with_jobs=False).openapi()


def print_schema() -> None:
    """Print the schema as JSON, for ``openapi-typescript``."""
    print(json.dumps(make_schema(), indent=1))


if __name__ == "__main__":
    print_schema()
