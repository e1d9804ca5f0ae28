"""``finegym quality simulate``: a thin skin, added to the noun in ``cli.quality``."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from finegym.cli.quality_common import JsonOption


class What(StrEnum):
    """What is annotated."""

    SUB_ACTIONS = "sub-actions"
    ACTIONS = "actions"


def simulate(
    dataset: Annotated[Path, typer.Argument(help="Dataset folder: the truth that simulated people look at.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder that gets a dataset folder of each person.")],
    annotator: Annotated[
        list[str] | None,
        typer.Option(help="expert, careful, steady, hasty or guesser; may be repeated; all five by default."),
    ] = None,
    what: Annotated[
        What, typer.Option(help="Sub-actions in the dataset's routines, or the routines themselves.")
    ] = What.SUB_ACTIONS,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Of all chance.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Let simulated people of known skill annotate a dataset: to see what agreement, exams and consensus make of them.

    What each missed, invented and answered is in `simulation.json` beside their annotations.

    **Example**: `finegym quality simulate competition --out people`
    """
    from finegym.annotations.source import open_source
    from finegym.errors import ConfigError
    from finegym.simulation.annotator_files import write_simulated_annotators
    from finegym.simulation.skills import FIVE_SKILLS

    names = list(dict.fromkeys(annotator or FIVE_SKILLS))
    unknown = [name for name in names if name not in FIVE_SKILLS]
    if unknown:
        raise ConfigError(f"no simulated annotator {', '.join(unknown)}; there are {', '.join(FIVE_SKILLS)}")
    skills = {name: FIVE_SKILLS[name] for name in names}
    made = write_simulated_annotators(open_source(dataset).dataset, skills, out, seed=seed, what=what.value)
    facts = {
        name: {
            "marked": len(one.true_ids),
            "missed": len(one.missed),
            "invented": sum(true is None for true in one.true_ids.values()),
        }
        for name, one in made.items()
    }
    if as_json:
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for name, counts in facts.items():
        typer.echo(f"{out / name}: " + ", ".join(f"{what} {number}" for what, number in counts.items()))
    typer.echo(f"{len(made)} annotators, simulated")
