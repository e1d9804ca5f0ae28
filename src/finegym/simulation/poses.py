"""The shapes of gymnastics: tuck, pike, split, ring, handstand … as poses in degrees.

Poses in which hands meet legs, or feet meet the bar, depend on proportions and are solved once for a body.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from finegym.simulation.kinematics import SIDES, Body, Pose, solve_leg, solve_pose
from finegym.simulation.skeleton import JOINT_INDEX

POINT = 62.0
"""Ankle angle of a pointed foot."""

_ARM = ("sh_flex", "sh_abd", "sh_rot", "elbow", "wrist")
_ODD = ("spine_side", "spine_twist", "head_turn")


def join(*parts: Pose) -> dict[str, float]:
    """One pose from parts; later parts win."""
    return {name: value for part in parts for name, value in part.items()}


def limb(side: str, **channels: float) -> dict[str, float]:
    """Channels of one side: ``limb("left", knee=30)``."""
    return {f"{side}_{name}": value for name, value in channels.items()}


def both(**channels: float) -> dict[str, float]:
    """Channels of both sides."""
    return limb("left", **channels) | limb("right", **channels)


def other(side: str) -> str:
    """The other side."""
    return "right" if side == "left" else "left"


def mirror(pose: Pose) -> dict[str, float]:
    """The pose seen in a mirror.

    Example:
        >>> mirror({"left_knee": 30.0, "head_turn": 10.0})
        {'right_knee': 30.0, 'head_turn': -10.0}
    """
    swapped = {}
    for name, value in pose.items():
        side, _, rest = name.partition("_")
        swapped[f"{other(side)}_{rest}" if side in SIDES else name] = -value if name in _ODD else value
    return swapped


# Arms ----------------------------------------------------------------------------------------------------------------
ARMS_DOWN = both(sh_flex=4.0, sh_abd=12.0, elbow=10.0)
ARMS_UP = both(sh_flex=174.0, sh_abd=6.0, elbow=4.0)
ARMS_HIGH_V = both(sh_flex=165.0, sh_abd=28.0, elbow=6.0)
ARMS_SIDE = both(sh_flex=88.0, sh_abd=80.0, elbow=4.0)
ARMS_FRONT = both(sh_flex=85.0, sh_abd=6.0, elbow=6.0)
ARMS_BACK = both(sh_flex=-45.0, sh_abd=18.0, elbow=5.0)
ARMS_WRAP = both(sh_flex=48.0, sh_abd=8.0, sh_rot=-48.0, elbow=125.0)
ARMS_ALONG = both(sh_flex=14.0, sh_abd=9.0, elbow=12.0)

# Trunk and legs ------------------------------------------------------------------------------------------------------
POINTED = both(ankle=POINT)
STAND_LEGS = both(plant=1.0, hip_abd=-3.0, hip_rot=14.0)
STAND = join(STAND_LEGS, ARMS_DOWN)
SALUTE = join(STAND_LEGS, ARMS_HIGH_V, {"spine_flex": -10.0, "neck_flex": -8.0})
STRAIGHT = join(POINTED, ARMS_UP)
HANDSTAND = join(POINTED, both(sh_flex=179.0, sh_abd=0.0), {"spine_flex": -4.0, "neck_flex": -22.0})
HANG = join(POINTED, both(sh_flex=178.0, sh_abd=2.0), {"neck_flex": 8.0})
HOLLOW = join(POINTED, both(sh_flex=170.0, hip_flex=16.0), {"spine_flex": 18.0, "neck_flex": 8.0})
ARCH = join(POINTED, both(sh_flex=188.0, hip_flex=-22.0, knee=4.0), {"spine_flex": -22.0, "neck_flex": -10.0})
STRETCHED = join(POINTED, ARMS_ALONG, both(hip_flex=-4.0), {"spine_flex": -8.0})
TWISTING = join(POINTED, ARMS_WRAP, {"spine_flex": -3.0})
LANDING = join(
    both(plant=1.0, hip_flex=62.0, knee=58.0, hip_abd=2.0, sh_flex=88.0, sh_abd=14.0, elbow=10.0), {"spine_flex": 14.0}
)
ABSORB = join(
    both(plant=1.0, hip_flex=98.0, knee=96.0, hip_abd=5.0, sh_flex=105.0, sh_abd=22.0, elbow=8.0), {"spine_flex": 20.0}
)


def crouch(knee: float, lean: float = 0.0) -> dict[str, float]:
    """Both feet flat, knees bent; ``lean`` bends the hips beyond what keeps the trunk upright."""
    return join(STAND_LEGS, both(knee=knee, hip_flex=knee * 0.52 + lean), {"spine_flex": 0.12 * lean})


# Shapes in which hands meet legs -------------------------------------------------------------------------------------
@lru_cache(maxsize=64)
def make_tuck(body: Body) -> Pose:
    """Knees to the chest, hands on the shins."""
    start = join(
        POINTED,
        both(hip_flex=128.0, knee=138.0, hip_abd=4.0, sh_flex=40.0, sh_abd=10.0, elbow=45.0),
        {"spine_flex": 52.0, "neck_flex": 22.0},
    )
    return _reach(body, start, "knee", "ankle", 0.35, outward=0.03)


@lru_cache(maxsize=64)
def make_pike(body: Body) -> Pose:
    """Folded at the hips, legs straight, hands behind the knees."""
    start = join(
        POINTED, both(hip_flex=126.0, sh_flex=60.0, sh_abd=6.0, elbow=25.0), {"spine_flex": 40.0, "neck_flex": 12.0}
    )
    return _reach(body, start, "knee", "ankle", 0.15, outward=0.05)


@lru_cache(maxsize=64)
def make_straddle(body: Body) -> Pose:
    """Folded at the hips, legs straight and wide apart, hands toward the feet."""
    start = join(
        POINTED,
        both(hip_flex=104.0, hip_abd=52.0, sh_flex=80.0, sh_abd=30.0, elbow=8.0),
        {"spine_flex": 32.0, "neck_flex": -8.0},
    )
    return _reach(body, start, "knee", "ankle", 0.6, outward=0.0)


@lru_cache(maxsize=64)
def make_held_leg(body: Body, side: str) -> Pose:
    """Standing on the other leg, this leg held up in front by its hand at the ear."""
    start = join(
        limb(side, hip_flex=152.0, hip_abd=16.0, hip_rot=30.0, ankle=POINT, sh_flex=160.0, sh_abd=15.0, elbow=10.0),
        limb(other(side), sh_flex=110.0, sh_abd=75.0),
    )
    hand, knee, ankle = (JOINT_INDEX[f"{side}_{name}"] for name in ("hand", "knee", "ankle"))
    return solve_pose(
        body,
        start,
        [[f"{side}_sh_flex"], [f"{side}_sh_abd"], [f"{side}_elbow"]],
        lambda joints: joints[:, hand] - (0.25 * joints[:, knee] + 0.75 * joints[:, ankle]),
    )


def _reach(body: Body, start: Pose, first: str, second: str, along: float, outward: float) -> Pose:
    """Bring both hands onto the legs, between two joints."""
    hand, a, b = (JOINT_INDEX[f"left_{name}"] for name in ("hand", first, second))
    shift = np.array([0.0, outward, 0.0])
    groups = [[f"left_{name}", f"right_{name}"] for name in ("sh_flex", "sh_abd", "elbow")]
    return solve_pose(
        body,
        start,
        groups,
        lambda joints: joints[:, hand] - ((1 - along) * joints[:, a] + along * joints[:, b] + shift),
    )


@lru_cache(maxsize=64)
def make_toe_on(body: Body) -> Pose:
    """Folded with the soles at the hands: on the bar, feet on the bar."""
    start = join(
        both(hip_flex=140.0, sh_flex=100.0, ankle=10.0, hip_abd=3.0, knee=2.0), {"spine_flex": 60.0, "neck_flex": 10.0}
    )
    return _meet(body, start, [("toe", "hand")], ("hip_flex", "sh_flex"))


def _meet(body: Body, start: Pose, pairs: list[tuple[str, str]], free: tuple[str, ...]) -> Pose:
    indices = [(JOINT_INDEX[f"left_{a}"], JOINT_INDEX[f"left_{b}"]) for a, b in pairs]
    groups = [[f"left_{name}", f"right_{name}"] for name in free]
    return solve_pose(
        body,
        start,
        groups,
        lambda joints: np.concatenate([(joints[:, a] - joints[:, b])[:, [0, 2]] for a, b in indices], axis=1),
        steps=20,
    )


@lru_cache(maxsize=64)
def make_bar_support(body: Body, straight: bool = True) -> Pose:
    """Resting on the bar on straight arms, the bar at the front of the hips."""
    start = join(POINTED, both(sh_flex=14.0, sh_abd=3.0, hip_flex=8.0), {"spine_flex": 8.0})
    hand = JOINT_INDEX["left_hand"]
    goal = np.array([0.1, -0.05])
    free = [["left_sh_flex", "right_sh_flex"], ["left_elbow", "right_elbow"]]
    return solve_pose(body, start, free, lambda joints: joints[:, hand][:, [0, 2]] - goal)


def make_step(body: Body, stance: str, length: float, height: float, pitch: float = 0.0) -> dict[str, float]:
    """Legs at the contact of a step: this foot a length ahead of the other, whose heel is up."""
    base = body.foot * np.cos(np.radians(body.foot_drop))
    feet = {stance: (base + 0.55 * length, 2.0), other(stance): (base - 0.45 * length, 40.0)}
    return make_stance(body, left=feet["left"], right=feet["right"], height=height, pitch=pitch, narrow=5.0)


def make_stance(
    body: Body,
    *,
    left: tuple[float, float],
    right: tuple[float, float],
    height: float,
    pitch: float = 0.0,
    narrow: float = 3.0,
) -> dict[str, float]:
    """Legs of a stance with both feet on the ground.

    Args:
        body: segment lengths.
        left: toe ahead of the hips in metres and heel raised in degrees.
        right: the same.
        height: hips above the toes, as a share of the straight leg with flat foot.
        pitch: forward pitch of the pelvis, degrees.
        narrow: how far the feet close toward the middle, degrees.
    """
    up = height * (body.leg + body.ankle_height)
    channels: dict[str, float] = {}
    for side, (toe_x, heel) in (("left", left), ("right", right)):
        hip, knee = solve_leg(body, toe_x, up, heel, pitch)
        channels |= limb(side, hip_flex=hip, knee=knee, ankle=heel, plant=1.0, hip_abd=-narrow)
    return channels
