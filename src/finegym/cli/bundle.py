"""``finegym bundle``: everything that parsing needs, in one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finegym.evaluation.calibration import Calibration

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Model bundles: the localizers and recognisers that `finegym parse` needs, in one file.",
)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command()
def make(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The bundle to write.")],
    actions: Annotated[Path, typer.Option(help="Run of a localizer that finds actions in records.")],
    sub_actions: Annotated[Path, typer.Option(help="Run of a localizer that finds sub-actions in actions.")],
    recogniser: Annotated[
        list[Path], typer.Option(help="Run of a recogniser of sets or elements; may be given several times.")
    ],
    features_run: Annotated[
        list[Path] | None,
        typer.Option(help="Run whose features the localizers see, one a snippet store; may be given several times."),
    ] = None,
    name: Annotated[str, typer.Option(help="Of the bundle; the file's by default.")] = "",
    without_calibration: Annotated[
        bool, typer.Option("--without-calibration", help="Leave the recognisers as sure as they are.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put trained runs into one file: recipes, weights as safetensors, codebook, calibration, hashes.

    Recognisers are calibrated on their predictions of the validation side: run `finegym predict RUN` first.

    **Example**: `finegym bundle make mine.finegym --actions runs/actions --sub-actions runs/sets --recogniser runs/tsn`
    """
    from finegym.applications.bundle import make_bundle

    facts = make_bundle(
        out,
        actions=actions,
        sub_actions=sub_actions,
        recognisers=recogniser,
        features=features_run or (),
        name=name,
        without_calibration=without_calibration,
    )
    if as_json:
        typer.echo(facts.model_dump_json(indent=1))
    else:
        typer.echo(f"{out}: {len(facts.files)} files, {out.stat().st_size / 1e6:.1f} MB")
    for weakness in facts.weaknesses:
        typer.echo(f"WARNING: {weakness}", err=True)


@app.command()
def show(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A bundle.")],
    as_json: JsonOption = False,
) -> None:
    """Check a bundle and what is unpacked of it against its hashes, and say what is in it.

    **Example**: `finegym bundle show mine.finegym`
    """
    from finegym.applications.bundle import open_bundle
    from finegym.errors import join_problems

    bundle = open_bundle(path)
    if bundle.mended:
        typer.echo(
            f"WARNING: {len(bundle.mended)} of the unpacked files were gone or not what the bundle says, and were "
            f"unpacked anew: {join_problems(bundle.mended, 3)}",
            err=True,
        )
    if as_json:
        typer.echo(json.dumps({"sha256": bundle.sha256, **bundle.facts.model_dump(mode="json")}, indent=1))
        return
    facts = bundle.facts
    typer.echo(f"{facts.name}  made by finegym {facts.finegym}  sha256 {bundle.sha256}")
    trained = {True: "a simulated competition", False: "footage that was not simulated", None: "nobody knows what"}
    said = "a simulated competition in part, see below" if facts.simulated_parts else trained[facts.is_simulated]
    typer.echo(f"trained on {said}; codebook {bundle.codebook.name} {bundle.codebook.version}")
    for role, run in (("actions", facts.actions), ("sub-actions", facts.sub_actions)):
        typer.echo(f"{role:12} {run}")
    for run, folder in zip(facts.recognisers, bundle.recognisers, strict=True):
        typer.echo(f"{'recogniser':12} {run}  {_describe_calibration(bundle.read_calibration(folder))}")
    for part, is_simulated in facts.trained_on.items() if facts.simulated_parts else ():
        typer.echo(f"{'trained on':12} {part}: {trained[is_simulated]}")
    for run in facts.features:
        typer.echo(f"{'features':12} {run}")
    for event_id, one in (facts.routines or {}).items():
        ends = ", ".join(f"{set_id} {100 * share:.0f} %" for set_id, share in one.last_sets.items())
        typer.echo(
            f"{'routines':12} {event_id}  {one.num_routines}, median {one.median_ms / 1000:.1f} s, end with {ends}"
        )
    for weakness in facts.weaknesses:
        typer.echo(f"WARNING: {weakness}")


def _describe_calibration(calibration: Calibration | None) -> str:
    if calibration is None:
        return "not calibrated"
    said = (
        f"temperature {calibration.temperature:.2f}, calibration error {calibration.ece_before:.3f} → "
        f"{calibration.ece_after:.3f} on the {calibration.num_clips} clips it was fitted to"
    )
    kept = len(calibration.energies)
    return said if kept == calibration.num_clips else f"{said} (of their energies, {kept} quantiles are kept)"
