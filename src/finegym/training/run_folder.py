"""The run folder: everything that says what a run was, beside what it made.

::

    run/
      recipe.toml          resolved: every field, defaults included
      run.json             versions, commit, seed, hashes of codebook, split and features, classes, counts, weights
      metrics.jsonl        one line a step and one an epoch
      checkpoints/         epoch-0012.pt …
      predictions/         val.parquet …
      tensorboard/
"""

from __future__ import annotations

import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

import finegym
from finegym.errors import ConfigError, OutputError
from finegym.files import replace_file, write_text
from finegym.training import weights_file
from finegym.training.recipe import Recipe, read_recipe
from finegym.training.recipe_sections import Section
from finegym.training.recipe_text import FREE_FIELDS, RECOGNITION, compare_recipes, format_recipe, read_task

RUN_FORMAT = "finegym-run/1"
CHECKPOINT_FORMAT = "finegym-checkpoint/1"
Kind = TypeVar("Kind", bound=Section)


class RunFiles(Generic[Kind]):
    """One run on disk, of whatever kind of recipe.

    Args:
        path: the folder; made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.recipe_path = self.path / "recipe.toml"
        self.facts_path = self.path / "run.json"
        self.metrics_path = self.path / "metrics.jsonl"
        self.checkpoints_path = self.path / "checkpoints"
        self.predictions_path = self.path / "predictions"
        self.tensorboard_path = self.path / "tensorboard"

    def exists(self) -> bool:
        """Whether a run was started here."""
        return self.recipe_path.exists() or self.facts_path.exists()

    def read_recipe(self) -> Kind:
        """The resolved recipe.

        Raises:
            ConfigError: there is no run here, or its recipe is damaged.
        """
        raise NotImplementedError

    def read_task(self) -> str:
        """What the run's model is for: ``recognition``, or the task of a localizer.

        Raises:
            ConfigError: there is no run here, or its recipe is damaged.
        """
        if not self.recipe_path.exists():
            raise ConfigError(
                f"{self.path} is no run: it has no recipe.toml. `finegym train RECIPE --out RUN` makes one."
            )
        return read_task(self.recipe_path)

    def read_facts(self) -> dict[str, Any]:
        """The content of ``run.json``.

        Raises:
            ConfigError: it is missing or damaged.
        """
        try:
            facts: dict[str, Any] = json.loads(self.facts_path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self.facts_path} cannot be read: {error}") from error
        return facts

    def write_start(self, recipe: Kind, facts: dict[str, Any]) -> None:
        """Write recipe and facts, before the first step."""
        write_text(self.facts_path, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
        write_text(self.recipe_path, format_recipe(recipe))

    def check_same(self, recipe: Kind, facts: dict[str, Any]) -> None:
        """Refuse to go on with another recipe, codebook, split or features than the run began with.

        Raises:
            ConfigError: something differs; all of it is named.
        """
        differing = [key for key in compare_recipes(self.read_recipe(), recipe) if key not in FREE_FIELDS]
        if differing:
            raise ConfigError(
                f"{self.path} began with another recipe: {', '.join(differing)} differ. "
                "Give the same recipe to go on, or another --out to start anew."
            )
        before = self.read_facts()
        differing = [key for key in ("codebook", "split", "classes", "features") if before.get(key) != facts.get(key)]
        if differing:
            raise ConfigError(
                f"{self.path} began with another {', '.join(differing)}: the dataset has changed since. "
                "Restore it to go on, or give another --out to start anew."
            )

    # Checkpoints.

    def list_checkpoints(self) -> list[tuple[int, Path]]:
        """(epochs done, file) of every checkpoint, oldest first."""
        found = []
        for path in self.checkpoints_path.glob("epoch-*") if self.checkpoints_path.is_dir() else ():
            match = re.fullmatch(r"epoch-(\d+)\.(pt|safetensors)", path.name)
            if match:
                found.append((int(match[1]), path))
        return sorted(found)

    def find_checkpoint(self, which: str = "last") -> Path:
        """The file of a checkpoint.

        Args:
            which: ``last``, or the number of epochs done.

        Raises:
            ConfigError: there is none; the message lists those there are.
        """
        found = self.list_checkpoints()
        if not found:
            raise ConfigError(f"{self.path} has no checkpoint yet: train it first (`finegym train`)")
        if which == "last":
            return found[-1][1]
        for epochs_done, path in found:
            if which.isdecimal() and epochs_done == int(which):
                return path
        there = ", ".join(str(epochs_done) for epochs_done, _ in found)
        raise ConfigError(f"{self.path} has no checkpoint {which!r}: expected last or one of {there}")

    def write_checkpoint(self, epochs_done: int, content: dict[str, Any], keep: int) -> Path:
        """Write a checkpoint whole or not at all, then delete all but the latest ``keep``."""
        path = self.checkpoints_path / f"epoch-{epochs_done:04d}.pt"
        # Through memory: torch's own writer reports a full disk as an internal error, without its reason.
        buffer = io.BytesIO()
        torch.save({"format": CHECKPOINT_FORMAT, "epochs_done": epochs_done, **content}, buffer)
        with replace_file(path) as temporary:
            temporary.write_bytes(buffer.getvalue())
        for _, old in self.list_checkpoints()[:-keep]:
            old.unlink()
        return path

    # Metrics.

    def append_metrics(self, **values: Any) -> None:
        """Add one line to ``metrics.jsonl``.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            self.metrics_path.parent.mkdir(parents=True, exist_ok=True)
            with self.metrics_path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(values) + "\n")
        except OSError as error:
            raise OutputError(
                f"{self.metrics_path} cannot be written: {error.strerror}. Free space, then resume."
            ) from error

    def read_metrics(self) -> list[dict[str, Any]]:
        """All lines of ``metrics.jsonl``; a last line that was cut off is left out."""
        if not self.metrics_path.exists():
            return []
        lines = self.metrics_path.read_text(encoding="utf-8").splitlines()
        rows = []
        for number, line in enumerate(lines, start=1):
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                if number < len(lines):
                    raise ConfigError(f"{self.metrics_path}, line {number}: not JSON: {line[:60]!r}") from error
        return rows

    def read_last_epoch(self) -> dict[str, Any]:
        """The line of the last epoch done.

        Raises:
            ConfigError: no epoch is done yet.
        """
        epochs = [row for row in self.read_metrics() if row["kind"] == "epoch"]
        if not epochs:
            raise ConfigError(f"{self.path} has no finished epoch yet")
        return epochs[-1]

    def drop_metrics_after(self, epochs_done: int) -> int:
        """Forget the lines of epochs that will be computed again; how many."""
        rows = self.read_metrics()
        kept = [row for row in rows if row["epoch"] <= epochs_done]
        write_text(self.metrics_path, "".join(json.dumps(row) + "\n" for row in kept))
        return len(rows) - len(kept)


class RunFolder(RunFiles[Recipe]):
    """A run of a recogniser on disk."""

    def read_recipe(self) -> Recipe:
        task = self.read_task()
        if task != RECOGNITION:
            raise ConfigError(
                f"{self.path} is a run of a localizer ({task}): expected one of a recogniser. `finegym localize` looks "
                "for things with it."
            )
        return read_recipe(self.recipe_path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint, or the weights that a bundle carries, without running any code in it.

    Raises:
        ConfigError: the file is missing, damaged, or no checkpoint of finegym.
    """
    if path.suffix == weights_file.SUFFIX:
        return weights_file.read_weights(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ConfigError(f"checkpoint {path} does not exist") from error
    except Exception as error:  # torch raises whatever the damaged bytes lead it to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"checkpoint {path} cannot be read: {reason}") from error
    if not isinstance(content, dict) or content.get("format") != CHECKPOINT_FORMAT:
        raise ConfigError(f"{path} is no checkpoint of finegym (expected format {CHECKPOINT_FORMAT})")
    return content


def read_commit() -> str | None:
    """The commit of the checkout that the package runs from, ``+changes`` appended where it has any."""
    folder = Path(finegym.__file__).parent

    def ask(*words: str) -> str | None:
        try:
            result = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return result.stdout.strip() if result.returncode == 0 else None

    # An installed copy inside somebody else's repository is not a checkout of finegym.
    if ask("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit, changes = ask("rev-parse", "HEAD"), ask("status", "--porcelain", "--", ".")
    return commit and commit + ("+changes" if changes else "")
