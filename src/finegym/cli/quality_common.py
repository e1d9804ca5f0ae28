"""What the verbs of ``finegym quality`` share: where annotators' work comes from, and how that is said."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finegym.quality.units import Units

SourcesArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Two or more dataset folders, official folders, annotation JSONs, WebVTT files or folders of these, one "
        "an annotator; or one workspace."
    ),
]
NameOption = Annotated[
    list[str] | None, typer.Option("--name", help="Of an annotator, once for each file; their names by default.")
]
CodebookOption = Annotated[
    str | None, typer.Option(help="Codebook of all labels (built-in name, file or folder); annotation files need it.")
]
ProjectOption = Annotated[str | None, typer.Option(help="Of a workspace: name or id; not needed where there is one.")]
DatabaseOption = Annotated[
    str | None, typer.Option(envvar="FINEGYM_DATABASE", help="PostgreSQL URL; `WORKSPACE/finegym.db` by default.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


class Level(StrEnum):
    """What is compared."""

    ACTION = "action"
    SUB_ACTION = "sub-action"


class Stage(StrEnum):
    """Which work of a workspace."""

    ROUTINES = "routines"
    SUB_ACTIONS = "sub-actions"
    ELEMENTS = "elements"


LevelOption = Annotated[
    Level, typer.Option(help="Compare routines record by record, or sub-actions routine by routine.")
]
StageOption = Annotated[
    Stage | None,
    typer.Option(help="Of a workspace: sub-actions (their edges) or elements (on sub-actions that were accepted)."),
]


def read_units_of(
    sources: list[Path],
    level: Level,
    *,
    names: list[str] | None = None,
    codebook: str | None = None,
    project: str | None = None,
    stage: Stage | None = None,
    database: str | None = None,
) -> Units:
    """Units of a workspace, or of two or more annotation files."""
    from finegym.errors import ConfigError

    if not is_workspace(sources, database):
        given = [
            name for name, value in (("--project", project), ("--stage", stage), ("--database", database)) if value
        ]
        if given and len(sources) > 1:
            raise ConfigError(f"{', '.join(given)}: only for one workspace, got {len(sources)} files. Leave them out.")
        from finegym.quality.unit_files import read_units

        return read_units(sources, names, level.value, codebook)
    if names or codebook:
        raise ConfigError("--name and --codebook: a workspace knows its people and its codebook. Leave them out.")
    from finegym.labelling.offline import find_project, open_existing
    from finegym.labelling.quality_source import load_units

    with open_existing(sources[0], database) as opened, opened.read() as session:
        return load_units(session, find_project(session, project), level.value, stage.value if stage else None)


def is_workspace(sources: list[Path], database: str | None) -> bool:
    """Whether the one source is a workspace with a database."""
    from finegym.workspace import Workspace

    return len(sources) == 1 and (Workspace(sources[0]).database_file.is_file() or database is not None)
