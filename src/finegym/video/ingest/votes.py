"""Where two records may share a part: an inverted index of hashes, and votes for offsets in time.

Hashes of one moment in two copies differ in a few of their 63 bits. Cut into three bands of 21 bits, at least one band
often agrees whole; moments that share a band are compared bit by bit, and those that are near vote for the offset
between their times. A shared part gives many votes for one offset, chance gives scattered ones.

An hour has 28,800 hashes, and six times as many with the crops. A band has two million values, so that even in 300
hours a value has some 25 moments: the work grows with the square of the hours, but from a small constant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from finegym.video.ingest.fingerprint import CROPS, Fingerprint

NUM_BANDS = 3
BAND_BITS = 21
# Two hashes that differ in more bits are not of one moment; chance differs in 31.
MAX_DISTANCE = 12
# Votes are counted in cells: ten seconds of the left record, half a second of offset (overlapping by half).
CELL_STEPS = 80
BIN_STEPS = 2
MIN_VOTES = 6
# Cells go on where the hashes of four seconds in a row are this near on average. Copies that are cropped unevenly,
# carry a logo and are coded badly come to 7; so do two pans over one hall, which thumbnails then tell apart.
WINDOW = 32
MAX_MEAN_DISTANCE = 12.0
# The most offsets of one pair that are looked at more closely, nearest first.
MAX_OFFSETS = 6
# A value of a band that so many moments have says nothing (a test picture, a broadcaster's opening).
MAX_SHARED = 20_000
_CHUNK = 4_000_000
_OFFSET_ZERO = 1 << 22


@dataclass(frozen=True)
class Candidate:
    """An offset that two records may share a part at.

    Attributes:
        left: place of one record in the list.
        right: place of the other, larger.
        offset_steps: time in the right record minus time in the left one.
        first_step: of the left record, where the hashes are nearest.
        crop_left: place in ``CROPS`` of what the left record is cropped by.
        crop_right: likewise; one of the two is 0.
        distance: bits that the hashes differ in there, on average.
    """

    left: int
    right: int
    offset_steps: int
    first_step: int
    crop_left: int
    crop_right: int
    distance: float


def find_candidates(fingerprints: Sequence[Fingerprint]) -> tuple[list[Candidate], int]:
    """Offsets that pairs of records may share parts at, by pair, nearest first.

    Returns:
        The candidates, and how many more offsets were left out because a pair had more than ``MAX_OFFSETS``.
    """
    sizes = [len(fingerprint.steps) for fingerprint in fingerprints]
    if len(fingerprints) < 2 or sum(sizes) == 0:
        return [], 0
    hashes = np.concatenate([fingerprint.hashes.reshape(-1) for fingerprint in fingerprints])
    owners = np.repeat(np.arange(len(sizes), dtype=np.int32), [size * len(CROPS) for size in sizes])
    steps = np.concatenate([np.tile(fingerprint.steps, len(CROPS)) for fingerprint in fingerprints]).astype(np.int32)
    crops = np.concatenate([np.repeat(np.arange(len(CROPS), dtype=np.int8), size) for size in sizes])
    votes = [np.empty((4, 0), np.int64)]
    for band in range(NUM_BANDS):
        keys = _get_band(hashes, band)
        order = np.argsort(keys, kind="stable").astype(np.uint32)
        keys = keys[order]
        for query, fingerprint in enumerate(fingerprints):
            for found, place in _look_up(fingerprint.hashes[0], band, keys, order, hashes, owners, query):
                votes.append(_make_votes(query, fingerprint.steps[found], owners[place], steps[place], crops[place]))
    cells = _count(np.concatenate(votes, axis=1), len(fingerprints))
    return _choose([near for cell in cells.T.tolist() if (near := _measure(cell, fingerprints)) is not None])


def _get_band(hashes: np.ndarray, band: int) -> np.ndarray:
    return (hashes >> np.uint64(BAND_BITS * band)).astype(np.uint32) & np.uint32((1 << BAND_BITS) - 1)


def _look_up(
    asked: np.ndarray,
    band: int,
    keys: np.ndarray,
    order: np.ndarray,
    hashes: np.ndarray,
    owners: np.ndarray,
    query: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(place in ``asked``, place in ``hashes``) of near hashes of other records that share a band."""
    wanted = _get_band(asked, band)
    first, stop = np.searchsorted(keys, wanted, "left"), np.searchsorted(keys, wanted, "right")
    counts = stop - first
    counts[counts > MAX_SHARED] = 0
    ends = np.cumsum(counts)
    start = 0
    while start < len(asked):
        # As many queries at a time as fit the memory meant for them.
        limit = (ends[start - 1] if start else 0) + _CHUNK
        until = max(start + 1, int(np.searchsorted(ends, limit, "right")))
        part = counts[start:until]
        found = np.repeat(np.arange(start, until), part)
        within = np.arange(len(found)) - np.repeat(np.cumsum(part) - part, part)
        place = order[first[found] + within]
        is_near = np.bitwise_count(hashes[place] ^ asked[found]) <= MAX_DISTANCE
        is_near &= owners[place] != query
        yield found[is_near], place[is_near]
        start = until


def _make_votes(
    query: int, query_steps: np.ndarray, owners: np.ndarray, owner_steps: np.ndarray, crops: np.ndarray
) -> np.ndarray:
    """int64 (4, N): left and right record as one number, offset, left step, and which is cropped by what."""
    is_left = query < owners  # the record asked about is the left one; it is whole, the other one cropped
    left_steps = np.where(is_left, query_steps, owner_steps)
    right_steps = np.where(is_left, owner_steps, query_steps)
    pairs = (np.minimum(query, owners).astype(np.int64) << 20) | np.maximum(query, owners)
    return np.stack([pairs, right_steps - left_steps, left_steps, crops * 2 + is_left])


def _count(votes: np.ndarray, num_records: int) -> np.ndarray:
    """int64 (5, cells): left, right, offset, first left step and crop of cells with enough votes."""
    pairs, offsets, steps, kinds = votes
    left, right = pairs >> 20, pairs & ((1 << 20) - 1)
    # Every vote counts in two bins of offsets, so that no offset lies at an edge of both.
    bins = (offsets + _OFFSET_ZERO) // BIN_STEPS
    cell = (steps + _OFFSET_ZERO) // CELL_STEPS
    bits = max(1, (num_records - 1).bit_length())
    assert 2 * bits + 22 + 17 < 63, f"{num_records} records are too many for one comparison"
    packed = (((left << bits | right) << 22) << 17) | cell
    packed = np.concatenate([packed | (b << 17) for b in (bins, np.maximum(0, bins - 1))])
    unique, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
    # One moment may have voted with several crops and bands: that is one vote.
    moments = np.unique(np.stack([inverse, np.concatenate([steps, steps])]), axis=1)[0]
    counts = np.bincount(moments, minlength=len(unique))
    strong = np.flatnonzero(counts >= MIN_VOTES)
    kind_of = _find_commonest(inverse, np.concatenate([kinds, kinds]), len(unique))
    found = unique[strong]
    pair = found >> 39
    offset = ((found >> 17) & ((1 << 22) - 1)) * BIN_STEPS + BIN_STEPS - 1 - _OFFSET_ZERO
    first = (found & ((1 << 17) - 1)) * CELL_STEPS - _OFFSET_ZERO
    return np.stack([pair >> bits, pair & ((1 << bits) - 1), offset, first, kind_of[strong]])


def _find_commonest(groups: np.ndarray, kinds: np.ndarray, num_groups: int) -> np.ndarray:
    """The commonest kind of each group."""
    num_kinds = 2 * len(CROPS)
    pairs, counts = np.unique(groups.astype(np.int64) * num_kinds + kinds, return_counts=True)
    order = np.argsort(counts, kind="stable")
    commonest = np.zeros(num_groups, np.int64)
    commonest[pairs[order] // num_kinds] = pairs[order] % num_kinds  # the last one, with most votes, stays
    return commonest


def _measure(cell: Sequence[int], fingerprints: Sequence[Fingerprint]) -> Candidate | None:
    """The four seconds in and around a cell where the hashes are nearest; ``None`` where they are not near."""
    left, right, offset, first, kind = cell
    crop_left, crop_right = (0, kind // 2) if kind % 2 else (kind // 2, 0)
    one, other = fingerprints[left], fingerprints[right]
    low, high = np.searchsorted(one.steps, [first - WINDOW, first + CELL_STEPS + WINDOW])
    steps, hashes = one.steps[low:high], one.hashes[crop_left, low:high]
    best = None
    for shift in range(-BIN_STEPS, BIN_STEPS + 1):
        place = np.minimum(np.searchsorted(other.steps, steps + offset + shift), len(other.steps) - 1)
        both = np.flatnonzero(other.steps[place] == steps + offset + shift)
        if len(both) < WINDOW:
            continue
        distance = np.bitwise_count(hashes[both] ^ other.hashes[crop_right, place[both]])
        sums = np.concatenate([[0], np.cumsum(distance, dtype=np.int64)])
        means = (sums[WINDOW:] - sums[:-WINDOW]) / WINDOW
        at = int(np.argmin(means))
        if means[at] <= MAX_MEAN_DISTANCE and (best is None or means[at] < best.distance):
            step = int(steps[both[at]])
            best = Candidate(left, right, offset + shift, step, crop_left, crop_right, float(means[at]))
    return best


def _choose(candidates: list[Candidate]) -> tuple[list[Candidate], int]:
    """The nearest candidate of every pair and offset, at most ``MAX_OFFSETS`` a pair."""
    by_pair: dict[tuple[int, int], list[Candidate]] = {}
    num_left_out = 0
    for candidate in sorted(candidates, key=lambda candidate: candidate.distance):
        chosen = by_pair.setdefault((candidate.left, candidate.right), [])
        if any(abs(candidate.offset_steps - other.offset_steps) <= 2 * BIN_STEPS for other in chosen):
            continue
        if len(chosen) == MAX_OFFSETS:
            num_left_out += 1
        else:
            chosen.append(candidate)
    return [candidate for pair in sorted(by_pair) for candidate in by_pair[pair]], num_left_out
