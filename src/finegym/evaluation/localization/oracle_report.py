"""The oracle study of a dataset as text, JSON and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from finegym.annotations.activitynet import make_activitynet
from finegym.annotations.source import Source
from finegym.annotations.text import format_count, format_table
from finegym.evaluation.localization.annotators import study_annotators
from finegym.evaluation.localization.detection_map import TIOUS
from finegym.evaluation.localization.detections import make_truth
from finegym.evaluation.localization.oracle import FPS, FRAMES, OracleTask, study_oracle
from finegym.report.plots import Format, cycle_colours, make_figure, save_figure

FORMAT = "finegym-oracle-study/1"
PANEL_INCHES = 3.8


@dataclass(frozen=True)
class OracleStudy:
    """Upper bounds on a dataset.

    Attributes:
        dataset: as it was named.
        tasks: what there is to find, and what each imprecision leaves of it.
        annotators: one annotation against another, where there are two.
        tious: thresholds.
        fps: frames a second that were taken for all records.
        seed: of the directions in which boundaries are off.
        is_simulated: nobody filmed it.
    """

    dataset: str
    tasks: tuple[OracleTask, ...]
    annotators: tuple[OracleTask, ...]
    tious: tuple[float, ...]
    fps: float
    seed: int
    is_simulated: bool


def make_oracle_study(
    source: Source,
    *,
    frames: Sequence[int] = FRAMES,
    fps: float = FPS,
    tious: Sequence[float] = TIOUS,
    seed: int = 0,
) -> OracleStudy:
    """Study a dataset: actions in records, sub-actions in actions by event, set and element.

    Args:
        source: the dataset.
        frames: how far boundaries are off.
        fps: frames a second.
        tious: thresholds.
        seed: of the directions in which they are off.
    """
    contents = {
        "actions, events": make_activitynet(source, task="actions")[0],
        "sub-actions, sets": make_activitynet(source, task="sub-actions", level="set")[0],
        "sub-actions, elements": make_activitynet(source, task="sub-actions", level="element")[0],
    }
    truths = {name: make_truth(content, None, str(source.path)) for name, content in contents.items()}
    return OracleStudy(
        dataset=str(source.path),
        tasks=study_oracle(truths, frames=frames, fps=fps, tious=tious, seed=seed),
        annotators=study_annotators(source.dataset, tious),
        tious=tuple(tious),
        fps=fps,
        seed=seed,
        is_simulated=any(truth.is_simulated for truth in truths.values()),
    )


def format_oracle_study(study: OracleStudy) -> str:
    """The study as text."""
    lines = [
        f"dataset  {study.dataset}",
        f"frames   {study.fps:g} a second; every boundary off by exactly so many, seed {study.seed}",
        "scores   tIoU with the true segment, so that order costs nothing: upper bounds",
    ]
    lines += ["data     SIMULATED competition: says nothing about real recordings"] if study.is_simulated else []
    for task in (*study.tasks, *study.annotators):
        lines += ["", f"{_describe(task)}; mAP % at tIoU"]
        lines.append(format_table(make_header(study), tabulate_task(task), left=()))
    num_rows = sum(len(task.rows) for task in (*study.tasks, *study.annotators))
    return "\n".join([*lines, "", f"evaluated {num_rows} kinds of imprecision"]) + "\n"


def make_header(study: OracleStudy) -> list[str]:
    """Of the table of a task."""
    return ["imprecision", *(f"{tiou:.2f}" for tiou in study.tious), "average", "lost"]


def tabulate_task(task: OracleTask) -> list[list[object]]:
    """A row a kind of imprecision: mAP at every threshold, their mean, and segments lost."""
    return [
        [row.name, *(f"{100 * value:.1f}" for value in (*row.result.mean.tolist(), row.result.average)), row.num_lost]
        for row in task.rows
    ]


def export_oracle_study(study: OracleStudy) -> dict[str, Any]:
    """The study as plain values for JSON, at full precision."""
    return {
        "format": FORMAT,
        "dataset": study.dataset,
        "fps": study.fps,
        "seed": study.seed,
        "is_simulated": study.is_simulated,
        "tiou_thresholds": list(study.tious),
        "tasks": [_export_task(task) for task in study.tasks],
        "annotators": [_export_task(task) for task in study.annotators],
    }


def draw_oracle_study(study: OracleStudy, format: Format = "svg") -> bytes:
    """A panel a task, a curve a kind of imprecision; what two annotators agree on is a panel too."""
    panels = [*study.tasks, *([_join(study.annotators)] if study.annotators else [])]
    names = list(dict.fromkeys(row.name for task in panels for row in task.rows))
    colour_of = dict(zip(names, cycle_colours(len(names)), strict=True))
    num_rows = (len(panels) + 1) // 2
    with make_figure(2 * PANEL_INCHES, 2.7 * num_rows + 0.7) as figure:
        grid = figure.subplots(num_rows, 2, sharey=True, squeeze=False).ravel().tolist()
        for axes in grid[len(panels) :]:
            axes.remove()
        for axes, task in zip(grid, panels, strict=False):
            for row in task.rows:
                mean = 100 * row.result.mean
                axes.plot(study.tious, mean, color=colour_of[row.name], marker="o", markersize=3,
                          linewidth=1.6, label=row.name)  # fmt: skip
            axes.set(title=task.name, xlabel="tIoU", ylim=(0, 103))
        for axes in grid[: len(panels) : 2]:
            axes.set(ylabel="best possible mAP %")
        handles, labels = grid[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        if study.annotators:
            grid[len(panels) - 1].legend(loc="lower left")
        return save_figure(figure, format)


def _join(annotators: tuple[OracleTask, ...]) -> OracleTask:
    """The annotated twice in one panel, a curve each."""
    rows = tuple(replace(task.rows[0], name=task.name) for task in annotators)
    return OracleTask("a second annotation", annotators[0].truth, rows)


def _describe(task: OracleTask) -> str:
    truth = task.truth
    lengths = truth.segments_s[:, 1] - truth.segments_s[:, 0]
    median = f", half of them shorter than {np.median(lengths):.2f} s" if len(lengths) else ""
    return (
        f"{task.name}: {format_count(len(truth.class_index), 'segment')} of {len(truth.classes)} classes in "
        f"{format_count(len(truth.video_ids), 'timeline')} of {format_count(len(set(truth.record_ids)), 'record')}"
        f"{median}"
    )


def _export_task(task: OracleTask) -> dict[str, Any]:
    truth = task.truth
    return {
        "name": task.name,
        "num_segments": len(truth.class_index),
        "num_classes": len(truth.classes),
        "num_videos": len(truth.video_ids),
        "num_records": len(set(truth.record_ids)),
        "rows": [
            {
                "name": row.name,
                "mAP": row.result.mean.tolist(),
                "average_mAP": row.result.average,
                "num_lost": row.num_lost,
                "num_windows": row.num_windows,
                "ap": {label: row.result.average_precision[:, k].tolist() for k, label in enumerate(truth.classes)},
            }
            for row in task.rows
        ],
    }
