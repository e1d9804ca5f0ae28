"""Where a record is cut, for features that may not cross a cut: ingest's word, an earlier build's, or found now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from finegym.errors import VideoError
from finegym.features.store import CUTS_FOLDER
from finegym.files import write_text
from finegym.video.ingest.cuts import Cut
from finegym.video.ingest.shots import read_shots
from finegym.video.ingest.shots_in_parts import find_cuts_in_parts
from finegym.video.store.cut import Record
from finegym.video.store.format import make_key
from finegym.workspace import Workspace

Origin = Literal["ingest", "kept", "found"]


class RecordCuts(BaseModel):
    """The cuts of one record; ``cuts/<video id>.json`` of a feature store.

    Attributes:
        record_fingerprint: of the record that they were found in.
        cuts: in order.
        origin: who found them: ``ingest``, an earlier build (``kept``), or this one (``found``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    record_fingerprint: str
    cuts: tuple[Cut, ...]
    origin: Origin = "kept"


def look_for_cuts(item: tuple[str, Record], *, folder: Path, out: Path) -> RecordCuts:
    """The cuts of a record.

    They are taken from the dataset's ``ingest/<record>/shots.json`` where that is of this record, else from
    ``cuts/`` of the store, else found (as ``finegym video shots`` finds them) and kept there.

    Args:
        item: the record's id, and the record as it is now.
        folder: the dataset's folder, which may be a workspace.
        out: folder of the feature store.

    Raises:
        VideoError: the record cannot be read.
    """
    video_id, record = item
    ingested = Workspace(folder).get_shots_file(video_id)
    kept = out / CUTS_FOLDER / f"{make_key(video_id)}.json"
    if ingested.is_file():
        shots = read_shots(ingested)
        if shots.is_of(folder / record.path):
            return RecordCuts(record_fingerprint=record.fingerprint, cuts=shots.cuts, origin="ingest")
    if kept.is_file():
        try:
            known = RecordCuts.model_validate_json(kept.read_bytes())
        except (OSError, ValidationError) as error:
            raise VideoError(f"{kept}: is damaged. Delete it; the cuts are found again.") from error
        if known.record_fingerprint == record.fingerprint:
            return known
    cuts = find_cuts_in_parts(folder / record.path)
    found = RecordCuts(record_fingerprint=record.fingerprint, cuts=cuts, origin="found")
    write_text(kept, found.model_copy(update={"origin": "kept"}).model_dump_json(indent=1) + "\n")
    return found


def find_crossings(frames: range, cuts: Sequence[Cut]) -> np.ndarray:
    """Which pairs of neighbouring frames of a clip do not show one shot.

    Args:
        frames: of the record.
        cuts: of the record. While a gradual cut lasts, no picture is that of one shot: none of its pairs counts.

    Returns:
        bool (P,), P = len(frames) - 1: whether a cut lies between frames k and k + 1 of the clip.

    Example:
        >>> cut = Cut(frame=12, time_ms=480, begin_frame=12, end_frame=12, is_gradual=False, score=0.9)
        >>> find_crossings(range(10, 14), [cut])
        array([False,  True, False])
    """
    crossing = np.zeros(max(0, len(frames) - 1), bool)
    for cut in cuts:
        first = max(0, cut.begin_frame - 1 - frames.start)
        crossing[first : max(0, cut.end_frame - frames.start)] = True
    return crossing
