"""Execution scores that are known: a CSV that somebody filled in, or the truth about simulated faults."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from finegym.annotations.model import Dataset
from finegym.codebook.model import Codebook
from finegym.errors import ConfigError, FeatureError, join_problems
from finegym.simulation.faults import FULL_SCORE
from finegym.simulation.truth import Truth, read_truth
from finegym.simulation.write import get_truth_path

HEADER = ["action_id", "score"]


@dataclass(frozen=True)
class Known:
    """What is known about faults of simulated routines.

    Attributes:
        scores: execution score by action id.
        deductions: points by (instance id, fault).
    """

    scores: dict[str, float]
    deductions: dict[tuple[str, str], float]


def read_scores(path: Path) -> dict[str, float]:
    """Execution scores by action id.

    Args:
        path: a CSV file with the columns action_id and score.

    Raises:
        ConfigError: it is missing or malformed; every bad line is named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(
            f"{path}: no readable CSV ({error}). Give a file with the columns action_id,score."
        ) from error
    if not rows or [name.strip() for name in rows[0]] != HEADER:
        raise ConfigError(f"{path}: expected the header {','.join(HEADER)}, got {','.join(rows[0]) if rows else ''!r}.")
    scores: dict[str, float] = {}
    problems = []
    for number, row in enumerate(rows[1:], start=2):
        value = _parse(row)
        if value is None:
            problems.append(f"line {number}: expected an action id and a score from 0 to 10, got {','.join(row)!r}")
        elif row[0] in scores:
            problems.append(f"line {number}: {row[0]} has a score already")
        else:
            scores[row[0]] = value
    if problems:
        raise ConfigError(f"{path}: {join_problems(problems)}. Correct the file.")
    return scores


def _parse(row: list[str]) -> float | None:
    try:
        value = float(row[1]) if len(row) == 2 and row[0] else None
    except ValueError:
        return None
    return value if value is not None and 0.0 <= value <= FULL_SCORE else None


def read_known(dataset: Dataset, folder: Path) -> Known:
    """The truth about a simulated competition's faults, from its folder.

    Raises:
        FeatureError: it was simulated without faults, or not simulated.
    """
    paths = [folder / get_truth_path(video.id) for video in dataset.videos]
    absent = [path for path in paths if not path.is_file()]
    if absent:
        raise FeatureError(
            f"{absent[0]}: is not there. Only simulated records know their faults; give scores of routines with "
            "--scores."
        )
    return collect_known(dataset.codebook, map(read_truth, paths))


def collect_known(codebook: Codebook, truths: Iterable[Truth]) -> Known:
    """Scores and deductions from the truth about records.

    Raises:
        FeatureError: a record was simulated without faults.
    """
    known = Known({}, {})
    for truth in truths:
        arrays, video = truth.arrays, truth.video
        if "action_execution" not in arrays:
            raise FeatureError(
                f"{video.id}: was simulated without faults, so that every score would be 10. Simulate a competition "
                "with `finegym simulate --faults`."
            )
        subs = [instance.id for instance in Dataset(codebook, (video,)).iterate_instances()]
        for action, score in zip(video.actions, arrays["action_execution"].tolist(), strict=True):
            known.scores[f"{video.id}_{action.name}"] = score
        for sub, kind, points in zip(
            *(arrays[f"fault_{name}"].tolist() for name in ("sub_action", "kind", "deduction")), strict=True
        ):
            key = (subs[sub], kind)
            known.deductions[key] = known.deductions.get(key, 0.0) + points
    return known
