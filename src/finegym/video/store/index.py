"""``index.parquet``: a row a clip, in the order of the shards."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from finegym.errors import VideoError
from finegym.video.store.format import ClipFacts, StoreSettings, get_shard_name
from finegym.video.store.tar import StoredClip

SCHEMA = pa.schema(
    [
        ("instance_id", pa.string()),
        ("shard", pa.int32()),  # number of the shard
        ("offset", pa.int64()),  # of the clip's run of members in the shard
        ("length", pa.int64()),  # of the run, in bytes
        ("record", pa.string()),
        ("record_bytes", pa.int64()),
        ("record_fingerprint", pa.string()),
        ("start_ms", pa.int64()),
        ("end_ms", pa.int64()),
        ("missing_ms", pa.int64()),
        ("first_frame", pa.int64()),
        ("num_frames", pa.int32()),
        ("time_base", pa.string()),
        ("pts", pa.list_(pa.int64())),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("media_bytes", pa.int64()),
        ("media_crc32", pa.int64()),
        ("extradata", pa.string()),
        ("packet_start", pa.int64()),
        ("packet_offsets", pa.list_(pa.int64())),  # of each packet in the shard
        ("packet_sizes", pa.list_(pa.int64())),
        ("packet_frames", pa.list_(pa.int64())),
        ("packet_roles", pa.list_(pa.int64())),
        ("packet_crc32", pa.list_(pa.int64())),
    ]
)
FACTS = tuple(name for name in SCHEMA.names if name in ClipFacts.model_fields)


def format_index(clips: Sequence[StoredClip]) -> bytes:
    """The index of clips that lie in shards, as the bytes of a Parquet file."""
    columns: dict[str, list[object]] = {name: [getattr(clip.facts, name) for clip in clips] for name in FACTS}
    columns["shard"] = [int(clip.path.stem.removeprefix("shard-")) for clip in clips]
    columns |= {name: [getattr(clip, name) for clip in clips] for name in ("offset", "length", "packet_offsets")}
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns, schema=SCHEMA), buffer, compression="zstd")
    return buffer.getvalue()


class ClipIndex:
    """Rows by instance id; arrays in memory, made into ``StoredClip`` one at a time.

    Args:
        data: the bytes of ``index.parquet``.
        settings: of the store.
        where: of the file, for messages.

    Attributes:
        instance_ids: in the order of the shards.
        num_frames: int64 (N,), of every clip.
        shards: int64 (N,), number of the shard of every clip.
        offsets: int64 (N,), where every clip's run of members begins in its shard.
        lengths: int64 (N,), of the runs.

    Raises:
        VideoError: the index is damaged.
    """

    def __init__(self, data: bytes, settings: StoreSettings, where: str | Path) -> None:
        try:
            table = pq.read_table(io.BytesIO(data))
        except (pa.ArrowException, OSError) as error:
            raise VideoError(f"{where}: is damaged ({error}). `finegym clips build` makes it again.") from error
        if table.schema.remove_metadata() != SCHEMA:
            raise VideoError(
                f"{where}: expected the columns {', '.join(SCHEMA.names)}, got {', '.join(table.column_names)}"
            )
        self._settings = settings
        self._values: dict[str, Any] = {}
        self._ends: dict[str, np.ndarray] = {}
        for name in SCHEMA.names:
            column = table[name].combine_chunks()
            if pa.types.is_list(column.type):
                self._values[name] = column.flatten().to_numpy()
                self._ends[name] = column.offsets.to_numpy().astype(np.int64)
            elif pa.types.is_string(column.type):
                self._values[name] = column.to_pylist()
            else:
                self._values[name] = column.to_numpy().astype(np.int64)
        self.instance_ids: tuple[str, ...] = tuple(self._values["instance_id"])
        self._row = {instance_id: row for row, instance_id in enumerate(self.instance_ids)}
        self.num_frames: np.ndarray = self._values["num_frames"]
        self.shards: np.ndarray = self._values["shard"]
        self.offsets: np.ndarray = self._values["offset"]
        self.lengths: np.ndarray = self._values["length"]

    def __len__(self) -> int:
        return len(self.instance_ids)

    def __contains__(self, instance_id: object) -> bool:
        return instance_id in self._row

    def get_row_number(self, instance_id: str) -> int:
        """Row of an instance.

        Raises:
            KeyError: it is not in the store.
        """
        return self._row[instance_id]

    def get(self, row: int) -> StoredClip:
        """The clip of a row; its path is the shard's name."""
        facts = {name: self._get(name, row) for name in FACTS}
        return StoredClip(
            # Validated when it was written, and the file's hash is in store.json.
            facts=ClipFacts.model_construct(settings=self._settings, **facts),
            path=Path(get_shard_name(int(self.shards[row]))),
            offset=int(self.offsets[row]),
            length=int(self.lengths[row]),
            packet_offsets=self._get("packet_offsets", row),
        )

    def _get(self, name: str, row: int) -> Any:
        values = self._values[name]
        if name in self._ends:
            ends = self._ends[name]
            return tuple(values[ends[row] : ends[row + 1]].tolist())
        return values[row] if isinstance(values, list) else int(values[row])
