"""Write the server's OpenAPI schema, from which the web client's types are made (``npm run schema``).

Run with the Python that has finegym installed; nothing is served and no file but the schema is written.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from finegym.labelling.api.app import create_app
from finegym.labelling.api.server import Server
from finegym.labelling.database import Database
from finegym.labelling.migrate import migrate_database
from finegym.workspace import Workspace


def make_schema() -> dict:
    """The schema of the app, without a server."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        database = Database(f"sqlite:///{folder}/schema.db")
        migrate_database(database)
        return create_app(Server(database, workspace, public_url="http://127.0.0.1"), with_jobs=False).openapi()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(make_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
