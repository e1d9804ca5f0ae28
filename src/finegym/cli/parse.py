"""``finegym parse``, ``finegym watch``: recordings that nobody has labelled, into routines, elements and scores."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finegym.applications.parse.run import ParseSettings
    from finegym.jobs import Tally


class Engine(StrEnum):
    """Where recordings are parsed."""

    POOL = "pool"
    RAY = "ray"


class Whole(StrEnum):
    """What each file is."""

    RECORD = "record"
    SUB_ACTION = "sub-action"


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"


BundleOption = Annotated[
    Path, typer.Option(envvar="FINEGYM_BUNDLE", help="Model bundle, of `finegym bundle make` or `finegym demo`.")
]
OutOption = Annotated[Path, typer.Option(help="Folder for the results, one a recording.")]
CodeOption = Annotated[str, typer.Option(help="Code of points: a name, or a YAML file.")]
MinScoreOption = Annotated[float, typer.Option(min=0, max=1, help="Of routines that are looked into.")]
MinSubScoreOption = Annotated[float, typer.Option(min=0, max=1, help="Of sub-actions that are listed.")]
MinProbabilityOption = Annotated[
    float, typer.Option(min=0, max=1, help="Of an element or set that is named; others are unsure.")
]
WithoutShotsOption = Annotated[
    bool, typer.Option("--without-replays", help="Do not look for replays: saves a pass over the recording.")
]
WithDoubtfulOption = Annotated[
    bool,
    typer.Option(
        "--with-doubtful",
        help="Write routines into the official annotations that are in doubt as such; they are left out and counted.",
    ),
]
WorkersOption = Annotated[int, typer.Option("--workers", "-w", min=1, help="Processes, a recording each at a time.")]
DeviceOption = Annotated[Device, typer.Option(help="`auto` takes a GPU where there is one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print what was parsed as JSON.")]


def parse(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="Recordings.", show_default=False)],
    bundle: BundleOption,
    out: OutOption = Path("parsed"),
    code: CodeOption = "fig-women-2017",
    min_score: MinScoreOption = 0.3,
    min_sub_score: MinSubScoreOption = 0.3,
    min_probability: MinProbabilityOption = 0.5,
    whole: Annotated[
        Whole,
        typer.Option("--as", help="Each file is a record to be looked through, or one sub-action cut out of one."),
    ] = Whole.RECORD,
    without_replays: WithoutShotsOption = False,
    with_doubtful: WithDoubtfulOption = False,
    workers: WorkersOption = 1,
    engine: Annotated[Engine, typer.Option(help="This machine, or a Ray cluster.")] = Engine.POOL,
    device: DeviceOption = Device.auto,
    as_json: JsonOption = False,
) -> None:
    """Parse recordings: routines, what is in them, how sure that is, and what it scores. One page a recording.

    Each gets a folder with `parse.html`, `parse.json`, the official annotations, WebVTT chapters and a table. What is
    unsure says so; the official annotations, which cannot, are without the routines that are in doubt as such.

    A call that was stopped goes on where it was; what is parsed already stays.

    **Example**: `finegym parse final.mp4 --bundle demo/bundle.finegym --out parsed`
    """
    from finegym.applications.parse.run import parse_videos

    settings = _make_settings(
        code, min_score, min_sub_score, min_probability, without_replays, with_doubtful, device, whole
    )
    tally = parse_videos(videos, bundle, out, settings, workers=workers, engine=engine.value)
    _print(tally, [out / path.stem for path in videos if str(path) not in tally.failed], as_json)


def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where recordings arrive.")],
    bundle: BundleOption,
    out: OutOption = Path("parsed"),
    code: CodeOption = "fig-women-2017",
    min_score: MinScoreOption = 0.3,
    min_sub_score: MinSubScoreOption = 0.3,
    min_probability: MinProbabilityOption = 0.5,
    without_replays: WithoutShotsOption = False,
    with_doubtful: WithDoubtfulOption = False,
    device: DeviceOption = Device.auto,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds from one look at the folder to the next.")] = 10.0,
    once: Annotated[bool, typer.Option("--once", help="Parse what is there, then end.")] = False,
) -> None:
    """Parse whatever arrives in a folder. A file is taken once it has not grown between two looks.

    Ends with Ctrl-C. What fails is said once, and tried again when the file changes.

    **Example**: `finegym watch incoming --bundle demo/bundle.finegym --out parsed`
    """
    from finegym.applications.parse.watch import watch_folder

    settings = _make_settings(code, min_score, min_sub_score, min_probability, without_replays, with_doubtful, device)
    watch_folder(folder, bundle, out, settings, every_s=every, once=once, say=lambda line: typer.echo(line, err=True))


def _make_settings(
    code: str,
    min_score: float,
    min_sub_score: float,
    min_probability: float,
    without_replays: bool,
    with_doubtful: bool,
    device: Device,
    whole: Whole = Whole.RECORD,
) -> ParseSettings:
    from finegym.applications.parse.interpreting import Thresholds
    from finegym.applications.parse.run import ParseSettings

    thresholds = Thresholds(min_score, min_sub_score, min_probability)
    return ParseSettings(thresholds, code, device.value, whole.value, without_replays, with_doubtful)


def _print(tally: Tally[Path], folders: list[Path], as_json: bool) -> None:
    import json

    from finegym.applications.parse.files import PARSE_FILE, read_parse
    from finegym.applications.parse.overview import describe_parse

    parses = [read_parse(folder / PARSE_FILE) for folder in folders if (folder / PARSE_FILE).is_file()]
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in parses], indent=1, ensure_ascii=False))
    else:
        for one in parses:
            typer.echo(describe_parse(one))
    typer.echo(str(tally), err=True)
    if tally.failed:
        raise typer.Exit(1)
