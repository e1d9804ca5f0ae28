"""Reading a clip store: any frames of any clip, or all clips in turn."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from finegym.errors import VideoError
from finegym.video.pictures import Colours
from finegym.video.store.access import Part, open_folder
from finegym.video.store.deal import SHUFFLE, Reader, cut_runs, deal
from finegym.video.store.decode import ClipDecoder, choose_packets
from finegym.video.store.format import INDEX_FILE, STORE_FILE, ClipFacts, StoreFacts, get_shard_name, parse_store
from finegym.video.store.index import ClipIndex
from finegym.video.store.tar import StoredClip, get_files, is_sound

STRETCHES_TOGETHER = 4  # in memory while their clips are shuffled among each other


class ClipStore:
    """A finished clip store. Can be sent to other processes and survives a fork: it holds no open file.

    Not for several threads at a time.

    Args:
        location: a folder, or a URL that fsspec knows (``s3://…``, ``https://…``, ``memory://…``).

    Attributes:
        facts: what ``store.json`` says.
        instance_ids: of all clips, in the order of the shards.

    Raises:
        VideoError: there is no finished store, or its index is damaged.

    Example::

        store = ClipStore("competition/clips")
        frames = store.read_frames("A0xAXXysHUo_E_002184_002237_A_0035_0036", [0, 12, 24])  # uint8 (3, 256, W, 3)
    """

    def __init__(self, location: str | Path) -> None:
        self._folder = open_folder(location)
        try:
            text = self._folder.read(STORE_FILE)
        except FileNotFoundError as error:
            raise VideoError(
                f"{location}: there is no finished clip store (no {STORE_FILE}). `finegym clips build` makes one."
            ) from error
        self.facts: StoreFacts = parse_store(text, f"{location}/{STORE_FILE}")
        try:
            index = self._folder.read(INDEX_FILE)
        except FileNotFoundError as error:
            raise VideoError(
                f"{location}/{INDEX_FILE}: does not exist. `finegym clips check --reindex` makes it again from the "
                "shards."
            ) from error
        self._index = ClipIndex(index, self.facts.settings, f"{location}/{INDEX_FILE}")
        self.instance_ids: tuple[str, ...] = self._index.instance_ids
        self._decoder: tuple[int, ClipDecoder] | None = None

    def __len__(self) -> int:
        return len(self.instance_ids)

    def __contains__(self, instance_id: object) -> bool:
        return instance_id in self._index

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_decoder": None}

    def __str__(self) -> str:
        return str(self._folder)

    def count_frames(self, instance_id: str) -> int:
        """Frames of a clip, without reading anything.

        Raises:
            VideoError: it is not in the store.
        """
        return int(self._index.num_frames[self._find(instance_id)])

    def get_facts(self, instance_id: str) -> ClipFacts:
        """What is known of a clip: its record, first frame, PTS, size.

        Raises:
            VideoError: it is not in the store.
        """
        return self._index.get(self._find(instance_id)).facts

    def get_shard(self, instance_id: str) -> str:
        """Name of the shard that holds a clip.

        Raises:
            VideoError: it is not in the store.
        """
        return get_shard_name(int(self._index.shards[self._find(instance_id)]))

    def find_missing_shards(self) -> set[str]:
        """Names of shards that are not there."""
        return {shard.name for shard in self.facts.shards if not self._folder.exists(shard.name)}

    def read_media(self, instance_id: str) -> list[bytes]:
        """The clip as it is stored: one mp4, or a JPEG a frame.

        Raises:
            VideoError: it is not in the store, or its bytes are damaged.
        """
        clip = self._index.get(self._find(instance_id))
        (run,) = self._folder.read_parts([(clip.path.name, clip.offset, clip.offset + clip.length)])
        if not is_sound(clip, run):
            raise VideoError(self._describe_damage(clip))
        return get_files(clip, run)

    def read_frames(
        self,
        instance_id: str,
        indices: Sequence[int] | np.ndarray | None = None,
        *,
        short_side: int | None = None,
        colours: Colours = "rgb",
    ) -> np.ndarray:
        """Frames of a clip, in any order, repeats allowed.

        Args:
            instance_id: the clip.
            indices: frame numbers, counted from 0 in the clip; ``None``: all.
            short_side: resize so that the shorter side has this many pixels, keeping proportions; ``None``: as stored.
            colours: ``rgb``, ``grey`` or ``yuv420``, as for ``VideoReader.read_frames``.

        Returns:
            uint8 (T, H, W, 3), (T, H, W) or (T, H * 3 // 2, W).

        Raises:
            VideoError: the clip is not in the store, has no such frame, or its bytes are damaged.
        """
        clip = self._index.get(self._find(instance_id))
        wanted = np.arange(clip.facts.num_frames) if indices is None else indices
        return self._decode(clip, wanted, short_side, colours)

    def _decode(
        self,
        clip: StoredClip,
        indices: Sequence[int] | np.ndarray,
        short_side: int | None,
        colours: Colours,
        run: memoryview | None = None,
    ) -> np.ndarray:
        """Frames of a clip, from its run of members where that is in memory, else from the store."""
        num_frames = clip.facts.num_frames
        wanted = np.asarray(indices, dtype=np.int64).reshape(-1)
        outside = wanted[(wanted < 0) | (wanted >= num_frames)]
        if outside.size:
            raise VideoError(
                f"clip {clip.facts.instance_id}: there is no frame {outside[0]}: it has {num_frames}, counted from 0"
            )
        chosen = choose_packets(clip.facts, wanted.tolist())
        packets = list(zip(chosen, self._read_packets(clip, chosen, run), strict=True))
        return self._get_decoder().decode(clip.facts, packets, wanted, short_side, colours)

    def iterate(
        self,
        reader: Reader | None = None,
        *,
        choose: Callable[[ClipFacts], Sequence[int] | np.ndarray] | None = None,
        short_side: int | None = None,
        colours: Colours = "rgb",
        seed: int | None = None,
        epoch: int = 0,
    ) -> Iterator[tuple[str, np.ndarray]]:
        """All clips in turn, or a reader's share of them: the shards are read in stretches of 8 MB, front to back.

        For feature extraction and other people's loaders. finegym's training draws its own order over all clips, so
        that a run that is taken up again sees what an uninterrupted one would have seen, and reads by instance id.

        Over all readers of one epoch every clip comes exactly once; shares differ by one clip at most among ranks, and
        by one among the workers of a rank. What comes when depends on the arguments alone.

        Args:
            reader: which of many; ``None``: the only one.
            choose: the frames wanted of a clip; ``None``: all.
            short_side: as for ``read_frames``.
            colours: as for ``read_frames``.
            seed: shuffles stretches, and the clips of every four among each other; ``None``: the store's order.
            epoch: another order for each.

        Yields:
            Instance id and frames, as from ``read_frames``.

        Raises:
            VideoError: a clip is damaged or cannot be read.
        """
        reader = reader or Reader()
        stretches = deal(cut_runs(self._index.shards, self._index.lengths), reader, seed=seed, epoch=epoch)
        rng = None if seed is None else np.random.default_rng([seed, epoch, SHUFFLE, reader.rank, reader.worker])
        for first in range(0, len(stretches), STRETCHES_TOGETHER):
            loaded = [clip for stretch in stretches[first : first + STRETCHES_TOGETHER] for clip in self._load(stretch)]
            for place in range(len(loaded)) if rng is None else rng.permutation(len(loaded)):
                clip, run = loaded[place]
                wanted = np.arange(clip.facts.num_frames) if choose is None else choose(clip.facts)
                yield clip.facts.instance_id, self._decode(clip, wanted, short_side, colours, run)

    def _load(self, stretch: np.ndarray) -> Iterator[tuple[StoredClip, memoryview]]:
        """Neighbouring clips in one read."""
        clips = [self._index.get(int(row)) for row in stretch]
        start = clips[0].offset
        (data,) = self._folder.read_parts([(clips[0].path.name, start, clips[-1].offset + clips[-1].length)])
        for clip in clips:
            yield clip, memoryview(data)[clip.offset - start : clip.offset - start + clip.length]

    def _find(self, instance_id: str) -> int:
        try:
            return self._index.get_row_number(instance_id)
        except KeyError as error:
            raise VideoError(f"{self._folder}: clip {instance_id} is not in the store") from error

    def _get_decoder(self) -> ClipDecoder:
        if self._decoder is None or self._decoder[0] != os.getpid():
            self._decoder = os.getpid(), ClipDecoder()
        return self._decoder[1]

    def _read_packets(self, clip: StoredClip, chosen: Sequence[int], run: memoryview | None) -> list[bytes]:
        """Packets by number, each checked."""
        spans = [(clip.packet_offsets[number], clip.facts.packet_sizes[number]) for number in chosen]
        if run is None:
            packets = self._read_spans(clip.path.name, spans)
        else:
            packets = [bytes(run[start - clip.offset : start - clip.offset + size]) for start, size in spans]
        for number, packet in zip(chosen, packets, strict=True):
            if zlib.crc32(packet) != clip.facts.packet_crc32[number]:
                raise VideoError(self._describe_damage(clip))
        return packets

    def _read_spans(self, name: str, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Bytes of (start, size) in a file; neighbours in one read."""
        parts: list[Part] = []
        homes: list[int] = []
        for start, size in spans:
            if parts and 0 <= start - parts[-1][2] <= self._folder.gap_bytes:
                parts[-1] = (name, parts[-1][1], start + size)
            else:
                parts.append((name, start, start + size))
            homes.append(len(parts) - 1)
        blocks = self._folder.read_parts(parts)
        return [
            blocks[home][start - parts[home][1] : start - parts[home][1] + size]
            for home, (start, size) in zip(homes, spans, strict=True)
        ]

    def _describe_damage(self, clip: StoredClip) -> str:
        return (
            f"{self._folder}/{clip.path}: clip {clip.facts.instance_id} is damaged. "
            "`finegym clips build --verify` cuts it again."
        )
