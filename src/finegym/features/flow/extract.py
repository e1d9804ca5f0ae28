"""Making the flow of an action's clips: a few dozen frames at a time, never across a cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from finegym.errors import ConfigError
from finegym.features.cuts import find_crossings
from finegym.features.flow.coding import CRF, Float16Writer, QuantisedWriter
from finegym.features.flow.methods import METHODS, compute_flows
from finegym.features.flow.quantise import ZERO_CODE, count_clipped, quantise
from finegym.features.flow.store import QUANTISED
from finegym.features.make import MadeClip, WantedClip
from finegym.features.store import FeatureSettings, Unit
from finegym.video.index import FrameIndex
from finegym.video.ingest.cuts import Cut
from finegym.video.pictures import Colours, compute_size
from finegym.video.reader import VideoReader

Form = Literal["quantised", "float16"]
PORTION_PAIRS = 32  # pairs of a clip in memory at a time: a whole action is minutes long


@dataclass(frozen=True)
class FlowMaker:
    """Makes optical flow; see ``make.Maker``.

    Attributes:
        method: key of ``flow.methods.METHODS``, with its default parameters.
        short_side: pixels of the shorter side of the frames; smaller records keep their size.
        form: ``quantised`` or ``float16``.
        device: where ``compute_flows`` runs.
        spool: folder for the flow of a clip that is being computed as ``float16``: beside the store, where there has to
            be space for it in any case. ``None``: the system's temporary one.

    Raises:
        ConfigError: there is no such method.
    """

    method: str = "tvl1"
    short_side: int = 256
    form: Form = "quantised"
    device: str = "cpu"
    spool: Path | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"Unknown flow method {self.method!r}; there are {', '.join(METHODS)}.")

    def check(self) -> None:
        """Whether the method can run here, before anything is looked into.

        Raises:
            ConfigError: its weights or the device are not there.
        """
        shape = (2, 128, 128) if METHODS[self.method].colour == "grey" else (2, 128, 128, 3)
        compute_flows(np.zeros(shape, np.uint8), self.method, device=self.device)

    def make_settings(self, unit: Unit = "sub-action") -> FeatureSettings:
        """What a store of such flow says of itself."""
        return FeatureSettings(
            kind="flow",
            unit=unit,
            parameters={"method": self.method, "short_side": self.short_side, "form": self.form},
            details={
                "version": METHODS[self.method].version,
                **METHODS[self.method].parameters,
                **({"crf": CRF} if self.form == QUANTISED else {}),
            },
        )

    def make(
        self, reader: VideoReader, action: range, clips: Sequence[WantedClip], cuts: Sequence[Cut]
    ) -> Iterator[MadeClip]:
        """The flow of clips."""
        height, width = compute_flow_size(reader.index, self.short_side)
        portions = [
            (place, clip.frames[first : first + PORTION_PAIRS + 1])
            for place, clip in enumerate(clips)
            for first in range(0, max(1, len(clip.frames) - 1), PORTION_PAIRS)
        ]
        colours: Colours = "rgb" if METHODS[self.method].colour == "rgb" else "grey"
        rate = Fraction(reader.index.fps_average).limit_denominator(1001)
        started: dict[int, ClipWriter] = {}
        frames_of = reader.read_clips([part for _, part in portions], size=(height, width), colours=colours)
        for number, frames in frames_of:
            place, part = portions[number]
            clip = clips[place]
            if place not in started:
                started[place] = ClipWriter((height, width), self.form, rate, self.spool)
            crossing = find_crossings(part, cuts)
            started[place].add(self._compute(frames, crossing), crossing)
            if part.stop == clip.frames.stop:
                yield started.pop(place).finish(clip.segment.instance_id)

    def _compute(self, frames: np.ndarray, crossing: np.ndarray) -> np.ndarray:
        """float32 (P, H, W, 2): the flow of frames that follow each other; 0 across a cut."""
        fields = np.zeros((len(crossing), *frames.shape[1:3], 2), np.float32)
        bounds = [0, *(np.flatnonzero(crossing) + 1).tolist(), len(frames)]
        for first, stop in pairwise(bounds):
            if stop - first > 1:
                fields[first : stop - 1] = compute_flows(frames[first:stop], self.method, device=self.device)
        return fields


class ClipWriter:
    """Takes the flow of one clip as it comes, counts, and gives the clip.

    Args:
        size: (height, width) of the fields.
        form: how they are stored.
        rate: pictures a second, for players.
        spool: folder for what does not fit into memory; the system's by default.
    """

    def __init__(self, size: tuple[int, int], form: Form, rate: Fraction, spool: Path | None = None) -> None:
        self._height, self._width = size
        self._form, self._rate, self._spool = form, rate, spool
        self._writer: QuantisedWriter | Float16Writer | None = None
        self._without: list[int] = []
        self._num_pairs = 0
        self._num_clipped = 0

    def add(self, fields: np.ndarray, crossing: np.ndarray) -> None:
        """The next pairs.

        Args:
            fields: float (P, H, W, 2); 0 across a cut.
            crossing: bool (P,), across a cut.
        """
        self._without += (np.flatnonzero(crossing) + self._num_pairs).tolist()
        if self._form == QUANTISED:
            self._num_clipped += count_clipped(fields)
            codes = quantise(fields)
            codes[crossing] = ZERO_CODE
            self.add_codes(codes)
        elif len(fields):
            self._writer = self._writer or Float16Writer(self._height, self._width, self._spool)
            self._writer.add(fields)
            self._num_pairs += len(fields)

    def add_codes(self, codes: np.ndarray) -> None:
        """The next pairs, uint8 (P, H, W, 2), already quantised and none across a cut."""
        if len(codes):
            self._writer = self._writer or QuantisedWriter(self._height, self._width, self._rate)
            self._writer.add(codes)
            self._num_pairs += len(codes)

    def finish(self, instance_id: str) -> MadeClip:
        """The clip; the writer is used up."""
        # A film of no pictures is none: the flow of a one-frame clip is an empty array in either form.
        writer = self._writer or Float16Writer(self._height, self._width)
        num_valid = self._num_pairs - len(self._without)
        extra = writer.finish() | ({"without_flow": self._without} if self._without else {})
        return MadeClip(
            instance_id=instance_id,
            height=self._height,
            width=self._width,
            counts={
                "pairs": num_valid,
                "without_partner_at_cuts": len(self._without),
                "without_partner_at_end": 1,
                "components": num_valid * self._height * self._width * 2,
                "components_clipped": self._num_clipped,
            },
            suffix=writer.suffix,
            encode=writer.encode,
            extra=extra,
        )


def compute_flow_size(index: FrameIndex, short_side: int) -> tuple[int, int]:
    """(height, width) of the frames between which flow is computed: nothing is enlarged, odd sizes stay."""
    if min(index.height, index.width) <= short_side:
        return index.height, index.width
    return compute_size(index.height, index.width, short_side)
