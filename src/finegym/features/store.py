"""A feature store: what was computed once from every clip of a dataset, a file a clip.

=======================================  ==============================================================================
``store.json``                           what the store is: kind, settings, counts, the index's hash; written last
``index.parquet``                        a row a clip: its file, the file's checksum, what is known of the clip
``skipped.csv``                          clips whose features could not be made, with reasons; only if there are any
``clips/<video id>/<clip id>.<suffix>``  the features; every file says itself which frames of which record it is of
``clips/….damaged``                      a damaged file, set aside until its clip is made again
``cuts/<video id>.json``                 where records are cut, as found while making the features
``.lock``                                empty; held by the build at work, and never removed
=======================================  ==============================================================================

A store without ``store.json`` is not finished: a build removes it before it changes a clip. Times are milliseconds on
the record's clock, half-open; frames count from 0.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from finegym.errors import FeatureError, VideoError
from finegym.video.store.access import Folder, open_folder
from finegym.video.store.format import make_key

FORMAT = "finegym-features/1"
STORE_FILE, INDEX_FILE, SKIPPED_FILE = "store.json", "index.parquet", "skipped.csv"
CLIPS_FOLDER, CUTS_FOLDER = "clips", "cuts"
SUFFIXES = (".mp4", ".safetensors")
DAMAGED_SUFFIX = ".damaged"
Kind = Literal["flow", "pose"]
Unit = Literal["sub-action", "action"]
CutFrames = tuple[int, int, int]
"""Of a cut: ``begin_frame``, ``frame``, ``end_frame``; see ``video.ingest.cuts.Cut``."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FeatureSettings(_Facts):
    """What was asked for. Clips of two settings never share a store.

    Attributes:
        kind: ``flow`` or ``pose``.
        unit: what a clip is.
        parameters: of whatever made the features, in plain values.
        details: further ones, which few ask for; they make two settings as different as the others do.
    """

    kind: Kind
    unit: Unit = "sub-action"
    parameters: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    details: dict[str, str | int | float | bool | None] = Field(default_factory=dict)

    def __str__(self) -> str:
        listed = ", ".join(f"{name} {value}" for name, value in self.parameters.items() if value is not None)
        return f"{self.kind} of {self.unit}s{': ' if listed else ''}{listed}"


def needs_action(settings: FeatureSettings) -> bool:
    """Whether features of a clip depend on its whole action: a pose does, since the gymnast is followed through it."""
    return settings.kind == "pose"


class FeatureFacts(_Facts):
    """Everything that is known of the features of one clip; inside of its file, and in the index.

    Frame k of the clip is frame ``first_frame + k`` of the record. Features that were imported may be of a record that
    nobody has: then ``record`` is empty, ``first_frame`` is -1 and ``pts`` is empty.

    Attributes:
        instance_id: as in the dataset.
        video_id: the record's id.
        record: the record's path as in ``records.csv``.
        record_bytes: size of the record when the features were made.
        record_fingerprint: of the record's content then; see ``files.hash_samples``.
        start_ms: on the record's clock.
        end_ms: on the record's clock.
        missing_ms: how much of the time asked for lies past the record's last frame.
        first_frame: the record's frame that is frame 0 of the clip.
        num_frames: of the clip.
        time_base: seconds in one unit of ``pts``, as a fraction in words.
        pts: the record's PTS of every frame.
        context_start_ms: of what the features depend on: the clip, or its whole action (see ``needs_action``).
        context_end_ms: of the same.
        context_first_frame: of the same; -1 where imported.
        context_num_frames: of the same.
        cuts: in those frames, as they were known.
        height: of the picture that the features are in, in pixels.
        width: of the picture that the features are in, in pixels.
        counts: whatever the maker counted; summed up in ``store.json``.
        extra: what a reader of this kind of features needs.
        settings: as asked for.
    """

    instance_id: str
    video_id: str
    record: str = ""
    record_bytes: int = 0
    record_fingerprint: str = ""
    start_ms: int = 0
    end_ms: int = 0
    missing_ms: int = 0
    first_frame: int = -1
    num_frames: int
    time_base: str = "1/1000"
    pts: tuple[int, ...] = ()
    context_start_ms: int = 0
    context_end_ms: int = 0
    context_first_frame: int = -1
    context_num_frames: int = 0
    cuts: tuple[CutFrames, ...] = ()
    height: int
    width: int
    counts: dict[str, int] = Field(default_factory=dict)
    extra: dict[str, Any] = Field(default_factory=dict)
    settings: FeatureSettings


class StoreFacts(_Facts):
    """``store.json``.

    Attributes:
        format: ``FORMAT``.
        finegym: version that wrote it.
        settings: of every clip.
        num_clips: in the store.
        num_skipped: clips of the dataset whose features could not be made; rows of ``skipped.csv``.
        num_frames: of all clips together.
        size_bytes: of all clips' files together.
        counts: of all clips together.
        index_sha256: of ``index.parquet``.
    """

    format: Literal["finegym-features/1"] = "finegym-features/1"
    finegym: str
    settings: FeatureSettings
    num_clips: int
    num_skipped: int
    num_frames: int
    size_bytes: int
    counts: dict[str, int]
    index_sha256: str


class StoredFeatures(_Facts):
    """The features of a clip and where they lie.

    Attributes:
        facts: of the clip.
        path: of its file, in the store's folder.
        size_bytes: of the file.
        crc32: of the file.
    """

    facts: FeatureFacts
    path: str
    size_bytes: int
    crc32: int


def get_clip_path(video_id: str, instance_id: str, suffix: str) -> str:
    """Where the features of a clip lie in a store.

    Example:
        >>> get_clip_path("final.2019", "final.2019_E_000001_000009", ".safetensors")
        'clips/final%2E2019/final%2E2019_E_000001_000009.safetensors'
    """
    return f"{CLIPS_FOLDER}/{make_key(video_id)}/{make_key(instance_id)}{suffix}"


def parse_store(text: bytes, where: str | Path) -> StoreFacts:
    """The facts of a ``store.json``.

    Raises:
        FeatureError: it is damaged, or of another version.
    """
    try:
        return StoreFacts.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise FeatureError(
            f"{where}: expected {FORMAT}, but {place}: {first['msg']}. Make the features again (a finished clip is not "
            "made twice)."
        ) from error


class FeatureStore:
    """A finished feature store. Can be sent to other processes and survives a fork: it holds no open file.

    Args:
        location: a folder, or a URL that fsspec knows (``s3://…``, ``https://…``, ``memory://…``).

    Attributes:
        facts: what ``store.json`` says.
        instance_ids: of all clips, in the order of the dataset.

    Raises:
        FeatureError: there is no finished store, or its index is damaged.
    """

    def __init__(self, location: str | Path) -> None:
        self._folder: Folder = open_folder(location)
        self.facts: StoreFacts = parse_store(self._read_own(STORE_FILE), f"{location}/{STORE_FILE}")
        index = self._read_own(INDEX_FILE)
        if hashlib.sha256(index).hexdigest() != self.facts.index_sha256:
            raise FeatureError(
                f"{location}/{INDEX_FILE}: is damaged, or of another store: its SHA-256 is not what {STORE_FILE} says. "
                "Make the features again (a finished clip is not made twice)."
            )
        self._read_index(index)

    def _read_own(self, name: str) -> bytes:
        try:
            return self._folder.read(name)
        except FileNotFoundError as error:
            raise FeatureError(
                f"{self._folder}: there is no finished feature store (no {name}). `finegym features flow` or "
                "`finegym features pose` makes one, or finishes it."
            ) from error
        except VideoError as error:
            raise FeatureError(str(error)) from error

    def _read_index(self, data: bytes) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            # No thread of Arrow that could outlive Python: see ``ClipIndex``.
            table = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False).read(use_threads=False)
            rows = table.select(["instance_id", "path", "size_bytes", "crc32", "num_frames", "facts"]).to_pydict()
        except (pa.ArrowException, OSError, KeyError) as error:
            raise FeatureError(
                f"{self._folder}/{INDEX_FILE}: is damaged ({error}). Make the features again."
            ) from error
        self.instance_ids: tuple[str, ...] = tuple(map(sys.intern, rows["instance_id"]))
        self._row = {instance_id: row for row, instance_id in enumerate(self.instance_ids)}
        self._paths: list[str] = rows["path"]
        self._sizes = np.array(rows["size_bytes"], np.int64)
        self._sums = np.array(rows["crc32"], np.int64)
        self._num_frames = np.array(rows["num_frames"], np.int64)
        # One buffer rather than a string a clip, packed: loader processes each hold it.
        packed = [zlib.compress(text.encode()) for text in rows["facts"]]
        self._ends = np.concatenate([[0], np.cumsum([len(text) for text in packed])]).astype(np.int64)
        self._packed = b"".join(packed)

    def __len__(self) -> int:
        return len(self.instance_ids)

    def __contains__(self, instance_id: object) -> bool:
        return instance_id in self._row

    def __str__(self) -> str:
        return str(self._folder)

    @property
    def settings(self) -> FeatureSettings:
        """Of every clip."""
        return self.facts.settings

    def count_frames(self, instance_id: str) -> int:
        """Frames of a clip, without reading anything.

        Raises:
            FeatureError: it is not in the store.
        """
        return int(self._num_frames[self._find(instance_id)])

    def get(self, instance_id: str) -> StoredFeatures:
        """What is known of a clip, and where its file lies.

        Raises:
            FeatureError: it is not in the store.
        """
        row = self._find(instance_id)
        known = json.loads(zlib.decompress(self._packed[self._ends[row] : self._ends[row + 1]]))
        known["pts"] = tuple(known["pts"])
        known["cuts"] = tuple(map(tuple, known.get("cuts", ())))
        # Validated when it was written; the file is what it was then.
        return StoredFeatures.model_construct(
            facts=FeatureFacts.model_construct(**known, settings=self.settings),
            path=self._paths[row],
            size_bytes=int(self._sizes[row]),
            crc32=int(self._sums[row]),
        )

    def get_facts(self, instance_id: str) -> FeatureFacts:
        """What is known of a clip: its record, first frame, PTS, size.

        Raises:
            FeatureError: it is not in the store.
        """
        return self.get(instance_id).facts

    def read_bytes(self, instance_id: str) -> bytes:
        """The file of a clip, checked.

        Raises:
            FeatureError: it is not in the store, cannot be read, or is damaged.
        """
        clip = self.get(instance_id)
        try:
            data = self._folder.read(clip.path)
        except FileNotFoundError as error:
            raise FeatureError(self._describe_damage(clip, "does not exist")) from error
        except VideoError as error:
            raise FeatureError(str(error)) from error
        if len(data) != clip.size_bytes or zlib.crc32(data) != clip.crc32:
            raise FeatureError(self._describe_damage(clip, "is damaged"))
        return data

    def read_parts(self, clip: StoredFeatures, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Parts of a clip's file, (start, stop) each, not checked.

        Raises:
            FeatureError: the file cannot be read.
        """
        try:
            return self._folder.read_parts([(clip.path, start, stop) for start, stop in spans])
        except VideoError as error:
            raise FeatureError(f"{error}. Make the features again with --verify.") from error

    def _find(self, instance_id: str) -> int:
        try:
            return self._row[instance_id]
        except KeyError as error:
            raise FeatureError(
                f"{self._folder}: clip {instance_id} is not in the store of {len(self)} clips ({self.settings})"
            ) from error

    def _describe_damage(self, clip: StoredFeatures, what: str) -> str:
        return (
            f"{self._folder}/{clip.path}: {what} (clip {clip.facts.instance_id}). "
            "Make the features again with --verify: only what is damaged is made."
        )


def check_kind(settings: FeatureSettings, kind: Kind, where: object) -> None:
    """Whether a store holds what is wanted of it.

    Raises:
        FeatureError: it holds something else.
    """
    if settings.kind != kind:
        raise FeatureError(f"{where}: expected a store of {kind}, got one of {settings}. Check the path.")


def sum_counts(all_counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Counts of many clips together, by name.

    Example:
        >>> sum_counts([{"pairs": 4}, {"pairs": 3, "at_cuts": 1}])
        {'pairs': 7, 'at_cuts': 1}
    """
    total: dict[str, int] = {}
    for counts in all_counts:
        for name, number in counts.items():
            total[name] = total.get(name, 0) + number
    return total
