"""``index.parquet``: a row a clip, in the order of the shards."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finegym.errors import VideoError
from finegym.video.store.format import ClipFacts, StoreSettings, get_shard_name
from finegym.video.store.tar import StoredClip

if TYPE_CHECKING:
    import pyarrow as pa

# Column and Arrow type, "list<…>" where a clip has many. Narrow types: loader processes each hold all rows.
COLUMNS = {
    "instance_id": "string",
    "shard": "int32",  # number of the shard
    "offset": "int64",  # of the clip's run of members in the shard
    "length": "int64",  # of the run, in bytes
    "record": "string",
    "record_bytes": "int64",
    "record_fingerprint": "string",
    "start_ms": "int64",
    "end_ms": "int64",
    "missing_ms": "int64",
    "first_frame": "int64",
    "num_frames": "int32",
    "time_base": "string",
    "pts": "list<int64>",
    "width": "int32",
    "height": "int32",
    "media_bytes": "int64",
    "media_crc32": "uint32",
    "extradata": "string",
    "packet_start": "int32",
    "packet_offsets": "list<int32>",  # of each packet, from the start of the run
    "packet_sizes": "list<int32>",
    "packet_frames": "list<int32>",
    "packet_roles": "list<int8>",
    "packet_crc32": "list<uint32>",
}
FACTS = tuple(name for name in COLUMNS if name in ClipFacts.model_fields)


def _make_schema() -> pa.Schema:
    import pyarrow as pa

    def make(name: str) -> pa.DataType:
        inner = name.removeprefix("list<").removesuffix(">")
        return pa.list_(pa.type_for_alias(inner)) if inner != name else pa.type_for_alias(name)

    return pa.schema([(name, make(kind)) for name, kind in COLUMNS.items()])


def format_index(clips: Sequence[StoredClip]) -> bytes:
    """The index of clips that lie in shards, as the bytes of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, list[object]] = {name: [getattr(clip.facts, name) for clip in clips] for name in FACTS}
    columns["shard"] = [int(clip.path.stem.removeprefix("shard-")) for clip in clips]
    columns["offset"] = [clip.offset for clip in clips]
    columns["length"] = [clip.length for clip in clips]
    columns["packet_offsets"] = [[place - clip.offset for place in clip.packet_offsets] for clip in clips]
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns, schema=_make_schema()), buffer, compression="zstd")
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
        # Loader processes, which are sent the arrays, do without Arrow.
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            # Nothing ahead: a thread of Arrow would read, and where it lets go of ``data`` when Python is over, the
            # process is aborted after its work (https://github.com/apache/arrow/issues/34314).
            file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
            self._check_columns(file.schema_arrow, where)
            self._values: dict[str, Any] = {}
            self._ends: dict[str, np.ndarray] = {}
            for name, kind in COLUMNS.items():
                # One at a time and by one thread: a table whole takes three times the memory.
                self._take_column(name, kind, file.read(columns=[name], use_threads=False)[name].combine_chunks())
        except (pa.ArrowException, OSError) as error:
            raise VideoError(
                f"{where}: is damaged ({error}). `finegym clips check --reindex` makes it again from the shards."
            ) from error
        pa.default_memory_pool().release_unused()
        self._settings = settings
        self.instance_ids: tuple[str, ...] = tuple(self._values["instance_id"])
        self._row = {instance_id: row for row, instance_id in enumerate(self.instance_ids)}
        self.num_frames: np.ndarray = self._values["num_frames"]
        self.shards: np.ndarray = self._values["shard"]
        self.offsets: np.ndarray = self._values["offset"]
        self.lengths: np.ndarray = self._values["length"]

    @staticmethod
    def _check_columns(schema: pa.Schema, where: str | Path) -> None:
        if schema.remove_metadata() != _make_schema():
            raise VideoError(f"{where}: expected the columns {', '.join(COLUMNS)}, got {', '.join(schema.names)}")

    def _take_column(self, name: str, kind: str, column: pa.Array) -> None:
        """Copies: views would keep Arrow's memory."""
        if kind.startswith("list"):
            self._values[name] = column.flatten().to_numpy().copy()
            self._ends[name] = column.offsets.to_numpy().astype(np.int64)
        elif kind == "string":
            self._values[name] = [sys.intern(text) for text in column.to_pylist()]
        else:
            self._values[name] = column.to_numpy().astype(np.int64)

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
        offset = int(self.offsets[row])
        return StoredClip(
            # Validated when it was written, and the file's hash is in store.json.
            facts=ClipFacts.model_construct(settings=self._settings, **facts),
            path=Path(get_shard_name(int(self.shards[row]))),
            offset=offset,
            length=int(self.lengths[row]),
            packet_offsets=tuple(offset + place for place in self._get("packet_offsets", row)),
        )

    def _get(self, name: str, row: int) -> Any:
        values = self._values[name]
        if name in self._ends:
            ends = self._ends[name]
            return tuple(values[ends[row] : ends[row + 1]].tolist())
        return values[row] if isinstance(values, list) else int(values[row])
