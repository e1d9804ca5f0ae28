"""Segments on a common clock as a picture (SVG): a row for what is true, a row for what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from finegym.report.plots import INK

WIDTH, NAME_WIDTH, LANE, GAP = 960, 84, 17, 7
STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_CHARACTER = 5.6
_WRONG = "#b3261e"

Kind = Literal["plain", "wrong", "missed", "ignored"]


@dataclass(frozen=True)
class Span:
    """A segment of a row.

    Attributes:
        start_s: on the common clock.
        end_s: later.
        label: what stands in it, as far as there is room.
        kind: ``wrong`` and ``missed`` ones are hollow, with a dashed red or grey edge; ``ignored`` ones are grey.
    """

    start_s: float
    end_s: float
    label: str
    kind: Kind = "plain"


@dataclass(frozen=True)
class Row:
    """A named row of spans; those that overlap are stacked in lanes."""

    name: str
    spans: Sequence[Span]


def draw_timeline(rows: Sequence[Row], duration_s: float, colour_of: Mapping[str, str]) -> bytes:
    """Draw rows over an axis of seconds.

    Args:
        rows: from top to bottom.
        duration_s: where the axis ends; spans that leave it are cut at its ends.
        colour_of: by label; others are grey.

    Returns:
        An SVG file, UTF-8.
    """
    scale = (WIDTH - NAME_WIDTH - 10) / max(duration_s, 1e-9)
    body: list[str] = []
    top = GAP
    for row in rows:
        lanes = _stack(row.spans)
        height = LANE * max(max(lanes, default=0) + 1, 1)
        body.append(f'<text x="0" y="{top + 12}" fill="{INK}">{escape(row.name)}</text>')
        for span, lane in zip(row.spans, lanes, strict=True):
            body += _draw_span(span, top + LANE * lane, scale, duration_s, colour_of.get(span.label, "#8a939b"))
        top += height + GAP
    body = [*_draw_axis(top, scale, duration_s), *body]
    height = top + 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="DejaVu Sans, sans-serif" font-size="9.5">\n' + "\n".join(body) + "\n</svg>\n"
    ).encode()


def _stack(spans: Sequence[Span]) -> list[int]:
    """The lane of every span: the first that is free at its start."""
    free_at: list[float] = []
    lanes = [0] * len(spans)
    for index in sorted(range(len(spans)), key=lambda place: spans[place].start_s):
        span = spans[index]
        lane = next((lane for lane, end in enumerate(free_at) if end <= span.start_s), len(free_at))
        free_at[lane : lane + 1] = [span.end_s]
        lanes[index] = lane
    return lanes


def _draw_span(span: Span, top: float, scale: float, duration_s: float, colour: str) -> Iterator[str]:
    start, end = (NAME_WIDTH + scale * min(max(edge, 0.0), duration_s) for edge in (span.start_s, span.end_s))
    width = max(end - start, 1.0)
    style = {
        "plain": f'fill="{colour}"',
        "wrong": f'fill="{colour}" fill-opacity="0.18" stroke="{_WRONG}" stroke-dasharray="3 2"',
        "missed": f'fill="{colour}" fill-opacity="0.18" stroke="{colour}" stroke-dasharray="3 2"',
        "ignored": 'fill="#d9dee2"',
    }[span.kind]
    yield (
        f'<rect x="{start:.1f}" y="{top}" width="{width:.1f}" height="{LANE - 3}" rx="2" {style}>'
        f"<title>{escape(span.label)} {span.start_s:g} to {span.end_s:g} s</title></rect>"
    )
    if width >= _CHARACTER * len(span.label) + 4 and span.label:
        ink = "#ffffff" if span.kind == "plain" else INK
        yield f'<text x="{start + 3:.1f}" y="{top + 10.5}" fill="{ink}">{escape(span.label)}</text>'


def _draw_axis(bottom: float, scale: float, duration_s: float) -> Iterator[str]:
    step = next((step for step in STEPS_S if duration_s / step <= 12), STEPS_S[-1])
    for number in range(int(duration_s / step) + 1):
        x = NAME_WIDTH + scale * step * number
        yield f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{bottom}" stroke="#e3e6e9"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 10}" fill="#5b6770" text-anchor="middle">{step * number:g} s</text>'
