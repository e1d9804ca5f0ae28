"""Long work as a list of independent, resumable items, with progress and a tally.

A job is a list of items, a key for each, a function that does one, and (optionally) a test whether one is done already.
Items run in this process, in a pool of processes, or on a Ray cluster; what fails is counted and named, the rest goes
on.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from finegym.errors import FineGymError

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

Item = TypeVar("Item")
Result = TypeVar("Result")
Engine = Literal["pool", "ray"]


@dataclass
class Tally(Generic[Result]):
    """What became of every item of a job, by key."""

    done: dict[str, Result] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        text = f"done {len(self.done)}, skipped {len(self.skipped)} (already there), failed {len(self.failed)}"
        return text + "".join(f"\n  failed {key}: {reason}" for key, reason in self.failed.items())


def run_jobs(
    items: Sequence[Item],
    do: Callable[[Item], Result],
    *,
    key: Callable[[Item], str],
    is_done: Callable[[Item], bool] = lambda item: False,
    workers: int = 1,
    engine: Engine = "pool",
    title: str = "working",
    show_progress: bool = True,
    is_safe: bool = True,
    gpus: Sequence[str] | None = None,
) -> Tally[Result]:
    """Run ``do`` on every item that is not done yet.

    Args:
        items: what to do; keys must be unique.
        do: does one item; must be importable (a module-level function or a partial of one) when ``workers > 1``.
            It writes to a temporary name and renames, so that a killed run leaves nothing half-written.
        key: the name of an item in progress and tally.
        is_done: whether an earlier run has finished the item.
        workers: processes; 1 runs in this one.
        engine: ``pool``: processes of this machine; ``ray``: a Ray cluster, see ``ray_engine``.
        title: shown beside the progress bar, which goes to stderr and only to a terminal.
        show_progress: False for callers that draw their own.
        is_safe: whether a single item may run in this process although there are several ``workers``; False where it
            may bring its process down.
        gpus: for work that uses GPUs: those of this machine, as ``CUDA_VISIBLE_DEVICES`` names them. A process of a
            pool sees one of them, in turn; on Ray an item asks for one, where the cluster has any.

    Returns:
        The tally. A ``FineGymError`` of one item is recorded under ``failed`` and the others go on; any other exception
        is a bug and is raised. In a pool, an item whose process dies is failed too. Ctrl-C stops cleanly: finished
        items stay finished.
    """
    keys = [key(item) for item in items]
    assert len(set(keys)) == len(keys), "job keys must be unique"
    tally: Tally[Result] = Tally()
    pending = []
    for name, item in zip(keys, items, strict=True):
        if is_done(item):
            tally.skipped.append(name)
        else:
            pending.append((name, item))
    with _Progress(title, len(pending), show_progress) as progress:
        if engine == "ray" and pending:
            from finegym.ray_engine import run_on_ray

            for name, result, reason in run_on_ray(pending, do, workers, uses_gpus=gpus is not None):
                if reason:
                    tally.failed[name] = reason
                else:
                    tally.done[name] = result
                progress.advance()
        elif workers <= 1 or (len(pending) <= 1 and is_safe):
            for name, item in pending:
                try:
                    tally.done[name] = do(item)
                except FineGymError as error:
                    tally.failed[name] = str(error)
                progress.advance()
        else:
            _run_in_pool(pending, do, workers, tally, progress, gpus)
    return tally


def _run_in_pool(
    pending: list[tuple[str, Item]],
    do: Callable[[Item], Result],
    workers: int,
    tally: Tally[Result],
    progress: _Progress,
    gpus: Sequence[str] | None,
) -> None:
    while pending:
        left = _run_together(pending, do, workers, tally, progress, gpus)
        # A process died: the item is among those that were running or next in line. Each of them gets one of its own.
        num_suspects = 2 * workers + 1
        for name, item in left[:num_suspects]:
            if _run_together([(name, item)], do, 1, tally, progress, gpus):
                tally.failed[name] = "its process died: killed (out of memory?), or a library crashed"
                progress.advance()
        pending = left[num_suspects:]


def _run_together(
    pending: list[tuple[str, Item]],
    do: Callable[[Item], Result],
    workers: int,
    tally: Tally[Result],
    progress: _Progress,
    gpus: Sequence[str] | None,
) -> list[tuple[str, Item]]:
    """Run items in a pool; what is left of them, in order, if one of its processes died."""
    # spawn: PyAV, OpenCV and torch hold threads that do not survive a fork.
    context = multiprocessing.get_context("spawn")
    threads = max(1, count_cores() // workers)
    start = (_start_worker, (context.Value("i", 0), tuple(gpus or ()), threads))
    with ProcessPoolExecutor(min(workers, len(pending)), context, *start) as pool:
        futures: dict[Future[Result], str] = {pool.submit(do, item): name for name, item in pending}
        waiting = set(futures)
        try:
            while waiting:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    try:
                        tally.done[futures[future]] = future.result()
                    except FineGymError as error:
                        tally.failed[futures[future]] = str(error)
                    except BrokenProcessPool:
                        continue
                    progress.advance()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [(name, item) for name, item in pending if name not in tally.done and name not in tally.failed]


def count_cores() -> int:
    """CPU cores that this process may use: in a container or under a scheduler not all of the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker(num_started: Synchronized[int], gpus: Sequence[str], threads: int) -> None:
    """In a worker, before it does anything: its share of cores, one GPU, and not to outlive who gives it work."""
    # Read by torch when it is loaded, which would take all cores in every worker: they get in each other's way.
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    if gpus:
        with num_started.get_lock():
            os.environ["CUDA_VISIBLE_DEVICES"] = gpus[num_started.value % len(gpus)]
            num_started.value += 1
    _die_with_parent()


def _die_with_parent() -> None:
    """In a worker: stop when the process that gave the work is gone, killed included; its items are done anew."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "only a worker has a parent"

    def watch(sentinel: int) -> None:
        multiprocessing.connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


class _Progress:
    """A rich progress bar on stderr; silent where stderr is no terminal."""

    def __init__(self, title: str, total: int, show: bool) -> None:
        self._bar = None
        if show and total and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task(title, total=total)

    def __enter__(self) -> _Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self) -> None:
        if self._bar:
            self._bar.advance(self._task)
