"""``finegym spot``: a spotter's run becomes a file of events to the frame."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

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
    from finegym.localization.opening import open_localizer
    from finegym.localization.parts import write_found
    from finegym.localization.spotter_files import write_spots
    from finegym.localization.spotter_predict import list_true_spots
    from finegym.localization.spotter_predict import spot as spot_run

    changes = list(overrides or ())
    target = run / "predictions" / f"{split.value}_spots.json" if out is None else out
    _check_outputs(target, truth, segments)
    opened = open_localizer(run, checkpoint=checkpoint, device=device.value, overrides=changes)
    data = opened.recipe.data
    spotted = spot_run(opened, side=split.value)
    write_spots(target, spotted.predicted)
    tally = {"spots": str(target), "num_timelines": len(spotted.timelines), "num_events": _count(spotted.predicted)}
    if truth is not None:
        true = list_true_spots(opened, spotted)
        write_spots(truth, true)
        tally |= {"truth": str(truth), "num_true_events": _count(true)}
    if segments is not None:
        facts = opened.identify() | {"given_split": data.split, "side": split.value, "changed": changes}
        write_found(segments, spotted.segments, spotted.timelines, facts)
        tally |= {"segments": str(segments), "num_segments": sum(len(each.scores) for each in spotted.segments)}
    if as_json:
        typer.echo(json.dumps(tally))
        return
    where = f"{tally['num_timelines']} timelines of {data.split}/{split.value}"
    typer.echo(f"wrote       {target}: {tally['num_events']} events in {where}")
    if truth is not None:
        typer.echo(f"truth       {truth}: {tally['num_true_events']} events")
        typer.echo(f"next        finegym evaluate spotting {target} --ground-truth {truth}")
    if segments is not None:
        typer.echo(f"segments    {segments}: {tally['num_segments']}")


def _check_outputs(out: Path, truth: Path | None, segments: Path | None) -> None:
    """Before anything is computed: three files, none of which takes the place of something else."""
    from finegym.errors import ConfigError
    from finegym.localization.outputs import check_detections_path, check_spots_path

    given = [path.absolute() for path in (out, truth, segments) if path is not None]
    if len(set(given)) < len(given):
        raise ConfigError(f"{', '.join(map(str, given))}: --out, --truth and --segments are different files")
    check_spots_path(out, "score")
    if truth is not None:
        check_spots_path(truth, "comment")
    if segments is not None:
        check_detections_path(segments)


def _count(spots: Sequence[Mapping[str, Any]]) -> int:
    return sum(entry["num_events"] for entry in spots)
