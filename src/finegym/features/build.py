"""Making a feature store as a straight line: what is wanted, what is there, what is left; make it; write the index.

Work is dealt out by actions: whoever looks for the gymnast wants the whole routine. Every clip is a file, written whole
or not at all, so a build that was stopped, killed included, repeats none that it finished. A build for changed
annotations makes only what changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from finegym.annotations.model import Dataset
from finegym.errors import ConfigError
from finegym.features.current import find_outdated, list_actions
from finegym.features.cuts import RecordCuts, look_for_cuts
from finegym.features.deal import Made, get_key, make_all, make_jobs
from finegym.features.find import find_features
from finegym.features.finish import finish_store, set_aside, unfinish_store
from finegym.features.make import Maker, make_action
from finegym.features.store import SKIPPED_FILE, FeatureFacts, FeatureSettings, StoredFeatures, StoreFacts
from finegym.jobs import Engine, Tally, run_jobs
from finegym.video.store.build import make_settings
from finegym.video.store.cut import Record, look_into
from finegym.video.store.lock import hold_store
from finegym.video.store.plan import Plan, check_only, make_plan
from finegym.video.store.skipped import read_skipped
from finegym.video.store.units import Segment, list_segments

_DAMAGED = "its file is damaged, and was set aside; build without --only to make it again"


@dataclass(frozen=True)
class FeatureBuild:
    """What a build came to.

    Attributes:
        tally: by instance id: facts of the clips made now, those that were there, those that could not be made.
        store: ``store.json``, as it is now.
        shortened: clips that reach past the last frame of their record.
        without_record: of the clips that were there, those whose record or its cuts cannot be read now, each with the
            reason.
        stale: clips that stay although their annotation has changed or is gone, because ``only`` named others.
        removed: clips that were there and are no longer annotated.
        damaged: clips that were there, and damaged; those annotated are under ``done`` or ``failed`` too.
        cuts: of how many records the cuts came from ingest, from an earlier build, or were found now.
    """

    tally: Tally[FeatureFacts]
    store: StoreFacts
    shortened: tuple[str, ...] = ()
    without_record: Mapping[str, str] = field(default_factory=dict)
    stale: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    cuts: Mapping[str, int] = field(default_factory=dict)


def build_features(
    dataset: Dataset,
    folder: Path,
    out: Path,
    settings: FeatureSettings,
    maker: Maker,
    *,
    only: Collection[str] | None = None,
    workers: int = 1,
    engine: Engine = "pool",
    verify: bool = False,
    replace: bool = False,
    show_progress: bool = True,
) -> FeatureBuild:
    """Make the features of a dataset's clips.

    Args:
        dataset: whose clips.
        folder: the dataset's folder; records' paths are relative to it, and it may be a workspace that was ingested.
        out: folder of the store.
        settings: what is asked for; what the maker makes must follow from them.
        maker: makes the features of one action.
        only: make only these, and look only into their records; whatever else is there stays. ``None``: all, and clips
            that are no longer annotated are removed.
        workers: processes; an action each at a time.
        engine: where they run; see ``run_jobs``.
        verify: check the bytes of clips that are there, and make damaged ones anew.
        replace: whether a store of other settings may be replaced.
        show_progress: whether bars are drawn on a terminal.

    Returns:
        The tally. Failures are listed in ``skipped.csv`` too.

    Raises:
        ConfigError: an id of ``only`` is unknown, ``only`` and ``replace`` are both given, or the folder holds a store
            of other settings.
        AnnotationError: an id occurs twice.
        OutputError: the store cannot be written; clips that were made wait for the next run.
    """
    out, folder = Path(out), Path(folder)
    segments = list_segments(dataset, make_settings(unit=settings.unit))
    actions = list_actions(dataset)
    only = None if only is None else set(only)
    check_only(only, segments)
    if replace and only is not None:
        raise ConfigError(
            f"{out}: --replace makes a new store, --only {len(only)} of its {len(segments)} clips: the others would be "
            "lost. Leave out one of the two."
        )
    run = partial(run_jobs, workers=workers, engine=engine, show_progress=show_progress)
    with hold_store(out):
        there, damaged = find_features(out, settings, verify=verify, replace=replace)
        wanted = [segment for segment in segments if only is None or segment.instance_id in only]
        paths = list(dict.fromkeys(segment.path for segment in wanted if segment.path is not None))
        records = run(paths, partial(look_into, folder=folder), key=str, title="looking into records")
        by_id = {s.video_id: records.done[s.path] for s in wanted if s.path is not None and s.path in records.done}
        look = partial(look_for_cuts, folder=folder, out=out)
        cuts = run(list(by_id.items()), look, key=_get_id, title="looking for cuts")
        known = {instance_id: clip.facts for instance_id, clip in there.items()}
        outdated = find_outdated(known, wanted, actions, records.done, cuts.done)
        known = {instance_id: facts for instance_id, facts in known.items() if instance_id not in outdated}
        plan = make_plan(segments, known, records.done, records.failed, only)
        plan.without_record |= {
            s.instance_id: cuts.failed[s.video_id]
            for s in wanted
            if s.video_id in cuts.failed and s.instance_id in plan.kept
        }
        to_make = [segment for some in plan.to_cut.values() for segment in some]
        if to_make or plan.removed or damaged:
            unfinish_store(out)
        set_aside(out, [segment for segment in segments if segment.instance_id in damaged])
        make = partial(make_action, folder=folder, out=out, settings=settings, maker=maker)
        title = f"making {settings.kind}, an action at a time"
        made = make_all(
            make_jobs(to_make, actions, by_id, cuts.done),
            lambda jobs: run(jobs, make, key=get_key, title=title, is_safe=False),
            folder,
            out,
            settings,
        )
        tally, clips = _count(plan, there, to_make, made, cuts.failed)
        wanted_ids = {segment.instance_id for segment in wanted}
        tally.failed |= dict.fromkeys(
            (name for name in plan.order if name in damaged and name not in wanted_ids), _DAMAGED
        )
        failed = tally.failed
        if only is not None:
            failed = read_skipped(out / SKIPPED_FILE, plan.order, {*only, *clips}) | failed
        store = finish_store(out, settings, [clips[name] for name in plan.order if name in clips], failed, plan.order)
    return FeatureBuild(
        tally=tally,
        store=store,
        shortened=tuple(name for name, clip in clips.items() if clip.facts.missing_ms),
        without_record=plan.without_record,
        stale=tuple(plan.stale),
        removed=tuple(plan.removed),
        damaged=damaged,
        cuts=_count_origins(cuts),
    )


def _get_id(item: tuple[str, Record]) -> str:
    return item[0]


def _count(
    plan: Plan,
    there: Mapping[str, StoredFeatures],
    to_make: Sequence[Segment],
    made: Made,
    without_cuts: Mapping[str, str],
) -> tuple[Tally[FeatureFacts], dict[str, StoredFeatures]]:
    """What became of every clip, those that were made included; and the clips that the store is to hold."""
    tally: Tally[FeatureFacts] = Tally(skipped=plan.kept, failed=dict(plan.failed))
    clips = {name: there[name] for name in (*plan.kept, *plan.stale)}
    tally.failed |= {s.instance_id: without_cuts[s.video_id] for s in to_make if s.video_id in without_cuts}
    done, failed = made
    clips |= {clip.facts.instance_id: clip for clip in done}
    tally.done |= {clip.facts.instance_id: clip.facts for clip in done}
    tally.failed |= failed
    return tally, clips


def _count_origins(cuts: Tally[RecordCuts]) -> dict[str, int]:
    counts = {"ingest": 0, "kept": 0, "found": 0}
    for found in cuts.done.values():
        counts[found.origin] += 1
    return counts
