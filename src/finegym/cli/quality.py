"""``finegym quality``: how far annotators agree, what they agree on, and who is ready to work."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finegym.quality.agreement import Agreement
    from finegym.quality.units import Units

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Quality control: agreement of annotators, consensus, exams.",
)

SourcesArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Two or more dataset folders, official folders or annotation files, one an annotator; or one workspace."
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
    from finegym.labelling.serve import DATABASE_NAME

    is_workspace = len(sources) == 1 and ((sources[0] / DATABASE_NAME).is_file() or database is not None)
    if not is_workspace:
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


@app.command()
def agreement(
    sources: SourcesArgument,
    name: NameOption = None,
    level: LevelOption = Level.SUB_ACTION,
    codebook: CodebookOption = None,
    project: ProjectOption = None,
    stage: StageOption = None,
    database: DatabaseOption = None,
    match_tiou: Annotated[float, typer.Option(help="From which overlap on two units are the same performance.")] = 0.3,
    tiou: Annotated[
        list[float] | None, typer.Option(help="A threshold of detection, may be repeated; 0.5, 0.75, 0.9 if not given.")
    ] = None,
    gamma: Annotated[
        int, typer.Option(min=0, help="Also compute gamma of so many items, drawn at random (an extra; seconds each).")
    ] = 0,
    resamples: Annotated[int, typer.Option(min=0, help="Of the bootstrap over records; 0 for no intervals.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap, and of the items of gamma.")] = 0,
    show_all: Annotated[bool, typer.Option("--all", help="Every row of long tables, not only the worst.")] = False,
    as_json: JsonOption = False,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON to this file.")] = None,
    page: Annotated[Path | None, typer.Option(help="Also write a page with pictures to this file.")] = None,
) -> None:
    """How far annotators agree: who found what, where it begins and ends, what it is called, how queries are answered.

    Units of two annotators match one to one by time alone; bounds and labels are compared on units that match. Every
    number has an interval over records, or says why it has none; one that is undefined says why.

    **Example**: `finegym quality agreement ada/ bea/ cleo/ --page agreement.html`
    """
    from finegym.quality.agreement import measure_agreement
    from finegym.quality.comparison import AgreementSettings
    from finegym.quality.gamma import GammaSettings

    units = read_units_of(
        sources, level, names=name, codebook=codebook, project=project, stage=stage, database=database
    )
    tious = tuple(sorted(set(tiou))) if tiou else AgreementSettings().tious
    settings = AgreementSettings(match_tiou, tious, num_resamples=resamples, seed=seed)
    measured = measure_agreement(units, settings, GammaSettings(num_items=gamma, seed=seed) if gamma else None)
    _print_agreement(measured, show_all, as_json, out, page)


def _print_agreement(measured: Agreement, show_all: bool, as_json: bool, out: Path | None, page: Path | None) -> None:
    from finegym.files import write_text
    from finegym.quality.agreement_files import export_agreement
    from finegym.quality.agreement_text import format_agreement

    text = json.dumps(export_agreement(measured), indent=2, ensure_ascii=False) if as_json or out else ""
    if out is not None:
        write_text(out, text + "\n")
    if page is not None:
        from finegym.quality.agreement_page import MAX_ROWS, write_agreement_page

        write_agreement_page(page, measured, max_rows=None if show_all else MAX_ROWS)
    typer.echo(text if as_json else format_agreement(measured, show_all=show_all), nl=as_json)
    for path in (out, page):
        if path is not None:
            typer.echo(f"wrote {path}", err=True)
