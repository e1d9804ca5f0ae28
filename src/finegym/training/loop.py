"""The training loop, to be read top to bottom.

An epoch's order, its crops and its dropout follow from ``(seed, epoch)`` alone, and a checkpoint is written between
epochs; a run that was stopped goes on from its last checkpoint and ends with the same weights to the last bit (on CPU;
GPU kernels may add in another order).
"""

from __future__ import annotations

import math
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

from finegym.datasets.recognition import (
    EpochBatches,
    EvaluationClips,
    TrainingClips,
    add_counts,
    build_evaluation_loader,
    build_training_loader,
)
from finegym.errors import ConfigError
from finegym.evaluation.recognition import compute_mean_class_accuracy
from finegym.training.inference import check_batch, compute_logits
from finegym.training.mixing import Mixing, mix_inputs, mix_targets
from finegym.training.parameter_groups import LEARNING_RATE_FACTOR, hold_frozen_norms
from finegym.training.progress import Progress
from finegym.training.run_folder import RunFolder

DROPOUT, MIXING = 2, 3  # streams of random numbers; 0 and 1 are the datasets'


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
    batch_size_test: int,
    workers: int,
    seed: int,
    max_gradient_norm: float,
    evaluate_every: int,
    checkpoint_every: int,
    keep_checkpoints: int,
    checkpoint_facts: dict[str, Any],
    resumed: dict[str, Any] | None = None,
    is_done: Callable[[dict[str, Any]], bool] | None = None,
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
        batch_size: clips a step and process.
        batch_size_test: clips a step and process in evaluation.
        workers: loader processes a process.
        seed: of the run.
        max_gradient_norm: gradients are scaled down to it; 0 leaves them.
        evaluate_every: epochs; 0 never.
        checkpoint_every: epochs; the last is always kept.
        keep_checkpoints: how many.
        checkpoint_facts: kept in every checkpoint.
        resumed: the checkpoint to go on from; its weights are in ``model`` already.
        is_done: asked with an epoch's line of metrics; says whether to end before ``epochs``; ``None`` never does.

    Raises:
        ConfigError: the loss is not finite; the message names epoch and iteration.
        VideoError: a clip cannot be read.
        OutputError: metrics or a checkpoint cannot be written.
    """
    device, pin_memory = accelerator.device, accelerator.device.type == "cuda"
    rank, num_processes = accelerator.process_index, accelerator.num_processes
    batches = EpochBatches(
        len(training),
        batch_size,
        seed=seed,
        rank=rank,
        num_processes=num_processes,
        class_indices=training.selection.class_indices,
        power=sampling_power,
    )
    loader = build_training_loader(training, batches, workers=workers, pin_memory=pin_memory)
    evaluation_loader = None
    if evaluation is not None and evaluate_every:
        evaluation_loader = build_evaluation_loader(
            evaluation,
            range(rank, len(evaluation), num_processes),
            batch_size=batch_size_test,
            workers=workers,
            pin_memory=pin_memory,
        )
    model, optimizer = accelerator.prepare(model, optimizer)
    start_epoch = 0
    if resumed is not None:
        start_epoch = resumed["epochs_done"]
        optimizer.load_state_dict(resumed["optimizer"])
        if accelerator.scaler is not None:
            accelerator.scaler.load_state_dict(resumed["scaler"])
    end = epochs if stop_after is None else min(epochs, stop_after)

    with ExitStack() as stack:
        progress = Progress("training", (end - start_epoch) * len(batches), show=accelerator.is_main_process)
        stack.enter_context(progress)
        writer = None
        if accelerator.is_main_process:
            writer = SummaryWriter(str(run.tensorboard_path), purge_step=start_epoch * len(batches))
            stack.callback(writer.close)
        for epoch in range(start_epoch, end):
            batches.epoch = epoch
            torch.manual_seed(_derive_seed(seed, epoch, rank))
            model.train()
            hold_frozen_norms(model)
            start = time.perf_counter()
            waited, loss_sum, num_correct, num_clips, counts = 0.0, 0.0, 0, 0, {"short_clips": 0}
            seen: set[int] = set()
            asked = time.perf_counter()
            for iteration, batch in enumerate(loader):
                waited += time.perf_counter() - asked
                step = epoch * len(batches) + iteration
                learning_rate = get_learning_rate(epoch + iteration / len(batches))
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate * group.get(LEARNING_RATE_FACTOR, 1.0)

                inputs = check_batch(batch).inputs.to(device, non_blocking=True)  # (B, T, …)
                targets = batch.class_index.to(device, non_blocking=True)  # (B,)
                mix = mixing.draw(inputs.shape, np.random.default_rng([seed, epoch, iteration, rank, MIXING]))
                with accelerator.autocast():
                    inputs = training.view.normalise(inputs)
                    logits = model(inputs if mix is None else mix_inputs(inputs, mix))  # (B, K)
                wanted = targets if mix is None else mix_targets(targets, logits.shape[1], mix)
                loss = loss_function(logits.float(), wanted)

                # Of all processes together, so that every one of them stops when one must.
                loss_value = float(accelerator.reduce(loss.detach(), reduction="mean"))
                if not math.isfinite(loss_value):
                    raise ConfigError(
                        f"loss is {loss_value} in epoch {epoch + 1}, iteration {iteration + 1} (learning rate "
                        f"{learning_rate:g}). Lower optim.learning_rate or optim.max_gradient_norm"
                        f"{_describe_kept(run)}."
                    )
                optimizer.zero_grad()
                accelerator.backward(loss)
                limit = max_gradient_norm or math.inf
                gradient_norm = float(accelerator.clip_grad_norm_(model.parameters(), limit))
                optimizer.step()

                loss_sum += loss_value * len(targets)
                num_correct += int((logits.argmax(dim=1) == targets).sum())
                num_clips, counts = num_clips + len(targets), add_counts([counts, batch.counts])
                seen.update(batch.places.tolist())
                if accelerator.is_main_process:
                    values = {"loss": loss_value, "learning_rate": learning_rate, "gradient_norm": gradient_norm}
                    run.append_metrics(kind="step", epoch=epoch + 1, step=step + 1, **values)
                    _write_scalars(writer, values, step + 1)
                progress.advance(f"epoch {epoch + 1}/{epochs}, loss {loss_value:.3f}")
                asked = time.perf_counter()

            seconds = time.perf_counter() - start
            totals = np.array([loss_sum, num_correct, num_clips], dtype=np.float64)
            loss_sum, num_correct, num_clips = np.sum(gather_object([totals]), axis=0).tolist()
            summary = {
                "train_loss": loss_sum / num_clips,
                "train_top1_accuracy": num_correct / num_clips,
                "learning_rate": learning_rate,
                "num_clips": int(num_clips),
                "num_distinct_clips": len(set().union(*gather_object([seen]))),
                **{f"num_{name}": count for name, count in add_counts(gather_object([counts])).items()},
                "num_left_out": batches.num_left_out,
                "seconds": seconds,
                "clips_per_second": num_clips / seconds,
                "share_waiting_for_data": waited / seconds,
            }
            is_last = epoch + 1 == epochs
            if evaluation_loader is not None and ((epoch + 1) % evaluate_every == 0 or is_last):
                assert evaluation is not None
                summary |= _evaluate(model, evaluation, evaluation_loader, device)
            stops = is_done is not None and is_done(summary)
            if accelerator.is_main_process:
                run.append_metrics(kind="epoch", epoch=epoch + 1, step=step + 1, **summary)
                _write_scalars(writer, summary, step + 1)
                if (epoch + 1) % checkpoint_every == 0 or is_last or epoch + 1 == end or stops:
                    scaler = accelerator.scaler
                    content = {
                        **checkpoint_facts,
                        "model": _copy_state(accelerator.unwrap_model(model)),
                        "optimizer": optimizer.state_dict(),
                        "scaler": None if scaler is None else scaler.state_dict(),
                    }
                    run.write_checkpoint(epoch + 1, content, keep_checkpoints)
            accelerator.wait_for_everyone()
            if stops:
                break


def _evaluate(model: nn.Module, evaluation: EvaluationClips, loader: Any, device: torch.device) -> dict[str, float]:
    """Loss and accuracies on the clips of all processes."""
    parts = gather_object([compute_logits(model, loader, evaluation.view, device=device)])
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


def _derive_seed(seed: int, epoch: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, epoch, rank, DROPOUT]).generate_state(1, np.uint32)[0])


def _describe_kept(run: RunFolder) -> str:
    kept = run.list_checkpoints()
    return f"; the checkpoint of epoch {kept[-1][0]} is kept" if kept else ""


def _copy_state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.detach().cpu() for key, value in model.state_dict().items()}


def _write_scalars(writer: SummaryWriter | None, values: dict[str, Any], step: int) -> None:
    if writer is not None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)
