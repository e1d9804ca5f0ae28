"""The run folder of a localizer: a recogniser's, with another recipe."""

from __future__ import annotations

from collections.abc import Sequence

from finegym.errors import ConfigError
from finegym.localization.recipe import LocalizationRecipe, read_localization_recipe
from finegym.training.recipe_text import RECOGNITION
from finegym.training.run_folder import RunFiles


class LocalizationRun(RunFiles[LocalizationRecipe]):
    """A run of a localizer on disk."""

    def read_recipe(self, overrides: Sequence[str] = ()) -> LocalizationRecipe:
        """The resolved recipe, with some settings of how to look changed.

        Raises:
            ConfigError: there is no run of a localizer here, its recipe is damaged, or an override does not fit.
        """
        if self.read_task() == RECOGNITION:
            raise ConfigError(
                f"{self.path} is a run of a recogniser: expected one of a localizer. `finegym predict` is for "
                "this one, and `finegym features snippets --run` keeps its features."
            )
        return read_localization_recipe(self.recipe_path, overrides)
