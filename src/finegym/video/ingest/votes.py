"""Where two records may share a part: an inverted index of hashes, and votes for offsets in time.

Hashes of one moment in two copies differ in a few of their 63 bits. Cut into three bands of 21 bits, at least one band
often agrees whole; moments that share a band are compared bit by bit, and those that are near vote for the offset
between their times. A shared part gives many votes for one offset, chance gives scattered ones.

An hour has 28,800 hashes, and six times as many with the crops. A band has two million values: in 300 hours, 25 moments
share one by chance. The work grows with the square of the hours from a small constant, and is bounded (``MAX_HITS``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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
# So many moments are looked at for each moment of a record, on average. Moments that look like many others (a slow pan)
# say least: the most common ones are left out where this would be exceeded. It bounds the time.
MAX_HITS = 64
_CHUNK = 4_000_000
# How votes are packed into 63 bits: step since the start (four days) and offset, three bits for the crop, the rest for
# the record.
_STEP_BITS, _OFFSET_BITS, _OWNER_BITS = 22, 23, 15
_STEP_ZERO, _OFFSET_ZERO = 1 << 20, 1 << 22


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
    assert len(fingerprints) < 1 << _OWNER_BITS, f"{len(fingerprints)} records are too many for one comparison"
    # Clocks may begin anywhere (days into a broadcast, at the time of day): steps are packed from each record's start.
    starts = [int(fingerprint.steps[0]) if len(fingerprint.steps) else 0 for fingerprint in fingerprints]
    fingerprints = [
        replace(fingerprint, steps=fingerprint.steps - start)
        for fingerprint, start in zip(fingerprints, starts, strict=True)
    ]
    hashes = np.concatenate([fingerprint.hashes.reshape(-1) for fingerprint in fingerprints])
    owners = np.repeat(np.arange(len(sizes), dtype=np.int32), [size * len(CROPS) for size in sizes])
    steps = np.concatenate([np.tile(fingerprint.steps, len(CROPS)) for fingerprint in fingerprints]).astype(np.int32)
    crops = np.concatenate([np.repeat(np.arange(len(CROPS), dtype=np.int8), size) for size in sizes])
    votes: list[list[np.ndarray]] = [[] for _ in fingerprints]
    for band in range(NUM_BANDS):
        keys = _get_band(hashes, band)
        order = np.argsort(keys, kind="stable").astype(np.uint32)
        keys = keys[order]
        for query, fingerprint in enumerate(fingerprints):
            for found, place in _look_up(fingerprint.hashes[0], band, keys, order, hashes, owners, query):
                votes[query].append(_pack(fingerprint.steps[found], owners[place], steps[place], crops[place]))
    near = []
    for query, parts in enumerate(votes):
        if parts:
            cells = _count(np.concatenate(parts))
            near += [close for cell in cells if (close := _measure(query, cell, fingerprints)) is not None]
    chosen, num_left_out = _choose(near)
    return [_count_from_clock(candidate, starts) for candidate in chosen], num_left_out


def _count_from_clock(candidate: Candidate, starts: Sequence[int]) -> Candidate:
    """A candidate in steps of the records' clocks, from one in steps since their starts."""
    left, right = starts[candidate.left], starts[candidate.right]
    return replace(
        candidate, offset_steps=candidate.offset_steps + right - left, first_step=candidate.first_step + left
    )


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
    rarest_first = np.argsort(counts, kind="stable")
    is_beyond = np.cumsum(counts[rarest_first]) > MAX_HITS * max(len(asked), 1000)
    counts[rarest_first[is_beyond]] = 0
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


def _pack(query_steps: np.ndarray, owners: np.ndarray, owner_steps: np.ndarray, crops: np.ndarray) -> np.ndarray:
    """int64 (N,): each vote as one number, to hold many: other record, its crop, offset, step of the record asked."""
    offsets = owner_steps - query_steps + _OFFSET_ZERO
    packed = (owners.astype(np.int64) << 3 | crops) << _OFFSET_BITS | offsets
    return np.unique(packed << _STEP_BITS | (query_steps + _STEP_ZERO))


def _count(votes: np.ndarray) -> list[tuple[int, int, int, int]]:
    """(other record, its crop, offset, first step) of the cells of one record with enough votes."""
    steps = (votes & ((1 << _STEP_BITS) - 1)) - _STEP_ZERO
    offsets = ((votes >> _STEP_BITS) & ((1 << _OFFSET_BITS) - 1)) - _OFFSET_ZERO
    crops = (votes >> (_STEP_BITS + _OFFSET_BITS)) & 7
    owners = votes >> (_STEP_BITS + _OFFSET_BITS + 3)
    # Every vote counts in two bins of offsets, so that no offset lies at an edge of both.
    bins = offsets // BIN_STEPS + _OFFSET_ZERO
    places = steps // CELL_STEPS + _STEP_ZERO
    cells = np.concatenate([((owners << _OFFSET_BITS) | b) << _STEP_BITS | places for b in (bins, bins - 1)])
    unique, inverse = np.unique(cells, return_inverse=True)
    # One moment may have voted with several crops and bands: it counts once.
    within = np.concatenate([steps, steps]) % CELL_STEPS
    moments = np.unique(inverse * CELL_STEPS + within) // CELL_STEPS
    is_strong = np.bincount(moments, minlength=len(unique)) >= MIN_VOTES
    kinds, sizes = np.unique((inverse * 8 + np.concatenate([crops, crops]))[is_strong[inverse]], return_counts=True)
    commonest = dict(sorted(zip(kinds.tolist(), sizes.tolist(), strict=True), key=lambda pair: pair[1]))
    crop_of = {kind // 8: kind % 8 for kind in commonest}  # of each cell, the one with most votes comes last and stays
    return [_unpack(int(unique[cell]), crop) for cell, crop in sorted(crop_of.items())]


def _unpack(cell: int, crop: int) -> tuple[int, int, int, int]:
    place = (cell & ((1 << _STEP_BITS) - 1)) - _STEP_ZERO
    offset_bin = (cell >> _STEP_BITS & ((1 << _OFFSET_BITS) - 1)) - _OFFSET_ZERO
    owner = cell >> (_STEP_BITS + _OFFSET_BITS)
    return owner, crop, offset_bin * BIN_STEPS + BIN_STEPS - 1, place * CELL_STEPS


def _measure(query: int, cell: tuple[int, int, int, int], fingerprints: Sequence[Fingerprint]) -> Candidate | None:
    """The four seconds in and around a cell where the hashes are nearest; ``None`` where they are not near."""
    owner, crop, offset, first = cell
    one, other = fingerprints[query], fingerprints[owner]
    low, high = np.searchsorted(one.steps, [first - WINDOW, first + CELL_STEPS + WINDOW])
    steps, hashes = one.steps[low:high], one.hashes[0, low:high]
    best = None
    for shift in range(-BIN_STEPS, BIN_STEPS + 1):
        place = np.minimum(np.searchsorted(other.steps, steps + offset + shift), len(other.steps) - 1)
        both = np.flatnonzero(other.steps[place] == steps + offset + shift)
        if len(both) < WINDOW:
            continue
        distance = np.bitwise_count(hashes[both] ^ other.hashes[crop, place[both]])
        sums = np.concatenate([[0], np.cumsum(distance, dtype=np.int64)])
        means = (sums[WINDOW:] - sums[:-WINDOW]) / WINDOW
        at = int(np.argmin(means))
        if means[at] <= MAX_MEAN_DISTANCE and (best is None or means[at] < best[0]):
            best = float(means[at]), offset + shift, int(steps[both[at]])
    if best is None:
        return None
    distance_bits, offset, step = best
    if query < owner:
        return Candidate(query, owner, offset, step, 0, crop, distance_bits)
    return Candidate(owner, query, -offset, step + offset, crop, 0, distance_bits)


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
