"""Timelines: what a localizer looks along, and what there is to find.

Task ``actions``: a timeline is a whole record, and what is to be found are its routines. Replays, cutaways and
interrupted routines are annotated as nothing, so that they are background. Task ``sub-actions``: a timeline is one
action, and what is to be found are its sub-actions.

A sub-action that has no label among the classes is still one: it is no background, and no class of it is right. It is
an *ignore region*. So is an action of an event that is none of the classes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from finegym.annotations.folder import is_dataset_folder, read_dataset
from finegym.annotations.model import Action, Dataset, Video
from finegym.annotations.splits import SIDES, Split, check_split, read_split
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


def read_timelines(folder: Path, split_name: str, *, task: Task, level: Level, side: str) -> Timelines:
    """The timelines of one side of a split of a dataset folder.

    Args:
        folder: of the dataset.
        split_name: a folder in its ``splits/``.
        task: what is to be found.
        level: what a class is; ``event`` for actions.
        side: ``train`` or ``val``.

    Raises:
        AnnotationError: folder or split are missing or damaged, the split does not keep records whole, or the level
            does not suit.
    """
    folder = Path(folder)
    if not is_dataset_folder(folder):
        raise AnnotationError(f"{folder.absolute()}: is no dataset folder. Give its path with --set data.dataset=DIR.")
    path = folder / SPLITS_FOLDER / split_name
    if not path.is_dir():
        there = sorted(each.parent.name for each in (folder / SPLITS_FOLDER).glob("*/split.json"))
        raise AnnotationError(
            f"{folder} has no split {split_name!r}; there are: {', '.join(there) or 'none'}. "
            "`finegym annotations split` makes one."
        )
    return make_timelines(read_dataset(folder), read_split(path), folder, task=task, level=level, side=side)


def make_timelines(dataset: Dataset, split: Split, folder: Path, *, task: Task, level: Level, side: str) -> Timelines:
    """The timelines of one side of a split; arguments and errors as in ``read_timelines``."""
    check_split(split, dataset)
    sides = _find_sides(dataset, split)
    classes = find_classes(split.subset, dataset.codebook, task=task, level=level)
    videos = [video for video in dataset.videos if sides.get(video.id) == side]
    counts: Counter[str] = Counter(records=len(videos))
    if task == "actions":
        counts["records without an instance in the split"] = sum(video.id not in sides for video in dataset.videos)
        timelines = [_make_record(video, folder, classes, counts) for video in videos]
    else:
        labels = assign_classes(dataset, classes).class_index_by_id
        timelines = [
            _make_action(video, action, labels, counts)
            for video in videos
            for action in video.actions
            if action.sub_actions is not None
        ]
        counts["actions in which nobody has looked for sub-actions"] = sum(
            action.sub_actions is None for video in videos for action in video.actions
        )
    counts["segments"] = sum(len(timeline.class_index) for timeline in timelines)
    counts["ignored"] = sum(len(timeline.ignored_ms) for timeline in timelines)
    counts["timelines without a segment"] = sum(not len(timeline.class_index) for timeline in timelines)
    return Timelines(task, level, classes, dataset.codebook, tuple(timelines), {k: v for k, v in counts.items() if v})


def find_classes(subset: Subset, codebook: Codebook, *, task: Task, level: Level) -> Subset:
    """The classes of a level that a split's subset has: its own, or the sets or events that they are of.

    Raises:
        AnnotationError: the level is finer than the subset's, or actions are asked for at another level than events.

    Example:
        >>> from finegym.annotations.subsets import SubsetClass
        >>> from finegym.codebook.builtin import read_builtin
        >>> codebook = read_builtin("diving")
        >>> elements = make_subset("two", "element", [element.id for element in codebook.elements[:2]], codebook)
        >>> len(find_classes(elements, codebook, task="sub-actions", level="event"))
        1
    """
    if task == "actions" and level != "event":
        raise AnnotationError(
            f'data.level is {level!r}, but an action is of an event: set data.level = "event", or task = "sub-actions"'
        )
    order = {name: place for place, name in enumerate(LEVELS)}  # element, set, event
    if order[level] < order[subset.level]:
        raise AnnotationError(
            f"data.level is {level!r}, but the split is of {subset.level}s: it does not say which {level}s take part. "
            f"Make a split of {level}s with `finegym annotations split`, or set data.level = {subset.level!r}."
        )
    if level == subset.level:
        return subset
    ids = [class_.id for class_ in subset.classes]
    if subset.level == "element":
        ids = [codebook.element_by_id[id_].set_id for id_ in ids]
    if level == "event":
        ids = [codebook.set_by_id[id_].event_id for id_ in ids]
    return make_subset(f"{subset.name}, {level}s", level, dict.fromkeys(ids), codebook)


def find_end_ms(video: Video, folder: Path) -> int:
    """When a record ends, on its clock: by its file where that is there, else by ``records.csv``.

    Raises:
        AnnotationError: neither says it.
    """
    if video.path is not None and (folder / video.path).is_file():
        return math.ceil(read_index(folder / video.path).end_ms)
    if video.num_frames and video.fps:
        return math.ceil(1000 * video.num_frames / video.fps)
    raise AnnotationError(
        f"record {video.id}: how long it is is not known: its file is not there, and records.csv says nothing of its "
        "frames. Fetch the file, or fill in num_frames and fps."
    )


def _find_sides(dataset: Dataset, split: Split) -> dict[str, str]:
    """The side of every record with instances in a split."""
    side_of: dict[str, str] = {}
    both: dict[str, None] = {}
    for side in SIDES:
        for instance_id in split.get_side(side):
            record_id = dataset.instances[instance_id].video.id
            if side_of.setdefault(record_id, side) != side:
                both[record_id] = None
    if both:
        raise AnnotationError(
            f"split {split.name} has {len(both)} of {len(side_of)} records on both sides "
            f"({join_problems(list(both), limit=3)}). A localizer would be tested on records that it has seen. Make a "
            "split that keeps records whole: `finegym annotations split DATASET --by video`."
        )
    return side_of


def _make_record(video: Video, folder: Path, classes: Subset, counts: Counter[str]) -> Timeline:
    labels = [classes.class_index_by_id.get(action.event_id) for action in video.actions]
    spans = [(action.start_ms, action.end_ms) for action in video.actions]
    return _make_timeline(video.id, video, 0, find_end_ms(video, folder), spans, labels, counts)


def _make_action(video: Video, action: Action, labels: Mapping[str, int], counts: Counter[str]) -> Timeline:
    action_id = f"{video.id}_{action.name}"
    sub_actions = action.sub_actions or ()
    indices = [labels.get(f"{action_id}_{sub_action.name}") for sub_action in sub_actions]
    spans = [(sub_action.start_ms, sub_action.end_ms) for sub_action in sub_actions]
    return _make_timeline(action_id, video, action.start_ms, action.end_ms, spans, indices, counts)


def _make_timeline(
    timeline_id: str,
    video: Video,
    start_ms: int,
    end_ms: int,
    spans: Sequence[tuple[int, int]],
    labels: Sequence[int | None],
    counts: Counter[str],
) -> Timeline:
    """A timeline of spans on the record's clock; what reaches past its ends is cut there, and counted."""
    order = sorted(range(len(spans)), key=lambda place: spans[place])
    segments = np.array([spans[place] for place in order], np.int64).reshape(-1, 2) - start_ms
    inside = segments.clip(0, end_ms - start_ms)
    is_there = inside[:, 1] > inside[:, 0]
    counts["segments outside of their timeline, left out"] += int((~is_there).sum())
    counts["segments cut at the end of their timeline"] += int((is_there & (inside != segments).any(axis=1)).sum())
    class_index = np.array([-1 if (label := labels[place]) is None else label for place in order], np.int64)
    is_labelled = is_there & (class_index >= 0)
    return Timeline(
        timeline_id=timeline_id,
        record_id=video.id,
        path=video.path,
        start_ms=start_ms,
        end_ms=end_ms,
        segments_ms=inside[is_labelled],
        class_index=class_index[is_labelled],
        ignored_ms=inside[is_there & (class_index < 0)],
    )
