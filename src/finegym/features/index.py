"""``index.parquet`` of a feature store: a row a clip, in the order of the dataset."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from finegym.features.store import StoredFeatures

_COLUMNS = ("instance_id", "video_id", "record", "start_ms", "end_ms", "first_frame", "num_frames", "height", "width")


def format_index(clips: Sequence[StoredFeatures]) -> bytes:
    """The index as the bytes of a Parquet file.

    Columns: those of ``FeatureFacts`` that people look at, ``path``, ``size_bytes``, ``crc32``, and ``facts``: all of
    ``FeatureFacts`` but the settings, as JSON.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {name: [getattr(clip.facts, name) for clip in clips] for name in _COLUMNS}
    columns["path"] = [clip.path for clip in clips]
    columns["size_bytes"] = pa.array([clip.size_bytes for clip in clips], pa.int64())
    columns["crc32"] = pa.array([clip.crc32 for clip in clips], pa.uint32())
    columns["facts"] = pa.array([clip.facts.model_dump_json(exclude={"settings"}) for clip in clips], pa.string())
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, compression="zstd")
    return buffer.getvalue()
