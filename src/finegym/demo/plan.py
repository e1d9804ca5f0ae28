"""How big the demo is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from finegym.simulation.competition import CompetitionSettings

LARGEST_SET = "largest set"
"""As a task's subset: the elements of the set with the most instances, whichever that is in this competition."""

SEED_APART = 1000
"""From the demo's seed to that of the competition that is parsed."""

Modality = Literal["rgb", "flow", "pose"]


@dataclass(frozen=True)
class Task:
    """One recognition task of the demo.

    Attributes:
        subset: the classes, as for ``finegym annotations subset``, or ``LARGEST_SET``.
        modality: what the model sees of a clip.
        num_segments: places in a clip that TSN looks at.
        epochs: passes over the training clips.
        min_instances: classes with fewer are not part of the task (counted in the report).
    """

    subset: str
    modality: Modality
    num_segments: int
    epochs: int
    min_instances: int


@dataclass(frozen=True)
class Plan:
    """Size of the demo.

    Attributes:
        videos: records.
        minutes: a record.
        elements_per_set: elements of each set that gymnasts perform, also those of the record that is parsed: what
            nobody has performed cannot be learned, and what one gymnast has performed hardly.
        clip_short_side: of the cut clips and of the flow, pixels.
        tasks: what is trained and evaluated, in order; those of one subset stand together.
        routine_epochs: passes of the routine finder over its records.
        sub_action_epochs: passes of the localizer of sub-actions over the routines.
        unseen_minutes: of the record that is parsed in the end.
        parsed_by: subset and modality of the tasks whose recognisers parse it.
        drawn_set: the set whose tree the report shows.
    """

    videos: int
    minutes: float
    elements_per_set: int
    clip_short_side: int
    tasks: tuple[Task, ...]
    routine_epochs: int
    sub_action_epochs: int
    unseen_minutes: float
    parsed_by: tuple[tuple[str, Modality], ...] = (("set", "pose"), ("element", "pose"))
    drawn_set: str = "BB-S4"

    def make_competition(self, seed: int) -> CompetitionSettings:
        """Settings of the competition that everything is learned from."""
        return self._make_settings(self.videos, self.minutes, seed)

    def make_unseen(self, seed: int) -> CompetitionSettings:
        """Settings of another competition, of one record: other gymnasts, another hall, the same elements."""
        return self._make_settings(1, self.unseen_minutes, seed + SEED_APART)

    def _make_settings(self, videos: int, minutes: float, seed: int) -> CompetitionSettings:
        per_set = self.elements_per_set
        return CompetitionSettings(num_videos=videos, minutes=minutes, seed=seed, tail=0.0, elements_per_set=per_set)


FULL = Plan(
    videos=12,
    minutes=2.0,
    elements_per_set=2,
    clip_short_side=128,
    tasks=(
        Task("set", "rgb", num_segments=3, epochs=12, min_instances=4),
        Task("set", "flow", num_segments=3, epochs=12, min_instances=4),
        Task("set", "pose", num_segments=3, epochs=60, min_instances=4),
        Task("element", "pose", num_segments=3, epochs=60, min_instances=2),
        Task(LARGEST_SET, "rgb", num_segments=8, epochs=10, min_instances=2),
        Task(LARGEST_SET, "pose", num_segments=3, epochs=60, min_instances=2),
    ),
    routine_epochs=60,
    sub_action_epochs=60,
    unseen_minutes=2.0,
)
QUICK = Plan(
    videos=4,
    minutes=1.5,
    elements_per_set=2,
    clip_short_side=128,
    tasks=(
        Task("set", "rgb", num_segments=3, epochs=4, min_instances=2),
        Task("set", "flow", num_segments=3, epochs=4, min_instances=2),
        Task("set", "pose", num_segments=3, epochs=20, min_instances=2),
        Task("element", "pose", num_segments=3, epochs=20, min_instances=1),
        Task(LARGEST_SET, "rgb", num_segments=4, epochs=2, min_instances=1),
    ),
    routine_epochs=30,
    sub_action_epochs=40,
    unseen_minutes=1.5,
)
