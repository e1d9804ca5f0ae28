"""``finegym features flow`` and what belongs to it: pictures, comparison of methods, published folders."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
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
    print_build,
    read_only,
)


class Form(StrEnum):
    """How flow is stored."""

    QUANTISED = "quantised"
    FLOAT16 = "float16"


MethodOption = Annotated[str, typer.Option(help="`tvl1`, `tvl1-fast`, `dis`, `farneback`, `raft` or `raft-small`.")]


def flow(
    dataset: DatasetArgument,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the store; `DATASET/features/flow-METHOD` by default (`-actions` behind it)."),
    ] = None,
    method: MethodOption = "tvl1",
    unit: Annotated[Unit, typer.Option(help="What a clip is.")] = Unit.SUB_ACTION,
    short_side: Annotated[
        int, typer.Option(min=16, help="Pixels of the frames' shorter side; smaller records keep their size.")
    ] = 256,
    form: Annotated[
        Form, typer.Option(help="A byte a component (±20 px, H.264), or exact float16: fifty times as large.")
    ] = Form.QUANTISED,
    device: Annotated[str, typer.Option(help="Where to compute: `cpu`, `cuda`, …")] = "cpu",
    only: OnlyOption = None,
    workers: WorkersOption = 1,
    engine: Annotated[Engine, typer.Option(help="Where they run: this machine, or a Ray cluster.")] = Engine.POOL,
    verify: VerifyOption = False,
    replace: ReplaceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compute the optical flow of every clip of a dataset; run again to go on, or after annotations have changed.

    Flow never crosses a cut; pairs of frames without flow are counted.
    Exit status 1 where clips could not be made; they are listed in `skipped.csv`, the others are there.

    **Example**: `finegym features flow competition --method tvl1-fast --workers 2`
    """
    from finegym.features.flow.extract import FlowMaker

    name = f"flow-{method}" + ("" if unit is Unit.SUB_ACTION else "-actions")
    target = out or dataset / "features" / name
    maker = FlowMaker(method, short_side, form.value, device, spool=target)
    maker.check()
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


def compare(
    video: Annotated[Path, typer.Argument(help="A video: MP4, MKV, AVI, …")],
    out: Annotated[Path, typer.Option(help="HTML page to write.")],
    at: Annotated[
        list[float] | None, typer.Option(help="Seconds on the record's clock; may be repeated. The middle by default.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help="A method; may be repeated. By default `tvl1`, `tvl1-fast`, `dis` and `farneback`."),
    ] = None,
    short_side: Annotated[int, typer.Option(min=16, help="Pixels of the frames' shorter side.")] = 256,
    truth: Annotated[Path | None, typer.Option(help="`.flo` with the true flow of the first pair.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare methods of optical flow on pairs of frames: pictures, time, errors.

    Besides the pairs asked for, the page shows one of known motion: a frame, and the same frame moved as by a camera.

    **Example**: `finegym features compare records/A0xAXXysHUo.mp4 --out flow.html --at 12.5`
    """
    from finegym.features.flow.compare import write_comparison
    from finegym.features.flow.published import read_flo

    named = {"methods": method} if method else {}
    measured = write_comparison(
        video,
        out,
        at_ms=[1000 * seconds for seconds in at or ()],
        short_side=short_side,
        truth=None if truth is None else read_flo(truth),
        **named,
    )
    facts = [
        {
            "method": each.method,
            "cpu_ms": each.cpu_ms,
            "photometric_error": each.photometric,
            "difference_px": each.difference_px,
            "error_px": each.error_px,
            "is_known_motion": place == len(measured) - 1,
        }
        for place, pair in enumerate(measured)
        for each in pair
    ]
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        count = len(measured) - 1
        crossing = sum(not pair for pair in measured)
        pairs = f"{count} pair{'s' if count > 1 else ''} and one of known motion"
        across = f"; {crossing} across a cut, not measured" if crossing else ""
        typer.echo(f"{out}: {pairs}, by {', '.join(each.method for each in measured[-1])}{across}")


def draw(
    store: StoreArgument,
    instance_id: Annotated[str, typer.Argument(help="The clip.")],
    out: Annotated[Path, typer.Option(help="An image (`.png`, `.jpg`): some frames; or an `.mp4`: all of them.")],
    dataset: Annotated[
        Path | None,
        typer.Option(help="Dataset folder, for the frames; by default two folders above the store."),
    ] = None,
    without_frames: Annotated[bool, typer.Option("--without-frames", help="Flow alone, without the frames.")] = False,
    num_pairs: Annotated[
        int, typer.Option("--pairs", min=1, help="Pairs, or frames with poses, in the image, evenly spread.")
    ] = 8,
) -> None:
    """Draw the stored flow of a clip as colours beside its frames, or its poses on them: as one picture, or as a film.

    **Example**: `finegym features draw gym/features/flow-tvl1 A0xAXXysHUo_E_002184_002237_A_0035_0036 --out flow.mp4`
    """
    from finegym.cli.features_pose import draw_pose
    from finegym.features.flow.draw import draw_clip, write_flow_film
    from finegym.features.flow.store import FlowStore
    from finegym.features.store import FeatureStore
    from finegym.video.stills import write_still

    if FeatureStore(store).settings.kind == "pose":
        draw_pose(store, instance_id, out, dataset or Path(store).parent.parent, num_pairs)
        return
    opened = FlowStore(store)
    folder = None if without_frames else dataset or Path(store).parent.parent
    if out.suffix.lower() == ".mp4":
        typer.echo(f"{out}: {write_flow_film(opened, instance_id, folder, out)} pairs")
    else:
        write_still(out, draw_clip(opened, instance_id, folder, num_pairs=num_pairs))
        typer.echo(
            f"{out}: {min(num_pairs, opened.count_pairs(instance_id))} of {opened.count_pairs(instance_id)} pairs"
        )


def import_flow(
    folder: Annotated[Path, typer.Argument(help="Folder with a folder (or a `.npy`) a clip, named by its id.")],
    dataset: Annotated[
        Path | None, typer.Option(help="Dataset folder whose clips these are; says what is missing.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the store; `DATASET/features/flow-imported` by default.")
    ] = None,
    method: Annotated[
        str, typer.Option(help="What computed it, in a word: training and prediction must see flow of one method.")
    ] = "imported",
    form: Annotated[
        Form, typer.Option(help="`quantised` adds the error of H.264 to what is imported; `float16` keeps it.")
    ] = Form.QUANTISED,
    replace: ReplaceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take optical flow of other tools into a store: `flow_x_00001.jpg` and `flow_y_00001.jpg`, `.flo`, `.npy`.

    **Example**: `finegym features import-flow tsn_flow --dataset competition`
    """
    from finegym.annotations.folder import read_dataset
    from finegym.errors import ConfigError
    from finegym.features.flow import exchange

    if out is None and dataset is None:
        raise ConfigError("give --out, or --dataset: there is nowhere to write to")
    target = out if out is not None else (dataset or Path()) / "features" / "flow-imported"
    known = None if dataset is None else read_dataset(dataset)
    result = exchange.import_flow(folder, target, dataset=known, method=method, form=form.value, replace=replace)
    if not as_json:
        kinds = ", ".join(f"{number} as {layout}" for layout, number in result.layouts.items())
        typer.echo(f"clips: {kinds or 'none that can be taken'}")
        if dataset is not None:
            typer.echo(f"clips of the dataset without flow: {len(result.missing)}")
    print_build(target, result.build, as_json, {"missing": list(result.missing), "layouts": dict(result.layouts)})


class Layout(StrEnum):
    """Files of flow that other tools read."""

    JPG = "jpg"
    FLO = "flo"
    NPY = "npy"


def export_flow(
    store: StoreArgument,
    out: Annotated[Path, typer.Option(help="Folder for all clips.")],
    layout: Annotated[
        Layout,
        typer.Option(help="`jpg`: pictures of x and y, a byte a component; `flo`: Middlebury's; `npy`: an array."),
    ] = Layout.JPG,
    only: OnlyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write stored flow into the files of other tools.

    **Example**: `finegym features export-flow competition/features/flow-tvl1 --out tsn_flow`
    """
    from finegym.features.flow import exchange
    from finegym.features.flow.store import FlowStore

    done = exchange.export_flow(FlowStore(store), out, layout.value, only=read_only(only))
    if as_json:
        typer.echo(json.dumps({"out": str(out), **asdict(done)}, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{out}: {done.num_clips} clips, {done.num_files} files")
    if done.without_pairs:
        typer.echo(f"not written, of one frame: {len(done.without_pairs)}")
    if done.across_cuts:
        typer.echo(f"pairs across cuts, written as no motion: {done.across_cuts}")
