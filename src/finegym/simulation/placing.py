"""Where she is on the floor and on the beam, and how much room there is."""

from __future__ import annotations

import numpy as np

from finegym.simulation import apparatus
from finegym.simulation.connections import (
    pivot,
)
from finegym.simulation.motion import FEET
from finegym.simulation.performer import Performer


def measure_room(x: float, y: float, angles: np.ndarray) -> np.ndarray:
    """Metres from a place to the edge of the floor along directions in degrees."""
    limit = apparatus.FLOOR_HALF_SIZE - 0.4
    cos, sin = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    with np.errstate(divide="ignore", invalid="ignore"):
        along_x = np.where(np.abs(cos) > 1e-9, (limit * np.sign(cos) - x) / cos, np.inf)
        along_y = np.where(np.abs(sin) > 1e-9, (limit * np.sign(sin) - y) / sin, np.inf)
    return np.maximum(np.minimum(along_x, along_y), 0.0)


def turn_to(p: Performer, heading: float, duration: float) -> None:
    """Turn to a heading the short way, if she does not face there yet."""
    turn = (heading - p.motion.heading + 180.0) % 360.0 - 180.0
    if abs(turn) > 1.0:
        pivot(p, turn, duration)


def find_x(p: Performer) -> float:
    """Where her feet are along x, metres."""
    return float(p.motion.find_anchor(p.motion.time, FEET)[0])


def get_ahead(p: Performer) -> float:
    """1 facing +x, -1 facing -x."""
    return 1.0 if np.cos(np.radians(p.motion.heading)) > 0 else -1.0


def face_along_beam(p: Performer) -> None:
    """Turn a part of a turn if she does not face along the beam."""
    off = p.motion.heading % 180.0
    off = off if off < 90.0 else off - 180.0
    if abs(off) > 1.0:
        pivot(p, -off, 0.5)
