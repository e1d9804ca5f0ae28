"""The folder of a size's studies, and the names of its runs: what a run computes is its name.

::

    STUDIES/<size>/
      data/            the simulated competition; not there where the data is given
      runs/<name>/     run folders of ``finegym train``, with their predictions
      results/<study>/ tables and figures

A run's name ends with a hash of its resolved recipe, its codebook and split, the pictures or features that it reads (a
localizer: the times that it learns), and the run that it begins from. Two studies that plan the same run find the same
folder; a run of other data has another name.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from finegym.annotations.folder import ANNOTATIONS_FILE, CODEBOOK_FILE
from finegym.annotations.splits import SIDES
from finegym.errors import ConfigError
from finegym.features.snippets.store import SnippetStore, is_snippet_store
from finegym.features.store import STORE_FILE
from finegym.localization.recipe import LocalizationRecipe, parse_localization_recipe
from finegym.studies.recipes import read_recipe_text
from finegym.studies.study import PlannedPrediction, PlannedRun
from finegym.training.recipe import Recipe, parse_recipe
from finegym.training.recipe_text import FREE_FIELDS, RECOGNITION

AnyRecipe = Recipe | LocalizationRecipe
# As of ``training.data``, which takes seconds to import.
SPLITS_FOLDER, CLIPS_FOLDER, FEATURES_FOLDER = "splits", "clips", "features"
_DIGITS = 12
# Facts for people; of a run that begins from another, where that one lies.
_NAMELESS = {*FREE_FIELDS, "name"}


class RunStore:
    """Where the runs of one size are, and what they are called.

    Args:
        folder: of the size.
        dataset: the dataset folder that all of its runs read.
        recipes: the folder of shipped recipes.
    """

    def __init__(self, folder: Path, dataset: Path, recipes: Path) -> None:
        self.folder, self.dataset, self.recipes = Path(folder), Path(dataset), Path(recipes)
        self._name_of: dict[PlannedRun, str] = {}

    def resolve(self, run: PlannedRun) -> AnyRecipe:
        """The complete recipe of a run.

        Raises:
            ConfigError: there is no such recipe, or it and the overrides do not go together.
        """
        overrides = [*run.overrides, f"data.dataset={json.dumps(str(self.dataset))}"]
        if run.start is not None:
            overrides.append(f"model.weights={json.dumps(str(self.get_path(run.start)))}")
        return resolve_recipe(run.recipe, self.recipes, overrides)

    def get_name(self, run: PlannedRun) -> str:
        """The name of a run: what it is, for people, and a hash of what it computes from."""
        if run not in self._name_of:
            recipe = self.resolve(run)
            fields = _flatten(recipe)
            if run.start is not None:
                fields["model.weights"] = self.get_name(run.start)  # wherever it lies
            content = {"recipe": fields, "data": self._describe_data(recipe)}
            digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
            self._name_of[run] = f"{_make_slug(recipe)}-{digest[:_DIGITS]}"
        return self._name_of[run]

    def get_path(self, run: PlannedRun) -> Path:
        """The run's folder."""
        return self.folder / "runs" / self.get_name(run)

    def get_prediction_path(self, planned: PlannedPrediction) -> Path:
        """The prediction file: Parquet of a recogniser, JSON of a localizer."""
        suffix = "parquet" if isinstance(self.resolve(planned.run), Recipe) else "json"
        name = "val"
        if planned.overrides or planned.is_shuffled:
            text = json.dumps([sorted(planned.overrides), planned.is_shuffled])
            name += f"-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        return self.get_path(planned.run) / "predictions" / f"{name}.{suffix}"

    def _describe_data(self, recipe: AnyRecipe) -> dict[str, Any]:
        """Hashes of the codebook, of the lists of the split, and of what is read of the instances."""
        split = self.dataset / SPLITS_FOLDER / recipe.data.split
        if not split.is_dir():
            raise ConfigError(f"{self.dataset} has no split {recipe.data.split!r}. `finegym study run` makes it.")
        files = [self.dataset / CODEBOOK_FILE, *(split / f"{name}.txt" for name in ("categories", *SIDES))]
        files += [self.dataset / name for name in _list_sources(recipe)]
        missing = [str(path) for path in files if not path.is_file()]
        if missing:
            raise ConfigError(f"expected {', '.join(missing)} of the studies' data. `finegym study run` makes them.")
        return {str(path.relative_to(self.dataset)): _hash(path) for path in files}


def _list_sources(recipe: AnyRecipe) -> list[str]:
    """Files that stand for what a run reads of the instances: of a store its facts, see ``_read_facts``.

    Where a run reads records, the times in the annotations are in its name, and their pictures are not.
    """
    if isinstance(recipe, Recipe):
        if recipe.data.source == "records":
            return [ANNOTATIONS_FILE]
        folder = f"{FEATURES_FOLDER}/{recipe.data.features}" if recipe.data.features else CLIPS_FOLDER
        return [f"{folder}/{STORE_FILE}"]
    stores = recipe.snippets.stores if recipe.snippets else ()
    return [ANNOTATIONS_FILE, *(f"{FEATURES_FOLDER}/{store}/{STORE_FILE}" for store in stores)]


def resolve_recipe(name: str, recipes: Path, overrides: list[str]) -> AnyRecipe:
    """A shipped recipe with overrides, of whichever kind it is."""
    text, where, task = read_recipe_text(recipes, name)
    if task == RECOGNITION:
        return parse_recipe(text, where, overrides)
    return parse_localization_recipe(text, where, overrides)


def identify_recipe(run: PlannedRun, recipes: Path) -> str:
    """What a run trains, whatever the data: the same text for runs that would have the same name."""
    start = "" if run.start is None else identify_recipe(run.start, recipes)
    placeholders = ['data.dataset="-"', *(['model.weights="-"'] if start else [])]
    return json.dumps([_flatten(resolve_recipe(run.recipe, recipes, [*run.overrides, *placeholders])), start])


def _hash(path: Path) -> str:
    """SHA-256 of a file; of what a store holds."""
    facts = path.stat()
    return _hash_once(path, facts.st_mtime_ns, facts.st_size)


@cache
def _hash_once(path: Path, changed_ns: int, size_bytes: int) -> str:
    content = _read_facts(path) if path.name == STORE_FILE else path.read_bytes()
    return hashlib.sha256(content).hexdigest()


def _read_facts(path: Path) -> bytes:
    """A store's facts, with hashes of what is in it; without the version that wrote them, and where that lay.

    The facts of clips, flow and poses have the hash of their index. Those of snippets have none of their items: the
    records that each was made of, and its features, are added.
    """
    facts = {key: value for key, value in json.loads(path.read_bytes()).items() if key not in ("finegym", "origin")}
    if is_snippet_store(path.parent):
        store = SnippetStore(path.parent)
        known = [store.get_facts(item_id) for item_id in store.facts.items]
        facts["contents"] = [[each.record_fingerprint, each.crc32] for each in known]
    return json.dumps(facts, sort_keys=True).encode()


def _flatten(recipe: AnyRecipe) -> dict[str, Any]:
    """Every field by its dotted name, but those that change no result."""
    flat = {}
    for key, value in recipe.model_dump(mode="json").items():
        if isinstance(value, dict):
            flat.update({f"{key}.{name}": item for name, item in value.items()})
        else:
            flat[key] = value
    return {key: value for key, value in flat.items() if key not in _NAMELESS}


def _make_slug(recipe: AnyRecipe) -> str:
    what = recipe.data.modality if isinstance(recipe, Recipe) else recipe.task
    words = (recipe.model.name, what, recipe.data.split, f"s{recipe.seed}")
    return re.sub(r"[^a-z0-9-]+", "_", "-".join(words).lower())
