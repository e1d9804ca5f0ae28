"""One training and one prediction of the studies, of a recogniser or a localizer."""

from __future__ import annotations

from pathlib import Path

from finegym.localization.localize import localize_dataset
from finegym.localization.opening import open_localizer
from finegym.localization.recipe import LocalizationRecipe
from finegym.localization.run import train as train_localizer
from finegym.studies.study import PlannedPrediction
from finegym.training.data import open_data
from finegym.training.predict import predict, read_recipe_for_prediction
from finegym.training.recipe import Recipe
from finegym.training.recipe_text import RECOGNITION
from finegym.training.run import train as train_recogniser
from finegym.training.run_folder import RunFolder

SHUFFLE_SEED = 0  # of the order of a clip's frames


def train_one(recipe: Recipe | LocalizationRecipe, path: Path) -> None:
    """Train, or go on with it."""
    if isinstance(recipe, LocalizationRecipe):
        train_localizer(recipe, path)
    else:
        train_recogniser(recipe, open_data(recipe.data), path)


def predict_one(planned: PlannedPrediction, path: Path, out: Path) -> None:
    """Predict the val side with the run in a folder."""
    run = RunFolder(path)
    if run.read_task() != RECOGNITION:
        opened = open_localizer(path)
        localize_dataset(opened, Path(opened.recipe.data.dataset), out, show_progress=False)
        return
    recipe = read_recipe_for_prediction(run, planned.overrides)
    shuffle_seed = SHUFFLE_SEED if planned.is_shuffled else None
    predict(run, recipe, open_data(recipe.data), out, shuffle_seed=shuffle_seed)
