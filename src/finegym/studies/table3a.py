"""Table 3a: elements across all events, every method, on the long-tailed and the balanced setting."""

from __future__ import annotations

from finegym.studies.accuracy import make_accuracy_study

METHODS = (
    *("Random", "ActionVLAD RGB"),
    *(f"{method} {modality}" for method in ("TSN", "TRN", "TRNms", "TSM") for modality in ("RGB", "Flow", "2Stream")),
    *("I3D RGB", "I3D* RGB", "NL I3D RGB", "NL I3D* RGB", "ST-GCN Pose"),
)
"""The rows of Table 3."""

STUDY = make_accuracy_study(
    "table3a",
    "Elements across all events",
    METHODS,
    {"long-tailed": "long-tailed", "balanced": "balanced"},
    needs=("clips", "flow", "poses"),
    to_see="Flow against RGB of the same method, and what the long tail costs the mean over classes.",
    shown="mean",
)
