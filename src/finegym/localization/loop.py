"""The training loop of all localizers, to be read top to bottom.

An epoch's order and samples follow from ``(seed, epoch)`` alone, and a checkpoint is written between epochs; a run that
was stopped goes on from its last checkpoint and ends with the same weights to the last bit (on CPU; GPU kernels may add
in another order).
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from typing import Any

import torch
from accelerate import Accelerator
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard import SummaryWriter

from finegym.datasets.recognition import EpochBatches
from finegym.errors import ConfigError
from finegym.localization.loading import build_loader
from finegym.localization.localizer import Batch, Localizer, TrainingSamples
from finegym.training.averaging import build_average, share_statistics
from finegym.training.parameter_groups import LEARNING_RATE_FACTOR
from finegym.training.progress import Progress
from finegym.training.run_folder import RunFiles
from finegym.training.state import derive_seed, describe_kept, export_state, restore_state, write_scalars
from finegym.training.stepping import iterate_groups


def fit(
    localizer: Localizer,
    optimizer: torch.optim.Optimizer,
    samples: TrainingSamples,
    evaluate: Callable[[Localizer], dict[str, Any]] | None,
    run: RunFiles[Any],
    accelerator: Accelerator,
    *,
    get_learning_rate: Callable[[float], float],
    epochs: int,
    stop_after: int | None = None,
    batch_size: int,
    accumulate: int = 1,
    workers: int = 0,
    seed: int = 0,
    max_gradient_norm: float = 0.0,
    ema_decay: float = 0.0,
    evaluate_every: int = 1,
    checkpoint_every: int = 1,
    keep_checkpoints: int = 2,
    checkpoint_facts: dict[str, Any],
    resumed: dict[str, Any] | None = None,
) -> None:
    """Train a localizer, and keep what it did in the run folder.

    Args:
        localizer: gives the losses of a batch.
        optimizer: over its parameters.
        samples: what an epoch learns from.
        evaluate: measures the localizer (in evaluation mode), in numbers for the metrics; nothing is chosen by them.
            Called in every process.
        run: where metrics and checkpoints go.
        accelerator: device, mixed precision, processes.
        get_learning_rate: of the progress in epochs.
        epochs: to have done at the end.
        stop_after: stop once this many epochs are done, as if interrupted; ``None`` goes on to the end.
        batch_size: samples that are computed at once, a process.
        accumulate: so many batches make a step.
        workers: loader processes a process.
        seed: of the run.
        max_gradient_norm: gradients are scaled down to it; 0 leaves them.
        ema_decay: of the moving average of the weights that is then evaluated and kept; 0: the weights themselves.
        evaluate_every: epochs; 0 never.
        checkpoint_every: epochs; the last is always kept.
        keep_checkpoints: how many.
        checkpoint_facts: kept in every checkpoint.
        resumed: the checkpoint to go on from; its weights are in ``localizer`` already.

    Raises:
        ConfigError: a loss is not finite (the message names it, epoch and iteration).
        FeatureError: snippets cannot be read.
        OutputError: metrics or a checkpoint cannot be written.
    """
    rank, num_processes = accelerator.process_index, accelerator.num_processes
    batches = EpochBatches(len(samples), batch_size, seed=seed, rank=rank, num_processes=num_processes)
    steps_per_epoch = -(-len(batches) // accumulate)
    loader = build_loader(samples, batches, seed=seed, workers=workers, pin_memory=accelerator.device.type == "cuda")
    model, optimizer = accelerator.prepare(localizer, optimizer)
    plain_model: Localizer = accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    average = build_average(plain_model, ema_decay)
    start_epoch = 0
    if resumed is not None:
        start_epoch = resumed["epochs_done"]
        restore_state(resumed, plain_model, average, optimizer, accelerator)
    end = epochs if stop_after is None else min(epochs, stop_after)
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
            totals: Counter[str] = Counter()
            start = time.perf_counter()
            for iteration, group in enumerate(iterate_groups(loader, accumulate)):
                step = epoch * steps_per_epoch + iteration + 1
                learning_rate = get_learning_rate(epoch + iteration / steps_per_epoch)
                for parameters in optimizer.param_groups:
                    parameters["lr"] = learning_rate * parameters.get(LEARNING_RATE_FACTOR, 1.0)
                losses = _add_gradients(model, optimizer, group, accelerator)
                bad = [name for name, value in losses.items() if not math.isfinite(value)]
                if bad:  # the last is named, as the first is their sum
                    raise ConfigError(
                        f"loss {bad[-1]} is {losses[bad[-1]]} in epoch {epoch + 1}, iteration {iteration + 1} "
                        f"(learning rate {learning_rate:g}). Lower optim.learning_rate or optim.max_gradient_norm"
                        f"{describe_kept(run)}."
                    )
                norm = float(accelerator.clip_grad_norm_(model.parameters(), max_gradient_norm or math.inf))
                optimizer.step()
                if average is not None:
                    average.update_parameters(plain_model)
                totals.update(losses)
                if accelerator.is_main_process:
                    values = {**losses, "learning_rate": learning_rate, "gradient_norm": norm}
                    run.append_metrics(kind="step", epoch=epoch + 1, step=step, **values)
                    write_scalars(writer, values, step)
                progress.advance(f"epoch {epoch + 1}/{epochs}, loss {losses['loss']:.3f}")
            seconds = time.perf_counter() - start
            summary: dict[str, Any] = {f"train_{name}": total / steps_per_epoch for name, total in totals.items()}
            summary |= {"num_samples": len(samples) - batches.num_left_out, "num_left_out": batches.num_left_out}
            summary |= {"learning_rate": learning_rate, "seconds": seconds}
            is_last = epoch + 1 == epochs
            if evaluate is not None and evaluate_every and ((epoch + 1) % evaluate_every == 0 or is_last):
                summary |= evaluate(_choose_evaluated(plain_model, average, num_processes))
            if accelerator.is_main_process:
                run.append_metrics(kind="epoch", epoch=epoch + 1, step=step, **summary)
                write_scalars(writer, summary, step)
                if (epoch + 1) % checkpoint_every == 0 or is_last or epoch + 1 == end:
                    state = export_state(plain_model, average, optimizer, accelerator)
                    run.write_checkpoint(epoch + 1, checkpoint_facts | state, keep_checkpoints)
            accelerator.wait_for_everyone()


def _add_gradients(
    model: Any, optimizer: torch.optim.Optimizer, group: list[Batch], accelerator: Accelerator
) -> dict[str, float]:
    """Gradients of the mean loss over some batches; the losses by name and their sum, of all processes together."""
    optimizer.zero_grad()
    sums: dict[str, torch.Tensor] = {}
    for number, batch in enumerate(group):
        moved = {name: value.to(accelerator.device, non_blocking=True) for name, value in batch.items()}
        # Processes add up their gradients once, with the last batch.
        with nullcontext() if number + 1 == len(group) else accelerator.no_sync(model):
            with accelerator.autocast():
                losses: dict[str, torch.Tensor] = model(moved)
            loss = torch.stack([value.float() for value in losses.values()]).sum() / len(group)
            accelerator.backward(loss)
        for name, value in [("loss", loss), *((name, value / len(group)) for name, value in losses.items())]:
            sums[name] = sums.get(name, 0) + value.detach().float()
    together: torch.Tensor = accelerator.reduce(torch.stack(list(sums.values())), reduction="mean")
    return dict(zip(sums, together.tolist(), strict=True))


def _choose_evaluated(model: Localizer, average: AveragedModel | None, num_processes: int) -> Localizer:
    """What is measured: the average of the weights where there is one, in evaluation mode."""
    if average is None:
        chosen = model
    else:
        share_statistics(average, num_processes)
        chosen = average.module  # type: ignore[assignment]
    chosen.eval()
    return chosen
