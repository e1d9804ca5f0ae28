"""A motion written as keys and contacts, and solved for joints over time.

An element writes *keys* (a pose, an orientation of the pelvis) and *phases*. In a support phase something (a foot,
both hands) stays where it is and the body moves around it; in a flight phase nothing touches, and the centre of mass
follows the one parabola under gravity that leads from where it left the last support to where the next one begins. So
contacts do not slide and flights are ballistic by construction, whatever the keys say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from finegym.simulation.kinematics import (
    CHANNELS,
    Body,
    Pose,
    blend_slopes,
    compute_joints,
    compute_orientation,
    interpolate,
    make_vector,
)
from finegym.simulation.skeleton import JOINT_INDEX, compute_mass_weights

GRAVITY = 9.81

Anchor = tuple[str, ...]
"""Joints whose mean stays in place."""

LEFT_FOOT: Anchor = ("left_toe",)
RIGHT_FOOT: Anchor = ("right_toe",)
FEET: Anchor = ("left_toe", "right_toe")
HANDS: Anchor = ("left_hand", "right_hand")
LEFT_HAND: Anchor = ("left_hand",)
RIGHT_HAND: Anchor = ("right_hand",)
BACK: Anchor = ("thorax", "spine")
SEAT: Anchor = ("pelvis",)

_TURNS = ("heading", "pitch", "lean", "twist")


@dataclass(frozen=True)
class Phase:
    """A stretch of time with one kind of contact.

    Attributes:
        start: seconds; the phase lasts until the next one starts.
        anchor: what stays in place; empty in flight.
        place: world x, y, z where the anchor goes; ``None`` keeps what is there (or where the offset leads).
        offset: after a flight, where the anchor lands relative to the last support, metres in the world.
        ease: without a flight before, seconds in which the anchor moves to ``place``.
    """

    start: float
    anchor: Anchor
    place: tuple[float | None, float | None, float | None] = (None, None, None)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ease: float = 0.25

    @property
    def is_flight(self) -> bool:
        """Nothing touches anything."""
        return not self.anchor


@dataclass
class _Curve:
    """Keys of one channel."""

    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def set(self, time: float, value: float) -> None:
        if self.times and time < self.times[-1] + 1e-6:
            # Out of order: rare (a layer over keys already written), so a plain search is enough.
            index = int(np.searchsorted(self.times, time - 1e-6))
            if index < len(self.times) and abs(self.times[index] - time) < 1e-6:
                self.values[index] = value
                return
            self.times.insert(index, time)
            self.values.insert(index, value)
            return
        self.times.append(time)
        self.values.append(value)


class Motion:
    """Keys and phases of one routine while it is being written.

    Attributes:
        body: whose motion it is.
        time: the writer's clock in seconds; elements advance it to their end.
        phases: in order of time.
    """

    def __init__(
        self, body: Body, pose: Pose, anchor: Anchor, place: tuple[float, float, float], heading: float = 0.0
    ) -> None:
        self.body = body
        self.time = 0.0
        self.phases: list[Phase] = [Phase(0.0, anchor, place, ease=0.0)]
        self._curves = [_Curve() for _ in CHANNELS]
        # The four turning channels in pieces: start time, curves, and the sign that pitch and lean took on at the start.
        self._pieces: list[tuple[float, dict[str, _Curve], float]] = [
            (-np.inf, {name: _Curve() for name in _TURNS}, 1.0)
        ]
        self.key(0.0, pose, heading=heading, pitch=0.0, lean=0.0, twist=0.0)

    def key(
        self,
        time: float,
        pose: Pose | None = None,
        *,
        heading: float | None = None,
        pitch: float | None = None,
        lean: float | None = None,
        twist: float | None = None,
    ) -> None:
        """Set a pose, an orientation, or both at a time; what is not given has no key there."""
        if pose is not None:
            for curve, value in zip(self._curves, make_vector(pose), strict=True):
                curve.set(time, float(value))
        curves = self._pieces[-1][1]
        for name, turn in zip(_TURNS, (heading, pitch, lean, twist), strict=True):
            if turn is not None:
                curves[name].set(time, float(turn))

    def layer(self, time: float, **channels: float) -> None:
        """Set single channels of the pose at a time, over what the poses around it say."""
        vector = make_vector(channels)
        for name in channels:
            index = CHANNELS.index(name)
            self._curves[index].set(time, float(vector[index]))

    def hold(self, time: float) -> None:
        """Key the present orientation at a time, so that nothing turns between its last key and then."""
        self.key(time, heading=self.heading, pitch=self.pitch, lean=self.lean, twist=self.twist)

    def support(
        self,
        time: float,
        anchor: Anchor,
        *,
        x: float | None = None,
        y: float | None = None,
        z: float | None = None,
        offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
        ease: float = 0.25,
    ) -> None:
        """From a time on, the anchor stays in place."""
        self._add(Phase(time, anchor, (x, y, z), offset, ease))

    def fly(self, time: float) -> None:
        """From a time on, nothing touches."""
        self._add(Phase(time, ()))

    def move_start(self, shift: tuple[float, float, float]) -> None:
        """Start the whole motion elsewhere; what has no absolute place moves along."""
        first = self.phases[0]
        place = [None if old is None else old + by for old, by in zip(first.place, shift, strict=True)]
        self.phases[0] = Phase(first.start, first.anchor, (place[0], place[1], place[2]), first.offset, first.ease)

    def find_anchor(self, time: float, anchor: Anchor) -> np.ndarray:
        """Where an anchor is at a time, float64 (3,), from what is written so far."""
        return _anchor(self.solve(np.array([time]))[0], anchor)

    def _add(self, phase: Phase) -> None:
        if abs(self.phases[-1].start - phase.start) < 1e-9:
            self.phases.pop()
        self.phases.append(phase)

    @property
    def heading(self) -> float:
        """Last heading keyed, degrees."""
        return self._pieces[-1][1]["heading"].values[-1]

    @property
    def pitch(self) -> float:
        """Last pitch keyed, degrees."""
        return self._pieces[-1][1]["pitch"].values[-1]

    @property
    def lean(self) -> float:
        """Last lean keyed, degrees."""
        return self._pieces[-1][1]["lean"].values[-1]

    @property
    def twist(self) -> float:
        """Last twist keyed, degrees."""
        return self._pieces[-1][1]["twist"].values[-1]

    def rebase(self, time: float) -> None:
        """Write the present orientation in new numbers: no twist, pitch within half a turn. The body does not move.

        Twist is about the body's axis and heading about the vertical; once she stands (or is in handstand) after half
        a twist, she simply faces the other way.
        """
        heading, pitch, lean, twist = self.heading, self.pitch, self.lean, self.twist
        half_turns = round(twist / 180.0)
        sign = 1.0
        if abs(twist - 180.0 * half_turns) > 1e-6:
            assert abs(pitch % 360.0) < 1e-6 and abs(lean) < 1e-6, "only an upright body can be rebased at any twist"
        elif half_turns % 2:
            pitch, lean, sign = -pitch, -lean, -1.0
        self.hold(time)
        self._pieces.append((time, {name: _Curve() for name in _TURNS}, sign))
        pitch -= 360.0 * np.ceil((pitch - 180.0 - 1e-6) / 360.0)
        self.key(time, heading=heading + twist, pitch=pitch, lean=lean, twist=0.0)

    def solve(self, times: np.ndarray) -> np.ndarray:
        """Joints at times.

        Args:
            times: float64 (T,), ascending, seconds.

        Returns:
            float64 (T, 26, 3), metres, world.
        """
        starts = np.array([phase.start for phase in self.phases])
        every = np.concatenate([times, starts])
        local = compute_joints(self.body, self.compute_channels(every), self._compute_orientations(every))
        masses = np.tensordot(compute_mass_weights(), local, axes=(0, 1))
        roots = self._compute_roots(times, local, masses)
        return local[: len(times)] + roots[:, None, :]

    def compute_channels(self, times: np.ndarray) -> np.ndarray:
        """Channels of the pose at times, float64 (T, C), degrees."""
        return np.stack([interpolate(times, curve.times, curve.values) for curve in self._curves], axis=1)

    def compute_turns(self, times: np.ndarray) -> np.ndarray:
        """Heading, pitch, lean and twist at times, float64 (T, 4), degrees."""
        turns = np.zeros((len(times), len(_TURNS)))
        starts = np.array([start for start, _, _ in self._pieces])
        which = np.searchsorted(starts, times, side="right") - 1
        for piece, (_, curves, _) in enumerate(self._pieces):
            rows = np.flatnonzero(which == piece)
            if rows.size:
                for column, name in enumerate(_TURNS):
                    curve = curves[name]
                    ends = (
                        self._compute_joint_slope(piece, name),
                        self._compute_joint_slope(piece + 1, name, after=False),
                    )
                    turns[rows, column] = interpolate(times[rows], curve.times, curve.values, ends)
        return turns

    def _compute_joint_slope(self, piece: int, name: str, *, after: bool = True) -> float:
        """Slope of a turning channel where a piece begins, in the numbers of that piece or of the one before."""
        if not 0 < piece < len(self._pieces):
            return 0.0
        left, right = self._pieces[piece - 1][1][name], self._pieces[piece][1][name]
        if len(left.times) < 2 or len(right.times) < 2:
            return 0.0
        sign = self._pieces[piece][2] if name in {"pitch", "lean"} else 1.0
        steps = np.array([left.times[-1] - left.times[-2], right.times[1] - right.times[0]])
        slopes = np.array([left.values[-1] - left.values[-2], sign * (right.values[1] - right.values[0])]) / steps
        slope = float(blend_slopes(slopes[:1], slopes[1:], steps[:1], steps[1:])[0])
        return sign * slope if after else slope

    def _compute_orientations(self, times: np.ndarray) -> np.ndarray:
        return compute_orientation(*self.compute_turns(times).T)

    def _compute_roots(self, times: np.ndarray, local: np.ndarray, masses: np.ndarray) -> np.ndarray:
        """Where the pelvis is: phase after phase, each starting where the one before ended."""
        count = len(times)
        roots = np.zeros((count, 3))
        edges = np.append(np.searchsorted(times, [phase.start for phase in self.phases]), count)
        edges[0] = 0
        root = np.zeros(3)
        held = np.zeros(3)
        for index, phase in enumerate(self.phases):
            rows = slice(int(edges[index]), int(edges[index + 1]))
            begin, end = count + index, count + index + 1
            has_next = index + 1 < len(self.phases)
            duration = self.phases[index + 1].start - phase.start if has_next else 1.0
            if phase.is_flight:
                landing = self.phases[index + 1]
                target = _fill(landing.place, held + np.array(landing.offset))
                start_mass = root + masses[begin]
                end_mass = target - _anchor(local[end], landing.anchor) + masses[end]
                s = np.append(times[rows], landing.start) - phase.start
                speed = (end_mass - start_mass) / duration + np.array([0.0, 0.0, 0.5 * GRAVITY * duration])
                fall = np.array([0.0, 0.0, -0.5 * GRAVITY])
                path = start_mass + s[:, None] * speed + (s * s)[:, None] * fall
                roots[rows] = path[:-1] - masses[rows]
                root, held = path[-1] - masses[end], target
                continue
            after_flight = index > 0 and self.phases[index - 1].is_flight
            origin = held if after_flight else root + _anchor(local[begin], phase.anchor)
            goal = _fill(phase.place, origin)
            if index == 0:
                origin = goal
            frames = np.append(times[rows], phase.start + duration)
            s = np.clip((frames - phase.start) / max(min(phase.ease, duration), 1e-6), 0.0, 1.0)
            targets = origin + (s * s * (3 - 2 * s))[:, None] * (goal - origin)
            roots[rows] = targets[:-1] - _anchor(local[rows], phase.anchor)
            held = targets[-1]
            if has_next:
                root = held - _anchor(local[end], phase.anchor)
        return roots


def _anchor(joints: np.ndarray, anchor: Sequence[str]) -> np.ndarray:
    return joints[..., [JOINT_INDEX[name] for name in anchor], :].mean(axis=-2)


def _fill(place: Sequence[float | None], default: np.ndarray) -> np.ndarray:
    return np.array([value if given is None else given for given, value in zip(place, default, strict=True)])
