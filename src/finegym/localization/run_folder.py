"""The run folder of a localizer: a recogniser's, with another recipe."""

from __future__ import annotations

from finegym.errors import ConfigError
from finegym.localization.recipe import LocalizationRecipe, read_localization_recipe
from finegym.training.recipe_text import RECOGNITION
from finegym.training.run_folder import RunFiles


class LocalizationRun(RunFiles[LocalizationRecipe]):
    """A run of a localizer on disk."""

    def read_recipe(self) -> LocalizationRecipe:
        if self.read_task() == RECOGNITION:
            raise ConfigError(
                f"{self.path} is a run of a recogniser: expected one of a localizer. `finegym predict` is for "
                "this one, and `finegym features snippets --run` keeps its features."
            )
        return read_localization_recipe(self.recipe_path)
