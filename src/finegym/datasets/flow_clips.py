"""Where the flow of instances comes from: a feature store, or memory. One interface for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from finegym.features.flow.store import FlowStore
from finegym.video.pictures import compute_size


class FlowSource(Protocol):
    """Flow of instances, pair k from frame k to frame k + 1. Implementations can be sent to loader processes."""

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        """Ids without flow, each with the reason in words; a clip of one frame has no pair, so it has none."""
        ...

    def count_pairs(self, instance_id: str) -> int:
        """Number of pairs of the instance: its frames less one, at least 1."""
        ...

    def read_codes(self, instance_id: str, indices: np.ndarray, short_side: int) -> np.ndarray:
        """Quantised flow of pairs, resized: uint8 (P, H, W, 2), min(H, W) = ``short_side``.

        ``value = code / 255 * 2 * bound - bound`` pixels of the stored field a frame; values are not rescaled.
        """
        ...

    def read_valid(self, instance_id: str) -> np.ndarray:
        """Whether each pair has flow, bool (count_pairs,): across a cut there is none, and zero is stored."""
        ...


class MemoryFlow:
    """Flow that is arrays already; for tests and for few, small clips.

    Args:
        codes: uint8 (P, H, W, 2) by instance id.
        valid: bool (P,) by instance id; an id that is not there has valid pairs only.
    """

    def __init__(self, codes: Mapping[str, np.ndarray], valid: Mapping[str, np.ndarray] | None = None) -> None:
        self._codes, self._valid = codes, valid or {}

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        missing = {instance_id: "not in memory" for instance_id in instance_ids if instance_id not in self._codes}
        for instance_id in instance_ids:
            if instance_id not in missing and len(self._codes[instance_id]) == 0:
                missing[instance_id] = NO_PAIR
        return missing

    def count_pairs(self, instance_id: str) -> int:
        return len(self._codes[instance_id])

    def read_codes(self, instance_id: str, indices: np.ndarray, short_side: int) -> np.ndarray:
        import cv2

        fields = self._codes[instance_id][indices]
        height, width = compute_size(fields.shape[1], fields.shape[2], short_side)
        if (height, width) == fields.shape[1:3]:
            return fields
        return np.stack([cv2.resize(field, (width, height), interpolation=cv2.INTER_AREA) for field in fields])

    def read_valid(self, instance_id: str) -> np.ndarray:
        return self._valid.get(instance_id, np.ones(self.count_pairs(instance_id), dtype=bool))


class StoreFlow:
    """Flow of a store that ``finegym features flow`` made.

    Args:
        store: the store.
    """

    def __init__(self, store: FlowStore) -> None:
        self._store = store

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        missing = {}
        for instance_id in instance_ids:
            if instance_id not in self._store:
                missing[instance_id] = f"not in the flow store {self._store}"
            elif self._store.count_pairs(instance_id) == 0:
                missing[instance_id] = NO_PAIR
        return missing

    def count_pairs(self, instance_id: str) -> int:
        return self._store.count_pairs(instance_id)

    def read_codes(self, instance_id: str, indices: np.ndarray, short_side: int) -> np.ndarray:
        return self._store.read_codes(instance_id, indices, short_side=short_side)

    def read_valid(self, instance_id: str) -> np.ndarray:
        return self._store.read_valid(instance_id)


NO_PAIR = "its clip has one frame, so no flow"
