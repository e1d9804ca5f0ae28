"""CPU seconds by stage, over all calls that a parse took: those that were stopped count."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from finegym.files import write_text


class Clock:
    """Adds up what stages take, and keeps it in a file, so that the next call goes on from there.

    Attributes:
        path: of the file.
        tell: told the name of every stage when it begins.
        seconds: CPU seconds of this process by stage, of earlier calls included. What a call that was killed outright
            (not stopped by Ctrl-C) spent in its last stage, nobody could write down.
    """

    def __init__(self, path: Path, tell: Callable[[str], None] | None = None) -> None:
        self.path, self.tell = path, tell
        self.seconds: dict[str, float] = _read(path)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a stage; what it took until it failed or was stopped counts too."""
        if self.tell is not None:
            self.tell(name)
        started = time.process_time()
        try:
            yield
        finally:
            spent = time.process_time() - started
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self.path, json.dumps(self.seconds) + "\n")


def _read(path: Path) -> dict[str, float]:
    try:
        return {str(name): float(value) for name, value in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}  # the first call, or a file that a full disk left behind
