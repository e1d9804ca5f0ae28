"""What the annotation app's database gives to a release: accepted results, codebooks, guidelines, votes, history."""

from __future__ import annotations

from pathlib import Path

from finegym.labelling.offline import find_project, open_existing
from finegym.labelling.results import make_results
from finegym.release.source import ReleaseSource
from finegym.workspace import DATABASE_NAME


def is_workspace(folder: Path) -> bool:
    """Whether a folder holds the app's database."""
    return (Path(folder) / DATABASE_NAME).is_file()


def open_workspace_source(
    folder: Path, database_url: str | None = None, project: str | None = None, name: str | None = None
) -> ReleaseSource:
    """Read the accepted work of a project."""
    with open_existing(folder, database_url) as database, database.read() as session:
        found = find_project(session, project)
        results = make_results(session, found)
    return ReleaseSource(name=name or folder.resolve().name, dataset=results.dataset)
