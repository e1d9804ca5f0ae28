"""``finegym release export``: a release or a dataset in one format of another tool."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finegym.release.exports.exported import Exported


class Format(StrEnum):
    """What `export` writes."""

    ACTIVITYNET = "activitynet"
    COCO = "coco"
    PARQUET = "parquet"
    ELAN = "elan"
    CVAT = "cvat"
    LABEL_STUDIO = "label-studio"
    VIA = "via"
    WEBVTT = "webvtt"
    SPOTTING = "spotting"
    POSES = "poses"


def add_verbs(app: typer.Typer) -> None:
    """The verb, on the command of releases."""
    app.command()(export)


def export(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="A release, a dataset folder, or a folder of official FineGym files."),
    ],
    to: Annotated[Format, typer.Option("--to", help="The format.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="A new folder.")],
    by_rate: Annotated[
        bool,
        typer.Option("--by-rate", help="cvat, label-studio, spotting: count frames by frame rate, not in the files."),
    ] = False,
    pad_ms: Annotated[
        int, typer.Option("--pad-ms", min=0, help="spotting: so much of the record before and after every action.")
    ] = 0,
    poses: Annotated[
        Path | None, typer.Option("--poses", metavar="STORE", help="poses: the pose store that they come from.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="poses: the split, which says classes and sides.")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="poses: float16, half a pixel beyond 512 px.")] = False,
    allow_loss: Annotated[
        bool,
        typer.Option("--allow-loss", help="Leave out, and count, records or clips that the format cannot hold."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Write annotations as another tool reads them; what its format cannot carry is listed with its number.

    **Example**: `finegym release export competition --to elan --out competition-elan`
    """
    from finegym.release.exports.folder import export_folder

    if to is not Format.POSES and (poses or split or half):
        raise typer.BadParameter("only --to poses has --poses, --split and --half")
    if to is not Format.SPOTTING and pad_ms:
        raise typer.BadParameter("only --to spotting has --pad-ms")
    if to is Format.POSES:
        result = export_poses(source, out, poses, split, half, allow_loss)
    else:
        result = export_folder(
            source,
            out,
            to.value,
            by_rate=by_rate,
            pad_ms=pad_ms,
            allow_loss=allow_loss,
            say=lambda line: typer.echo(line, err=True),
        )
    _print(out, result, as_json)


def export_poses(
    source: Path, out: Path, store: Path | None, split_name: str | None, half: bool, allow_loss: bool
) -> Exported:
    """A pose pickle of one split. Poses are not part of a dataset, so rooms meet here."""
    from finegym.annotations.convert import require_new
    from finegym.features.pose import exchange
    from finegym.features.pose.store import PoseStore
    from finegym.release.exports.folder import open_folder
    from finegym.release.exports.poses import describe_poses

    opened = open_folder(source)
    by_name = {split.name: split for split in opened.splits}
    if store is None or split_name not in by_name:
        known = ", ".join(by_name) or "none"
        raise typer.BadParameter(f"--to poses needs --poses STORE and --split NAME; {source} has the splits {known}")
    require_new(out)
    split, poses, path = by_name[split_name], PoseStore(store), out / f"{split_name}.pkl"
    exchange.export_poses(poses, path, "pickle", split=split, missing="leave-out" if allow_loss else "error", half=half)
    return describe_poses(opened.dataset, split, poses.instance_ids, path)


def _print(out: Path, result: Exported, as_json: bool) -> None:
    if as_json:
        facts = {
            "out": str(out),
            "written": [str(path) for path in result.written],
            "counts": dict(result.counts),
            "cannot_carry": list(result.cannot_carry),
        }
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for line in result.cannot_carry:
        typer.echo(f"not in it: {line}")
    counts = ", ".join(f"{count:,} {what}" for what, count in result.counts.items())
    typer.echo(f"{out}: {counts}, in {len(result.written):,} file{'s' if len(result.written) != 1 else ''}")
