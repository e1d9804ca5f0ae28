"""The report on a localizer's predictions as a page: numbers, curves, and a timeline of truth and prediction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finegym import __version__
from finegym.annotations.text import format_cell
from finegym.evaluation.localization import report_text
from finegym.evaluation.localization.matching import group_rows
from finegym.evaluation.localization.report import LocalizationReport
from finegym.report.page import Picture, Prose, Section, Table, write_page
from finegym.report.plots import Curve, draw_curves, make_colours
from finegym.report.timeline_picture import Row, Span, draw_timeline


@dataclass(frozen=True)
class OperatingPoint:
    """Which predictions pictures show: scores do not say by themselves.

    Attributes:
        min_score: the score, one for all classes, of the best F1.
        f1: that, over all predictions.
        num_shown: predictions with at least that score.
        is_right: bool (N,), by detection: right at the diagnosed threshold.
        is_found: bool (M,), by segment: taken by one that is shown.
    """

    min_score: float
    f1: float
    num_shown: int
    is_right: np.ndarray
    is_found: np.ndarray


def write_localization_page(path: Path, report: LocalizationReport, *, max_records: int | None = None) -> int:
    """Write the page, whole or not at all.

    Args:
        path: where to.
        report: what it shows.
        max_records: draw only the first so many.

    Returns:
        Number of timelines drawn.
    """
    badge = "simulated" if report.truth.is_simulated else ""
    timelines = list(iterate_records(report, max_records))
    sections = [
        Section("Numbers", _make_numbers(report), badge),
        Section("Mistakes", _make_mistakes(report), badge),
        Section("Classes", [_make_classes(report)], badge),
        *(Section(title, pictures, badge) for title, pictures in timelines),
    ]
    num_segments, num_records = len(report.truth.class_index), len(set(report.truth.record_ids))
    write_page(
        path,
        "Localization",
        sections,
        lead=f"{report.predictions} against {report.truth.subset} of {report.ground_truth}: average mAP "
        f"{100 * report.result.average:.2f} % over {num_segments:,} segments of {len(report.truth.classes)} classes in "
        f"{num_records} records."
        + (f" The first {len(timelines)} records are drawn." if len(timelines) < num_records else ""),
        footer=f"finegym {__version__}; sha256 {', '.join(f'{k}: {v[:12]}' for k, v in report.sha256.items())}.",
    )
    return sum(len(pictures) for _, pictures in timelines)


def find_operating_point(report: LocalizationReport) -> OperatingPoint:
    """The score from which on all predictions together have the best F1 at the diagnosed threshold."""
    result, detections = report.result, report.detections
    level = result.thresholds.index(report.diagnosis.tiou)
    is_right = np.zeros(len(detections.scores), bool)
    is_right[result.ranked[result.hits[level]]] = True
    order = np.argsort(-detections.scores, kind="stable")
    right = np.cumsum(is_right[order])
    f1 = 2 * right / (np.arange(1, len(order) + 1) + len(report.truth.class_index))
    # Equal scores are shown together or not at all.
    scores = detections.scores[order]
    is_last = np.append(scores[1:] != scores[:-1], True) if len(scores) else np.zeros(0, bool)
    best = int(np.argmax(np.where(is_last, f1, -1))) if len(scores) else -1
    min_score = float(scores[best]) if best >= 0 else float("inf")
    is_found = np.zeros(len(report.truth.class_index), bool)
    shown = detections.scores[result.ranked[result.hits[level]]] >= min_score
    is_found[result.hit_truth[level][shown]] = True
    return OperatingPoint(min_score, float(f1[best]) if best >= 0 else 0.0, best + 1, is_right, is_found)


def _make_numbers(report: LocalizationReport) -> list[Prose | Table | Picture]:
    result, intervals, recall = report.result, report.intervals, report.recall
    low, high = None, None
    if intervals is not None and not intervals.average.no_interval:
        low = [100 * (score.low or 0) for score in intervals.mean]
        high = [100 * (score.high or 0) for score in intervals.mean]
    curve = draw_curves(
        [Curve("mAP", result.thresholds, (100 * result.mean).tolist(), low, high)],
        x_label="tIoU", y_label="mAP %", y_range=(0, 100),
    )  # fmt: skip
    blocks: list[Prose | Table | Picture] = [
        Table(["", ""], list(report_text.list_facts(report).items())),
        *(Prose(f"Note: {note}.") for note in report.notes),
        Table(["tIoU", "mAP %"], report_text.tabulate_map(report)),
        Picture(curve, "mAP over thresholds of tIoU; the band is the 95 % interval.", "curve of mAP"),
        Table(["proposals a video", "average recall %"], report_text.tabulate_recall(report)),
    ]
    if len(recall.average_number):
        picture = draw_curves(
            [Curve("AR", recall.average_number.tolist(), (100 * recall.average_recall).tolist())],
            x_label="proposals a video, on average", y_label="average recall %", y_range=(0, 100),
        )  # fmt: skip
        blocks.append(Picture(picture, "Average recall over the average number of proposals (AR-AN).", "AR-AN"))
    return blocks


def _make_mistakes(report: LocalizationReport) -> list[Prose | Table | Picture]:
    diagnosis = report.diagnosis
    header = ["mistake", "first G", "first 10 G", "costs mAP %"]
    lengths = [
        [f"{g.low_s:g} to {g.high_s:g}", g.num_segments, g.num_missed, f"{100 * g.num_missed / g.num_segments:.1f}"]
        for g in diagnosis.lengths
    ]
    return [
        Prose(
            f"At tIoU {diagnosis.tiou:g}, of the first G and 10 G predictions of every class, where G is the number of "
            "its segments. The cost is what average mAP would gain if these predictions, or the missed segments, were "
            "not there."
        ),
        Table(header, [[format_cell(cell) for cell in row] for row in report_text.tabulate_diagnosis(report)]),
        Table(["length of segments, s", "segments", "missed", "%"], lengths, "Quartiles of length."),
    ]


def _make_classes(report: LocalizationReport) -> Table:
    header = [
        "class",
        "segments",
        "predictions",
        *(f"AP@{tiou:g} %" for tiou in report.result.thresholds),
        "mean %",
        "name",
    ]
    return Table(header, report_text.tabulate_classes(report))


def iterate_records(
    report: LocalizationReport, max_records: int | None
) -> Iterator[tuple[str, list[Prose | Table | Picture]]]:
    """Title and pictures of every record."""
    truth = report.truth
    point = find_operating_point(report)
    colour_of = make_colours(truth.classes)
    shown = np.flatnonzero(report.detections.scores >= point.min_score)
    found = [shown[rows] for rows in group_rows(report.detections.video_index[shown], len(truth.video_ids))]
    true = group_rows(truth.video_index, len(truth.video_ids))
    videos_of: dict[str, list[int]] = {}
    for video, record in enumerate(truth.record_ids):
        videos_of.setdefault(record, []).append(video)
    for record in list(videos_of)[:max_records]:
        pictures: list[Prose | Table | Picture] = []
        for video in videos_of[record]:
            rows = list(_make_rows(report, point, video, true[video], found[video]))
            ends = [span.end_s for row in rows for span in row.spans]
            duration = float(truth.durations_s[video])
            svg = draw_timeline(rows, max(ends, default=1.0) if np.isnan(duration) else duration, colour_of)
            caption = (
                f"{truth.video_ids[video]}. Predictions with a score of at least {point.min_score:.3g}, where all of "
                f"them together have their best F1 ({100 * point.f1:.1f} %) at tIoU {report.diagnosis.tiou:g}; dashed: "
                "missed segments, wrong predictions."
            )
            pictures.append(Picture(svg, caption, f"timeline of {truth.video_ids[video]}"))
        yield record, pictures


def _make_rows(
    report: LocalizationReport, point: OperatingPoint, video: int, true: np.ndarray, found: np.ndarray
) -> Iterator[Row]:
    truth, detections = report.truth, report.detections
    labels = [truth.classes[index] for index in truth.class_index[true].tolist()]
    spans = [
        Span(start, end, label, "plain" if is_found else "missed")
        for (start, end), label, is_found in zip(
            truth.segments_s[true].tolist(), labels, point.is_found[true].tolist(), strict=True
        )
    ]
    ignored = truth.ignored_segments_s[truth.ignored_video_index == video]
    yield Row("truth", [*spans, *(Span(start, end, "", "ignored") for start, end in ignored.tolist())])
    labels = [truth.classes[index] for index in detections.class_index[found].tolist()]
    spans = [
        Span(start, end, label, "plain" if is_right else "wrong")
        for (start, end), label, is_right in zip(
            detections.segments_s[found].tolist(), labels, point.is_right[found].tolist(), strict=True
        )
    ]
    yield Row("predicted", spans)
