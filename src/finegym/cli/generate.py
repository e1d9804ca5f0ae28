"""``finegym generate``: motion of elements from their attributes, also of elements nobody has performed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Generate skeleton motion from attributes; judge it. Learns from simulated motion.",
)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of `finegym generate train`.")]
GuidanceOption = Annotated[
    float | None, typer.Option(min=0, help="How far away from any motion at all; 1 is none, the recipe's by default.")
]


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="A complete TOML file: `recipes/motion_transformer.toml`.")],
    out: Annotated[Path, typer.Option(help="The run folder; must not hold a run.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a field: `train.steps=400`; may be repeated."),
    ] = None,
    device: Annotated[str, typer.Option(help="`cpu`, `cuda`, or another of torch's.")] = "cpu",
    as_json: JsonOption = False,
) -> None:
    """Perform every element of a codebook, and train a generator and the recogniser that judges it.

    Some elements are held out: the generator never sees them, and is later asked for them.

    **Example**: `finegym generate train recipes/motion_transformer.toml --out runs/motion`
    """
    from finegym.applications.generation.recipe import read_motion_recipe
    from finegym.applications.generation.training import train_generator

    generator = train_generator(read_motion_recipe(recipe, overrides or ()), out, device=device)
    if as_json:
        typer.echo(json.dumps(generator.facts, indent=1))
        return
    seconds = ", ".join(f"{name} {value:g} s" for name, value in generator.facts["cpu_s"].items())
    typer.echo(
        f"{out}: {generator.facts['motions']} simulated motions of {len(generator.codebook.elements)} elements, "
        f"{len(generator.held_out)} of them held out from the generator; CPU: {seconds}"
    )


@app.command()
def sample(
    run: RunArgument,
    out: Annotated[Path, typer.Option(help="Folder for joints, pictures and film.")],
    elements: Annotated[
        list[str] | None, typer.Option("--element", metavar="ID", help="Of the codebook; may be repeated.")
    ] = None,
    event: Annotated[
        str | None, typer.Option(help="Instead of elements: the event of what `--attribute` describes.")
    ] = None,
    attributes: Annotated[
        list[str] | None,
        typer.Option("--attribute", metavar="NAME=VALUE", help="Set or change an attribute; may be repeated."),
    ] = None,
    held_out: Annotated[bool, typer.Option("--held-out", help="All elements that the generator never saw.")] = False,
    count: Annotated[int, typer.Option(min=1, help="Motions of each.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise.")] = 0,
    guidance: GuidanceOption = None,
    cleanup: Annotated[
        bool,
        typer.Option("--cleanup/--as-generated", help="Move joints so that holds hold and flights are parabolas."),
    ] = True,
    film: Annotated[bool, typer.Option("--film/--no-film", help="Draw pictures and a film.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Generate motions of elements, of elements with an attribute changed, or of attributes alone.

    **Example**: `finegym generate sample runs/motion --out new --element fx-back-salto-tucked --attribute twist=2`
    """
    from finegym.applications.generation.attribute_vector import parse_attributes
    from finegym.applications.generation.plausibility import make_facts
    from finegym.applications.generation.run_folder import read_generator
    from finegym.applications.generation.sample_files import write_samples
    from finegym.applications.generation.sampling import make_requests

    generator = read_generator(run)
    ids = [*(elements or ()), *(generator.held_out if held_out else ())]
    requests = make_requests(generator.codebook, ids, event, parse_attributes(tuple(attributes or ())))
    samples = write_samples(
        generator, requests, out, count=count, seed=seed, guidance=guidance, cleanup=cleanup, film=film
    )
    if as_json:
        rows = [
            {"request": request.name, "event": request.event_id, "attributes": dict(request.attributes)}
            for request in samples.requests
        ]
        plausibility = [make_facts(one) for one in samples.plausibility]
        content = {
            "requests": rows,
            "count": count,
            "plausibility": plausibility,
            "cleanup": cleanup,
            "moved_m": samples.moved_m.tolist(),
            "files": list(map(str, samples.files)),
        }
        typer.echo(json.dumps(content, indent=1))
        return
    for path in samples.files:
        typer.echo(str(path))
    moved_cm = 100 * samples.moved_m
    touched = f"moved joints by {moved_cm.mean():.1f} cm on average, {moved_cm.max():.1f} in the motion most changed"
    typer.echo(
        f"{len(samples.motions)} motions of {len(requests)} requests generated (simulated body); "
        f"cleaning up {touched if cleanup else 'was switched off'}",
        err=True,
    )


@app.command()
def evaluate(
    run: RunArgument,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise.")] = 0,
    guidance: GuidanceOption = None,
    count: Annotated[
        int | None,
        typer.Option(
            min=2, help="Motions of a seen element, four times as many of an unseen one; the recipe's by default."
        ),
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Write a page with pictures of unseen elements.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Judge generated motion beside performed motion, of elements seen and unseen.

    Accuracy of a recogniser trained on performed motion, FID and diversity in its feature space, bones, sliding,
    penetration and the parabola of flights. Also written as `evaluation.json` into the run folder.

    **Example**: `finegym generate evaluate runs/motion --page motion.html`
    """
    from finegym.applications.generation.evaluation import evaluate_run
    from finegym.applications.generation.evaluation_text import format_evaluation, make_json, write_json

    evaluation = evaluate_run(run, seed=seed, guidance=guidance, count=count)
    write_json(run / "evaluation.json", evaluation)
    if page is not None:
        from finegym.applications.generation.evaluation_page import write_evaluation_page

        write_evaluation_page(page, run, evaluation)
    if as_json:
        typer.echo(json.dumps(make_json(evaluation), indent=1))
        return
    typer.echo(format_evaluation(evaluation))
    total = sum(row.num_motions for row in evaluation.rows if row.source == "generated")
    typer.echo(f"{total} generated motions judged (simulated); {run / 'evaluation.json'}", err=True)
