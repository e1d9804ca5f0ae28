"""``finegym quality report``: one page about all work that was done twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finegym.cli.quality_common import (
    CodebookOption,
    DatabaseOption,
    JsonOption,
    Level,
    NameOption,
    ProjectOption,
    SourcesArgument,
    Stage,
    read_units_of,
)

if TYPE_CHECKING:
    from finegym.quality.units import Units


def report(
    sources: SourcesArgument,
    page: Annotated[Path, typer.Option(help="The page to write.")] = Path("quality.html"),
    name: NameOption = None,
    codebook: CodebookOption = None,
    project: ProjectOption = None,
    database: DatabaseOption = None,
    resamples: Annotated[int, typer.Option(min=0, help="Of the bootstrap over records; 0 for no intervals.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    show_all: Annotated[bool, typer.Option("--all", help="Every row of long tables, not only the worst.")] = False,
    as_json: JsonOption = False,
) -> None:
    """One page: agreement on actions and on sub-actions, what annotators agree on, and what is left to decide.

    Of a workspace: on routines, on the edges of sub-actions and on their elements. What nobody did twice is named.

    **Example**: `finegym quality report ada/ bea/ cleo/ --page quality.html`
    """
    from finegym.errors import AnnotationError
    from finegym.quality.agreement import measure_agreement
    from finegym.quality.agreement_files import export_agreement
    from finegym.quality.agreement_page import MAX_ROWS
    from finegym.quality.comparison import AgreementSettings
    from finegym.quality.consensus import make_consensus
    from finegym.quality.report_page import QualityPart, write_quality_page

    parts, left_out = {}, {}
    for title, units in _read_all(sources, name, codebook, project, database).items():
        try:
            measured = measure_agreement(units, AgreementSettings(num_resamples=resamples, seed=seed))
        except AnnotationError as error:
            left_out[title] = str(error)
            continue
        parts[title] = QualityPart(measured, make_consensus(units))
    if not parts:
        raise AnnotationError("; ".join(f"{title}: {reason}" for title, reason in left_out.items()))
    write_quality_page(page, parts, left_out, max_rows=None if show_all else MAX_ROWS)
    if as_json:
        facts = {"page": str(page), "left_out": left_out} | {
            "agreement": {title: export_agreement(part.agreement) for title, part in parts.items()}
        }
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for title, part in parts.items():
        decisions = ", ".join(f"{decision} {count:,}" for decision, count in part.consensus.count_decisions().items())
        typer.echo(f"{title}: {len(part.agreement.units.items):,} items compared; {decisions or 'nothing found'}")
    for title, reason in left_out.items():
        typer.echo(f"{title}: not compared: {reason}")
    typer.echo(f"wrote {page}: {len(parts)} compared, {len(left_out)} not")


def _read_all(
    sources: list[Path], names: list[str] | None, codebook: str | None, project: str | None, database: str | None
) -> dict[str, Units]:
    """Units of every kind of work."""
    from finegym.cli.quality_common import is_workspace

    if is_workspace(sources, database):
        stages = {"Routines": Stage.ROUTINES, "Sub-actions": Stage.SUB_ACTIONS, "Elements": Stage.ELEMENTS}
        return {
            title: read_units_of(
                sources,
                Level.ACTION if stage is Stage.ROUTINES else Level.SUB_ACTION,
                names=names, codebook=codebook, project=project, stage=stage, database=database,
            )
            for title, stage in stages.items()
        }  # fmt: skip
    return {
        title: read_units_of(sources, level, names=names, codebook=codebook, project=project, database=database)
        for title, level in {"Actions": Level.ACTION, "Sub-actions": Level.SUB_ACTION}.items()
    }
