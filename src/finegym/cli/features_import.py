"""``finegym features import-poses`` and ``export-poses``: poses from and for other tools."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finegym.cli.features_common import JsonOption, ReplaceOption, StoreArgument, end_with_failures

if TYPE_CHECKING:
    from finegym.features.pose.exchange import PoseExport, PoseImport


class BadJointsChoice(StrEnum):
    """What to do with places that are no numbers."""

    ERROR = "error"
    MISSING = "missing"


class MissingChoice(StrEnum):
    """What to do with clips that have no poses."""

    ERROR = "error"
    LEAVE_OUT = "leave-out"


class PoseFormat(StrEnum):
    """Files of poses that other tools read."""

    PICKLE = "pickle"
    COCO = "coco"


def import_poses(
    files: Annotated[
        list[Path], typer.Argument(help="Pose pickles (`.pkl`) or COCO keypoints (`.json`), all of one dataset.")
    ],
    dataset: Annotated[
        Path | None, typer.Option(help="Dataset folder whose clips these are; says what is covered.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the store: `DATASET/features/NAME`.")] = "pose-imported",
    out: Annotated[Path | None, typer.Option(help="Folder of the store, in place of `--dataset` and `--name`.")] = None,
    split: Annotated[
        Path | None,
        typer.Option(help="Folder of a split (`DATASET/splits/NAME`): its clips are looked for, its classes compared."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="COCO file with the images, for a list of results without any.")
    ] = None,
    first_frame: Annotated[
        int, typer.Option(min=0, help="Number of the first frame in the names of COCO's images.")
    ] = 0,
    bad_joints: Annotated[
        BadJointsChoice,
        typer.Option(help="Places that are NaN or infinite: refuse the file, or take such joints for not seen."),
    ] = BadJointsChoice.ERROR,
    replace: ReplaceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a pose store from pose pickles (pyskl, mmaction2, FineGym's skeletons) or COCO keypoint JSON.

    A pickle is read without running anything in it: one that asks for more than arrays is refused, and what it asked
    for is named. Exit status 1 where a clip could not be stored; the others are there.

    **Example**: `finegym features import-poses gym_hrnet.pkl --dataset gym --name pose-hrnet`
    """
    from finegym.annotations.splits import read_split
    from finegym.features.pose import exchange

    if out is None and dataset is None:
        raise typer.BadParameter("give the dataset's folder, or the store's", param_hint="--dataset or --out")
    target = out if out is not None or dataset is None else dataset / "features" / name
    assert target is not None
    result = exchange.import_poses(
        files,
        target,
        dataset=dataset,
        split=None if split is None else read_split(split),
        images=images,
        first_frame=first_frame,
        bad_joints=bad_joints.value,
        replace=replace,
    )
    _print_import(target, result, as_json)
    absent = set(result.coverage.missing if result.coverage else ())
    end_with_failures(target, {id_: reason for id_, reason in result.build.tally.failed.items() if id_ not in absent})


def _print_import(target: Path, result: PoseImport, as_json: bool) -> None:
    store, coverage = result.build.store, result.coverage
    if as_json:
        facts = {
            "out": str(target),
            "store": store.model_dump(mode="json"),
            "failed": result.build.tally.failed,
            "oddities": dict(result.oddities),
            "coverage": None
            if coverage is None
            else {
                "covered": len(coverage.covered),
                "missing": list(coverage.missing),
                "foreign": list(coverage.foreign),
                "relabelled": list(coverage.relabelled),
            },
        }
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    counts = store.counts
    typer.echo(
        f"{target}: {store.num_clips} clips, {store.size_bytes / 1e6:.1f} MB; {counts.get('frames_with_pose', 0)} of "
        f"{counts.get('frames', 0)} frames with a pose"
    )
    if coverage is not None:
        typer.echo(
            f"of the clips wanted {len(coverage.covered)} are there, {len(coverage.missing)} are not"
            f"{' (listed in skipped.csv)' if coverage.missing else ''}; {len(coverage.foreign)} clips are not wanted, "
            "and stored"
        )
        if coverage.relabelled:
            typer.echo(f"{len(coverage.relabelled)} have another class in the split, such as {coverage.relabelled[0]}")
    for what, number in result.oddities.items():
        typer.echo(f"{number} {what}")


def export_poses(
    store: StoreArgument,
    to: Annotated[PoseFormat, typer.Option(help="`pickle`: pyskl and mmaction2; `coco`: COCO keypoint JSON.")],
    out: Annotated[Path, typer.Option(help="The file.")],
    split: Annotated[
        Path | None, typer.Option(help="Folder of a split (`DATASET/splits/NAME`): only its clips; a pickle needs one.")
    ] = None,
    missing: Annotated[
        MissingChoice, typer.Option(help="Clips of the split that the store lacks: refuse, or leave them out.")
    ] = MissingChoice.ERROR,
    half: Annotated[bool, typer.Option("--half", help="Pickle: float16, half a pixel beyond 512 px.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the poses of a store as one file that other tools read.

    **Example**: `finegym features export-poses gym/features/pose --to pickle --split gym/splits/set --out gym.pkl`
    """
    from finegym.annotations.splits import read_split
    from finegym.features.pose import exchange
    from finegym.features.pose.store import PoseStore

    result = exchange.export_poses(
        PoseStore(store),
        out,
        to.value,
        split=None if split is None else read_split(split),
        missing=missing.value,
        half=half,
    )
    _print_export(out, result, as_json)


def _print_export(out: Path, result: PoseExport, as_json: bool) -> None:
    if as_json:
        facts = {
            "out": str(out),
            "clips": result.num_clips,
            "poses": result.num_poses,
            "interpolated": result.interpolated,
            "missing": list(result.missing),
            "outside": result.outside,
        }
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    typer.echo(
        f"{out}: {result.num_clips} clips, {result.num_poses} poses ({result.interpolated} interpolated), "
        f"{out.stat().st_size / 1e6:.1f} MB"
    )
    if result.missing:
        typer.echo(f"{len(result.missing)} clips of the split have no poses and were left out")
    if result.outside:
        typer.echo(f"{result.outside} clips of the store are not in the split and were left out")
