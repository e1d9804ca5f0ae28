"""Where the frames of instances come from: a clip store, original records, or memory. One interface for all three."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from finegym.annotations.model import Dataset
from finegym.video.pictures import compute_size
from finegym.video.reader import VideoReader
from finegym.video.store.read import ClipStore

# Frame indexes kept per process; files themselves are closed after every read.
MAX_READERS = 4096


class ClipSource(Protocol):
    """Frames of instances. Implementations can be sent to loader processes (they hold no open file when new)."""

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        """Ids whose clip is not there, each with the reason in words. Looks at the file system, decodes nothing."""
        ...

    def count_frames(self, instance_id: str) -> int:
        """Number of frames of the instance, at least 1."""
        ...

    def read_frames(self, instance_id: str, indices: np.ndarray, short_side: int) -> np.ndarray:
        """Frames of the instance, counted from 0, resized: uint8 (T, H, W, 3), RGB, min(H, W) = ``short_side``."""
        ...


class MemoryClips:
    """Clips that are arrays already; for tests and for few, small clips.

    Args:
        clips: uint8 (T, H, W, 3) by instance id.
    """

    def __init__(self, clips: Mapping[str, np.ndarray]) -> None:
        self._clips = clips

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        return {instance_id: "not in memory" for instance_id in instance_ids if instance_id not in self._clips}

    def count_frames(self, instance_id: str) -> int:
        return len(self._clips[instance_id])

    def read_frames(self, instance_id: str, indices: np.ndarray, short_side: int) -> np.ndarray:
        import cv2

        frames = self._clips[instance_id][indices]
        height, width = compute_size(frames.shape[1], frames.shape[2], short_side)
        if (height, width) == frames.shape[1:3]:
            return frames
        return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames])


class RecordClips:
    """Clips read from the original records at the annotated times.

    Args:
        dataset: the annotations.
        folder: the dataset's folder; paths of records are relative to it.
    """

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        self._segments = {
            instance_id: (
                None if instance.video.path is None else folder / instance.video.path,
                instance.sub_action.start_ms,
                instance.sub_action.end_ms,
            )
            for instance_id, instance in dataset.instances.items()
        }
        self._readers = Readers()

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        there: dict[Path, bool] = {}
        missing = {}
        for instance_id in instance_ids:
            if instance_id not in self._segments:
                missing[instance_id] = "not annotated in the dataset"
                continue
            path = self._segments[instance_id][0]
            if path is None:
                missing[instance_id] = "its record has no file in records.csv"
            elif not there.setdefault(path, path.is_file()):
                missing[instance_id] = f"record {path} does not exist"
        return missing

    def count_frames(self, instance_id: str) -> int:
        return len(self._find_frames(instance_id)[1])

    def read_frames(self, instance_id: str, indices: np.ndarray, short_side: int) -> np.ndarray:
        reader, frames = self._find_frames(instance_id)
        with reader:
            return reader.read_frames(indices + frames.start, short_side=short_side)

    def _find_frames(self, instance_id: str) -> tuple[VideoReader, range]:
        path, start_ms, end_ms = self._segments[instance_id]
        assert path is not None, "find_missing comes first"
        reader = self._readers.get(path)
        return reader, reader.index.find_frames_between(start_ms, end_ms)


class StoreClips:
    """Clips of a store that ``finegym clips build`` made.

    Args:
        location: the store's folder, or a URL that fsspec knows.

    Raises:
        VideoError: there is no finished store, or its index is damaged.
    """

    def __init__(self, location: str | Path) -> None:
        self._store = ClipStore(location)
        self._missing_shards = self._store.find_missing_shards()

    def find_missing(self, instance_ids: Sequence[str]) -> dict[str, str]:
        missing = {}
        for instance_id in instance_ids:
            if instance_id not in self._store:
                missing[instance_id] = f"not in the clip store {self._store}"
            elif (shard := self._store.get_shard(instance_id)) in self._missing_shards:
                missing[instance_id] = f"shard {self._store}/{shard} does not exist"
        return missing

    def count_frames(self, instance_id: str) -> int:
        return self._store.count_frames(instance_id)

    def read_frames(self, instance_id: str, indices: np.ndarray, short_side: int) -> np.ndarray:
        return self._store.read_frames(instance_id, indices, short_side=short_side)


class Readers:
    """Video readers by path, the latest used ones kept; each process that gets a copy starts empty.

    Args:
        use_cache: whether frame indexes are kept on disk.
    """

    def __init__(self, *, use_cache: bool = True) -> None:
        self._use_cache = use_cache
        self._readers: OrderedDict[Path, VideoReader] = OrderedDict()

    def get(self, path: Path) -> VideoReader:
        """The reader of a file."""
        reader = self._readers.pop(path, None) or VideoReader(path, use_cache=self._use_cache)
        self._readers[path] = reader
        if len(self._readers) > MAX_READERS:
            self._readers.popitem(last=False)
        return reader

    def __getstate__(self) -> dict[str, object]:
        return {"_use_cache": self._use_cache}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._readers = OrderedDict()
