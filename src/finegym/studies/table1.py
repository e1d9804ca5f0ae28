"""Table 1: statistics of the dataset. Nothing is trained."""

from __future__ import annotations

from finegym.annotations.statistics import EventStatistics, compute_statistics
from finegym.report.plots import draw_class_histogram
from finegym.studies.results import Results
from finegym.studies.study import Figure, Outcome, Study
from finegym.studies.tables import Cell, Column, Row, Table, make_count

COLUMNS = (
    *(Column(id_, id_, "", 0) for id_ in ("sets", "elements", "actions")),
    Column("sub_actions", "sub-actions", "", 0),
    Column("with_instances", "elements with instances", "", 0),
    Column("largest", "largest element", "", 0),
    Column("videos", "records", "", 0),
    Column("hours", "hours of records", "", 1),
)


def make(results: Results) -> Outcome:
    """Count the dataset."""
    statistics = compute_statistics(results.dataset)
    events = (*statistics.events, statistics.total)
    rows = tuple(Row(event.event_id, (event.event_id,), _count(event)) for event in events)
    notes = list(results.size.notes)
    if statistics.total.num_records_without_length:
        notes.append(f"{statistics.total.num_records_without_length} records of unknown length are not in the hours")
    table = Table("table1", "Table 1: statistics of the dataset", ("event",), COLUMNS, rows, tuple(notes))
    histogram = draw_class_histogram(
        [class_.num_instances for class_ in statistics.classes], [class_.event_id for class_ in statistics.classes]
    )
    to_see = "A few elements are performed in every routine, most are rare: the long tail."
    return Outcome((table,), (Figure("table1", "Instances of every element", to_see, histogram),))


def _count(event: EventStatistics) -> dict[str, Cell]:
    counts: dict[str, float] = {
        "sets": event.num_sets,
        "elements": event.num_elements,
        "actions": event.num_actions,
        "sub_actions": event.num_sub_actions,
        "with_instances": event.num_elements_with_instances,
        "largest": event.max_instances,
        "videos": event.num_videos,
    }
    cells = {column: make_count(count) for column, count in counts.items()}
    if event.num_records_without_length == event.num_videos:
        return cells | {"hours": Cell(None, why_empty="no record's length is known")}
    return cells | {"hours": make_count(event.record_hours)}


STUDY = Study("table1", "Table 1: statistics of the dataset", ("annotations",), lambda size: (), make)
