"""``finegym features flow`` and what belongs to it: pictures, comparison of methods, published folders."""

from __future__ import annotations

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
    Unit,
    VerifyOption,
    WorkersOption,
    print_build,
    read_only,
)


class Form(StrEnum):
    """How flow is stored."""

    QUANTISED = "quantised"
    FLOAT16 = "float16"


MethodOption = Annotated[str, typer.Option(help="`tvl1`, `tvl1-fast`, `dis`, `farneback` or `raft`.")]


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
    from finegym.annotations.folder import read_dataset
    from finegym.features.build import build_features
    from finegym.features.flow.extract import FlowMaker

    maker = FlowMaker(method, short_side, form.value, device)
    name = f"flow-{method}" + ("" if unit is Unit.SUB_ACTION else "-actions")
    target = out or dataset / "features" / name
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
