"""``finegym quality consensus``: a thin skin, added to the noun in ``cli.quality``."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    from finegym.quality.consensus import ConsensusSettings


class Method(StrEnum):
    """How votes count."""

    DAWID_SKENE = "dawid-skene"
    MAJORITY = "majority"


def consensus(
    sources: SourcesArgument,
    name: NameOption = None,
    level: LevelOption = Level.SUB_ACTION,
    codebook: CodebookOption = None,
    project: ProjectOption = None,
    stage: StageOption = None,
    database: DatabaseOption = None,
    method: Annotated[
        Method, typer.Option(help="Weigh votes by how far each annotator can be trusted, or count them.")
    ] = Method.DAWID_SKENE,
    min_confidence: Annotated[
        float, typer.Option(help="How likely presence and label must be for the votes to decide; above 0.5.")
    ] = 0.9,
    tolerance_ms: Annotated[
        int, typer.Option(min=0, help="An edge is settled where most put it this close together.")
    ] = 200,
    tolerance: Annotated[
        list[str] | None, typer.Option(metavar="SET=MS", help="Another tolerance for one set; may be repeated.")
    ] = None,
    match_tiou: Annotated[float, typer.Option(help="From which overlap on two units are the same performance.")] = 0.3,
    enough: Annotated[
        int, typer.Option(min=3, help="So many annotators decide by vote; of fewer, differences go to one more.")
    ] = 3,
    show_all: Annotated[bool, typer.Option("--all", help="List every open unit, not only the first 20.")] = False,
    as_json: JsonOption = False,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON, with all votes, to this file.")] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="Also write what is settled as a dataset folder (routines are agreed on first).")
    ] = None,
    include_open: Annotated[
        bool, typer.Option("--include-open", help="Into the dataset goes what nobody has decided about, too.")
    ] = False,
) -> None:
    """What annotators agree on: median edges, votes on every query, and what a third annotator or a lead must decide.

    All votes are kept. Nothing is written to a workspace: its open units are decided in the app.

    **Example**: `finegym quality consensus ada/ bea/ cleo/ --dataset agreed/ --out votes.json`
    """
    from finegym.files import write_text
    from finegym.quality.consensus import make_consensus
    from finegym.quality.consensus_files import export_consensus, format_consensus

    settings = _make_settings(method, min_confidence, tolerance_ms, tolerance or [], match_tiou, enough)
    units = read_units_of(
        sources, level, names=name, codebook=codebook, project=project, stage=stage, database=database
    )
    for note in units.notes:
        typer.echo(f"note: {note}", err=True)
    found = make_consensus(units, settings)
    text = json.dumps(export_consensus(found), indent=2, ensure_ascii=False) if as_json or out else ""
    if out is not None:
        write_text(out, text + "\n")
    typer.echo(text if as_json else format_consensus(found, len(found.units) if show_all else 20))
    if dataset is not None:
        _write_dataset(sources, name, codebook, settings, dataset, include_open)
    counts = ", ".join(f"{decision} {number}" for decision, number in found.count_decisions().items())
    typer.echo(f"{len(found.units)} units: {counts or 'none'}" + (f"; votes in {out}" if out else ""), err=as_json)


def _make_settings(
    method: Method, min_confidence: float, tolerance_ms: int, by_set: list[str], match_tiou: float, enough: int
) -> ConsensusSettings:
    from finegym.errors import ConfigError
    from finegym.quality.adjudication import AdjudicationRules
    from finegym.quality.consensus import ConsensusSettings
    from finegym.quality.grading import Tolerance

    pairs = [text.partition("=") for text in by_set]
    wrong = [
        text for text, (set_id, _, number) in zip(by_set, pairs, strict=True) if not set_id or not number.isdigit()
    ]
    if wrong:
        raise ConfigError(f"--tolerance: expected SET=MS, such as VT-S1=400, got {', '.join(wrong)}")
    tolerance = Tolerance(tolerance_ms, {set_id: int(number) for set_id, _, number in pairs}, match_tiou)
    return ConsensusSettings(method.value, AdjudicationRules(min_confidence, tolerance, enough))


def _write_dataset(
    sources: list[Path],
    names: list[str] | None,
    codebook: str | None,
    settings: ConsensusSettings,
    folder: Path,
    include_open: bool,
) -> None:
    from finegym.annotations.convert import require_new
    from finegym.annotations.folder import write_dataset
    from finegym.annotations.text import format_count
    from finegym.errors import ConfigError
    from finegym.quality.consensus_dataset import agree_on_datasets
    from finegym.quality.unit_files import read_datasets

    if len(sources) < 2:
        raise ConfigError(
            "--dataset: only from annotation files; a workspace's results come with `finegym label export`."
        )
    require_new(folder)
    notes: list[str] = []  # they were said when the units were read
    made = agree_on_datasets(read_datasets(sources, names, codebook, notes), settings, include_open=include_open)
    write_dataset(made.dataset, folder)
    typer.echo(
        f"{folder}: {format_count(len(made.dataset.instances), 'sub-action')}; left out: {made.num_open} open, "
        f"{made.num_absent} not there, {made.num_homeless} in routines that are not settled",
        err=True,
    )
