"""How much of a picture the one before cannot explain: what cuts are made of, and pans, zooms and fast motion not."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from finegym.video.ingest.signals import Signals

# Thumbnails are 36 x 64. A block may have moved by a fifth of the picture's width and a sixth of its height: three
# frames of a pan that crosses the picture in half a second.
_BLOCK = (9, 8)
_REACH = (6, 12)
_CHROMA_WEIGHT = 2.0
_OUTSIDE = -999  # no block matches where there is no picture


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
    high, wide = _BLOCK
    old, new = signals.luma[before].astype(np.int16), signals.luma[after].astype(np.int16)
    rows, columns = old.shape
    padded = np.pad(new, [(reach, reach) for reach in _REACH], constant_values=_OUTSIDE)
    places = sliding_window_view(padded, (rows, columns))
    lines = np.abs(places - old).reshape(*places.shape[:2], rows // high, high, columns).sum(3, dtype=np.int32)
    blocks = lines.reshape(*lines.shape[:3], columns // wide, wide).sum(4)
    return blocks.min((0, 1)) / (high * wide)
