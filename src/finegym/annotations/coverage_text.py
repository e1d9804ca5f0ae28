"""Coverage as people read it in a terminal, and its classes as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence

from finegym.annotations.coverage import Coverage, GroupCoverage, Kept, PartCoverage, SplitCoverage
from finegym.annotations.splits import SIDES
from finegym.annotations.text import format_share, format_table

# So many classes are listed of each kind; all of them are in the CSV.
NUM_CLASSES_SHOWN = 10


def format_coverage(coverage: Coverage, reasons: Mapping[str, int] | None = None) -> str:
    """What is missing, then the whole dataset by event, then every split.

    Args:
        coverage: to show.
        reasons: why records are missing, with counts, where somebody knows.
    """
    everything = coverage.parts[-1].records
    only_listed = len(coverage.missing) - everything.lost
    lines = [
        f"{everything.lost:,} of {everything.total:,} records are missing ({format_share(everything.lost_share or 0)})"
        + (f", and {only_listed:,} that only the splits name" if only_listed else "")
    ]
    lines += [f"  {count:>5,} {reason}" for reason, count in (reasons or {}).items()]
    if coverage.unknown:
        some = ", ".join(coverage.unknown[:5]) + (", …" if len(coverage.unknown) > 5 else "")
        lines.append(
            f"{len(coverage.unknown):,} ids are neither in the dataset nor in a split, and count nowhere: {some}"
        )
    lines += ["", _format_parts("whole dataset", coverage.parts)]
    for split in coverage.splits:
        lines += ["", *_format_split(split)]
    if not coverage.splits:
        lines += ["", "no splits: make one with finegym annotations split"]
    return "\n".join(lines)


def format_classes_csv(coverage: Coverage) -> str:
    """Every class of every split, a row each."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    counts = [f"{side}{what}" for side in SIDES for what in ("", "_left", "_lost")]
    writer.writerow(["split", "class_index", "id", "name", "set_id", "event_id", *counts])
    for split in coverage.splits:
        for c in split.classes:
            numbers = [n for side in SIDES for n in (c.sides[side].total, c.sides[side].left, c.sides[side].lost)]
            writer.writerow([split.split, c.class_index, c.id, c.name, c.set_id or "", c.event_id or "", *numbers])
    return buffer.getvalue()


def _format_split(split: SplitCoverage) -> Iterable[str]:
    yield _format_parts(f"split {split.split}", split.parts)
    if split.num_not_in_dataset:
        yield f"{split.num_not_in_dataset:,} instances are not in the annotations; their records are in their ids"
    for title, groups in (("event", split.events), ("set", split.sets)):
        if len(groups) > 1:
            yield ""
            yield _format_groups((title,), groups, lambda group: (group.id,))
    yield ""
    yield from _describe_classes(split)
    hurt = sorted((c for c in split.classes if c.total.lost), key=lambda c: (-(c.total.lost_share or 0), c.class_index))
    if hurt:
        yield ""
        shown = hurt[:NUM_CLASSES_SHOWN]
        yield f"the {len(shown)} of {len(hurt)} classes with losses that lose the largest share:"
        yield _format_groups(("class", "id"), shown, lambda class_: (class_.class_index, class_.id), with_name=True)


def _describe_classes(split: SplitCoverage) -> Iterable[str]:
    for side in SIDES:
        for what, found in (
            ("lose everything", split.find_emptied(side)),
            (f"fall below {split.min_instances}", split.find_fallen(side)),
        ):
            some = ", ".join(f"{c.class_index} ({c.id})" for c in found[:NUM_CLASSES_SHOWN])
            more = ", …" if len(found) > NUM_CLASSES_SHOWN else ""
            yield f"{side}: {len(found):,} of {len(split.classes):,} classes {what}{': ' if found else ''}{some}{more}"


def _format_parts(title: str, parts: Sequence[PartCoverage]) -> str:
    header = [title]
    for what in ("records", "actions", "sub-actions"):
        header += [what, "left", "lost"]
    rows = [
        [part.name, *(cell for kept in (part.records, part.actions, part.sub_actions) for cell in _format_kept(kept))]
        for part in parts
    ]
    return format_table(header, rows)


def _format_groups(
    titles: tuple[str, ...],
    groups: Sequence[GroupCoverage],
    find_cells: Callable[[GroupCoverage], tuple[object, ...]],
    *,
    with_name: bool = False,
) -> str:
    header = [*titles, *(name for side in SIDES for name in (side, "left", "lost")), *(["name"] if with_name else [])]
    rows = [
        [
            *find_cells(group),
            *(cell for side in SIDES for cell in _format_kept(group.sides[side])),
            *([group.name] if with_name else []),
        ]
        for group in groups
    ]
    return format_table(header, rows, left=(len(header) - 1,) if with_name else ())


def _format_kept(kept: Kept) -> tuple[object, object, object]:
    """Total, left, and the share lost; a dash where there was nothing to lose."""
    return kept.total, kept.left, format_share(kept.lost_share)
