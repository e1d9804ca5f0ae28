"""Four Parquet tables: records, actions, sub-actions with their stages, and the labels of the codebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from finegym.annotations.model import Dataset
from finegym.annotations.splits import SIDES, Split
from finegym.files import replace_file
from finegym.release.exports.exported import Exported, ExportSettings, make_exported
from finegym.release.exports.facts import EVERYTHING, Fact

if TYPE_CHECKING:
    import polars as pl

CARRIED: frozenset[Fact] = EVERYTHING - {"trees"}


def export_parquet(dataset: Dataset, folder: Path, settings: ExportSettings) -> Exported:
    """Write a dataset as tables; the same dataset gives the same bytes with the same version of polars.

    Of every split, ``sub_actions`` has a column ``side_NAME`` (train, val or null) and ``class_NAME`` (class index).

    Raises:
        OutputError: a file cannot be written.
    """
    tables = {
        "records.parquet": dataset.videos_frame.drop("num_actions"),
        "actions.parquet": dataset.actions_frame,
        "sub_actions.parquet": _make_sub_actions(dataset, settings.splits),
        "labels.parquet": _make_labels(dataset),
    }
    for name, table in tables.items():
        with replace_file(folder / name) as temporary:
            metadata = {"simulated": "true"} if settings.is_simulated else None
            table.write_parquet(temporary, compression="zstd", metadata=metadata)
    return make_exported(dataset, [folder / name for name in tables], CARRIED, {})


def _make_sub_actions(dataset: Dataset, splits: Sequence[Split]) -> pl.DataFrame:
    import polars as pl

    table = dataset.sub_actions_frame
    stages = [
        [{"start_ms": start, "end_ms": end} for start, end in instance.sub_action.stages]
        for instance in dataset.iterate_instances()
    ]
    stage = pl.Struct({"start_ms": pl.Int64, "end_ms": pl.Int64})
    columns = [pl.Series("stages", stages, pl.List(stage))]
    for split in splits:
        side_of = {id_: side for side in SIDES for id_ in split.get_side(side)}
        class_of = {**split.train, **split.val}
        columns.append(pl.Series(f"side_{split.name}", [side_of.get(id_) for id_ in table["instance_id"]], pl.String))
        columns.append(pl.Series(f"class_{split.name}", [class_of.get(id_) for id_ in table["instance_id"]], pl.Int64))
    return table.with_columns(columns)


def _make_labels(dataset: Dataset) -> pl.DataFrame:
    """Events, sets and elements: level, id, name, parent_id, difficulty_code, difficulty_value."""
    import polars as pl

    codebook = dataset.codebook
    rows: list[tuple[str, str, str, str | None, str | None, float | None]] = [
        ("event", event.id, event.name, None, None, None) for event in codebook.events
    ]
    rows += [("set", set_.id, set_.name, set_.event_id, None, None) for set_ in codebook.sets]
    rows += [
        ("element", one.id, one.name, one.set_id, one.difficulty_code, one.difficulty_value)
        for one in codebook.elements
    ]
    texts = ("level", "label_id", "name", "parent_id", "difficulty_code")
    schema = dict.fromkeys(texts, pl.String) | {"difficulty_value": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")
