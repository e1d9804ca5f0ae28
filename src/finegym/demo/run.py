"""The main job as a straight line: from a simulated competition by clips, flow and poses to numbers and a page."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np

from finegym.annotations.audit import Audit, audit_split
from finegym.annotations.check import Finding, check_dataset
from finegym.annotations.folder import read_dataset
from finegym.annotations.model import Dataset
from finegym.annotations.split_generator import make_split
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import find_subset, keep_frequent_classes
from finegym.codebook.builtin import read_builtin
from finegym.demo.features import FLOW_STORE, POSE_STORE, make_flow, make_poses
from finegym.demo.parsing import ParsingOutcome, parse_unseen, simulate_unseen, train_sub_actions
from finegym.demo.plan import LARGEST_SET, Modality, Plan, Task
from finegym.demo.quality import QualityOutcome, control_quality
from finegym.demo.routines import RoutinesOutcome, find_routines, make_snippets
from finegym.errors import SimulationError, VideoError, join_problems
from finegym.evaluation.predictions import Predictions, read_predictions
from finegym.evaluation.report import RecognitionReport, make_recognition_report
from finegym.features.build import FeatureBuild
from finegym.simulation.competition import CompetitionSettings, simulate_competition
from finegym.training.data import open_data
from finegym.training.predict import predict
from finegym.training.recipe import parse_recipe
from finegym.training.run import train
from finegym.training.run_folder import RunFolder
from finegym.video.ingest.record import Record, Settings
from finegym.video.ingest.report import write_reports
from finegym.video.ingest.rules import Rules
from finegym.video.ingest.run import ingest, read_records
from finegym.video.store.build import build_store, make_settings
from finegym.workspace import Workspace

CODEBOOK = "artistic-women"
STORES: dict[Modality, str] = {"rgb": '""', "flow": FLOW_STORE, "pose": POSE_STORE}
RECIPES: dict[Modality, str] = {"rgb": "recipe.toml", "flow": "recipe_flow.toml", "pose": "recipe_pose.toml"}


@dataclass(frozen=True)
class TaskOutcome:
    """What one recognition task came to.

    Attributes:
        task: its settings.
        split: its split of whole records.
        num_left_out: classes left out because they have too few instances.
        audit: what the split leaks.
        run: the run folder.
        predictions: of the val side.
        report: its scores, on its own level, the levels above and inside every event and set.
    """

    task: Task
    split: Split
    num_left_out: int
    audit: Audit
    run: RunFolder
    predictions: Predictions
    report: RecognitionReport


@dataclass(frozen=True)
class Outcome:
    """Everything the report shows.

    Attributes:
        plan: how big the demo was.
        seed: of everything random.
        folder: the simulated competition's dataset folder.
        dataset: its annotations.
        records: what ingest found in each recording, by id.
        findings: of the check.
        quality: what annotators, an exam, consensus and a release came to.
        clip_bytes: size of the clip store.
        flow: the flow of every sub-action.
        poses: the gymnast's pose in every frame of every sub-action.
        tasks: the recognition tasks.
        routines: what looking for the routines of unseen records came to.
        parsing: what the parse of another competition came to.
        seconds: wall time of every step, by name; steps that an earlier run had finished are short.
    """

    plan: Plan
    seed: int
    folder: Path
    dataset: Dataset
    records: dict[str, Record]
    findings: tuple[Finding, ...]
    quality: QualityOutcome
    clip_bytes: int
    flow: FeatureBuild
    poses: FeatureBuild
    tasks: tuple[TaskOutcome, ...]
    routines: RoutinesOutcome
    parsing: ParsingOutcome
    seconds: dict[str, float]


@dataclass
class _Clock:
    """Says what is being done, and remembers how long it took."""

    say: Callable[[str], None]
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self.say(f"{name} …")
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
        self.say(f"{name}: {self.seconds[name]:.1f} s")


def run_demo(out: Path, plan: Plan, *, seed: int, workers: int, say: Callable[[str], None]) -> Path:
    """Run the main job; a run that was stopped goes on where it was.

    Args:
        out: folder for everything.
        plan: how big it is; ``FULL`` or ``QUICK``.
        seed: of the competition, the splits and the training.
        workers: processes for simulating and cutting.
        say: told what is being done, line by line.

    Returns:
        The path of ``report.html``.

    Raises:
        FineGymError: what any of the steps raises.
    """
    from finegym.demo.report import write_report

    clock = _Clock(say)
    folder = out / "competition"
    with clock.step("simulate"):
        settings = plan.make_competition(seed)
        _simulate(settings, folder, workers, say)
    with clock.step("ingest"):
        records = _ingest(folder, min(settings.size), workers, say)
    with clock.step("check"):
        dataset = read_dataset(folder)
        findings = check_dataset(dataset)
        say(f"  {len(dataset.videos)} records, {len(dataset.instances)} sub-actions, {len(findings)} findings")
    with clock.step("quality control"):
        quality = control_quality(dataset, out / "quality", seed=seed, say=say)
    with clock.step("cut clips"):
        clip_settings = make_settings(short_side=plan.clip_short_side)
        build = build_store(dataset, folder, folder / "clips", clip_settings, workers=workers)
        say(f"  clips: {build.tally}")
    with clock.step("flow"):
        flow = make_flow(dataset, folder, plan.clip_short_side, workers=workers)
        say(f"  flow: {flow.tally}")
    with clock.step("poses"):
        poses = make_poses(dataset, folder, workers=workers, say=say)
        say(f"  poses: {poses.tally}")
    tasks = tuple(_run_task(task, dataset, folder, out / "runs", seed, clock) for task in plan.tasks)
    with clock.step("snippets"):
        num_snippets = make_snippets(dataset, folder, workers=workers)
    with clock.step("find routines"):
        routines = find_routines(
            dataset,
            folder,
            out / "runs" / "routines",
            num_snippets=num_snippets,
            epochs=plan.routine_epochs,
            seed=seed,
            say=say,
        )
    parsing = _parse_unseen(plan, dataset, folder, tasks, out, seed, clock)
    outcome = Outcome(
        plan=plan,
        seed=seed,
        folder=folder,
        dataset=dataset,
        records=records,
        findings=findings,
        quality=quality,
        clip_bytes=sum(shard.size_bytes for shard in build.store.shards),
        flow=flow,
        poses=poses,
        tasks=tasks,
        routines=routines,
        parsing=parsing,
        seconds=clock.seconds,
    )
    page = out / "report.html"
    with clock.step("report"):
        write_report(page, outcome)
    return page


def _simulate(settings: CompetitionSettings, folder: Path, workers: int, say: Callable[[str], None]) -> None:
    tally = simulate_competition(settings, read_builtin(CODEBOOK), folder, workers=workers)
    say(f"  records: {tally}")
    if tally.failed:
        raise SimulationError(
            f"{len(tally.failed)} of {settings.num_videos} records failed. Run the same command again."
        )


def _ingest(folder: Path, height: int, workers: int, say: Callable[[str], None]) -> dict[str, Record]:
    """Take the recordings in as if they had come from elsewhere; browser proxies are left to the annotator."""
    workspace = Workspace(folder)
    run = ingest(
        [folder / "records"],
        workspace,
        rules=Rules(min_height=height),
        settings=Settings(proxies=False),
        workers=workers,
    )
    write_reports(workspace, run)
    say(f"  records: {run}; {workspace.report_page}")
    if run.failed:
        raise VideoError(
            f"{len(run.failed)} recordings could not be taken in: {join_problems(list(run.failed.values()))}"
        )
    return read_records(workspace)


def _run_task(task: Task, dataset: Dataset, folder: Path, out: Path, seed: int, clock: _Clock) -> TaskOutcome:
    """Split, train, predict and evaluate one list of classes."""
    name = find_largest_set(dataset) if task.subset == LARGEST_SET else task.subset
    whole = find_subset(name, dataset.codebook)
    subset = keep_frequent_classes(whole, dataset, task.min_instances)
    # A rare class may live in one record only; the report names classes that a side lacks.
    split = make_split(dataset, subset, name, by=("video",), seed=seed, allow_empty_classes=True).split
    write_split(split, folder / "splits" / name, overwrite=True)
    recipe = parse_recipe(
        files("finegym.demo").joinpath(RECIPES[task.modality]).read_text(encoding="utf-8"),
        f"the demo's {RECIPES[task.modality]}",
        (
            f"seed={seed}",
            f"data.dataset={json.dumps(str(folder))}",
            f"data.split={name}",
            f"data.features={STORES[task.modality]}",
            f"data.num_segments={task.num_segments}",
            f"data.num_segments_test={task.num_segments}",
            "data.allow_empty_classes=true",
            f"schedule.epochs={task.epochs}",
        ),
    )
    data = open_data(recipe.data)
    with clock.step(f"train {name}, {task.modality}"):
        run = train(recipe, data, out / f"{name}-{task.modality}")
    with clock.step(f"predict {name}, {task.modality}"):
        path = run.predictions_path / "val.parquet"
        predict(run, recipe, data, path)
    predictions = read_predictions(path)
    report = make_recognition_report(
        predictions, split, dataset, source=str(path), rollup=True, seed=seed, is_simulated=True
    )
    accuracy, num_val = report.levels.results[0].result.top1_accuracy.value, len(split.val)
    clock.say(
        f"  {report.split}, {task.modality}: top-1 {100 * accuracy:.1f} % of {num_val} clips; always saying the most "
        f"frequent class of train would be {100 * compute_majority_accuracy(split):.1f} %"
    )
    return TaskOutcome(task, split, len(whole) - len(subset), audit_split(split, dataset), run, predictions, report)


def _parse_unseen(
    plan: Plan, dataset: Dataset, folder: Path, tasks: Sequence[TaskOutcome], out: Path, seed: int, clock: _Clock
) -> ParsingOutcome:
    """Learn what a parse needs besides the runs that are there, and parse a record of another competition."""
    with clock.step("learn sub-actions"):
        sub_actions = train_sub_actions(
            dataset, folder, out / "runs" / "sub-actions", epochs=plan.sub_action_epochs, seed=seed
        )
    with clock.step("simulate an unseen record"):
        unseen = simulate_unseen(out / "unseen", dataset.codebook, plan.make_unseen(seed))
    with clock.step("parse it"):
        runs = {(task.task.subset, task.task.modality): task.run.path for task in tasks}
        return parse_unseen(
            unseen,
            out,
            actions=out / "runs" / "routines",
            sub_actions=sub_actions,
            recognisers=[runs[each] for each in plan.parsed_by],
            epochs=plan.sub_action_epochs,
            say=clock.say,
        )


def find_largest_set(dataset: Dataset) -> str:
    """The set with the most instances; of equal ones the first in the codebook."""
    counts = Counter(instance.sub_action.set_id for instance in dataset.instances.values())
    return max((set_.id for set_ in dataset.codebook.sets), key=lambda set_id: counts[set_id])


def compute_majority_accuracy(split: Split) -> float:
    """Accuracy on val, 0 to 1, of always saying the most frequent class of train."""
    in_val = np.array(split.count_classes("val"))
    return float(in_val[int(np.argmax(split.count_classes("train")))] / max(1, in_val.sum()))
