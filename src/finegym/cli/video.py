"""``finegym video``: what a file holds, and exact frames of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finegym.annotations.text import format_count
from finegym.cli import video_download, video_ingest, video_shots

if TYPE_CHECKING:
    from finegym.video.index import FrameIndex

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Exact frames: look into video files, read stills.",
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
FileArgument = Annotated[Path, typer.Argument(help="A video: AVI, MP4, MKV, WebM, GIF, …")]


@app.command()
def show(
    file: FileArgument,
    as_json: JsonOption = False,
    use_cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Use and keep the frame index; off scans the file anew.")
    ] = True,
) -> None:
    """Print what a video file holds: frames, times, size, codec, key frames, damage.

    Exit status 1 where the file is no video. A truncated file is shown, with the first frame that is lost.

    **Example**: `finegym video show records/A0xAXXysHUo.mp4`
    """
    from finegym.video.index_cache import read_index

    facts = _describe(read_index(file, use_cache=use_cache))
    if as_json:
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"{name.replace('_', ' '):{width}}  {_format_fact(value)}")


def _format_fact(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else str(value) or "none"


def _describe(index: FrameIndex) -> dict[str, object]:
    facts: dict[str, object] = {
        "path": str(index.path),
        "size_bytes": index.size_bytes,
        "container": index.container,
        "codec": index.codec,
        "pixel_format": index.pixel_format,
        "width": index.width,
        "height": index.height,
        "rotation": index.rotation,
        "is_mirrored": index.is_mirrored,
        "num_frames": index.num_frames,
        "num_frames_header": index.num_frames_header,
        "num_discarded": index.num_discarded,
        "num_key_frames": int(index.is_key.sum()),
        "fps_average": round(index.fps_average, 4),
        "is_constant_rate": index.is_constant_rate,
        "start_ms": round(index.start_ms, 3),
        "end_ms": round(index.end_ms, 3),
        "time_base": str(index.time_base),
        "has_audio": index.has_audio,
        "damage": index.damage,
    }
    if index.damage:
        facts["damage"] = index.describe_missing(index.num_frames)
    return facts


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Videos: AVI, MP4, MKV, WebM, GIF, …")],
    as_json: JsonOption = False,
) -> None:
    """Decode files from end to end and name every frame that does not decode or is made from one that does not.

    Exit status 1 where there is such a frame, or a file ends early or cannot be read.

    **Example**: `finegym video check records/A0xAXXysHUo.mp4`
    """
    from dataclasses import asdict

    from finegym.video.check import check_file

    checks = []
    for file in files:
        checks.append(check_file(file))
        if not as_json:
            typer.echo(
                "\n".join(checks[-1].problems) or f"{file}: {format_count(checks[-1].num_frames, 'frame')}, all decode"
            )
    if as_json:
        facts = [{**asdict(check), "path": str(check.path)} for check in checks]
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    if any(check.problems for check in checks):
        raise typer.Exit(1)


@app.command()
def frames(
    file: FileArgument,
    out: Annotated[Path, typer.Option(help="Image to write: `.png`, `.jpg`, … `{frame}` in it is the frame number.")],
    at: Annotated[
        list[float] | None, typer.Option(help="Seconds on the record's clock; the frame shown then. Repeatable.")
    ] = None,
    frame: Annotated[list[int] | None, typer.Option(help="Frame number, from 0. Repeatable.")] = None,
    short_side: Annotated[int | None, typer.Option(min=1, help="Resize: pixels of the shorter side.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write stills: the frames shown at given times, or frames by number.

    **Example**: `finegym video frames records/A0xAXXysHUo.mp4 --at 1.5 --out still.png`
    """
    if not at and not frame:
        raise typer.BadParameter("say which frame: --at SECONDS or --frame NUMBER")
    if len(at or ()) + len(frame or ()) > 1 and "{frame}" not in out.name:
        raise typer.BadParameter("several frames need {frame} in the name, as in still-{frame}.png", param_hint="--out")
    from finegym.video.reader import VideoReader
    from finegym.video.stills import write_still

    written = []
    with VideoReader(file) as reader:
        numbers = [*(reader.find_frame_at(seconds * 1000) for seconds in at or ()), *(frame or ())]
        pictures = reader.read_frames(numbers, short_side=short_side)
        for number, picture in zip(numbers, pictures, strict=True):
            path = out.with_name(out.name.replace("{frame}", f"{number:06d}"))
            write_still(path, picture)
            written.append(
                {"path": str(path), "frame": number, "time_ms": round(float(reader.index.pts_ms[number]), 3)}
            )
    if as_json:
        typer.echo(json.dumps(written, indent=2, ensure_ascii=False))
    else:
        for still in written:
            typer.echo(f"{still['path']}: frame {still['frame']}, shown from {still['time_ms']:g} ms")


@app.command()
def page(
    files: Annotated[list[Path], typer.Argument(help="Videos: AVI, MP4, MKV, WebM, GIF, …")],
    out: Annotated[Path, typer.Option(help="The HTML page to write; it loads nothing from outside.")],
    num_frames: Annotated[int, typer.Option("--frames", min=1, help="Frames shown of each video.")] = 8,
) -> None:
    """Write a page with evenly spread frames of some videos, each named by its number and time.

    **Example**: `finegym video page examples/bb_01.gif examples/vt_01.gif --out glance.html`
    """
    from finegym.video.sheet import write_sheet_page

    write_sheet_page(files, out, num_frames=num_frames)
    typer.echo(f"{out}: {format_count(len(files), 'video')}")


app.command()(video_ingest.ingest)
app.command()(video_shots.shots)
app.command()(video_download.download)
