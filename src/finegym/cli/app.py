"""The command tree. Nouns are added here, in the order in which people meet them."""

from __future__ import annotations

from typing import Annotated

import typer

from finegym.cli import (
    attributes,
    bundle,
    clips,
    codebook,
    evaluate,
    execution,
    explain,
    features,
    label,
    model,
    quality,
    release,
    video,
    weights,
)
from finegym.cli.annotations import app as annotations_app
from finegym.cli.demo import demo
from finegym.cli.fuse import fuse
from finegym.cli.generate import app as generate_app
from finegym.cli.localize import localize
from finegym.cli.parse import parse, watch
from finegym.cli.predict import predict
from finegym.cli.run import app as run_app
from finegym.cli.score import score
from finegym.cli.serve import serve
from finegym.cli.simulate import simulate
from finegym.cli.spot import spot
from finegym.cli.study import app as study_app
from finegym.cli.train import train

app = typer.Typer(
    name="finegym",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Hierarchical, fine-grained action understanding in video: datasets, benchmarks, answers.",
)


def _print_version(value: bool) -> None:
    if value:
        from finegym import __version__

        typer.echo(f"finegym {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error came from; goes anywhere on the line.")
    ] = False,
) -> None:
    """Root of the command tree; `finegym.cli.main` takes `--traceback` off the line, here it is for the help."""


# Nouns: each module offers `app`, a Typer of its verbs (or registers one verb).
app.command(name="demo")(demo)
app.add_typer(codebook.app, name="codebook")
app.add_typer(annotations_app, name="annotations")
app.add_typer(video.app, name="video")
app.command(name="serve")(serve)
app.add_typer(label.app, name="label")
app.add_typer(quality.app, name="quality")
app.add_typer(release.app, name="release")
app.add_typer(clips.app, name="clips")
app.add_typer(features.app, name="features")
app.add_typer(weights.app, name="weights")
app.add_typer(model.app, name="model")
app.command(name="simulate")(simulate)
app.command(name="train")(train)
app.command(name="predict")(predict)
app.command(name="localize")(localize)
app.command(name="spot")(spot)
app.add_typer(bundle.app, name="bundle")
app.command(name="parse")(parse)
app.command(name="watch")(watch)
app.command(name="score")(score)
app.add_typer(execution.app, name="execution")
app.add_typer(attributes.app, name="attributes")
app.add_typer(explain.app, name="explain")
app.add_typer(generate_app, name="generate")
app.add_typer(run_app, name="run")
app.command(name="fuse")(fuse)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(study_app, name="study")
