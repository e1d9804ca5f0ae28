"""The programme of one record: what is on air, when, from which camera; and what of it is to be annotated.

A programme is made whole before a frame is drawn: performances, shots with their kinds and exact boundaries, the paths
of the cameras. Only complete routines seen live are annotated. Replays show the same performance again, slower and from
elsewhere; interrupted routines are shown and left out, as an annotator would.

Chance is split into streams by purpose (who, how she looks, what she performs, how she is filmed, what is shown in
between): nothing about pictures is ever drawn from the stream that decides what is performed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from finegym.annotations.model import Action, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.errors import SimulationError
from finegym.simulation import camera
from finegym.simulation.apparatus import BEAM_TOP, FLOOR_TOP, MAT_TOP
from finegym.simulation.appearance import Appearance, Venue, sample_appearance, sample_venue
from finegym.simulation.athlete import Athlete, sample_athlete
from finegym.simulation.camera import CameraPath, Tripod
from finegym.simulation.graphics import Line
from finegym.simulation.performance import PerformedElement, Performance
from finegym.simulation.presence import measure_bones, stand, walk
from finegym.simulation.render import resample_joints
from finegym.simulation.skeleton import JOINT_INDEX

SHOT_KINDS = ("title", "walk-on", "routine", "interrupted", "replay", "close-up", "crowd", "scoreboard")

_TRIES = 12
_INTERRUPTED_SHARE = 0.08
_REPLAY_SHARE, _CLOSE_UP_SHARE, _CROWD_SHARE = 0.7, 0.6, 0.4
_PELVIS = JOINT_INDEX["pelvis"]

Perform = Callable[[Codebook, str, Sequence[str], Athlete, float, np.random.Generator], Performance]


@dataclass(frozen=True)
class RoutineOrder:
    """What a routine shall consist of: an event and its elements in order."""

    event_id: str
    element_ids: tuple[str, ...]


@dataclass(frozen=True)
class RecordPlan:
    """Everything that decides one record; two equal plans make the same pixels.

    Attributes:
        video_id: 11 characters as FineGym's.
        competition: group of the record.
        seed: entropy of the record's chance.
        venue_seed: entropy of the hall (shared by the records of a competition).
        fps: frames a second.
        size: width, height in pixels, even.
        num_frames: length.
        orders: routines to show, in order; more than fit, the rest is left over.
    """

    video_id: str
    competition: str
    seed: tuple[int, ...]
    venue_seed: tuple[int, ...]
    fps: Fraction
    size: tuple[int, int]
    num_frames: int
    orders: tuple[RoutineOrder, ...]


@dataclass(frozen=True, eq=False)
class Shot:
    """What is on air between two cuts.

    Attributes:
        kind: one of ``SHOT_KINDS``.
        start: first frame.
        num_frames: length.
        event_id: which apparatus stands there; None for a shot of spectators.
        path: where the camera looks, ``num_frames`` long; None for a shot of spectators.
        joints: float (T, 26, 3), the gymnast; None for nobody.
        appearance: her looks.
        speed: of the action, 1 live, less in a replay.
        performance_frames: float (T,), which frame of the routine each frame shows; None when it shows none.
        routine: index of the routine it belongs to, -1 for none.
        name: of the gymnast or event, where it is shown in a bar.
        lines: scoreboard, or lines of a title.
    """

    kind: str
    start: int
    num_frames: int
    event_id: str | None = None
    path: CameraPath | None = None
    joints: np.ndarray | None = None
    appearance: Appearance | None = None
    speed: float = 1.0
    performance_frames: np.ndarray | None = None
    routine: int = -1
    name: str = ""
    lines: tuple[Line | str, ...] = ()

    @property
    def end(self) -> int:
        """The frame after the last."""
        return self.start + self.num_frames


@dataclass(frozen=True, eq=False)
class Routine:
    """One routine of a record.

    Attributes:
        start: frame of the record where its first frame is shown.
        performance: joints and elements on its own clock.
        athlete: who performs.
        is_annotated: False for an interrupted one.
        action_offset: frame of the performance at which the action begins.
    """

    start: int
    performance: Performance
    athlete: Athlete
    is_annotated: bool
    action_offset: int = 0


@dataclass(eq=False)
class Programme:
    """A record before it is drawn."""

    plan: RecordPlan
    venue: Venue
    shots: list[Shot] = field(default_factory=list)
    routines: list[Routine] = field(default_factory=list)

    @property
    def num_frames(self) -> int:
        """Frames planned so far."""
        return self.shots[-1].end if self.shots else 0


def make_programme(plan: RecordPlan, codebook: Codebook, perform: Perform | None = None) -> Programme:
    """Fill a record with routines and everything between them.

    Args:
        plan: what to show.
        codebook: where the elements are.
        perform: makes a performance; the default is :func:`finegym.simulation.routine.perform_routine`.

    Returns:
        A programme of exactly ``plan.num_frames`` frames.

    Raises:
        SimulationError: a routine cannot be performed.
    """
    if perform is None:
        from finegym.simulation.routine import perform_routine

        perform = perform_routine
    return _Director(plan, codebook, perform).direct()


def get_stage_frames(routine: Routine, element: PerformedElement, fps: Fraction) -> tuple[tuple[int, int], ...]:
    """Frames of the record, half-open, of the stages of an element; every stage has at least one.

    Example:
        >>> performed = PerformedElement("e", ((0.0, 0.5), (0.5, 0.9)))
        >>> nobody = Performance("VT", np.zeros((30, 26, 3)), (performed,))
        >>> get_stage_frames(Routine(100, nobody, Athlete("A"), True), performed, Fraction(25))
        ((100, 112), (112, 122))
    """
    edges = [round(Fraction(start) * fps) for start, _ in element.stages]
    edges.append(round(Fraction(element.end) * fps))
    for index in range(1, len(edges)):
        edges[index] = max(edges[index], edges[index - 1] + 1)
    return tuple((routine.start + a, routine.start + b) for a, b in zip(edges, edges[1:], strict=False))


def round_time_ms(frame: int, fps: Fraction) -> int:
    """When a frame is annotated: its time rounded down to the 10 ms that official files can say.

    A frame lasts at least 20 ms, so that the rounded time lies behind the frame before and not behind the frame: the
    frames that begin in ``[start, end)`` are exactly those that were meant, at any of the supported rates.

    Example:
        >>> [round_time_ms(frame, Fraction(30000, 1001)) for frame in (0, 1, 2, 3)]
        [0, 30, 60, 100]
    """
    return int(frame * 100 / fps) * 10


def name_times(prefix: str, start_ms: int, end_ms: int, digits: int) -> str:
    """A name of the official grammar: floored seconds.

    Example:
        >>> name_times("A", 3990, 5000, 4)
        'A_0003_0005'
    """
    return f"{prefix}_{start_ms // 1000:0{digits}d}_{end_ms // 1000:0{digits}d}"


def make_action(routine: Routine, fps: Fraction) -> Action:
    """The annotation of a routine, on the record's clock."""
    start_ms = round_time_ms(routine.start + routine.action_offset, fps)
    end_ms = round_time_ms(routine.start + len(routine.performance.joints), fps)
    sub_actions = []
    for element in routine.performance.elements:
        frames = get_stage_frames(routine, element, fps)
        stages = tuple((round_time_ms(a, fps), round_time_ms(b, fps)) for a, b in frames)
        name = name_times("A", stages[0][0] - start_ms, stages[-1][1] - start_ms, 4)
        sub_actions.append(SubAction(name, stages, element.element_id))
    return Action(
        name_times("E", start_ms, end_ms, 6),
        routine.performance.event_id,
        start_ms,
        end_ms,
        tuple(sub_actions),
        routine.athlete.name,
    )


def make_video(programme: Programme, path: str | None, codebook: Codebook) -> Video:
    """The annotation of a record."""
    plan = programme.plan
    actions = tuple(_add_sets(make_action(r, plan.fps), codebook) for r in programme.routines if r.is_annotated)
    return Video(
        plan.video_id,
        actions,
        path,
        plan.competition,
        float(plan.fps),
        plan.num_frames,
        *plan.size,
    )


def _add_sets(action: Action, codebook: Codebook) -> Action:
    subs = tuple(
        SubAction(sub.name, sub.stages, sub.element_id, codebook.element_by_id[str(sub.element_id)].set_id)
        for sub in action.sub_actions or ()
    )
    return Action(action.name, action.event_id, action.start_ms, action.end_ms, subs, action.athlete)


def find_action_offset(performance: Performance, start: int, fps: Fraction) -> int | None:
    """A frame of the lead-in at which the action can begin so that no two sub-actions get the same name.

    Names are floored seconds: two short elements within one second clash. Where the action begins decides how they
    fall; the earliest frame that keeps all names apart is taken. None where there is no such frame.
    """
    lead_in = round(Fraction(performance.elements[0].start) * fps) if performance.elements else 0
    for offset in range(min(lead_in, int(2 * fps)) + 1):
        action = make_action(Routine(start, performance, Athlete(""), True, offset), fps)
        names = [sub.name for sub in action.sub_actions or ()]
        if len(set(names)) == len(names):
            return offset
    return None


@dataclass(frozen=True)
class _Stage:
    """How an event is filmed, in metres of the event's world."""

    main: tuple[float, float, float]
    replay: tuple[float, float, float]
    view_height: float
    walk_from: tuple[float, float]
    walk_to: tuple[float, float]
    ground: float


_STAGES = {
    "VT": _Stage((-6.0, -16.0, 2.8), (11.0, -9.0, 2.2), 3.3, (-16.5, -5.2), (-16.5, -1.6), 0.0),
    "FX": _Stage((0.0, -14.0, 2.9), (10.5, -10.0, 2.2), 3.2, (-8.0, -4.5), (-4.2, -4.5), FLOOR_TOP),
    "BB": _Stage((-1.5, -12.0, 2.5), (6.5, -9.5, 2.0), 3.4, (-6.5, -3.2), (-3.6, -2.9), 0.0),
    "UB": _Stage((-4.5, -11.5, 2.6), (5.5, -10.5, 2.2), 4.4, (-6.5, -3.2), (-3.6, -2.6), 0.0),
}
_HEIGHTS = {"BB": BEAM_TOP, "VT": MAT_TOP, "UB": MAT_TOP, "FX": FLOOR_TOP}


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
        for order in self.plan.orders:
            if not self._show_routine(order):
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
        performance, offset = self._perform(order, athlete, start)
        is_cut = performance.is_complete and self.running.uniform() < _INTERRUPTED_SHARE
        if is_cut:
            performance = _interrupt(performance, self.running, self.plan.fps)
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

    def _perform(self, order: RoutineOrder, athlete: Athlete, start: int) -> tuple[Performance, int]:
        for _ in range(_TRIES):
            performance = self.perform(
                self.codebook, order.event_id, order.element_ids, athlete, self.fps, self.moves.spawn(1)[0]
            )
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
            "walk-on", event_id, joints, looks, num_frames, "main", view_height=2.4, name=athlete.name, event_name=event_id
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
            (float(target[0]), float(target[1]), float(target[2]) - 0.05), near, float(self.filming.uniform(0.95, 1.25)),
            num_frames, self.fps, self.plan.size, self.filming, float(self.filming.uniform(0.0, 0.05)),
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
            (float(self.filming.uniform(-1, 1)), 0.0, height), self._get_tripod(event_id, "main"), 5.5, num_frames, self.fps,
            self.plan.size, self.filming, float(self.filming.uniform(-0.03, 0.03)),
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
        path = camera.follow(
            joints, joints[:, _PELVIS], self._get_tripod(event_id, tripod), camera.sample_operator(self.filming),
            view_height or _STAGES[event_id].view_height, self.fps, self.plan.size, self.filming,
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


def _interrupt(performance: Performance, rng: np.random.Generator, fps: Fraction) -> Performance:
    """The beginning of a routine that breaks off: 30 to 70 per cent of it, elements that were finished."""
    num_frames = max(2, round(len(performance.joints) * rng.uniform(0.3, 0.7)))
    done = tuple(element for element in performance.elements if element.end * fps <= num_frames)
    return Performance(performance.event_id, performance.joints[:num_frames], done, is_complete=False)
