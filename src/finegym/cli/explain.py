"""``finegym explain``: why a model says what it says, and where two elements part."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from finegym.cli.train import Device

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Reasons: which frames decided, which labelled clips are like it, where two elements part.",
)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


class SaliencyMethod(StrEnum):
    """How frames are weighed."""

    occlusion = "occlusion"
    shapley = "shapley"
    integrated_gradients = "integrated-gradients"


@app.command()
def clip(
    model: Annotated[Path, typer.Argument(metavar="RUN", help="A run of `finegym train`, or a bundle.")],
    instance: Annotated[str, typer.Argument(metavar="ID", help="Instance id of the clip.")],
    dataset: Annotated[
        Path | None,
        typer.Option(
            help="Dataset folder with the clip, such as one that `finegym parse` wrote; the run's by default."
        ),
    ] = None,
    against: Annotated[str | None, typer.Option(metavar="CLASS", help="Why is it not this class?")] = None,
    method: Annotated[
        SaliencyMethod,
        typer.Option(help="Take frames away one by one, add them in random orders, or follow gradients."),
    ] = SaliencyMethod.occlusion,
    places: Annotated[bool, typer.Option("--places", help="Weigh parts of the picture, or joints, too.")] = False,
    neighbours: Annotated[
        int, typer.Option(min=0, help="Labelled clips a side of each decision; 0 does not look for any.")
    ] = 3,
    recogniser: Annotated[
        int | None, typer.Option(min=1, help="Ask this one of a bundle alone; all that have a say by default.")
    ] = None,
    num_segments: Annotated[
        int | None, typer.Option(min=2, help="Look at so many frames: `--set data.num_segments_test=N`.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change how to look, as for `finegym predict`."),
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="`last`, or a number of epochs done.")] = "last",
    page: Annotated[Path | None, typer.Option(help="Also write a page with the frames and clips.")] = None,
    device: Annotated[Device, typer.Option(help="`auto` takes a GPU where there is one.")] = Device.auto,
    as_json: JsonOption = False,
) -> None:
    """Say why a clip is called what it is: each decision on the path, who decided, the frames behind it, clips like it.

    Of a bundle, every recogniser that has a say in a decision is asked, and what they come to together is explained; of
    a folder that `finegym parse` wrote with it, what the parse says. Needs `pip install 'finegym[reasons]'`. The
    features of the labelled clips are kept in `RUN/reasons`.

    **Example**: `finegym explain clip runs/elements A0xAXXysHUo_E_002184_002237_A_0035_0036 --page why.html`
    """
    from finegym.applications.reasons import Explainer
    from finegym.applications.reasons_output import export_reasons, format_cost, format_reasons
    from finegym.applications.reasons_page import write_reasons_page

    more = [] if num_segments is None else [f"data.num_segments_test={num_segments}"]
    explainer = Explainer(
        model,
        dataset=dataset,
        number=recogniser,
        overrides=[*(overrides or ()), *more],
        checkpoint=checkpoint,
        method=method.value,
        with_places=places,
        device=device.value,
    )
    reasons = explainer.explain(instance, against=against, num_neighbours=neighbours)
    if page is not None:
        write_reasons_page(page, reasons, explainer)
    typer.echo(json.dumps(export_reasons(reasons), indent=1) if as_json else format_reasons(reasons))
    typer.echo(format_cost(reasons), err=True)


@app.command()
def parse(
    parsed: Annotated[
        list[Path],
        typer.Argument(metavar="PARSED...", help="What `finegym parse` wrote: a folder a recording, or of all."),
    ],
    bundle: Annotated[Path, typer.Option(envvar="FINEGYM_BUNDLE", help="The bundle that they were parsed with.")],
    recogniser: Annotated[
        int | None, typer.Option(min=1, help="Ask this one of the bundle alone; all that have a say by default.")
    ] = None,
    method: Annotated[SaliencyMethod, typer.Option(help="As for `explain clip`.")] = SaliencyMethod.occlusion,
    neighbours: Annotated[
        int, typer.Option(min=0, help="Labelled clips a side of each decision; 0 does not look for any.")
    ] = 3,
    code: Annotated[str | None, typer.Option(help="Code of points, where it was a YAML file.")] = None,
    device: Annotated[Device, typer.Option(help="`auto` takes a GPU where there is one.")] = Device.auto,
) -> None:
    """Add reasons to parses: `reasons.json`, and a "Why" on every card of `parse.html`.

    **Example**: `finegym explain parse parsed/A0xAXXysHUo --bundle demo/bundle.finegym`
    """
    from finegym.applications.attributes_sources import find_parses
    from finegym.applications.reasons_parse import explain_parse, format_costs

    is_failed = False
    for folder in (one.parent for path in parsed for one in find_parses(path) or [path / "parse.json"]):
        tally = explain_parse(
            folder,
            bundle,
            number=recogniser,
            method=method.value,
            num_neighbours=neighbours,
            code=code,
            device=device.value,
        )
        typer.echo(f"{folder / 'parse.html'}")
        typer.echo(f"{tally}; {format_costs(tally)}", err=True)
        is_failed = is_failed or bool(tally.failed)
    if is_failed:
        raise typer.Exit(1)


@app.command()
def pair(
    first: Annotated[str, typer.Argument(metavar="ELEMENT", help="An element.")],
    second: Annotated[str, typer.Argument(metavar="OTHER", help="Another one.")],
    codebook: Annotated[
        str, typer.Option(help="A built-in name, a YAML file, a dataset folder or official files.")
    ] = "artistic-women",
    as_json: JsonOption = False,
) -> None:
    """Say where two elements part: the query of the decision tree, the answer of each, attributes that differ.

    **Example**: `finegym explain pair fx-turn-1 fx-turn-2`
    """
    from dataclasses import asdict

    from finegym.applications.reasons_pairs import describe_parting, format_parting
    from finegym.codebook.source import open_codebook

    book, _ = open_codebook(codebook)
    found = describe_parting(book, first, second)
    typer.echo(json.dumps(asdict(found), indent=1, ensure_ascii=False) if as_json else format_parting(found, book))
