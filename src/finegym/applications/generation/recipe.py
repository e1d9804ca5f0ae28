"""The recipe of a generator: one complete TOML file, as a recogniser's, with ``task = "motion"``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from finegym.training import recipe_text
from finegym.training.recipe_sections import Positive, Section, Share

Rate = Annotated[float, Field(gt=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]


class MotionDataSection(Section):
    """Which motions: the simulation performs every element of a codebook so many times."""

    codebook: str = "artistic-women"
    performances: Positive = 16
    performances_test: Positive = 4
    num_frames: Annotated[int, Field(ge=8)] = 48
    held_out: Share = 0.1


class MotionModelSection(Section):
    """The transformer."""

    width: Positive = 192
    depth: Positive = 4
    num_heads: Positive = 4
    patch: Positive = 4
    dropout: Share = 0.0


class MotionOptimSection(Section):
    """How its weights move."""

    learning_rate: Rate = 0.0015
    weight_decay: NotNegative = 0.01
    warmup_steps: Positive = 50
    max_gradient_norm: Annotated[float, Field(gt=0)] = 1.0


class MotionTrainSection(Section):
    """How its loop runs."""

    steps: Positive = 2400
    batch_size: Positive = 64
    drop_attributes: Share = 0.1
    place_weight: NotNegative = 0.25
    step_weight: NotNegative = 4.0
    hold_weight: NotNegative = 4.0
    time_shift: Annotated[float, Field(ge=1)] = 8.0
    ema_decay: Share = 0.995


class SamplingStepsSection(Section):
    """How motions are drawn from it, unless asked otherwise."""

    steps: Positive = 16
    guidance: Annotated[float, Field(ge=0, le=20)] = 1.0


class JudgeSection(Section):
    """The recogniser that judges."""

    width: Positive = 128
    steps: Positive = 500
    batch_size: Annotated[int, Field(ge=2)] = 64
    learning_rate: Rate = 0.003
    jitter: NotNegative = 0.05


class MotionRecipe(Section):
    """Everything that decides what a generator's run computes."""

    name: str
    note: str = ""
    task: Literal["motion"]
    seed: Annotated[int, Field(ge=0)] = 0
    data: MotionDataSection = MotionDataSection()
    model: MotionModelSection = MotionModelSection()
    optim: MotionOptimSection = MotionOptimSection()
    train: MotionTrainSection = MotionTrainSection()
    sampling: SamplingStepsSection = SamplingStepsSection()
    judge: JudgeSection = JudgeSection()


def read_motion_recipe(path: Path, overrides: Sequence[str] = ()) -> MotionRecipe:
    """Read a recipe file and apply overrides; see ``recipe_text.read_recipe``.

    Raises:
        ConfigError: the file is missing or no TOML, a key is unknown, a value is wrong, or fields contradict each
            other. All problems are listed.
    """
    return recipe_text.read_recipe(MotionRecipe, path, overrides, _find_contradictions)


def _find_contradictions(recipe: MotionRecipe) -> Iterator[str]:
    model, train = recipe.model, recipe.train
    if model.width % model.num_heads:
        yield f"model.width = {model.width} does not divide into model.num_heads = {model.num_heads}"
    if recipe.data.num_frames % model.patch:
        yield f"data.num_frames = {recipe.data.num_frames} does not divide into patches of model.patch = {model.patch}"
    if recipe.optim.warmup_steps > train.steps:
        yield f"optim.warmup_steps = {recipe.optim.warmup_steps} is more than train.steps = {train.steps}"
