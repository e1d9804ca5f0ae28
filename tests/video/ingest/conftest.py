"""Records to be ingested, and where they go."""

from pathlib import Path

import pytest
from ingest_runs import make_old
from numbered import write_numbered

from finegym.workspace import Workspace


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three records."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, name in enumerate(("a.mp4", "b.mkv", "c.mp4")):
        make_old(write_numbered(folder / name, 40 + number, size=(320, 180)))
    return folder


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "gym")
