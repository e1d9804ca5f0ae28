"""The section ``[spotter]`` of a recipe: every setting of the spotter with its type, its range and its default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from finegym.training.recipe_sections import Section

if TYPE_CHECKING:
    from finegym.localization.recipe import LocalizationRecipe


class SpotterSection(Section):
    """Settings of the spotter."""


def find_spotter_contradictions(recipe: LocalizationRecipe) -> Iterator[str]:
    """Settings that cannot both be meant, in words."""
    yield from ()
