"""How much of a picture the one before cannot explain: what cuts are made of, and pans, zooms and fast motion not."""

from __future__ import annotations

import numba
import numpy as np

from finegym.video.ingest.signals import Signals

# Thumbnails are 36 x 64. A block may have moved by a fifth of the picture's width and a sixth of its height: three
# frames of a pan that crosses the picture in half a second.
_HIGH, _WIDE = 9, 8
_REACH_ROWS, _REACH_COLUMNS = 6, 12
_CHROMA_WEIGHT = 2.0


def compute_difference(signals: Signals) -> np.ndarray:
    """float64 (N - 1,): difference of each picture looked at from the one before, motion included, in grey levels.

    The mean absolute difference of luma plus twice that of chroma; never below ``measure_change`` of the same pair.
    """
    differences = np.empty(max(0, len(signals.frames) - 1))
    for start in range(0, len(differences), 1024):  # a record's thumbnails as int16 would be large
        luma = signals.luma[start : start + 1025].astype(np.int16)
        chroma = signals.chroma[start : start + 1025].astype(np.int16)
        part = np.abs(np.diff(luma, axis=0)).mean((1, 2)) + _CHROMA_WEIGHT * np.abs(np.diff(chroma, axis=0)).mean(
            (1, 2, 3)
        )
        differences[start : start + len(part)] = part
    return differences


def measure_change(signals: Signals, before: int, after: int) -> float:
    """What of picture ``after`` cannot be found in picture ``before``, in grey levels.

    The mean of ``measure_blocks``, plus twice the difference of the colours. Around 1 to 5 within a shot, 10 to 80
    across a cut.

    Args:
        signals: of the record.
        before: place of a picture in ``signals``, not a frame number.
        after: likewise.
    """
    colours = np.abs(signals.chroma[before].astype(np.int16) - signals.chroma[after].astype(np.int16)).mean()
    return float(measure_blocks(signals, before, after).mean() + _CHROMA_WEIGHT * colours)


def measure_blocks(signals: Signals, before: int, after: int) -> np.ndarray:
    """float64 (4, 8): how well each block of picture ``before`` is found in picture ``after``, in grey levels.

    The mean absolute difference of luma at the best place, up to a sixth of the height and a fifth of the width away.
    """
    return _search_blocks(signals.luma[before], signals.luma[after])


@numba.njit(cache=True)  # seven times as fast as NumPy, which must hold every shifted picture
def _search_blocks(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    rows, columns = old.shape
    found = np.empty((rows // _HIGH, columns // _WIDE), np.float64)
    for row in range(found.shape[0]):
        for column in range(found.shape[1]):
            top, left = row * _HIGH, column * _WIDE
            best = 255 * _HIGH * _WIDE
            for y in range(max(0, top - _REACH_ROWS), min(rows - _HIGH, top + _REACH_ROWS) + 1):
                for x in range(max(0, left - _REACH_COLUMNS), min(columns - _WIDE, left + _REACH_COLUMNS) + 1):
                    total = 0
                    for i in range(_HIGH):
                        for j in range(_WIDE):
                            total += int(abs(np.int32(old[top + i, left + j]) - np.int32(new[y + i, x + j])))
                        if total >= best:
                            break
                    best = min(best, total)
            found[row, column] = best / (_HIGH * _WIDE)
    return found
