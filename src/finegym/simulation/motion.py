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

from finegym.simulation.contacts import lift_limbs
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
        speed: after a flight, instead of an offset: horizontal velocity of the centre of mass in the flight, m/s.
    """

    start: float
    anchor: Anchor
    place: tuple[float | None, float | None, float | None] = (None, None, None)
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ease: float = 0.25
    speed: tuple[float, float] | None = None

    @property
    def is_flight(self) -> bool:
        """Nothing touches anything."""
        return not self.anchor


@dataclass(frozen=True)
class Bend:
    """Joints that bend more than the keys say, for a while: a fault of the performance.

    Attributes:
        start: seconds.
        end: seconds; at both ends nothing is changed.
        degrees: what the joints bend to, at least, in the middle.
        channels: their numbers in CHANNELS.
    """

    start: float
    end: float
    degrees: float
    channels: tuple[int, ...]

    def compute_degrees(self, times: np.ndarray) -> np.ndarray:
        """Least bend at times, float64 (T,): in within the first third, out within the last."""
        share = np.clip((times - self.start) / (self.end - self.start), 0.0, 1.0)
        s = np.clip(3.0 * np.minimum(share, 1.0 - share), 0.0, 1.0)
        return self.degrees * s * s * (3 - 2 * s)


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
        grounds: (since, height) of what is under her, in order of time; limbs do not sink into it.
        bends: faults of the performance; none, usually.
    """

    def __init__(
        self, body: Body, pose: Pose, anchor: Anchor, place: tuple[float, float, float], heading: float = 0.0
    ) -> None:
        self.body = body
        self.time = 0.0
        self.grounds: list[tuple[float, float]] = [(0.0, -np.inf)]
        self.phases: list[Phase] = [Phase(0.0, anchor, place, ease=0.0)]
        self.bends: list[Bend] = []
        # The phase up to which find_anchor has followed the motion, and the pelvis and anchor where it starts.
        self._followed: tuple[int, np.ndarray, np.ndarray] = (0, np.zeros(3), np.zeros(3))
        self._curves = [_Curve() for _ in CHANNELS]
        # The turning channels in pieces: start, curves, and the sign that pitch and lean took on at the start.
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
        speed: tuple[float, float] | None = None,
    ) -> None:
        """From a time on, the anchor stays in place; see :class:`Phase` for where."""
        self._add(Phase(time, anchor, (x, y, z), offset, ease, speed))

    def fly(self, time: float) -> None:
        """From a time on, nothing touches."""
        self._add(Phase(time, ()))

    def move_start(self, shift: tuple[float, float, float]) -> None:
        """Start the whole motion elsewhere; what has no absolute place moves along."""
        first = self.phases[0]
        place = [None if old is None else old + by for old, by in zip(first.place, shift, strict=True)]
        self.phases[0] = Phase(first.start, first.anchor, (place[0], place[1], place[2]), first.offset, first.ease)
        self._followed = (0, np.zeros(3), np.zeros(3))

    def find_anchor(self, time: float, anchor: Anchor) -> np.ndarray:
        """Where an anchor is at a time, float64 (3,), from what is written so far.

        ``time`` must not lie before the time of an earlier call: only the phases since then are followed.
        """
        first = self._followed[0]
        starts = np.array([phase.start for phase in self.phases[first:]])
        every = np.concatenate([[time], starts])
        local = compute_joints(self.body, self.compute_channels(every), self._compute_orientations(every))
        masses = np.tensordot(compute_mass_weights(), local, axes=(0, 1))
        root = self._compute_roots(every[:1], local, masses, remember=True)[0]
        return _anchor(local[0] + root, anchor)

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
        since = np.array([time for time, _ in self.grounds])
        heights = np.array([height for _, height in self.grounds])
        ground = heights[np.maximum(np.searchsorted(since, times, side="right") - 1, 0)]
        return lift_limbs(local[: len(times)] + roots[:, None, :], ground)

    def compute_channels(self, times: np.ndarray) -> np.ndarray:
        """Channels of the pose at times, float64 (T, C), degrees."""
        channels = np.stack([interpolate(times, curve.times, curve.values) for curve in self._curves], axis=1)
        for bend in self.bends:
            least = bend.compute_degrees(times)
            for channel in bend.channels:
                channels[:, channel] = np.maximum(channels[:, channel], least)
        return channels

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

    def _compute_roots(
        self, times: np.ndarray, local: np.ndarray, masses: np.ndarray, remember: bool = False
    ) -> np.ndarray:
        """Where the pelvis is: phase after phase, each starting where the one before ended.

        Rows of ``local`` and ``masses`` are the times asked for, then the starts of the phases that are followed: all,
        or (to ``remember``) those since the last call.
        """
        count = len(times)
        first, root, held = self._followed if remember else (0, np.zeros(3), np.zeros(3))
        roots = np.zeros((count, 3))
        edges = np.append(np.searchsorted(times, [phase.start for phase in self.phases]), count)
        edges[first] = 0
        for index in range(first, len(self.phases)):
            if remember and self.phases[index].start <= times[0]:
                self._followed = (index, root, held)
            rows = slice(int(edges[index]), int(edges[index + 1]))
            begin = count + index - first
            last = index + 1 == len(self.phases)
            path, root, held = self._follow(index, times[rows], local, masses, rows, begin, root, held)
            roots[rows] = path
            if last or (remember and self.phases[index + 1].start > times[0]):
                break
        return roots

    def _follow(
        self,
        index: int,
        times: np.ndarray,
        local: np.ndarray,
        masses: np.ndarray,
        rows: slice,
        begin: int,
        root: np.ndarray,
        held: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The pelvis through one phase; also where it and what is held are at its end."""
        phase = self.phases[index]
        following = self.phases[index + 1] if index + 1 < len(self.phases) else None
        duration = following.start - phase.start if following is not None else 1.0
        frames = np.append(times, phase.start + duration) - phase.start
        if phase.is_flight:
            assert following is not None, "a motion ends in flight"
            start_mass = root + masses[begin]
            target = held + np.array(following.offset)
            if following.speed is not None:
                drift = start_mass - masses[begin + 1] + _anchor(local[begin + 1], following.anchor)
                target[:2] = drift[:2] + duration * np.array(following.speed)
            target = _fill(following.place, target)
            end_mass = target - _anchor(local[begin + 1], following.anchor) + masses[begin + 1]
            speed = (end_mass - start_mass) / duration + np.array([0.0, 0.0, 0.5 * GRAVITY * duration])
            fall = np.array([0.0, 0.0, -0.5 * GRAVITY])
            path = start_mass + frames[:, None] * speed + (frames * frames)[:, None] * fall
            return path[:-1] - masses[rows], path[-1] - masses[begin + 1], target
        after_flight = index > 0 and self.phases[index - 1].is_flight
        origin = held if after_flight else root + _anchor(local[begin], phase.anchor)
        goal = _fill(phase.place, origin)
        if index == 0:
            origin = goal
        s = np.clip(frames / max(min(phase.ease, duration), 1e-6), 0.0, 1.0)
        targets = origin + (s * s * (3 - 2 * s))[:, None] * (goal - origin)
        if following is not None:
            root = targets[-1] - _anchor(local[begin + 1], phase.anchor)
        return targets[:-1] - _anchor(local[rows], phase.anchor), root, targets[-1]


def _anchor(joints: np.ndarray, anchor: Sequence[str]) -> np.ndarray:
    return joints[..., [JOINT_INDEX[name] for name in anchor], :].mean(axis=-2)


def _fill(place: Sequence[float | None], default: np.ndarray) -> np.ndarray:
    return np.array([value if given is None else given for given, value in zip(place, default, strict=True)])
