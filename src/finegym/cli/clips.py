"""``finegym clips``: the clip store, every clip of a dataset cut once and made for decoding."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finegym.annotations.text import format_count

if TYPE_CHECKING:
    from finegym.video.store.build import Build
    from finegym.video.store.format import ClipFacts
    from finegym.video.store.read import ClipStore

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="The clip store: cut every clip of a dataset once, into a few files made for training.",
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
StoreArgument = Annotated[str, typer.Argument(help="Folder of the store, or a URL that fsspec knows (`s3://…`).")]


class Unit(StrEnum):
    """What a clip is."""

    SUB_ACTION = "sub-action"
    ACTION = "action"
    SNIPPET = "snippet"


class Engine(StrEnum):
    """Where work runs."""

    POOL = "pool"
    RAY = "ray"


@app.command()
def build(
    dataset: Annotated[Path, typer.Argument(help="Dataset folder with codebook, annotations and records.csv.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the store; `DATASET/clips` by default, `DATASET/clips-UNIT` for others."),
    ] = None,
    unit: Annotated[Unit, typer.Option(help="What a clip is.")] = Unit.SUB_ACTION,
    snippet_ms: Annotated[int, typer.Option(min=1, help="Length of a snippet.")] = 2000,
    stride_ms: Annotated[int, typer.Option(min=1, help="From one snippet's start to the next one's.")] = 1000,
    short_side: Annotated[
        int, typer.Option(help="Pixels of the shorter side, even; smaller records keep their size.")
    ] = 256,
    fast: Annotated[bool, typer.Option("--fast", help="JPEGs rather than H.264: five times as large.")] = False,
    crf: Annotated[int | None, typer.Option(help="Quality of H.264, 0 (best) to 51; 19 by default.")] = None,
    jpeg_quality: Annotated[int | None, typer.Option(help="Quality of JPEG, 1 to 100; 85 by default.")] = None,
    only: Annotated[
        Path | None, typer.Option(help="Cut only the ids in this file, one a line; what is there stays.")
    ] = None,
    shard_mb: Annotated[int, typer.Option(min=1, help="A shard is closed when it has reached this size.")] = 128,
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="Processes; a few clips each at a time.")] = 1,
    engine: Annotated[Engine, typer.Option(help="Where they run: this machine, or a Ray cluster.")] = Engine.POOL,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check clips that are there; cut damaged ones anew.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a store of other settings.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Cut every clip of a dataset into a store; run again to go on, or after annotations have changed.

    A clip that is there and shows what is annotated stays, also while its record cannot be read.
    Exit status 1 where clips could not be cut; they are listed in `skipped.csv`, the others are there.

    **Example**: `finegym clips build competition --workers 2`
    """
    from finegym.annotations.folder import read_dataset
    from finegym.video.store.build import build_store, make_settings

    settings = make_settings(
        unit=unit.value,
        snippet_ms=snippet_ms,
        stride_ms=stride_ms,
        short_side=short_side,
        fast=fast,
        crf=crf,
        jpeg_quality=jpeg_quality,
    )
    target = out or dataset / ("clips" if unit is Unit.SUB_ACTION else f"clips-{unit.value}")
    result = build_store(
        read_dataset(dataset),
        dataset,
        target,
        settings,
        only=None if only is None else read_ids(only),
        shard_mb=shard_mb,
        workers=workers,
        engine=engine.value,
        verify=verify,
        replace=replace,
    )
    _print_build(target, result, as_json)
    if result.tally.failed:
        raise typer.Exit(1)


def read_ids(path: Path) -> list[str]:
    """The ids in a file, one a line."""
    from finegym.errors import ConfigError

    try:
        return path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a list of ids: {error}") from error


def _print_build(target: Path, result: Build, as_json: bool) -> None:
    from finegym.video.store.format import SKIPPED_FILE

    tally, store = result.tally, result.store
    if as_json:
        facts = {
            "out": str(target),
            "done": list(tally.done),
            "kept": tally.skipped,
            "kept_without_record": dict(result.without_record),
            "stale": list(result.stale),
            "removed": list(result.removed),
            "damaged": list(result.damaged),
            "failed": tally.failed,
            "reach_past_their_record": result.shortened,
            "store": store.model_dump(mode="json"),
        }
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        for line in _describe_tally(result):
            typer.echo(line)
        size = sum(shard.size_bytes for shard in store.shards)
        typer.echo(
            f"{target}: {format_count(store.num_clips, 'clip')}, {size / 1e6:.1f} MB in "
            f"{format_count(len(store.shards), 'shard')} ({store.settings})"
        )
        if result.shortened:
            typer.echo(f"{len(result.shortened)} reach past the end of their record (missing_ms in the index)")
    if result.without_record:
        typer.echo(f"{len(result.without_record)} kept without a look at their record:", err=True)
        _print_reasons(result.without_record)
    if tally.failed:
        typer.echo(f"{len(tally.failed)} failed, listed in {target / SKIPPED_FILE}:", err=True)
        _print_reasons(tally.failed)


def _describe_tally(result: Build) -> Iterator[str]:
    tally = result.tally
    unseen = f", of them {len(result.without_record)} whose record cannot be read now" if result.without_record else ""
    yield f"done {len(tally.done)}, kept {len(tally.skipped)}{unseen}, failed {len(tally.failed)}"
    if result.stale:
        yield f"stale {len(result.stale)}: their annotation has changed or is gone; they stay, --only names others"
    if result.removed:
        yield f"removed {len(result.removed)}: no longer annotated"
    if result.damaged:
        yield f"damaged {len(result.damaged)}, not kept: {', '.join(result.damaged)}"


def _print_reasons(reasons: Mapping[str, str]) -> None:
    for reason, number in count_reasons(reasons):
        typer.echo(f"  {number} x {reason}", err=True)


def count_reasons(failed: Mapping[str, str], limit: int = 20) -> list[tuple[str, int]]:
    """Reasons and how often each occurs, the most frequent first; the last line counts those not shown."""
    from collections import Counter

    counts = Counter(failed.values()).most_common()
    hidden = sum(number for _, number in counts[limit:])
    return counts[:limit] + ([("other reasons", hidden)] if hidden else [])


@app.command()
def show(
    store: StoreArgument,
    instance_id: Annotated[str | None, typer.Argument(help="A clip; without one, the store itself.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a store holds, or what is known of one clip.

    **Example**: `finegym clips show competition/clips`
    """
    from finegym.video.store.read import ClipStore

    opened = ClipStore(store)
    if as_json:
        known = opened.facts if instance_id is None else opened.get_facts(instance_id)
        typer.echo(json.dumps(known.model_dump(mode="json"), indent=2, ensure_ascii=False))
        return
    facts = _describe_store(opened) if instance_id is None else _describe_clip(opened.get_facts(instance_id))
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"{name:{width}}  {value}")


def _describe_store(store: ClipStore) -> dict[str, object]:
    facts = store.facts
    size = sum(shard.size_bytes for shard in facts.shards)
    return {
        "format": f"{facts.format}, written by finegym {facts.finegym}",
        "clips": f"{facts.num_clips:,}, {format_count(facts.num_frames, 'frame')}",
        "kind": facts.settings,
        "size": f"{size / 1e6:.1f} MB in {format_count(len(facts.shards), 'shard')}",
        "skipped": f"{format_count(facts.num_skipped, 'clip')} that could not be cut" if facts.num_skipped else "none",
        "first": store.instance_ids[0] if len(store) else "none",
    }


def _describe_clip(facts: ClipFacts) -> dict[str, object]:
    last = facts.first_frame + facts.num_frames - 1
    return {
        "record": facts.record,
        "annotated": f"{facts.start_ms} to {facts.end_ms} ms on the record's clock",
        "frames": f"{facts.num_frames}: {facts.first_frame} to {last} of the record",
        "shown at": f"{facts.pts_ms[0]:g} to {facts.pts_ms[-1]:g} ms",
        "missing": f"{facts.missing_ms} ms lie past the record's last frame" if facts.missing_ms else "nothing",
        "size": f"{facts.width}x{facts.height}, {facts.media_bytes / 1000:.1f} KB",
        "kind": facts.settings,
    }


@app.command()
def read(
    store: StoreArgument,
    instance_id: Annotated[str, typer.Argument(help="The clip.")],
    out: Annotated[
        Path, typer.Option(help="`.mp4`: the clip as it is stored; an image (`.png`, `.jpg`): frames side by side.")
    ],
    num_frames: Annotated[int, typer.Option("--frames", min=1, help="Frames in the image, evenly spread.")] = 8,
) -> None:
    """Take one clip out of a store: as a video, or as a sheet of frames named by their number and time.

    **Example**: `finegym clips read competition/clips A0xAXXysHUo_E_002184_002237_A_0035_0036 --out sheet.png`
    """
    from finegym.files import replace_file
    from finegym.video.stills import write_still
    from finegym.video.store.read import ClipStore
    from finegym.video.store.sheet import draw_clip

    opened = ClipStore(store)
    if out.suffix.lower() == ".mp4":
        if opened.facts.settings.encoding != "mp4":
            raise typer.BadParameter("this store holds JPEGs: give an image", param_hint="--out")
        (media,) = opened.read_media(instance_id)
        with replace_file(out) as temporary:
            temporary.write_bytes(media)
    else:
        write_still(out, draw_clip(opened, instance_id, num_frames))
    facts = opened.get_facts(instance_id)
    typer.echo(f"{out}: {format_count(facts.num_frames, 'frame')}, {facts.record} from frame {facts.first_frame}")


@app.command()
def check(
    store: StoreArgument,
    decode: Annotated[bool, typer.Option("--decode", help="Decode every frame too.")] = False,
    reindex: Annotated[
        bool, typer.Option("--reindex", help="Make the index again from the shards (a local store), then check.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare every file of a store with its hash; exit status 1 where something is damaged.

    **Example**: `finegym clips check competition/clips`
    """
    from finegym.video.store.check import check_store, rebuild_index

    if reindex:
        rebuild_index(Path(store))
    found = check_store(store, decode=decode, say=lambda line: typer.echo(line, err=True))
    if as_json:
        facts = {"problems": found.problems, "damaged": found.damaged, "store": found.store.model_dump(mode="json")}
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        for problem in found.problems:
            typer.echo(problem)
        if not found.problems:
            shards = format_count(len(found.store.shards), "shard")
            typer.echo(f"{store}: {format_count(found.store.num_clips, 'clip')} in {shards}: as written")
        elif found.damaged:
            typer.echo("`finegym clips build DATASET --verify` cuts damaged clips again")
    if found.problems:
        raise typer.Exit(1)
