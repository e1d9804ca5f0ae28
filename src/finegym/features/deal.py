"""Dealing the work out by actions, and saving what can be saved of an action whose process died.

A library that crashes, or a process killed for want of memory, takes the rest of its action with it. What it had
finished is whole, and stays; the other clips are made one by one, so that the one that crashes costs nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from finegym.errors import FeatureError, VideoError
from finegym.features.carried import read_facts
from finegym.features.current import ActionTimes, is_current
from finegym.features.cuts import RecordCuts
from finegym.features.find import describe_file
from finegym.features.make import ActionJob
from finegym.features.store import SUFFIXES, FeatureSettings, StoredFeatures, get_clip_path
from finegym.jobs import Tally
from finegym.video.store.cut import Record, check_unchanged
from finegym.video.store.units import Segment

Made = tuple[list[StoredFeatures], dict[str, str]]
"""Of one job: the clips that are there now, and why others are not."""


def make_jobs(
    to_make: Sequence[Segment],
    actions: Mapping[str, ActionTimes],
    records: Mapping[str, Record],
    cuts: Mapping[str, RecordCuts],
) -> list[ActionJob]:
    """A job an action, of the clips that are to be made; none for records whose cuts are not known."""
    groups: dict[ActionTimes, list[Segment]] = {}
    for segment in to_make:
        if segment.video_id in cuts:
            groups.setdefault(actions[segment.instance_id], []).append(segment)
    return [
        ActionJob(
            action_id=action_id,
            record=records[some[0].video_id],
            start_ms=start_ms,
            end_ms=end_ms,
            segments=tuple(sorted(some, key=lambda s: (s.start_ms, s.end_ms, s.instance_id))),
            cuts=cuts[some[0].video_id].cuts,
        )
        for (action_id, start_ms, end_ms), some in groups.items()
    ]


def get_key(job: ActionJob) -> str:
    """What tells a job from all others: its first clip, which is in no other."""
    return job.segments[0].instance_id


def make_all(
    jobs: Sequence[ActionJob],
    run: Callable[[Sequence[ActionJob]], Tally[Made]],
    folder: Path,
    out: Path,
    settings: FeatureSettings,
) -> Made:
    """Run all jobs, then once more, clip by clip, what is left of those that failed as a whole.

    Args:
        jobs: an action each.
        run: does jobs, by ``get_key``.
        folder: the dataset's folder.
        out: folder of the store.
        settings: of the clips.
    """
    first = run(jobs)
    done = [clip for clips, _ in first.done.values() for clip in clips]
    failed = {name: reason for _, reasons in first.done.values() for name, reason in reasons.items()}
    again: list[ActionJob] = []
    for job in jobs:
        if get_key(job) in first.failed:
            whole = _find_whole(job, folder, out, settings)
            done += whole
            names = {clip.facts.instance_id for clip in whole}
            left = [segment for segment in job.segments if segment.instance_id not in names]
            if len(job.segments) > 1:
                again += [replace(job, segments=(segment,)) for segment in left]
            else:
                failed |= {segment.instance_id: first.failed[get_key(job)] for segment in left}
    second = run(again)
    done += [clip for clips, _ in second.done.values() for clip in clips]
    failed |= {name: reason for _, reasons in second.done.values() for name, reason in reasons.items()}
    return done, failed | second.failed


def _find_whole(job: ActionJob, folder: Path, out: Path, settings: FeatureSettings) -> list[StoredFeatures]:
    """Clips of a job that are there: what says of itself that it is of these settings, record, times and cuts."""
    try:
        check_unchanged(job.record, folder)
    except VideoError:
        return []
    whole = []
    for segment in job.segments:
        for suffix in SUFFIXES:
            path = out / get_clip_path(segment.video_id, segment.instance_id, suffix)
            try:
                facts = read_facts(path)
            except FeatureError:  # not there, most of the time
                continue
            if facts.settings == settings and is_current(
                facts, segment, job.start_ms, job.end_ms, job.record, job.cuts
            ):
                whole.append(describe_file(out, path, facts))
                break
    return whole
