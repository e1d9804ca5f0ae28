"""Events: the moments of segments, as a spotter looks for them frame by frame.

A segment of most classes has two moments, its start and its end; of a vault, whose three stages follow one another, it
has four. An event is one moment of one class: ``FX_turns_start``, ``VT_2``. It happens in the first frame that is shown
at its time or later: a start in the segment's first frame, an end in the first frame that is no longer in it, as in
FineGym's own spotting labels. Frames in which two events happen (a sub-action ends where the next one begins) belong
to both in equal shares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from finegym.annotations.model import Dataset
from finegym.annotations.subsets import Subset
from finegym.codebook.model import Codebook
from finegym.codebook.moments import name_moments
from finegym.errors import AnnotationError, ConfigError
from finegym.localization.timelines import Timeline

IGNORED = -1  # of a frame's class: nobody knows what it lies inside of


@dataclass(frozen=True)
class EventClasses:
    """Which events there are.

    Attributes:
        class_ids: of the C classes of segments.
        num_moments: of each class, at least 2.
        names: of each class, as in the labels of its events.
    """

    class_ids: tuple[str, ...]
    num_moments: tuple[int, ...]
    names: tuple[str, ...]

    @cached_property
    def first_events(self) -> tuple[int, ...]:
        """The event index of each class's first moment; its others follow."""
        return tuple(accumulate(self.num_moments[:-1], initial=0))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Of the K events: ``NAME_start`` and ``NAME_end``; ``NAME_0``, ``NAME_1``, … where there are more than two."""
        return tuple(
            f"{name}_{kind}"
            for name, count in zip(self.names, self.num_moments, strict=True)
            for kind in (("start", "end") if count == 2 else range(count))
        )

    def __len__(self) -> int:
        return sum(self.num_moments)


def make_event_classes(classes: Subset, codebook: Codebook, staged: Sequence[tuple[str, int]]) -> EventClasses:
    """The events of the classes of segments.

    Args:
        classes: of segments.
        codebook: that they are from.
        staged: ``(id, number of stages)`` of events, sets or elements whose sub-actions have more than one; for all
            classes inside of them.

    Raises:
        ConfigError: an id of ``staged`` is in no class, or a class has two numbers of stages.
    """
    num_stages: dict[str, int] = {}
    for id_, count in staged:
        inside = [class_.id for class_ in classes.classes if id_ in find_ancestors(class_.id, codebook)]
        if not inside:
            raise ConfigError(f"spotter.staged: {id_!r} is no event, set or element of the {len(classes)} classes")
        for class_id in inside:
            if num_stages.setdefault(class_id, count) != count:
                raise ConfigError(
                    f"spotter.staged: class {class_id} is given {num_stages[class_id]} and {count} stages; give it one"
                )
    class_ids = tuple(class_.id for class_ in classes.classes)
    names = make_event_names(class_ids, codebook)
    return EventClasses(class_ids, tuple(num_stages.get(id_, 1) + 1 for id_ in class_ids), names)


def find_ancestors(class_id: str, codebook: Codebook) -> tuple[str, ...]:
    """A class and what it is in: element, set, event."""
    found = [class_id]
    if found[-1] in codebook.element_by_id:
        found.append(codebook.element_by_id[found[-1]].set_id)
    if found[-1] in codebook.set_by_id:
        found.append(codebook.set_by_id[found[-1]].event_id)
    return tuple(found)


def make_event_names(class_ids: Sequence[str], codebook: Codebook) -> tuple[str, ...]:
    """What classes are called in the labels of their events.

    Sets by what ``codebook.moments`` calls them, events and elements by their id.
    """
    names = name_moments(codebook)
    return tuple(names.get(class_id, class_id) for class_id in class_ids)


@dataclass(frozen=True, eq=False)
class Moments:
    """The events of a timeline.

    Attributes:
        times_ms: int64 (N,), relative to the timeline's start.
        event_index: int64 (N,).
    """

    times_ms: np.ndarray
    event_index: np.ndarray


def find_moments(timeline: Timeline, classes: EventClasses, stages: Mapping[tuple[int, int], Sequence[int]]) -> Moments:
    """The events of a timeline's segments, segment by segment.

    Args:
        timeline: with its segments.
        classes: of events.
        stages: of segments with more than one stage, by ``(start, end)`` relative to the timeline's start: the times
            between the stages.

    Raises:
        AnnotationError: a segment has not as many stages as its class.
    """
    times: list[int] = []
    events: list[int] = []
    for (start, end), class_index in zip(timeline.segments_ms.tolist(), timeline.class_index.tolist(), strict=True):
        moments = [start, *stages.get((start, end), ()), end]
        expected = classes.num_moments[class_index]
        if expected == 2:
            moments = [start, end]
        if len(moments) != expected:
            raise AnnotationError(
                f"{timeline.timeline_id}: the segment at {start} to {end} ms has {len(moments) - 1} stages, and "
                f"spotter.staged says {expected - 1} of {classes.class_ids[class_index]}. Correct one of them."
            )
        times += moments
        events += range(classes.first_events[class_index], classes.first_events[class_index] + expected)
    return Moments(np.array(times, np.int64), np.array(events, np.int64))


def find_stages(dataset: Dataset) -> dict[str, dict[tuple[int, int], tuple[int, ...]]]:
    """By action id, the sub-actions of more than one stage as ``find_moments`` wants them.

    A sub-action that reaches past its action is known by the times inside of it, as timelines have it.
    """
    found: dict[str, dict[tuple[int, int], tuple[int, ...]]] = {}
    for instance in dataset.iterate_instances():
        stages = instance.sub_action.stages
        if len(stages) > 1:
            origin, length = instance.action.start_ms, instance.action.end_ms - instance.action.start_ms
            start, *between, end = (
                min(max(time - origin, 0), length) for time in (stages[0][0], *(stage[1] for stage in stages))
            )
            found.setdefault(instance.action_id, {})[start, end] = tuple(between)
    return found


def label_events(
    frames: np.ndarray, event_frames: np.ndarray, event_index: np.ndarray, num_events: int, dilation: int
) -> np.ndarray:
    """What a window's frames are to be called.

    Args:
        frames: int64 (T,), increasing: frame numbers of the window.
        event_frames: int64 (N,): in which frame each event happens.
        event_index: int64 (N,).
        num_events: K.
        dilation: so many of the window's frames before and after an event are called by it too. A frame near several
            events belongs to the nearest ones, in equal shares.

    Returns:
        float32 (T, K + 1), rows that sum to 1; column 0: no event.
    """
    labels = np.zeros((len(frames), num_events + 1), np.float32)
    stride = int(frames[1] - frames[0]) if len(frames) > 1 else 1
    # Where events are in the window: the nearest of its frames, the later of two that are equally near.
    places = (event_frames - frames[0] + stride // 2) // stride
    distance = np.abs(np.arange(len(frames))[:, None] - places[None, :])  # (T, N)
    if distance.shape[1]:
        is_near = (distance <= dilation) & (distance == distance.min(axis=1, keepdims=True))
        for place, event in np.argwhere(is_near):
            labels[place, event_index[event] + 1] = 1
    labels[:, 0] = labels.sum(axis=1) == 0
    return labels / labels.sum(axis=1, keepdims=True)


def label_inside(times_ms: np.ndarray, timeline: Timeline) -> np.ndarray:
    """The class that each time lies inside of: int64 (T,), 0 none, 1 + class index, or ``IGNORED``.

    Args:
        times_ms: int64 (T,), relative to the timeline's start.
        timeline: with its segments.
    """
    inside = np.zeros(len(times_ms), np.int64)
    spans = [(start, end, IGNORED) for start, end in timeline.ignored_ms.tolist()]
    labels = (timeline.class_index + 1).tolist()
    spans += [(*span, label) for span, label in zip(timeline.segments_ms.tolist(), labels, strict=True)]
    for start, end, label in spans:
        inside[(times_ms >= start) & (times_ms < end)] = label
    return inside
