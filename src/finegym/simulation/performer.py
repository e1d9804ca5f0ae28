"""A gymnast on an apparatus: a motion being written, and what she stands on."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from finegym.codebook.model import Attributes, AttributeValue
from finegym.errors import SimulationError
from finegym.simulation.athlete import Athlete
from finegym.simulation.kinematics import Pose, make_body
from finegym.simulation.motion import FEET, LEFT_FOOT, RIGHT_FOOT, Anchor, Motion
from finegym.simulation.poses import ARMS_DOWN, STAND_LEGS, join, other

TOE_RADIUS = 0.02
PALM_RADIUS = 0.02


def get_foot(side: str) -> Anchor:
    """The anchor of a foot."""
    return LEFT_FOOT if side == "left" else RIGHT_FOOT


class Performer:
    """A gymnast while her routine is being written.

    Attributes:
        motion: keys and contacts so far.
        athlete: who she is.
        surface: height of what she stands on, metres.
        line_y: y that her feet keep to (the beam), ``None`` where she may go anywhere.
        side: the side she prefers: her take-off foot, the direction of her turns.
        foot: the foot that last stepped.
        steps_taken: (length in metres, start, end in seconds) of steps that were not meant to be.
    """

    def __init__(
        self,
        athlete: Athlete,
        position: tuple[float, float],
        surface: float,
        heading: float = 0.0,
        line_y: float | None = None,
    ) -> None:
        self.athlete = athlete
        self.body = make_body(athlete)
        self.surface = surface
        self.line_y = line_y
        self.side = "left" if athlete.left_sided else "right"
        self.foot = self.side
        self.steps_taken: list[tuple[float, float, float]] = []
        self.motion = Motion(
            self.body, self.feet(self.stand()), FEET, (*position, surface + TOE_RADIUS), heading=heading
        )
        self.motion.grounds = [(0.0, surface)]

    @property
    def sign(self) -> float:
        """1 if she turns to the left, -1 to the right."""
        return 1.0 if self.side == "left" else -1.0

    def stand(self, arms: Pose = ARMS_DOWN) -> dict[str, float]:
        """Standing."""
        return self.feet(join(STAND_LEGS, arms, {"spine_flex": 100 * self.athlete.posture / 2}))

    def feet(self, pose: Pose) -> dict[str, float]:
        """The pose with its feet placed as the apparatus wants: on the beam one before the other, close together."""
        if self.line_y is None:
            return dict(pose)
        changed = dict(pose)
        for side in ("left", "right"):
            shift = 8.0 if side == self.side else -8.0
            changed[f"{side}_hip_flex"] = pose.get(f"{side}_hip_flex", 0.0) + shift
            changed[f"{side}_hip_abd"] = -5.0
            changed[f"{side}_hip_rot"] = 4.0
        return changed

    def change_surface(self, time: float, surface: float) -> None:
        """From a time on, another surface is under her."""
        self.surface = surface
        self.motion.grounds.append((time, surface))

    def land(
        self,
        time: float,
        anchor: Anchor,
        distance: float = 0.0,
        surface: float | None = None,
        speed: float | None = None,
    ) -> None:
        """Touch down at a time: a distance along the heading from the last support, or where a speed leads."""
        angle = np.radians(self.motion.heading)
        ahead = np.array([np.cos(angle), np.sin(angle)])
        offset = (float(distance * ahead[0]), float(distance * ahead[1]), 0.0)
        radius = TOE_RADIUS if anchor[0].endswith("toe") else PALM_RADIUS
        height = (self.surface if surface is None else surface) + radius
        velocity = None if speed is None else (float(speed * ahead[0]), float(speed * ahead[1]))
        self.motion.support(time, anchor, y=self.line_y, z=height, offset=offset, speed=velocity)

    def shift_to(self, time: float, anchor: Anchor) -> None:
        """Shift the weight at a time, without leaving the ground."""
        self.motion.support(time, anchor, y=self.line_y, z=self.surface + TOE_RADIUS)

    @property
    def free(self) -> str:
        """The side of the foot that did not step last."""
        return other(self.foot)


def check_value(
    element_id: str, attributes: Attributes, name: str, allowed: Collection[AttributeValue]
) -> AttributeValue:
    """The value of an attribute that must be one of a few.

    Raises:
        SimulationError: the attribute is missing or has another value; names element and attribute.
    """
    value = attributes.get(name)
    if value is None or value not in allowed:
        raise SimulationError(
            f"element {element_id}: attribute {name!r} is {value!r}, the simulation can perform "
            f"{', '.join(map(repr, allowed))}. Correct the codebook."
        )
    return value


def check_number(element_id: str, attributes: Attributes, name: str, low: float, high: float) -> float:
    """The value of a numeric attribute in multiples of 0.5.

    Raises:
        SimulationError: it is missing, no number, out of range or no multiple of 0.5.
    """
    value = attributes.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high or (2 * value) % 1:
        raise SimulationError(
            f"element {element_id}: attribute {name!r} is {value!r}, expected a multiple of 0.5 from {low:g} to "
            f"{high:g}. Correct the codebook."
        )
    return float(value)


class Reader:
    """Reads the attributes of one element and names it in every error."""

    def __init__(self, element_id: str, attributes: Attributes) -> None:
        self.element_id = element_id
        self.attributes = attributes

    def text(self, name: str, *allowed: str, default: str | None = None) -> str:
        """An attribute that is one of a few words."""
        if default is not None and name not in self.attributes:
            return default
        return str(check_value(self.element_id, self.attributes, name, allowed))

    def flag(self, name: str, default: bool | None = None) -> bool:
        """An attribute that is true or false."""
        if default is not None and name not in self.attributes:
            return default
        return bool(check_value(self.element_id, self.attributes, name, (True, False)))

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """An attribute that is a multiple of 0.5."""
        if default is not None and name not in self.attributes:
            return default
        return check_number(self.element_id, self.attributes, name, low, high)
