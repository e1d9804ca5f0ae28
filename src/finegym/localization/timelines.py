"""Timelines: what a localizer looks along, and what there is to find.

Task ``actions``: a timeline is a whole record, and what is to be found are its routines. Replays, cutaways and
interrupted routines are annotated as nothing, so that they are background. Task ``sub-actions``: a timeline is one
action, and what is to be found are its sub-actions.

A sub-action that has no label among the classes is still one: it is no background, and no class of it is right. It is an
*ignore region*. So is an action of an event that is none of the classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from finegym.annotations.folder import is_dataset_folder, read_dataset
from finegym.annotations.model import Action, Dataset, Video
from finegym.annotations.splits import SIDES, Split, read_split
from finegym.annotations.subsets import LEVELS, Level, Subset, assign_classes, make_subset
from finegym.codebook.model import Codebook
from finegym.errors import AnnotationError, join_problems
from finegym.video.index_cache import read_index

Task = Literal["actions", "sub-actions"]
SPLITS_FOLDER = "splits"


@dataclass(frozen=True, eq=False)
class Timeline:
    """One stretch of a record, and what is in it.

    Attributes:
        timeline_id: the record's id, or the action's.
        record_id: of the record.
        path: of the record's file, relative to the dataset's folder; ``None`` where none is known.
        start_ms: on the record's clock; 0 where the timeline is a record.
        end_ms: on the record's clock.
        segments_ms: int64 (N, 2), ``[start, end)`` relative to ``start_ms``, in order of time.
        class_index: int64 (N,).
        ignored_ms: int64 (M, 2), relative to ``start_ms``: neither background nor any of the classes.
    """

    timeline_id: str
    record_id: str
    path: str | None
    start_ms: int
    end_ms: int
    segments_ms: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    class_index: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    ignored_ms: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))

    @property
    def duration_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True)
class Timelines:
    """The timelines of one side of a split.

    Attributes:
        task: what is to be found.
        level: what a class is.
        classes: what class indices mean.
        codebook: that the classes are from.
        timelines: in the order of the dataset, those without segments included.
        counts: what the user should know: segments, ignored ones, what was left out or cut at the timeline's ends.
    """

    task: Task
    level: Level
    classes: Subset
    codebook: Codebook
    timelines: tuple[Timeline, ...]
    counts: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.timelines)
