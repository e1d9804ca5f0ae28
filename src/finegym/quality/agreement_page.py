"""Agreement as a page: bars with intervals, the bias of every annotator, the items with most disagreement drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from finegym import __version__
from finegym.quality import agreement_text
from finegym.quality.agreement import SECTIONS, Agreement
from finegym.quality.agreement_table import Column, Table, sort_worst_first
from finegym.quality.boundaries import EDGES
from finegym.quality.confusions import list_confusions, list_split_queries
from finegym.quality.units import NO_LABEL
from finegym.quality.values import Value
from finegym.report.page import Picture, Prose, Section, write_page
from finegym.report.page import Table as PageTable
from finegym.report.plots import INK, Bar, cycle_colours, draw_bars, make_colours, make_figure, save_figure
from finegym.report.timeline_picture import Row as Lane
from finegym.report.timeline_picture import Span, draw_timeline

Block = Prose | PageTable | Picture
MAX_ROWS, MAX_BARS, MAX_CONFUSIONS, MAX_ITEMS = 30, 25, 30, 8


def write_agreement_page(
    path: Path, agreement: Agreement, *, max_rows: int | None = MAX_ROWS, max_items: int = MAX_ITEMS
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: where to.
        agreement: what it shows.
        max_rows: of a table; of more, the worst are shown and the rest is counted. ``None``: all.
        max_items: draw so many items, those with most disagreement.

    Raises:
        OutputError: it cannot be written.
    """
    units = agreement.units
    badge = "simulated" if units.is_simulated else ""
    sections = [Section("What was compared", list(_make_facts(agreement)), badge)]
    for name, tables in agreement.sections.items():
        blocks = [block for table in tables for block in _make_blocks(agreement, table, max_rows)]
        sections.append(Section(SECTIONS[name].partition(":")[0], blocks, badge))
    sections.append(Section("What is taken for what", list(_make_confusions(agreement)), badge))
    sections.append(Section("Items with most disagreement", list(_draw_items(agreement, max_items)), badge))
    write_page(
        path,
        "Agreement of annotators",
        sections,
        lead=_make_lead(agreement),
        footer=f"finegym {__version__}; codebook {units.codebook.name} {units.codebook.version}; bootstrap of "
        f"{agreement.settings.num_resamples} resamples of records, seed {agreement.settings.seed}.",
    )


def summarise_agreement(agreement: Agreement, *, max_items: int = 2) -> list[Block]:
    """The page in short, for pages about more than agreement: the answer, everybody's bias, the hardest items."""
    blocks: list[Block] = [Prose(_make_lead(agreement))]
    blocks += _draw_table(agreement, agreement.tables["boundaries_annotators"])
    return [*blocks, *_draw_items(agreement, max_items)]


def _make_lead(agreement: Agreement) -> str:
    """The answer in two sentences."""
    units, tables = agreement.units, agreement.tables
    kind = "actions" if units.level == "action" else "sub-actions"
    tiou = f"{agreement.settings.tious[0]:g}"
    f1 = tables["detection"].get(tiou).cells["f1"]
    labels = tables["labels"].rows
    finest = [row for row in labels if row.cells["alpha"] is not None][-1]
    start, end = (tables["boundaries"].get("all", edge).cells["abs_median_ms"] for edge in EDGES)
    return (
        f"{len(units.annotators)} annotators, {agreement.num_shared_items:,} items that two or more of them did, "
        f"{len(units):,} {kind}. Detection F1 at tIoU {tiou}: {_say(f1, 'share')}. "
        f"Bounds differ by {_say(start, 'ms')} at the start and {_say(end, 'ms')} at the end (medians). "
        f"Krippendorff's alpha of the {finest.about['level']}: {_say(finest.cells['alpha'], 'coefficient')}."
    )


def _say(cell: object, kind: str) -> str:
    """A value in a sentence, with its interval or the reason why there is none."""
    assert isinstance(cell, Value)
    if cell.value is None:
        return f"undefined ({cell.undefined})"
    column = Column("", "", kind)  # type: ignore[arg-type]
    unit = {"share": " %", "ms": " ms"}.get(kind, "")
    text = agreement_text.format_number(cell.value, column) + unit
    if cell.low is None or cell.high is None:
        return text
    low, high = (agreement_text.format_number(edge, column) for edge in (cell.low, cell.high))
    return f"{text} (95 %: {low} to {high})"


def _make_facts(agreement: Agreement) -> Iterator[Block]:
    yield PageTable(["what", ""], [[name, text] for name, text in agreement_text.list_facts(agreement).items()])
    for note in agreement.notes:
        yield Prose(f"Note: {note}.")
    yield Prose(
        "Numbers in brackets are 95 % intervals over records. A value that is undefined is a dash with a letter; what "
        "the letter stands for is below the table."
    )


def _make_blocks(agreement: Agreement, table: Table, max_rows: int | None) -> Iterator[Block]:
    yield from _draw_table(agreement, table)
    yield Prose(f"{table.title}. {table.note}" if table.note else f"{table.title}.")
    printed = agreement_text.print_table(table, max_rows)
    remarks = " ".join(f"{remark.rstrip('.')}." for remark in printed.remarks if remark != table.note)
    yield PageTable(printed.header, printed.rows, remarks)


def _draw_table(agreement: Agreement, table: Table) -> Iterator[Picture]:
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


def _make_confusions(agreement: Agreement) -> Iterator[Block]:
    comparison = agreement.comparison
    for level in reversed(comparison.categories):
        found = list_confusions(comparison, level)
        if not found:
            yield Prose(f"No two annotators gave two {level}s to one performance.")
            continue
        rows = [
            [one.first, one.first_name, one.second, one.second_name, one.count, _list_some(one.item_ids)]
            for one in found[:MAX_CONFUSIONS]
        ]
        caption = f"Pairs of {level}s given to one performance: {_count_shown(len(found), len(rows))}."
        yield PageTable([level, "name", "other", "name", "times", "items"], rows, caption)
    queries = list_split_queries(comparison)
    if queries:
        texts = agreement.units.codebook.query_by_id
        rows = [
            [
                one.set_id,
                texts[one.query_id].text if one.query_id in texts else one.query_id,
                one.num_split,
                one.num_asked,
                f"{100 * one.num_split / one.num_asked:.1f}",
                _list_some(one.item_ids),
            ]
            for one in queries[:MAX_CONFUSIONS]
        ]
        caption = f"Queries with both answers for one performance: {_count_shown(len(queries), len(rows))}."
        yield PageTable(["set", "query", "split", "asked twice", "%", "items"], rows, caption)


def _count_shown(number: int, shown: int) -> str:
    return f"{number:,} in all" if shown == number else f"the first {shown:,} of {number:,} (all of them: --json)"


def _list_some(ids: Sequence[str], limit: int = 3) -> str:
    more = f" and {len(ids) - limit:,} more" if len(ids) > limit else ""
    return ", ".join(ids[:limit]) + more


def _draw_items(agreement: Agreement, max_items: int) -> Iterator[Block]:
    """Lanes of all annotators for the items with most performances that not everybody found or called alike."""
    units = agreement.units
    differs = _find_differing(agreement)
    counts = np.bincount(agreement.comparison.groups.item_index[differs], minlength=len(units.items))
    order = [item for item in np.argsort(-counts, kind="stable")[:max_items].tolist() if counts[item]]
    if not order:
        yield Prose("Everybody found the same in every item, and called it the same.")
        return
    yield Prose(
        "Dashed: what not everybody who did the item found, or what two annotators call differently. Colours are sets."
    )
    level = agreement.comparison.categories["set" if units.level == "sub-action" else "event"]
    colour_of_id = make_colours(level.ids)
    dashed = differs[agreement.comparison.groups.group_of_unit]
    for item in order:
        rows = np.flatnonzero(units.item_index == item)
        start_ms = int(units.start_ms[rows].min())
        lanes, colour_of = [], {}
        for place, name in enumerate(units.annotators):
            if not units.done[place, item]:
                continue
            spans = []
            for row in rows[units.annotator_index[rows] == place].tolist():
                label = units.labels[units.label_index[row]] if units.label_index[row] != NO_LABEL else ""
                category = level.of_unit[row]
                colour_of[label] = colour_of_id[level.ids[category]] if category >= 0 else "#8a939b"
                start, end = ((t[row] - start_ms) / 1000 for t in (units.start_ms, units.end_ms))
                spans.append(Span(start, end, label, "missed" if dashed[row] else "plain"))
            lanes.append(Lane(name[:14], spans))
        duration = (int(units.end_ms[rows].max()) - start_ms) / 1000
        caption = (
            f"{units.items[item].id}: {counts[item]} performances with a difference, from {start_ms / 1000:g} s on."
        )
        yield Picture(draw_timeline(lanes, duration, colour_of), caption, f"lanes of {units.items[item].id}")


def _find_differing(agreement: Agreement) -> np.ndarray:
    """Performances that somebody who did the item did not find, or that have two labels: bool (G,)."""
    units, groups = agreement.units, agreement.comparison.groups
    there = groups.members >= 0
    is_missed = there.sum(axis=1) < units.done.sum(axis=0)[groups.item_index]
    labels = np.where(there, np.append(units.label_index, NO_LABEL)[groups.members], NO_LABEL)
    highest = labels.max(axis=1)
    lowest = np.where(labels == NO_LABEL, np.iinfo(np.int32).max, labels).min(axis=1)
    return is_missed | ((highest != NO_LABEL) & (lowest != highest))
