"""``finegym quality exam``: a thin skin, added to the noun in ``cli.quality``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from finegym.cli.quality_common import CodebookOption, JsonOption, Level, LevelOption, NameOption, read_units_of


def exam(
    gold: Annotated[Path, typer.Argument(metavar="GOLD", help="Dataset folder or annotation file that is right.")],
    answers: Annotated[
        list[Path], typer.Argument(metavar="ANSWERS…", help="Of one candidate each, on records of the gold.")
    ],
    rules: Annotated[Path | None, typer.Option(help="TOML file with pass marks and tolerances.")] = None,
    name: NameOption = None,
    level: LevelOption = Level.SUB_ACTION,
    codebook: CodebookOption = None,
    mistakes: Annotated[int, typer.Option(min=0, help="List so many mistakes of each candidate.")] = 0,
    as_json: JsonOption = False,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON, segment by segment, to this file.")] = None,
) -> None:
    """Grade candidates against gold: what they found, how near their edges are, which labels and answers are right.

    Without rules nothing has a mark, and everybody passes. `--name` names the candidates. In the app, exams are held
    item by item, with tries, cool-down and a bank that rotates.

    **Example**: `finegym quality exam gold/ ada/ bea/ --rules exam.toml --mistakes 5`
    """
    from finegym.errors import ConfigError
    from finegym.files import write_text
    from finegym.quality.exam_files import export_exam, format_exam, grade_candidates, read_exam_rules
    from finegym.quality.exams import ExamRules

    if name is not None and len(name) != len(answers):
        raise ConfigError(f"{len(name)} names for {len(answers)} candidates. Give a name for each, in their order.")
    names = None if name is None else ["gold", *name]
    units = read_units_of([gold, *answers], level, names=names, codebook=codebook)
    for note in units.notes:
        typer.echo(f"note: {note}", err=True)
    held = ExamRules() if rules is None else read_exam_rules(rules, units.codebook)
    report = grade_candidates(units, units.annotators[0], held)
    text = json.dumps(export_exam(report), indent=2, ensure_ascii=False) if as_json or out else ""
    if out is not None:
        write_text(out, text + "\n")
    typer.echo(text if as_json else format_exam(report, mistakes))
    if held.num_items is not None or held.num_tries is not None or held.cool_down_hours:
        typer.echo("num_items, num_tries and cool_down_hours are for the app: here every item counts, once", err=True)
    num_passed = sum(one.result.is_passed for one in report.candidates)
    typer.echo(f"passed {num_passed}, not passed {len(report.candidates) - num_passed}", err=as_json)
