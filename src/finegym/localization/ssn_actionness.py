"""The actionness curve: how sure a small network is, snippet by snippet, that something is going on.

Proposals for training must be of the kind that testing will bring. A network that has seen a record says almost exactly
where its actions are, so training proposals come from networks that have not: records are dealt into folds, and each
fold gets its curves from a network trained on the others. The network that detection uses is trained beside SSN's
heads, on all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from finegym.localization.snippets import Snippets
from finegym.localization.snippets_source import SnippetSource
from finegym.localization.timelines import Timeline
from finegym.models.ssn import Actionness

BATCH_SIZE = 8
PART = 8192  # snippets that are looked at together


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a timeline to learn actionness from.

    Attributes:
        features: float32 (W, D), zeros past the timeline's end.
        is_action: float32 (W,), 1 inside a segment.
        is_known: bool (W,), false past the end and in ignore regions.
    """

    features: np.ndarray
    is_action: np.ndarray
    is_known: np.ndarray


def draw_window(timeline: Timeline, snippets: Snippets, length: int, rng: np.random.Generator) -> Window:
    """``length`` snippets from a random place of a timeline."""
    first = int(rng.integers(max(1, len(snippets) - length + 1)))
    part = slice(first, first + length)
    times = snippets.times_ms[part]
    features = np.zeros((length, snippets.features.shape[1]), np.float32)
    features[: len(times)] = snippets.features[part]
    is_action, is_known = np.zeros(length, np.float32), np.zeros(length, bool)
    is_action[: len(times)] = is_inside(times, timeline.segments_ms)
    is_known[: len(times)] = ~is_inside(times, timeline.ignored_ms) | (is_action[: len(times)] > 0)
    return Window(features, is_action, is_known)


def is_inside(times_ms: np.ndarray, segments_ms: np.ndarray) -> np.ndarray:
    """Whether each time int64 (T,) is in one of the segments (N, 2), bool (T,).

    Example:
        >>> is_inside(np.array([0, 5, 9, 10]), np.array([[5, 10]])).tolist()
        [False, True, True, False]
    """
    begun = (times_ms[:, None] >= segments_ms[None, :, 0]) & (times_ms[:, None] < segments_ms[None, :, 1])
    return np.asarray(begun.any(axis=1))


def compute_actionness_loss(logits: torch.Tensor, is_action: torch.Tensor, is_known: torch.Tensor) -> torch.Tensor:
    """Binary cross entropy over known snippets, all (B, T); 0 without any."""
    losses = F.binary_cross_entropy_with_logits(logits.float(), is_action, reduction="none")
    return (losses * is_known).sum() / is_known.sum().clamp_min(1)


@torch.no_grad()
def compute_curve(model: Actionness, features: np.ndarray) -> np.ndarray:
    """Actionness float32 (T,) in [0, 1] of features (T, D); long timelines part by part, with the same result."""
    device = model.classifier.weight.device
    margin = 2 * (model.hidden.kernel_size[0] // 2)
    curve = np.empty(len(features), np.float32)
    for first in range(0, len(features), PART):
        begin, stop = max(0, first - margin), min(len(features), first + PART)
        part = torch.from_numpy(np.asarray(features[begin : stop + margin], np.float32)).to(device)
        logits = model(part[None])[0, first - begin : stop - begin]
        curve[first:stop] = logits.float().sigmoid().cpu().numpy()
    return curve


def compute_unseen_curves(
    timelines: Sequence[Timeline],
    source: SnippetSource,
    *,
    hidden_size: int,
    kernel_size: int,
    dropout: float,
    window: int,
    num_folds: int,
    epochs: int,
    learning_rate: float,
    seed: int,
) -> list[np.ndarray]:
    """Curves of timelines, each from a network that was not trained on its record.

    Args:
        timelines: of training.
        source: of their snippets.
        hidden_size: of the network, as are ``kernel_size`` and ``dropout``.
        kernel_size: see ``Actionness``.
        dropout: see ``Actionness``.
        window: snippets of a timeline that a training step sees.
        num_folds: that records are dealt into; with fewer records, one each.
        epochs: of a network.
        learning_rate: of AdamW at the beginning; falls to 0 along a cosine.
        seed: of everything random.

    Returns:
        float32 (T,) each. With a single record there is no other to learn from, and its curve is from a network that
        has seen it.
    """
    curves: list[np.ndarray] = [np.empty(0, np.float32)] * len(timelines)
    for fold, (learnt, unseen) in enumerate(deal_folds([t.record_id for t in timelines], num_folds)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed * 1000 + fold)
            model = Actionness(source.feature_size, hidden_size=hidden_size, kernel_size=kernel_size, dropout=dropout)
            _train(model, [timelines[n] for n in learnt], source, window, epochs, learning_rate, (seed, fold))
        model.eval()
        for place in unseen:
            curves[place] = compute_curve(model, source.read(timelines[place]).features)
    return curves


def deal_folds(record_ids: Sequence[str], num_folds: int) -> Iterator[tuple[list[int], list[int]]]:
    """Places of timelines to learn from and of those left for later, fold by fold; records stay whole.

    Example:
        >>> list(deal_folds(["a", "b", "a", "c"], 2))
        [([1], [0, 2, 3]), ([0, 2, 3], [1])]
    """
    fold_of = {record_id: n % num_folds for n, record_id in enumerate(dict.fromkeys(record_ids))}
    for fold in range(min(num_folds, len(fold_of))):
        unseen = [n for n, record_id in enumerate(record_ids) if fold_of[record_id] == fold]
        learnt = [n for n in range(len(record_ids)) if n not in set(unseen)]
        yield learnt or unseen, unseen


def _train(
    model: Actionness,
    timelines: Sequence[Timeline],
    source: SnippetSource,
    window: int,
    epochs: int,
    learning_rate: float,
    seed: tuple[int, int],
) -> None:
    rng = np.random.default_rng(seed)
    steps = epochs * -(-len(timelines) // BATCH_SIZE)
    optimizer = torch.optim.AdamW(model.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    for _ in range(epochs):
        order = rng.permutation(len(timelines))
        for start in range(0, len(order), BATCH_SIZE):
            windows = [
                draw_window(timelines[n], source.read(timelines[n]), window, rng)
                for n in order[start : start + BATCH_SIZE]
            ]
            features, is_action, is_known = (
                torch.from_numpy(np.stack([getattr(each, name) for each in windows]))
                for name in ("features", "is_action", "is_known")
            )
            optimizer.zero_grad()
            compute_actionness_loss(model(features), is_action, is_known).backward()
            optimizer.step()
            schedule.step()
