"""``finegym demo``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes; report.html is its result.")] = Path(
        "demo"
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help="Smoke-sized: under four minutes, numbers mean little.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the competition, the splits and the training.", min=0)] = 0,
    workers: Annotated[int, typer.Option(help="Processes for simulating and cutting.", min=1)] = 2,
) -> None:
    """Run the main job on a competition nobody filmed, and write one page about it.

    Simulates a competition, checks and counts its annotations, draws trees and statistics, cuts clips, trains TSN on
    the set level and on the elements of one set, evaluates both, and writes `report.html`. Every number in it is
    simulated. A run that was stopped goes on where it was.

    `finegym demo --out demo --quick`
    """
    from finegym.demo.plan import FULL, QUICK
    from finegym.demo.run import run_demo

    _check_folder(out)
    page = run_demo(
        out, QUICK if quick else FULL, seed=seed, workers=workers, say=lambda line: typer.echo(line, err=True)
    )
    typer.echo(f"report: {page}")


def _check_folder(out: Path) -> None:
    """A demo goes into a new or empty folder, or on in its own; nobody's files come to lie among its."""
    from finegym.errors import OutputError

    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / "competition").is_dir()):
        raise OutputError(f"{out}: is there already and holds no demo. Choose a new or empty folder with --out.")
