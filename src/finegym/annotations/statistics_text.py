"""Statistics as people read them in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finegym.annotations.statistics import ALL, SHORT_S, Durations, EventStatistics, Statistics
from finegym.annotations.text import format_share, format_table

Cell = str | int | None
Row = tuple[str, Callable[[EventStatistics], Cell]]


def format_statistics(statistics: Statistics) -> str:
    """Table 1 of the paper, then durations, sub-actions per action and coverage; a column an event."""
    about = f"subset {statistics.subset}" if statistics.subset else "whole dataset"
    lines = [about, "", _format_rows(statistics, _COUNTS), "", _format_rows(statistics, _TIMES)]
    if statistics.outside:
        outside = ", ".join(f"{count:,} {reason}" for reason, count in statistics.outside.items())
        lines += ["", f"outside of the subset: {outside}"]
    lines += ["", *_describe_classes(statistics)]
    return "\n".join(lines)


def _format_rows(statistics: Statistics, rows: Sequence[Row]) -> str:
    columns = [*statistics.events, statistics.total]
    body = [[title, *(cell(column) for column in columns)] for title, cell in rows]
    return format_table(["", *(column.event_id for column in columns)], [row for row in body if _is_known(row[1:])])


def _is_known(cells: Sequence[Cell]) -> bool:
    return any(cell is not None for cell in cells)


def _describe_classes(statistics: Statistics) -> list[str]:
    present = [class_ for class_ in statistics.classes if class_.num_instances]
    if not present:
        return [f"none of {len(statistics.classes)} classes has an instance"]
    ordered = sorted(present, key=lambda class_: class_.num_instances)
    small, large = ordered[0], ordered[-1]
    total = sum(class_.num_instances for class_ in present)
    head = sum(class_.num_instances for class_ in ordered[-10:])
    return [
        f"{len(present):,} of {len(statistics.classes):,} classes have instances; largest: {large.id} ({large.name}) "
        f"with {large.num_instances:,}; smallest: {small.id} ({small.name}) with {small.num_instances:,}; "
        f"{statistics.imbalance:.0f}:1",
        *([f"the ten largest classes hold {head / total:.0%} of the instances"] if len(present) > 10 else []),
    ]


def _list_set_sizes(event: EventStatistics) -> str | None:
    sizes = "+".join(str(size) for size in event.elements_per_set.values())
    return sizes if event.event_id != ALL and event.num_sets > 1 else None


def _round(value: float | None, digits: int = 2) -> str | None:
    return None if value is None else f"{value:.{digits}f}"


def _format_range(durations: Durations) -> str | None:
    if durations.min is None or durations.max is None:
        return None
    return f"{durations.min:.2f}-{durations.max:.1f}"


def _format_per_action(event: EventStatistics) -> str | None:
    counts = event.sub_actions_per_action
    if not counts:
        return None
    return f"{event.mean_sub_actions:.1f} ({min(counts)}-{max(counts)})"


def _format_stages(event: EventStatistics) -> str | None:
    return " ".join(f"{stage.mean:.1f}" for stage in event.stage_durations.values()) or None


_COUNTS: tuple[Row, ...] = (
    ("events", lambda e: e.num_events),
    ("sets", lambda e: e.num_sets),
    ("elements", lambda e: e.num_elements),
    ("elements per set", _list_set_sizes),
    ("videos", lambda e: e.num_videos),
    ("actions", lambda e: e.num_actions),
    ("actions never segmented", lambda e: e.num_unsegmented or None),
    ("sub-actions", lambda e: e.num_sub_actions),
    ("without element", lambda e: e.num_without_element or None),
    ("elements with instances", lambda e: e.num_elements_with_instances),
    ("largest element", lambda e: e.max_instances),
    ("hours of actions", lambda e: _round(e.action_hours, 1)),
    ("hours of records", lambda e: _round(e.record_hours, 1) if e.record_hours else None),
    ("records of unknown length", lambda e: e.num_records_without_length or None),
)
_TIMES: tuple[Row, ...] = (
    ("action s, mean", lambda e: _round(e.action_durations.mean, 1)),
    ("action s, min-max", lambda e: _format_range(e.action_durations)),
    ("sub-action s, mean", lambda e: _round(e.sub_action_durations.mean)),
    ("sub-action s, median", lambda e: _round(e.sub_action_durations.median)),
    ("sub-action s, min-max", lambda e: _format_range(e.sub_action_durations)),
    (f"sub-actions < {SHORT_S:g} s", lambda e: format_share(e.sub_action_durations.short_share)),
    ("stages s, mean", _format_stages),
    ("sub-actions per action", _format_per_action),
    ("time covered", lambda e: format_share(e.coverage)),
    ("covered, mean of actions", lambda e: format_share(e.mean_action_coverage)),
)
