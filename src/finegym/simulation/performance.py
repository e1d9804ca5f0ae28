"""What the motion hands to the rendering: one routine as joints over time, and when each element was in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.simulation.faults import Fault


@dataclass(frozen=True, slots=True)
class PerformedElement:
    """An element as it was performed.

    Attributes:
        element_id: its id in the codebook.
        stages: contiguous ``(start, end)`` in seconds on the performance's clock; three for a vault, else one.
        faults: of execution, in order of time.
    """

    element_id: str
    stages: tuple[tuple[float, float], ...]
    faults: tuple[Fault, ...] = ()

    @property
    def start(self) -> float:
        """Start of the first stage, seconds."""
        return self.stages[0][0]

    @property
    def end(self) -> float:
        """End of the last stage, seconds."""
        return self.stages[-1][1]


@dataclass(frozen=True, eq=False)
class Performance:
    """One routine, sampled at the record's frame times; frame ``i`` is at ``i / fps`` seconds.

    Attributes:
        event_id: event of the codebook (``"BB"``).
        joints: float32 (T, 26, 3), metres, world frame: x along the apparatus, y away from the main camera, z up.
        elements: in order of time, not overlapping.
        is_complete: False when the gymnast fell or stopped before the routine's end; such a routine is discarded.
    """

    event_id: str
    joints: np.ndarray
    elements: tuple[PerformedElement, ...]
    is_complete: bool = True
