"""One run from recipe to checkpoint: the entry point behind ``finegym train``."""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from finegym import __version__
from finegym.datasets.balancing import compute_seen_counts
from finegym.datasets.recognition import EvaluationClips, Selection, TrainingClips
from finegym.errors import ConfigError
from finegym.models import Recogniser, count_parameters
from finegym.models.actionvlad import ActionVLAD
from finegym.models.backbones import WeightsReport
from finegym.models.heads import WithHead
from finegym.training.action_words import find_action_words
from finegym.training.build_model import (
    build_model,
    describe_normalisation,
    describe_weights,
    get_network,
    restore_normalisation,
)
from finegym.training.data import RecognitionData, build_view
from finegym.training.flips import build_flip_class_map, describe_flips
from finegym.training.head_arrays import find_head_arrays, format_head_facts
from finegym.training.loop import fit
from finegym.training.losses import build_loss
from finegym.training.mixing import Mixing
from finegym.training.optimizers import build_optimizer, compute_learning_rate
from finegym.training.overfit import (
    MAX_STEPS,
    UnchangedClips,
    describe_clips,
    is_learned,
    make_overfit_recipe,
    select_clips,
)
from finegym.training.parameter_groups import build_parameter_groups, freeze_parameters
from finegym.training.recipe import Recipe
from finegym.training.run_folder import RUN_FORMAT, RunFolder, read_commit
from finegym.training.starting import build_accelerator, say, start_or_resume
from finegym.training.wandb_mirror import open_mirror


def train(
    recipe: Recipe,
    data: RecognitionData,
    out: Path,
    *,
    resume: Literal["auto", "never"] = "auto",
    stop_after: int | None = None,
    overfit: int = 0,
    max_bad_clips: int = 0,
    halve_on_oom: bool = False,
    device: Literal["auto", "cpu"] = "auto",
    wandb_project: str = "",
) -> RunFolder:
    """Train the recipe's model on the data, into a run folder.

    Args:
        recipe: the settings.
        data: instances, classes and frames (``open_data(recipe)``).
        out: the run folder; a run that was begun there with the same recipe goes on.
        resume: ``auto`` goes on from the last checkpoint if there is one; ``never`` refuses a folder that holds a run.
        stop_after: stop once this many epochs are done; a later call goes on.
        overfit: learn so many clips by heart, and nothing else, see ``finegym.training.overfit``; 0 trains the recipe.
        max_bad_clips: different clips that cannot be read and that the run may do without; they are named.
        halve_on_oom: whether batches may be computed in parts where they do not fit in memory; it is said.
        device: ``auto`` takes a GPU where there is one.
        wandb_project: mirror the metrics to this project of Weights & Biases; empty: not.

    Raises:
        ConfigError: the recipe does not fit the data, or the folder holds another run.
        AnnotationError: instances are missing.
        OutputError: the folder cannot be written.
    """
    run = RunFolder(out)
    if run.exists() and resume == "never":
        raise ConfigError(f"{out} holds a run already. Give --resume auto to go on with it, or another --out.")
    if overfit:
        data, recipe = (
            select_clips(data, recipe, overfit),
            make_overfit_recipe(recipe, overfit, stop_after or MAX_STEPS),
        )
    flip_class_map = build_flip_class_map(recipe.data, data)
    selections = {side: data.select(side, recipe.data) for side in ("train", "val")}
    accelerator = build_accelerator(recipe.train.mixed_precision, device)

    if halve_on_oom and accelerator.num_processes > 1:
        raise ConfigError(
            f"--halve-on-oom is for one process, and there are {accelerator.num_processes}: the others would wait for "
            "the one that ran out of memory. Lower train.batch_size and raise train.accumulate by as much."
        )
    torch.manual_seed(recipe.seed)
    classes = [list(pair) for pair in zip(data.class_ids, data.class_names, strict=True)]
    begins = not run.list_checkpoints()
    head = find_head_arrays(recipe.model.head, data)
    model, report = build_model(recipe, len(classes), head=head, load_weights=begins, classes=classes)
    network = get_network(model)
    if run.exists():
        restore_normalisation(model, run.read_facts())
    frozen = freeze_parameters(network, recipe.model.freeze)
    class_counts = np.bincount(selections["train"].class_indices, minlength=len(data.class_ids))
    loss_function = _build_loss(recipe, compute_seen_counts(class_counts, recipe.sampling.power, flip_class_map))
    optimizer = _build_optimizer(recipe, model)
    facts = _collect_facts(recipe, data, selections, model, report, classes, accelerator)
    facts["head"] = format_head_facts(head)
    facts["flip"] = describe_flips(flip_class_map, data.class_ids)
    view = build_view(recipe, data.source, model.normalisation)
    training = TrainingClips(selections["train"], view, flip_class_map=flip_class_map, seed=recipe.seed)
    evaluation = EvaluationClips(selections["val"], view)
    if overfit:
        training = UnchangedClips(selections["train"], view)
        facts["overfit"] = describe_clips(evaluation)
    if begins and isinstance(network, ActionVLAD) and recipe.vlad is not None and recipe.vlad.centres == "k-means":
        facts["action_words"] = _find_words(recipe, network, EvaluationClips(selections["train"], view), accelerator)
    resumed = start_or_resume(run, recipe, facts, model, accelerator, epochs=recipe.schedule.epochs)
    project = wandb_project if accelerator.is_main_process else ""
    with open_mirror(run, project, recipe.name, recipe.model_dump()) as send:
        send()  # what an earlier call did not
        if resumed is not None and resumed["epochs_done"] >= recipe.schedule.epochs:
            say(accelerator, f"{out}: all {recipe.schedule.epochs} epochs are done already; nothing to do")
            return run
        if resumed is not None and overfit and is_learned(run.read_last_epoch()):
            say(accelerator, f"{out}: the clips are learned by heart already; nothing to do")
            return run
        _say_beginning(recipe, data, selections, report, frozen, facts["flip"], accelerator)
        try:
            fit(
                model,
                optimizer,
                training,
                evaluation,
                run,
                accelerator,
                get_learning_rate=_build_schedule(recipe),
                loss_function=loss_function.to(accelerator.device),
                sampling_power=recipe.sampling.power,
                mixing=Mixing(**recipe.mix.model_dump()),
                epochs=recipe.schedule.epochs,
                stop_after=stop_after,
                batch_size=recipe.train.batch_size,
                accumulate=recipe.train.accumulate,
                batch_size_test=recipe.train.batch_size_test,
                workers=recipe.data.workers,
                seed=recipe.seed,
                max_gradient_norm=recipe.optim.max_gradient_norm,
                ema_decay=recipe.train.ema_decay,
                compiles=recipe.train.compile,
                max_bad_clips=max_bad_clips,
                halve_on_oom=halve_on_oom,
                evaluate_every=recipe.train.evaluate_every,
                checkpoint_every=recipe.train.checkpoint_every,
                keep_checkpoints=recipe.train.keep_checkpoints,
                checkpoint_facts={"recipe": recipe.name, "classes": classes, "pixels": facts["pixels"]},
                resumed=resumed,
                is_done=is_learned if overfit else None,
                after_checkpoint=send,
            )
        except KeyboardInterrupt:
            kept = run.list_checkpoints()
            done = f"the checkpoint of epoch {kept[-1][0]} is kept" if kept else "no epoch was finished"
            say(accelerator, f"stopped on request; {done}")
            raise
    for instance_id, reason in run.read_last_epoch().get("bad_clips", {}).items():
        say(accelerator, f"left out, cannot be read: {instance_id}: {reason}")
    return run


def _build_loss(recipe: Recipe, seen_counts: np.ndarray) -> nn.Module:
    """The recipe's loss; ``seen_counts``: how often an epoch shows each class."""
    return build_loss(
        recipe.loss.name,
        seen_counts,
        label_smoothing=recipe.loss.label_smoothing,
        focal_gamma=recipe.loss.focal_gamma,
        tau=recipe.loss.tau,
    )


def _build_optimizer(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimizer, over the model's parameters in groups."""
    return build_optimizer(
        build_parameter_groups(
            model,
            weight_decay=recipe.optim.weight_decay,
            layer_decay=recipe.optim.layer_decay,
            decay_biases_and_norms=recipe.optim.decay_biases_and_norms,
        ),
        recipe.optim.name,
        learning_rate=recipe.optim.learning_rate,
        momentum=recipe.optim.momentum,
        weight_decay=recipe.optim.weight_decay,
    )


def _build_schedule(recipe: Recipe) -> Callable[[float], float]:
    """The recipe's learning rate, of the progress in epochs."""
    return functools.partial(
        compute_learning_rate,
        peak=recipe.optim.learning_rate,
        name=recipe.schedule.name,
        epochs=recipe.schedule.epochs,
        milestones=recipe.schedule.milestones,
        gamma=recipe.schedule.gamma,
        warmup_epochs=recipe.schedule.warmup_epochs,
    )


def _collect_facts(
    recipe: Recipe,
    data: RecognitionData,
    selections: Mapping[str, Selection],
    model: Recogniser | WithHead,
    report: WeightsReport | None,
    classes: list[list[str]],
    accelerator: Accelerator,
) -> dict[str, Any]:
    """What ``run.json`` says of a run before it begins."""
    return {
        "format": RUN_FORMAT,
        "finegym": __version__,
        "commit": read_commit(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": str(accelerator.device),
        "num_processes": accelerator.num_processes,
        "seed": recipe.seed,
        "modality": recipe.data.modality,
        "subset": data.subset,
        **data.facts,
        "classes": classes,
        "num_train": len(selections["train"]),
        "num_val": len(selections["val"]),
        "left_out": {side: dict(selection.left_out) for side, selection in selections.items()},
        "num_parameters": count_parameters(model),
        "num_parameters_trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "weights": describe_weights(recipe.model.weights, report),
        "pixels": describe_normalisation(model),
    }


def _find_words(
    recipe: Recipe, network: ActionVLAD, clips: EvaluationClips, accelerator: Accelerator
) -> dict[str, Any]:
    """Set the action words of ActionVLAD from features of training clips; how many were looked at."""
    assert recipe.vlad is not None, "the recipe was checked"
    found = find_action_words(
        network,
        clips,
        num_features=recipe.vlad.num_features,
        seed=recipe.seed,
        device=accelerator.device,
        batch_size=recipe.train.batch_size_test,
        workers=recipe.data.workers,
        show_progress=accelerator.is_main_process,
    )
    words = f"{recipe.vlad.num_clusters} action words from {found['num_features']} features"
    say(accelerator, f"{words} of {found['num_clips']} clips")
    return found


def _say_beginning(
    recipe: Recipe,
    data: RecognitionData,
    selections: Mapping[str, Selection],
    report: WeightsReport | None,
    frozen: Sequence[str],
    flip: dict[str, Any] | None,
    accelerator: Accelerator,
) -> None:
    """What the user should know before the first step."""
    for side, selection in selections.items():
        if selection.left_out:
            say(
                accelerator,
                f"{side}: {len(selection.left_out)} instances without a clip are left out (run.json lists them)",
            )
    for oddity, count in data.facts.get("features", {}).get("oddities", {}).items():
        say(accelerator, f"{recipe.data.dataset}: {count} {oddity}")
    if report is not None:
        say(accelerator, f"weights: {report}")

    if flip is not None:
        pairs = ", ".join(f"{first} and {second}" for first, second in flip["swapped"][:3])
        swapped = f"{len(flip['swapped'])} pairs of classes change places{f' ({pairs})' if pairs else ''}"
        say(accelerator, f"data.flip: {swapped}, {flip['num_same']} classes stay what they are")
    if frozen:
        say(accelerator, f"model.freeze: {len(frozen)} tensors stand still, {frozen[0]} to {frozen[-1]}")
