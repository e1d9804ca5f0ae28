"""Methods of optical flow side by side on one record: a page with pictures, time and errors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from finegym import __version__
from finegym.errors import FeatureError
from finegym.features.cuts import find_crossings
from finegym.features.flow.colour_wheel import draw_flow, draw_legend
from finegym.features.flow.draw import find_full_px
from finegym.features.flow.extract import compute_flow_size
from finegym.features.flow.methods import METHODS, compute_flow
from finegym.report.images import draw_sheet, encode_jpeg
from finegym.report.page import Picture, Prose, Section, Table, write_page
from finegym.video.ingest.cuts import find_cuts
from finegym.video.ingest.signals import compute_signals
from finegym.video.reader import VideoReader

REFERENCE = "tvl1"
# The known motion: what a camera does, and half a grey level more light.
_TURN_DEGREES, _ZOOM, _SHIFT_PX = 1.5, 1.02, (3.0, -1.5)
_NOISE, _SEED = 2.0, 1


@dataclass(frozen=True)
class Measured:
    """What one method made of one pair of frames.

    Attributes:
        method: its name.
        field: float32 (H, W, 2).
        cpu_ms: processor time of the second of two runs.
        photometric: mean absolute difference, in grey levels, between the first frame and the second one moved back
            along the flow, where that lies inside of the picture.
        difference_px: mean end-point distance from ``REFERENCE``'s flow.
        error_px: mean end-point error, where the true flow is known.
    """

    method: str
    field: np.ndarray
    cpu_ms: float
    photometric: float
    difference_px: float | None
    error_px: float | None


def compute_photometric_error(first: np.ndarray, second: np.ndarray, field: np.ndarray) -> float:
    """How well flow explains the second frame, without knowing the true flow.

    Args:
        first: uint8 (H, W), grey.
        second: uint8 (H, W).
        field: float32 (H, W, 2), from the first to the second.

    Returns:
        Mean absolute difference in grey levels; NaN where the flow leads out of the picture everywhere.
    """
    height, width = first.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x + field[..., 0], y + field[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    moved = cv2.remap(second, x, y, cv2.INTER_LINEAR)
    return float(np.abs(moved.astype(np.float32) - first)[inside].mean()) if inside.any() else float("nan")


def compute_epe(field: np.ndarray, truth: np.ndarray) -> float:
    """Mean end-point error: the mean length of the difference of two fields, in pixels."""
    return float(np.linalg.norm(field - truth, axis=-1).mean())


def move_known(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A frame as a moving camera would see it next, and the flow from the one to the other.

    Args:
        frame: uint8 (H, W).

    Returns:
        uint8 (H, W), turned, enlarged and shifted, with noise; float32 (H, W, 2), the true flow.
    """
    height, width = frame.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), _TURN_DEGREES, _ZOOM)
    turn[:, 2] += np.array(_SHIFT_PX)
    y, x = np.mgrid[:height, :width]
    there = np.stack([x, y, np.ones_like(x)], -1) @ turn.T
    moved = cv2.warpAffine(frame, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    noise = np.random.default_rng(_SEED).normal(0, _NOISE, frame.shape)
    second = (moved + noise).round().clip(0, 255).astype(np.uint8)
    return second, (there - np.stack([x, y], -1)).astype(np.float32)


def measure_methods(
    first: np.ndarray, second: np.ndarray, methods: Sequence[str], *, truth: np.ndarray | None = None
) -> list[Measured]:
    """Every method on one pair of frames.

    Args:
        first: uint8 (H, W, 3), RGB.
        second: like ``first``.
        methods: keys of ``METHODS``.
        truth: float32 (H, W, 2), where it is known.

    Raises:
        ConfigError: a method is unknown, or its weights are missing.
    """
    grey_first, grey_second = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (first, second))
    reference = compute_flow(grey_first, grey_second, REFERENCE)
    measured = []
    for method in methods:
        is_grey = method not in METHODS or METHODS[method].colour == "grey"
        one, two = (grey_first, grey_second) if is_grey else (first, second)
        compute_flow(one, two, method)  # compiled, loaded, warm
        start = time.process_time()
        field = compute_flow(one, two, method)
        cpu_ms = 1000 * (time.process_time() - start)
        measured.append(
            Measured(
                method=method,
                field=field,
                cpu_ms=cpu_ms,
                photometric=compute_photometric_error(grey_first, grey_second, field),
                difference_px=None if method == REFERENCE else compute_epe(field, reference),
                error_px=None if truth is None else compute_epe(field, truth),
            )
        )
    return measured


def write_comparison(
    path: Path,
    out: Path,
    *,
    at_ms: Sequence[float] = (),
    methods: Sequence[str] = ("tvl1", "tvl1-fast", "dis", "farneback"),
    short_side: int = 256,
    truth: np.ndarray | None = None,
) -> list[list[Measured]]:
    """A page that shows what methods make of some pairs of frames of a record.

    The last pair is a frame of the record and the same frame moved by a known camera motion: there the error is known.

    Args:
        path: of the record.
        out: the HTML page.
        at_ms: times on the record's clock; the frame shown then, and the next. None: the middle of the record.
        methods: keys of ``METHODS``.
        short_side: pixels of the frames' shorter side; smaller records keep their size.
        truth: float32 (H, W, 2), the true flow of the first pair, where somebody knows it.

    Returns:
        What was measured, a list a pair, the pair of known motion last; nothing of a pair across a cut.

    Raises:
        VideoError: the record cannot be read, or has no frame at a time and behind it.
        FeatureError: ``truth`` is of another size.
        ConfigError: a method is unknown, or its weights are missing.
        OutputError: the page cannot be written.
    """
    with VideoReader(Path(path)) as reader:
        index = reader.index
        times = list(at_ms) or [(index.start_ms + index.end_ms) / 2]
        size = compute_flow_size(index, short_side)
        numbers = [reader.find_frame_at(at) for at in times]
        if index.num_frames < 2:
            raise FeatureError(f"{path}: has {index.num_frames} frame; flow needs two")
        numbers = [min(number, index.num_frames - 2) for number in numbers]
        frames = reader.read_frames([k for number in numbers for k in (number, number + 1)], size=size)
        cuts = find_cuts(reader, compute_signals(reader.path))
    if truth is not None and truth.shape != (*size, 2):
        raise FeatureError(
            f"the true flow is of {truth.shape[1]}x{truth.shape[0]} pixels, the frames of {size[1]}x{size[0]}"
        )
    sections: list[Section] = []
    all_measured: list[list[Measured]] = []
    for place, number in enumerate(numbers):
        first, second = frames[2 * place], frames[2 * place + 1]
        title = f"Frames {number} and {number + 1}, {index.pts_ms[number] / 1000:.2f} s"
        if find_crossings(range(number, number + 2), cuts)[0]:
            all_measured.append([])
            sections.append(Section(title, _describe_cut(first, second)))
            continue
        measured = measure_methods(first, second, methods, truth=truth if place == 0 else None)
        all_measured.append(measured)
        sections.append(Section(title, _describe(first, second, measured, truth if place == 0 else None)))
    first = np.repeat(cv2.cvtColor(frames[0], cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    moved, known = move_known(first[..., 0])
    second = np.repeat(moved[..., None], 3, axis=2)
    all_measured.append(measure_methods(first, second, methods, truth=known))
    title = "Known motion: one frame, moved as by a camera"
    sections.append(Section(title, _describe(first, second, all_measured[-1], known), badge="simulated"))
    lead = (
        f"{Path(path).name}, {size[1]}x{size[0]} pixels. Hue is direction, saturation is speed, white stands still; "
        "the wheel shows which hue points where. The photometric error is the mean difference, in grey levels of 255, "
        "between the first frame and the second one moved back along the flow: it needs no truth, and forgives much "
        f"where the picture is smooth. Distance from {REFERENCE} and error are mean end-point distances; the error is "
        "known where the true flow is. CPU ms is the processor time of one pair."
    )
    write_page(Path(out), "Optical flow compared", sections, lead=lead, footer=f"made by finegym {__version__}")
    return all_measured


def _describe_cut(first: np.ndarray, second: np.ndarray) -> list[Prose | Table | Picture]:
    sheet = draw_sheet([first, second], ["first frame", "second frame"], columns=3, tile_width=300)
    text = "Across a cut: the frames are of two shots, and nothing moves from one to the other. Give another time."
    return [Picture(encode_jpeg(sheet, 90), "", "Two frames of different shots"), Prose(text)]


def _describe(
    first: np.ndarray, second: np.ndarray, measured: Sequence[Measured], truth: np.ndarray | None
) -> list[Prose | Table | Picture]:
    full_px = find_full_px(np.stack([each.field for each in measured]) if truth is None else truth)
    tiles = [first, second]
    labels = ["first frame", "second frame"]
    if truth is not None:
        tiles.append(draw_flow(truth, full_px))
        labels.append("the true flow")
    for each in measured:
        tiles.append(draw_flow(each.field, full_px))
        labels.append(each.method)
    tiles.append(draw_legend(*first.shape[:2]))
    labels.append(f"full colour: {full_px:.1f} px a frame")
    sheet = draw_sheet(tiles, labels, columns=3, tile_width=300)
    alt = f"Two frames and the flow between them by {', '.join(each.method for each in measured)}"
    rows = [
        (
            each.method,
            f"{each.cpu_ms:.1f}",
            f"{each.photometric:.2f}",
            "" if each.difference_px is None else f"{each.difference_px:.3f}",
            "unknown" if each.error_px is None else f"{each.error_px:.3f}",
        )
        for each in measured
    ]
    header = ("method", "CPU ms", "photometric", f"from {REFERENCE}, px", "error, px")
    return [Picture(encode_jpeg(sheet, 90), "", alt), Table(header, rows)]
