"""Broadcast graphics: name bars, scoreboards, title cards, the replay bug and its wipe.

A graphic is a sprite, drawn once and laid over frames. Nothing in it tells which elements are performed: what is known
about a routine is shown when the routine is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from finegym.simulation.appearance import Colour, Venue
from finegym.simulation.layers import composite
from finegym.simulation.lettering import measure_text, write_text

WHITE: Colour = (1.0, 1.0, 1.0)
INK: Colour = (0.05, 0.06, 0.09)


@dataclass(frozen=True, eq=False)
class Sprite:
    """A picture with transparency and its place in the frame.

    Attributes:
        layer: float32 (h, w, 4), premultiplied RGBA in 0..1.
        left: column of its first pixel.
        top: row of its first pixel.
    """

    layer: np.ndarray
    left: int
    top: int


@dataclass(frozen=True)
class Line:
    """A line of a scoreboard."""

    athlete: str
    difficulty: float
    execution: float

    @property
    def total(self) -> float:
        return self.difficulty + self.execution


def lay_over(frame: np.ndarray, sprite: Sprite, opacity: float = 1.0, shift_x: int = 0) -> None:
    """Lay a sprite over a uint8 (H, W, 4) frame; what lies outside is cut off."""
    height, width = sprite.layer.shape[:2]
    left = sprite.left + shift_x
    x0, x1 = max(left, 0), min(left + width, frame.shape[1])
    y0, y1 = max(sprite.top, 0), min(sprite.top + height, frame.shape[0])
    if x1 <= x0 or y1 <= y0 or opacity <= 0:
        return
    part = sprite.layer[y0 - sprite.top : y1 - sprite.top, x0 - left : x1 - left]
    composite(frame, np.ascontiguousarray(part * np.float32(opacity)), x0, y0)


def draw_tag(size: tuple[int, int]) -> Sprite:
    """The small word "SIMULATED" that every frame carries."""
    width, height = size
    letters = max(6, round(0.021 * height))
    panel = _Panel(measure_text("SIMULATED", letters) + letters, round(1.9 * letters), 0.5, (0, 0, 0))
    panel.write("SIMULATED", 0.5 * letters, 1.45 * letters, letters, WHITE)
    return panel.place(width - panel.width - round(0.015 * width), height - panel.height - round(0.02 * height))


def draw_replay_bug(size: tuple[int, int], venue: Venue) -> Sprite:
    """The word "REPLAY" in the upper left corner."""
    width, height = size
    letters = max(8, round(0.038 * height))
    panel = _Panel(measure_text("REPLAY", letters) + 2 * letters, 2 * letters, 0.9, venue.board)
    panel.write("REPLAY", letters, 1.5 * letters, letters, venue.accent)
    return panel.place(round(0.04 * width), round(0.06 * height))


def draw_name_bar(size: tuple[int, int], venue: Venue, name: str, event: str) -> Sprite:
    """Who comes next, and on what: a bar in the lower third."""
    width, height = size
    letters = max(9, round(0.045 * height))
    small = max(7, round(0.030 * height))
    inner = max(measure_text(name.upper(), letters), measure_text(event.upper(), small)) + 2 * letters
    panel = _Panel(max(inner, round(0.36 * width)), round(2.1 * letters + 2.0 * small), 0.88, INK)
    panel.fill(0, 0, round(0.30 * letters), panel.height, venue.accent)
    panel.fill(0, round(2.0 * letters), panel.width, panel.height, venue.board)
    panel.write(name.upper(), letters, 1.5 * letters, letters, WHITE)
    panel.write(event.upper(), letters, 2.0 * letters + 1.5 * small, small, venue.accent)
    return panel.place(round(0.06 * width), round(0.78 * height))


def draw_scoreboard(size: tuple[int, int], venue: Venue, event: str, lines: Sequence[Line], current: Line) -> Sprite:
    """The best five so far, the gymnast who has just finished picked out."""
    width, height = size
    ranked = sorted(lines, key=lambda line: -line.total)
    rank = ranked.index(current) + 1
    shown = ranked[:5] if rank <= 5 else [*ranked[:4], current]
    letters = max(8, round(0.036 * height))
    row = round(2.3 * letters)
    panel = _Panel(round(0.74 * width), row * (len(shown) + 2), 0.9, INK)
    panel.fill(0, 0, panel.width, row, venue.board)
    panel.write(event.upper(), letters, 0.7 * row, letters, venue.accent)
    columns = (0.64, 0.80, 0.97)
    for x, word in zip(columns, ("D", "E", "TOTAL"), strict=True):
        panel.write(word, x * panel.width, 1.68 * row, round(0.75 * letters), WHITE, "right", opacity=0.7)
    for number, line in enumerate(shown):
        top = row * (number + 2)
        if line is current:
            panel.fill(0, top, panel.width, top + row, venue.accent)
        ink = INK if line is current else WHITE
        place = ranked.index(line) + 1
        panel.write(f"{place}", 1.9 * letters, top + 0.72 * row, letters, ink, "right")
        panel.write(line.athlete.upper(), 3.0 * letters, top + 0.72 * row, letters, ink)
        for x, value in zip(columns, (line.difficulty, line.execution, line.total), strict=True):
            panel.write(f"{value:.3f}", x * panel.width, top + 0.72 * row, letters, ink, "right", bold=x > 0.9)
    return panel.place((width - panel.width) // 2, (height - panel.height) // 2)


def draw_title(size: tuple[int, int], venue: Venue, lines: Sequence[str]) -> Sprite:
    """The name of the competition, large, over the hall."""
    width, height = size
    letters = max(12, round(0.085 * height))
    while measure_text(lines[0].upper(), letters) > 0.86 * width:
        letters -= 1
    small = max(8, round(0.42 * letters))
    panel = _Panel(width, round(2.3 * letters + 2.1 * small * (len(lines) - 1)), 0.82, INK)
    panel.fill(0, 0, width, max(2, letters // 8), venue.accent)
    panel.fill(0, panel.height - max(2, letters // 8), width, panel.height, venue.accent)
    panel.write(lines[0].upper(), width / 2, 1.6 * letters, letters, WHITE, "middle")
    for number, text in enumerate(lines[1:]):
        panel.write(
            text.upper(), width / 2, 2.1 * letters + (number * 2.1 + 1.0) * small, small, venue.accent, "middle"
        )
    return panel.place(0, round(0.5 * (height - panel.height)))


def draw_wipe(size: tuple[int, int], venue: Venue) -> Sprite:
    """A slanted band that crosses the picture between the live feed and a replay."""
    width, height = size
    band = round(0.75 * width)
    lean = round(0.35 * height)
    layer = np.zeros((height, band + lean, 4), np.float32)
    for inset, colour in ((0.0, venue.accent), (0.08, venue.board), (0.42, venue.accent), (0.5, venue.board)):
        left, right = inset * band, band * (1 - inset * 0.6)
        corners = np.array([[left + lean, 0], [right + lean, 0], [right, height], [left, height]])
        cv2.fillPoly(layer, [np.round(corners).astype(np.int32)], (*colour, 1.0), cv2.LINE_AA)
    return Sprite(layer, 0, 0)


def lay_wipe(frame: np.ndarray, wipe: Sprite, progress: float) -> None:
    """Lay the wipe over a frame; ``progress`` 0 has it outside on the left, 1 outside on the right."""
    band = wipe.layer.shape[1]
    lay_over(frame, wipe, shift_x=round(-band + progress * (frame.shape[1] + band)))


class _Panel:
    """A rectangle to write on."""

    def __init__(self, width: int, height: int, opacity: float, colour: Colour) -> None:
        self.width, self.height, self.opacity = width, height, opacity
        self.image = np.empty((height, width, 3), np.uint8)
        self.fill(0, 0, width, height, colour)

    def fill(self, x0: int, y0: int, x1: int, y1: int, colour: Colour) -> None:
        self.image[y0:y1, x0:x1] = np.rint(255 * np.clip(colour, 0, 1)).astype(np.uint8)

    def write(
        self, text: str, x: float, y: float, letters: int, colour: Colour, align: str = "left", bold: bool = True,
        opacity: float = 1.0,
    ) -> None:  # fmt: skip
        write_text(self.image, text, x, y, letters, colour, align, bold, opacity)

    def place(self, left: int, top: int) -> Sprite:
        layer = np.empty((self.height, self.width, 4), np.float32)
        layer[:, :, :3] = self.image * np.float32(self.opacity / 255)
        layer[:, :, 3] = self.opacity
        return Sprite(layer, left, top)
