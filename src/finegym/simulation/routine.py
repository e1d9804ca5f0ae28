"""A routine: elements in order, and what a gymnast does between them.

Chance is drawn from one generator in two streams per element: one for the connection before it, one for the element
itself. Neither depends on which element it is, so that two routines that differ in one element differ only there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from finegym.codebook.model import Attributes, Codebook
from finegym.errors import SimulationError
from finegym.simulation import apparatus
from finegym.simulation.athlete import Athlete
from finegym.simulation.bars import BarPerformer
from finegym.simulation.connections import (
    ARM_POSITIONS,
    hold_still,
    pivot,
    round_off,
    run,
    stop_running,
    walk,
    wave_arms,
)
from finegym.simulation.elements_acro import perform_beam_dismount, perform_handspring, perform_salto
from finegym.simulation.elements_bars import (
    perform_bar_dismount,
    perform_circle,
    perform_release,
    perform_transition,
)
from finegym.simulation.elements_leaps import perform_leap
from finegym.simulation.elements_turns import perform_turn
from finegym.simulation.elements_vault import perform_vault
from finegym.simulation.faults import STEPS, Fault, FaultDraw, FaultSettings, commit_faults, draw_faults
from finegym.simulation.interruption import fall
from finegym.simulation.motion import FEET
from finegym.simulation.mounts import mount_beam
from finegym.simulation.performance import Performance, PerformedElement
from finegym.simulation.performer import Performer, Reader
from finegym.simulation.placing import face_along_beam, find_x, get_ahead, measure_room, turn_to
from finegym.simulation.poses import ARMS_HIGH_V, SALUTE
from finegym.simulation.style import Style, sample_style

KINDS_BY_EVENT = {
    "VT": ("vault",),
    "FX": ("leap", "turn", "salto", "handspring"),
    "BB": ("leap", "turn", "salto", "handspring", "dismount"),
    "UB": ("circle", "release", "transition", "dismount"),
}

Stages = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class _Task:
    """One element to perform, with its two streams of chance, what it shall suffer and what became of that."""

    element_id: str
    kind: str
    attributes: Attributes
    style: Style
    connection: np.random.Generator
    draw: FaultDraw
    faults: list[Fault] = field(default_factory=list)

    @property
    def reader(self) -> Reader:
        return Reader(self.element_id, self.attributes)

    @property
    def goes_backward(self) -> bool:
        return self.attributes.get("direction") == "backward"


def perform_routine(
    codebook: Codebook,
    event_id: str,
    element_ids: Sequence[str],
    athlete: Athlete,
    fps: float,
    rng: np.random.Generator,
    *,
    connection: float = 1.0,
    interrupted: bool = False,
    faults: FaultSettings | None = None,
) -> Performance:
    """Perform a routine.

    Args:
        codebook: where the elements' attributes are.
        event_id: ``VT``, ``FX``, ``BB`` or ``UB``.
        element_ids: in the order of performance; a dismount comes last.
        athlete: who performs.
        fps: frames a second; frame ``i`` shows the time ``i / fps``.
        rng: the only source of chance.
        connection: length of dance, waiting and walking between elements, 1 is usual, 0 the least.
        interrupted: she falls or stops after some of the elements (drawn from ``rng``).
        faults: how well she performs; None without a fault.

    Raises:
        SimulationError: an unknown event or element, an element of another event or an attribute with a value that
            cannot be performed.
    """
    performer, elements = write_routine(
        codebook, event_id, element_ids, athlete, rng, connection=connection, interrupted=interrupted, faults=faults
    )
    count = int(np.ceil(performer.motion.time * fps))
    joints = performer.motion.solve(np.arange(count) / fps).astype(np.float32)
    return Performance(event_id, joints, elements, is_complete=not interrupted)


def write_routine(
    codebook: Codebook,
    event_id: str,
    element_ids: Sequence[str],
    athlete: Athlete,
    rng: np.random.Generator,
    *,
    connection: float = 1.0,
    interrupted: bool = False,
    faults: FaultSettings | None = None,
) -> tuple[Performer, tuple[PerformedElement, ...]]:
    """Write the motion of a routine without sampling it; arguments as of :func:`perform_routine`.

    Returns:
        The performer, whose ``motion`` can be solved at any times, and the elements performed.
    """
    tasks = _plan(codebook, event_id, element_ids, athlete, rng, faults)
    if interrupted:
        tasks = tasks[: int(rng.integers(1, len(tasks))) if len(tasks) > 1 else 0]
    perform = {"VT": _perform_vt, "FX": _perform_fx, "BB": _perform_bb, "UB": _perform_ub}[event_id]
    performer, stages = perform(athlete, tasks, connection, rng, interrupted)
    return performer, tuple(
        PerformedElement(task.element_id, tuple((float(a), float(b)) for a, b in stage), tuple(task.faults))
        for task, stage in zip(tasks, stages, strict=True)
    )


def _plan(
    codebook: Codebook,
    event_id: str,
    element_ids: Sequence[str],
    athlete: Athlete,
    rng: np.random.Generator,
    faults: FaultSettings | None,
) -> list[_Task]:
    if event_id not in KINDS_BY_EVENT:
        raise SimulationError(f"the simulation performs {', '.join(KINDS_BY_EVENT)}, got event {event_id!r}.")
    tasks = []
    streams = rng.spawn(2 * len(element_ids))
    draws = [FaultDraw()] * len(element_ids)
    if faults is not None:
        draws = draw_faults(faults, len(element_ids), rng.spawn(1)[0])
    for index, element_id in enumerate(element_ids):
        if element_id not in codebook.element_by_id:
            raise SimulationError(f"codebook {codebook.name} has no element {element_id!r}. Check the routine.")
        attributes = codebook.attributes_by_element_id[element_id]
        kind = str(Reader(element_id, attributes).text("kind", *KINDS_BY_EVENT[event_id]))
        set_id = codebook.element_by_id[element_id].set_id
        style = sample_style(set_id, kind, athlete, streams[2 * index])
        draw = draws[index]
        tasks.append(_Task(element_id, kind, attributes, draw.apply(style), streams[2 * index + 1], draw))
    return tasks


def _complete(p: Performer, task: _Task, stages: Stages) -> Stages:
    """What is left to do once an element is written: its faults. The last stage ends no sooner than its last step."""
    start, end = stages[0][0], stages[-1][1]
    task.faults.extend(commit_faults(p, task.draw, task.style, task.kind, start, end))
    steps = [fault.end for fault in task.faults if fault.kind == STEPS]
    return (*stages[:-1], (stages[-1][0], max([end, *steps])))


def _finish(p: Performer, interrupted: bool, rng: np.random.Generator) -> None:
    """A salute, or a fall."""
    m = p.motion
    if interrupted:
        fall(p, rng)
        return
    m.key(m.time + 0.35, p.feet(SALUTE), pitch=0.0, lean=0.0, heading=m.heading)
    m.key(m.time + 0.95, p.feet(SALUTE), heading=m.heading)
    m.time += 1.0


# Vault ---------------------------------------------------------------------------------------------------------------
def _perform_vt(
    athlete: Athlete, tasks: list[_Task], connection: float, rng: np.random.Generator, interrupted: bool
) -> tuple[Performer, list[Stages]]:
    p = Performer(athlete, (-17.5, 0.0), 0.0)
    if len(tasks) > 1:
        raise SimulationError(f"a vault routine has one element, got {len(tasks)}. Perform one after the other.")
    p.motion.key(0.0, p.stand(ARMS_HIGH_V))
    hold_still(p, 0.35 + 0.3 * connection * float(rng.uniform(0.5, 1.5)))
    if not tasks:
        run(p, 7, 5.5)
        stop_running(p, 0.9)
        hold_still(p, 1.0)
        return p, []
    stages = [_complete(p, task, perform_vault(p, task.reader, task.style)) for task in tasks]
    hold_still(p, 0.3)
    return p, stages


# Floor ---------------------------------------------------------------------------------------------------------------
_ROOM = {"leap": 5.0, "turn": 1.0, "salto": 8.5, "handspring": 3.0}


def _perform_fx(
    athlete: Athlete, tasks: list[_Task], connection: float, rng: np.random.Generator, interrupted: bool
) -> tuple[Performer, list[Stages]]:
    place = rng.uniform(-1.0, 1.0, size=2)
    p = Performer(athlete, (-4.6 + 0.4 * float(place[0]), -1.5 + 2.0 * float(place[1])), apparatus.FLOOR_TOP)
    hold_still(p, 0.7, ARM_POSITIONS[int(rng.integers(len(ARM_POSITIONS)))])
    wave_arms(p, 0.8 * max(connection, 0.3), rng)
    stages: list[Stages] = []
    for task in tasks:
        chance = task.connection
        for _ in range(round(float(chance.uniform(0.3, 1.7)) * connection)):
            wave_arms(p, float(chance.uniform(0.7, 1.2)), chance)
        _aim_on_floor(p, task.kind, chance)
        stages.append(_complete(p, task, (_perform_on_floor(p, task),)))
        hold_still(p, 0.25)
    wave_arms(p, 0.9, rng)
    _finish(p, interrupted, rng)
    return p, stages


def _aim_on_floor(p: Performer, kind: str, chance: np.random.Generator) -> None:
    """Turn to where there is room, and walk to a corner first if there is not enough."""
    m = p.motion
    room = _ROOM[kind]
    draws = chance.uniform(-1.0, 1.0, size=26)
    x, y = (float(value) for value in m.find_anchor(m.time, FEET)[:2])
    angles = np.arange(0.0, 360.0, 15.0)
    free = measure_room(x, y, angles)
    # Lines along x read best from the side; chance decides among those with room.
    wish = np.minimum(free, room + 1.0) + 0.8 * np.abs(np.cos(np.radians(angles))) + 0.9 * draws[:24]
    best = float(angles[int(np.argmax(wish))])
    turn_to(p, best, 0.5 + 0.1 * float(draws[24]))
    if kind == "salto" and free.max() < room:
        # Not enough room anywhere: walk on to the edge, and come back along the longest line.
        distance = float(min(measure_room(x, y, np.array([best]))[0], 3.0))
        walk(p, distance, 0.26)
        x, y = (float(value) for value in m.find_anchor(m.time, FEET)[:2])
        free = measure_room(x, y, angles)
        turn_to(p, float(angles[int(np.argmax(free + 0.4 * draws[:24]))]), 0.6)


def _perform_on_floor(p: Performer, task: _Task) -> tuple[float, float]:
    m = p.motion
    if task.kind == "turn":
        walk(p, 0.5, 0.4)
        return perform_turn(p, task.reader, task.style)
    x, y = (float(value) for value in m.find_anchor(m.time, FEET)[:2])
    room = float(measure_room(x, y, np.array([m.heading]))[0])
    if task.kind == "leap":
        run(p, 3 if room > 5.0 else 2, 4.0)
        return perform_leap(p, task.reader, task.style, "run")
    if task.kind == "handspring":
        walk(p, 0.5, 0.4)
        return perform_handspring(p, task.reader, task.style)
    strides = int(np.clip((room - 4.6) / 1.15, 2, 5))
    run(p, strides, 5.2)
    if task.goes_backward:
        round_off(p)
        return perform_salto(p, task.reader, task.style, "rebound")
    return perform_salto(p, task.reader, task.style, "run")


# Beam ----------------------------------------------------------------------------------------------------------------
# How far along her heading an element leads, in metres, by kind.
_REACH = {"leap": 1.7, "turn": 0.3, "salto": 1.5, "handspring": 1.7}
_DISMOUNT_RUN_UP = {"round-off": 1.0, "flic-flac": 1.2, "run": 0.75, "stand": 0.0}
_BEAM_LIMIT = apparatus.BEAM_HALF_LENGTH - 0.25


def _perform_bb(
    athlete: Athlete, tasks: list[_Task], connection: float, rng: np.random.Generator, interrupted: bool
) -> tuple[Performer, list[Stages]]:
    p = Performer(athlete, (-4.6, 0.0), apparatus.MAT_TOP)
    hold_still(p, 0.6, ARMS_HIGH_V)
    mount_beam(p)
    stages: list[Stages] = []
    for task in tasks:
        chance = task.connection
        for _ in range(round(float(chance.uniform(0.2, 1.5)) * connection)):
            wave_arms(p, float(chance.uniform(0.7, 1.2)), chance)
        wander = float(chance.uniform(0.3, 1.0))
        if task.kind == "dismount":
            _go_to_end(p, task)
            stages.append(_complete(p, task, (perform_beam_dismount(p, task.reader, task.style),)))
            hold_still(p, 0.2)
            continue
        _aim_on_beam(p, task, wander)
        stages.append(_complete(p, task, (_perform_on_beam(p, task),)))
        hold_still(p, 0.3)
        face_along_beam(p)
    _finish(p, interrupted, rng)
    return p, stages


def _aim_on_beam(p: Performer, task: _Task, wander: float) -> None:
    """Turn and walk so that the element has room on the beam."""
    x = find_x(p)
    reach = _REACH[task.kind] * (-1.0 if task.goes_backward else 1.0)
    ahead = get_ahead(p)
    if abs(x + ahead * reach) > _BEAM_LIMIT or abs(x + ahead * (reach + 0.3)) > _BEAM_LIMIT + 0.2:
        pivot(p, 180.0 * p.sign, 0.7)
        ahead = get_ahead(p)
    # Walk some way if there is room for it; walk into the middle if there is not enough for the element.
    farthest = _BEAM_LIMIT - max(ahead * x, -_BEAM_LIMIT) - max(reach, 0.0)
    needed = -_BEAM_LIMIT - (ahead * x + min(reach, 0.0))
    distance = float(max(min(wander, farthest), needed, 0.0))
    if distance > 0.15:
        walk(p, distance, 0.42)


def _perform_on_beam(p: Performer, task: _Task) -> tuple[float, float]:
    if task.kind == "leap":
        return perform_leap(p, task.reader, task.style, "stand")
    if task.kind == "turn":
        return perform_turn(p, task.reader, task.style)
    if task.kind == "handspring":
        return perform_handspring(p, task.reader, task.style)
    return perform_salto(p, task.reader, task.style, "stand")


def _go_to_end(p: Performer, task: _Task) -> None:
    """Walk to where the dismount starts: the right length from the end, facing as its entry needs."""
    entry = str(task.attributes.get("entry"))
    target = 2.38 - _DISMOUNT_RUN_UP.get(entry, 0.0)
    x = find_x(p)
    toward = 1.0 if target >= x else -1.0
    if abs(target - x) > 0.12:
        if get_ahead(p) != toward:
            pivot(p, 180.0 * p.sign, 0.7)
        walk(p, abs(target - x), 0.4)
    facing = -1.0 if entry == "flic-flac" else 1.0
    if get_ahead(p) != facing:
        pivot(p, 180.0 * p.sign, 0.7)
    hold_still(p, 0.25, ARMS_HIGH_V)


# Uneven bars ---------------------------------------------------------------------------------------------------------
def _perform_ub(
    athlete: Athlete, tasks: list[_Task], connection: float, rng: np.random.Generator, interrupted: bool
) -> tuple[Performer, list[Stages]]:
    p = BarPerformer(athlete)
    p.motion.key(0.0, p.stand(ARMS_HIGH_V))
    hold_still(p, 0.4 + 0.4 * connection)
    elements = {
        "circle": perform_circle,
        "release": perform_release,
        "transition": perform_transition,
        "dismount": perform_bar_dismount,
    }
    stages: list[Stages] = []
    for task in tasks:
        tempo = float(task.connection.uniform(0.92, 1.08)) / athlete.speed
        if p.state == "ground" and stages:
            raise SimulationError(
                f"element {task.element_id} follows the dismount of a routine on bars. Put the dismount last."
            )
        stages.append(_complete(p, task, (elements[task.kind](p, task.reader, task.style, tempo),)))
    if p.state != "ground":
        fall(p, rng)
    else:
        _finish(p, interrupted, rng)
    return p, stages
