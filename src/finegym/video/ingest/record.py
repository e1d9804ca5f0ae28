"""``record.json``: everything that ingest found out about one record.

The file is written last, so a record that has one is done. Times are whole milliseconds on the record's own clock (the
PTS clock of its media), intervals half-open.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from finegym.files import write_text

FORMAT: Literal["finegym-record/1"] = "finegym-record/1"
Kind = Literal[
    "truncated",
    "missing",
    "gap",
    "no_key_frame",
    "clock_jump",
    "undecodable",
    "frozen_hint",
    "frozen",
    "black",
]
# What each kind means, for reports and documentation.
KINDS: dict[Kind, str] = {
    "truncated": "the container promises more than the file holds",
    "missing": "the table's duration_s promises more than there is",
    "gap": "one picture stands because frames are missing in the time stamps",
    "no_key_frame": "pictures before the first key frame, which cannot be decoded",
    "clock_jump": "the stream's clock jumped; time goes on without it",
    "undecodable": "the decoder gave up on frames or marked them corrupt",
    "frozen_hint": "packets so small that the picture may stand still",
    "frozen": "the picture stands still",
    "black": "the picture is black",
}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Damage(_Model):
    """A stretch where something is wrong.

    Attributes:
        kind: see ``KINDS``.
        start_ms: on the record's clock.
        end_ms: where it ends, exclusive.
        note: more about it.
    """

    kind: Kind
    start_ms: int
    end_ms: int
    note: str = ""


class AudioStream(_Model):
    """One sound track."""

    codec: str
    rate_hz: int
    channels: int
    start_ms: int | None
    end_ms: int | None
    language: str = ""


class Clock(_Model):
    """How sound the time stamps are.

    Attributes:
        time_base: seconds in one unit of PTS, as a fraction.
        start_ms: when the first frame is shown.
        end_ms: when the last frame stops being shown.
        fps_average: frames over time; for people to read.
        fps_distinct: the rates that frame distances stand for, most frequent first, at most eight.
        is_constant_rate: all frames are shown equally long.
        num_duplicate_pts: packets whose PTS another packet has too.
        num_missing_pts: packets without a PTS.
        num_backward_dts: packets whose DTS does not exceed the one before.
        has_edit_list: the container shows less than it stores, or starts later.
    """

    time_base: str
    start_ms: float
    end_ms: float
    fps_average: float
    fps_distinct: tuple[float, ...]
    is_constant_rate: bool
    num_duplicate_pts: int
    num_missing_pts: int
    num_backward_dts: int
    has_edit_list: bool


class Probe(_Model):
    """What the media is.

    Attributes:
        container: FFmpeg's name of the source's container.
        codec: of the video.
        profile: of the codec; empty where there is none.
        pixel_format: as coded.
        width: of the upright picture, in pixels.
        height: of the upright picture.
        resolution_class: ``2160p``, ``1440p``, ``1080p``, ``720p``, ``480p`` or ``below 480p``, by the short side.
        rotation: clockwise degrees by which the coded picture is turned to be shown.
        is_mirrored: whether it is mirrored as well.
        num_frames: that can be shown.
        num_frames_header: that the container promises; ``None`` where it makes no promise.
        num_discarded: stored but not to be shown (edit list).
        num_key_frames: where decoding can start.
        duration_ms: from the first frame to the end of the last one.
        bit_rate_bps: of the whole file over its duration.
        clock: the time stamps.
        audio: the sound tracks.
        streams_left_out: what remuxing had to leave behind.
    """

    container: str
    codec: str
    profile: str
    pixel_format: str
    width: int
    height: int
    resolution_class: str
    rotation: int
    is_mirrored: bool
    num_frames: int
    num_frames_header: int | None
    num_discarded: int
    num_key_frames: int
    duration_ms: int
    bit_rate_bps: int
    clock: Clock
    audio: tuple[AudioStream, ...]
    streams_left_out: tuple[str, ...] = ()


class FileFacts(_Model):
    """A file, so that a change is noticed."""

    path: str
    size_bytes: int
    mtime_ns: int
    sha256: str


class Settings(_Model):
    """What a record was made with; where it differs from what is asked for, the record is made again.

    Attributes:
        is_quick: packet-level checks only.
        proxies: proxies, filmstrips and waveforms of accepted records.
        copy_media: media are copied into the workspace.
        chunk_minutes: length of a chunk.
        overlap_s: of two chunks.
    """

    is_quick: bool = False
    proxies: bool = True
    copy_media: bool = False
    chunk_minutes: float = 10.0
    overlap_s: float = 60.0


class Record(_Model):
    """The content of ``record.json``.

    Attributes:
        format: name and version of this file's format.
        record_id: of the record.
        source: the file that was given; ``path`` is relative to the workspace where it lies inside.
        media: the file to be read from now on: the source itself, its copy, or what was remuxed from it.
        media_is: which of the three.
        metadata: what a table said about the record.
        settings: what it was made with.
        probe: what it is.
        damage: what is wrong with it, sorted by time.
        notes: what a person should know, a sentence each.
        verdict: by the rules.
        reasons: all reasons against it.
        rules_sha256: of the rules that were applied.
        num_chunks: work items; 0 after a quick run.
        num_cuts: cuts found; ``None`` where nobody looked.
        num_replays: candidates for replays; likewise.
        has_proxies: each chunk in which a frame decodes has its proxy, filmstrip and waveform; ``notes`` name others.
    """

    format: Literal["finegym-record/1"] = FORMAT
    record_id: str
    source: FileFacts
    media: FileFacts
    media_is: Literal["source", "copy", "remux"]
    metadata: dict[str, str]
    settings: Settings
    probe: Probe
    damage: tuple[Damage, ...]
    notes: tuple[str, ...] = ()
    verdict: Literal["accepted", "disqualified"]
    reasons: tuple[str, ...]
    rules_sha256: str
    num_chunks: int = 0
    num_cuts: int | None = None
    num_replays: int | None = None
    has_proxies: bool = False

    def sum_damage_ms(self, kind: Kind) -> int:
        """Milliseconds of one kind of damage."""
        return sum(damage.end_ms - damage.start_ms for damage in self.damage if damage.kind == kind)


def write_record(path: Path, record: Record) -> None:
    """Write ``record.json`` whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    write_text(path, record.model_dump_json(indent=2) + "\n")


def read_record(path: Path) -> Record | None:
    """A record, or ``None`` where there is none or it is damaged or of another version: it is made again then."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
