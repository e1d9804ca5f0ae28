"""How far several annotators agree: detection, boundaries, labels, answers to queries, frames; gamma if asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from finegym.annotations.text import format_count
from finegym.errors import AnnotationError, ConfigError
from finegym.quality.agreement_table import Table
from finegym.quality.boundaries import measure_boundaries
from finegym.quality.comparison import AgreementSettings, Comparison
from finegym.quality.detection import measure_detection
from finegym.quality.frames import measure_frames
from finegym.quality.gamma import GammaSettings, measure_gamma
from finegym.quality.labels import measure_labels
from finegym.quality.queries import measure_queries
from finegym.quality.units import NO_LABEL, Units
from finegym.quality.values import FEW_GROUPS

SECTIONS = {
    "detection": "Detection: who found what",
    "boundaries": "Boundaries: where it begins and ends",
    "labels": "Labels: what it is called",
    "queries": "Answers to queries",
    "gamma": "Gamma: all of it in one number",
    "frames": "Frame by frame, for comparison",
}


@dataclass(frozen=True)
class Agreement:
    """The answer, and what it is about.

    Attributes:
        units: what was compared: items that two annotators or more did.
        settings: how.
        sections: tables by section; of ``SECTIONS`` those that were measured, in this order.
        notes: what a reader must know, in words.
        num_lone_items: items that one annotator alone did, compared with nobody.
        num_lone_units: units in these.
        num_groups: performances: units that match, and units that stand alone.
        num_shared_groups: performances that two annotators or more found.
    """

    units: Units
    settings: AgreementSettings
    sections: dict[str, tuple[Table, ...]]
    notes: tuple[str, ...]
    num_lone_items: int
    num_lone_units: int
    num_groups: int
    num_shared_groups: int
    comparison: Comparison = field(repr=False)

    @property
    def tables(self) -> dict[str, Table]:
        """Every table by its key."""
        return {table.key: table for tables in self.sections.values() for table in tables}


def measure_agreement(
    units: Units,
    settings: AgreementSettings | None = None,
    gamma: GammaSettings | None = None,
    say: Callable[[str], None] | None = None,
) -> Agreement:
    """Measure how far annotators agree.

    Args:
        units: of two annotators or more.
        settings: thresholds, resamples, seed.
        gamma: measure gamma too, so; it takes seconds an item.
        say: hears how far gamma is.

    Raises:
        AnnotationError: no item was done by two annotators.
        ConfigError: a setting is out of range, or gamma is asked for without its package.
    """
    settings = settings or AgreementSettings()
    _check(units, settings)
    is_shared = units.done.sum(axis=0) >= 2
    everything, units = units, units.select_items(is_shared)
    comparison = Comparison(units, settings)
    frames, frame_notes = measure_frames(comparison)
    sections = {
        "detection": measure_detection(comparison),
        "boundaries": measure_boundaries(comparison),
        "labels": measure_labels(comparison),
        "queries": measure_queries(comparison),
        "gamma": [] if gamma is None else measure_gamma(comparison, gamma, say),
        "frames": frames,
    }
    return Agreement(
        units=units,
        settings=settings,
        sections={name: tuple(tables) for name, tables in sections.items() if tables},
        notes=(*units.notes, *_find_notes(units), *frame_notes),
        num_lone_items=len(everything.items) - len(units.items),
        num_lone_units=len(everything) - len(units),
        num_groups=len(comparison.groups),
        num_shared_groups=int(((comparison.groups.members >= 0).sum(axis=1) >= 2).sum()),
        comparison=comparison,
    )


def _check(units: Units, settings: AgreementSettings) -> None:
    for tiou in (settings.match_tiou, *settings.tious):
        if not 0 < tiou <= 1:
            raise ConfigError(f"tIoU {tiou:g}: expected more than 0 and at most 1")
    if not settings.tious or any(number < 1 for number in settings.frames) or settings.num_resamples < 0:
        raise ConfigError("agreement wants a threshold of tIoU, distances of 1 frame or more, and 0 or more resamples")
    if not (units.done.sum(axis=0) >= 2).any():
        raise AnnotationError(
            f"no item was done by two of {', '.join(units.annotators) or 'nobody'}: nothing to compare. Hand items out "
            "twice."
        )


def _find_notes(units: Units) -> Iterator[str]:
    num_unlabelled = int((units.label_index == NO_LABEL).sum())
    if num_unlabelled:
        yield f"{num_unlabelled:,} units have no label: detection and boundaries only"
    unsure = int((units.answers.answer < 0).sum())
    if unsure:
        yield f"{unsure:,} answers are unsure: they count as no answer"
    if len(units.groups) < FEW_GROUPS:
        yield f"intervals over {format_count(len(units.groups), 'record')} are rough"
