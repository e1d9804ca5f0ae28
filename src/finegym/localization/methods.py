"""The localizers by name, each with what it is built from. The dict below is the whole registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finegym.localization.actionformer_localizer import build_actionformer, build_actionformer_samples
from finegym.localization.localizer import Localizer, TrainingSamples
from finegym.localization.recipe import LocalizationRecipe
from finegym.localization.snippets_source import SnippetSource, open_snippets
from finegym.localization.spotter_localizer import build_spotter, build_spotter_samples, open_frames
from finegym.localization.ssn_localizer import build_ssn
from finegym.localization.ssn_samples import build_ssn_samples
from finegym.localization.timelines import Timelines


@dataclass(frozen=True)
class Method:
    """What the frame of training has to know of a method.

    Attributes:
        build: the localizer of a recipe with its first weights, of the timelines' classes (their segments are not to be
            looked at) and the source's feature size (0 where it sees frames).
        build_samples: what it learns from.
        open_source: what it sees of a dataset's timelines: snippets, or frames.
    """

    build: Callable[[LocalizationRecipe, Timelines, int], Localizer]
    build_samples: Callable[[LocalizationRecipe, Timelines, Any], TrainingSamples]
    open_source: Callable[[Path, LocalizationRecipe], Any]


def open_recipe_snippets(folder: Path, recipe: LocalizationRecipe) -> SnippetSource:
    """The stored snippets that a recipe names."""
    assert recipe.snippets is not None, "the recipe was checked"
    return open_snippets(folder, recipe.snippets.stores)


METHODS: dict[str, Method] = {
    "ssn": Method(build_ssn, build_ssn_samples, open_recipe_snippets),
    "actionformer": Method(build_actionformer, build_actionformer_samples, open_recipe_snippets),
    "spotter": Method(build_spotter, build_spotter_samples, open_frames),
}
