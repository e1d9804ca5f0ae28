"""What annotators did, as far as a release publishes it: their votes and how far they agree, as numbers, not names."""

from __future__ import annotations

import json
from dataclasses import replace

from finegym.annotations.model import Dataset
from finegym.errors import ConfigError, join_problems
from finegym.quality.agreement import measure_agreement
from finegym.quality.agreement_files import export_agreement
from finegym.release.decisions import place_decisions
from finegym.release.source import ReleaseSource
from finegym.release.votes import collect_votes, keep_records, keep_votes, number_annotators


def publish_work(source: ReleaseSource, before: Dataset, after: Dataset) -> ReleaseSource:
    """The source with votes and agreement made from its units, without anything on what left the release.

    Args:
        source: with units, votes, agreement as it brings them.
        before: the dataset before rules of exclusion.
        after: the dataset after them.

    Raises:
        ConfigError: an agreement that was measured before names what leaves the release.
    """
    records = {video.id for video in after.videos}
    gone = [video.id for video in before.videos if video.id not in records]
    for stage, measured in source.agreement.items():
        text = json.dumps(measured, ensure_ascii=False)
        named = [id_ for id_ in gone if f'"{id_}"' in text or f'"{id_}_' in text]
        if named:
            raise ConfigError(
                f"agreement on {stage}: names {join_problems(named, 5)}, which the rules leave out. Measure it "
                "without these records."
            )
    numbers = number_annotators(source.units.values())
    votes, agreement = list(source.votes), dict(source.agreement)
    for stage, units in source.units.items():
        votes += collect_votes(units, before, stage, numbers)
        kept = keep_records(units, records)
        numbered = replace(kept, annotators=tuple(numbers[name] for name in kept.annotators))
        if stage not in agreement and len(numbered.annotators) > 1:
            agreement[stage] = export_agreement(measure_agreement(numbered))
    decisions = place_decisions(source.decisions, before, numbers)
    return replace(
        source,
        votes=keep_votes(votes, before, after),
        decisions=keep_votes(decisions, before, after),
        agreement=agreement,
        is_simulated=source.is_simulated or any(units.is_simulated for units in source.units.values()),
    )
