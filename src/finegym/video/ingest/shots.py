"""Where a record is cut, and which stretches may be replays or slow motion: ``shots.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from finegym.errors import VideoError
from finegym.files import hash_samples, write_text
from finegym.video.index_cache import read_index
from finegym.video.ingest.cuts import Cut, find_cuts
from finegym.video.ingest.replays import Replay, find_replays
from finegym.video.ingest.signals import Signals
from finegym.video.ingest.slow_motion import SlowMotion, find_slow_motion
from finegym.video.reader import VideoReader


class Shots(BaseModel):
    """What was found out about the editing of one record.

    Attributes:
        format: of the file.
        num_frames: of the record.
        start_ms: when its first frame is shown, on its own clock.
        end_ms: when its last frame stops being shown.
        cuts: in order.
        replays: candidates, in order.
        slow_motion: candidates, in order.
        unsearched_ms: how long the record goes on behind the last picture that could be looked at; 0 unless damaged.
        record_fingerprint: of the record's content, see ``files.hash_samples``; files of before do not have it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["finegym-shots/1"] = "finegym-shots/1"
    num_frames: int
    start_ms: float
    end_ms: float
    cuts: tuple[Cut, ...]
    replays: tuple[Replay, ...]
    slow_motion: tuple[SlowMotion, ...]
    unsearched_ms: float = 0.0
    record_fingerprint: str = ""

    def is_of(self, path: Path) -> bool:
        """Whether these are the shots of a record as it is now; without a fingerprint, of one as long as it.

        Raises:
            VideoError: the record cannot be read.
        """
        if self.record_fingerprint:
            return self.record_fingerprint == _hash(path)
        index = read_index(path)
        return (self.num_frames, self.start_ms, self.end_ms) == (index.num_frames, index.start_ms, index.end_ms)


def find_shots(path: Path, signals: Signals) -> Shots:
    """Find the cuts of a record, and candidates for replays and slow motion.

    Args:
        path: of the record.
        signals: what the quick pass saw of it.

    Raises:
        VideoError: the record cannot be read, or a frame beside a cut does not decode.
    """
    with VideoReader(Path(path)) as reader:
        index = reader.index
        if not len(signals.frames):
            raise VideoError(f"{path}: the quick pass saw no frame (of {index.num_frames}). Fetch the file again.")
        cuts = find_cuts(reader, signals)
        replays = find_replays(signals, cuts, (index.num_frames, index.end_ms))
        slow_motion = find_slow_motion(reader, signals, cuts, replays)
        # The decoder leaves out the last few frames where no other refers to them: that is no damage.
        usual = float(np.diff(signals.times_ms).max(initial=0.0))
        behind = index.end_ms - float(signals.times_ms[-1])
        return Shots(
            num_frames=index.num_frames,
            start_ms=index.start_ms,
            end_ms=index.end_ms,
            cuts=cuts,
            replays=replays,
            slow_motion=slow_motion,
            unsearched_ms=round(behind, 3) if behind > 2 * usual + 1000 else 0.0,
            record_fingerprint=_hash(path),
        )


def _hash(path: Path) -> str:
    try:
        return hash_samples(path)
    except OSError as error:
        raise VideoError(f"{path}: cannot be read: {error.strerror}. Check the path.") from error


def write_shots(path: Path, shots: Shots) -> None:
    """Write ``shots.json``, whole or not at all."""
    write_text(path, shots.model_dump_json(indent=1) + "\n")


def read_shots(path: Path) -> Shots:
    """Read ``shots.json``.

    Raises:
        VideoError: it is missing, damaged, or of another format.
    """
    try:
        return Shots.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise VideoError(f"{path}: cannot be read: {error.strerror}. Find the shots first.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise VideoError(f"{path}: {where}: {first['msg']}. Delete it and find the shots again.") from error
