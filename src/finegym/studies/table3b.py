"""Table 3b: elements within an event."""

from __future__ import annotations

from finegym.studies.accuracy import make_accuracy_study
from finegym.studies.table3a import METHODS

STUDY = make_accuracy_study(
    "table3b",
    "Elements within an event",
    METHODS,
    {"VT": "VT", "FX": "FX"},
    needs=("clips", "flow", "poses"),
    to_see="Vaults last seven seconds and differ in one of them: they are hard for all methods.",
    shown="mean",
)
