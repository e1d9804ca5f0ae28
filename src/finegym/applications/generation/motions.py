"""Many performances of elements as arrays of one shape, straight from the simulation's motion: nothing is drawn.

Length is a number beside the frames: every motion has the same number of frames, evenly spread from the element's start
to its end. Who turns to the right is mirrored, and where on the floor and in which direction is taken away, so that
what is left to learn is the element. What carries her, and when nothing does, is told by the simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from finegym.codebook.model import Codebook
from finegym.errors import ConfigError
from finegym.simulation.athlete import sample_athlete
from finegym.simulation.motion import Phase
from finegym.simulation.performance import PerformedElement
from finegym.simulation.routine import KINDS_BY_EVENT, write_routine
from finegym.simulation.skeleton import JOINT_INDEX, JOINTS

PELVIS = JOINT_INDEX["pelvis"]
MIRRORED = tuple(
    JOINT_INDEX[
        name.replace("left_", "right_") if name.startswith("left_") else name.replace("right_", "left_")
    ]
    for name in JOINTS
)  # fmt: skip
"""The same joint on the other side."""
ENDS = (JOINT_INDEX["left_toe"], JOINT_INDEX["right_toe"], JOINT_INDEX["left_hand"], JOINT_INDEX["right_hand"])
"""What touches floor, beam, table and bars."""
CONTACTS = ("left_toe", "right_toe", "left_hand", "right_hand", "flight")
"""Columns of ``Motions.contacts``."""
_STILL_M_S = 0.15  # of the toes and hands that carry her, what is slower is held in place
_MIRRORED_CONTACTS = (1, 0, 3, 2, 4)
VAULT_MARGIN_S = 0.6
"""Of a vault, the flight from the table and so much before and after it: a run-up tells nothing."""


@dataclass(frozen=True, eq=False)
class Motions:
    """Motions of elements of one codebook.

    Attributes:
        joints: float32 (N, T, 26, 3), metres; z up from the floor. On vault and bars, and in dismounts from the beam,
            the apparatus' own frame; elsewhere she starts at x = y = 0, facing +x. She turns and steps to the left.
        duration_s: float32 (N,), from the first frame to the last.
        element_index: int32 (N,), place of the element in the codebook.
        contacts: bool (N, T, 5), which toe or hand is held in place, and whether nothing touches anything.
    """

    joints: np.ndarray
    duration_s: np.ndarray
    element_index: np.ndarray
    contacts: np.ndarray

    def __len__(self) -> int:
        return len(self.joints)

    def take(self, rows: np.ndarray) -> Motions:
        """Some of them: places or a mask."""
        return Motions(self.joints[rows], self.duration_s[rows], self.element_index[rows], self.contacts[rows])


def make_motions(
    codebook: Codebook,
    element_ids: Sequence[str],
    count: int,
    seed: int,
    num_frames: int,
    notice: Callable[[int, int], None] = lambda done, total: None,
) -> Motions:
    """Performances of elements, each by another gymnast.

    Args:
        codebook: where the elements' attributes are.
        element_ids: of elements that the simulation can perform.
        count: performances of each.
        seed: of everything; a performance depends on seed, element and its number alone.
        num_frames: T.
        notice: is called with how many are done and the total, after each element.

    Returns:
        ``len(element_ids) * count`` motions, element by element.

    Raises:
        ConfigError: the codebook has events or elements that the simulation does not perform, or not that element.
        SimulationError: an attribute has a value that cannot be performed.
    """
    places = {element.id: index for index, element in enumerate(codebook.elements)}
    joints = np.zeros((len(element_ids) * count, num_frames, len(JOINTS), 3), np.float32)
    durations, indices = np.zeros(len(joints), np.float32), np.zeros(len(joints), np.int32)
    contacts = np.zeros((len(joints), num_frames, len(CONTACTS)), bool)
    row = 0
    for done, element_id in enumerate(element_ids):
        if element_id not in places:
            raise ConfigError(f"codebook {codebook.name} has no element {element_id!r}. Check the id.")
        for number in range(count):
            rng = np.random.default_rng([seed, places[element_id], number])
            joints[row], durations[row], contacts[row] = _perform(codebook, element_id, num_frames, rng)
            indices[row] = places[element_id]
            row += 1
        notice(done + 1, len(element_ids))
    return Motions(joints, durations, indices, contacts)


def _perform(
    codebook: Codebook, element_id: str, num_frames: int, rng: np.random.Generator
) -> tuple[np.ndarray, float, np.ndarray]:
    event_id = codebook.get_event_of_element(element_id).id
    if event_id not in KINDS_BY_EVENT:
        raise ConfigError(
            f"codebook {codebook.name}: the simulation does not perform event {event_id!r}, only "
            f"{', '.join(KINDS_BY_EVENT)}. Use a codebook of artistic gymnastics."
        )
    athlete = sample_athlete(rng)
    performer, elements = write_routine(codebook, event_id, [element_id], athlete, rng, connection=0.0)
    start, end = _find_window(elements[0])
    times = np.linspace(start, end, num_frames)
    joints = performer.motion.solve(times)
    contacts = _find_contacts(performer.motion.phases, times, joints)
    if not athlete.left_sided:
        joints, contacts = mirror(joints), contacts[:, _MIRRORED_CONTACTS]
    kind = codebook.attributes_by_element_id[element_id].get("kind")
    return (joints if keeps_frame(event_id, str(kind)) else put_at_origin(joints)), end - start, contacts


def _find_contacts(phases: Sequence[Phase], times: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Bool (T, 5): a phase names what carries her, which may still move to its place or roll."""
    which = np.maximum(np.searchsorted([phase.start for phase in phases], times, side="right") - 1, 0)
    carries = np.array([[name in phases[k].anchor for name in CONTACTS[:-1]] for k in which])
    speed = np.linalg.norm(np.gradient(joints[:, ENDS], times, axis=0), axis=-1)
    flies = np.array([phases[k].is_flight for k in which])
    return np.column_stack([carries & (speed < _STILL_M_S), flies])


def keeps_frame(event_id: str, kind: str) -> bool:
    """Whether where she is matters: at a table, a bar, the end of the beam."""
    return event_id in ("VT", "UB") or kind == "dismount"


def _find_window(element: PerformedElement) -> tuple[float, float]:
    if len(element.stages) == 1:
        return element.start, element.end
    flight = element.stages[1]
    return max(flight[0] - VAULT_MARGIN_S, element.start), min(flight[1] + VAULT_MARGIN_S, element.end)


def mirror(joints: np.ndarray) -> np.ndarray:
    """A motion (..., 26, 3) as a mirror along the apparatus shows it: y changes its sign, left and right change places.

    Example:
        >>> motion = np.random.default_rng(0).normal(size=(2, 26, 3))
        >>> bool((mirror(mirror(motion)) == motion).all())
        True
    """
    return joints[..., MIRRORED, :] * np.array([1.0, -1.0, 1.0], joints.dtype)


def put_at_origin(joints: np.ndarray) -> np.ndarray:
    """Turn and move a motion (T, 26, 3) so that it starts with the pelvis at x = y = 0, facing +x; heights stay."""
    first = joints[0]
    across = first[JOINT_INDEX["left_hip"]] - first[JOINT_INDEX["right_hip"]]
    facing = np.array([across[1], -across[0]])
    cos, sin = facing / np.linalg.norm(facing)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])  # rows @ turn: by minus the heading
    return (joints - first[PELVIS] * np.array([1.0, 1.0, 0.0])) @ turn
