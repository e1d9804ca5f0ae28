"""``finegym features snippets``: what localizers see."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from finegym.cli.features_common import (
    DatasetArgument,
    Engine,
    JsonOption,
    ReplaceOption,
    VerifyOption,
    end_with_failures,
)


class SnippetUnit(StrEnum):
    """What has a file of its own."""

    RECORD = "record"
    ACTION = "action"


class SnippetOutput(StrEnum):
    """What is kept of a snippet."""

    FEATURES = "features"
    LOGITS = "logits"
    SOFTMAX = "softmax"


def snippets(
    dataset: DatasetArgument,
    run: Annotated[
        Path | None, typer.Option(help="Run of a recogniser that sees frames or flow; its features are kept.")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="Instead of a run: an image network, such as `efficientnet_lite0`.")
    ] = None,
    weights: Annotated[str, typer.Option(help="Of the backbone: `imagenet`, `none` or a file.")] = "imagenet",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the store; `DATASET/features/snippets-NAME-UNIT` by default."),
    ] = None,
    unit: Annotated[
        SnippetUnit,
        typer.Option(help="`record` for the task actions (and serves sub-actions); `action`: actions only."),
    ] = SnippetUnit.RECORD,
    stride: Annotated[int, typer.Option(min=1, help="Frames from one snippet to the next.")] = 8,
    window: Annotated[
        int | None,
        typer.Option(min=1, help="Frames that a snippet sees; by default as few as the model can do with."),
    ] = None,
    output: Annotated[
        list[SnippetOutput] | None,
        typer.Option(help="What is kept; may be repeated, and is joined. Features by default."),
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="Of the run: `last`, or a number of epochs.")] = "last",
    flow_store: Annotated[
        Path | None,
        typer.Option(help="A store of `features flow --unit action` to read flow from; else it is computed."),
    ] = None,
    short_side: Annotated[int, typer.Option(min=16, help="Of a backbone: pixels of the frames' shorter side.")] = 256,
    crop_size: Annotated[int, typer.Option(min=16, help="Of a backbone: pixels of the square in the middle.")] = 224,
    workers: Annotated[
        int, typer.Option("--workers", "-w", min=1, help="Processes; a record or an action each at a time.")
    ] = 1,
    engine: Annotated[Engine, typer.Option(help="Where they run: this machine, or a Ray cluster.")] = Engine.POOL,
    device: Annotated[str, typer.Option(help="Where to compute: `cpu`, `cuda`, …")] = "cpu",
    verify: VerifyOption = False,
    replace: ReplaceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compute snippet features: a vector every few frames of every record or action; run again to go on.

    Memory does not grow with the length of a record. Exit status 1 where some could not be made; they are listed in
    `skipped.csv`, the others are there.

    **Example**: `finegym features snippets competition --run runs/set --stride 8 --workers 2`
    """
    from finegym.annotations.folder import read_dataset
    from finegym.features.snippets.build import build_snippets
    from finegym.localization.snippet_items import list_items
    from finegym.localization.snippet_makers import open_snippet_maker

    maker = open_snippet_maker(
        run,
        backbone,
        weights=weights,
        short_side=short_side,
        crop_size=crop_size,
        checkpoint=checkpoint,
        outputs=[each.value for each in output or [SnippetOutput.FEATURES]],
        window=window,
        flow_store=flow_store,
        device=device,
    )
    name = run.name if run is not None else str(backbone).replace(":", "-")
    target = out or dataset / "features" / f"snippets-{name}-{unit.value}"
    items, without_record = list_items(read_dataset(dataset), unit.value)
    result = build_snippets(
        items,
        dataset,
        target,
        maker.make_settings(unit.value, stride),
        maker,
        workers=workers,
        engine=engine.value,
        verify=verify,
        replace=replace,
    )
    tally, store = result.tally, result.store
    if as_json:
        facts = {
            "out": str(target),
            "done": list(tally.done),
            "kept": tally.skipped,
            "removed": list(result.removed),
            "failed": tally.failed,
            "without_record": without_record,
            "store": store.model_dump(mode="json"),
        }
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        typer.echo(f"done {len(tally.done)}, kept {len(tally.skipped)}, failed {len(tally.failed)}")
        if result.removed:
            typer.echo(f"removed {len(result.removed)}: no longer in the dataset")
        if without_record:
            typer.echo(f"without a file in records.csv, left out: {len(without_record)}, such as {without_record[0]}")
        typer.echo(
            f"{target}: {store.num_snippets} snippets of {len(store.items)} {unit.value}s, "
            f"{store.size_bytes / 1e6:.1f} MB ({store.settings})"
        )
        for what, count in store.counts.items():
            typer.echo(f"{what.replace('_', ' ')}: {count}")
    end_with_failures(target, tally.failed)


def show(folder: Path, item_id: str | None, as_json: bool) -> None:
    """What a snippet store holds, or what is known of one item."""
    from finegym.features.snippets.store import SnippetStore

    store = SnippetStore(folder)
    facts = store.facts if item_id is None else store.get_facts(item_id)
    known = facts.model_dump(mode="json")
    if as_json:
        typer.echo(json.dumps(known, indent=2, ensure_ascii=False))
        return
    items = known.pop("items", None)
    settings = known.pop("settings")
    lines = {**known, **settings, **settings.pop("maker")} | ({} if items is None else {"items": len(items)})
    lines.pop("maker", None)
    width = max(map(len, lines))
    for name, value in lines.items():
        typer.echo(f"{name:{width}}  {value}")


def check(folder: Path, as_json: bool) -> None:
    """Compare every file of features with its checksum; exit status 1 where something is damaged."""
    from finegym.features.snippets.build import check_snippets
    from finegym.features.snippets.store import SnippetStore

    store = SnippetStore(folder)
    problems = check_snippets(store)
    if as_json:
        typer.echo(json.dumps({"problems": problems, "store": store.facts.model_dump(mode="json")}, indent=2))
    else:
        for problem in problems:
            typer.echo(problem)
        if not problems:
            typer.echo(f"{folder}: the snippets of {len(store)} items are as they were written")
    if problems:
        raise typer.Exit(1)
