"""Whether features that are there still follow from what is annotated: cuts are corrected, and actions are moved.

Flow depends on the frames of its clip and on the cuts among them. A pose depends on the whole action, in which the
gymnast is followed. Every clip's facts say which frames that was, and where they were cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finegym.annotations.model import Dataset
from finegym.features.cuts import RecordCuts
from finegym.features.store import CutFrames, FeatureFacts, FeatureSettings, needs_action
from finegym.video.ingest.cuts import Cut
from finegym.video.store.cut import Record
from finegym.video.store.units import Segment

ActionTimes = tuple[str, int, int]
"""An action's id, and its start and end on the record's clock in ms."""


def list_actions(dataset: Dataset) -> dict[str, ActionTimes]:
    """The action that every clip belongs to, by instance id; actions are clips too."""
    action_of: dict[str, ActionTimes] = {}
    for video in dataset.videos:
        for action in video.actions:
            action_id = f"{video.id}_{action.name}"
            times = action_id, action.start_ms, action.end_ms
            names = [action_id, *(f"{action_id}_{part.name}" for part in action.sub_actions or ())]
            action_of |= dict.fromkeys(names, times)
    return action_of


def find_context(segment: Segment, start_ms: int, end_ms: int, settings: FeatureSettings) -> tuple[int, int]:
    """(start, end) in ms of what a clip's features depend on: its action, whose times are given, or the clip alone."""
    return (start_ms, end_ms) if needs_action(settings) else (segment.start_ms, segment.end_ms)


def list_cuts(frames: range, cuts: Sequence[Cut]) -> tuple[CutFrames, ...]:
    """Where frames of a record are cut.

    Example:
        >>> cut = Cut(frame=12, time_ms=480, begin_frame=12, end_frame=12, is_gradual=False, score=0.9)
        >>> list_cuts(range(10, 14), [cut]), list_cuts(range(12, 14), [cut])
        (((12, 12, 12),), ())
    """
    return tuple(
        (cut.begin_frame, cut.frame, cut.end_frame)
        for cut in cuts
        if cut.begin_frame < frames.stop and cut.end_frame > frames.start
    )


def is_current(
    facts: FeatureFacts, segment: Segment, start_ms: int, end_ms: int, record: Record, cuts: Sequence[Cut]
) -> bool:
    """Whether features are what would be made now.

    Args:
        facts: of the features.
        segment: the clip as it is annotated.
        start_ms: of its action.
        end_ms: of its action.
        record: as it is now.
        cuts: of the record.
    """
    seen = range(facts.context_first_frame, facts.context_first_frame + facts.context_num_frames)
    return (
        (facts.start_ms, facts.end_ms) == (segment.start_ms, segment.end_ms)
        and (facts.record, facts.record_bytes, facts.record_fingerprint)
        == (record.path, record.size_bytes, record.fingerprint)
        and (facts.context_start_ms, facts.context_end_ms) == find_context(segment, start_ms, end_ms, facts.settings)
        and facts.cuts == list_cuts(seen, cuts)
    )


def find_outdated(
    facts: Mapping[str, FeatureFacts],
    segments: Sequence[Segment],
    actions: Mapping[str, ActionTimes],
    records: Mapping[str, Record],
    cuts: Mapping[str, RecordCuts],
) -> set[str]:
    """Ids of clips that are there and would be others now; what cannot be told (no record, no cuts) is not among them.

    Args:
        facts: of what is there, by instance id.
        segments: to be looked at.
        actions: see ``list_actions``.
        records: that can be read, by path.
        cuts: by the record's id.
    """
    outdated = set()
    for segment in segments:
        there, known = facts.get(segment.instance_id), cuts.get(segment.video_id)
        record = records.get(segment.path or "")
        if there is not None and known is not None and record is not None:
            _, start_ms, end_ms = actions[segment.instance_id]
            if not is_current(there, segment, start_ms, end_ms, record, known.cuts):
                outdated.add(segment.instance_id)
    return outdated
