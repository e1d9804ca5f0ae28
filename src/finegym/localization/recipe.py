"""The recipe of a localizer: one complete TOML file, as a recogniser's, with the key ``task`` that tells them apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from finegym.annotations.subsets import Level
from finegym.localization.actionformer_section import ActionFormerSection, find_actionformer_contradictions
from finegym.localization.spotter_section import SpotterSection, find_spotter_contradictions
from finegym.localization.ssn_section import SsnSection, find_ssn_contradictions
from finegym.localization.timelines import Task
from finegym.training import recipe_text
from finegym.training.contradictions import find_in_schedule
from finegym.training.recipe_sections import OptimSection, Positive, ScheduleSection, Section, Share

Method = Literal["ssn", "actionformer", "spotter"]
WITHOUT_SNIPPETS = ("spotter",)  # sees frames


class LocalizationDataSection(Section):
    """Which timelines, and what is to be found in them."""

    dataset: str
    split: str
    level: Level
    workers: Annotated[int, Field(ge=0)] = 0


class SnippetsSection(Section):
    """Which stored snippet features, by the name of their folder in the dataset's ``features/``; several are joined."""

    stores: Annotated[tuple[str, ...], Field(min_length=1)]


class LocalizerSection(Section):
    """Which method; its settings are in the section of its name."""

    name: Method


class LocalizationTrainSection(Section):
    """How the loop runs."""

    batch_size: Positive
    accumulate: Positive = 1
    ema_decay: Share = 0.0
    mixed_precision: Literal["no", "bf16", "fp16"] = "no"
    evaluate_every: Annotated[int, Field(ge=0)] = 1
    checkpoint_every: Positive = 1
    keep_checkpoints: Positive = 2


class LocalizationRecipe(Section):
    """Everything that decides what a localizer's run computes. Of the methods' sections there is the one named."""

    name: str
    note: str = ""
    seed: Annotated[int, Field(ge=0)] = 0
    task: Task
    data: LocalizationDataSection
    snippets: SnippetsSection | None = None
    model: LocalizerSection
    ssn: SsnSection | None = None
    actionformer: ActionFormerSection | None = None
    spotter: SpotterSection | None = None
    optim: OptimSection
    schedule: ScheduleSection
    train: LocalizationTrainSection


def read_localization_recipe(path: Path, overrides: Sequence[str] = ()) -> LocalizationRecipe:
    """Read a localizer's recipe and apply overrides; see ``finegym.training.recipe_text.read_recipe``.

    Raises:
        ConfigError: the file is missing or no TOML, a key is unknown, a value is of the wrong type or out of range, or
            fields contradict each other. All problems are listed.
    """
    return recipe_text.read_recipe(LocalizationRecipe, path, overrides, find_contradictions)


def parse_localization_recipe(text: str, where: str, overrides: Sequence[str] = ()) -> LocalizationRecipe:
    """Parse the text of a recipe; see ``read_localization_recipe``. ``where`` stands in messages."""
    return recipe_text.parse_recipe(LocalizationRecipe, text, where, overrides, find_contradictions)


def find_contradictions(recipe: LocalizationRecipe) -> list[str]:
    """Pairs of settings that cannot both be meant, each in words."""
    problems = [*_find_in_sections(recipe), *_find_in_task(recipe), *find_in_schedule(recipe.schedule)]
    if recipe.optim.name == "adamw" and recipe.optim.momentum != 0.9:
        problems.append("optim.momentum is given, but adamw keeps its own (0.9, 0.999)")
    if getattr(recipe, recipe.model.name) is not None:
        problems += {
            "ssn": find_ssn_contradictions,
            "actionformer": find_actionformer_contradictions,
            "spotter": find_spotter_contradictions,
        }[recipe.model.name](recipe)
    return problems


def _find_in_sections(recipe: LocalizationRecipe) -> Iterator[str]:
    name = recipe.model.name
    for section in ("ssn", "actionformer", "spotter"):
        is_given = getattr(recipe, section) is not None
        if section == name and not is_given:
            yield f'model.name is "{name}", but the section [{section}] is missing'
        if section != name and is_given:
            yield f'the section [{section}] is given, but model.name is "{name}"'
    if name in WITHOUT_SNIPPETS and recipe.snippets is not None:
        yield f'the section [snippets] is given, but model.name = "{name}" sees frames'
    if name not in WITHOUT_SNIPPETS and recipe.snippets is None:
        yield f'model.name is "{name}", but the section [snippets] is missing'
    if recipe.snippets is not None and len(set(recipe.snippets.stores)) < len(recipe.snippets.stores):
        yield f"snippets.stores names a store twice: {', '.join(recipe.snippets.stores)}"


def _find_in_task(recipe: LocalizationRecipe) -> Iterator[str]:
    if recipe.task == "actions" and recipe.data.level != "event":
        yield f'task is "actions", which are of events, but data.level is "{recipe.data.level}"'
    if not recipe.data.split:
        yield "data.split is empty: give the name of a folder in the dataset's splits/"
    if recipe.optim.layer_decay != 1.0:
        yield "optim.layer_decay is for recognisers with a backbone"
