"""The prediction file of recognition: Parquet, one row an instance, ``instance_id`` and ``logits``.

Training, evaluation, ensembling and viewing meet only here. The file's metadata says which subset, split and classes
the logits belong to; evaluation refuses a file that does not cover its split.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from finegym.errors import PredictionError, join_problems
from finegym.files import replace_file

FORMAT = "finegym-predictions/1"
_METADATA_KEY = b"finegym"


@dataclass(frozen=True)
class Predictions:
    """What a prediction file holds.

    Attributes:
        instance_ids: N unique ids, in the order of the file.
        logits: float32 (N, K), one column a class index of the subset.
        metadata: what the writer said of them (subset, split, run, …).
    """

    instance_ids: tuple[str, ...]
    logits: np.ndarray
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class AlignedPredictions:
    """Predictions in the order of a split.

    Attributes:
        instance_ids: N ids of the split.
        targets: int64 (N,), class indices.
        logits: float32 (N, K); rows of missing instances are NaN.
        is_missing: bool (N,), true where the file has no prediction.
        num_extra: rows of the file that the split does not hold, left out.
    """

    instance_ids: tuple[str, ...]
    targets: np.ndarray
    logits: np.ndarray
    is_missing: np.ndarray
    num_extra: int


def write_predictions(path: Path, instance_ids: Sequence[str], logits: np.ndarray, metadata: Mapping[str, str]) -> None:
    """Write a prediction file, whole or not at all.

    Args:
        path: usually ``….parquet``.
        instance_ids: N unique ids.
        logits: float32 (N, K), finite.
        metadata: facts kept in the file; ``subset`` and ``split`` at least.

    Raises:
        PredictionError: ids and logits do not fit each other, an id comes twice, or a logit is not finite.
    """
    logits = np.asarray(logits, dtype=np.float32)
    if logits.ndim != 2 or len(logits) != len(instance_ids):
        raise PredictionError(f"expected logits of shape ({len(instance_ids)}, classes), got {logits.shape}")
    _check_rows(instance_ids, logits, str(path))
    width = logits.shape[1]
    offsets = pa.array(np.arange(0, logits.size + 1, width, dtype=np.int32) if len(logits) else [0], pa.int32())
    table = pa.table(
        {
            "instance_id": pa.array(list(instance_ids), pa.string()),
            "logits": pa.ListArray.from_arrays(offsets, pa.array(logits.ravel(), pa.float32())),
        }
    )
    facts = json.dumps({"format": FORMAT, **metadata}, sort_keys=True).encode()
    with replace_file(path) as temporary:
        pq.write_table(table.replace_schema_metadata({_METADATA_KEY: facts}), temporary, compression="zstd")


def read_predictions(path: Path) -> Predictions:
    """Read a prediction file.

    Raises:
        PredictionError: the file is missing, is no Parquet, lacks a column, has rows of different lengths, an id twice,
            or a logit that is not finite.
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        raise PredictionError(f"{path}: expected a prediction file, found {found}. `finegym predict` writes one.")
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise PredictionError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})") from error
    missing = {"instance_id", "logits"} - set(table.column_names)
    if missing:
        raise PredictionError(f"{path}: expected columns instance_id and logits, got {', '.join(table.column_names)}")
    _check_types(table, path)
    instance_ids = tuple(table["instance_id"].to_pylist())
    column = table["logits"].combine_chunks()
    lengths = np.asarray(column.value_lengths().fill_null(-1)) if len(column) else np.zeros(0, int)
    if len(set(lengths.tolist())) > 1:
        odd = int(np.flatnonzero(lengths != lengths[0])[0])
        raise PredictionError(
            f"{path}: row {odd} ({instance_ids[odd]}) has {lengths[odd]} logits, row 0 has {lengths[0]}. "
            "Every row needs one logit a class."
        )
    logits = np.zeros((0, 0), np.float32)
    if instance_ids:
        logits = np.asarray(column.flatten(), dtype=np.float32).reshape(len(instance_ids), -1)
    _check_rows(instance_ids, logits, str(path))
    facts = (table.schema.metadata or {}).get(_METADATA_KEY, b"{}")
    try:
        metadata = json.loads(facts)
    except ValueError as error:
        raise PredictionError(f"{path}: its metadata is not JSON ({error}). Write the file anew.") from error
    return Predictions(instance_ids, logits, metadata)


def align_predictions(
    predictions: Predictions,
    targets: Mapping[str, int],
    num_classes: int,
    *,
    split_name: str,
    missing: Literal["error", "wrong"] = "error",
    extra: Literal["error", "ignore"] = "error",
    source: str = "",
) -> AlignedPredictions:
    """Put predictions in the order of a split, and refuse those that do not cover it.

    Args:
        predictions: what a model said.
        targets: the split: class index of every instance.
        num_classes: of the subset.
        split_name: for messages (``"gym99/val"``).
        missing: what to do with instances the file lacks: refuse, or count them as wrong.
        extra: what to do with rows that the split does not hold: refuse, or leave out and count.
        source: the file, for messages.

    Raises:
        PredictionError: the classes do not fit, or instances are missing or unknown (listed).
    """
    problems = []
    width = predictions.logits.shape[1]
    if len(predictions.instance_ids) and width != num_classes:
        problems.append(f"the subset of {split_name} has {num_classes} classes, the file has {width} logits a row")
    row_of = {instance_id: row for row, instance_id in enumerate(predictions.instance_ids)}
    absent = [instance_id for instance_id in targets if instance_id not in row_of]
    unknown = [instance_id for instance_id in predictions.instance_ids if instance_id not in targets]
    if absent and missing == "error":
        problems.append(
            f"{split_name} has {len(targets)} instances, predictions cover {len(targets) - len(absent)}; "
            f"first missing: {', '.join(absent[:3])}. Pass --missing wrong to count them as errors"
        )
    if unknown and extra == "error":
        problems.append(
            f"{len(unknown)} predictions are for instances that {split_name} does not hold; first: "
            f"{', '.join(unknown[:3])}. Pass --extra ignore to leave them out"
        )
    if problems:
        raise PredictionError((f"{source}: " if source else "") + join_problems(problems))
    rows = np.array([row_of.get(instance_id, -1) for instance_id in targets], dtype=np.int64)
    logits = np.full((len(targets), num_classes), np.nan, np.float32)
    logits[rows >= 0] = predictions.logits[rows[rows >= 0]]
    return AlignedPredictions(
        tuple(targets), np.array(list(targets.values()), dtype=np.int64), logits, rows < 0, len(unknown)
    )


def _check_types(table: pa.Table, path: Path) -> None:
    ids, logits = table["instance_id"], table["logits"]
    problems = []
    is_empty = table.num_rows == 0
    if not (pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type) or is_empty):
        problems.append(f"expected instance_id as strings, got {ids.type}")
    is_list = pa.types.is_list(logits.type) or pa.types.is_large_list(logits.type)
    is_number = is_list and (
        pa.types.is_floating(logits.type.value_type) or pa.types.is_integer(logits.type.value_type)
    )
    if not (is_number or is_empty):
        problems.append(f"expected logits as lists of numbers, got {logits.type}")
    nulls = ids.null_count + logits.null_count
    if nulls:
        problems.append(f"{nulls} cells of instance_id or logits are empty")
    if problems:
        raise PredictionError(f"{path}: {join_problems(problems)}")


def _check_rows(instance_ids: Sequence[str], logits: np.ndarray, where: str) -> None:
    problems = []
    twice = [instance_id for instance_id, count in Counter(instance_ids).items() if count > 1]
    if twice:
        problems.append(f"{len(twice)} instance ids occur more than once; first: {twice[0]}")
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1)) if logits.size else np.zeros(0, int)
    if bad.size:
        problems.append(f"{bad.size} rows hold logits that are not finite; first: {instance_ids[int(bad[0])]}")
    if problems:
        raise PredictionError(f"{where}: {join_problems(problems)}")
