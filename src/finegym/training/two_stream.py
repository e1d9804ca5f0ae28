"""2Stream in one go: predict with several runs and fuse, with weights chosen on the training side.

Source: Simonyan and Zisserman, "Two-Stream Convolutional Networks for Action Recognition in Videos", NIPS 2014,
section 2; the rows 2Stream of FineGym's table 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from finegym.annotations.splits import Split, read_split
from finegym.errors import ConfigError
from finegym.evaluation.fusion import Scores
from finegym.evaluation.fusion_files import Fusion, fuse_files
from finegym.training.contradictions import is_pickle
from finegym.training.data import SPLITS_FOLDER, open_data
from finegym.training.predict import predict, read_recipe_for_prediction
from finegym.training.recipe import Recipe
from finegym.training.run_folder import RunFolder


def predict_fused(
    runs: Sequence[RunFolder],
    out: Path,
    *,
    overrides: Sequence[str] = (),
    checkpoint: str = "last",
    device: Literal["auto", "cpu"] = "auto",
    scores: Scores = "probabilities",
) -> Fusion:
    """Predict the val side with every run and write one fused file.

    Weights are those of the best top-1 accuracy on the train side, which every run predicts too; the val side, which is
    to be evaluated, is never looked at for them. Each run's own files are in its ``predictions/``.

    Args:
        runs: two or more, of the same split; the first has weight 1.
        out: the fused file.
        overrides: as for ``predict``, of every run.
        checkpoint: ``last``, or the number of epochs done, of every run.
        device: ``auto`` takes a GPU where there is one.
        scores: what is averaged.

    Raises:
        ConfigError: a run cannot be predicted from, the runs are of different splits, or of pose pickles.
        PredictionError: the files do not belong together.
    """
    recipes = [read_recipe_for_prediction(run, overrides) for run in runs]
    split = _find_split(runs, recipes)
    files: dict[Literal["train", "val"], list[Path]] = {"train": [], "val": []}
    for run, recipe in zip(runs, recipes, strict=True):
        data = open_data(recipe.data)
        for side, paths in files.items():
            path = run.predictions_path / f"{side}.parquet"
            predict(run, recipe, data, path, side=side, checkpoint=checkpoint, device=device)
            paths.append(path)
    # Training clips that a recipe lets a run do without have no prediction; they are counted.
    missing: Literal["error", "wrong"] = "wrong" if any(r.data.missing == "leave-out" for r in recipes) else "error"
    return fuse_files(files["val"], out, choose_on=files["train"], split=split, missing=missing, scores=scores)


def _find_split(runs: Sequence[RunFolder], recipes: Sequence[Recipe]) -> Split:
    """The one split of all runs."""
    if any(is_pickle(recipe.data.dataset) for recipe in recipes):
        raise ConfigError(
            "--fuse-with is for runs on dataset folders, whose split says what is right. Fuse those of runs on "
            "pose pickles by `finegym fuse`."
        )
    names = {recipe.data.split for recipe in recipes}
    if len(names) > 1:
        raise ConfigError(
            f"runs of different splits cannot be fused: "
            f"{', '.join(f'{run.path} is of {recipe.data.split}' for run, recipe in zip(runs, recipes, strict=True))}"
        )
    return read_split(Path(recipes[0].data.dataset) / SPLITS_FOLDER / recipes[0].data.split)
