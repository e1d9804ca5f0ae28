"""Perceptual hashes of what moves in a record.

Records of one competition show the same hall from the same places: their pictures are alike, what happens in them is
not. So hashes are made of *changes*: the mean of half a second minus the mean of the half second before. The hall, a
logo and bars cancel out, and where nothing moves there is no hash. Of each change the signs of the lowest 63
coefficients of a cosine transform are kept (a DCT hash as in pHash, phash.org), in eight rows of eight without the
mean.

Cropping moves the picture under the transform, so a record is hashed as it would be if cropped by several amounts. A
crop is only a change of the cosines' support: no picture is resized.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finegym.files import replace_file
from finegym.video.ingest.signals import Signals

FORMAT = "finegym-hashes/1"
STEP_MS = 125
# Half a second, in steps.
HALF = 4
NUM_COSINES = 8
# Changes weaker than this (standard deviation, grey levels) are noise.
MIN_CHANGE = 1.0
# (left and right, top and bottom) shares cut off each side; the last is 16:9 cut to 4:3.
CROPS = ((0.0, 0.0), (0.025, 0.025), (0.05, 0.05), (0.075, 0.075), (0.1, 0.1), (0.125, 0.0))
# A row or column whose mean never gets brighter than this is part of a bar.
BAR_LUMA = 28
_BLOCK = 480  # steps at a time: one minute


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """The hashes of one record.

    Attributes:
        steps: int64 (N,), increasing: the change at ``STEP_MS * steps`` milliseconds on the record's clock.
        hashes: uint64 (crops, N).
        box: (top, bottom, left, right) of the picture within its bars, shares of the whole.
    """

    steps: np.ndarray
    hashes: np.ndarray
    box: tuple[float, float, float, float]


def compute_fingerprint(signals: Signals) -> Fingerprint:
    """Hash a record; a still one gives no hashes."""
    box = find_picture(signals.luma)
    steps, hashes = [np.empty(0, np.int64)], [np.empty((len(CROPS), 0), np.uint64)]
    for block in split_steps(find_steps(signals)):
        changes = compute_changes(signals, block)
        moving = np.flatnonzero(measure_motion(changes, box) >= MIN_CHANGE)
        steps.append(block.start + moving)
        hashes.append(np.stack([hash_changes(changes[moving], cut_box(box, crop)) for crop in CROPS]))
    return Fingerprint(np.concatenate(steps), np.concatenate(hashes, axis=1), box)


def write_fingerprint(path: Path, fingerprint: Fingerprint, key: str) -> None:
    """Keep a fingerprint in an ``.npz`` file, whole or not at all; ``key`` names the content of the record."""
    steps, hashes, box = fingerprint.steps, fingerprint.hashes, np.array(fingerprint.box)
    with replace_file(path) as temporary:
        np.savez(temporary, format=np.array(FORMAT), key=np.array(key), steps=steps, hashes=hashes, box=box)


def read_fingerprint(path: Path, key: str) -> Fingerprint | None:
    """A kept fingerprint; ``None`` where there is none, or it is damaged or of another record."""
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if str(stored["format"]) != FORMAT or str(stored["key"]) != key:
                return None
            top, bottom, left, right = stored["box"].tolist()
            return Fingerprint(stored["steps"], stored["hashes"], (top, bottom, left, right))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def find_picture(luma: np.ndarray) -> tuple[float, float, float, float]:
    """(top, bottom, left, right) of what lies within black bars, as shares of height and width.

    Args:
        luma: uint8 (N, H, W).
    """
    if not len(luma):
        return 0.0, 1.0, 0.0, 1.0
    sample = luma[:: max(1, len(luma) // 400)].astype(np.float32)
    brightest = np.percentile(sample, 95, axis=0)
    edges: list[float] = []
    for axis in (1, 0):
        profile = brightest.mean(axis=axis)
        lit = np.flatnonzero(profile > BAR_LUMA)
        if not len(lit) or lit[-1] - lit[0] + 1 < 0.4 * len(profile):
            edges += [0.0, 1.0]  # a dark record, not bars
            continue
        edges += [_find_edge(profile, int(lit[0]), -1), _find_edge(profile, int(lit[-1]), 1)]
    top, bottom, left, right = edges
    return top, bottom, left, right


def _find_edge(profile: np.ndarray, last_lit: int, direction: int) -> float:
    """Where a bar ends, to a part of a row: the outermost lit row is a mixture of bar and picture."""
    inner, size = last_lit - direction, len(profile)
    outside = last_lit + direction
    if not 0 <= outside < size:
        return 0.0 if direction < 0 else 1.0
    dark, bright = float(profile[outside]), float(profile[inner])
    share = min(1.0, max(0.0, (float(profile[last_lit]) - dark) / max(1.0, bright - dark)))
    return (last_lit + 1 - share) / size if direction < 0 else (last_lit + share) / size


def cut_box(box: tuple[float, float, float, float], crop: tuple[float, float]) -> tuple[float, float, float, float]:
    """A box less shares of its width and height on each side."""
    top, bottom, left, right = box
    across, down = crop[0] * (right - left), crop[1] * (bottom - top)
    return top + down, bottom - down, left + across, right - across


def find_steps(signals: Signals, offset_ms: float = 0.0) -> range:
    """The steps whose changes lie wholly within a record, if all times are ``offset_ms`` later."""
    times = signals.times_ms
    if len(times) < 2:
        return range(0)
    first = int(np.ceil((times[0] - offset_ms) / STEP_MS)) + HALF
    return range(first, max(first, int(np.floor((times[-1] - offset_ms) / STEP_MS)) - HALF + 2))


def compute_changes(signals: Signals, steps: range, offset_ms: float = 0.0) -> np.ndarray:
    """float32 (steps, H, W): the mean of the half second from each step on, minus the mean of the one before.

    Args:
        signals: of the record.
        steps: consecutive; step k is at ``STEP_MS * k + offset_ms`` on the record's clock.
        offset_ms: added to all times.
    """
    samples = _sample(signals, STEP_MS * np.arange(steps.start - HALF, steps.stop + HALF - 1) + offset_ms)
    sums = np.concatenate([np.zeros_like(samples[:1]), np.cumsum(samples, axis=0)])
    means = (sums[HALF:] - sums[:-HALF]) / HALF
    return means[HALF:] - means[:-HALF]


def split_steps(steps: range) -> Iterator[range]:
    """A minute at a time: thumbnails as numbers with fractions take room."""
    for first in range(steps.start, steps.stop, _BLOCK):
        yield range(first, min(first + _BLOCK, steps.stop))


def measure_motion(changes: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """float32 (N,): the standard deviation of each change within a box, in grey levels."""
    height, width = changes.shape[1:]
    top, bottom, left, right = box
    rows = slice(max(0, int(np.ceil(top * height))), int(bottom * height))  # a box may reach beyond the picture
    columns = slice(max(0, int(np.ceil(left * width))), int(right * width))
    return changes[:, rows, columns].std(axis=(1, 2))


def _sample(signals: Signals, times_ms: np.ndarray) -> np.ndarray:
    """float32 (N, H, W): thumbnails at any times, mixed from the two around each."""
    right = np.clip(np.searchsorted(signals.times_ms, times_ms, side="right"), 1, len(signals.times_ms) - 1)
    before, after = signals.times_ms[right - 1], signals.times_ms[right]
    share = np.clip((times_ms - before) / (after - before), 0, 1).astype(np.float32)[:, None, None]
    return signals.luma[right - 1] * (1 - share) + signals.luma[right] * share


def hash_changes(changes: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """uint64 (N,): the signs of the lowest cosine coefficients of float32 (N, H, W) within a box."""
    bits = transform_changes(changes, box) > 0
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def transform_changes(
    changes: np.ndarray, box: tuple[float, float, float, float], num_cosines: int = NUM_COSINES
) -> np.ndarray:
    """The lowest cosine coefficients of changes within a box; that of the mean is 0.

    Args:
        changes: float32 (N, H, W).
        box: (top, bottom, left, right), shares of height and width.
        num_cosines: each way.

    Returns:
        float32 (N, ``num_cosines`` squared).
    """
    height, width = changes.shape[1:]
    rows = make_cosines(height, *box[:2], num_cosines)
    columns = make_cosines(width, *box[2:], num_cosines)
    coefficients = (rows @ changes @ columns.T).reshape(len(changes), num_cosines**2)
    coefficients[:, 0] = 0  # how bright it is says nothing about what it shows
    return coefficients


def make_cosines(length: int, start: float, stop: float, num_cosines: int = NUM_COSINES) -> np.ndarray:
    """float32 (cosines, length): integrals of cosines over each pixel, with their support in ``[start, stop)``.

    Args:
        length: pixels.
        start: of the support, as a share of the length.
        stop: its end.
        num_cosines: how many, from the constant one on.
    """
    edges = np.clip((np.arange(length + 1) / length - start) / (stop - start), 0, 1)
    waves = np.arange(num_cosines)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        integrals = np.sin(np.pi * waves * edges) / (np.pi * waves)
    integrals[0] = edges
    return np.diff(integrals, axis=1).astype(np.float32)
