"""One run of a localizer from recipe to checkpoint: what ``finegym train`` does with a recipe that has a ``task``."""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from finegym import __version__
from finegym.annotations.folder import CODEBOOK_FILE, is_dataset_folder
from finegym.annotations.splits import read_split
from finegym.errors import ConfigError, FeatureError, join_problems
from finegym.evaluation.localization.detection_map import TIOUS, compute_detection_map
from finegym.files import write_text
from finegym.localization.localizer import Found, Localizer
from finegym.localization.loop import fit
from finegym.localization.methods import METHODS
from finegym.localization.recipe import LocalizationRecipe
from finegym.localization.run_folder import LocalizationRun
from finegym.localization.snippets_source import SnippetSource
from finegym.localization.timelines import SPLITS_FOLDER, Timelines, read_timelines
from finegym.localization.truth import make_detections, make_truth, match_classes
from finegym.models import count_parameters
from finegym.training.data import describe_split, hash_file
from finegym.training.optimizers import build_optimizer, compute_learning_rate
from finegym.training.parameter_groups import build_parameter_groups
from finegym.training.run_folder import RUN_FORMAT, read_commit
from finegym.training.starting import build_accelerator, say, start_or_resume

SHOWN_TIOUS = (0.5, 0.75)


def train(
    recipe: LocalizationRecipe,
    out: Path,
    *,
    resume: Literal["auto", "never"] = "auto",
    stop_after: int | None = None,
    device: Literal["auto", "cpu"] = "auto",
) -> LocalizationRun:
    """Train the recipe's localizer on its dataset, into a run folder.

    Args:
        recipe: the settings.
        out: the run folder; a run that was begun there with the same recipe goes on.
        resume: ``auto`` goes on from the last checkpoint if there is one; ``never`` refuses a folder that holds a run.
        stop_after: stop once this many epochs are done; a later call goes on.
        device: ``auto`` takes a GPU where there is one.

    Raises:
        ConfigError: the recipe does not fit the data, or the folder holds another run.
        AnnotationError: the dataset, its split or its classes do not suit.
        FeatureError: there are no snippets of some timelines.
        OutputError: the folder cannot be written.
    """
    run = LocalizationRun(out)
    if is_dataset_folder(out):  # whose codebook.yaml the run's would replace
        raise ConfigError(f"{out} is a dataset folder. Give another --out.")
    if run.exists() and resume == "never":
        raise ConfigError(f"{out} holds a run already. Give --resume auto to go on with it, or another --out.")
    folder, method = Path(recipe.data.dataset), METHODS[recipe.model.name]
    read = functools.partial(read_timelines, folder, recipe.data.split, task=recipe.task, level=recipe.data.level)
    training, validation = read(side="train"), read(side="val")
    source = method.open_source(folder, recipe)
    check_source(source, training, validation)
    accelerator = build_accelerator(recipe.train.mixed_precision, device)
    torch.manual_seed(recipe.seed)
    localizer = method.build(recipe, training, source.feature_size)
    facts = _collect_facts(recipe, training, validation, source, localizer, accelerator)
    resumed = start_or_resume(run, recipe, facts, localizer, accelerator, epochs=recipe.schedule.epochs)
    if resumed is None and accelerator.is_main_process:
        _keep_codebook(run, folder)
    if resumed is not None and resumed["epochs_done"] >= recipe.schedule.epochs:
        say(accelerator, f"{out}: all {recipe.schedule.epochs} epochs are done already; nothing to do")
        return run
    samples = method.build_samples(recipe, training, source)
    _say_beginning(training, validation, samples.counts, accelerator)
    evaluate = functools.partial(measure, timelines=validation, source=source, accelerator=accelerator)
    try:
        fit(
            localizer,
            _build_optimizer(recipe, localizer),
            samples,
            evaluate if len(validation) else None,
            run,
            accelerator,
            get_learning_rate=_make_learning_rate(recipe),
            epochs=recipe.schedule.epochs,
            stop_after=stop_after,
            workers=recipe.data.workers,
            seed=recipe.seed,
            max_gradient_norm=recipe.optim.max_gradient_norm,
            **recipe.train.model_dump(exclude={"mixed_precision"}),
            checkpoint_facts={"recipe": recipe.name, "classes": facts["classes"]},
            resumed=resumed,
        )
    except KeyboardInterrupt:
        kept = run.list_checkpoints()
        done = f"the checkpoint of epoch {kept[-1][0]} is kept" if kept else "no epoch was finished"
        say(accelerator, f"stopped on request; {done}")
        raise
    return run


def measure(
    localizer: Localizer, *, timelines: Timelines, source: Any, accelerator: Accelerator, prefix: str = "val_"
) -> dict[str, Any]:
    """Detection mAP of a localizer on timelines, which processes share out.

    Returns:
        ``val_map`` (mean over the thresholds of ActivityNet), ``val_map_50`` and ``val_map_75``, counts.
    """
    rank, num_processes = accelerator.process_index, accelerator.num_processes
    places = range(rank, len(timelines), num_processes)
    parts: list[tuple[int, Found]] = []
    with torch.inference_mode():
        for place in places:
            parts.append((place, localizer.detect(timelines.timelines[place], source)))
    together: list[tuple[int, Found]] = gather_object(parts) if num_processes > 1 else parts
    found = [each for _, each in sorted(together, key=lambda part: part[0])]
    truth = make_truth(timelines)
    detections = match_classes(make_detections(found), timelines, truth)
    result = compute_detection_map(truth, detections, TIOUS, ties="first", use_ignored=True)
    mean = dict(zip((round(tiou, 2) for tiou in result.thresholds), result.mean.tolist(), strict=True))
    return {
        f"{prefix}map": result.average,
        **{f"{prefix}map_{round(100 * tiou)}": mean[tiou] for tiou in SHOWN_TIOUS},
        f"{prefix}num_segments": len(truth.class_index),
        f"{prefix}num_detections": len(detections.scores),
    }


def check_source(source: Any, *sides: Timelines) -> None:
    """Whether the source has all timelines, before anything is built.

    Raises:
        FeatureError: some are missing; counted, and the first ones named.
    """
    missing = source.find_missing([timeline for side in sides for timeline in side.timelines])
    if missing:
        named = join_problems([f"{timeline_id}: {reason}" for timeline_id, reason in missing.items()], limit=3)
        raise FeatureError(f"{len(missing)} timelines cannot be looked at: {named}.")


def _collect_facts(
    recipe: LocalizationRecipe,
    training: Timelines,
    validation: Timelines,
    source: Any,
    localizer: Localizer,
    accelerator: Accelerator,
) -> dict[str, Any]:
    """What ``run.json`` says of a run before it begins."""
    folder = Path(recipe.data.dataset)
    split_folder = folder / SPLITS_FOLDER / recipe.data.split
    return {
        "format": RUN_FORMAT,
        "finegym": __version__,
        "commit": read_commit(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": str(accelerator.device),
        "num_processes": accelerator.num_processes,
        "seed": recipe.seed,
        "task": recipe.task,
        "level": recipe.data.level,
        "codebook": {"sha256": hash_file(folder / CODEBOOK_FILE)},
        "split": describe_split(split_folder, read_split(split_folder)),
        "features": source.describe(),
        "feature_origins": source.describe_origins() if isinstance(source, SnippetSource) else [],
        "classes": [[class_.id, class_.name] for class_ in training.classes.classes],
        "num_train": len(training),
        "num_val": len(validation),
        "counts": {"train": dict(training.counts), "val": dict(validation.counts)},
        "num_parameters": count_parameters(localizer),
        "num_parameters_trained": sum(p.numel() for p in localizer.parameters() if p.requires_grad),
    }


def _keep_codebook(run: LocalizationRun, dataset: Path) -> None:
    """What was predicted must be known where the dataset is not."""
    write_text(run.path / CODEBOOK_FILE, (dataset / CODEBOOK_FILE).read_text(encoding="utf-8"))


def _build_optimizer(recipe: LocalizationRecipe, localizer: Localizer) -> torch.optim.Optimizer:
    optim = recipe.optim
    groups = build_parameter_groups(
        localizer, weight_decay=optim.weight_decay, decay_biases_and_norms=optim.decay_biases_and_norms
    )
    return build_optimizer(
        groups,
        optim.name,
        learning_rate=optim.learning_rate,
        momentum=optim.momentum,
        weight_decay=optim.weight_decay,
    )


def _make_learning_rate(recipe: LocalizationRecipe) -> Callable[[float], float]:
    return functools.partial(compute_learning_rate, peak=recipe.optim.learning_rate, **recipe.schedule.model_dump())


def _say_beginning(
    training: Timelines, validation: Timelines, counts: dict[str, int], accelerator: Accelerator
) -> None:
    """What the user should know before the first step."""
    for name, side in (("train", training), ("val", validation)):
        listed = ", ".join(f"{count} {what}" for what, count in side.counts.items())
        say(accelerator, f"{name}: {len(side)} timelines; {listed}")
    if counts:
        say(accelerator, f"samples: {', '.join(f'{count} {what}' for what, count in counts.items())}")
