"""``finegym video shots``: where a record is cut, and what may be a replay or slow motion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finegym.annotations.text import format_count

if TYPE_CHECKING:
    from finegym.video.ingest.shots import Shots


def shots(
    file: Annotated[Path, typer.Argument(help="A video: MP4, MKV, AVI, …")],
    out: Annotated[Path | None, typer.Option(help="`shots.json` to write.")] = None,
    page: Annotated[Path | None, typer.Option(help="HTML page to write, with the frames beside every cut.")] = None,
    most_cuts: Annotated[int, typer.Option(min=1, help="Cuts shown on the page; the least certain ones.")] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Find the cuts of a record to the frame, and candidates for replays and slow motion.

    Candidates carry a score and reasons; a person decides. The page shows the frames beside every cut.

    **Example**: `finegym video shots records/A0xAXXysHUo.mp4 --page shots.html`
    """
    from finegym.video.index_cache import read_index
    from finegym.video.ingest.shots import find_shots, write_shots
    from finegym.video.ingest.shots_page import write_shots_page
    from finegym.video.ingest.signals import compute_signals

    signals = compute_signals(file)
    found = find_shots(file, signals)
    if out is not None:
        write_shots(out, found)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        _print_shots(found)
    index = read_index(file)
    if index.damage:
        typer.echo(f"{file}: {index.describe_missing(index.num_frames)}; only what is there was looked at", err=True)
    if len(signals.damaged):
        typer.echo(f"not looked at: {format_count(len(signals.damaged), 'damaged frame')}", err=True)
    if page is not None:
        shown = write_shots_page(file, found, page, most_cuts=most_cuts)
        typer.echo(f"{page}: {shown} of {format_count(len(found.cuts), 'cut')}", err=True)


def _print_shots(found: Shots) -> None:
    from finegym.video.ingest.shots_page import describe_cut

    for cut in found.cuts:
        row = describe_cut(cut)
        mixed = f"  mixed from frame {cut.begin_frame} to {cut.end_frame}" if cut.is_gradual else ""
        typer.echo(f"{row['kind']:12}{row['seconds']:>10} s  frame {cut.frame:<7}  score {row['score']}{mixed}")
    for kind, stretches in (("replay?", found.replays), ("slow motion?", found.slow_motion)):
        for stretch in stretches:
            speed = "" if stretch.speed is None else f", speed {stretch.speed:g}"
            typer.echo(
                f"{kind:12}{stretch.start_ms / 1000:10.3f} s  to {stretch.end_ms / 1000:.3f} s  "
                f"score {stretch.score:.2f}  {', '.join(stretch.reasons)}{speed}"
            )
    gradual = sum(cut.is_gradual for cut in found.cuts)
    typer.echo(
        f"{format_count(len(found.cuts), 'cut')} ({gradual} gradual), {len(found.replays)} replay and "
        f"{len(found.slow_motion)} slow-motion candidates in {(found.end_ms - found.start_ms) / 1000:.1f} s"
    )
    if found.unsearched_ms:
        typer.echo(f"the last {found.unsearched_ms / 1000:.1f} s could not be looked at (damaged)")
