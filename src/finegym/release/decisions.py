"""Decisions: what was made of votes that differed, joined to what came of them, without names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from finegym.annotations.model import Dataset
from finegym.release.source import Decision, Stage
from finegym.release.votes import list_things, match_to_things

_DIGITS = 6


def place_decisions(
    decisions: Sequence[Decision], dataset: Dataset, numbers: Mapping[str, str]
) -> tuple[Decision, ...]:
    """The decisions with the actions and sub-actions that came of them, and with pseudonyms.

    Args:
        decisions: as the source brings them.
        dataset: what came of them.
        numbers: pseudonym of every annotator.

    Raises:
        KeyError: a decision names an annotator without one.
    """
    rows_of: dict[tuple[Stage, str], list[int]] = defaultdict(list)
    for row, decision in enumerate(decisions):
        rows_of[decision.stage, decision.video_id].append(row)
    placed = list(decisions)
    for (stage, record), rows in rows_of.items():
        spans = np.array([(decisions[row].start_ms, decisions[row].end_ms) for row in rows])
        found = match_to_things(spans, list_things(dataset, stage).get(record, ()))
        for place, thing in found.items():
            old = placed[rows[place]]
            if old.choice != "none":
                placed[rows[place]] = old._replace(action_id=thing.action_id, instance_id=thing.instance_id)
    return tuple(one if one.annotator is None else one._replace(annotator=numbers[one.annotator]) for one in placed)


def list_decisions(decisions: Iterable[Decision]) -> Iterator[Sequence[object]]:
    """Rows of the table ``decisions``."""
    for number, one in enumerate(decisions):
        yield (number, *one._replace(confidence=round(one.confidence, _DIGITS), annotator=one.annotator or None))
