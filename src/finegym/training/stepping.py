"""One step of training: forward, backward, clip the gradient, move the weights; of one batch or of several together."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from finegym.datasets.recognition import ClipBatch
from finegym.datasets.views import View
from finegym.errors import ConfigError
from finegym.training.mixing import Mixing, mix_inputs, mix_targets

MIXING = 3  # a stream of random numbers; 0 and 1 are the datasets', 2 is dropout's

Item = TypeVar("Item")


@dataclass(frozen=True)
class Step:
    """What a step saw, in this process.

    Attributes:
        loss: mean over the clips, of all processes together.
        gradient_norm: before clipping.
        num_correct: clips whose class had the highest logit.
        num_clips: seen.
    """

    loss: float
    gradient_norm: float
    num_correct: int
    num_clips: int


@dataclass
class Stepper:
    """Takes steps.

    Attributes:
        model: maps what the view gives, normalised, to logits (B, K), as ``accelerator`` prepared it.
        forward: the model, or what it was compiled to.
        optimizer: over its parameters.
        accelerator: device, mixed precision, processes.
        view: of the clips.
        loss_function: of float32 logits (B, K) and targets.
        mixing: how clips are mixed.
        max_gradient_norm: gradients are scaled down to it; 0 leaves them.
        halve_on_oom: whether batches may be computed in parts where they do not fit in memory.
        describe_kept: says at the end of a message what of the run is kept.
        num_parts: in which a batch is computed now.
    """

    model: nn.Module
    forward: Callable[[torch.Tensor], torch.Tensor]
    optimizer: torch.optim.Optimizer
    accelerator: Accelerator
    view: View
    loss_function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    mixing: Mixing
    max_gradient_norm: float
    halve_on_oom: bool = False
    describe_kept: Callable[[], str] = str
    num_parts: int = field(default=1, init=False)

    def take(self, batches: Sequence[ClipBatch], seeds: Sequence[Sequence[int]], where: str) -> Step:
        """Move the weights by the mean gradient over the clips of some batches.

        Args:
            batches: at least one, each with at least one clip.
            seeds: of each batch's mixing.
            where: for messages: epoch and iteration.

        Raises:
            ConfigError: the loss is not finite (the weights stay), or the batches do not fit in memory.
        """
        while True:
            try:
                loss, num_correct = self._add_gradients(batches, seeds)
                break
            except torch.OutOfMemoryError as error:
                reason = str(error).splitlines()[0]
            # Outside of the except block: the error's traceback holds the tensors that did not fit.
            self._halve(max(len(batch.places) for batch in batches), where, reason)
        if not math.isfinite(loss):
            rate = self.optimizer.param_groups[0]["lr"]
            raise ConfigError(
                f"loss is {loss} in {where} (learning rate {rate:g}). Lower optim.learning_rate or "
                f"optim.max_gradient_norm{self.describe_kept()}."
            )
        limit = self.max_gradient_norm or math.inf
        gradient_norm = float(self.accelerator.clip_grad_norm_(self.model.parameters(), limit))
        self.optimizer.step()
        return Step(loss, gradient_norm, num_correct, sum(len(batch.places) for batch in batches))

    def _add_gradients(self, batches: Sequence[ClipBatch], seeds: Sequence[Sequence[int]]) -> tuple[float, int]:
        """Gradients of the mean loss over all clips; that loss, and how many answers are right."""
        self.optimizer.zero_grad()
        num_clips = sum(len(batch.places) for batch in batches)
        loss_sum = torch.zeros((), device=self.accelerator.device)
        num_correct = torch.zeros((), dtype=torch.int64, device=self.accelerator.device)
        for number, (batch, seed) in enumerate(zip(batches, seeds, strict=True)):
            is_last_batch = number + 1 == len(batches)
            device = self.accelerator.device
            inputs = batch.inputs.to(device, non_blocking=True)  # (B, T, …)
            targets = batch.class_index.to(device, non_blocking=True)  # (B,)
            mix = self.mixing.draw(inputs.shape, np.random.default_rng([*seed, MIXING]))
            with self.accelerator.autocast():
                inputs = self.view.normalise(inputs)
                if mix is not None:
                    inputs = mix_inputs(inputs, mix)
            parts = torch.arange(len(targets)).tensor_split(min(self.num_parts, len(targets)))
            for place, part in enumerate(parts):
                rows = slice(int(part[0]), int(part[-1]) + 1)
                # Processes add up their gradients once, with the last part.
                is_last = is_last_batch and place + 1 == len(parts)
                with nullcontext() if is_last else self.accelerator.no_sync(self.model):
                    with self.accelerator.autocast():
                        logits = self.forward(inputs[rows])  # (b, K)
                    wanted = targets if mix is None else mix_targets(targets, logits.shape[1], mix)
                    loss = self.loss_function(logits.float(), wanted[rows]) * (len(part) / num_clips)
                    self.accelerator.backward(loss)
                loss_sum += loss.detach()
                num_correct += (logits.argmax(dim=1) == targets[rows]).sum()
        # Of all processes together, so that every one of them stops when one must.
        return float(self.accelerator.reduce(loss_sum, reduction="mean")), int(num_correct)

    def _halve(self, batch_size: int, where: str, reason: str) -> None:
        """Compute batches in twice as many parts from now on, or stop."""
        now = -(-batch_size // self.num_parts)
        if not self.halve_on_oom or now == 1:
            remedy = (
                "Take a smaller model, fewer frames or a smaller crop"
                if now == 1
                else ("Lower train.batch_size and raise train.accumulate by as much, or give --halve-on-oom")
            )
            raise ConfigError(
                f"out of memory in {where} with {now} clips at a time ({reason}). {remedy}{self.describe_kept()}."
            )
        self.num_parts *= 2
        if self.accelerator.device.type == "cuda":
            torch.cuda.empty_cache()
        print(
            f"out of memory in {where} with {now} clips at a time ({reason}); going on with "
            f"{-(-batch_size // self.num_parts)} at a time, as --halve-on-oom permits. A step has as many clips as "
            "before; batch norm sees fewer at once",
            file=sys.stderr,
            flush=True,
        )


def iterate_groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of ``size`` items; the last may be shorter.

    Example:
        >>> list(iterate_groups("abcde", 2))
        [['a', 'b'], ['c', 'd'], ['e']]
    """
    group: list[Item] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
