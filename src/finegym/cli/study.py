"""``finegym study``: the paper's tables and figures, run and compared."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from finegym.studies.run_store import RunStore
    from finegym.studies.sizes import Size
    from finegym.studies.study import Study

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Every table and figure of the paper as one command: planned, run, beside the published number.",
)


class SizeName(StrEnum):
    """How big."""

    tiny = "tiny"
    smoke = "smoke"
    medium = "medium"
    large = "large"
    paper = "paper"


class EngineName(StrEnum):
    """Where runs run."""

    pool = "pool"
    ray = "ray"


SizeOption = Annotated[
    SizeName,
    typer.Option(
        help="`tiny`: shows that it runs; `smoke`: two cores, 25 minutes; `medium`: two cores, a night; `large`: a "
        "GPU; `paper`: published schedules."
    ),
]
OutOption = Annotated[Path, typer.Option("--out", "-o", help="Folder of all studies; a folder a size is made in it.")]
DatasetOption = Annotated[
    Path | None, typer.Option(help="Dataset folder of the official data, for `paper`; simulated sizes make their own.")
]
RecipesOption = Annotated[
    Path | None, typer.Option(help="Folder of finegym's recipes; that of the checkout by default.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command(name="list")
def list_studies(size: SizeOption = SizeName.smoke, recipes: RecipesOption = None, as_json: JsonOption = False) -> None:
    """Say what studies there are, and how many trainings and predictions each plans at a size.

    Studies share runs: the last line counts each once.

    **Example**: `finegym study list --size paper`
    """
    from finegym.annotations.text import format_table
    from finegym.studies.all import SIZES, STUDIES
    from finegym.studies.recipes import find_recipes
    from finegym.studies.run_store import identify_recipe

    chosen = SIZES[size.value]
    folder = find_recipes(recipes)
    plans = {name: tuple(dict.fromkeys(study.plan(chosen))) for name, study in STUDIES.items()}
    runs = {name: {identify_recipe(run, folder) for run in {each.run for each in plan}} for name, plan in plans.items()}
    if as_json:
        facts = [
            {"name": name, "title": STUDIES[name].title, "runs": len(runs[name]), "predictions": len(plans[name])}
            for name in STUDIES
        ]
        typer.echo(json.dumps({"size": size.value, "studies": facts, "runs": len(set().union(*runs.values()))}))
        return
    rows = [(name, len(runs[name]), len(plans[name]), STUDIES[name].title) for name in STUDIES]
    typer.echo(format_table(("study", "runs", "predictions", "title"), rows, left=(0, 3)))
    typer.echo(f"{len(STUDIES)} studies at size {size.value}: {len(set().union(*runs.values()))} different runs")


@app.command()
def run(
    names: Annotated[
        list[str] | None, typer.Argument(help="Studies, as of `finegym study list`; all by default.")
    ] = None,
    size: SizeOption = SizeName.smoke,
    out: OutOption = Path("studies"),
    dataset: DatasetOption = None,
    recipes: RecipesOption = None,
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="Processes, a run each at a time.")] = 1,
    engine: Annotated[
        EngineName, typer.Option(help="Where runs run: processes of this machine, or a Ray cluster.")
    ] = EngineName.pool,
    as_json: JsonOption = False,
) -> None:
    """Run what is missing of some studies, and write their tables and figures.

    Data is simulated (or, of size `paper`, given), then every run is trained and predicts, then tables and figures are
    made of the prediction files. The same command goes on where it was stopped. Exit status 1 where a run failed; its
    cells are empty.

    **Example**: `finegym study run table2 table5 --size smoke --out studies --workers 2`
    """
    from finegym.studies.runner import run_studies
    from finegym.studies.writing import export_table, format_text

    chosen, store = _open(size, out, dataset, recipes)
    ran = run_studies(
        _find(names),
        chosen,
        store,
        workers=workers,
        engine=engine.value,
        say=lambda line: typer.echo(line, err=True),
    )
    if as_json:
        tables = [export_table(table) for outcome in ran.outcomes.values() for table in outcome.tables]
        runs = {"done": len(ran.runs.done), "skipped": len(ran.runs.skipped), "failed": ran.runs.failed}
        typer.echo(json.dumps({"size": size.value, "runs": runs, "failed": ran.failed, "tables": tables}))
    else:
        for outcome in ran.outcomes.values():
            for table in outcome.tables:
                typer.echo(format_text(table))
        typer.echo(f"runs        {ran.runs}")
        for name, reason in ran.failed.items():
            typer.echo(f"not made    {name}: {reason}")
        empty = sum(table.count_empty() for outcome in ran.outcomes.values() for table in outcome.tables)
        typer.echo(f"tables      of {len(ran.outcomes)} studies in {store.folder / 'results'}; {empty} cells not run")
    if ran.runs.failed or ran.failed:
        raise typer.Exit(1)


@app.command()
def compare(
    name: Annotated[str, typer.Argument(help="A study, as of `finegym study list`.")],
    size: SizeOption = SizeName.smoke,
    out: OutOption = Path("studies"),
    as_json: JsonOption = False,
) -> None:
    """Print ours, the published number, the difference, seeds, instances and what was scaled down.

    A cell that was not run is empty. What was run before is read; nothing is run.

    **Example**: `finegym study compare table3a --size smoke --out studies`
    """
    from finegym.studies.compare import add_differences, format_comparison
    from finegym.studies.writing import read_results

    (study,) = _find([name])
    facts: dict[str, Any] = read_results(out / size.value / "results" / study.name, study.name, size.value)
    typer.echo(json.dumps(add_differences(facts)) if as_json else format_comparison(facts))


@app.command()
def report(
    size: SizeOption = SizeName.smoke,
    out: OutOption = Path("studies"),
    page: Annotated[
        Path | None, typer.Option(help="The HTML file to write; `report.html` in the size's folder by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write one HTML page of all studies: findings, figures with what to see in them, tables beside the paper's.

    What was run before is read; nothing is run. Nothing on the page is loaded from elsewhere.

    **Example**: `finegym study report --size smoke --out studies`
    """
    from finegym.studies.all import STUDIES
    from finegym.studies.report_page import write_report
    from finegym.studies.runner import RESULTS_FOLDER

    target = out / size.value / "report.html" if page is None else page
    number = write_report(out / size.value / RESULTS_FOLDER, list(STUDIES), size.value, target, out=out)
    if as_json:
        typer.echo(json.dumps({"page": str(target), "studies": number, "not_run": len(STUDIES) - number}))
    else:
        typer.echo(f"wrote       {target}: {number} studies, {len(STUDIES) - number} not run")


def _open(size: SizeName, out: Path, dataset: Path | None, recipes: Path | None) -> tuple[Size, RunStore]:
    """The size and the place of its runs; simulated sizes take no data."""
    from finegym.errors import ConfigError
    from finegym.studies.all import SIZES
    from finegym.studies.recipes import find_recipes
    from finegym.studies.runner import open_store

    chosen = SIZES[size.value]
    if chosen.is_simulated and dataset is not None:
        raise ConfigError(f"--dataset is for --size paper; size {size.value} simulates its own data")
    if not chosen.is_simulated and dataset is None:
        raise ConfigError(f"--size {size.value} studies the official data: give its dataset folder with --dataset DIR")
    return chosen, open_store(chosen, out, find_recipes(recipes), dataset)


def _find(names: list[str] | None) -> list[Study]:
    """Studies by name; all where none is named."""
    from difflib import get_close_matches

    from finegym.errors import ConfigError
    from finegym.studies.all import STUDIES

    unknown = [name for name in names or () if name not in STUDIES]
    if unknown:
        close = get_close_matches(unknown[0], STUDIES, n=1)
        hint = f'; did you mean "{close[0]}"?' if close else "."
        raise ConfigError(f"no study is called {unknown[0]!r}{hint} There are: {', '.join(STUDIES)}")
    return [STUDIES[name] for name in dict.fromkeys(names or STUDIES)]
