"""A gymnast who needs no choreographer: renderer and programme are tested without the motion."""

import numpy as np
import pytest

from finegym.simulation.broadcast import RecordPlan, RoutineOrder
from finegym.simulation.performance import Performance, PerformedElement
from finegym.simulation.presence import Bones, walk
from finegym.simulation.skeleton import JOINT_INDEX

BONES = Bones(
    thigh=0.37, shank=0.36, foot=0.17, hip_half=0.085, shoulder_half=0.155,
    shoulder_up=0.14, trunk=(0.13, 0.13, 0.18), neck_to_top=0.25,
    upper_arm=0.25, forearm=0.22, hand=0.08,
    head=np.array([[0, 0.105, 0.12], [0.03, 0.085, 0.15], [-0.03, 0.085, 0.15], [0.07, 0, 0.13], [-0.07, 0, 0.13]]),
)  # fmt: skip


@pytest.fixture
def bones() -> Bones:
    return BONES


@pytest.fixture
def standing() -> np.ndarray:
    """float64 (26, 3): a gymnast at the origin who faces the main camera, arms down."""
    return walk(BONES, np.zeros(2), np.array([0.0, -1e-6]), 1, 25.0)[0]


def perform_somersaults(codebook, event_id, element_ids, athlete, fps, rng, *, interrupted=False) -> Performance:
    """Walks along x and turns over once for each element, every two seconds."""
    num_frames = round((3 + 2 * len(element_ids)) * fps)
    joints = walk(BONES, np.array([-2.0, 0.0]), np.array([2.0, 0.0]), num_frames, fps, 0.2)
    seconds = np.arange(num_frames) / fps
    share = np.clip(((seconds - 1.5) % 2.0) / 0.8, 0, 1) * ((seconds > 1.5) & (seconds < 1.5 + 2 * len(element_ids)))
    centre = joints[:, [JOINT_INDEX["pelvis"]]]
    offset, angle = joints - centre, 2 * np.pi * share
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    turned = np.stack(
        [cos * offset[..., 0] + sin * offset[..., 2], offset[..., 1], cos * offset[..., 2] - sin * offset[..., 0]],
        axis=-1,
    )
    joints = centre + turned
    joints[..., 2] += (4 * share * (1 - share))[:, None]
    elements = tuple(
        PerformedElement(element_id, ((1.5 + 2 * k, 2.3 + 2 * k),)) for k, element_id in enumerate(element_ids)
    )
    return Performance(event_id, joints.astype(np.float32), elements, is_complete=not interrupted)


@pytest.fixture
def perform():
    return perform_somersaults


@pytest.fixture(scope="session")
def codebook():
    from finegym.codebook.builtin import read_builtin

    return read_builtin("artistic-women")


@pytest.fixture
def make_plan(codebook):
    """Plans of small records."""
    from fractions import Fraction

    def make(seconds=20.0, fps=Fraction(25), size=(128, 72), seed=1, events=("FX", "UB", "BB", "VT")) -> RecordPlan:
        orders = []
        for event_id in events * 4:
            ids = [e.id for s in codebook.get_sets_of_event(event_id) for e in codebook.get_elements_of_set(s.id)]
            orders.append(RoutineOrder(event_id, tuple(ids[:2])))
        num_frames = round(seconds * fps)
        return RecordPlan("simTEST_-01", "Test Cup", (seed, 7), (seed, 8), fps, size, num_frames, tuple(orders))

    return make
