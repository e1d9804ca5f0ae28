"""From timelines and what was found in them to the columns that evaluation takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from finegym.evaluation.localization.detections import Detections, Truth
from finegym.localization.timelines import Timelines

if TYPE_CHECKING:
    from finegym.localization.localizer import Found


def make_truth(timelines: Timelines, subset: str = "all") -> Truth:
    """What there is to find. Classes without a segment are in no mean, so they are left out, as in a file.

    Args:
        timelines: of one side of a split.
        subset: what to call it.
    """
    class_index = _concatenate([each.class_index for each in timelines.timelines], np.int64)
    present = np.unique(class_index)
    index_of = np.full(len(timelines.classes), -1, np.int64)
    index_of[present] = np.arange(len(present))
    ids = [class_.id for class_ in timelines.classes.classes]
    all_segments = [_to_seconds(each.start_ms, each.segments_ms, timelines) for each in timelines.timelines]
    all_ignored = [_to_seconds(each.start_ms, each.ignored_ms, timelines) for each in timelines.timelines]
    return Truth(
        video_ids=tuple(each.timeline_id for each in timelines.timelines),
        record_ids=tuple(each.record_id for each in timelines.timelines),
        durations_s=np.array([each.duration_ms / 1000 for each in timelines.timelines], np.float64),
        classes=tuple(ids[index] for index in present),
        video_index=_make_index([len(segments) for segments in all_segments]),
        segments_s=_concatenate(all_segments, np.float64, (0, 2)),
        class_index=index_of[class_index],
        ignored_video_index=_make_index([len(segments) for segments in all_ignored]),
        ignored_segments_s=_concatenate(all_ignored, np.float64, (0, 2)),
        subset=subset,
        other_labels=frozenset(ids) - {ids[index] for index in present},
        names={class_.id: class_.name for class_ in timelines.classes.classes},
    )


def make_detections(found: Sequence[Found]) -> Detections:
    """What was found, a timeline each in order; classes by the timelines' class index."""
    class_index = _concatenate([each.class_index for each in found], np.int64)
    return Detections(
        video_index=_make_index([len(each.scores) for each in found]),
        segments_s=_concatenate(
            [np.asarray(each.segments_ms, np.float64) / 1000 for each in found], np.float64, (0, 2)
        ),
        class_index=class_index,
        scores=_concatenate([each.scores for each in found], np.float64),
        num_read=len(class_index),
    )


def match_classes(detections: Detections, timelines: Timelines, truth: Truth) -> Detections:
    """Detections by the class index of the truth; those of classes without a segment are left out, and counted."""
    index_of = {id_: index for index, id_ in enumerate(truth.classes)}
    mapped = np.array([index_of.get(class_.id, -1) for class_ in timelines.classes.classes], np.int64)
    class_index = mapped[detections.class_index]
    kept = class_index >= 0
    return Detections(
        video_index=detections.video_index[kept],
        segments_s=detections.segments_s[kept],
        class_index=class_index[kept],
        scores=detections.scores[kept],
        num_read=detections.num_read,
        num_other_labels=int((~kept).sum()),
    )


def _to_seconds(start_ms: int, segments_ms: np.ndarray, timelines: Timelines) -> np.ndarray:
    """A record's own clock for actions; a sub-action's times are relative to its action, as in the files."""
    assert timelines.task == "sub-actions" or start_ms == 0, "a record's timeline begins at 0"
    return segments_ms / 1000


def _make_index(counts: Sequence[int]) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts).astype(np.int64)


def _concatenate(arrays: Sequence[np.ndarray], dtype: type, shape: tuple[int, ...] = (0,)) -> np.ndarray:
    return np.concatenate([np.empty(shape, dtype), *arrays]).astype(dtype)
