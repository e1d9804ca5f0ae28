"""From a recipe to a run: perform the elements, learn to generate, train the judge."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import finegym
from finegym.applications.generation import flow
from finegym.applications.generation.attribute_vector import AttributeSpace, build_space, encode_elements
from finegym.applications.generation.body_error import build_body_error
from finegym.applications.generation.coding import NUM_BODY_VALUES, Scaling, compute_scaling, encode, encode_body
from finegym.applications.generation.held_out import choose_held_out
from finegym.applications.generation.motions import Motions, make_motions
from finegym.applications.generation.recipe import MotionRecipe
from finegym.applications.generation.recogniser import MotionRecogniser, train_recogniser
from finegym.applications.generation.run_folder import (
    RUN_FORMAT,
    Generator,
    MotionRun,
    build_network,
    read_generator,
    write_generator,
    write_judge,
)
from finegym.codebook.model import Codebook
from finegym.codebook.source import open_codebook
from finegym.codebook.yaml_format import write_codebook
from finegym.errors import ConfigError
from finegym.files import check_writable, write_text
from finegym.models.motion_transformer import MotionTransformer
from finegym.training.averaging import build_average, copy_state
from finegym.training.optimizers import compute_learning_rate
from finegym.training.recipe_text import format_recipe
from finegym.training.run_folder import read_commit

EVERY = 50
"""Steps that a line of metrics and of progress sums up."""
TRAIN_SEED, TEST_SEED = 1, 2
"""Added to the recipe's seed in separate streams: nobody who is learnt from performs in the test."""

Say = Callable[[str], None]


def say(line: str) -> None:
    """Progress goes to stderr."""
    print(line, file=sys.stderr, flush=True)


def train_generator(recipe: MotionRecipe, out: Path, *, device: str = "cpu", say: Say = say) -> Generator:
    """Train a generator and its judge into a run folder.

    Args:
        recipe: of both.
        out: the run folder; must not hold a run.
        device: of torch.
        say: is given lines of progress.

    Returns:
        The generator as it was written.

    Raises:
        ConfigError: the folder holds a run, or nothing can be held out of the codebook.
        SimulationError: the codebook has elements that cannot be performed.
        OutputError: a file cannot be written.
    """
    run = MotionRun(out)
    if run.recipe_path.exists():
        raise ConfigError(f"{out} holds a run already. Give another --out.")
    codebook, _ = open_codebook(recipe.data.codebook)
    held_out = choose_held_out(codebook, recipe.data.held_out, recipe.seed)
    if recipe.data.held_out and not held_out:
        raise ConfigError(
            f"data.held_out = {recipe.data.held_out}: no element of {codebook.name} can be left out whose attributes "
            "others have too. Set it to 0."
        )
    check_writable(out)
    write_text(run.recipe_path, format_recipe(recipe))
    write_codebook(codebook, run.codebook_path)
    begin = time.process_time()
    motions = perform_all(codebook, recipe, recipe.data.performances, TRAIN_SEED, say)
    space, scaling = build_space(codebook), compute_scaling(_leave_out(motions, codebook, held_out))
    performed = time.process_time()
    metrics = _Metrics(run.metrics_path, say)
    state = _learn(recipe, codebook, _leave_out(motions, codebook, held_out), space, scaling, device, metrics)
    write_generator(run.generator_path, state, scaling, space)
    learnt = time.process_time()
    write_judge(run.judge_path, _train_judge(recipe, codebook, motions, scaling, device, metrics))
    seconds = {"perform": performed - begin, "generator": learnt - performed, "judge": time.process_time() - learnt}
    write_text(run.facts_path, json.dumps(_describe(recipe, codebook, held_out, motions, seconds), indent=2) + "\n")
    return read_generator(out, device)


def perform_all(codebook: Codebook, recipe: MotionRecipe, count: int, seed: int, say: Say = say) -> Motions:
    """Every element of a codebook so many times, by gymnasts that the seed draws."""

    def notice(done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            say(f"performed {done} of {total} elements, {count} times each")

    ids = [element.id for element in codebook.elements]
    return make_motions(codebook, ids, count, 1000 * recipe.seed + seed, recipe.data.num_frames, notice)


def find_rows(motions: Motions, codebook: Codebook, element_ids: tuple[str, ...]) -> np.ndarray:
    """Which motions are of some elements, bool (N,)."""
    wanted = [index for index, element in enumerate(codebook.elements) if element.id in set(element_ids)]
    return np.isin(motions.element_index, wanted)


def _leave_out(motions: Motions, codebook: Codebook, element_ids: tuple[str, ...]) -> Motions:
    return motions.take(~find_rows(motions, codebook, element_ids))


def _learn(
    recipe: MotionRecipe,
    codebook: Codebook,
    motions: Motions,
    space: AttributeSpace,
    scaling: Scaling,
    device: str,
    metrics: _Metrics,
) -> dict[str, torch.Tensor]:
    """The averaged weights of a generator."""
    train, optim = recipe.train, recipe.optim
    torch.manual_seed(recipe.seed)
    network: MotionTransformer = build_network(recipe, space.size).to(device).train()
    average = build_average(network, train.ema_decay)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=optim.learning_rate, betas=(0.9, 0.95), weight_decay=optim.weight_decay
    )
    clean = torch.from_numpy(encode(motions, scaling))
    attributes = torch.from_numpy(encode_elements(space, codebook))[motions.element_index]
    chance = torch.Generator().manual_seed(recipe.seed)
    compute_error = build_body_error(
        scaling, place=train.place_weight, step=train.step_weight, hold=train.hold_weight, device=device
    )
    for step in range(train.steps):
        rate = compute_learning_rate(
            step, peak=optim.learning_rate, name="cosine", epochs=train.steps, warmup_epochs=optim.warmup_steps
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows = torch.randint(len(clean), (train.batch_size,), generator=chance)
        loss = flow.compute_loss(
            network, clean[rows].to(device), attributes[rows].to(device), chance,
            drop=train.drop_attributes, shift=train.time_shift, compute_error=compute_error,
        )  # fmt: skip
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), optim.max_gradient_norm)
        optimizer.step()
        if average is not None:
            average.update_parameters(network)
        metrics.note("generator", step + 1, train.steps, loss.item())
    return copy_state(network if average is None else average.module)


def _train_judge(
    recipe: MotionRecipe, codebook: Codebook, motions: Motions, scaling: Scaling, device: str, metrics: _Metrics
) -> MotionRecogniser:
    judge = recipe.judge
    torch.manual_seed(recipe.seed)
    model = MotionRecogniser(NUM_BODY_VALUES, len(codebook.elements), judge.width).to(device)
    train_recogniser(
        model, encode_body(motions, scaling), motions.element_index,
        steps=judge.steps, batch_size=judge.batch_size, learning_rate=judge.learning_rate, jitter=judge.jitter,
        seed=recipe.seed, notice=lambda step, loss: metrics.note("judge", step, judge.steps, loss),
    )  # fmt: skip
    return model


class _Metrics:
    """Lines of ``metrics.jsonl`` and of progress: mean losses of some steps."""

    def __init__(self, path: Path, say: Say) -> None:
        self.path, self.say = path, say
        self.losses: list[float] = []
        self.lines: list[str] = []

    def note(self, what: str, step: int, steps: int, loss: float) -> None:
        self.losses.append(loss)
        if step % EVERY and step != steps:
            return
        mean = float(np.mean(self.losses))
        self.losses = []
        if not np.isfinite(mean):
            raise ConfigError(f"{what}: the loss is {mean} at step {step}. Lower the learning rate.")
        self.lines.append(json.dumps({"what": what, "step": step, "loss": mean}))
        write_text(self.path, "\n".join(self.lines) + "\n")
        self.say(f"{what}: step {step} of {steps}, loss {mean:.3f}")


def _describe(
    recipe: MotionRecipe, codebook: Codebook, held_out: tuple[str, ...], motions: Motions, seconds: dict[str, float]
) -> dict[str, Any]:
    return {
        "format": RUN_FORMAT,
        "finegym": finegym.__version__,
        "commit": read_commit(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "codebook": {"name": codebook.name, "version": codebook.version, "elements": len(codebook.elements)},
        "simulated": True,
        "seed": recipe.seed,
        "held_out": list(held_out),
        "motions": len(motions),
        "motions_seen_by_generator": int((~find_rows(motions, codebook, held_out)).sum()),
        "cpu_s": {name: round(value, 1) for name, value in seconds.items()},
    }
