"""Dimensions and shapes of the four apparatus of women's artistic gymnastics, in metres.

One place says how high the beam is: the motion lands on it and the renderer draws it. Sizes follow the FIG Apparatus
Norms (vault table 1.25 m high for women, beam 5 m x 0.10 m at 1.25 m, floor 12 m x 12 m, bars at 1.75 m and 2.55 m).
World frame: origin on the floor at the middle of the apparatus, x along it, y away from the main camera, z up.
"""

from __future__ import annotations

from dataclasses import dataclass

from finegym.errors import SimulationError

Point = tuple[float, float, float]

MAT_TOP = 0.20
"""Top of the landing mats of vault, bars and beam."""

BEAM_TOP = 1.25
BEAM_HALF_LENGTH = 2.5
BEAM_HALF_WIDTH = 0.05

FLOOR_TOP = 0.0
FLOOR_HALF_SIZE = 6.0

BAR_RADIUS = 0.02
BAR_HALF_LENGTH = 1.2
HIGH_BAR_X, HIGH_BAR_Z = 0.8, 2.55
LOW_BAR_X, LOW_BAR_Z = -0.8, 1.75

TABLE_TOP = 1.25
TABLE_FRONT_X, TABLE_BACK_X = -0.1, 1.1
TABLE_HALF_WIDTH = 0.475
BOARD_TOP = 0.20
BOARD_FRONT_X, BOARD_BACK_X = -1.0, -2.2
RUNWAY_START_X = -25.0


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box.

    Attributes:
        center: x, y, z in metres.
        half_sizes: half of its extent along x, y, z.
        role: what it is, for colour: ``mat``, ``beam``, ``carpet``, ``border``, ``runway``, ``table``, ``board``,
            ``post``, ``base``.
    """

    center: Point
    half_sizes: Point
    role: str


@dataclass(frozen=True, slots=True)
class Capsule:
    """A cylinder with round ends from ``a`` to ``b``; roles ``bar``, ``post``, ``cable``, ``base``."""

    a: Point
    b: Point
    radius: float
    role: str


Shape = Box | Capsule


def get_apparatus_shapes(event_id: str) -> tuple[Shape, ...]:
    """The solid shapes of an apparatus, floor of the hall not included.

    Args:
        event_id: ``VT``, ``FX``, ``BB`` or ``UB``.

    Raises:
        SimulationError: the event has no apparatus here.

    Example:
        >>> get_apparatus_shapes("FX")[0].role
        'border'
    """
    if event_id not in _SHAPES:
        raise SimulationError(
            f"the simulation has apparatus for {', '.join(_SHAPES)}, got event {event_id!r}. Use one of those."
        )
    return _SHAPES[event_id]


def _make_box(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], role: str) -> Box:
    low, high = zip(x, y, z, strict=True)
    center = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2)
    half_sizes = ((high[0] - low[0]) / 2, (high[1] - low[1]) / 2, (high[2] - low[2]) / 2)
    return Box(center, half_sizes, role)


def _make_bar(x: float, z: float) -> tuple[Shape, ...]:
    rail = Capsule((x, -BAR_HALF_LENGTH, z), (x, BAR_HALF_LENGTH, z), BAR_RADIUS, "bar")
    posts = tuple(Capsule((x, y, MAT_TOP), (x, y, z + 0.03), 0.03, "post") for y in (-BAR_HALF_LENGTH, BAR_HALF_LENGTH))
    outward = 1.6 if x > 0 else -1.6
    cables = tuple(
        Capsule((x, y, z), (x + outward, y * 1.9, 0.05), 0.008, "cable") for y in (-BAR_HALF_LENGTH, BAR_HALF_LENGTH)
    )
    return (rail, *posts, *cables)


_SHAPES: dict[str, tuple[Shape, ...]] = {
    "VT": (
        _make_box((RUNWAY_START_X, -1.1), (-0.5, 0.5), (0.0, 0.01), "runway"),
        _make_box((BOARD_BACK_X, BOARD_FRONT_X), (-0.3, 0.3), (0.0, BOARD_TOP), "board"),
        _make_box((TABLE_FRONT_X, TABLE_BACK_X), (-TABLE_HALF_WIDTH, TABLE_HALF_WIDTH), (0.98, TABLE_TOP), "table"),
        _make_box((0.35, 0.75), (-0.2, 0.2), (0.08, 0.98), "post"),
        _make_box((0.0, 1.1), (-0.4, 0.4), (0.0, 0.08), "base"),
        _make_box((1.2, 7.2), (-1.25, 1.25), (0.0, MAT_TOP), "mat"),
    ),
    "FX": (
        _make_box((-7.0, 7.0), (-7.0, 7.0), (-0.04, -0.02), "border"),
        _make_box((-6.0, 6.0), (-6.0, 6.0), (-0.03, FLOOR_TOP), "carpet"),
    ),
    "BB": (
        _make_box((-4.5, 7.0), (-2.0, 2.0), (0.0, MAT_TOP), "mat"),
        _make_box((-2.5, 2.5), (-0.05, 0.05), (BEAM_TOP - 0.13, BEAM_TOP), "beam"),
        _make_box((-2.06, -1.94), (-0.05, 0.05), (MAT_TOP, BEAM_TOP - 0.13), "post"),
        _make_box((1.94, 2.06), (-0.05, 0.05), (MAT_TOP, BEAM_TOP - 0.13), "post"),
        _make_box((-2.2, -1.8), (-0.4, 0.4), (MAT_TOP, MAT_TOP + 0.05), "base"),
        _make_box((1.8, 2.2), (-0.4, 0.4), (MAT_TOP, MAT_TOP + 0.05), "base"),
    ),
    "UB": (
        _make_box((-4.5, 6.5), (-1.7, 1.7), (0.0, MAT_TOP), "mat"),
        *_make_bar(HIGH_BAR_X, HIGH_BAR_Z),
        *_make_bar(LOW_BAR_X, LOW_BAR_Z),
    ),
}
