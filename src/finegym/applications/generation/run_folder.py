"""A generator on disk.

::

    run/
      recipe.toml             resolved: every field, defaults included
      run.json                versions, hash of the codebook, elements held out, counts, seconds
      codebook.yaml           what the attributes are of
      metrics.jsonl           a line every few steps
      generator.safetensors   averaged weights, scaling of the values; what an attribute vector is made of
      judge.safetensors       the recogniser
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from finegym.applications.generation.attribute_vector import AttributeSpace
from finegym.applications.generation.coding import NUM_BODY_VALUES, NUM_VALUES, Scaling
from finegym.applications.generation.recipe import MotionRecipe, read_motion_recipe
from finegym.applications.generation.recogniser import MotionRecogniser
from finegym.codebook.model import Codebook
from finegym.codebook.yaml_format import read_codebook
from finegym.errors import ConfigError
from finegym.files import replace_file
from finegym.models.motion_transformer import MotionTransformer

RUN_FORMAT = "finegym-motion/2"
_KEY = "finegym"


class MotionRun:
    """Paths of a run; ``path`` need not exist."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.recipe_path = self.path / "recipe.toml"
        self.facts_path = self.path / "run.json"
        self.codebook_path = self.path / "codebook.yaml"
        self.metrics_path = self.path / "metrics.jsonl"
        self.generator_path = self.path / "generator.safetensors"
        self.judge_path = self.path / "judge.safetensors"


@dataclass(frozen=True, eq=False)
class Generator:
    """A trained generator with all it needs.

    Attributes:
        recipe: of its run.
        codebook: whose elements it was trained on.
        facts: of ``run.json``.
        space: what its attribute vectors are made of.
        scaling: of its values.
        network: ready to predict, on its device.
    """

    recipe: MotionRecipe
    codebook: Codebook
    facts: dict[str, Any]
    space: AttributeSpace
    scaling: Scaling
    network: MotionTransformer

    @property
    def held_out(self) -> tuple[str, ...]:
        """Ids of the elements that it never saw."""
        return tuple(self.facts["held_out"])


def build_network(recipe: MotionRecipe, num_attributes: int) -> MotionTransformer:
    """The transformer that a recipe describes, with fresh weights."""
    model = recipe.model
    return MotionTransformer(
        NUM_VALUES, recipe.data.num_frames, num_attributes,
        width=model.width, depth=model.depth, num_heads=model.num_heads, patch=model.patch, dropout=model.dropout,
    )  # fmt: skip


def write_generator(path: Path, state: dict[str, torch.Tensor], scaling: Scaling, space: AttributeSpace) -> None:
    """Write a generator's weights, whole or not at all."""
    tensors = {f"network.{name}": value.contiguous().clone() for name, value in state.items()}
    tensors |= {"mean": torch.from_numpy(scaling.mean), "spread": torch.from_numpy(scaling.spread)}
    facts = {
        "format": RUN_FORMAT,
        "kind": "generator",
        "events": space.events,
        "words": space.words,
        "steps": space.steps,
    }
    _write_tensors(path, tensors, facts)


def write_judge(path: Path, model: MotionRecogniser) -> None:
    """Write a judge's weights, whole or not at all."""
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    _write_tensors(path, tensors, {"format": RUN_FORMAT, "kind": "judge"})


def read_generator(path: Path, device: str = "cpu") -> Generator:
    """The generator of a run folder.

    Args:
        path: the folder.
        device: where it computes.

    Raises:
        ConfigError: there is no finished run, or a file is damaged.
    """
    run = MotionRun(path)
    if not run.generator_path.exists():
        raise ConfigError(
            f"{path} holds no generator: it has no {run.generator_path.name}. "
            "`finegym generate train RECIPE --out RUN` makes one."
        )
    recipe, facts = read_motion_recipe(run.recipe_path), _read_facts(run.facts_path)
    tensors, about = _read_tensors(run.generator_path, "generator")
    space = AttributeSpace(
        tuple(about["events"]),
        tuple((name, value) for name, value in about["words"]),
        tuple((name, float(value)) for name, value in about["steps"]),
    )
    scaling = Scaling(tensors["mean"].numpy(), tensors["spread"].numpy())
    network = build_network(recipe, space.size)
    prefix = "network."
    state = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    _load(network, state, run.generator_path)
    return Generator(recipe, read_codebook(run.codebook_path), facts, space, scaling, network.to(device).eval())


def read_judge(path: Path, generator: Generator, device: str = "cpu") -> MotionRecogniser:
    """The recogniser of a run folder, of all elements of the generator's codebook.

    Raises:
        ConfigError: it is missing or damaged.
    """
    file = MotionRun(path).judge_path
    if not file.exists():
        raise ConfigError(f"{path} has no {file.name}: its training did not end. Train it again into another folder.")
    judge = MotionRecogniser(NUM_BODY_VALUES, len(generator.codebook.elements), generator.recipe.judge.width)
    _load(judge, _read_tensors(file, "judge")[0], file)
    return judge.to(device).eval()


def _write_tensors(path: Path, tensors: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
    with replace_file(path) as temporary:
        temporary.write_bytes(save(tensors, {_KEY: json.dumps(facts)}))


def _read_tensors(path: Path, kind: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            facts = json.loads((file.metadata() or {}).get(_KEY, "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise ConfigError(f"weights {path} cannot be read: {error}") from error
    if not isinstance(facts, dict) or (facts.get("format"), facts.get("kind")) != (RUN_FORMAT, kind):
        raise ConfigError(f"{path} holds no {kind} of format {RUN_FORMAT}. Train it again into another folder.")
    return tensors, facts


def _load(model: torch.nn.Module, state: dict[str, torch.Tensor], path: Path) -> None:
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        detail = (str(error).splitlines()[1:2] or [str(error)])[0].strip()
        raise ConfigError(f"weights {path} do not fit the run's recipe: {detail}") from error


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return facts
