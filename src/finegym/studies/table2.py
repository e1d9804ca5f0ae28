"""Table 2: TSN at the event and the set level, RGB, flow and both."""

from __future__ import annotations

from finegym.studies.accuracy import draw_accuracies, make_columns, make_notes, make_rows, plan_accuracies
from finegym.studies.results import Results
from finegym.studies.study import Figure, Outcome, Study
from finegym.studies.tables import Table

ROLES = {"event": "event", "set": "set"}
METHODS = ("TSN RGB", "TSN Flow", "TSN 2Stream")
TITLE = "TSN at event and set level"


def make(results: Results) -> Outcome:
    """Score what is there."""
    table = Table(
        "table2",
        f"Table 2: {TITLE}",
        ("method", "modality"),
        make_columns(ROLES),
        make_rows(results, METHODS, ROLES),
        make_notes(results, METHODS, ROLES),
    )
    to_see = "Whether flow adds anything to RGB where the hall says the event already, and more where it says less."
    return Outcome((table,), (Figure("table2", TITLE, to_see, draw_accuracies(table, "top1", f"{TITLE}, top-1")),))


STUDY = Study("table2", TITLE, ("clips", "flow"), lambda size: plan_accuracies(size, METHODS, ROLES), make)
