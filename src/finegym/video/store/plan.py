"""What a build leaves as it is, and what it has to cut. A clip that is there is never given up without need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from finegym.errors import ConfigError
from finegym.video.store.cut import Record
from finegym.video.store.units import Segment


class Shown(Protocol):
    """What a clip that is there says of its source."""

    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...
    @property
    def record(self) -> str: ...
    @property
    def record_bytes(self) -> int: ...
    @property
    def record_fingerprint(self) -> str: ...


@dataclass
class Plan:
    """Every clip of the dataset and every clip that is there, sorted.

    Attributes:
        kept: ids of clips that are there and show what is annotated.
        without_record: those of ``kept`` whose record cannot be read now, each with the reason.
        stale: ids of clips that are there and stay, because others were named, although their annotation has changed or
            is gone.
        removed: ids of clips that are there and are no longer annotated.
        to_cut: clips to be cut, by path of their record.
        failed: ids of clips that are not there and cannot be cut, each with the reason.
        order: ids of all clips that are annotated or stay, in the order of the store.
    """

    kept: list[str] = field(default_factory=list)
    without_record: dict[str, str] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    to_cut: dict[str, list[Segment]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)


def make_plan(
    segments: Sequence[Segment],
    there: Mapping[str, Shown],
    records: Mapping[str, Record],
    unreadable: Mapping[str, str],
    only: Collection[str] | None,
) -> Plan:
    """Sort clips into those that stay and those to be cut.

    Args:
        segments: every clip of the dataset.
        there: facts of every clip that is there, by id; all of the settings that are asked for.
        records: records that can be read, by path.
        unreadable: why others cannot be, by path.
        only: ids to be cut; all other clips that are there stay as they are. ``None``: all.
    """
    plan = Plan()
    for segment in segments:
        name, clip = segment.instance_id, there.get(segment.instance_id)
        plan.order.append(name)
        has_times = clip is not None and (clip.start_ms, clip.end_ms) == (segment.start_ms, segment.end_ms)
        if only is not None and name not in only:
            if clip is not None:
                (plan.kept if has_times else plan.stale).append(name)
        elif segment.path is not None and segment.path in records:
            if clip is not None and has_times and _shows(clip, records[segment.path]):
                plan.kept.append(name)
            else:
                plan.to_cut.setdefault(segment.path, []).append(segment)
        else:
            reason = (
                f"record {segment.video_id} has no file in records.csv"
                if segment.path is None
                else unreadable[segment.path]
            )
            if has_times:
                plan.kept.append(name)
                plan.without_record[name] = reason
            else:
                plan.failed[name] = reason
    annotated = set(plan.order)
    others = [name for name in there if name not in annotated]
    if only is None:
        plan.removed = others
    else:
        plan.stale += others
        plan.order += others
    return plan


def check_only(only: Collection[str] | None, segments: Sequence[Segment]) -> None:
    """Whether every id that is asked for is a clip of the dataset.

    Raises:
        ConfigError: one is not.
    """
    unknown = sorted(set(only or ()) - {segment.instance_id for segment in segments})
    if unknown:
        raise ConfigError(
            f"{len(unknown)} ids to be cut are not in the dataset; first: {unknown[0]}. Correct the list."
        )


def _shows(clip: Shown, record: Record) -> bool:
    """Whether a clip was cut from a record as it is now."""
    made = clip.record, clip.record_bytes, clip.record_fingerprint
    return made == (record.path, record.size_bytes, record.fingerprint)
