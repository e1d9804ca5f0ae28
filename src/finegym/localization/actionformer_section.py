"""The section ``[actionformer]`` of a recipe. Defaults are the settings of the authors' release for THUMOS14."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from finegym.training.recipe_sections import Positive, Section, Share

if TYPE_CHECKING:
    from finegym.localization.recipe import LocalizationRecipe

NotNegative = Annotated[float, Field(ge=0)]
Part = Annotated[float, Field(gt=0, le=1)]


class ActionFormerSection(Section):
    """The network, what it learns from, and how its answers become segments."""

    upper_levels: tuple[Literal["event", "set"], ...] = ()
    every: Positive = 1

    width: Positive = 512
    num_convs: Positive = 2
    num_stem_blocks: Annotated[int, Field(ge=0)] = 2
    num_levels: Positive = 6
    num_heads: Positive = 4
    window: Annotated[int, Field(ge=3)] = 19
    head_convs: Annotated[int, Field(ge=0)] = 2
    dropout: Share = 0.1
    drop_path: Share = 0.1
    branch_scale: NotNegative = 1e-4
    prior: Annotated[float, Field(gt=0, lt=1)] = 0.01

    max_snippets: Positive = 2304
    crop_share: Part = 0.9
    min_visible: Part = 0.5
    feature_dropout: Share = 0.0
    first_reach: Annotated[float, Field(gt=0)] = 4.0
    centre_radius: Annotated[float, Field(gt=0)] = 1.5
    regression_weight: NotNegative = 1.0
    normaliser: Annotated[float, Field(gt=0)] = 100.0

    part_snippets: Positive = 4608
    min_score: Annotated[float, Field(gt=0, lt=1)] = 0.001
    max_points: Positive = 2000
    sigma: Annotated[float, Field(gt=0)] = 0.5
    max_segments: Positive = 200
    vote_tiou: Annotated[float, Field(ge=0, le=1)] = 0.7


def find_actionformer_contradictions(recipe: LocalizationRecipe) -> Iterator[str]:
    """What cannot go together in a recipe whose model is ``actionformer``."""
    section = recipe.actionformer
    assert section is not None, "the recipe misses it already"
    order = ("event", "set", "element")
    levels = (*section.upper_levels, recipe.data.level)
    places = [order.index(level) for level in levels]
    if any(upper >= lower for upper, lower in itertools.pairwise(places)):
        yield (
            f"actionformer.upper_levels must go from coarse to fine and end above data.level, got "
            f"{list(section.upper_levels)} above {recipe.data.level!r}"
        )
    if section.width % section.num_heads:
        yield f"actionformer.width must divide into num_heads, got {section.width} and {section.num_heads}"
    if section.window % 2 == 0:
        yield f"actionformer.window must be odd, got {section.window}"
    coarsest = 2 ** (section.num_levels - 1)
    if section.part_snippets < 8 * coarsest:
        yield (
            f"actionformer.part_snippets must be at least 8 strides of the coarsest level ({8 * coarsest}), got "
            f"{section.part_snippets}"
        )
