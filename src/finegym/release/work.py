"""What annotators did, as far as a release publishes it: their votes and how far they agree, as numbers, not names."""

from __future__ import annotations

import json
from dataclasses import replace

from finegym.annotations.model import Dataset
from finegym.errors import ConfigError, join_problems
from finegym.quality.agreement import measure_agreement
from finegym.quality.agreement_files import export_agreement
from finegym.quality.units import Units
from finegym.release.source import ReleaseSource
from finegym.release.votes import collect_votes, keep_records, keep_votes


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
    for level, measured in source.agreement.items():
        text = json.dumps(measured, ensure_ascii=False)
        named = [id_ for id_ in gone if id_ in text]
        if named:
            raise ConfigError(
                f"agreement on {level}s: names {join_problems(named, 5)}, which the rules leave out. Measure it "
                "without these records."
            )
    votes = list(source.votes)
    agreement = dict(source.agreement)
    for units in source.units:
        if units.level == "sub-action":
            votes += collect_votes(units, before)
        agreement.setdefault(units.level, export_agreement(measure_agreement(_number(keep_records(units, records)))))
    return replace(source, votes=keep_votes(votes, before, after), agreement=agreement)


def _number(units: Units) -> Units:
    names = tuple(f"annotator-{number}" for number in range(1, len(units.annotators) + 1))
    return replace(units, annotators=names)
