"""What a clip store's files say, as typed values.

=======================  ==============================================================================================
``store.json``           what the store is: format, settings, counts, sizes and hashes of everything else; written last
``shard-000000.tar``, …  the clips; every clip is ``<key>.json`` (``ClipFacts``) followed by its media
``index.parquet``        a row a clip: the same facts, and where its bytes lie
``skipped.csv``          clips that could not be cut, each with the reason; only if there are any
``.lock``                empty; held by the build at work, and never removed: a lock is on a file, not on its name
=======================  ==============================================================================================

A store without ``store.json`` is not finished. The shards alone are enough to make the index again.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from finegym.errors import VideoError

FORMAT = "finegym-clips/1"
STORE_FILE, INDEX_FILE, SKIPPED_FILE = "store.json", "index.parquet", "skipped.csv"
PENDING_FOLDER, LOCK_FILE = ".pending", ".lock"
Unit = Literal["sub-action", "action", "snippet"]

# What a packet is for: nobody refers to it, others refer to it, decoding can start at it.
DISPOSABLE, REFERENCE, KEY = 0, 1, 2


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreSettings(_Facts):
    """What was asked for. Clips of two settings never share a store.

    Attributes:
        unit: what a clip is.
        snippet_ms: length of a snippet; 0 for other units.
        stride_ms: from one snippet's start to the next one's; 0 for other units.
        encoding: ``mp4`` (H.264) or ``jpeg`` (a file a frame).
        quality: x264's constant rate factor, or the quality of JPEG.
        short_side: pixels of the shorter side, even; smaller records keep their size.
    """

    unit: Unit = "sub-action"
    snippet_ms: int = Field(default=0, ge=0)
    stride_ms: int = Field(default=0, ge=0)
    encoding: Literal["mp4", "jpeg"] = "mp4"
    quality: int
    short_side: int = 256

    @model_validator(mode="after")
    def _check(self) -> StoreSettings:
        if self.short_side < 2 or self.short_side % 2:
            raise ValueError(f"short_side must be even and positive (chroma planes are halved), got {self.short_side}")
        low, high = (0, 51) if self.encoding == "mp4" else (1, 100)
        if not low <= self.quality <= high:
            raise ValueError(f"quality of {self.encoding} must lie in {low} to {high}, got {self.quality}")
        if (self.unit == "snippet") != (self.snippet_ms > 0 and self.stride_ms > 0):
            raise ValueError(f"snippet_ms and stride_ms belong to snippets, which need both; the unit is {self.unit}")
        return self

    def __str__(self) -> str:
        snippets = f" of {self.snippet_ms} ms every {self.stride_ms} ms" if self.unit == "snippet" else ""
        name = "crf" if self.encoding == "mp4" else "quality"
        return f"{self.unit}s{snippets}, {self.encoding}, {name} {self.quality}, short side {self.short_side}"


class ClipFacts(_Facts):
    """Everything that is known of one clip; ``<key>.json`` in its shard, and a row of the index.

    Frame k of the clip is frame ``first_frame + k`` of the record.

    Attributes:
        instance_id: as in the dataset; of a snippet, ``<action id>_S_<milliseconds since the action's start>``.
        record: the record's path as in ``records.csv``.
        record_bytes: size of the record when it was cut.
        record_fingerprint: of the record's content when it was cut; see ``files.hash_samples``.
        start_ms: on the record's clock.
        end_ms: on the record's clock.
        missing_ms: how much of the time asked for lies past the record's last frame; 0 for nearly all.
        first_frame: the record's frame that is frame 0 of the clip.
        num_frames: of the clip.
        time_base: seconds in one unit of ``pts``, as a fraction in words.
        pts: the record's PTS of every frame.
        width: of the clip in pixels.
        height: of the clip in pixels.
        settings: as asked for.
        media_bytes: size of the mp4, or of all JPEGs together.
        media_crc32: of the mp4, or of all JPEGs one after the other.
        extradata: hexadecimal; what a decoder must know before the first packet (``avcC``); empty for JPEG.
        packet_start: where the first packet lies in the mp4; 0 for JPEG.
        packet_sizes: bytes of each packet in decoding order, one after the other without a gap; of JPEG, of each file.
        packet_frames: the frame that each packet holds.
        packet_roles: ``DISPOSABLE``, ``REFERENCE`` or ``KEY``.
        packet_crc32: of each packet's bytes.
    """

    instance_id: str
    record: str
    record_bytes: int
    record_fingerprint: str
    start_ms: int
    end_ms: int
    missing_ms: int
    first_frame: int
    num_frames: int
    time_base: str
    pts: tuple[int, ...]
    width: int
    height: int
    settings: StoreSettings
    media_bytes: int
    media_crc32: int
    extradata: str
    packet_start: int
    packet_sizes: tuple[int, ...]
    packet_frames: tuple[int, ...]
    packet_roles: tuple[int, ...]
    packet_crc32: tuple[int, ...]

    @property
    def pts_ms(self) -> np.ndarray:
        """float64 (T,): when each frame is shown, in milliseconds on the record's clock."""
        base = Fraction(self.time_base)
        return np.array(self.pts, dtype=np.int64) * base.numerator * 1000 / base.denominator


class ShardFacts(_Facts):
    """One shard.

    Attributes:
        name: of the file.
        size_bytes: of the file.
        sha256: of the file.
        num_clips: in it.
    """

    name: str
    size_bytes: int
    sha256: str
    num_clips: int


class StoreFacts(_Facts):
    """``store.json``.

    Attributes:
        format: ``FORMAT``.
        finegym: version that wrote it.
        settings: of every clip.
        num_clips: in the store.
        num_skipped: clips of the dataset that could not be cut; rows of ``skipped.csv``.
        num_frames: of all clips together.
        shards: in order.
        index_sha256: of ``index.parquet``.
    """

    format: Literal["finegym-clips/1"] = "finegym-clips/1"
    finegym: str
    settings: StoreSettings
    num_clips: int
    num_skipped: int
    num_frames: int
    shards: tuple[ShardFacts, ...]
    index_sha256: str


def parse_store(text: bytes, where: str | Path) -> StoreFacts:
    """The facts of a ``store.json``.

    Raises:
        VideoError: it is damaged, or of another version.
    """
    try:
        return StoreFacts.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise VideoError(
            f"{where}: expected {FORMAT}, but {place}: {first['msg']}. `finegym clips check --reindex` makes "
            "it again from the shards."
        ) from error


def get_shard_name(number: int) -> str:
    """``shard-000012.tar``."""
    return f"shard-{number:06d}.tar"


def make_key(instance_id: str) -> str:
    """An instance id as the name of a member: webdataset takes everything behind the first dot for the suffix.

    Example:
        >>> make_key("final.2019_E_000001_000009")
        'final%2E2019_E_000001_000009'
    """
    return "".join(f"%{ord(sign):02X}" if sign in "%./\\" or ord(sign) < 32 else sign for sign in instance_id)
