"""Agreement as a page: the answer, tables with pictures, what is taken for what, the items with most disagreement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from finegym import __version__
from finegym.quality import agreement_text
from finegym.quality.agreement import SECTIONS, Agreement
from finegym.quality.agreement_pictures import draw_items, draw_table
from finegym.quality.agreement_table import Column, Table
from finegym.quality.boundaries import EDGES
from finegym.quality.confusions import list_confusions, list_split_queries
from finegym.quality.values import Value
from finegym.report.page import Picture, Prose, Section, write_page
from finegym.report.page import Table as PageTable

Block = Prose | PageTable | Picture
MAX_ROWS, MAX_CONFUSIONS, MAX_ITEMS = 30, 30, 8


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
    write_page(
        path,
        "Agreement of annotators",
        make_sections(agreement, max_rows=max_rows, max_items=max_items),
        lead=describe_agreement(agreement),
        footer=describe_origin(agreement),
    )


def make_sections(
    agreement: Agreement, *, what: str = "", max_rows: int | None = MAX_ROWS, max_items: int = MAX_ITEMS
) -> list[Section]:
    """The sections of the page; ``what`` stands before every heading where a page is about several things."""
    badge = "simulated" if agreement.units.is_simulated else ""
    sections = {"What was compared": list(_make_facts(agreement))}
    for name, tables in agreement.sections.items():
        blocks = [block for table in tables for block in _make_blocks(agreement, table, max_rows)]
        sections[SECTIONS[name].partition(":")[0]] = blocks
    sections["What is taken for what"] = list(_make_confusions(agreement))
    sections["Items with most disagreement"] = list(_make_items(agreement, max_items))
    lead = f"{what}: " if what else ""
    return [Section(_join(lead, title), blocks, badge) for title, blocks in sections.items()]


def _join(lead: str, title: str) -> str:
    return f"{lead}{title[0].lower()}{title[1:]}" if lead else title


def describe_origin(agreement: Agreement) -> str:
    """Where the numbers come from, for the foot of a page."""
    codebook, settings = agreement.units.codebook, agreement.settings
    return (
        f"finegym {__version__}; codebook {codebook.name} {codebook.version}; bootstrap of {settings.num_resamples} "
        f"resamples of records, seed {settings.seed}."
    )


def summarise_agreement(agreement: Agreement, *, max_items: int = 2) -> list[Block]:
    """The page in short, for pages about more than agreement: the answer, everybody's bias, the hardest items."""
    blocks: list[Block] = [Prose(describe_agreement(agreement))]
    blocks += draw_table(agreement, agreement.tables["boundaries_annotators"])
    return [*blocks, *_make_items(agreement, max_items)]


def describe_agreement(agreement: Agreement) -> str:
    """The answer in two sentences."""
    units, tables = agreement.units, agreement.tables
    kind = "actions" if units.level == "action" else "sub-actions"
    tiou = f"{agreement.settings.tious[0]:g}"
    f1 = tables["detection"].get(tiou).cells["f1"]
    labels = tables["labels"].rows
    finest = [row for row in labels if row.cells["alpha"] is not None][-1]
    start, end = (tables["boundaries"].get("all", edge).cells["abs_median_ms"] for edge in EDGES)
    return (
        f"{len(units.annotators)} annotators, {len(units.items):,} items that two or more of them did, "
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
    yield from draw_table(agreement, table)
    yield Prose(f"{table.title}. {table.note}" if table.note else f"{table.title}.")
    printed = agreement_text.print_table(table, max_rows)
    remarks = " ".join(f"{remark.rstrip('.')}." for remark in printed.remarks if remark != table.note)
    yield PageTable(printed.header, printed.rows, remarks)


def _make_confusions(agreement: Agreement) -> Iterator[Block]:
    comparison = agreement.comparison
    for level in reversed(comparison.categories):
        found = list_confusions(comparison, level)
        if not found:
            yield Prose(f"No two annotators gave two {level}s to one performance.")
            continue
        rows = [
            [one.count, f"{one.first}: {one.first_name}", f"{one.second}: {one.second_name}", _list_some(one.item_ids)]
            for one in found[:MAX_CONFUSIONS]
        ]
        caption = f"Pairs of {level}s given to one performance: {_count_shown(len(found), len(rows))}."
        yield PageTable(["times", level, "other", "items"], rows, caption)
    queries = list_split_queries(comparison)
    if queries:
        texts = agreement.units.codebook.query_by_id
        rows = [
            [
                f"{100 * one.num_split / one.num_asked:.1f}",
                one.num_split,
                one.num_asked,
                one.set_id,
                texts[one.query_id].text if one.query_id in texts else one.query_id,
                _list_some(one.item_ids),
            ]
            for one in queries[:MAX_CONFUSIONS]
        ]
        caption = f"Queries with both answers for one performance: {_count_shown(len(queries), len(rows))}."
        yield PageTable(["%", "split", "asked twice", "set", "query", "items"], rows, caption)


def _count_shown(number: int, shown: int) -> str:
    return f"{number:,} in all" if shown == number else f"the first {shown:,} of {number:,} (all of them: --json)"


def _list_some(ids: Sequence[str], limit: int = 3) -> str:
    more = f" and {len(ids) - limit:,} more" if len(ids) > limit else ""
    return ", ".join(ids[:limit]) + more


def _make_items(agreement: Agreement, max_items: int) -> Iterator[Block]:
    pictures = list(draw_items(agreement, max_items))
    if not pictures:
        yield Prose("Everybody found the same in every item, and called it the same.")
        return
    yield Prose(
        "Dashed: what not everybody who did the item found, or what two annotators call differently. Colours are sets, "
        "of actions events."
    )
    yield from pictures
