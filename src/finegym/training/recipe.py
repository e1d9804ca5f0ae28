"""The recipe of a run: one complete TOML file, read into frozen values, checked once.

Unknown keys are errors with a suggestion, every problem is listed at once, and what was left to its default stands in
the resolved recipe that is kept beside the checkpoints. Models, datasets and the loop never see this object's fields by
name of a config: they take plain values.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from finegym.training import recipe_text
from finegym.training.contradictions import find_contradictions
from finegym.training.recipe_sections import (
    ClipSection,
    DataSection,
    HeatmapSection,
    LossSection,
    MixSection,
    ModelSection,
    NonLocalSection,
    OptimSection,
    PoseSection,
    SamplingSection,
    ScheduleSection,
    Section,
    TrainSection,
    VladSection,
)


class Recipe(Section):
    """Everything that decides what a run computes. Sections that can be ``None`` are there for some models only."""

    name: str
    note: str = ""
    seed: Annotated[int, Field(ge=0)] = 0
    data: DataSection
    pose: PoseSection | None = None
    clip: ClipSection | None = None
    heatmap: HeatmapSection | None = None
    model: ModelSection
    non_local: NonLocalSection | None = None
    vlad: VladSection | None = None
    loss: LossSection = LossSection()
    sampling: SamplingSection = SamplingSection()
    mix: MixSection = MixSection()
    optim: OptimSection
    schedule: ScheduleSection
    train: TrainSection


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file and apply overrides; see ``recipe_text.read_recipe``.

    Raises:
        ConfigError: the file is missing or no TOML, a key is unknown, a value is of the wrong type or out of range, or
            fields contradict each other. All problems are listed.
    """
    return recipe_text.read_recipe(Recipe, path, overrides, find_contradictions)


def parse_recipe(text: str, where: str, overrides: Sequence[str] = ()) -> Recipe:
    """Parse the text of a recipe; see ``read_recipe``. ``where`` stands in messages."""
    return recipe_text.parse_recipe(Recipe, text, where, overrides, find_contradictions)


def list_fields() -> list[str]:
    """The dotted names of all fields, in the order of the file.

    Example:
        >>> list_fields()[:5]
        ['name', 'note', 'seed', 'data.dataset', 'data.split']
    """
    return recipe_text.list_fields(Recipe)
