"""``finegym spot``: a spotter's run becomes a file of events to the frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from finegym.cli.predict import Side
from finegym.cli.train import Device


def spot(
    run: Annotated[Path, typer.Argument(help="A run folder of a spotter, made by `finegym train`.")],
    split: Annotated[Side, typer.Option(help="Which part of the run's split.")] = Side.val,
    out: Annotated[
        Path | None, typer.Option(help="The file of events; `RUN/predictions/<split>_spots.json` by default.")
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="Also write the annotated events here, in the layout of FineGym's spotting files."),
    ] = None,
    segments: Annotated[
        Path | None, typer.Option(help="Also write the segments formed of events here, in ActivityNet's layout.")
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="`last`, or a number of epochs done.")] = "last",
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change how to look, not what was trained: `data.dataset`, `spotter.step`, …; may be repeated.",
        ),
    ] = None,
    device: Annotated[Device, typer.Option(help="`auto` takes a GPU where there is one.")] = Device.auto,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Write the frames in which events happen, each with its score; doubles are left to the evaluator.

    **Example**: `finegym spot runs/spotter --split val --out spots.json --truth truth.json`
    """
    from finegym.evaluation.localization.detections import write_detections
    from finegym.localization.run_folder import LocalizationRun
    from finegym.localization.spotter_files import write_spots
    from finegym.localization.spotter_predict import read_spotter_recipe
    from finegym.localization.spotter_predict import spot as spot_run
    from finegym.localization.truth import make_detections

    folder = LocalizationRun(run)
    recipe = read_spotter_recipe(folder, overrides or ())
    target = folder.predictions_path / f"{split.value}_spots.json" if out is None else out
    spotted = spot_run(folder, recipe, side=split.value, checkpoint=checkpoint, device=device.value)
    write_spots(target, spotted.predicted)
    tally = {"spots": str(target), "num_timelines": len(spotted.timelines)}
    tally["num_events"] = sum(entry["num_events"] for entry in spotted.predicted)
    if truth is not None:
        write_spots(truth, spotted.true)
        tally["truth"] = str(truth)
    if segments is not None:
        detections = make_detections(spotted.segments)
        ids = [timeline.timeline_id for timeline in spotted.timelines.timelines]
        classes = [class_.id for class_ in spotted.timelines.classes.classes]
        facts = {"run": str(run), "checkpoint": spotted.checkpoint.name, "split": recipe.data.split}
        write_detections(segments, detections, ids, classes, external_data=facts)
        tally |= {"segments": str(segments), "num_segments": len(detections.scores)}
    if as_json:
        typer.echo(json.dumps(tally))
        return
    where = f"{tally['num_timelines']} timelines of {recipe.data.split}/{split.value}"
    typer.echo(f"wrote       {target}: {tally['num_events']} events in {where}")
    if truth is not None:
        count = sum(entry["num_events"] for entry in spotted.true)
        typer.echo(f"truth       {truth}: {count} events")
        typer.echo(f"next        finegym evaluate spotting {target} --ground-truth {truth}")
    if segments is not None:
        typer.echo(f"segments    {segments}: {tally['num_segments']}")
