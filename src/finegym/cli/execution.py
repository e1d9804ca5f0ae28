"""``finegym execution``: an estimate of the execution score from poses, traced to sub-actions and faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Execution scores estimated from poses: train where scores exist, score, evaluate.",
)
DatasetArgument = Annotated[Path, typer.Argument(metavar="DATASET", help="A dataset folder with labelled sub-actions.")]
PosesOption = Annotated[
    Path | None,
    typer.Option(help="A pose store of its clips. Without one, a simulated folder's truth tells the joints."),
]
NoiseOption = Annotated[
    float, typer.Option(min=0, max=1, help="With the truth's joints: jitter like a pose model's, share of the trunk.")
]
ScoresOption = Annotated[
    Path | None,
    typer.Option(help="CSV of `action_id,score`. Without one, a simulated folder's truth tells the faults."),
]
ModelOption = Annotated[Path, typer.Option("--model", help="An estimator that `finegym execution train` made.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command()
def train(
    dataset: DatasetArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The estimator to write, JSON.")],
    scores: ScoresOption = None,
    poses: PosesOption = None,
    noise: NoiseOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Train an estimator: what bent knees, missing height and steps cost, from scores of routines.

    **Example**: `finegym execution train competition --scores competition/execution.csv --out execution.json`
    """
    from finegym.annotations.source import open_source
    from finegym.applications.execution.features import FEATURES
    from finegym.applications.execution.model import train_on_faults, train_on_scores, write_model
    from finegym.applications.execution.scores import read_known, read_scores
    from finegym.applications.execution.takes import read_takes

    opened = open_source(dataset).dataset
    found = read_takes(opened, dataset, poses, noise)
    if scores is not None:
        model = train_on_scores(found.takes, read_scores(scores))
    else:
        model = train_on_faults(found.takes, read_known(opened, dataset).deductions)
    write_model(out, model)
    if as_json:
        typer.echo(out.read_text(encoding="utf-8"), nl=False)
    else:
        for (fault, limit), points in zip(FEATURES, model.weights, strict=True):
            typer.echo(f"{fault:18}{limit:10}{points:6.3f}")
    typer.echo(
        f"{out}: learned from {model.learned_from} of {model.num_routines} routines in {model.num_records} records, "
        f"{model.error:.3f} points off on average in cross-validation; without poses: {len(found.missing)} sub-actions "
        f"and {len(found.find_unseen(opened))} routines whole.",
        err=True,
    )


@app.command()
def score(
    dataset: DatasetArgument,
    model: ModelOption,
    poses: PosesOption = None,
    noise: NoiseOption = 0.0,
    action: Annotated[str | None, typer.Option(metavar="ID", help="Show the whole sheet of this routine.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate the execution of routines: what was lost, in which sub-action, by which fault, in which frames.

    **Example**: `finegym execution score competition --model execution.json --poses competition/features/pose`
    """
    from finegym.annotations.source import open_source
    from finegym.annotations.text import format_count
    from finegym.applications.execution.model import estimate, read_model
    from finegym.applications.execution.sheet import describe_unjudged, format_estimate, format_estimates, make_json
    from finegym.applications.execution.takes import read_takes
    from finegym.applications.parse.origin import describe_origin
    from finegym.errors import AnnotationError, join_problems

    estimator = read_model(model)
    opened = open_source(dataset).dataset
    found = read_takes(opened, dataset, poses, noise)
    unseen, origin = found.find_unseen(opened), describe_origin(dataset)
    estimated = [one for one in estimate(estimator, found.takes) if action in (None, one.action_id)]
    if action is not None and not estimated:
        raise AnnotationError(f"no routine {action!r} with poses among the annotations of {dataset}.")
    if as_json:
        typer.echo(json.dumps({**make_json(estimated, found.missing, unseen), "origin": origin}, indent=1))
    else:
        typer.echo(format_estimate(estimated[0]) if action is not None else format_estimates(estimated))
    if origin:
        typer.echo(f"WARNING: {origin}", err=True)
    if unseen:
        typer.echo(
            f"{format_count(len(unseen), 'routine')} without a score for want of poses: {join_problems(unseen, 3)}",
            err=True,
        )
    typer.echo(
        f"scored {len(estimated)} routines, {sum(one.num_sub_actions for one in estimated)} sub-actions; not "
        f"judged, so that the usual is taken: {describe_unjudged(estimated)}; {len(found.missing)} sub-actions without "
        "poses.",
        err=True,
    )


@app.command()
def evaluate(
    dataset: DatasetArgument,
    model: ModelOption,
    scores: ScoresOption = None,
    poses: PosesOption = None,
    noise: NoiseOption = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Compare estimates with known scores: Spearman's rank correlation, relative L2, points; by event and by fault.

    **Example**: `finegym execution evaluate other-competition --model execution.json --noise 0.05`
    """
    from finegym.annotations.source import open_source
    from finegym.applications.execution.evaluating import evaluate as compare
    from finegym.applications.execution.evaluating import format_evaluation, make_json
    from finegym.applications.execution.model import estimate, read_model
    from finegym.applications.execution.scores import read_known, read_scores
    from finegym.applications.execution.takes import read_takes

    opened = open_source(dataset).dataset
    estimator = read_model(model)
    known = None if scores is not None else read_known(opened, dataset)
    given = read_scores(scores) if scores is not None else known.scores if known is not None else {}
    found = read_takes(opened, dataset, poses, noise)
    result = compare(
        estimate(estimator, found.takes),
        given,
        None if known is None else known.deductions,
        [take.instance_id for take in found.takes],
    )
    typer.echo(json.dumps(make_json(result), indent=1) if as_json else format_evaluation(result))
    typer.echo(
        f"{result.rows[0].num_routines} routines; left out: {result.num_without_score} without a score, "
        f"{result.num_without_estimate} without poses.",
        err=True,
    )
