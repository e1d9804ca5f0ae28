"""The progress bar of long runs: rate, time left and a word on how it goes, on stderr and only on a terminal.

A program that shows progress in another way (the annotation app's page) follows the bars instead: ``follow_bars``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType

Follower = Callable[[str, int, int], None]
"""Told the title of a bar, the steps that are done, and all of its steps."""
_FOLLOWER: ContextVar[Follower | None] = ContextVar("follower", default=None)


@contextmanager
def follow_bars(follower: Follower) -> Iterator[None]:
    """Tell a function of every step of every bar, also of those that are not drawn; in this thread only."""
    token = _FOLLOWER.set(follower)
    try:
        yield
    finally:
        _FOLLOWER.reset(token)


class Progress:
    """A context manager that draws a bar.

    Args:
        title: in front of the bar.
        total: steps.
        show: False draws nothing (processes other than the first).
    """

    def __init__(self, title: str, total: int, *, show: bool = True) -> None:
        self._title, self._total, self._done = title, total, 0
        self._follower = _FOLLOWER.get()
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
        self._done += steps
        if self._follower:
            self._follower(self._title, self._done, self._total)
        if self._bar:
            self._bar.update(self._task, advance=steps, note=note)
