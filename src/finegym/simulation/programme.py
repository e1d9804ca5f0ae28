"""What a record consists of, and what of it is annotated: shots, routines, times and names.

Types that the director (``broadcast``) fills, the renderer (``write``) draws and the truth file records.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np

from finegym.annotations.model import Action, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.simulation.appearance import Appearance, Venue
from finegym.simulation.athlete import Athlete
from finegym.simulation.camera import CameraPath
from finegym.simulation.faults import FaultSettings
from finegym.simulation.graphics import Line
from finegym.simulation.performance import Performance, PerformedElement

SHOT_KINDS = ("title", "walk-on", "routine", "interrupted", "replay", "close-up", "crowd", "scoreboard")


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
        faults: how well the gymnasts perform; None: without a fault.
    """

    video_id: str
    competition: str
    seed: tuple[int, ...]
    venue_seed: tuple[int, ...]
    fps: Fraction
    size: tuple[int, int]
    num_frames: int
    orders: tuple[RoutineOrder, ...]
    faults: FaultSettings | None = None


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


def get_stage_frames(routine: Routine, element: PerformedElement, fps: Fraction) -> tuple[tuple[int, int], ...]:
    """Frames of the record, half-open, of the stages of an element; every stage has at least one.

    Example:
        >>> performed = PerformedElement("e", ((0.0, 0.5), (0.5, 0.88)))
        >>> nobody = Performance("VT", np.zeros((30, 26, 3)), (performed,))
        >>> get_stage_frames(Routine(100, nobody, Athlete("A"), True), performed, Fraction(25))
        ((100, 112), (112, 122))
    """
    edges = [round(Fraction(start) * fps) for start, _ in element.stages]
    edges.append(round(Fraction(element.end) * fps))
    for index in range(1, len(edges)):
        edges[index] = max(edges[index], edges[index - 1] + 1)
    return tuple((routine.start + a, routine.start + b) for a, b in pairwise(edges))


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
