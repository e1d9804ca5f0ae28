"""``finegym evaluate oracle``: how good a localizer could be at best."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finegym.cli.evaluate_localization import JsonOption, OutOption, print_report


def oracle(
    dataset: Annotated[Path, typer.Argument(help="Dataset folder, or a folder of official FineGym files.")],
    frames: Annotated[
        list[int] | None, typer.Option(min=1, help="How far boundaries are off, may be repeated; 1, 2, 5 if not given.")
    ] = None,
    fps: Annotated[float, typer.Option(min=1, help="Frames a second, for all records.")] = 25.0,
    tiou: Annotated[
        list[float] | None, typer.Option(help="A threshold, may be repeated; 0.5, 0.55 … 0.95 if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the directions in which boundaries are off.")] = 0,
    as_json: JsonOption = False,
    out: OutOption = None,
    figure: Annotated[Path | None, typer.Option(help="Also draw the curves: `.svg` or `.png`.")] = None,
) -> None:
    """Upper bounds of detection mAP: the annotations themselves, a little off.

    Boundaries off by some frames, rounded to whole seconds, or of the best of a fixed set of sliding windows; labels
    and scores are perfect. Where actions are annotated twice, one annotation is also evaluated against the other.

    **Example**: `finegym evaluate oracle finegym/ --figure bounds.svg`
    """
    from finegym.annotations.source import open_source
    from finegym.evaluation.localization.detection_map import TIOUS
    from finegym.evaluation.localization.oracle import FRAMES
    from finegym.evaluation.localization.oracle_report import (
        draw_oracle_study,
        export_oracle_study,
        format_oracle_study,
        make_oracle_study,
    )
    from finegym.files import replace_file

    study = make_oracle_study(
        open_source(dataset),
        frames=tuple(frames) if frames else FRAMES,
        fps=fps,
        tious=tuple(tiou) if tiou else TIOUS,
        seed=seed,
    )
    if figure is not None:
        if figure.suffix not in (".svg", ".png"):
            raise typer.BadParameter("give a .svg or a .png", param_hint="--figure")
        with replace_file(figure) as temporary:
            temporary.write_bytes(draw_oracle_study(study, "png" if figure.suffix == ".png" else "svg"))
    print_report(export_oracle_study(study), format_oracle_study(study), as_json, out)
