"""The programme of one record: what is on air, when, from which camera; and what of it is to be annotated.

A programme is made whole before a frame is drawn: performances, shots with their kinds and exact boundaries, the paths
of the cameras. Only complete routines seen live are annotated. Replays show the same performance again, slower and from
elsewhere; interrupted routines are shown and left out, as an annotator would.

Chance is split into streams by purpose (who, how she looks, what she performs, how she is filmed, what is shown in
between): nothing about pictures is ever drawn from the stream that decides what is performed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np

from finegym.codebook.model import Codebook
from finegym.errors import SimulationError
from finegym.simulation import camera
from finegym.simulation.apparatus import BEAM_TOP, FLOOR_TOP, MAT_TOP
from finegym.simulation.appearance import Appearance, sample_appearance, sample_venue
from finegym.simulation.athlete import Athlete, sample_athlete
from finegym.simulation.camera import Tripod
from finegym.simulation.graphics import Line
from finegym.simulation.performance import Performance
from finegym.simulation.presence import measure_bones, stand, walk
from finegym.simulation.programme import (
    Programme,
    RecordPlan,
    Routine,
    RoutineOrder,
    Shot,
    find_action_offset,
)
from finegym.simulation.render import resample_joints
from finegym.simulation.skeleton import JOINT_INDEX

_TRIES = 12
_TRIES_TO_FIT = 8  # routines that are too long for what is left, before the record is closed
_INTERRUPTED_SHARE = 0.08
_REPLAY_SHARE, _CLOSE_UP_SHARE, _CROWD_SHARE = 0.7, 0.6, 0.4
_PELVIS = JOINT_INDEX["pelvis"]


class Perform(Protocol):
    """Makes performances; :func:`finegym.simulation.routine.perform_routine` is one."""

    def __call__(
        self,
        codebook: Codebook,
        event_id: str,
        element_ids: Sequence[str],
        athlete: Athlete,
        fps: float,
        rng: np.random.Generator,
        *,
        interrupted: bool = False,
    ) -> Performance: ...


def make_programme(plan: RecordPlan, codebook: Codebook, perform: Perform | None = None) -> Programme:
    """Fill a record with routines and everything between them.

    Args:
        plan: what to show.
        codebook: where the elements are.
        perform: makes a performance; the default is :func:`finegym.simulation.routine.perform_routine` with the plan's
            faults.

    Returns:
        A programme of exactly ``plan.num_frames`` frames.

    Raises:
        SimulationError: a routine cannot be performed.
    """
    if perform is None:
        from finegym.simulation.routine import perform_routine

        perform = partial(perform_routine, faults=plan.faults)
    return _Director(plan, codebook, perform).direct()


@dataclass(frozen=True)
class _Stage:
    """How an event is filmed, in metres of the event's world: where cameras stand, how much they show and follow."""

    main: tuple[float, float, float]
    replay: tuple[float, float, float]
    view_height: float
    walk_from: tuple[float, float]
    walk_to: tuple[float, float]
    ground: float
    rest: tuple[float, float, float]
    softness_s: float
    share: float


_STAGES = {
    "VT": _Stage(
        (-6.0, -16.0, 2.8), (11.0, -9.0, 2.2), 3.5, (-16.5, -5.2), (-16.5, -1.6), 0.0, (-5.0, 0.0, 1.35), 0.9, 1.0
    ),
    "FX": _Stage(
        (0.0, -14.0, 2.9), (10.5, -10.0, 2.2), 3.6, (-8.0, -4.5), (-4.2, -4.5), FLOOR_TOP, (0.0, 0.0, 1.1), 2.2, 1.0
    ),
    "BB": _Stage(
        (-1.5, -12.0, 2.5), (6.5, -9.5, 2.0), 3.3, (-6.5, -3.2), (-3.6, -2.9), 0.0, (0.5, 0.0, 1.75), 2.5, 0.5
    ),
    "UB": _Stage(
        (-4.5, -11.5, 2.6), (5.5, -10.5, 2.2), 4.2, (-6.5, -3.2), (-3.6, -2.6), 0.0, (0.4, 0.0, 2.2), 3.0, 0.1
    ),
}
_HEIGHTS = {"BB": BEAM_TOP, "VT": MAT_TOP, "UB": MAT_TOP, "FX": FLOOR_TOP}
_WANDER_M = 0.22


class _Director:
    """Decides what is on air next, until the record is full."""

    def __init__(self, plan: RecordPlan, codebook: Codebook, perform: Perform) -> None:
        streams = np.random.SeedSequence(plan.seed).spawn(6)
        self.people, self.looks, self.moves, self.filming, self.running, self.judging = (
            np.random.default_rng(stream) for stream in streams
        )
        self.plan, self.codebook, self.perform = plan, codebook, perform
        self.fps = float(plan.fps)
        venue = sample_venue(np.random.default_rng(np.random.SeedSequence(plan.venue_seed)))
        self.programme = Programme(plan, replace(venue, competition=plan.competition))
        self.tripods: dict[tuple[str, str], Tripod] = {}
        self.scores: dict[str, list[Line]] = {}

    @property
    def left(self) -> int:
        """Frames that are not planned yet."""
        return self.plan.num_frames - self.programme.num_frames

    def direct(self) -> Programme:
        title = (self.plan.competition, self.programme.venue.city, "Women's artistic gymnastics")
        event_id = self.plan.orders[0].event_id if self.plan.orders else "FX"
        self._show_title(event_id, min(self._count(self.running.uniform(2.0, 3.0)), self.left), title)
        misses = 0
        for order in self.plan.orders:
            misses = 0 if self._show_routine(order) else misses + 1
            if misses == _TRIES_TO_FIT or self.left < 6 * self.fps:
                break
        self._close(event_id)
        return self.programme

    def _count(self, seconds: float) -> int:
        return max(1, round(seconds * self.fps))

    def _show_routine(self, order: RoutineOrder) -> bool:
        """One gymnast from walk-on to score; False where she does not fit into what is left of the record."""
        athlete, looks = sample_athlete(self.people), sample_appearance(self.looks)
        walk_on = self._count(self.running.uniform(2.2, 3.6))
        start = self.programme.num_frames + walk_on
        interrupted = bool(self.running.uniform() < _INTERRUPTED_SHARE)
        performance, offset = self._perform(order, athlete, start, interrupted)
        num_frames = len(performance.joints)
        if walk_on + num_frames > self.left:
            return False
        is_annotated = performance.is_complete and bool(performance.elements)
        self._show_walk_on(order.event_id, performance, athlete, looks, walk_on)
        index = len(self.programme.routines)
        self.programme.routines.append(Routine(start, performance, athlete, is_annotated, offset))
        self._film(
            "routine" if is_annotated else "interrupted", order.event_id, performance.joints, looks, num_frames,
            "main", routine=index, performance_frames=np.arange(num_frames, dtype=np.float64),
        )  # fmt: skip
        self._show_aftermath(order, performance, athlete, looks, index, is_annotated)
        return True

    def _perform(self, order: RoutineOrder, athlete: Athlete, start: int, interrupted: bool) -> tuple[Performance, int]:
        for _ in range(_TRIES):
            rng = self.moves.spawn(1)[0]
            performance = self.perform(
                self.codebook, order.event_id, order.element_ids, athlete, self.fps, rng, interrupted=interrupted
            )
            if interrupted:
                return performance, 0
            offset = find_action_offset(performance, start, self.plan.fps)
            if offset is not None:
                return performance, offset
        raise SimulationError(
            f"{self.plan.video_id}: {order.event_id} routine {', '.join(order.element_ids)}: in {_TRIES} tries two "
            "elements always fell into the same second and would share a name. Plan fewer elements a routine."
        )

    def _show_aftermath(
        self,
        order: RoutineOrder,
        performance: Performance,
        athlete: Athlete,
        looks: Appearance,
        index: int,
        complete: bool,
    ) -> None:
        """Close-up, replay, spectators, score: in this order, each as chance has it and as long as there is time."""
        dice = self.running.uniform(size=3)
        if dice[0] < _CLOSE_UP_SHARE:
            self._show_close_up(order.event_id, performance, looks)
        if complete and dice[1] < _REPLAY_SHARE:
            self._show_replay(order.event_id, performance, looks, index)
        if dice[2] < _CROWD_SHARE:
            self._show_crowd(self._count(self.running.uniform(1.0, 2.2)))
        if complete:
            self._show_score(order, performance, athlete)

    def _show_walk_on(
        self, event_id: str, performance: Performance, athlete: Athlete, looks: Appearance, num_frames: int
    ) -> None:
        stage, bones = _STAGES[event_id], measure_bones(performance.joints)
        jitter = self.running.normal(0, 0.25, (2, 2))
        begin, end = np.array(stage.walk_from) + jitter[0], np.array(stage.walk_to) + jitter[1]
        # The picture opens when she is already on her way: about a metre a second.
        begin = end + (begin - end) * min(1.0, 1.15 * num_frames / self.fps / float(np.linalg.norm(end - begin)))
        joints = walk(bones, begin, end, num_frames, self.fps, stage.ground)
        self._film(
            "walk-on", event_id, joints, looks, num_frames, "main", view_height=2.4, name=athlete.name,
            event_name=event_id,
        )  # fmt: skip

    def _show_close_up(self, event_id: str, performance: Performance, looks: Appearance) -> None:
        num_frames = self._count(self.running.uniform(1.6, 3.0))
        if num_frames > self.left:
            return
        stage = _STAGES[event_id]
        tripod = self._get_tripod(event_id, "main")
        place = np.array(stage.walk_to) + self.running.normal(0, 0.3, 2)
        yaw = np.arctan2(-(tripod.position[0] - place[0]), tripod.position[1] - place[1]) + self.running.normal(0, 0.35)
        joints = stand(
            measure_bones(performance.joints), place, float(yaw), num_frames, self.fps, self.running, stage.ground
        )
        target = joints[0, JOINT_INDEX["neck"]]
        near = Tripod("close", tripod.position)
        path = camera.look_at(
            (float(target[0]), float(target[1]), float(target[2]) - 0.05), near,
            float(self.filming.uniform(0.95, 1.25)), num_frames, self.fps, self.plan.size, self.filming,
            float(self.filming.uniform(0.0, 0.05)),
        )  # fmt: skip
        self._add("close-up", num_frames, event_id=event_id, path=path, joints=joints, appearance=looks)

    def _show_replay(self, event_id: str, performance: Performance, looks: Appearance, index: int) -> None:
        """One element again, slower, from the other side; or the end of the routine where the element is long."""
        element = performance.elements[int(self.running.integers(len(performance.elements)))]
        speed = float(self.running.choice([0.3, 0.4, 0.5]))
        begin = max(element.start - 0.4, 0.0, element.end - 3.2)
        end = min(element.end + 0.4, (len(performance.joints) - 1) / self.fps)
        num_frames = int((end - begin) / speed * self.fps)
        if num_frames > self.left or num_frames < 5:
            return
        frames = begin * self.fps + speed * np.arange(num_frames)
        joints = resample_joints(performance.joints, frames)
        self._film(
            "replay", event_id, joints, looks, num_frames, "replay", speed=speed, routine=index,
            performance_frames=frames, view_height=0.85 * _STAGES[event_id].view_height,
        )  # fmt: skip

    def _show_score(self, order: RoutineOrder, performance: Performance, athlete: Athlete) -> None:
        num_frames = self._count(self.running.uniform(2.2, 3.2))
        if num_frames > self.left:
            return
        elements = (self.codebook.element_by_id[element.element_id] for element in performance.elements)
        difficulty = round(sum(element.difficulty_value or 0.0 for element in elements), 1)
        board = self.scores.setdefault(order.event_id, self._invent_scores(difficulty))
        line = Line(athlete.name, difficulty, float(np.round(self.judging.uniform(7.2, 9.4), 3)))
        board.append(line)
        event = self.codebook.event_by_id[order.event_id].name
        self._show_place("scoreboard", order.event_id, num_frames, lines=(line, *board[:-1]), name=event)

    def _invent_scores(self, difficulty: float) -> list[Line]:
        """Gymnasts who were on before the record begins."""
        return [
            Line(
                sample_athlete(self.judging).name,
                float(np.round(max(difficulty + self.judging.normal(0, 0.4), 0.5), 1)),
                float(np.round(self.judging.uniform(7.2, 9.2), 3)),
            )
            for _ in range(int(self.judging.integers(2, 6)))
        ]

    def _show_crowd(self, num_frames: int) -> None:
        if num_frames <= self.left:
            self._add("crowd", num_frames)

    def _show_title(self, event_id: str, num_frames: int, lines: tuple[str, ...]) -> None:
        if num_frames > 0:
            self._show_place("title", event_id, num_frames, lines=lines)

    def _show_place(
        self, kind: str, event_id: str, num_frames: int, lines: tuple[Line | str, ...], name: str = ""
    ) -> None:
        """The empty apparatus, for graphics to lie over."""
        height = _HEIGHTS[event_id] + 0.6
        path = camera.look_at(
            (float(self.filming.uniform(-1, 1)), 0.0, height), self._get_tripod(event_id, "main"), 5.5, num_frames,
            self.fps, self.plan.size, self.filming, float(self.filming.uniform(-0.03, 0.03)),
        )  # fmt: skip
        self._add(kind, num_frames, event_id=event_id, path=path, lines=lines, name=name)

    def _close(self, event_id: str) -> None:
        """Fill the record to its last frame: spectators and the hall by turns."""
        while self.left:
            num_frames = self._count(self.running.uniform(2.0, 4.0))
            if self.left - num_frames < self.fps:
                num_frames = self.left
            if self.programme.shots and self.programme.shots[-1].kind == "crowd":
                self._show_title(event_id, num_frames, (self.plan.competition, "to be continued"))
            else:
                self._show_crowd(num_frames)

    def _film(
        self,
        kind: str,
        event_id: str,
        joints: np.ndarray,
        looks: Appearance,
        num_frames: int,
        tripod: str,
        view_height: float | None = None,
        **facts: object,
    ) -> None:
        """A shot that follows the gymnast."""
        event_name = facts.pop("event_name", None)
        stage = _STAGES[event_id]
        is_live = kind in ("routine", "interrupted")
        operator = (
            camera.sample_operator(self.filming, stage.softness_s, stage.share, _WANDER_M)
            if is_live
            else camera.sample_operator(self.filming)
        )
        path = camera.follow(
            joints, joints[:, _PELVIS], self._get_tripod(event_id, tripod), operator, view_height or stage.view_height,
            self.fps, self.plan.size, self.filming, stage.rest if is_live else None,
        )  # fmt: skip
        if event_name:
            facts["lines"] = (self.codebook.event_by_id[str(event_name)].name,)
        self._add(kind, num_frames, event_id=event_id, path=path, joints=joints, appearance=looks, **facts)

    def _get_tripod(self, event_id: str, name: str) -> Tripod:
        """Where a camera stands in this record, about where it always does."""
        key = event_id, name
        if key not in self.tripods:
            stage = _STAGES.get(event_id)
            if stage is None:
                raise SimulationError(
                    f"no cameras stand at event {event_id!r}; the simulation films {', '.join(_STAGES)}"
                )
            x, y, z = np.array(stage.main if name == "main" else stage.replay) + self.filming.normal(
                0, (0.6, 0.5, 0.15)
            )
            self.tripods[key] = Tripod(name, (float(x), float(y), float(max(z, 1.2))))
        return self.tripods[key]

    def _add(self, kind: str, num_frames: int, **facts: object) -> None:
        assert 0 < num_frames <= self.left, "a shot must fit into its record"
        self.programme.shots.append(Shot(kind, self.programme.num_frames, num_frames, **facts))  # type: ignore[arg-type]
