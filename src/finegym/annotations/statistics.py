"""The numbers of a dataset: the paper's Table 1, class counts, durations, sub-actions per action, coverage.

Every number says what it counts. Times are seconds here, as people read them; shares are between 0 and 1.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from finegym.annotations.model import Action, Dataset, SubAction
from finegym.annotations.subsets import Subset, assign_classes
from finegym.codebook.model import Codebook, Element

SHORT_S = 2.0
"""The paper says that a sub-action usually lasts less than this."""

PERCENTILES = (5, 25, 50, 75, 95)
ALL = "all"


@dataclass(frozen=True)
class Durations:
    """How long things last, in seconds; all but ``count`` are ``None`` where there are none.

    Attributes:
        percentiles: the 5th, 25th, 50th (median), 75th and 95th.
        short_share: share that lasts less than two seconds.
    """

    count: int
    mean: float | None = None
    min: float | None = None
    max: float | None = None
    percentiles: Mapping[int, float] | None = None
    short_share: float | None = None

    @property
    def median(self) -> float | None:
        """The 50th percentile."""
        return self.percentiles[50] if self.percentiles else None


@dataclass(frozen=True)
class EventStatistics:
    """The numbers of one event, or of all.

    Attributes:
        event_id: of the codebook, or ``"all"``.
        num_events: 1, or how many the codebook has.
        elements_per_set: elements of every set of the codebook (of the subset, if there is one).
        num_videos: records with at least one action that counts.
        num_actions: actions that count; with a subset, those with an instance in it.
        num_unsegmented: those of them in which nobody has looked for sub-actions.
        num_sub_actions: instances.
        num_without_element: those of them whose element is not known.
        num_elements_with_instances: elements that were performed at least once.
        max_instances: instances of the most frequent element; 0 where no element is known.
        max_element_id: that element (the first of the codebook among equals).
        action_hours: time covered by actions.
        record_hours: length of those records whose frame count and frame rate are known.
        num_records_without_length: records of unknown length, which ``record_hours`` lacks.
        action_durations: of the actions.
        sub_action_durations: of the sub-actions.
        stage_durations: of every stage of sub-actions with several, by stage number from 1; empty where all have one.
        sub_actions_per_action: number of sub-actions → number of segmented actions that have so many.
        coverage: share of the time of segmented actions that sub-actions cover; ``None`` without such actions.
        mean_action_coverage: the mean of that share over segmented actions with sub-actions.
    """

    event_id: str
    num_events: int
    elements_per_set: Mapping[str, int]
    num_videos: int
    num_actions: int
    num_unsegmented: int
    num_sub_actions: int
    num_without_element: int
    num_elements_with_instances: int
    max_instances: int
    max_element_id: str | None
    action_hours: float
    record_hours: float
    num_records_without_length: int
    action_durations: Durations
    sub_action_durations: Durations
    stage_durations: Mapping[int, Durations]
    sub_actions_per_action: Mapping[int, int]
    coverage: float | None
    mean_action_coverage: float | None

    @property
    def num_sets(self) -> int:
        """Sets that have elements."""
        return len(self.elements_per_set)

    @property
    def num_elements(self) -> int:
        """Elements of the codebook, or of the subset."""
        return sum(self.elements_per_set.values())

    @property
    def mean_sub_actions(self) -> float | None:
        """Sub-actions in a segmented action, on average."""
        actions = sum(self.sub_actions_per_action.values())
        total = sum(number * count for number, count in self.sub_actions_per_action.items())
        return total / actions if actions else None


@dataclass(frozen=True, slots=True)
class ClassCount:
    """Instances of an element or another class, with where it belongs (for colours and order)."""

    id: str
    name: str
    set_id: str
    event_id: str
    num_instances: int


@dataclass(frozen=True)
class Statistics:
    """The numbers of a dataset, or of its part in a subset.

    Attributes:
        events: those of the codebook with actions, in its order.
        total: all of them together.
        classes: instances of every class, zero included, in the order of the codebook or the subset.
        subset: its name, if there is one.
        outside: reason → instances that are not in the subset.
    """

    events: tuple[EventStatistics, ...]
    total: EventStatistics
    classes: tuple[ClassCount, ...]
    subset: str | None = None
    outside: Mapping[str, int] | None = None

    def get(self, event_id: str) -> EventStatistics:
        """The numbers of an event, or of ``"all"``."""
        return next(event for event in (*self.events, self.total) if event.event_id == event_id)

    @property
    def imbalance(self) -> float | None:
        """Instances of the largest class over those of the smallest that has any."""
        counts = [class_.num_instances for class_ in self.classes if class_.num_instances]
        return max(counts) / min(counts) if counts else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; tables with integer keys get text keys there."""
        events = [{**asdict(event), "num_elements": event.num_elements} for event in (*self.events, self.total)]
        return {
            "subset": self.subset,
            "outside": dict(self.outside or {}),
            "events": events,
            "classes": [asdict(class_) for class_ in self.classes],
            "imbalance": self.imbalance,
        }


def compute_statistics(dataset: Dataset, subset: Subset | None = None) -> Statistics:
    """Count everything.

    Args:
        dataset: to count.
        subset: only its instances, the actions that they are in and the videos of those. Coverage is then the share
            that the subset's instances cover.
    """
    codebook = dataset.codebook
    assignment = None if subset is None else assign_classes(dataset, subset)
    in_subset = None if assignment is None else assignment.class_index_by_id.keys()
    performed: dict[str, list[_Performed]] = defaultdict(list)
    for video_index, video in enumerate(dataset.videos):
        for action in video.actions:
            prefix = f"{video.id}_{action.name}_"
            subs = action.sub_actions or ()
            if in_subset is not None:
                subs = tuple(sub for sub in subs if prefix + sub.name in in_subset)
                if not subs:
                    continue
            performed[action.event_id].append(_Performed(video_index, action, subs))
    elements = _find_elements(codebook, subset)
    events = [event.id for event in codebook.events if event.id in performed]
    events += sorted(performed.keys() - set(events))  # unknown to the codebook: counted, `check` complains
    statistics = tuple(_compute_event(event_id, performed[event_id], elements, dataset) for event_id in events)
    total = _compute_event(ALL, [row for event_id in events for row in performed[event_id]], elements, dataset)
    classes = _count_classes(dataset, subset, assignment.class_index_by_id if assignment else None)
    return Statistics(
        statistics, total, classes, subset.name if subset else None, dict(assignment.outside) if assignment else None
    )


@dataclass(frozen=True, slots=True)
class _Performed:
    """An action that counts, with the sub-actions that count."""

    video_index: int
    action: Action
    sub_actions: tuple[SubAction, ...]


def compute_durations(durations_ms: Sequence[int]) -> Durations:
    """Summarise durations.

    Args:
        durations_ms: milliseconds.

    Example:
        >>> compute_durations([1000, 2000, 3000]).short_share
        0.3333333333333333
    """
    if not durations_ms:
        return Durations(0)
    seconds = np.asarray(durations_ms, np.float64) / 1000
    percentiles = dict(zip(PERCENTILES, np.percentile(seconds, PERCENTILES).tolist(), strict=True))
    return Durations(
        len(seconds),
        float(seconds.mean()),
        float(seconds.min()),
        float(seconds.max()),
        percentiles,
        float((seconds < SHORT_S).mean()),
    )


def compute_covered_ms(action: Action, sub_actions: Iterable[SubAction]) -> int:
    """Milliseconds of an action that sub-actions cover; what two share counts once, what is outside does not."""
    covered, position = 0, action.start_ms
    for sub_action in sorted(sub_actions, key=lambda sub_action: sub_action.start_ms):
        end = min(sub_action.end_ms, action.end_ms)
        covered += max(0, end - max(sub_action.start_ms, position))
        position = max(position, end)
    return covered


def _compute_event(
    event_id: str, rows: Sequence[_Performed], elements: Sequence[Element], dataset: Dataset
) -> EventStatistics:
    codebook = dataset.codebook
    is_all = event_id == ALL
    of_event = [e for e in elements if is_all or codebook.set_by_id[e.set_id].event_id == event_id]
    sub_actions = [sub_action for row in rows for sub_action in row.sub_actions]
    instances = Counter(sub.element_id for sub in sub_actions if sub.element_id is not None)
    top = max((e.id for e in codebook.elements if e.id in instances), key=instances.__getitem__, default=None)
    records = [dataset.videos[index] for index in sorted({row.video_index for row in rows})]
    lengths = [record.num_frames / record.fps for record in records if record.num_frames and record.fps]
    segmented = [row for row in rows if row.action.sub_actions is not None]
    covered = [compute_covered_ms(row.action, row.sub_actions) for row in segmented]
    spans = [row.action.end_ms - row.action.start_ms for row in segmented]
    shares = [c / s for row, c, s in zip(segmented, covered, spans, strict=True) if row.sub_actions and s > 0]
    action_ms = [row.action.end_ms - row.action.start_ms for row in rows]
    return EventStatistics(
        event_id=event_id,
        num_events=len(codebook.events) if is_all else 1,
        elements_per_set=dict(Counter(element.set_id for element in of_event)),
        num_videos=len(records),
        num_actions=len(rows),
        num_unsegmented=len(rows) - len(segmented),
        num_sub_actions=len(sub_actions),
        num_without_element=len(sub_actions) - instances.total(),
        num_elements_with_instances=len(instances),
        max_instances=instances[top] if top is not None else 0,
        max_element_id=top,
        action_hours=sum(action_ms) / 3_600_000,
        record_hours=sum(lengths) / 3600,
        num_records_without_length=len(records) - len(lengths),
        action_durations=compute_durations(action_ms),
        sub_action_durations=compute_durations([sub.end_ms - sub.start_ms for sub in sub_actions]),
        stage_durations=_compute_stages(sub_actions),
        sub_actions_per_action=dict(sorted(Counter(len(row.sub_actions) for row in segmented).items())),
        coverage=sum(covered) / sum(spans) if sum(spans) else None,
        mean_action_coverage=sum(shares) / len(shares) if shares else None,
    )


def _compute_stages(sub_actions: Iterable[SubAction]) -> dict[int, Durations]:
    stages: dict[int, list[int]] = defaultdict(list)
    for sub_action in sub_actions:
        if len(sub_action.stages) > 1:
            for number, (start_ms, end_ms) in enumerate(sub_action.stages, start=1):
                stages[number].append(end_ms - start_ms)
    return {number: compute_durations(durations) for number, durations in sorted(stages.items())}


def _find_elements(codebook: Codebook, subset: Subset | None) -> list[Element]:
    """The elements that a subset is about."""
    if subset is None:
        return list(codebook.elements)
    ids = subset.class_index_by_id
    if subset.level == "element":
        return [element for element in codebook.elements if element.id in ids]
    if subset.level == "set":
        return [element for element in codebook.elements if element.set_id in ids]
    return [element for element in codebook.elements if codebook.set_by_id[element.set_id].event_id in ids]


def _count_classes(
    dataset: Dataset, subset: Subset | None, class_index_by_id: Mapping[str, int] | None
) -> tuple[ClassCount, ...]:
    codebook = dataset.codebook
    if subset is None or class_index_by_id is None:
        per_element = Counter(instance.sub_action.element_id for instance in dataset.iterate_instances())
        rows = [(element.id, element.name.strip(), per_element[element.id]) for element in codebook.elements]
    else:
        per_class = Counter(class_index_by_id.values())
        rows = [(class_.id, class_.name, per_class[class_.class_index]) for class_ in subset.classes]
    level = "element" if subset is None else subset.level
    classes = []
    for id_, name, count in rows:
        set_id = codebook.element_by_id[id_].set_id if level == "element" else id_ if level == "set" else ""
        event_id = codebook.set_by_id[set_id].event_id if set_id else id_
        classes.append(ClassCount(id_, name, set_id, event_id, count))
    return tuple(classes)
