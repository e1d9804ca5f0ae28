"""Table 3c: elements within a set."""

from __future__ import annotations

from finegym.studies.accuracy import make_accuracy_study
from finegym.studies.table3a import METHODS

STUDY = make_accuracy_study(
    "table3c",
    "Elements within a set",
    METHODS,
    {"FX-S1": "FX-S1", "UB-S1": "UB-S1"},
    needs=("clips", "flow", "poses"),
    to_see="Elements of a set share poses and background: what is left is motion, which flow sees.",
    shown="mean",
)
