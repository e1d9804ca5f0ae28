"""``finegym train``: a recipe and a dataset become a run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finegym.training.run_folder import RunFolder


class Resume(StrEnum):
    """What to do with a run that is there."""

    auto = "auto"
    never = "never"


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"


def train(
    recipe: Annotated[Path, typer.Argument(help="A complete TOML file, such as those in `recipes/`.")],
    out: Annotated[Path, typer.Option(help="The run folder.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a field: `data.split=set`; may be repeated."),
    ] = None,
    resume: Annotated[
        Resume, typer.Option(help="Go on with the run in the folder, or refuse a folder that holds one.")
    ] = Resume.auto,
    stop_after: Annotated[
        int | None, typer.Option(metavar="EPOCHS", min=1, help="Stop once this many are done; go on another day.")
    ] = None,
    overfit: Annotated[
        int | None,
        typer.Option(
            metavar="CLIPS",
            min=2,
            help="Only try whether so many clips can be learned by heart, without anything random; exit status 1 if "
            "not. Up to 200 steps, or as many as --stop-after says.",
        ),
    ] = None,
    max_bad_clips: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Go on without up to so many clips that cannot be read, and name them."),
    ] = 0,
    halve_on_oom: Annotated[
        bool,
        typer.Option("--halve-on-oom", help="Out of memory: compute a step's clips in smaller parts, and say so."),
    ] = False,
    device: Annotated[Device, typer.Option(help="`auto` takes a GPU where there is one.")] = Device.auto,
    wandb: Annotated[
        str,
        typer.Option(metavar="PROJECT", help="Mirror the metrics to this project of Weights & Biases (extra `wandb`)."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Train a recogniser or a localizer: a recipe and a dataset become a run folder.

    Which of them, the recipe says: a localizer's has the key `task`.
    A run that was stopped goes on from its last checkpoint when the same command is given again. Several GPUs:
    `torchrun --nproc-per-node 4 --no-python finegym train …`. Does a model not learn? Try `--overfit 8` first.

    **Example**: `finegym train recipes/tsn_r18_demo.toml --set data.dataset=competition --out runs/set`
    """
    from finegym.errors import ConfigError
    from finegym.training.recipe_text import RECOGNITION, read_task

    if read_task(recipe) == "motion":
        raise ConfigError(f"{recipe} is of a generator of motion: `finegym generate train {recipe} --out {out}`.")
    if read_task(recipe) != RECOGNITION:
        for_recognisers = {
            "--overfit": overfit is not None,
            "--max-bad-clips": max_bad_clips > 0,
            "--halve-on-oom": halve_on_oom,
            "--wandb": bool(wandb),
        }
        given = [option for option, is_given in for_recognisers.items() if is_given]
        train_localizer(recipe, out, overrides or (), resume, stop_after, device, given, as_json)
        return
    from finegym.training.data import open_data
    from finegym.training.recipe import read_recipe
    from finegym.training.run import train as train_run
    from finegym.training.starting import is_first_process

    settings = read_recipe(recipe, overrides or ())
    run = train_run(
        settings,
        open_data(settings.data),
        out,
        resume=resume.value,
        stop_after=stop_after,
        overfit=overfit or 0,
        max_bad_clips=max_bad_clips,
        halve_on_oom=halve_on_oom,
        device=device.value,
        wandb_project=wandb,
    )
    if not is_first_process():
        return
    if overfit:
        _end_overfit(run, as_json)
        return
    last = run.read_last_epoch()
    checkpoint = run.find_checkpoint()
    if as_json:
        typer.echo(json.dumps({"run": str(out), "checkpoint": str(checkpoint), **last}, indent=2))
        return
    facts = run.read_facts()
    typer.echo(f"run         {out}: epoch {last['epoch']} of {settings.schedule.epochs}, {checkpoint}")
    typer.echo(
        f"train       {facts['num_train']} instances, {len(facts['classes'])} classes; loss {last['train_loss']:.3f}, "
        f"top-1 {100 * last['train_top1_accuracy']:.1f} % (with crops, flips and dropout)"
    )
    if "val_loss" in last:
        typer.echo(
            f"val         {last['val_num_instances']} instances; loss {last['val_loss']:.3f}, "
            f"top-1 {100 * last['val_top1_accuracy']:.1f} %, mean class {100 * last['val_mean_class_accuracy']:.1f} %"
        )
    if last.get("num_bad_clips"):
        typer.echo(
            f"bad clips   {last['num_bad_clips']} could not be read and were left out (metrics.jsonl names them)"
        )
    typer.echo(f"next        finegym predict {out}")


def train_localizer(
    recipe: Path,
    out: Path,
    overrides: Sequence[str],
    resume: Resume,
    stop_after: int | None,
    device: Device,
    options_for_recognisers: Sequence[str],
    as_json: bool,
) -> None:
    """The same with the recipe of a localizer."""
    from finegym.errors import ConfigError
    from finegym.localization.recipe import read_localization_recipe
    from finegym.localization.run import train as train_run
    from finegym.training.starting import is_first_process

    if options_for_recognisers:
        raise ConfigError(f"only for recognisers: {', '.join(options_for_recognisers)}; {recipe} is of a localizer")
    settings = read_localization_recipe(recipe, overrides)
    run = train_run(settings, out, resume=resume.value, stop_after=stop_after, device=device.value)
    if not is_first_process():
        return
    last, checkpoint, facts = run.read_last_epoch(), run.find_checkpoint(), run.read_facts()
    if as_json:
        typer.echo(json.dumps({"run": str(out), "checkpoint": str(checkpoint), **last}, indent=2))
        return
    typer.echo(f"run         {out}: epoch {last['epoch']} of {settings.schedule.epochs}, {checkpoint}")
    typer.echo(
        f"train       {facts['num_train']} timelines, {len(facts['classes'])} classes; loss {last['train_loss']:.3f}"
    )
    if "val_map" in last:
        typer.echo(
            f"val         {facts['num_val']} timelines, {last['val_num_segments']} segments; mAP "
            f"{100 * last['val_map_50']:.1f} % at tIoU 0.5, {100 * last['val_map']:.1f} % on average over 0.5 to 0.95"
        )
    typer.echo(f"next        finegym localize {settings.data.dataset} --run {out} --out detections.json")


def _end_overfit(run: RunFolder, as_json: bool) -> None:
    from finegym.training.overfit import format_verdict, judge

    verdict = judge(run.read_metrics(), run.read_facts(), run.read_recipe())
    if as_json:
        typer.echo(json.dumps({"run": str(run.path), **dataclasses.asdict(verdict)}, indent=2))
    else:
        typer.echo(f"run         {run.path}: an overfit test, nothing to predict from")
        typer.echo(format_verdict(verdict))
    if not verdict.is_learned:
        raise typer.Exit(1)
