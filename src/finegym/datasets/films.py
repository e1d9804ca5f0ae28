"""Films: all frames of one stretch of a record (an action, say, and some time before and after it), small.

They come from the records, or from a clip store whose clips are the actions; ``CachedFilms`` keeps them decoded beside
the dataset, so that an epoch costs no decoding. Each film knows when its frames are shown.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from finegym.datasets.clips import Readers
from finegym.datasets.following import crop_along, find_path
from finegym.errors import VideoError
from finegym.files import replace_file, write_text
from finegym.video.pictures import compute_size
from finegym.video.store.read import ClipStore

FORMAT = "finegym-film/1"


@dataclass(frozen=True)
class Stretch:
    """Part of a record.

    Attributes:
        stretch_id: its name; of an action, the action's id.
        path: the record's file; ``None`` where none is known.
        start_ms: on the record's clock.
        end_ms: on the record's clock.
    """

    stretch_id: str
    path: Path | None
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Film:
    """Which frames a stretch has. Frame k of the film is frame ``first_frame + k`` of the record.

    Attributes:
        first_frame: of the record.
        times_ms: when each frame is shown, whole milliseconds from the stretch's start; below 0 before it.
        end_ms: when the last frame stops being shown, from the stretch's start.
        width: of the film in pixels.
        height: of the film in pixels.
        origin: what the frames were made from, in words; another text, other frames.
    """

    first_frame: int
    times_ms: tuple[int, ...]
    end_ms: int
    width: int
    height: int
    origin: str

    @property
    def num_frames(self) -> int:
        return len(self.times_ms)

    @property
    def fps(self) -> float:
        """Frames a second, on average; for people and for files that want one."""
        return 1000 * self.num_frames / (self.end_ms - self.times_ms[0])

    def find_frames(self, moments_ms: np.ndarray) -> np.ndarray:
        """The first frame that is shown at each moment or later; ``num_frames`` where there is none.

        The start of a half-open interval finds its first frame, its end the first frame that is no longer in it.
        """
        return np.searchsorted(self._moments_ms[:-1], moments_ms, side="left").astype(np.int64)

    def find_times(self, frames: np.ndarray) -> np.ndarray:
        """When frames are shown, int64 milliseconds from the stretch's start; of frame ``num_frames``, the end."""
        return self._moments_ms[frames]

    @cached_property
    def _moments_ms(self) -> np.ndarray:
        """int64 (T + 1,): when each frame begins; last, when the last one ends."""
        return np.array([*self.times_ms, self.end_ms], np.int64)


class Films(Protocol):
    """Frames of stretches. Implementations can be sent to loader processes."""

    def describe(self) -> str:
        """Where they come from, in words that do not depend on the machine."""
        ...

    def find_missing(self, stretch: Stretch) -> str:
        """Why there are no frames of a stretch; nothing where there are. Decodes nothing."""
        ...

    def get_film(self, stretch: Stretch) -> Film:
        """Which frames there are, without decoding any. Of stretches that are not missing.

        Raises:
            VideoError: its time lies outside of the record.
        """
        ...

    def read(self, stretch: Stretch, frames: np.ndarray) -> np.ndarray:
        """Some frames of the film, in any order: uint8 (T, H, W, 3), RGB."""
        ...


class RecordFilms:
    """Films decoded from the original records.

    Args:
        short_side: pixels of the shorter side of the frames.
        pad_ms: how much of the record before and after a stretch belongs to its film, as far as the record goes.
    """

    def __init__(self, *, short_side: int, pad_ms: int = 0) -> None:
        self._short_side, self._pad_ms = short_side, pad_ms
        self._readers = Readers()
        self._films: dict[str, Film] = {}

    def describe(self) -> str:
        return f"records, short side {self._short_side}, {self._pad_ms} ms before and after"

    def find_missing(self, stretch: Stretch) -> str:
        if stretch.path is None:
            return "its record has no file in records.csv"
        return "" if stretch.path.is_file() else f"record {stretch.path} does not exist"

    def get_film(self, stretch: Stretch) -> Film:
        if stretch.stretch_id not in self._films:
            self._films[stretch.stretch_id] = self._find_film(stretch)
        return self._films[stretch.stretch_id]

    def read(self, stretch: Stretch, frames: np.ndarray) -> np.ndarray:
        film = self.get_film(stretch)
        assert stretch.path is not None, "find_missing comes first"
        with self._readers.get(stretch.path) as reader:
            return reader.read_frames(np.asarray(frames) + film.first_frame, short_side=self._short_side)

    def _find_film(self, stretch: Stretch) -> Film:
        assert stretch.path is not None, "find_missing comes first"
        index = self._readers.get(stretch.path).index
        frames = index.find_frames_between(
            max(stretch.start_ms - self._pad_ms, 0),
            min(stretch.end_ms + self._pad_ms, max(index.end_ms, stretch.end_ms)),
        )
        times = np.rint(index.pts_ms).astype(np.int64)
        end_ms = int(times[frames.stop]) if frames.stop < index.num_frames else int(np.rint(index.end_ms))
        height, width = compute_size(index.height, index.width, self._short_side)
        return Film(
            first_frame=frames.start,
            times_ms=tuple((times[frames.start : frames.stop] - stretch.start_ms).tolist()),
            end_ms=end_ms - stretch.start_ms,
            width=width,
            height=height,
            origin=f"{stretch.path.name}, {index.size_bytes} bytes, {index.width} x {index.height}",
        )


class StoreFilms:
    """Films that are the clips of a store whose unit is the action (``finegym clips build --unit action``).

    Args:
        location: the store's folder, or a URL that fsspec knows.
        short_side: pixels of the shorter side of the frames.

    Raises:
        VideoError: there is no finished store, or its clips are no actions.
    """

    def __init__(self, location: str | Path, *, short_side: int) -> None:
        self._store = ClipStore(location)
        self._short_side = short_side
        if self._store.facts.settings.unit != "action":
            raise VideoError(
                f"{location}: holds clips of {self._store.facts.settings.unit}s, expected of actions. "
                "`finegym clips build DATASET --unit action --out STORE` makes them."
            )

    def describe(self) -> str:
        return f"a clip store of {self._store.facts.settings}, short side {self._short_side}"

    def find_missing(self, stretch: Stretch) -> str:
        return "" if stretch.stretch_id in self._store else f"not in the clip store {self._store}"

    def get_film(self, stretch: Stretch) -> Film:
        facts = self._store.get_facts(stretch.stretch_id)
        times = np.rint(facts.pts_ms).astype(np.int64) - stretch.start_ms
        height, width = compute_size(facts.height, facts.width, self._short_side)
        # A clip says when its frames begin; the last one lasts until the action ends, or as long as the one before.
        end_ms = max(stretch.end_ms - stretch.start_ms, int(times[-1]) + 1)
        return Film(
            first_frame=facts.first_frame,
            times_ms=tuple(times.tolist()),
            end_ms=end_ms,
            width=width,
            height=height,
            origin=f"{facts.record}, {facts.record_fingerprint}, {facts.settings}",
        )

    def read(self, stretch: Stretch, frames: np.ndarray) -> np.ndarray:
        return self._store.read_frames(stretch.stretch_id, frames, short_side=self._short_side)


class FollowedFilms:
    """Films cut down to a square around whoever moves, see ``finegym.datasets.following``.

    The path follows from all frames of a film, which are read when the first one is asked for: keep such films
    (``CachedFilms``).

    Args:
        films: where they come from.
        size: side of the square in pixels.
    """

    def __init__(self, films: Films, size: int) -> None:
        self._films, self._size = films, size
        self._paths: dict[str, np.ndarray] = {}

    def describe(self) -> str:
        return f"{self._films.describe()}, squares of {self._size} around whoever moves"

    def find_missing(self, stretch: Stretch) -> str:
        return self._films.find_missing(stretch)

    def get_film(self, stretch: Stretch) -> Film:
        film = self._films.get_film(stretch)
        size = min(self._size, film.width, film.height)
        return replace(film, width=size, height=size, origin=f"{film.origin}, followed in {film.height} pixels")

    def read(self, stretch: Stretch, frames: np.ndarray) -> np.ndarray:
        if stretch.stretch_id not in self._paths:
            every = np.arange(self._films.get_film(stretch).num_frames)
            self._paths = {stretch.stretch_id: find_path(self._films.read(stretch, every))}
        path = self._paths[stretch.stretch_id][frames]
        return crop_along(self._films.read(stretch, frames), path, self.get_film(stretch).width)


class CachedFilms:
    """Films kept decoded in a folder, a ``.npy`` a film, read through a memory map.

    For small frames: a film of a minute and a half at 142 x 80 takes 77 MB. A film whose origin, times or size have
    changed is decoded again.

    Args:
        films: where they come from.
        folder: where they are kept.
    """

    def __init__(self, films: Films, folder: Path) -> None:
        self._films, self._folder = films, Path(folder)
        self._maps: dict[str, np.ndarray] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_maps": {}}

    def describe(self) -> str:
        return self._films.describe()

    def find_missing(self, stretch: Stretch) -> str:
        return self._films.find_missing(stretch)

    def get_film(self, stretch: Stretch) -> Film:
        return self._films.get_film(stretch)

    def read(self, stretch: Stretch, frames: np.ndarray) -> np.ndarray:
        if stretch.stretch_id not in self._maps:
            self.prepare(stretch)
            self._maps[stretch.stretch_id] = np.load(self._get_path(stretch, ".npy"), mmap_mode="r")
        return self._maps[stretch.stretch_id][frames]

    def prepare(self, stretch: Stretch) -> bool:
        """Decode a film, unless it is there already; whether it had to be decoded.

        Raises:
            VideoError: its frames cannot be read.
            OutputError: it cannot be written.
        """
        film = self.get_film(stretch)
        facts = json.dumps({"format": FORMAT, "stretch": stretch.stretch_id, **asdict(film)}) + "\n"
        facts_path, path = self._get_path(stretch, ".json"), self._get_path(stretch, ".npy")
        if path.is_file() and facts_path.is_file() and facts_path.read_text(encoding="utf-8") == facts:
            return False
        facts_path.unlink(missing_ok=True)  # it vouches for the frames, so that it goes first and comes last
        shape = (film.num_frames, film.height, film.width, 3)
        with replace_file(path) as temporary:
            kept = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
            for first in range(0, film.num_frames, 256):
                part = np.arange(first, min(first + 256, film.num_frames))
                kept[part] = self._films.read(stretch, part)
            kept.flush()
        write_text(facts_path, facts)
        return True

    def _get_path(self, stretch: Stretch, suffix: str) -> Path:
        # Ids may hold whatever a file system does not like.
        return self._folder / (hashlib.sha256(stretch.stretch_id.encode()).hexdigest()[:24] + suffix)
