"""A run's metrics on Weights & Biases too. ``metrics.jsonl`` stays the truth; this is a mirror of it.

Lines are sent once a checkpoint covers their epoch, never before: what may be computed again after a stop has not been
sent, so that a run that is resumed, however often, has every step once. Of what was sent, ``wandb.json`` in the run
folder knows the run's id and the last epoch.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finegym.errors import ConfigError
from finegym.files import write_text
from finegym.training.run_folder import RunFiles

STATE_FILE = "wandb.json"


@contextmanager
def open_mirror(
    run: RunFiles[Any], project: str, name: str, settings: Mapping[str, Any]
) -> Iterator[Callable[[], None]]:
    """Something to call whenever a checkpoint was written; it does nothing where no project is given.

    With ``WANDB_MODE=offline`` in the environment nothing leaves this machine: files come to lie in the run folder, in
    ``wandb/``, for ``wandb sync``. Leaving the context waits for what is on its way.

    Args:
        run: the run folder.
        project: on Weights & Biases; that of a run that was mirrored before.
        name: of the run there.
        settings: of the recipe, nested; they stand beside it.

    Raises:
        ConfigError: wandb is not installed or cannot begin, or the run was mirrored to another project.
    """
    if not project:
        yield lambda: None
        return
    mirror = _Mirror(run, project, name, settings)
    try:
        yield mirror.send
    finally:
        mirror.finish()


class _Mirror:
    def __init__(self, run: RunFiles[Any], project: str, name: str, settings: Mapping[str, Any]) -> None:
        self._run, self._path = run, run.path / STATE_FILE
        if importlib.util.find_spec("wandb") is None:
            raise ConfigError("--wandb needs the package wandb: pip install 'finegym[wandb]'")
        wandb = importlib.import_module("wandb")
        self._state = _read_state(self._path) or {"project": project, "id": secrets.token_hex(4), "epochs_sent": 0}
        if self._state["project"] != project:
            raise ConfigError(
                f"{run.path} was mirrored to project {self._state['project']!r} of Weights & Biases, not {project!r}. "
                f"Give that one, or delete {self._path} to begin there anew."
            )
        try:
            self._mirror = wandb.init(
                project=project,
                id=self._state["id"],
                name=name,
                config=dict(settings),
                dir=str(run.path),
                resume="allow",
                settings=wandb.Settings(console="off", silent=True, save_code=False),
            )
        except (wandb.Error, OSError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ConfigError(
                f"Weights & Biases cannot begin: {reason}. `wandb login` once, or set WANDB_MODE=offline."
            ) from error

    def finish(self) -> None:
        self._mirror.finish()

    def send(self) -> None:
        """Send the lines of all epochs up to the last checkpoint that were not sent yet."""
        kept = self._run.list_checkpoints()
        epochs_done = kept[-1][0] if kept else 0
        for row in self._run.read_metrics():
            if self._state["epochs_sent"] < row["epoch"] <= epochs_done:
                values = {key: value for key, value in row.items() if isinstance(value, int | float) and key != "step"}
                self._mirror.log(values, step=row["step"])
        self._state["epochs_sent"] = max(epochs_done, self._state["epochs_sent"])
        write_text(self._path, json.dumps(self._state) + "\n")


def _read_state(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        return {"project": str(state["project"]), "id": str(state["id"]), "epochs_sent": int(state["epochs_sent"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}. Delete it to mirror the run anew.") from error
