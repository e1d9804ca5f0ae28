"""``finegym features``: flow, poses and snippets, made once and stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finegym.cli import features_flow, features_import, features_pose, features_snippets
from finegym.cli.features_common import JsonOption, StoreArgument, describe_counts

if TYPE_CHECKING:
    from finegym.features.store import FeatureFacts, FeatureStore

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Optical flow and poses of every clip, snippets of every record or action: made once, stored a file each.",
)

# Each module offers its verbs as functions.
app.command()(features_flow.flow)
app.command()(features_flow.compare)
app.command()(features_flow.draw)
app.command()(features_pose.pose)
app.command()(features_pose.quality)
app.command()(features_pose.figure5)
app.command("import-flow")(features_flow.import_flow)
app.command("export-flow")(features_flow.export_flow)
app.command()(features_snippets.snippets)
app.command(name="import-poses")(features_import.import_poses)
app.command(name="export-poses")(features_import.export_poses)


@app.command()
def show(
    store: StoreArgument,
    instance_id: Annotated[str | None, typer.Argument(help="A clip; without one, the store itself.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a feature store holds, or what is known of one clip (of snippets: of one record or action).

    **Example**: `finegym features show competition/features/flow-tvl1`
    """
    from finegym.features.snippets.store import is_snippet_store
    from finegym.features.store import FeatureStore

    if is_snippet_store(store):
        features_snippets.show(Path(store), instance_id, as_json)
        return
    opened = FeatureStore(store)
    if as_json:
        known = opened.facts if instance_id is None else opened.get_facts(instance_id)
        typer.echo(json.dumps(known.model_dump(mode="json"), indent=2, ensure_ascii=False))
        return
    facts = _describe_store(opened) if instance_id is None else _describe_clip(opened.get_facts(instance_id))
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"{name:{width}}  {value}")


def _describe_store(store: FeatureStore) -> dict[str, object]:
    facts = store.facts
    return {
        "format": f"{facts.format}, written by finegym {facts.finegym}",
        "clips": f"{facts.num_clips}, {facts.num_frames} frames",
        "kind": facts.settings,
        "size": f"{facts.size_bytes / 1e6:.1f} MB",
        "counts": describe_counts(facts),
        "skipped": f"{facts.num_skipped} clips that could not be made" if facts.num_skipped else "none",
        "first": store.instance_ids[0] if len(store) else "none",
    }


def _describe_clip(facts: FeatureFacts) -> dict[str, object]:
    last = facts.first_frame + facts.num_frames - 1
    is_known = facts.first_frame >= 0
    return {
        "record": facts.record or "not known: the features were imported",
        "annotated": f"{facts.start_ms} to {facts.end_ms} ms on the record's clock",
        "frames": f"{facts.num_frames}{f': {facts.first_frame} to {last} of the record' if is_known else ''}",
        "missing": f"{facts.missing_ms} ms lie past the record's last frame" if facts.missing_ms else "nothing",
        "size": f"{facts.width}x{facts.height}",
        "counts": ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in facts.counts.items()),
        "kind": facts.settings,
    }


@app.command()
def check(store: StoreArgument, as_json: JsonOption = False) -> None:
    """Compare every file of a feature store with its checksum; exit status 1 where something is damaged.

    **Example**: `finegym features check competition/features/flow-tvl1`
    """
    from finegym.features.check import check_features
    from finegym.features.snippets.store import is_snippet_store

    if is_snippet_store(store):
        features_snippets.check(Path(store), as_json)
        return
    found = check_features(store)
    if as_json:
        facts = {"problems": found.problems, "damaged": found.damaged, "store": found.store.model_dump(mode="json")}
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        for problem in found.problems:
            typer.echo(problem)
        if not found.problems:
            typer.echo(f"{store}: {found.store.num_clips} clips are as they were written")
    if found.problems:
        raise typer.Exit(1)
