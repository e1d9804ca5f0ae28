"""``finegym localize``: actions in records, sub-actions in actions, or both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finegym.localization.localize import Localized


class Side(StrEnum):
    """Of a split."""

    train = "train"
    validation = "validation"


class LevelChoice(StrEnum):
    """What a class is."""

    event = "event"
    set = "set"
    element = "element"


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"


def localize(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="Video files, or one dataset folder.", show_default=False)
    ],
    run: Annotated[
        Path | None,
        typer.Option(
            help="A localizer's run. In a video, it looks for actions, or (a run of the task "
            "`sub-actions`) takes the whole video for one action."
        ),
    ] = None,
    actions: Annotated[
        Path | None, typer.Option(help="Instead: a run that finds actions, and --sub-actions one that looks into them.")
    ] = None,
    sub_actions: Annotated[Path | None, typer.Option(help="A run that finds sub-actions in actions.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="With --run the file, `detections.json` by default; else the folder, `localized`."),
    ] = None,
    split: Annotated[str, typer.Option(help="Of a dataset: name in its `splits/`; by default the run's.")] = "",
    side: Annotated[Side, typer.Option(help="Of a dataset: which side of the split.")] = Side.validation,
    min_score: Annotated[float, typer.Option(help="With --actions: of the actions that are looked into.")] = 0.3,
    min_sub_score: Annotated[
        float, typer.Option(help="With --sub-actions: of the sub-actions that routines.json lists.")
    ] = 0.3,
    level: Annotated[
        LevelChoice | None,
        typer.Option(help="Of --run: what is to be found, where it learnt several levels; its recipe's by default."),
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="Of --run: `last`, or a number of epochs.")] = "last",
    features_run: Annotated[
        list[Path] | None,
        typer.Option(
            help="Where the recogniser's run lies now whose features a localizer sees; one a store, in order."
        ),
    ] = None,
    device: Annotated[Device, typer.Option(help="`auto` takes a GPU where there is one.")] = Device.auto,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Find actions in records, or sub-actions in actions, and write ActivityNet's detection JSON.

    Of videos, snippet features are made on the way; of a dataset, those in its `features/` are read. What was stopped
    goes on when the same command is given again. With `--actions` and `--sub-actions`, sub-actions are looked for in
    the actions that were found, and `routines.json` has both, nested.

    **Example**: `finegym localize final.mp4 --actions runs/actions --sub-actions runs/sub-actions --out final`
    """
    from finegym.errors import ConfigError
    from finegym.localization.localize_inputs import localize_inputs, localize_nested_inputs
    from finegym.localization.opening import open_localizer

    side_name = {"train": "train", "validation": "val"}[side.value]
    if run is not None and actions is None and sub_actions is None:
        opened = open_localizer(
            run, checkpoint=checkpoint, level=level.value if level is not None else None, device=device.value
        )
        result = localize_inputs(
            opened,
            inputs,
            out or Path("detections.json"),
            split=split,
            side=side_name,
            features_runs=features_run or (),
            device=opened.device,
        )
        _print([result], {}, as_json)
    elif run is None and actions is not None and sub_actions is not None:
        if level is not None:
            raise ConfigError("--level goes with --run")
        upper, lower = (open_localizer(path, device=device.value) for path in (actions, sub_actions))
        folder = out or Path("localized")
        results = localize_nested_inputs(
            upper,
            lower,
            inputs,
            folder,
            split=split,
            side=side_name,
            min_score=min_score,
            min_sub_score=min_sub_score,
            features_runs=features_run or (),
            device=upper.device,
        )
        _print(results, {"actions and sub-actions, nested": folder / "routines.json"}, as_json)
    else:
        raise ConfigError("give --run, or --actions and --sub-actions together")


def _print(results: Sequence[Localized], more: Mapping[str, Path], as_json: bool) -> None:
    if as_json:
        facts = [
            {
                "out": str(each.out),
                "timelines": each.num_timelines,
                "done_before": each.num_before,
                "detections": each.num_detections,
            }
            for each in results
        ]
        typer.echo(
            json.dumps(
                {"files": facts, **{what: str(path) for what, path in more.items()}}, indent=2, ensure_ascii=False
            )
        )
        return
    for each in results:
        typer.echo(str(each))
    for what, path in more.items():
        typer.echo(f"{path}: {what}")
