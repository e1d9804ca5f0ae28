"""The progress bar of long runs: rate, time left and a word on how it goes, on stderr and only on a terminal."""

from __future__ import annotations

import sys
from types import TracebackType


class Progress:
    """A context manager that draws a bar.

    Args:
        title: in front of the bar.
        total: steps.
        show: False draws nothing (processes other than the first).
    """

    def __init__(self, title: str, total: int, *, show: bool = True) -> None:
        self._bar = None
        if show and total and sys.stderr.isatty():
            from rich import progress
            from rich.console import Console

            self._bar = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeRemainingColumn(),
                progress.TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(title, total=total, note="")

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, note: str = "", steps: int = 1) -> None:
        """One step on, or several."""
        if self._bar:
            self._bar.update(self._task, advance=steps, note=note)
