"""The deep pass over one record: everything that needs its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finegym.errors import VideoError
from finegym.files import replace_file
from finegym.report.images import draw_sheet, encode_jpeg
from finegym.video.index import FrameIndex
from finegym.video.ingest.completeness import check_pictures
from finegym.video.ingest.fingerprint import compute_fingerprint, write_fingerprint
from finegym.video.ingest.record import Damage
from finegym.video.ingest.shots import find_shots, write_shots
from finegym.video.ingest.signals import Signals, compute_signals, read_signals, write_signals
from finegym.video.reader import VideoReader
from finegym.workspace import Workspace

SHEET_FRAMES = 8


@dataclass(frozen=True)
class Pictures:
    """What the pictures of a record tell.

    Attributes:
        damage: black, frozen and undecodable stretches.
        notes: what a person should know.
        num_cuts: found; ``None`` where damage kept them from being looked for.
        num_replays: candidates.
    """

    damage: tuple[Damage, ...]
    notes: tuple[str, ...]
    num_cuts: int | None
    num_replays: int | None


def look_at_pictures(record_id: str, media: Path, sha256: str, index: FrameIndex, workspace: Workspace) -> Pictures:
    """Signals, hashes, shots and the sheet of stills of one record, written into its folder.

    Args:
        record_id: of the record.
        media: its file.
        sha256: of ``media``.
        index: of ``media``.
        workspace: where it goes.
    """
    place = workspace.get_signals_file(record_id)
    signals = _read_or_compute(media, place, sha256)
    write_fingerprint(workspace.get_hashes_file(record_id), compute_fingerprint(signals), sha256)
    notes = []
    num_cuts = num_replays = None
    try:
        shots = find_shots(media, signals)
        write_shots(workspace.get_shots_file(record_id), shots)
        num_cuts, num_replays = len(shots.cuts), len(shots.replays)
    except VideoError as error:
        workspace.get_shots_file(record_id).unlink(missing_ok=True)
        notes.append(f"cuts were not looked for: {error}")
    notes += _write_sheet(media, index, signals, workspace.get_sheet_file(record_id))
    return Pictures(tuple(check_pictures(index, signals)), tuple(notes), num_cuts, num_replays)


def _read_or_compute(media: Path, place: Path, sha256: str) -> Signals:
    """The signals of a record, kept from an earlier run where they fit."""
    signals = read_signals(place, sha256)
    if signals is None:
        signals = compute_signals(media)
        write_signals(place, signals, sha256)
    return signals


def _write_sheet(media: Path, index: FrameIndex, signals: Signals, out: Path) -> list[str]:
    """Evenly spread stills, each named by its number and time; frames that the decoder lost are not among them."""
    sound = np.setdiff1d(signals.frames, signals.damaged)
    if not len(sound):
        return ["no frame of it decodes whole"]
    numbers = np.unique(sound[np.linspace(0, len(sound) - 1, SHEET_FRAMES + 2).round().astype(int)[1:-1]]).tolist()
    try:
        with VideoReader(media) as reader:
            frames = reader.read_frames(numbers, short_side=min(180, index.height, index.width))
    except VideoError as error:
        return [f"no stills: {error}"]
    labels = [f"{number}, {format_time(index.pts_ms[number])}" for number in numbers]
    with replace_file(out) as temporary:
        temporary.write_bytes(encode_jpeg(draw_sheet(list(frames), labels, columns=4), quality=75))
    return []


def format_time(time_ms: float) -> str:
    """Hours, minutes and seconds of the record's clock.

    Example:
        >>> format_time(3_723_400)
        '1:02:03.4'
    """
    tenths = round(time_ms / 100)
    minutes, rest = divmod(abs(tenths), 600)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{rest / 10:04.1f}" if hours else f"{minutes}:{rest / 10:04.1f}"
    return f"-{text}" if tenths < 0 else text
