"""Reading stored flow: any pairs of any clip, as fields or as the bytes that networks of published flow were fed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import av.error
import cv2
import numpy as np

from finegym.errors import FeatureError
from finegym.features.carried import HEADER_BYTES
from finegym.features.flow.coding import choose_packets, decode_pairs
from finegym.features.flow.quantise import ZERO_CODE, dequantise, quantise
from finegym.features.store import FeatureStore, StoredFeatures, check_kind
from finegym.video.pictures import compute_size

QUANTISED, FLOAT16 = "quantised", "float16"


class FlowStore(FeatureStore):
    """A finished store of optical flow. Can be sent to other processes and survives a fork.

    Pair k of a clip is its frames k and k + 1; a clip of one frame has none. Channels are (dx, dy), pixels per frame.
    Pairs across a cut have no flow: they are zero, and ``read_valid`` says which they are.

    Args:
        location: a folder, or a URL that fsspec knows.

    Raises:
        FeatureError: there is no finished store, or it holds something else than flow.

    Example::

        store = FlowStore("competition/features/flow-tvl1")
        fields = store.read_fields("A0xAXXysHUo_E_002184_002237_A_0035_0036", [3, 4, 5, 6, 7])  # float32 (5, H, W, 2)
    """

    def __init__(self, location: str | Path) -> None:
        super().__init__(location)
        check_kind(self.settings, "flow", location)

    def count_pairs(self, instance_id: str) -> int:
        """Pairs of a clip, those across a cut included, without reading anything.

        Raises:
            FeatureError: the clip is not in the store.
        """
        return self.count_frames(instance_id) - 1

    def read_valid(self, instance_id: str) -> np.ndarray:
        """Which pairs show one shot.

        Returns:
            bool (P,).

        Raises:
            FeatureError: the clip is not in the store.
        """
        return _get_valid(self.get(instance_id))

    def read_fields(self, instance_id: str, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Flow of a clip's pairs, in any order, repeats allowed.

        Args:
            instance_id: the clip.
            indices: pair numbers, from 0; ``None``: all.

        Returns:
            float32 (P, H, W, 2), (dx, dy) in pixels per frame of the stored size; exactly 0 across a cut. Quantised
            flow has no other 0: what does not move is +0.078 (see ``quantise``).

        Raises:
            FeatureError: the clip is not in the store, has no such pair, or its bytes are damaged.
        """
        clip = self.get(instance_id)
        wanted = self._check(clip, indices)
        if self.settings.parameters["form"] == FLOAT16:
            return self._read_rows(clip, wanted).astype(np.float32)
        fields = dequantise(self._decode(clip, wanted))
        fields[~_get_valid(clip)[wanted]] = 0
        return fields

    def read_codes(
        self,
        instance_id: str,
        indices: Sequence[int] | np.ndarray | None = None,
        *,
        short_side: int | None = None,
    ) -> np.ndarray:
        """Flow of a clip's pairs as published flow images have it: ±20 px over 0 to 255.

        Args:
            instance_id: the clip.
            indices: pair numbers, from 0, any order, repeats allowed; ``None``: all.
            short_side: resize so that the shorter side has this many pixels; ``None``: as stored. Values stay: pixels
                of the stored size, as where flow images are resized for training.

        Returns:
            uint8 (P, H, W, 2); 128 across a cut.

        Raises:
            FeatureError: as ``read_fields``.
        """
        clip = self.get(instance_id)
        wanted = self._check(clip, indices)
        if self.settings.parameters["form"] == FLOAT16:
            codes = quantise(self._read_rows(clip, wanted))
        else:
            codes = self._decode(clip, wanted)
        if short_side is None:
            return codes
        height, width = compute_size(codes.shape[1], codes.shape[2], short_side)
        resized = np.empty((len(codes), height, width, 2), np.uint8)
        kind = cv2.INTER_AREA if height < codes.shape[1] else cv2.INTER_LINEAR
        for picture, target in zip(codes, resized, strict=True):
            cv2.resize(picture, (width, height), dst=target, interpolation=kind)
        return resized

    def _check(self, clip: StoredFeatures, indices: Sequence[int] | np.ndarray | None) -> np.ndarray:
        num_pairs = clip.facts.num_frames - 1
        wanted = np.asarray(range(num_pairs) if indices is None else indices, np.int64).reshape(-1)
        outside = wanted[(wanted < 0) | (wanted >= num_pairs)]
        if outside.size:
            raise FeatureError(
                f"{self}: clip {clip.facts.instance_id} has no pair {outside[0]}: it has {num_pairs}, counted from 0"
            )
        return wanted

    def _decode(self, clip: StoredFeatures, wanted: np.ndarray) -> np.ndarray:
        """uint8 (P, H, W, 2): the codes of pairs, decoding no more than they need."""
        facts = clip.facts
        height, width = facts.height, facts.width
        codes = np.empty((len(wanted), height, width, 2), np.uint8)
        slots: dict[int, list[int]] = {}
        for slot, pair in enumerate(wanted.tolist()):
            slots.setdefault(pair, []).append(slot)
        packets = choose_packets(slots, facts.extra.get("gop", 1))
        try:
            for pair, luma in decode_pairs(
                bytes.fromhex(facts.extra.get("extradata", "")), self._read_packets(clip, packets), packets
            ):
                if pair in slots:
                    first, *others = slots.pop(pair)
                    codes[first, ..., 0], codes[first, ..., 1] = (
                        luma[:height, :width],
                        luma[height : 2 * height, :width],
                    )
                    codes[others] = codes[first]
        except av.error.FFmpegError as error:
            raise FeatureError(self._describe_damage(clip, f"does not decode ({error.strerror})")) from error
        if slots:
            raise FeatureError(self._describe_damage(clip, f"pair {min(slots)} does not decode"))
        codes[~_get_valid(clip)[wanted]] = ZERO_CODE
        return codes

    def _read_packets(self, clip: StoredFeatures, numbers: Sequence[int]) -> list[bytes]:
        """Packets by number, each checked; neighbours in one read."""
        if not numbers:
            return []
        extra = clip.facts.extra
        ends = np.cumsum([extra["start"], *extra["sizes"]]).tolist()
        return self._read_checked(clip, [(ends[n], ends[n + 1]) for n in numbers], [extra["crc32"][n] for n in numbers])

    def _read_rows(self, clip: StoredFeatures, wanted: np.ndarray) -> np.ndarray:
        """float16 (P, H, W, 2): pairs of a clip that is stored as it is."""
        facts = clip.facts
        size = facts.height * facts.width * 4
        numbers = np.unique(wanted)
        rows = np.empty((len(numbers), facts.height, facts.width, 2), np.float16)
        if len(numbers):
            (head,) = self.read_parts(clip, [(0, HEADER_BYTES)])
            start = HEADER_BYTES + int.from_bytes(head, "little")
            spans = [(start + n * size, start + (n + 1) * size) for n in numbers.tolist()]
            data = self._read_checked(clip, spans, [facts.extra["crc32"][n] for n in numbers.tolist()])
            for row, part in zip(rows, data, strict=True):
                row[...] = np.frombuffer(part, "<f2").reshape(row.shape)
        return rows[np.searchsorted(numbers, wanted)]

    def _read_checked(self, clip: StoredFeatures, spans: Sequence[tuple[int, int]], sums: Sequence[int]) -> list[bytes]:
        """Parts of a clip's file, (start, stop) each, in order; those that touch in one read."""
        runs: list[list[int]] = []
        homes: list[int] = []
        for start, stop in spans:
            if runs and runs[-1][1] == start:
                runs[-1][1] = stop
            else:
                runs.append([start, stop])
            homes.append(len(runs) - 1)
        blocks = self.read_parts(clip, [(start, stop) for start, stop in runs])
        parts = [
            blocks[home][start - runs[home][0] : stop - runs[home][0]]
            for home, (start, stop) in zip(homes, spans, strict=True)
        ]
        if any(zlib.crc32(part) != total for part, total in zip(parts, sums, strict=True)):
            raise FeatureError(self._describe_damage(clip, "is damaged"))
        return parts


def _get_valid(clip: StoredFeatures) -> np.ndarray:
    valid = np.ones(clip.facts.num_frames - 1, bool)
    valid[clip.facts.extra.get("without_flow", [])] = False
    return valid
