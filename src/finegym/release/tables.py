"""The tables of a release: as Parquet, which Croissant describes, and the same as CSV, which spreadsheets open.

Croissant reads the typed files, because readers of CSV guess: an element ``67`` beside an empty cell becomes ``67.0``.

All times are whole milliseconds on the record's own clock, half-open. Empty cells are unknown. Keys: ``video_id``,
``action_id``, ``instance_id``, ``element_id`` …; each other column of such a name points at the table of it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence

from finegym.annotations.splits import SIDES
from finegym.release.contents import Contents
from finegym.release.decisions import list_decisions
from finegym.release.table_shapes import OPTIONAL, SHAPES, TableShape
from finegym.release.votes import list_vote_answers, list_votes


def format_tables(contents: Contents) -> dict[str, bytes]:
    """Every table in both formats, by path."""
    rows: dict[str, Iterable[Sequence[object]]] = {
        "events": _list_events(contents),
        "sets": _list_sets(contents),
        "elements": _list_elements(contents),
        "records": _list_records(contents),
        "actions": contents.dataset.actions_frame.rows(),
        "sub_actions": contents.dataset.sub_actions_frame.rows(),
        "stages": _list_stages(contents),
        "classes": _list_classes(contents),
        "split_instances": _list_split_instances(contents),
        "votes": list_votes(contents.source.votes),
        "vote_answers": list_vote_answers(contents.source.votes),
        "decisions": list_decisions(contents.source.decisions),
    }
    files = {}
    for name, of_table in rows.items():
        shape, listed = SHAPES[name], list(of_table)
        if listed or name not in OPTIONAL:
            files[shape.csv_path] = format_csv(shape, listed).encode()
            files[shape.parquet_path] = format_parquet(shape, listed)
    return files


def format_csv(shape: TableShape, rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV: a header, LF line ends, empty cells for ``None``."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([column.name for column in shape.columns])
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return buffer.getvalue()


def format_parquet(shape: TableShape, rows: Sequence[Sequence[object]]) -> bytes:
    """A table as the bytes of a Parquet file, typed, nulls where nothing is known."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
    fields = [pa.field(c.name, types[c.type], nullable=c.may_be_empty) for c in shape.columns]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(fields)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, fields, strict=True)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), sink, compression="zstd")
    return bytes(sink.getvalue())


def _list_events(contents: Contents) -> Iterable[Sequence[object]]:
    counts = Counter(action.event_id for video in contents.dataset.videos for action in video.actions)
    return [(event.id, event.name, counts[event.id]) for event in contents.dataset.codebook.events]


def _list_sets(contents: Contents) -> Iterable[Sequence[object]]:
    counts = Counter(one.sub_action.set_id for one in contents.dataset.iterate_instances())
    return [(set_.id, set_.event_id, set_.name, counts[set_.id]) for set_ in contents.dataset.codebook.sets]


def _list_elements(contents: Contents) -> Iterable[Sequence[object]]:
    counts = Counter(one.sub_action.element_id for one in contents.dataset.iterate_instances())
    return [
        (e.id, e.set_id, e.name.strip(), e.difficulty_code, e.difficulty_value, e.glabel, counts[e.id])
        for e in contents.dataset.codebook.elements
    ]


def _list_records(contents: Contents) -> Iterable[Sequence[object]]:
    media = contents.source.media
    return [
        (
            *(v.id, v.path, v.competition, v.fps, v.num_frames, v.width, v.height, len(v.actions)),
            *((media[v.id].sha256, media[v.id].size_bytes) if v.id in media else (None, None)),
        )
        for v in contents.dataset.videos
    ]


def _list_stages(contents: Contents) -> Iterable[Sequence[object]]:
    return [
        (one.id, number, start_ms, end_ms)
        for one in contents.dataset.iterate_instances()
        for number, (start_ms, end_ms) in enumerate(one.sub_action.stages, start=1)
    ]


def _list_classes(contents: Contents) -> Iterable[Sequence[object]]:
    for gated in contents.splits:
        split = gated.released.split
        counts = zip(split.subset.classes, *(split.count_classes(side) for side in SIDES), strict=True)
        yield from ((split.name, c.class_index, c.id, c.name, train, val) for c, train, val in counts)


def _list_split_instances(contents: Contents) -> Iterable[Sequence[object]]:
    for gated in contents.splits:
        split = gated.released.split
        for side in SIDES:
            yield from ((split.name, side, id_, index) for id_, index in split.get_side(side).items())
