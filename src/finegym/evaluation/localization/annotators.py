"""What two people agree on: actions that a dataset holds twice, one annotation against the other.

FineGym was annotated in overlapping chunks of ten minutes, so that some vaults were annotated twice, blindly. They are
the only double annotations that it has, and the only bound on localization that is human.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from finegym.annotations.model import Action, Dataset
from finegym.evaluation.localization.detection_map import TIOUS
from finegym.evaluation.localization.detections import Truth
from finegym.evaluation.localization.oracle import OracleTask, evaluate_segments

SECOND = "the second annotation"


def study_annotators(dataset: Dataset, tious: Sequence[float] = TIOUS) -> tuple[OracleTask, ...]:
    """Detection mAP of the second annotation against the first; no task where nothing was annotated twice.

    Two actions of one event in one record that share time are one, annotated twice; so are their sub-actions where
    both have as many, in order.
    """
    pairs = [
        (f"{video.id}_{first.name}", video.id, first, second)
        for video in dataset.videos
        for first, second in find_pairs(video.actions)
    ]
    actions = [
        (name, record, first.event_id, (first.start_ms, first.end_ms), (second.start_ms, second.end_ms))
        for name, record, first, second in pairs
    ]
    subs = [
        (name, record, first.event_id, (one.start_ms, one.end_ms), (other.start_ms, other.end_ms))
        for name, record, first, second in pairs
        if len(first.sub_actions or ()) == len(second.sub_actions or ())
        for one, other in zip(first.sub_actions or (), second.sub_actions or (), strict=True)
    ]
    tasks: Mapping[str, Sequence[Pair]] = {"actions annotated twice": actions, "their sub-actions": subs}
    return tuple(_compare(name, rows, tious) for name, rows in tasks.items() if rows)


Pair = tuple[str, str, str, tuple[int, int], tuple[int, int]]


def find_pairs(actions: Sequence[Action]) -> list[tuple[Action, Action]]:
    """Actions of one event that share time, each in one pair at most, in the order of the record."""
    pairs: list[tuple[Action, Action]] = []
    used: set[str] = set()
    for place, first in enumerate(actions):
        for second in actions[place + 1 :]:
            shared_ms = min(first.end_ms, second.end_ms) - max(first.start_ms, second.start_ms)
            if first.event_id == second.event_id and shared_ms > 0 and not {first.name, second.name} & used:
                pairs.append((first, second))
                used |= {first.name, second.name}
    return pairs


def _compare(name: str, rows: Sequence[Pair], tious: Sequence[float]) -> OracleTask:
    """Every pair is a video of its own: no annotation can be taken for that of another action."""
    classes = tuple(dict.fromkeys(row[2] for row in rows))
    truth = Truth(
        video_ids=tuple(f"{row[0]} {number}" for number, row in enumerate(rows)),
        record_ids=tuple(row[1] for row in rows),
        durations_s=np.full(len(rows), np.nan),
        classes=classes,
        video_index=np.arange(len(rows)),
        segments_s=np.array([row[3] for row in rows], np.float64) / 1000,
        class_index=np.array([classes.index(row[2]) for row in rows], np.int64),
        ignored_video_index=np.zeros(0, np.int64),
        ignored_segments_s=np.zeros((0, 2)),
    )
    second = np.array([row[4] for row in rows], np.float64) / 1000
    return OracleTask(name, truth, (evaluate_segments(SECOND, truth, second, tious),))
