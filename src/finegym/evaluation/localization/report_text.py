"""The report on a localizer's predictions as text for people."""

from __future__ import annotations

import math

from finegym.annotations.text import format_count, format_table
from finegym.evaluation.intervals import Score
from finegym.evaluation.localization.diagnosis import ERRORS, KINDS
from finegym.evaluation.localization.report import LocalizationReport


def format_localization_report(report: LocalizationReport, *, classes: bool = False) -> str:
    """The report as text.

    Args:
        report: to print.
        classes: also a line a class.
    """
    lines = [f"{name:12} {fact}" for name, fact in list_facts(report).items()]
    lines += [f"note         {note}" for note in report.notes]
    header = ["tIoU", "mAP %"]
    lines += ["", format_table(header, tabulate_map(report), left={1})]
    lines += ["", format_table(["proposals a video", "average recall %"], tabulate_recall(report))]
    header = ["mistake", "first G", "first 10 G", "costs mAP %"]
    lines += ["", f"At tIoU {report.diagnosis.tiou:g}, G segments a class:"]
    lines += [format_table(header, tabulate_diagnosis(report))]
    if classes:
        header = [
            "class",
            "segments",
            "predictions",
            *(f"AP@{tiou:g} %" for tiou in report.result.thresholds),
            "mean %",
        ]
        lines += ["", format_table([*header, "name"], tabulate_classes(report), left={len(header)})]
    lines += ["", _make_tally(report)]
    return "\n".join(lines) + "\n"


def list_facts(report: LocalizationReport) -> dict[str, str]:
    """What was compared with what."""
    truth = report.truth
    facts = {
        "predictions": f"{report.predictions}, sha256 {report.sha256[report.predictions][:12]}",
        "ground truth": f"{report.ground_truth}, sha256 {report.sha256[report.ground_truth][:12]}",
        "subset": f"{truth.subset}: {format_count(len(truth.class_index), 'segment')} of {len(truth.classes)} classes "
        f"in {format_count(len(truth.video_ids), 'video')} of {format_count(len(set(truth.record_ids)), 'record')}",
    }
    if report.level is not None:
        facts["level"] = f"labels count as the {report.level} that they belong to"
    if report.intervals is not None:
        facts["intervals"] = (
            f"95 %, bootstrap of {report.intervals.num_records} records, {report.num_resamples} resamples, seed "
            f"{report.seed}"
        )
    if truth.is_simulated:
        facts["data"] = "SIMULATED competition: says nothing about real recordings"
    return facts


def tabulate_map(report: LocalizationReport) -> list[list[object]]:
    """A row a threshold, and their mean."""
    result, intervals = report.result, report.intervals
    scores = intervals.mean if intervals else [Score(value, None, None) for value in result.mean.tolist()]
    average = intervals.average if intervals else Score(result.average, None, None)
    rows: list[list[object]] = [
        [f"{tiou:.2f}".rstrip("0"), format_score(score)] for tiou, score in zip(result.thresholds, scores, strict=True)
    ]
    return [*rows, ["average", format_score(average)]]


def tabulate_recall(report: LocalizationReport) -> list[list[object]]:
    """A row a number of proposals, and the area under ActivityNet's curve."""
    recall = report.recall
    rows: list[list[object]] = [
        [f"{number} best", _percent(value)]
        for number, value in zip(recall.num_proposals, recall.mean.tolist(), strict=True)
    ]
    last = f"{recall.average_number[-1]:.0f}" if len(recall.average_number) else "100"
    return [*rows, [f"area up to {last} on average", _percent(recall.area)]]


def tabulate_diagnosis(report: LocalizationReport) -> list[list[object]]:
    """A row a kind of mistake: how often among the first predictions, and what it costs."""
    diagnosis = report.diagnosis
    rows: list[list[object]] = []
    for kind in (KINDS[0], *ERRORS):
        counts: list[object] = [None, None]
        if kind in KINDS:
            counts = [int(diagnosis.counts[place, KINDS.index(kind)]) for place in (0, -1)]
        rows.append([kind, *counts, _percent(diagnosis.gains[kind]) if kind in diagnosis.gains else None])
    rows[-1][1] = f"{diagnosis.num_missed:,} of {len(report.truth.class_index):,}"
    return rows


def tabulate_classes(report: LocalizationReport) -> list[list[object]]:
    """A row a class: counts, AP at every threshold and their mean, name."""
    truth, result = report.truth, report.result
    rows: list[list[object]] = []
    for index, label in enumerate(truth.classes):
        precision = result.average_precision[:, index]
        counts = [int(result.num_true[index]), int(result.num_detections[index])]
        areas = [_percent(value) for value in [*precision.tolist(), float(precision.mean())]]
        rows.append([label, *counts, *areas, truth.names.get(label, "")])
    return rows


def format_score(score: Score) -> str:
    """Percent, with the interval where there is one."""
    if math.isnan(score.value):
        return "-"
    interval = "" if score.low is None or score.high is None else f" ({100 * score.low:.1f}–{100 * score.high:.1f})"
    return f"{100 * score.value:.2f}{interval}"


def _percent(value: float) -> str | None:
    return None if math.isnan(value) else f"{100 * value:.2f}"


def _make_tally(report: LocalizationReport) -> str:
    detections = report.detections
    left_out = detections.num_read - len(detections.scores)
    return (
        f"evaluated {len(detections.scores):,} of {format_count(detections.num_read, 'prediction')}, left out "
        f"{left_out:,}; {detections.num_missing_videos} videos without a line in the file"
    )
