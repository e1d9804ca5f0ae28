"""Table 2: TSN at the event and the set level, RGB, flow and both."""

from __future__ import annotations

from finegym.studies.accuracy import make_accuracy_study

STUDY = make_accuracy_study(
    "table2",
    "TSN at event and set level",
    ("TSN RGB", "TSN Flow", "TSN 2Stream"),
    {"event": "event", "set": "set"},
    needs=("clips", "flow"),
    to_see="Whether flow adds anything to RGB where the hall says the event already, and more where it says less.",
    shown="top1",
)
