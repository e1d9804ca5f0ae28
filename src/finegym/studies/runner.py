"""Running what is missing of the studies: data, trainings, predictions; then tables and figures.

A run and its predictions are one job of ``finegym.jobs``: in this process, in several, or on a Ray cluster, where every
machine needs the same paths. What is there is not done again, and a training that was stopped goes on from its last
checkpoint.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from finegym.errors import ConfigError, FineGymError, RunError
from finegym.files import write_text
from finegym.jobs import Engine, Tally, run_jobs
from finegym.studies.data import prepare_data
from finegym.studies.results import Results
from finegym.studies.run_store import RunStore
from finegym.studies.sizes import Size
from finegym.studies.study import Need, Outcome, PlannedPrediction, PlannedRun, Study
from finegym.studies.training import predict_one, train_one
from finegym.studies.writing import write_outcome
from finegym.training.gpus import find_gpus

DATA_FOLDER, RESULTS_FOLDER, ERRORS_FOLDER, COST_FILE = "data", "results", "errors", "cost.json"


@dataclass(frozen=True)
class Job:
    """A run with all predictions that are planned of it."""

    run: PlannedRun
    predictions: tuple[PlannedPrediction, ...]


@dataclass
class Ran:
    """What a call of ``run_studies`` came to.

    Attributes:
        runs: trainings and predictions.
        outcomes: of every study.
        failed: studies whose tables could not be made, with the reason.
    """

    runs: Tally[float] = field(default_factory=Tally)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def open_store(size: Size, out: Path, recipes: Path, dataset: Path | None = None) -> RunStore:
    """The runs of a size: under ``out``, on the data given, or on the simulated data beside them."""
    folder = out / size.name
    return RunStore(folder, folder / DATA_FOLDER if dataset is None else dataset, recipes)


def run_studies(
    studies: Sequence[Study],
    size: Size,
    store: RunStore,
    *,
    workers: int = 1,
    engine: Engine = "pool",
    say: Callable[[str], None] = lambda line: None,
) -> Ran:
    """Make what is missing of some studies, and write their tables and figures.

    Args:
        studies: to run.
        size: of them.
        store: where the runs are.
        workers: processes; each has its share of the cores, and one of the GPUs.
        engine: where they run.
        say: told what is done, line by line.

    Raises:
        FineGymError: the data could not be made, or a recipe is not usable. What goes wrong in a single run or study is
            in the answer.
    """
    planned = [each for study in studies for each in study.plan(size)]
    prepare_data(size, store.dataset, find_needs(studies, size), workers=workers, say=say)
    ran = Ran()
    for jobs in sort_jobs(planned, store):
        say(f"{len(jobs)} runs with {sum(len(job.predictions) for job in jobs)} predictions")
        tally = run_jobs(
            jobs,
            partial(do_job, store=store, threads=max(1, torch.get_num_threads() // workers)),
            key=lambda job: store.get_name(job.run),
            is_done=lambda job: is_done(job, store),
            workers=workers,
            engine=engine,
            title="runs",
            gpus=find_gpus(),
        )
        ran.runs.done |= tally.done
        ran.runs.skipped += tally.skipped
        ran.runs.failed |= tally.failed
    results = Results(size, store)
    for study in studies:
        try:
            if study.measure is not None:
                study.measure(results)
            ran.outcomes[study.name] = outcome = study.make(results)
            write_outcome(study, outcome, size, store.folder / RESULTS_FOLDER / study.name)
        except FineGymError as error:
            ran.failed[study.name] = str(error)
    return ran


def find_needs(studies: Sequence[Study], size: Size) -> frozenset[Need]:
    """What of the data any of the studies needs."""
    return frozenset(need for study in studies for need in study.find_needs(size))


def sort_jobs(planned: Sequence[PlannedPrediction], store: RunStore) -> list[list[Job]]:
    """Every run once, by its name, with its predictions; those that begin from others in a later list than these."""
    runs: dict[str, PlannedRun] = {}
    predictions: dict[str, dict[Path, PlannedPrediction]] = {}
    for each in planned:
        run: PlannedRun | None = each.run
        while run is not None:
            runs.setdefault(store.get_name(run), run)
            run = run.start
        predictions.setdefault(store.get_name(each.run), {}).setdefault(store.get_prediction_path(each), each)
    waves: list[list[Job]] = []
    for name, run in runs.items():
        depth = _count_before(run)
        waves += [[] for _ in range(depth + 1 - len(waves))]
        waves[depth].append(Job(run, tuple(predictions.get(name, {}).values())))
    return waves


def _count_before(run: PlannedRun) -> int:
    return 0 if run.start is None else 1 + _count_before(run.start)


def is_done(job: Job, store: RunStore) -> bool:
    """Whether a run is trained to its end and everything is predicted of it."""
    return (store.get_path(job.run) / COST_FILE).is_file() and all(
        store.get_prediction_path(each).is_file() for each in job.predictions
    )


def do_job(job: Job, store: RunStore, threads: int) -> float:
    """Train a run if it is not, predict what is not; CPU seconds.

    Raises:
        FineGymError: it cannot be done here. Out of memory is one of these, and so is a bug, whose traceback is kept:
            a night of other runs is not lost for it.
    """
    path = store.folder / ERRORS_FOLDER / f"{store.get_name(job.run)}.txt"
    try:
        seconds = _train_and_predict(job, store, threads)
    except FineGymError:
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ConfigError(
            f"out of memory ({_get_first_line(error)}). Fewer --workers, or a larger GPU, may help."
        ) from error
    except Exception as error:
        write_text(path, traceback.format_exc())
        what = f"{type(error).__name__}: {_get_first_line(error)}"
        raise RunError(f"broke down with {what}. The traceback is in {path}; please report it.") from error
    path.unlink(missing_ok=True)  # of an earlier try
    return seconds


def _get_first_line(error: BaseException) -> str:
    """What an error says, in a line; some say nothing, and torch says much."""
    return next(iter(str(error).strip().splitlines()), "no more is said")


def _train_and_predict(job: Job, store: RunStore, threads: int) -> float:
    torch.set_num_threads(threads)
    path, before = store.get_path(job.run), _read_cpu_seconds()
    recipe = store.resolve(job.run)
    print(f"run {path.name}", file=sys.stderr)  # what training says follows it
    if not (path / COST_FILE).is_file():
        began, is_whole = time.perf_counter(), not path.exists()
        train_one(recipe, path)
        cost = {
            "cpu_s": round(_read_cpu_seconds() - before, 2),
            "wall_s": round(time.perf_counter() - began, 2),
            "is_whole": is_whole,  # false: of the part after a training was stopped
            "threads": threads,
            "device": "cuda" if torch.cuda.is_available() else "cpu",
        }
        write_text(path / COST_FILE, json.dumps(cost) + "\n")
    for each in job.predictions:
        out = store.get_prediction_path(each)
        if not out.is_file():
            predict_one(each, path, out)
    return _read_cpu_seconds() - before


def _read_cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
