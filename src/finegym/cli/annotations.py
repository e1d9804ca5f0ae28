"""``finegym annotations``: what did happen, in files; each verb a thin skin over one library call."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finegym.cli import annotations_coverage, annotations_statistics

if TYPE_CHECKING:
    from finegym.annotations.clip_folder import ClipFacts
    from finegym.annotations.source import Source

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="What did happen: check, count, choose, split and convert annotated records.",
)


class Target(StrEnum):
    """What `convert` writes."""

    folder = "folder"
    official = "official"
    csv = "csv"
    activitynet = "activitynet"


class LevelChoice(StrEnum):
    """What a label stands for."""

    event = "event"
    set = "set"
    element = "element"


class TaskChoice(StrEnum):
    """What a localizer is to find."""

    actions = "actions"
    sub_actions = "sub-actions"


SourceArgument = Annotated[
    Path,
    typer.Argument(
        metavar="SOURCE",
        help="A dataset folder, a folder of official FineGym files, or a folder of clips (a class a subfolder).",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
GroupOption = Annotated[
    str | None,
    typer.Option(
        "--group-pattern",
        metavar="REGEX",
        help="Clips only: finds, in the file name, the recording a clip comes from, such as `_(g\\d+)_`.",
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="CLASS/FILE", help="Clips only: leave this file out; may be repeated."),
]
SkipOption = Annotated[
    bool, typer.Option("--skip-damaged", help="Clips only: leave out files that do not decode, and count them.")
]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, help="Clips only: processes that read files.")]


@app.command()
def check(
    source: SourceArgument,
    show_all: Annotated[bool, typer.Option("--all", help="Show every finding, not three of a kind.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.csv", help="Also write every finding to this file.")
    ] = None,
    min_duration_ms: Annotated[
        int, typer.Option("--min-duration-ms", min=0, help="Shorter is nearly no duration.")
    ] = 100,
    duplicate_tiou: Annotated[
        float,
        typer.Option("--duplicate-tiou", min=0, max=1, help="Two actions that overlap so much are near-duplicates."),
    ] = 0.5,
    group_pattern: GroupOption = None,
    exclude: ExcludeOption = None,
    skip_damaged: SkipOption = False,
    workers: WorkersOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Find everything that is wrong or worth a look; exit status 1 where there are errors.

    Errors contradict the format or the codebook, warnings are likely slips of annotators, notes are surprises. Each is
    counted in all, and among the instances of every official list or split.

    **Example**: `finegym annotations check official/ --out findings.csv`
    """
    from finegym.annotations.check import CheckRules, check_dataset
    from finegym.annotations.check_text import export_findings, format_findings, format_findings_csv
    from finegym.files import write_text

    opened = open_dataset(source, group_pattern, exclude or (), skip_damaged, workers)
    rules = CheckRules(min_duration_ms=min_duration_ms, duplicate_tiou=duplicate_tiou)
    findings = check_dataset(opened.dataset, opened.lists, opened.class_elements, rules)
    if out is not None:
        write_text(out, format_findings_csv(findings))
        typer.echo(f"{len(findings)} findings written to {out}", err=True)
    if as_json:
        typer.echo(json.dumps(export_findings(findings, opened.dataset, opened.lists), indent=1, ensure_ascii=False))
    else:
        typer.echo(format_findings(findings, opened.dataset, opened.lists, None if show_all else 3))
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


@app.command()
def convert(
    source: SourceArgument,
    to: Annotated[Target, typer.Option("--to", help="The shape to write.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="PATH", help="A new folder, or a new file for csv, activitynet.")
    ],
    level: Annotated[
        LevelChoice | None,
        typer.Option("--level", help="activitynet: what a label is; element by default, event for actions."),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="activitynet: only this split, with its sides.")
    ] = None,
    task: Annotated[
        TaskChoice | None,
        typer.Option("--task", help="activitynet: what is to be found; for sub-actions, a video is one action."),
    ] = None,
    allow_loss: Annotated[
        bool, typer.Option("--allow-loss", help="Leave out, and count, what the target cannot hold.")
    ] = False,
    group_pattern: GroupOption = None,
    exclude: ExcludeOption = None,
    skip_damaged: SkipOption = False,
    workers: WorkersOption = 1,
    as_json: JsonOption = False,
) -> None:
    r"""Write a dataset in another shape.

    `folder` is a dataset folder, `official` the official FineGym files, `csv` a row a sub-action, `activitynet` the
    annotation JSON of ActivityNet. What the target cannot hold is an error that counts it, unless `--allow-loss`.

    **Example**: `finegym annotations convert ucf101/ --group-pattern "_(g\d+)_" --to folder --out beam/`
    """
    from finegym.annotations import convert as conversions
    from finegym.annotations.activitynet import convert_to_activitynet

    if to is not Target.activitynet and (level or split or task):
        raise typer.BadParameter(f"only --to activitynet has --level, --split and --task; {to.value} holds all of them")
    opened = open_dataset(source, group_pattern, exclude or (), skip_damaged, workers)
    if to is Target.folder:
        result = conversions.convert_to_folder(opened, out, allow_loss=allow_loss)
    elif to is Target.official:
        result = conversions.convert_to_official(opened, out, allow_loss=allow_loss)
    elif to is Target.csv:
        result = conversions.convert_to_csv(opened, out)
    else:
        result = convert_to_activitynet(
            opened,
            out,
            level=level.value if level else None,
            setting=split,
            task=task.value if task else None,
            allow_loss=allow_loss,
        )
    left_out = {**_list_left_out(opened), **result.left_out}
    if as_json:
        written = [str(path) for path in result.written]
        typer.echo(json.dumps({"written": written, "counts": dict(result.counts), "left_out": left_out}, indent=1))
        return
    typer.echo(f"{', '.join(f'{count} {what}' for what, count in result.counts.items())} written to {out}")
    for reason, ids in left_out.items():
        typer.echo(f"left out: {len(ids)} {reason}, such as {ids[0]}")


annotations_statistics.add_verbs(app)
app.command()(annotations_coverage.coverage)


def open_dataset(
    source: Path,
    group_pattern: str | None = None,
    exclude: list[str] | tuple[str, ...] = (),
    skip_damaged: bool = False,
    workers: int = 1,
) -> Source:
    """The dataset of any folder that a verb may be given; clips are measured with the exact reader."""
    from finegym.annotations.source import open_source

    return open_source(
        source,
        probe=probe_clip,
        group_pattern=group_pattern,
        exclude=exclude,
        skip_damaged=skip_damaged,
        workers=workers,
    )


def probe_clip(path: Path) -> ClipFacts:
    """The facts of a clip, from its frame index; damage of any kind is a ``VideoError``."""
    from finegym.annotations.clip_folder import ClipFacts
    from finegym.errors import VideoError
    from finegym.video.reader import VideoReader

    with VideoReader(path) as reader:
        index = reader.index
        if index.damage:
            raise VideoError(f"{path}: {index.describe_missing(index.num_frames)}")
        return ClipFacts(
            index.num_frames,
            index.fps_average,
            round(index.start_ms),
            round(index.end_ms),
            index.width,
            index.height,
        )


def _list_left_out(opened: Source) -> dict[str, tuple[str, ...]]:
    """What the source itself could not give: files of a folder of clips that are no part of the dataset."""
    if opened.clips is None:
        return {}
    clips = opened.clips
    reasons = {
        "damaged files": tuple(clips.damaged),
        "excluded files": clips.excluded,
        "files that are no clips in a class's subfolder": clips.ignored,
    }
    return {reason: names for reason, names in reasons.items() if names}
