"""What the verbs of ``finegym features`` share: options, and the tally of a build."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finegym.features.build import FeatureBuild
    from finegym.features.flow.extract import FlowMaker
    from finegym.features.pose.extract import PoseMaker
    from finegym.features.store import StoreFacts

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
StoreArgument = Annotated[str, typer.Argument(help="Folder of the store, or a URL that fsspec knows (`s3://…`).")]
DatasetArgument = Annotated[Path, typer.Argument(help="Dataset folder with codebook, annotations and records.csv.")]
OnlyOption = Annotated[Path | None, typer.Option(help="Only the ids in this file, one a line; what is there stays.")]
WorkersOption = Annotated[int, typer.Option("--workers", "-w", min=1, help="Processes; an action each at a time.")]
VerifyOption = Annotated[bool, typer.Option("--verify", help="Check clips that are there; make damaged ones anew.")]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="Replace a store of other settings.")]


class Unit(StrEnum):
    """What a clip is."""

    SUB_ACTION = "sub-action"
    ACTION = "action"


class Engine(StrEnum):
    """Where work runs."""

    POOL = "pool"
    RAY = "ray"


def build_and_print(
    dataset: Path,
    target: Path,
    maker: FlowMaker | PoseMaker,
    *,
    unit: Unit,
    only: Path | None,
    workers: int,
    engine: Engine,
    verify: bool,
    replace: bool,
    as_json: bool,
) -> None:
    """Make the features of a dataset's clips and print the tally."""
    from finegym.annotations.folder import read_dataset
    from finegym.features.build import build_features

    result = build_features(
        read_dataset(dataset),
        dataset,
        target,
        maker.make_settings(unit.value),
        maker,
        only=read_only(only),
        workers=workers,
        engine=engine.value,
        verify=verify,
        replace=replace,
    )
    print_build(target, result, as_json)


def print_build(target: Path, result: FeatureBuild, as_json: bool, more: Mapping[str, object] | None = None) -> None:
    """The tally of a build; ``more`` is added to the JSON. Exit status 1 where clips could not be made."""
    if as_json:
        typer.echo(json.dumps({**_collect(target, result), **(more or {})}, indent=2, ensure_ascii=False))
    else:
        for line in _describe_build(target, result):
            typer.echo(line)
    for reason, number in _count_reasons(result.without_record):
        typer.echo(f"kept without a look at their record: {number} x {reason}", err=True)
    end_with_failures(target, result.tally.failed)


def end_with_failures(target: Path, failed: Mapping[str, str]) -> None:
    """Say why clips could not be made and end with exit status 1, if there are any."""
    for reason, number in _count_reasons(failed):
        typer.echo(f"failed, listed in {target / 'skipped.csv'}: {number} x {reason}", err=True)
    if failed:
        raise typer.Exit(1)


def _collect(target: Path, result: FeatureBuild) -> dict[str, object]:
    return {
        "out": str(target),
        "done": list(result.tally.done),
        "kept": result.tally.skipped,
        "kept_without_record": dict(result.without_record),
        "stale": list(result.stale),
        "removed": list(result.removed),
        "damaged": list(result.damaged),
        "failed": result.tally.failed,
        "reach_past_their_record": list(result.shortened),
        "records_by_origin_of_cuts": dict(result.cuts),
        "store": result.store.model_dump(mode="json"),
    }


def _describe_build(target: Path, result: FeatureBuild) -> Iterator[str]:
    tally, store = result.tally, result.store
    yield f"done {len(tally.done)}, kept {len(tally.skipped)}, failed {len(tally.failed)}"
    if any(result.cuts.values()):
        origins = ", ".join(f"{number} {_ORIGINS[name]}" for name, number in result.cuts.items() if number)
        yield f"cuts of {sum(result.cuts.values())} records: {origins}"
    for name, ids in (("stale", result.stale), ("removed", result.removed), ("damaged", result.damaged)):
        if ids:
            yield f"{name} {len(ids)}: {_MEANINGS[name]}"
    if result.shortened:
        yield f"{len(result.shortened)} reach past the end of their record (missing_ms in their facts)"
    yield f"{target}: {store.num_clips} clips, {store.size_bytes / 1e6:.1f} MB ({store.settings})"
    yield describe_counts(store)


_ORIGINS = {"ingest": "from ingest", "kept": "from an earlier build", "found": "found now"}
_MEANINGS = {
    "stale": "their annotation has changed or is gone; they stay, --only names others",
    "removed": "no longer annotated",
    "damaged": "set aside; made again, or failed",
}


def describe_counts(store: StoreFacts) -> str:
    """The counts of a store on one line, in words."""
    counts = store.counts
    if store.settings.kind != "flow":
        return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items())
    pairs, at_cuts = counts.get("pairs", 0), counts.get("without_partner_at_cuts", 0)
    share = 100 * counts.get("components_clipped", 0) / max(1, counts.get("components", 0))
    return (
        f"{pairs} pairs, {store.size_bytes / 1000 / max(1, pairs + at_cuts):.2f} KB a pair; frames without a partner: "
        f"{at_cuts} at cuts, {counts.get('without_partner_at_end', 0)} at the end of clips; "
        f"{share:.3f} % of components beyond the bound"
    )


def _count_reasons(failed: Mapping[str, str]) -> list[tuple[str, int]]:
    from finegym.cli.clips import count_reasons

    return count_reasons(failed)


def read_only(path: Path | None) -> list[str] | None:
    """The ids in a file; ``None`` where none is given."""
    from finegym.cli.clips import read_ids

    return None if path is None else read_ids(path)
