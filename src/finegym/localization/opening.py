"""A trained localizer, opened: its network with its weights, its classes, and what it wants to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from finegym.annotations.folder import CODEBOOK_FILE
from finegym.annotations.subsets import Level, Subset, SubsetClass
from finegym.codebook.yaml_format import read_codebook
from finegym.errors import ConfigError
from finegym.localization.localizer import Localizer
from finegym.localization.methods import METHODS
from finegym.localization.recipe import LocalizationRecipe
from finegym.localization.run_folder import LocalizationRun
from finegym.localization.timelines import Task, Timelines
from finegym.training.data import hash_file
from finegym.training.run_folder import read_checkpoint
from finegym.training.starting import load_checkpoint


@dataclass(frozen=True)
class OpenedRun:
    """A localizer to find things with.

    Attributes:
        path: of the run's folder.
        checkpoint: file of the weights.
        recipe: of the run.
        facts: ``run.json``.
        classes: what class indices mean; no timelines.
        localizer: in evaluation mode, on its device.
    """

    path: Path
    checkpoint: Path
    recipe: LocalizationRecipe
    facts: dict[str, Any]
    classes: Timelines
    localizer: Localizer

    @property
    def task(self) -> Task:
        return self.recipe.task

    @property
    def device(self) -> str:
        return str(next(self.localizer.parameters()).device)

    @property
    def sees_snippets(self) -> bool:
        return self.recipe.snippets is not None

    @cached_property
    def _checkpoint_sha256(self) -> str:
        return hash_file(self.checkpoint)

    def identify(self) -> dict[str, Any]:
        """What decides what is found; for prediction files, and for going on with them."""
        return {
            "run": str(self.path),
            "name": self.recipe.name,
            "checkpoint": self.checkpoint.name,
            "checkpoint_sha256": self._checkpoint_sha256,
            "task": self.recipe.task,
            "level": self.classes.level,
            "method": self.recipe.model.name,
            "finegym": self.facts.get("finegym"),
            "features": self.facts.get("features"),
            "split": self.facts.get("split"),
            "seed": self.recipe.seed,
        }


def open_localizer(
    folder: Path,
    *,
    checkpoint: str = "last",
    level: Level | None = None,
    device: str = "auto",
    overrides: Sequence[str] = (),
) -> OpenedRun:
    """Open a run of ``finegym train`` whose recipe has a ``task``.

    Args:
        folder: of the run.
        checkpoint: ``last``, or epochs done.
        level: what is to be found, of a method that learns several levels; the recipe's by default.
        device: ``auto`` takes a GPU where there is one.
        overrides: of the recipe, ``section.key=value``: how to look, not what was trained.

    Raises:
        ConfigError: there is no such run or checkpoint, it is not of a localizer, it has not learnt the level, or an
            override does not fit.
        CodebookError: the run's codebook is damaged.
    """
    run = LocalizationRun(folder)
    recipe, facts = run.read_recipe(overrides), run.read_facts()
    path = run.find_checkpoint(checkpoint)
    content = read_checkpoint(path)
    if not (run.path / CODEBOOK_FILE).is_file():
        raise ConfigError(f"{run.path}: has no {CODEBOOK_FILE}. It is written when a run begins; train it again.")
    subset = Subset(
        str(facts["split"]["subset"]),
        recipe.data.level,
        tuple(SubsetClass(index, id_, name) for index, (id_, name) in enumerate(facts["classes"])),
    )
    classes = Timelines(recipe.task, recipe.data.level, subset, read_codebook(run.path / CODEBOOK_FILE), (), {})
    sizes = [each["feature_size"] for each in facts["features"]] if recipe.snippets is not None else []
    localizer = METHODS[recipe.model.name].build(without_first_weights(recipe), classes, sum(sizes))
    load_checkpoint(localizer, content, path, facts["classes"])
    place = "cuda" if device == "auto" and torch.cuda.is_available() else "cpu" if device == "auto" else device
    localizer.to(place).eval()
    if level is not None and level != recipe.data.level:
        classes = replace(classes, level=level, classes=localizer.choose_level(level))
    return OpenedRun(run.path, path, recipe, facts, classes, localizer)


def without_first_weights(recipe: LocalizationRecipe) -> LocalizationRecipe:
    """The recipe of a network whose weights are there already: none are to be looked for."""
    if recipe.ssn is not None:
        return recipe.model_copy(update={"ssn": recipe.ssn.model_copy(update={"weights": "none"})})
    if recipe.spotter is None:
        return recipe
    section = recipe.spotter.model_copy(update={"weights": "none", "start": ""})
    return recipe.model_copy(update={"spotter": section})
