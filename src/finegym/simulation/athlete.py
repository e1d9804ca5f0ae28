"""Who performs: proportions, speed and style of a gymnast. How she looks is the rendering's business."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# fmt: off
_FIRST = (
    "Ada", "Bo", "Cleo", "Dana", "Edda", "Fay", "Gia", "Hana", "Ines", "Juno", "Kaja", "Lena", "Mara", "Nora",
    "Oona", "Pia", "Quinn", "Rhea", "Sina", "Tess", "Una", "Vida", "Wren", "Yara", "Zoe",
)
# fmt: on
# fmt: off
_LAST = (
    "Abel", "Brandt", "Costa", "Dahl", "Ekman", "Fuchs", "Grau", "Holm", "Ito", "Jansen", "Kovac", "Lind",
    "Moreau", "Novak", "Okafor", "Prado", "Reyes", "Sato", "Toth", "Urban", "Vega", "Weiss", "Yilmaz", "Zeman",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Athlete:
    """A gymnast: her proportions, speed and style. Scale factors are relative to the average build.

    Attributes:
        name: made up.
        height_m: standing height in metres, 1.45 to 1.65.
        leg_scale: length of legs for her height.
        arm_scale: length of arms for her height.
        trunk_scale: length of the trunk for her height.
        shoulder_scale: breadth of the shoulders for her height.
        hip_scale: breadth of the hips for her height.
        speed: tempo of everything she does; above 1 is faster.
        amplitude: how wide she opens splits and swings, 0.93 to 1.05.
        arm_style: -1 (arms low and soft) to 1 (arms high and stretched).
        crispness: how late and fast she changes shape, 0 (soft) to 1 (crisp).
        posture: small constant arch of the back in radians.
        left_sided: turns and steps with the left first.
        seed: identifies the athlete; drawn from the generator that sampled her.
    """

    name: str
    height_m: float = 1.55
    leg_scale: float = 1.0
    arm_scale: float = 1.0
    trunk_scale: float = 1.0
    shoulder_scale: float = 1.0
    hip_scale: float = 1.0
    speed: float = 1.0
    amplitude: float = 1.0
    arm_style: float = 0.0
    crispness: float = 0.5
    posture: float = 0.0
    left_sided: bool = True
    seed: int = 0


def sample_athlete(rng: np.random.Generator) -> Athlete:
    """Draw an athlete.

    Example:
        >>> athlete = sample_athlete(np.random.default_rng(0))
        >>> 1.45 <= athlete.height_m <= 1.65
        True
    """
    name = f"{_FIRST[rng.integers(len(_FIRST))]} {_LAST[rng.integers(len(_LAST))]}"
    leg, arm, trunk, shoulder, hip = np.clip(rng.normal(1.0, [0.02, 0.025, 0.02, 0.04, 0.04]), 0.92, 1.08)
    return Athlete(
        name=name,
        height_m=float(rng.uniform(1.45, 1.65)),
        leg_scale=float(leg),
        arm_scale=float(arm),
        trunk_scale=float(trunk),
        shoulder_scale=float(shoulder),
        hip_scale=float(hip),
        speed=float(rng.uniform(0.94, 1.06)),
        amplitude=float(rng.uniform(0.93, 1.05)),
        arm_style=float(rng.uniform(-1, 1)),
        crispness=float(rng.uniform(0, 1)),
        posture=float(rng.uniform(-0.05, 0.05)),
        left_sided=bool(rng.random() < 0.6),
        seed=int(rng.integers(2**31)),
    )
