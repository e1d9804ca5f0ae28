"""The plots of a dataset's statistics."""

from __future__ import annotations

from pathlib import Path

from finegym.annotations.model import Dataset
from finegym.annotations.statistics import Statistics
from finegym.annotations.subsets import Subset, assign_classes
from finegym.files import replace_file
from finegym.report.plots import Format, draw_class_histogram, draw_counts, draw_histogram


def draw_statistics(
    dataset: Dataset, statistics: Statistics, subset: Subset | None = None, format: Format = "svg"
) -> dict[str, bytes]:
    """Class histogram, durations of actions and sub-actions, sub-actions per action, by file stem.

    Args:
        dataset: that was counted.
        statistics: of it (``compute_statistics`` with the same subset).
        subset: that was counted.
        format: of the bytes.
    """
    sub_action_s: dict[str, list[float]] = {event.event_id: [] for event in statistics.events}
    action_s: dict[str, list[float]] = {event.event_id: [] for event in statistics.events}
    counted = None if subset is None else assign_classes(dataset, subset).class_index_by_id
    for video in dataset.videos:
        for action in video.actions:
            prefix = f"{video.id}_{action.name}_"
            subs = [sub for sub in action.sub_actions or () if counted is None or prefix + sub.name in counted]
            if counted is None or subs:
                action_s[action.event_id].append((action.end_ms - action.start_ms) / 1000)
                sub_action_s[action.event_id] += [(sub.end_ms - sub.start_ms) / 1000 for sub in subs]
    what = f" ({statistics.subset})" if statistics.subset else ""
    longest = [event.sub_action_durations.percentiles for event in statistics.events]
    return {
        "classes": draw_class_histogram(
            [class_.num_instances for class_ in statistics.classes],
            [class_.event_id for class_ in statistics.classes],
            title=f"Instances of every class{what}",
            format=format,
        ),
        "sub-action-durations": draw_histogram(
            sub_action_s,
            x_label="duration of a sub-action (s)",
            title=f"How long sub-actions last{what}",
            # A few annotations are many times as long as all others; they would squeeze the rest into one bin.
            x_max=max((p[95] for p in longest if p), default=1.0) * 1.5,
            format=format,
        ),
        "action-durations": draw_histogram(
            action_s,
            x_label="duration of an action (s)",
            title=f"How long actions last{what}",
            format=format,
        ),
        "sub-actions-per-action": draw_counts(
            {event.event_id: event.sub_actions_per_action for event in statistics.events},
            x_label="sub-actions in an action",
            title=f"Sub-actions per action{what}",
            format=format,
        ),
    }


def write_plots(plots: dict[str, bytes], folder: Path, format: Format = "svg") -> list[Path]:
    """Write plots as ``<folder>/<name>.<format>``, each whole or not at all; returns the paths."""
    paths = []
    for name, data in plots.items():
        path = Path(folder) / f"{name}.{format}"
        with replace_file(path) as temporary:
            temporary.write_bytes(data)
        paths.append(path)
    return paths
