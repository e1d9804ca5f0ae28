"""The training loop, to be read top to bottom.

An epoch's order, its crops and its dropout follow from ``(seed, epoch)`` alone, and a checkpoint is written between
epochs; a run that was stopped goes on from its last checkpoint and ends with the same weights to the last bit (on CPU;
GPU kernels may add in another order).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn
from torch.nn import functional as F
from torch.utils.tensorboard import SummaryWriter

from finegym.datasets.recognition import EpochBatches, EvaluationClips, TrainingClips
from finegym.errors import VideoError
from finegym.evaluation.recognition import compute_mean_class_accuracy
from finegym.training.averaging import build_average, share_statistics
from finegym.training.compiling import compile_forward
from finegym.training.inference import check_batch, compute_logits
from finegym.training.loading import BadClips, ClipLoader
from finegym.training.mixing import Mixing
from finegym.training.parameter_groups import LEARNING_RATE_FACTOR, hold_frozen_norms
from finegym.training.progress import Progress
from finegym.training.run_folder import RunFolder
from finegym.training.state import derive_seed, describe_kept, export_state, restore_state, write_scalars
from finegym.training.stepping import Stepper, iterate_groups
from finegym.training.tally import EpochTally


def fit(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    training: TrainingClips,
    evaluation: EvaluationClips | None,
    run: RunFolder,
    accelerator: Accelerator,
    *,
    get_learning_rate: Callable[[float], float],
    loss_function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = F.cross_entropy,
    sampling_power: float = 1.0,
    mixing: Mixing = Mixing(),
    epochs: int,
    stop_after: int | None = None,
    batch_size: int,
    accumulate: int = 1,
    batch_size_test: int,
    workers: int,
    seed: int,
    max_gradient_norm: float,
    ema_decay: float = 0.0,
    compiles: bool = False,
    max_bad_clips: int = 0,
    halve_on_oom: bool = False,
    evaluate_every: int,
    checkpoint_every: int,
    keep_checkpoints: int,
    checkpoint_facts: dict[str, Any],
    resumed: dict[str, Any] | None = None,
    is_done: Callable[[dict[str, Any]], bool] | None = None,
    after_checkpoint: Callable[[], None] | None = None,
) -> None:
    """Train a classifier of clips, and keep what it did in the run folder.

    Args:
        model: maps what the view of the clips gives, float32, to logits (B, K).
        optimizer: over its parameters.
        training: clips to learn from.
        evaluation: clips to look at every ``evaluate_every`` epochs; nothing is chosen by them.
        run: where metrics and checkpoints go.
        accelerator: device, mixed precision, processes.
        get_learning_rate: of the progress in epochs; groups of the optimizer take it times their
            ``learning_rate_factor``.
        loss_function: of float32 logits (B, K) and targets: classes (B,), or float (B, K) where clips are mixed.
            Validation's loss is cross entropy.
        sampling_power: how often an epoch shows each class, see ``finegym.datasets.balancing``.
        mixing: how training clips are mixed.
        epochs: to have done at the end.
        stop_after: stop once this many epochs are done, as if interrupted; ``None`` goes on to the end.
        batch_size: clips that are computed at once, a process.
        accumulate: so many batches make a step.
        batch_size_test: clips a step and process in evaluation.
        workers: loader processes a process.
        seed: of the run.
        max_gradient_norm: gradients are scaled down to it; 0 leaves them.
        ema_decay: of the moving average of the weights that is then evaluated and kept; 0: the weights themselves.
        compiles: train with ``torch.compile``.
        max_bad_clips: different clips that cannot be read and that the run may do without.
        halve_on_oom: whether a batch may be computed in parts where it does not fit in memory.
        evaluate_every: epochs; 0 never.
        checkpoint_every: epochs; the last is always kept.
        keep_checkpoints: how many.
        checkpoint_facts: kept in every checkpoint.
        resumed: the checkpoint to go on from; its weights are in ``model`` already.
        is_done: asked with an epoch's line of metrics; says whether to end before ``epochs``; ``None`` never does.
        after_checkpoint: called in the first process once a checkpoint, and all lines of metrics up to it, are written.

    Raises:
        ConfigError: the loss is not finite (the message names epoch and iteration), a batch does not fit in memory, or
            the model cannot be compiled.
        VideoError: more clips than permitted cannot be read.
        OutputError: metrics or a checkpoint cannot be written.
    """
    device, rank, num_processes = accelerator.device, accelerator.process_index, accelerator.num_processes
    batches = EpochBatches(
        len(training),
        batch_size,
        seed=seed,
        rank=rank,
        num_processes=num_processes,
        class_indices=training.selection.class_indices,
        power=sampling_power,
    )
    steps_per_epoch = -(-len(batches) // accumulate)
    bad_clips, load = BadClips(max_bad_clips), {"workers": workers, "pin_memory": device.type == "cuda"}
    loader = ClipLoader(training, batches, bad_clips, **load)
    evaluation_loader = None
    if evaluation is not None and evaluate_every:
        places = range(rank, len(evaluation), num_processes)
        chunks = [list(places[start : start + batch_size_test]) for start in range(0, len(places), batch_size_test)]
        evaluation_loader = ClipLoader(evaluation, chunks, bad_clips, **load)
    model, optimizer = accelerator.prepare(model, optimizer)
    # Without accelerate's own wrapper, evaluation is in float32; training says itself where it is not.
    plain_model = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    average = build_average(plain_model, ema_decay)
    start_epoch = 0
    if resumed is not None:
        start_epoch = resumed["epochs_done"]
        restore_state(resumed, plain_model, average, optimizer, accelerator)
    end = epochs if stop_after is None else min(epochs, stop_after)
    stepper = Stepper(
        model,
        compile_forward(model) if compiles else model,
        optimizer,
        accelerator,
        training.view,
        loss_function,
        mixing,
        max_gradient_norm,
        halve_on_oom,
        lambda: describe_kept(run),
    )

    with ExitStack() as stack:
        progress = Progress("training", (end - start_epoch) * steps_per_epoch, show=accelerator.is_main_process)
        stack.enter_context(progress)
        writer = None
        if accelerator.is_main_process:
            writer = SummaryWriter(str(run.tensorboard_path), purge_step=start_epoch * steps_per_epoch)
            stack.callback(writer.close)
        for epoch in range(start_epoch, end):
            batches.epoch = epoch
            torch.manual_seed(derive_seed(seed, epoch, rank))
            model.train()
            hold_frozen_norms(model)
            tally, start, waited = EpochTally(), time.perf_counter(), 0.0
            asked = start
            for iteration, group in enumerate(iterate_groups(loader, accumulate)):
                waited += time.perf_counter() - asked
                step = epoch * steps_per_epoch + iteration + 1
                learning_rate = get_learning_rate(epoch + iteration / steps_per_epoch)
                for parameters in optimizer.param_groups:
                    parameters["lr"] = learning_rate * parameters.get(LEARNING_RATE_FACTOR, 1.0)

                seeds = {n: (seed, epoch, iteration * accumulate + n, rank) for n in range(len(group))}
                sound = {n: check_batch(batch) for n, batch in enumerate(group) if len(batch.places)}
                if num_processes > 1 and len(sound) < len(group):
                    raise VideoError(
                        "no clip of a batch can be read; with several processes no step can do without one"
                    )
                if sound:
                    where = f"epoch {epoch + 1}, iteration {iteration + 1}"
                    taken = stepper.take(list(sound.values()), [seeds[n] for n in sound], where)
                    if average is not None:
                        average.update_parameters(plain_model)
                    tally.add(taken, group)
                    if accelerator.is_main_process:
                        values = {"loss": taken.loss, "learning_rate": learning_rate}
                        values["gradient_norm"] = taken.gradient_norm
                        run.append_metrics(kind="step", epoch=epoch + 1, step=step, **values)
                        write_scalars(writer, values, step)
                    progress.advance(f"epoch {epoch + 1}/{epochs}, loss {taken.loss:.3f}")
                asked = time.perf_counter()

            summary = tally.summarise(time.perf_counter() - start, waited)
            summary |= {"learning_rate": learning_rate, "num_left_out": batches.num_left_out}
            if stepper.num_parts > 1:
                summary["num_parts"] = stepper.num_parts
            is_last = epoch + 1 == epochs
            if evaluation_loader is not None and ((epoch + 1) % evaluate_every == 0 or is_last):
                assert evaluation is not None
                if average is not None:
                    share_statistics(average, num_processes)
                evaluated = model if average is None else average.module
                summary |= _evaluate(evaluated, evaluation, evaluation_loader, device)
            summary |= _gather_bad_clips(bad_clips)
            stops = is_done is not None and is_done(summary)
            if accelerator.is_main_process:
                run.append_metrics(kind="epoch", epoch=epoch + 1, step=step, **summary)
                write_scalars(writer, summary, step)
                if (epoch + 1) % checkpoint_every == 0 or is_last or epoch + 1 == end or stops:
                    state = export_state(plain_model, average, optimizer, accelerator)
                    run.write_checkpoint(epoch + 1, checkpoint_facts | state, keep_checkpoints)
                    if after_checkpoint is not None:
                        after_checkpoint()
            accelerator.wait_for_everyone()
            if stops:
                break


def _evaluate(
    model: nn.Module, evaluation: EvaluationClips, loader: ClipLoader, device: torch.device
) -> dict[str, float]:
    """Loss and accuracies on the clips of all processes."""
    sound = (batch for batch in loader if len(batch.places))
    parts = gather_object([compute_logits(model, sound, evaluation.view, device=device)])
    places, logits = (np.concatenate([getattr(part, name) for part in parts]) for name in ("places", "logits"))
    targets = evaluation.selection.class_indices[places]
    loss = F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(targets)).item()
    is_correct = logits.argmax(axis=1) == targets
    count = np.bincount(targets, minlength=logits.shape[1])
    correct = np.bincount(targets[is_correct], minlength=logits.shape[1])
    return {
        "val_loss": loss,
        "val_top1_accuracy": float(is_correct.mean()),
        "val_mean_class_accuracy": float(compute_mean_class_accuracy(correct, count)),
        "val_num_instances": len(targets),
    }


def _gather_bad_clips(bad_clips: BadClips) -> dict[str, Any]:
    """Clips that could not be read so far, of all processes, each with the reason; nothing where there are none."""
    for reasons in gather_object([dict(bad_clips.reasons)]):
        bad_clips.add(f"{instance_id}: {reason}" for instance_id, reason in reasons.items())
    reasons = dict(sorted(bad_clips.reasons.items()))
    return {"num_bad_clips": len(reasons), "bad_clips": reasons} if reasons else {}
