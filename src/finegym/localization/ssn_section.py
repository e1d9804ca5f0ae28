"""The section ``[ssn]`` of a recipe: every setting of SSN with its type, its range and its default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from finegym.training.recipe_sections import Section

if TYPE_CHECKING:
    from finegym.localization.recipe import LocalizationRecipe


class SsnSection(Section):
    """Settings of SSN."""


def find_ssn_contradictions(recipe: LocalizationRecipe) -> Iterator[str]:
    """Settings that cannot both be meant, in words."""
    yield from ()
