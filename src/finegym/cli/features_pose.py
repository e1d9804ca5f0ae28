"""``finegym features pose``, ``quality``, ``figure5``: the gymnast's pose in every clip, and how good it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from finegym.cli.features_common import (
    DatasetArgument,
    Engine,
    JsonOption,
    OnlyOption,
    ReplaceOption,
    StoreArgument,
    Unit,
    VerifyOption,
    WorkersOption,
    build_and_print,
)

ModelOption = Annotated[
    str, typer.Option(help="`blazepose-full`, `blazepose-lite`, `rtmpose-m`, …, or the path of an `.onnx` file.")
]


def pose(
    dataset: DatasetArgument,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the store; `DATASET/features/pose-MODEL` by default (`-actions` behind it)."),
    ] = None,
    model: ModelOption = "blazepose-full",
    unit: Annotated[Unit, typer.Option(help="What a clip is.")] = Unit.SUB_ACTION,
    boxes: Annotated[
        Path | None,
        typer.Option(
            help="CSV or JSON with `record,time_ms,x0,y0,x1,y1`: from that time on, follow the person in this box."
        ),
    ] = None,
    max_gap: Annotated[
        int, typer.Option(min=0, help="Frames without a pose, between two with one, that are bridged and marked.")
    ] = 5,
    min_presence: Annotated[
        float, typer.Option(min=0, max=1, help="How sure the model has to be for a pose to count.")
    ] = 0.5,
    min_support: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the frames around a pose that have to agree with it.")
    ] = 0.35,
    search_every: Annotated[
        int, typer.Option(min=1, help="Frames from one search to the next while she is lost; more is faster.")
    ] = 2,
    only: OnlyOption = None,
    workers: WorkersOption = 1,
    engine: Annotated[Engine, typer.Option(help="Where they run: this machine, or a Ray cluster.")] = Engine.POOL,
    verify: VerifyOption = False,
    replace: ReplaceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find the gymnast in every action and her pose in every clip; run again to go on.

    Every frame says whether its pose was found, bridged over a short gap, or is missing; all three are counted.
    Exit status 1 where clips could not be made; they are listed in `skipped.csv`, the others are there.

    **Example**: `finegym features pose competition --workers 2`
    """
    from finegym.annotations.folder import read_dataset
    from finegym.features.pose.extract import PoseMaker, check_given_boxes
    from finegym.features.pose.overrides import read_given_boxes

    given = () if boxes is None else read_given_boxes(boxes)
    check_given_boxes(given, read_dataset(dataset))
    maker = PoseMaker(model, max_gap, min_presence, min_support, search_every, given)
    name = f"pose-{Path(model).stem}" + ("" if unit is Unit.SUB_ACTION else "-actions")
    target = out or dataset / "features" / name
    build_and_print(
        dataset,
        target,
        maker,
        unit=unit,
        only=only,
        workers=workers,
        engine=engine,
        verify=verify,
        replace=replace,
        as_json=as_json,
    )


def quality(
    store: StoreArgument,
    dataset: Annotated[
        Path | None,
        typer.Option(help="Dataset folder, for sets and elements; by default two folders above the store."),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Folder of a simulation, whose `truth` the poses are compared with.")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Write the tables as an HTML page too.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Count frames without a pose, by speed, set and element; with a simulation's truth, measure how true poses are.

    **Example**: `finegym features quality competition/features/pose-blazepose-full --truth competition`
    """
    from dataclasses import asdict

    from finegym.annotations.folder import read_dataset
    from finegym.features.pose.quality import measure_quality
    from finegym.features.pose.quality_page import HEADER, TITLES, make_cells, write_quality_page
    from finegym.features.pose.store import PoseStore

    opened = PoseStore(store)
    folder = dataset or truth or Path(store).parent.parent
    rows = measure_quality(opened, read_dataset(folder), truth)
    if page is not None:
        write_quality_page(page, rows, store, is_simulated=truth is not None)
        typer.echo(f"wrote {page}", err=True)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    width = max(len(name) for name in [*TITLES.values(), *(row.name for row in rows)])
    for group, title in TITLES.items():
        lines = [make_cells(row) for row in rows if row.group == group]
        for first, *others in [[title, *HEADER[1:]], *lines] if lines else []:
            columns = [f"{text:>{max(len(name), 7)}}" for text, name in zip(others, HEADER[1:], strict=True)]
            typer.echo("  ".join([f"{first:{width}}", *columns]))
    if truth is not None:
        typer.echo("simulated: PCK is within half the trunk's diagonal, visible joints", err=True)
    else:
        typer.echo(
            "without a truth speed is that of the poses themselves: frames that have none count as slow as their "
            "neighbours, and the camera's pan counts as motion",
            err=True,
        )


def figure5(
    video: Annotated[Path, typer.Argument(help="The video.")],
    out: Annotated[Path, typer.Option(help="An image: `.png`, `.jpg`, …")],
    from_s: Annotated[float, typer.Option("--from", min=0, help="Where to begin, in seconds.")] = 0.0,
    to_s: Annotated[float | None, typer.Option("--to", help="Where to end, in seconds; by default at the end.")] = None,
    num_frames: Annotated[int, typer.Option("--frames", min=1, help="Frames shown, evenly spread.")] = 8,
    model: ModelOption = "blazepose-full",
    method: Annotated[str, typer.Option(help="Method of the optical flow.")] = "tvl1",
) -> None:
    """Draw detection, pose and optical flow of a clip over time, and mark where they fail (Figure 5 of the paper).

    **Example**: `finegym features figure5 vault.mp4 --from 1 --to 3 --out figure5.png`
    """
    from finegym.features.pose.figure5 import draw_figure5
    from finegym.video.stills import write_still

    picture, counts = draw_figure5(
        video,
        start_ms=1000 * from_s,
        end_ms=None if to_s is None else 1000 * to_s,
        num_frames=num_frames,
        model=model,
        flow_method=method,
    )
    write_still(out, picture)
    typer.echo(
        f"{out}: {counts['frames']} frames, somebody detected in {counts['detection']}, pose found in {counts['pose']}"
    )


def draw_pose(store: str, instance_id: str, out: Path, folder: Path, num_frames: int) -> None:
    """What ``finegym features draw`` does with a store of poses."""
    from finegym.features.pose.overlay import draw_pose_sheet, write_pose_film
    from finegym.features.pose.store import PoseStore
    from finegym.video.stills import write_still

    opened = PoseStore(store)
    if out.suffix.lower() == ".mp4":
        typer.echo(f"{out}: {write_pose_film(opened, instance_id, folder, out)} frames")
    else:
        write_still(out, draw_pose_sheet(opened, instance_id, folder, num_frames=num_frames))
        typer.echo(f"{out}: {min(num_frames, opened.count_frames(instance_id))} frames")
