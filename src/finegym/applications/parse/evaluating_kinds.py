"""How often parses are right about kinds of routines, where a simulation knows what broke off and was replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finegym.applications.parse.counts import Counts, add_counts, match
from finegym.applications.parse.files import KINDS, Kind, Parse
from finegym.applications.parse.kinds import is_telling
from finegym.localization.negatives import Shots, read_shots
from finegym.simulation.competition import SETTINGS_FILE
from finegym.simulation.truth import read_truth

TRUE_KINDS: tuple[Kind, ...] = ("routine", "interrupted", "replay")
NOTHING = "none of these"
MIN_COVER = 0.5

Spans = Mapping[Kind, Sequence[tuple[int, int]]]
"""Stretches of a record by kind, ``[start_ms, end_ms)``."""


@dataclass(frozen=True)
class KindScores:
    """How right parses are about kinds.

    Attributes:
        kinds: by kind, of what is there and what was said; one is hit by one of the same kind with a tIoU of half or
            more, one to one. What was said of replays are the record's replay candidates (those that are enough to call
            a routine one), and the routines called replays that lie in none of them.
        confusion: by what a found routine really shows (most of it, at least half), or ``none of these``, how many were
            called which kind.
    """

    kinds: Mapping[str, Counts]
    confusion: Mapping[str, Mapping[str, int]]


def read_true_kinds(folder: Path, record_ids: Sequence[str]) -> dict[str, Spans] | None:
    """What is there, by record, from the truth files of a simulated competition; ``None``: it is no such folder.

    Raises:
        SimulationError: a truth file is missing or damaged.
    """
    if not (folder / SETTINGS_FILE).is_file():
        return None
    return {id_: list_spans(read_shots(read_truth(folder / "truth" / f"{id_}.npz"))) for id_ in record_ids}


def list_spans(shots: Shots) -> Spans:
    """The shots of a simulated record that show a routine."""
    spans = [(int(start), int(end)) for start, end in np.rint(shots.spans_ms).tolist()]
    return {
        kind: [span for span, shown in zip(spans, shots.kinds, strict=True) if shown == kind] for kind in TRUE_KINDS
    }


def score_kinds(parses: Sequence[Parse], truth: Mapping[str, Spans]) -> KindScores:
    """Compare what parses call routines, interrupted and replays with what is there.

    Args:
        parses: one a record.
        truth: by record.
    """
    counts: dict[str, list[Counts]] = {kind: [] for kind in TRUE_KINDS}
    confusion: dict[str, dict[str, int]] = {
        shown: dict[str, int](dict.fromkeys(KINDS, 0)) for shown in (*TRUE_KINDS, NOTHING)
    }
    for parse in parses:
        spans = truth[parse.record_id]
        said = list_said(parse)
        for kind in TRUE_KINDS:
            pairs = match(spans[kind], said[kind])
            counts[kind].append(Counts(len(spans[kind]), len(said[kind]), len(pairs)))
        for action in parse.actions:
            confusion[find_shown((action.start_ms, action.end_ms), spans)][action.kind] += 1
    return KindScores({kind: add_counts(each) for kind, each in counts.items()}, confusion)


def list_said(parse: Parse) -> Spans:
    """What a parse says is there, by kind."""
    said: dict[Kind, list[tuple[int, int]]] = {
        kind: [(one.start_ms, one.end_ms) for one in parse.actions if one.kind == kind] for kind in TRUE_KINDS
    }
    telling = [one for one in parse.stretches if one.kind == "replay" and is_telling(one)]
    candidates = [(round(one.start_ms), round(one.end_ms)) for one in telling]
    apart = [one for one in said["replay"] if not any(_measure_cover(one, [other]) > MIN_COVER for other in candidates)]
    return said | {"replay": [*candidates, *apart]}


def find_shown(span: tuple[int, int], truth: Spans) -> str:
    """What most of a stretch really shows."""
    shares = {kind: _measure_cover(span, truth[kind]) for kind in TRUE_KINDS}
    best = max(TRUE_KINDS, key=lambda kind: shares[kind])
    return best if shares[best] >= MIN_COVER else NOTHING


def tabulate_kinds(scores: KindScores) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Header and rows of the confusion for people."""
    return ("it shows", *(f"called {kind}" for kind in KINDS)), [
        (shown, *(str(row[kind]) for kind in KINDS)) for shown, row in scores.confusion.items()
    ]


def _measure_cover(span: tuple[int, int], spans: Sequence[tuple[int, int]]) -> float:
    """The share of a stretch that lies in others, which do not overlap."""
    shared = sum(max(0, min(span[1], end) - max(span[0], start)) for start, end in spans)
    return shared / max(1, span[1] - span[0])
