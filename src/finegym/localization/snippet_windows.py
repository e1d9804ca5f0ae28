"""Windows of a record's frames as clips: what the views of recognition read, decoded a portion at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from finegym.errors import ConfigError, FeatureError
from finegym.features.cuts import find_crossings
from finegym.features.flow.extract import compute_flow_size
from finegym.features.flow.methods import METHODS, compute_flows
from finegym.features.flow.quantise import ZERO_CODE, quantise
from finegym.features.flow.store import FlowStore
from finegym.segments import find_runs
from finegym.video.ingest.cuts import Cut
from finegym.video.pictures import Colours, compute_size
from finegym.video.reader import VideoReader


class FrameWindows:
    """Frames of windows; a ``ClipSource`` whose instance ids are ``"0"``, ``"1"``, … for the rows of ``windows``.

    Args:
        reader: of the record.
        windows: int64 (N, W), frames of the record.
        short_side: pixels; every window is asked for at this size.
    """

    def __init__(self, reader: VideoReader, windows: np.ndarray, short_side: int) -> None:
        self._windows = windows
        self._numbers = np.unique(windows)
        self._short_side = short_side
        self._frames = reader.read_frames(self._numbers, short_side=short_side)

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        return {}

    def count_frames(self, instance_id: str) -> int:
        return int(self._windows.shape[1])

    def read_frames(self, instance_id: str, indices: np.ndarray, short_side: int) -> np.ndarray:
        assert short_side == self._short_side, "one size for all"
        return self._frames[np.searchsorted(self._numbers, self._windows[int(instance_id)][indices])]


class FlowWindows:
    """Flow inside of windows; a ``FlowSource`` whose instance ids are ``"0"``, ``"1"``, … for the rows of ``windows``.

    Pairs across a cut have no flow: their codes stand for no motion, and ``read_valid`` says so.

    Args:
        reader: of the record.
        windows: int64 (N, W), frames of the record, consecutive along a row.
        cuts: of the record.
        flow: method and pixels of the shorter side of the frames that flow is computed between.
        item_id: of the action that the windows are in, for ``store``.
        store: folder of a flow store of actions to read from; ``None`` computes the flow.

    Raises:
        FeatureError: the store lacks the action, or holds other flow.
    """

    def __init__(
        self,
        reader: VideoReader,
        windows: np.ndarray,
        cuts: Sequence[Cut],
        flow: tuple[str, int],
        item_id: str = "",
        store: Path | None = None,
    ) -> None:
        if windows.shape[1] < 2:
            raise FeatureError(f"{item_id}: one frame has no flow; the action is too short for a model of flow")
        self._windows = windows
        self._pairs = np.unique(windows[:, :-1])  # pair k: frames k and k + 1 of the record
        if store is None:
            self._codes, self._valid = _compute(reader, self._pairs, cuts, *flow)
        else:
            self._codes, self._valid = _read(store, item_id, self._pairs, *flow)

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        return {}

    def count_pairs(self, instance_id: str) -> int:
        return int(self._windows.shape[1]) - 1

    def read_codes(self, instance_id: str, indices: np.ndarray, short_side: int) -> np.ndarray:
        codes = self._codes[self._find(instance_id)[indices]]
        height, width = compute_size(codes.shape[1], codes.shape[2], short_side)
        if (height, width) == codes.shape[1:3]:
            return codes
        kind = cv2.INTER_AREA if height < codes.shape[1] else cv2.INTER_LINEAR  # as ``FlowStore.read_codes``
        return np.stack([cv2.resize(picture, (width, height), interpolation=kind) for picture in codes])

    def read_valid(self, instance_id: str) -> np.ndarray:
        valid: np.ndarray = self._valid[self._find(instance_id)]
        return valid

    def _find(self, instance_id: str) -> np.ndarray:
        return np.searchsorted(self._pairs, self._windows[int(instance_id), :-1])


def _compute(
    reader: VideoReader, pairs: np.ndarray, cuts: Sequence[Cut], method: str, short_side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Codes uint8 (P, H, W, 2) and whether each pair has flow, bool (P,)."""
    if method not in METHODS:
        raise ConfigError(f"flow of {method!r} cannot be computed; there are {', '.join(METHODS)}")
    height, width = compute_flow_size(reader.index, short_side)
    colours: Colours = "rgb" if METHODS[method].colour == "rgb" else "grey"
    codes = np.full((len(pairs), height, width, 2), ZERO_CODE, np.uint8)
    valid = np.zeros(len(pairs), bool)
    for first, stop in find_runs(pairs).tolist():
        frames = reader.read_frames(range(first, stop + 1), size=(height, width), colours=colours)
        crossing = find_crossings(range(first, stop + 1), cuts)
        place = int(np.searchsorted(pairs, first))
        valid[place : place + len(crossing)] = ~crossing
        # Between cuts: the flow of frames that show one shot.
        for begin, end in find_runs(np.flatnonzero(~crossing)).tolist():
            codes[place + begin : place + end] = quantise(compute_flows(frames[begin : end + 1], method))
    return codes, valid


def _read(folder: Path, item_id: str, pairs: np.ndarray, method: str, short_side: int) -> tuple[np.ndarray, np.ndarray]:
    store = FlowStore(folder)
    parameters = store.settings.parameters
    there = (parameters.get("method"), parameters.get("short_side"))
    if there != (method, short_side):
        raise FeatureError(
            f"{folder}: is flow of {there[0]} at {there[1]} pixels, but the model was trained on {method} at "
            f"{short_side}. Give a store of the same, or none."
        )
    facts = store.get_facts(item_id)
    places = pairs - facts.first_frame
    if facts.first_frame < 0 or places[0] < 0 or places[-1] >= facts.num_frames - 1:
        raise FeatureError(f"{folder}: its flow of {item_id} does not cover frames {pairs[0]} to {pairs[-1] + 1}")
    return store.read_codes(item_id, places), store.read_valid(item_id)[places]
