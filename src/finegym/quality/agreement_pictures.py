"""Pictures of agreement: alpha where it is lowest, everybody's bias, lanes of the items with most disagreement."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from finegym.quality.agreement import Agreement
from finegym.quality.agreement_table import Table, sort_worst_first
from finegym.quality.boundaries import EDGES
from finegym.quality.units import NO_LABEL
from finegym.quality.values import Value
from finegym.report.page import Picture
from finegym.report.plots import INK, Bar, cycle_colours, draw_bars, make_colours, make_figure, save_figure
from finegym.report.timeline_picture import Row, Span, draw_timeline

MAX_BARS = 25


def draw_table(agreement: Agreement, table: Table) -> Iterator[Picture]:
    """The picture that goes with a table, where there is one."""
    if table.key in ("labels_elements", "queries", "labels_sets") and len(table.rows) > 1:
        picture = _draw_worst(table)
        if picture is not None:
            yield picture
    if table.key == "boundaries_annotators" and len(agreement.comparison.matches):
        caption = (
            "Signed differences of bounds, each annotator's minus the other's: the middle half (bar), 5 to 95 % "
            "(line), the median (mark). A bar away from 0 is a bias."
        )
        yield Picture(_draw_bias(agreement), caption, "signed differences of bounds by annotator")


def _draw_worst(table: Table) -> Picture | None:
    """Alpha with its interval of the rows where it is lowest."""
    bars = []
    for row in sort_worst_first(table):
        cell = row.cells["alpha"]
        if isinstance(cell, Value) and cell.value is not None:
            name = " ".join(filter(None, [*list(row.about.values())[:1], row.detail]))
            bars.append(Bar(name, cell.value, cell.low, cell.high))
    if not bars:
        return None
    low = min(0.0, *(bar.value if bar.low is None else bar.low for bar in bars[:MAX_BARS]))
    what = f"The {len(bars[:MAX_BARS])} of {len(bars)} with the lowest alpha" if len(bars) > MAX_BARS else "Alpha"
    svg = draw_bars(bars[:MAX_BARS], value_label="Krippendorff's alpha", value_range=(low, 1.0))
    return Picture(svg, f"{what}: {table.title.lower()}.", f"bars of alpha, {table.title.lower()}")


def _draw_bias(agreement: Agreement) -> bytes:
    units, matches = agreement.units, agreement.comparison.matches
    annotator = np.concatenate([units.annotator_index[matches.left], units.annotator_index[matches.right]])
    names, colours = units.annotators, cycle_colours(len(EDGES))
    with make_figure(height=1.0 + 0.42 * len(names)) as figure:
        axes = figure.add_subplot()
        for side, (edge, colour) in enumerate(zip(EDGES, colours, strict=True)):
            times = units.start_ms if edge == "start" else units.end_ms
            offset = (times[matches.right] - times[matches.left]).astype(float)
            signed = np.concatenate([-offset, offset])
            for place in range(len(names)):
                own = signed[annotator == place]
                if not len(own):
                    continue
                y = place - 0.18 + 0.36 * side
                outer_low, low, middle, high, outer_high = np.percentile(own, [5, 25, 50, 75, 95])
                axes.plot([outer_low, outer_high], [y, y], color=colour, linewidth=1.1)
                axes.barh(y, high - low, 0.26, left=low, color=colour, alpha=0.55)
                axes.plot([middle], [y], color=INK, marker="|", markersize=9, markeredgewidth=1.6)
            axes.barh([0], [0], color=colour, alpha=0.55, label=edge)
        axes.axvline(0, color=INK, linewidth=0.9, linestyle="--")
        axes.set_yticks(range(len(names)), list(names))
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set(xlabel="earlier  ←  ms  →  later")
        axes.grid(visible=False, axis="y")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return save_figure(figure)


def draw_items(agreement: Agreement, max_items: int) -> Iterator[Picture]:
    """Lanes of all annotators for the items with most performances that not everybody found or called alike."""
    units, groups = agreement.units, agreement.comparison.groups
    differs = _find_differing(agreement)
    counts = np.bincount(groups.item_index[differs], minlength=len(units.items))
    for item in np.argsort(-counts, kind="stable")[:max_items].tolist():
        if not counts[item]:
            return
        rows = np.flatnonzero(units.item_index == item)
        start_ms, end_ms = int(units.start_ms[rows].min()), int(units.end_ms[rows].max())
        lanes = [
            Row(name[:14], _make_spans(agreement, rows[units.annotator_index[rows] == place], start_ms, differs))
            for place, name in enumerate(units.annotators)
            if units.done[place, item]
        ]
        svg = draw_timeline(lanes, (end_ms - start_ms) / 1000, _choose_colours(agreement))
        caption = (
            f"{units.items[item].id}: {counts[item]} performances with a difference, from {start_ms / 1000:g} s on."
        )
        yield Picture(svg, caption, f"lanes of {units.items[item].id}")


def _make_spans(agreement: Agreement, rows: np.ndarray, start_ms: int, differs: np.ndarray) -> list[Span]:
    """Units of one annotator in one item."""
    units, group_of_unit = agreement.units, agreement.comparison.groups.group_of_unit
    return [
        Span(
            (int(units.start_ms[row]) - start_ms) / 1000,
            (int(units.end_ms[row]) - start_ms) / 1000,
            units.labels[units.label_index[row]] if units.label_index[row] != NO_LABEL else "",
            "missed" if differs[group_of_unit[row]] else "plain",
        )
        for row in rows.tolist()
    ]


def _choose_colours(agreement: Agreement) -> dict[str, str]:
    """A colour a label: that of its set, or of its event where actions are compared."""
    units = agreement.units
    level = agreement.comparison.categories["set" if units.level == "sub-action" else "event"]
    colours = make_colours(level.ids)
    known = level.of_unit >= 0
    pairs = set(zip(units.label_index[known].tolist(), level.of_unit[known].tolist(), strict=True))
    return {units.labels[label]: colours[level.ids[category]] for label, category in pairs if label != NO_LABEL}


def _find_differing(agreement: Agreement) -> np.ndarray:
    """Performances that somebody who did the item did not find, or that have two labels: bool (G,)."""
    units, groups = agreement.units, agreement.comparison.groups
    there = groups.members >= 0
    is_missed = there.sum(axis=1) < units.done.sum(axis=0)[groups.item_index]
    labels = np.where(there, np.append(units.label_index, NO_LABEL)[groups.members], NO_LABEL)
    highest = labels.max(axis=1)
    lowest = np.where(labels == NO_LABEL, np.iinfo(np.int32).max, labels).min(axis=1)
    return is_missed | ((highest != NO_LABEL) & (lowest != highest))
