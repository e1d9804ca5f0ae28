"""The quality of stored poses as a page: what is missing, at which speed, and of which class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finegym.features.pose.quality import QualityRow
from finegym.report.page import Prose, Section, Table, write_page

TITLES = {"all": "All frames", "speed": "By speed", "set": "By set", "element": "By element"}
HEADER = (
    "",
    "frames",
    "found",
    "interpolated",
    "missing",
    "PCK found",
    "PCK interpolated",
    "wrong person",
    "nobody there",
)


def make_cells(row: QualityRow) -> list[str]:
    """A row as text: shares in per cent, ``-`` where nothing was compared."""

    def share(number: int) -> str:
        return f"{100 * number / row.frames:.1f} %"

    def percent(value: float | None, digits: int = 1) -> str:
        return "-" if value is None else f"{100 * value:.{digits}f} %"

    return [
        row.name,
        str(row.frames),
        share(row.found),
        share(row.interpolated),
        share(row.missing),
        percent(row.pck_found),
        percent(row.pck_interpolated),
        percent(row.wrong_person, 2),
        percent(row.nobody_there, 2),
    ]


def make_quality_sections(rows: Sequence[QualityRow], *, is_simulated: bool) -> list[Section]:
    """Sections for a page, a table a grouping; ``is_simulated`` puts the word beside the headings."""
    badge = "simulated" if is_simulated else ""
    sections = []
    for group, title in TITLES.items():
        cells = [make_cells(row) for row in rows if row.group == group]
        if cells:
            sections.append(Section(f"Poses: {title.lower()}", [Table(HEADER, cells)], badge))
    if sections and is_simulated:
        text = (
            "PCK: share of visible joints within half the trunk's diagonal of the truth. Wrong person: overlap < 0.1. "
            "Nobody there: of all poses, those in frames in which she is not in the picture."
        )
        sections[0] = Section(sections[0].title, [*sections[0].blocks, Prose(text)], badge)
    return sections


def write_quality_page(path: Path, rows: Sequence[QualityRow], store: str, *, is_simulated: bool) -> None:
    """Write the page."""
    lead = f"Frames of {store} with a found pose, with one bridged between two found ones, and with none."
    sections = make_quality_sections(rows, is_simulated=is_simulated)
    write_page(path, "Quality of poses", sections, lead=lead, footer="made by finegym features quality")
