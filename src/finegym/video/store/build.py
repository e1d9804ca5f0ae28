"""``finegym clips build`` as a straight line: what is wanted, what is there, what is left; cut it; pack it.

A finished clip waits in ``.pending`` until the shards are packed, so a run that was stopped, killed included, repeats
none of the clips that it finished. A build for changed annotations keeps the clips whose times, record and settings are
what they were, and encodes only the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from finegym.annotations.model import Dataset
from finegym.errors import ConfigError
from finegym.jobs import Engine, Tally, run_jobs
from finegym.video.store.cut import Group, cut_group, look_into, make_groups
from finegym.video.store.find import find_clips, read_current
from finegym.video.store.format import (
    PENDING_FOLDER,
    SKIPPED_FILE,
    ClipFacts,
    StoreFacts,
    StoreSettings,
    Unit,
    make_key,
)
from finegym.video.store.lock import hold_store
from finegym.video.store.pack import pack_shards
from finegym.video.store.plan import Plan, check_only, make_plan
from finegym.video.store.skipped import format_skipped, read_skipped
from finegym.video.store.tar import StoredClip, scan_tar
from finegym.video.store.units import list_segments

DEFAULT_CRF, DEFAULT_JPEG_QUALITY = 19, 85


def make_settings(
    *,
    unit: Unit = "sub-action",
    snippet_ms: int = 2000,
    stride_ms: int = 1000,
    short_side: int = 256,
    fast: bool = False,
    crf: int | None = None,
    jpeg_quality: int | None = None,
) -> StoreSettings:
    """Settings with their defaults.

    Args:
        unit: what a clip is.
        snippet_ms: length of a snippet; ignored for other units.
        stride_ms: from one snippet's start to the next one's; ignored for other units.
        short_side: pixels of the shorter side.
        fast: JPEG rather than H.264.
        crf: of H.264.
        jpeg_quality: of JPEG.

    Raises:
        ConfigError: a value is out of range, or belongs to the other encoding.
    """
    if fast and crf is not None:
        raise ConfigError("crf belongs to H.264, and fast makes JPEGs: give jpeg_quality, or leave out fast")
    if not fast and jpeg_quality is not None:
        raise ConfigError("jpeg_quality belongs to JPEGs: give fast too, or crf for H.264")
    quality = jpeg_quality if fast else crf
    default = DEFAULT_JPEG_QUALITY if fast else DEFAULT_CRF
    is_snippet = unit == "snippet"
    try:
        return StoreSettings(
            unit=unit,
            snippet_ms=snippet_ms if is_snippet else 0,
            stride_ms=stride_ms if is_snippet else 0,
            encoding="jpeg" if fast else "mp4",
            quality=default if quality is None else quality,
            short_side=short_side,
        )
    except ValidationError as error:
        raise ConfigError(
            "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        ) from error


@dataclass(frozen=True)
class Build:
    """What a build came to.

    Attributes:
        tally: by instance id: facts of the clips that were cut now, those that were there, those that could not be cut.
        store: ``store.json``, as it is now.
        shortened: clips that reach past the last frame of their record.
        without_record: of the clips that were there, those whose record cannot be read now, each with the reason.
        stale: clips that stay although their annotation has changed or is gone, because ``only`` named others.
        removed: clips that were there and are no longer annotated.
        damaged: clips that were there and whose bytes had changed; they are under ``done`` or ``failed`` too.
    """

    tally: Tally[ClipFacts]
    store: StoreFacts
    shortened: tuple[str, ...]
    without_record: Mapping[str, str]
    stale: tuple[str, ...]
    removed: tuple[str, ...]
    damaged: tuple[str, ...]


def build_store(
    dataset: Dataset,
    folder: Path,
    out: Path,
    settings: StoreSettings,
    *,
    only: Collection[str] | None = None,
    shard_mb: int = 128,
    workers: int = 1,
    engine: Engine = "pool",
    verify: bool = False,
    replace: bool = False,
    show_progress: bool = True,
) -> Build:
    """Cut the clips of a dataset into a store.

    Args:
        dataset: what to cut.
        folder: the dataset's folder; records' paths are relative to it.
        out: folder of the store.
        settings: what a clip is and how it is encoded.
        only: cut only these, and look only into their records; whatever else is there stays. ``None``: all, and clips
            that are no longer annotated are removed.
        shard_mb: a shard is closed when it has reached this size, in 10^6 bytes.
        workers: processes; a few clips each at a time.
        engine: where they run; see ``run_jobs``.
        verify: check the bytes of clips that are there, and cut damaged ones anew.
        replace: whether a store of other settings may be replaced.
        show_progress: whether bars are drawn on a terminal.

    Returns:
        The tally. Failures are listed in ``skipped.csv`` too.

    Raises:
        ConfigError: an id of ``only`` is unknown, or the folder holds a store of other settings.
        AnnotationError: an id occurs twice.
        OutputError: the store cannot be written; what was cut waits for the next run.
        VideoError: a clip that is to be moved to another shard is damaged.
    """
    out, folder = Path(out), Path(folder)
    segments = list_segments(dataset, settings)
    only = None if only is None else set(only)
    check_only(only, segments)
    run = partial(run_jobs, workers=workers, engine=engine, show_progress=show_progress)
    with hold_store(out):
        current = None if replace else read_current(out, settings)
        there, damaged = find_clips(out, current, settings, verify=verify)
        wanted = [segment for segment in segments if only is None or segment.instance_id in only]
        paths = list(dict.fromkeys(segment.path for segment in wanted if segment.path is not None))
        records = run(paths, partial(look_into, folder=folder), key=str, title="looking into records")
        plan = make_plan(
            segments, {name: clip.facts for name, clip in there.items()}, records.done, records.failed, only
        )
        groups = [group for path, some in plan.to_cut.items() for group in make_groups(records.done[path], some)]
        cut = run(
            groups,
            partial(cut_group, folder=folder, out=out, settings=settings),
            key=lambda group: group.name,
            title="cutting clips, a few at a time",
        )
        tally = _count(plan, groups, cut)
        clips = _gather(out, plan, there, tally)
        failed = tally.failed
        if only is not None:
            known = {*only, *(clip.facts.instance_id for clip in clips)}
            failed = read_skipped(out / SKIPPED_FILE, plan.order, known) | failed
        store = pack_shards(
            out,
            clips,
            settings=settings,
            skipped=format_skipped(failed, [segment.instance_id for segment in segments]),
            num_skipped=len(failed),
            shard_bytes=shard_mb * 1_000_000,
            known={} if current is None or verify else {shard.name: shard for shard in current.shards},
        )
    shortened = tuple(clip.facts.instance_id for clip in clips if clip.facts.missing_ms)
    return Build(tally, store, shortened, plan.without_record, tuple(plan.stale), tuple(plan.removed), damaged)


def _count(plan: Plan, groups: Sequence[Group], cut: Tally[tuple[list[ClipFacts], dict[str, str]]]) -> Tally[ClipFacts]:
    """What became of every clip, from what became of every group."""
    tally: Tally[ClipFacts] = Tally(skipped=plan.kept, failed=dict(plan.failed))
    for group in groups:
        if group.name in cut.done:
            done, failed = cut.done[group.name]
            tally.done |= {facts.instance_id: facts for facts in done}
            tally.failed |= failed
        else:
            tally.failed |= {segment.instance_id: cut.failed[group.name] for segment in group.segments}
    return tally


def _gather(out: Path, plan: Plan, there: Mapping[str, StoredClip], tally: Tally[ClipFacts]) -> list[StoredClip]:
    """The clips that the store is to hold, in order."""
    stay = {*plan.kept, *plan.stale}
    clips: list[StoredClip] = []
    for name in plan.order:
        if name in tally.done:
            clips += scan_tar(out / PENDING_FOLDER / f"{make_key(name)}.tar")
        elif name in stay:
            clips.append(there[name])
    return clips
