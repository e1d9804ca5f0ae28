"""What is wrong, or worth a look, in a dataset and its lists. Everything is reported with its id; nothing is changed.

Severities: an *error* contradicts the format or the codebook, a *warning* is a likely slip of an annotator, a *note* is
a fact that surprises people. The rules are general; the numbers they give for FineGym are in docs/annotations.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal, TypeVar

from finegym.annotations.annotation_json import pause_garbage_collection
from finegym.annotations.lists import InstanceList
from finegym.annotations.model import Action, Dataset, Instance, Video

Severity = Literal["error", "warning", "note"]
Lists = Mapping[str, Mapping[str, InstanceList]]
Timed = TypeVar("Timed")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding: how bad it is, what it means, what ``Finding.value`` measures."""

    severity: Severity
    title: str
    unit: str = ""


KINDS: Mapping[str, Kind] = {
    "duplicate-id": Kind("error", "the same id twice", "times"),
    "bad-name": Kind("error", "name that official files cannot hold"),
    "unknown-event": Kind("error", "event that the codebook does not define"),
    "unknown-set": Kind("error", "set that the codebook does not define"),
    "unknown-element": Kind("error", "element that the codebook does not define"),
    "wrong-event": Kind("error", "element or set of another event than its action's"),
    "wrong-set": Kind("error", "set is not the one of its element"),
    "empty-interval": Kind("error", "ends when or before it starts", "ms"),
    "stages-out-of-order": Kind("error", "a stage starts before the previous one ends", "ms"),
    "in-two-parts": Kind("error", "instance in two parts of a split"),
    "conflicting-labels": Kind("error", "lists name different elements"),
    "outside-action": Kind("warning", "sub-action reaches out of its action", "ms"),
    "past-record-end": Kind("warning", "action reaches past the end of its record", "ms"),
    "near-zero": Kind("warning", "nearly no duration", "ms"),
    "near-duplicate-actions": Kind("warning", "two actions of one event at the same time: annotated twice?", "tIoU"),
    "overlapping-actions": Kind("warning", "two actions share time", "tIoU"),
    "overlapping-sub-actions": Kind("warning", "two sub-actions of one action share time", "ms"),
    "stage-gap": Kind("warning", "time between two stages of a sub-action", "ms"),
    "unusual-stages": Kind("warning", "not as many stages as others of its event", "stages"),
    "name-differs": Kind("warning", "numbers in the id are not the floored seconds of the times", "s"),
    "listed-not-annotated": Kind("warning", "instance of a list that the annotations do not hold"),
    "unusual-duration": Kind("note", "much longer or shorter than others of its event or set", "x median"),
    "adjacent-sub-actions": Kind("note", "sub-action starts exactly where another ends"),
    "no-sub-actions": Kind("note", "action without any sub-action"),
    "not-looked-at": Kind("note", "action in which nobody has looked for sub-actions"),
    "no-element": Kind("note", "sub-action without an element"),
}
"""Every kind of finding, worst first."""


@dataclass(frozen=True, slots=True)
class CheckRules:
    """Thresholds of the rules.

    Attributes:
        min_duration_ms: shorter is "nearly no duration".
        duplicate_tiou: two actions of one event in a video with at least this tIoU are near-duplicates.
        duration_factor: unusual is longer than this many medians, or shorter than one by this factor.
        min_group: events and sets with fewer performances have no usual duration and number of stages.
    """

    min_duration_ms: int = 100
    duplicate_tiou: float = 0.5
    duration_factor: float = 2.5
    min_group: int = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found.

    Attributes:
        kind: a key of ``KINDS``.
        id: the instance, action or video.
        message: what was found, in words, with its numbers.
        other_id: the second one of a pair.
        value: by how much, in ``KINDS[kind].unit``.
    """

    kind: str
    id: str
    message: str
    other_id: str | None = None
    value: float | None = None

    @property
    def severity(self) -> Severity:
        return KINDS[self.kind].severity


@dataclass(frozen=True, slots=True)
class KindCount:
    """How often a kind was found, in all and among the instances of each list.

    Attributes:
        kind: a key of ``KINDS``.
        count: findings.
        in_lists: findings whose ids all belong to a setting (``"gym99"``): instances of it, their actions and videos.
        example: the finding with the largest value, or the first.
    """

    kind: str
    count: int
    in_lists: Mapping[str, int]
    example: Finding


def check_dataset(
    dataset: Dataset,
    lists: Lists | None = None,
    class_elements: Mapping[str, Sequence[str]] | None = None,
    rules: CheckRules | None = None,
) -> tuple[Finding, ...]:
    """Find everything that is wrong or worth a look.

    Args:
        dataset: what to check.
        lists: splits by setting and part (``lists["gym99"]["train"]``).
        class_elements: per setting, the element id of every class index; without it labels are not compared.
        rules: thresholds.

    Returns:
        All findings, in the order of ``KINDS`` and then of the dataset.
    """
    with pause_garbage_collection():
        return _check_dataset(dataset, lists or {}, class_elements or {}, rules or CheckRules())


def _check_dataset(
    dataset: Dataset, lists: Lists, class_elements: Mapping[str, Sequence[str]], rules: CheckRules
) -> tuple[Finding, ...]:
    instances = list(dataset.iterate_instances())
    found = [
        *_check_ids(dataset, instances),
        *_check_vocabulary(dataset, instances),
        *(finding for video in dataset.videos for finding in _check_video(video, rules)),
        *_check_usual(dataset, instances, rules),
        *_check_lists(instances, lists, class_elements),
    ]
    rank = {kind: position for position, kind in enumerate(KINDS)}
    return tuple(sorted(found, key=lambda finding: rank[finding.kind]))


def count_findings(findings: Iterable[Finding], lists: Lists | None = None) -> tuple[KindCount, ...]:
    """Count findings by kind, in all and for every setting; kinds that were not found are left out."""
    members = {setting: _collect_members(parts) for setting, parts in (lists or {}).items()}
    by_kind: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_kind[finding.kind].append(finding)
    return tuple(
        KindCount(
            kind,
            len(by_kind[kind]),
            {
                setting: sum(f.id in ids and (f.other_id is None or f.other_id in ids) for f in by_kind[kind])
                for setting, ids in members.items()
            },
            max(by_kind[kind], key=lambda finding: finding.value or 0),
        )
        for kind in KINDS
        if kind in by_kind
    )


def _collect_members(parts: Mapping[str, InstanceList]) -> set[str]:
    """Ids of the instances of a setting, of their actions and of their videos; all by position in the instance id."""
    instances = {id_ for listed in parts.values() for id_ in listed.label_by_id}
    actions = {id_[: -len("_A_0000_0000")] for id_ in instances}
    return instances | actions | {id_[: -len("_E_000000_000000")] for id_ in actions}


def _check_ids(dataset: Dataset, instances: Sequence[Instance]) -> Iterator[Finding]:
    ids = Counter(video.id for video in dataset.videos)
    ids.update(f"{video.id}_{action.name}" for video in dataset.videos for action in video.actions)
    ids.update(instance.id for instance in instances)
    for id_, count in ids.items():
        if count > 1:
            yield Finding("duplicate-id", id_, f"occurs {count} times", value=count)


def _check_vocabulary(dataset: Dataset, instances: Sequence[Instance]) -> Iterator[Finding]:
    codebook = dataset.codebook
    events, sets, elements = codebook.event_by_id, codebook.set_by_id, codebook.element_by_id
    for video in dataset.videos:
        for action in video.actions:
            if action.event_id not in events:
                yield Finding("unknown-event", f"{video.id}_{action.name}", f"event {action.event_id!r}")
    for instance in instances:
        element_id, set_id = instance.sub_action.element_id, instance.sub_action.set_id
        element, set_ = elements.get(element_id or ""), sets.get(set_id or "")
        if element_id is None:
            yield Finding("no-element", instance.id, f"set {set_id}" if set_id else "neither element nor set is known")
        elif element is None:
            yield Finding("unknown-element", instance.id, f"element {element_id!r}")
        elif set_id is not None and set_id != element.set_id:
            message = f"element {element_id} is of set {element.set_id}, not {set_id}"
            yield Finding("wrong-set", instance.id, message)
        if set_id is not None and set_ is None:
            yield Finding("unknown-set", instance.id, f"set {set_id!r}")
        set_ = sets[element.set_id] if element else set_
        if set_ is not None and set_.event_id != instance.action.event_id:
            what = f"element {element_id} ({element.name.strip()})" if element else f"set {set_id}"
            message = f"{what} belongs to {set_.event_id}, the action is {instance.action.event_id}"
            yield Finding("wrong-event", instance.id, message)


def _check_video(video: Video, rules: CheckRules) -> Iterator[Finding]:
    duration_ms = video.num_frames / video.fps * 1000 if video.num_frames and video.fps else None
    for action in video.actions:
        action_id = f"{video.id}_{action.name}"
        yield from _check_length(action_id, action.start_ms, action.end_ms, rules)
        # A frame's grace: the last frame of a record has a duration that fps only estimates.
        if duration_ms is not None and video.fps and action.end_ms > duration_ms + 1000 / video.fps:
            over = round(action.end_ms - duration_ms)
            yield Finding("past-record-end", action_id, f"ends {over} ms after its record ends", value=over)
        yield from _check_name(action_id, action.name, action.start_ms, action.end_ms, 0)
        yield from _check_sub_actions(action_id, action, rules)
    timed = [(action.start_ms, action.end_ms, action) for action in video.actions]
    for first, second, tiou, _ in _find_overlaps(timed):
        is_same = first.event_id == second.event_id and tiou >= rules.duplicate_tiou
        yield Finding(
            "near-duplicate-actions" if is_same else "overlapping-actions",
            f"{video.id}_{first.name}",
            f"tIoU {tiou:.3f} with {video.id}_{second.name} ({first.event_id}, {second.event_id})",
            f"{video.id}_{second.name}",
            round(tiou, 6),
        )


def _check_sub_actions(action_id: str, action: Action, rules: CheckRules) -> Iterator[Finding]:
    if not action.sub_actions:
        kind = "not-looked-at" if action.sub_actions is None else "no-sub-actions"
        yield Finding(kind, action_id, f"{action.event_id}, {(action.end_ms - action.start_ms) / 1000:g} s")
        return
    for sub_action in action.sub_actions:
        id_ = f"{action_id}_{sub_action.name}"
        start_ms, end_ms = sub_action.start_ms, sub_action.end_ms
        early, late = action.start_ms - start_ms, end_ms - action.end_ms
        if early > 0:
            yield Finding("outside-action", id_, f"starts {early} ms before its action", value=early)
        if late > 0:
            yield Finding("outside-action", id_, f"ends {late} ms after its action", value=late)
        yield from _check_length(id_, start_ms, end_ms, rules)
        if len(sub_action.stages) > 1:
            yield from _check_stages(id_, sub_action.stages)
        yield from _check_name(id_, sub_action.name, start_ms, end_ms, action.start_ms)
    timed = [(sub.start_ms, sub.end_ms, sub) for sub in action.sub_actions]
    for first, second, _, shared_ms in _find_overlaps(timed):
        other = f"{action_id}_{second.name}"
        message = f"shares {shared_ms} ms with {other}"
        yield Finding("overlapping-sub-actions", f"{action_id}_{first.name}", message, other, shared_ms)
    starts = defaultdict(list)
    for sub in action.sub_actions:
        starts[sub.start_ms].append(sub)
    for first in action.sub_actions:
        for second in starts.get(first.end_ms, ()):
            if second is not first:
                other = f"{action_id}_{second.name}"
                yield Finding("adjacent-sub-actions", f"{action_id}_{first.name}", f"ends where {other} starts", other)


def _check_length(id_: str, start_ms: int, end_ms: int, rules: CheckRules) -> Iterator[Finding]:
    duration = end_ms - start_ms
    if duration <= 0:
        yield Finding("empty-interval", id_, f"starts at {start_ms} ms and ends at {end_ms} ms", value=duration)
    elif duration < rules.min_duration_ms:
        yield Finding("near-zero", id_, f"lasts {duration} ms", value=duration)


def _check_stages(id_: str, stages: tuple[tuple[int, int], ...]) -> Iterator[Finding]:
    for number, (start_ms, end_ms) in enumerate(stages, start=1):
        if end_ms <= start_ms:
            message = f"stage {number} starts at {start_ms} ms and ends at {end_ms} ms"
            yield Finding("empty-interval", id_, message, value=end_ms - start_ms)
    for number, ((_, end_ms), (start_ms, _)) in enumerate(pairwise(stages), start=1):
        if start_ms < end_ms:
            message = f"stage {number + 1} starts {end_ms - start_ms} ms before stage {number} ends"
            yield Finding("stages-out-of-order", id_, message, value=end_ms - start_ms)
        elif start_ms > end_ms:
            message = f"{start_ms - end_ms} ms between stages {number} and {number + 1}"
            yield Finding("stage-gap", id_, message, value=start_ms - end_ms)


def _check_name(id_: str, name: str, start_ms: int, end_ms: int, origin_ms: int) -> Iterator[Finding]:
    """Names hold floored seconds; they are never used as times, but people read them."""
    expected = ((start_ms - origin_ms) // 1000, (end_ms - origin_ms) // 1000)
    parts = name.split("_")
    if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        yield Finding("bad-name", id_, f"named {name!r}; expected a name like E_000012_000020 or A_0003_0005")
        return
    named = (int(parts[1]), int(parts[2]))
    if named != expected and expected[0] >= 0:
        off = max(abs(named[0] - expected[0]), abs(named[1] - expected[1]))
        clock = "" if origin_ms == 0 else " from the start of its action"
        times = f"{(start_ms - origin_ms) / 1000:g} to {(end_ms - origin_ms) / 1000:g} s{clock}"
        yield Finding("name-differs", id_, f"named {name}, but it is at {times}", value=off)


def _check_usual(dataset: Dataset, instances: Sequence[Instance], rules: CheckRules) -> Iterator[Finding]:
    """Durations far from, and numbers of stages other than, the usual of the same event or set."""
    actions: dict[str, list[tuple[str, int]]] = defaultdict(list)
    sub_actions: dict[str, list[tuple[str, int]]] = defaultdict(list)
    stages: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for video in dataset.videos:
        for action in video.actions:
            actions[action.event_id].append((f"{video.id}_{action.name}", action.end_ms - action.start_ms))
    for instance in instances:
        sub_action = instance.sub_action
        if sub_action.set_id is not None:
            sub_actions[sub_action.set_id].append((instance.id, sub_action.end_ms - sub_action.start_ms))
        stages[instance.action.event_id].append((instance.id, len(sub_action.stages)))
    for what, groups in (("action", actions), ("sub-action", sub_actions)):
        for group, rows in groups.items():
            usual = median(duration for _, duration in rows)
            if len(rows) < rules.min_group or usual <= 0:
                continue
            for id_, duration in rows:
                if not usual / rules.duration_factor <= duration <= usual * rules.duration_factor:
                    message = f"lasts {duration / 1000:g} s; half of the {group} {what}s last under {usual / 1000:g} s"
                    yield Finding("unusual-duration", id_, message, value=round(duration / usual, 3))
    for event_id, rows in stages.items():
        usual_count = Counter(count for _, count in rows).most_common(1)[0][0]
        if len(rows) >= rules.min_group:
            for id_, count in rows:
                if count != usual_count:
                    message = f"has {count} stages; sub-actions of {event_id} have {usual_count}"
                    yield Finding("unusual-stages", id_, message, value=count)


def _check_lists(
    instances: Sequence[Instance], lists: Lists, class_elements: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    element_by_id = {instance.id: instance.sub_action.element_id for instance in instances}
    said: dict[str, dict[str, str]] = defaultdict(dict)
    missing: dict[str, list[str]] = defaultdict(list)
    for setting, parts in lists.items():
        elements = class_elements.get(setting)
        part_of: dict[str, str] = {}
        for part, listed in parts.items():
            for id_, class_index in listed.label_by_id.items():
                if part_of.setdefault(id_, part) != part:
                    yield Finding("in-two-parts", id_, f"is in {setting} {part_of[id_]} and in {setting} {part}")
                if id_ not in element_by_id:
                    missing[id_].append(f"{setting}/{part}")
                if elements is not None and class_index < len(elements):
                    said[id_][f"{setting}/{part}"] = elements[class_index]
                elif elements is not None:
                    message = (
                        f"{setting}/{part} has class index {class_index}, but {setting} has {len(elements)} classes"
                    )
                    yield Finding("unknown-element", id_, message)
    for id_, in_lists in missing.items():
        yield Finding("listed-not-annotated", id_, f"is in {', '.join(in_lists)}")
    for id_, named in said.items():
        annotated = element_by_id.get(id_)
        if len({*named.values()} | ({annotated} - {None})) > 1:
            said_by = {**named, "annotations": annotated} if annotated is not None else named
            yield Finding("conflicting-labels", id_, ", ".join(f"{who}: {what}" for who, what in said_by.items()))


def _find_overlaps(rows: Iterable[tuple[int, int, Timed]]) -> Iterator[tuple[Timed, Timed, float, int]]:
    """Pairs that share time, earlier start first, with tIoU and shared milliseconds; empty intervals share none.

    Integer arithmetic in one sweep: ``segments.compute_overlaps`` answers the same for arrays, at a cost per call that
    thousands of short actions would feel.
    """
    active: list[tuple[int, int, Timed]] = []
    for start, end, item in sorted((row for row in rows if row[1] > row[0]), key=lambda row: (row[0], row[1])):
        active = [other for other in active if other[1] > start]
        for other_start, other_end, other in active:
            shared = min(end, other_end) - start
            yield other, item, shared / (max(end, other_end) - other_start), shared
        active.append((start, end, item))
