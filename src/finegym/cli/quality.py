"""``finegym quality``: how far annotators agree, what they agree on, and who is ready to work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finegym.cli import quality_consensus, quality_exam, quality_report, quality_simulate
from finegym.cli.quality_common import (
    CodebookOption,
    DatabaseOption,
    JsonOption,
    Level,
    LevelOption,
    NameOption,
    ProjectOption,
    SourcesArgument,
    StageOption,
    read_units_of,
)

if TYPE_CHECKING:
    from finegym.quality.agreement import Agreement

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Quality control: agreement of annotators, consensus, exams.",
)


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
    wanted = GammaSettings(num_items=gamma, seed=seed) if gamma else None
    measured = measure_agreement(units, settings, wanted, lambda line: typer.echo(line, err=True))
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


app.command()(quality_consensus.consensus)
app.command()(quality_exam.exam)
app.command()(quality_simulate.simulate)
app.command()(quality_report.report)
