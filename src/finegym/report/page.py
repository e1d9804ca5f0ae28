"""One self-contained HTML page: sections of prose, tables and pictures, nothing loaded from outside."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from finegym.files import write_text


@dataclass(frozen=True)
class Prose:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of cells, written with ``str``; numbers stand right."""

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """An image file's bytes (JPEG, PNG or SVG) with a caption; ``alt`` is what a blind reader hears."""

    data: bytes
    caption: str
    alt: str

    @property
    def source(self) -> str:
        """The image as a ``data:`` address."""
        kinds = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png"}
        kind = kinds.get(self.data[:2], "image/svg+xml")
        return f"data:{kind};base64,{base64.b64encode(self.data).decode()}"


@dataclass(frozen=True)
class Code:
    """A command, or text that keeps its blanks (a tree, a tally)."""

    text: str


@dataclass(frozen=True)
class Link:
    """A table's cell that leads to a :class:`Folded` of the page."""

    text: str
    anchor: str


@dataclass(frozen=True)
class Folded:
    """Blocks behind a line that opens them: what few readers want, of much that there is."""

    title: str
    anchor: str
    blocks: Sequence[Prose | Table | Picture | Code]


@dataclass(frozen=True)
class Section:
    """A headed part of the page. ``badge`` is shown beside the heading (``simulated``)."""

    title: str
    blocks: Sequence[Prose | Table | Picture | Code | Folded]
    badge: str = ""


def render_page(title: str, sections: Sequence[Section], *, lead: str, footer: str) -> str:
    """The page as HTML text; everything is escaped.

    Args:
        title: heading and window title.
        sections: in order; each gets an entry in the table of contents.
        lead: one paragraph under the heading.
        footer: where the page comes from (version, seed, date of the data).
    """
    environment = Environment(
        loader=PackageLoader("finegym.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kind"] = lambda block: type(block).__name__
    return environment.get_template("page.html.j2").render(title=title, sections=sections, lead=lead, footer=footer)


def write_page(path: Path, title: str, sections: Sequence[Section], *, lead: str, footer: str) -> None:
    """Write ``render_page`` to ``path``, whole or not at all."""
    write_text(path, render_page(title, sections, lead=lead, footer=footer))
