"""What a gymnast wears and what a hall looks like: colours, drawn without regard to what is performed."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]

# Light to dark; a broad range so that no class can be had by skin.
SKINS: tuple[Colour, ...] = (
    (0.96, 0.80, 0.69),
    (0.91, 0.72, 0.58),
    (0.83, 0.63, 0.48),
    (0.71, 0.50, 0.36),
    (0.55, 0.37, 0.26),
    (0.40, 0.26, 0.18),
)
HAIRS: tuple[Colour, ...] = (
    (0.08, 0.06, 0.05),
    (0.20, 0.12, 0.07),
    (0.36, 0.22, 0.12),
    (0.55, 0.36, 0.18),
    (0.80, 0.64, 0.38),
    (0.48, 0.20, 0.10),
)
HAIR_STYLES = ("bun", "ponytail", "high bun")


@dataclass(frozen=True)
class Appearance:
    """How one gymnast looks.

    Attributes:
        skin: RGB in 0..1.
        hair: RGB in 0..1.
        hair_style: one of ``HAIR_STYLES``.
        leotard: main colour.
        accent: second colour of the pattern.
        sleeves: colour of the sleeves; ``None`` for bare arms.
        pattern: how the pattern slants over the body, -1..1.
        gloss: 0 matt, 1 shining.
        build: factor on the girth of the body, about 1.
    """

    skin: Colour
    hair: Colour
    hair_style: str
    leotard: Colour
    accent: Colour
    sleeves: Colour | None
    pattern: float
    gloss: float
    build: float


@dataclass(frozen=True)
class Lighting:
    """Lights of a hall.

    Attributes:
        rows: float64 (5, 7): key, fill, sky, floor, rim; columns direction to the light (3), intensity, RGB (the colour
            carries the intensity for sky, floor and rim).
    """

    rows: np.ndarray


@dataclass(frozen=True)
class Venue:
    """How one hall looks, and the name of what is held in it.

    Attributes:
        competition: the name on the boards.
        city: the name below it.
        carpet: floor-exercise carpet, mats and podium.
        surround: the floor around the podium.
        mat: landing mats.
        board: advertising boards.
        accent: lines and letters.
        seat: empty seats.
        leather: beam, vault table and rails' fittings.
        rail: the bars.
        crowd: part of the seats that is taken, 0..1.
        warmth: colour of the light, -1 cold to 1 warm.
        seed: draws everything else (who sits where).
    """

    competition: str
    city: str
    carpet: Colour
    surround: Colour
    mat: Colour
    board: Colour
    accent: Colour
    seat: Colour
    leather: Colour
    rail: Colour
    crowd: float
    warmth: float
    seed: int

    @property
    def lighting(self) -> Lighting:
        """The lights that fit the hall."""
        warm = np.array([1.0 + 0.04 * self.warmth, 1.0, 1.0 - 0.05 * self.warmth])
        floor = 0.25 + 0.75 * np.array(self.carpet)
        rows = np.zeros((5, 7))
        rows[0] = [*_unit(-0.45, -0.60, 0.66), 0.70, *warm]
        rows[1] = [*_unit(0.80, -0.45, 0.35), 0.25, *(warm[::-1])]
        rows[2] = [0, 0, 1, 1, *(0.42 * warm)]
        rows[3] = [0, 0, -1, 1, *(0.26 * floor)]
        rows[4] = [0, 1, 0, 0.85, *(0.60 * warm)]
        return Lighting(rows)


_CITIES = (
    "Arvika", "Belmora", "Castelune", "Drevno", "Eastmarch", "Fjordby", "Granholm", "Hirosawa", "Iskara", "Jelgrad",
    "Korvane", "Lindauer", "Montaro", "Nordhaven", "Oravel", "Portalba", "Quillan", "Rosmere", "Santrel", "Tavira",
)  # fmt: skip
_CUPS = ("World Cup", "Grand Prix", "Open", "Challenge Cup", "Invitational", "Masters")


def sample_appearance(rng: np.random.Generator) -> Appearance:
    """A gymnast's looks.

    Example:
        >>> sample_appearance(np.random.default_rng(1)) == sample_appearance(np.random.default_rng(1))
        True
    """
    hue = float(rng.uniform())
    leotard = _hsv(hue, rng.uniform(0.55, 0.95), rng.uniform(0.30, 0.85))
    accent = _hsv(hue + rng.choice([0.08, 0.35, 0.5, 0.65]), rng.uniform(0.1, 0.8), rng.uniform(0.6, 1.0))
    skin = np.array(SKINS[rng.integers(len(SKINS))]) * rng.uniform(0.95, 1.04)
    return Appearance(
        skin=_as_colour(skin),
        hair=HAIRS[rng.integers(len(HAIRS))],
        hair_style=HAIR_STYLES[rng.integers(len(HAIR_STYLES))],
        leotard=leotard,
        accent=accent,
        sleeves=None if rng.uniform() < 0.3 else (leotard if rng.uniform() < 0.6 else accent),
        pattern=float(rng.uniform(-1.0, 1.0)),
        gloss=float(rng.uniform(0.15, 0.6)),
        build=float(rng.uniform(0.94, 1.07)),
    )


def sample_venue(rng: np.random.Generator) -> Venue:
    """A hall."""
    hue = float(rng.choice([0.55, 0.58, 0.62, 0.50, 0.72, 0.85, 0.03, 0.42])) + float(rng.normal(0, 0.015))
    wood = rng.uniform() < 0.5
    return Venue(
        competition=f"{_CITIES[rng.integers(len(_CITIES))]} {_CUPS[rng.integers(len(_CUPS))]}",
        city=f"Arena {_CITIES[rng.integers(len(_CITIES))]}",
        carpet=_hsv(hue, rng.uniform(0.35, 0.6), rng.uniform(0.55, 0.75)),
        surround=_hsv(hue + 0.02, rng.uniform(0.5, 0.8), rng.uniform(0.22, 0.34)),
        mat=_hsv(hue + rng.uniform(-0.05, 0.05), rng.uniform(0.45, 0.7), rng.uniform(0.45, 0.65)),
        board=_hsv(hue + rng.choice([0.0, 0.5]), rng.uniform(0.5, 0.9), rng.uniform(0.25, 0.5)),
        accent=_hsv(hue + 0.45, rng.uniform(0.05, 0.3), rng.uniform(0.9, 1.0)),
        seat=_hsv(hue + rng.choice([0.0, 0.1, 0.5]), rng.uniform(0.3, 0.6), rng.uniform(0.14, 0.26)),
        leather=(0.80, 0.68, 0.52) if wood else (0.86, 0.82, 0.76),
        rail=(0.82, 0.70, 0.52) if wood else (0.90, 0.86, 0.80),
        crowd=float(rng.uniform(0.7, 0.97)),
        warmth=float(rng.uniform(-1.0, 1.0)),
        seed=int(rng.integers(2**31)),
    )


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """A colour between two: 0 is the first, 1 the second."""
    red, green, blue = ((1 - share) * a + share * b for a, b in zip(first, second, strict=True))
    return red, green, blue


def to_bytes(colour: Colour) -> tuple[int, int, int]:
    """RGB in 0..255 for OpenCV."""
    red, green, blue = (round(255 * min(max(channel, 0.0), 1.0)) for channel in colour)
    return red, green, blue


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(float(hue) % 1.0, float(saturation), float(value))
    return red, green, blue


def _as_colour(values: np.ndarray) -> Colour:
    red, green, blue = np.clip(values, 0.0, 1.0).tolist()
    return red, green, blue


def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    norm = float(np.sqrt(x * x + y * y + z * z))
    return x / norm, y / norm, z / norm
