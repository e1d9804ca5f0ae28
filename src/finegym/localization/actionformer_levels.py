"""Labels on several levels at once: what a network that knows event, set and element says, and what that scores.

In training every class of every level is a question of its own, as in a network of one level. A class of the coarsest
level scores the sigmoid of its logit; a finer one a share of its parent's score, the softmax of its logit among its
siblings. So the scores of the classes of a set add up to the set's, those of the sets of an event to the event's:
levels cannot contradict each other.

Source: the product of conditional probabilities down a tree is that of Redmon, Farhadi, "YOLO9000: Better, Faster,
Stronger", CVPR 2017, section 4. Trained as such, with cross entropy among siblings, it localized worse (on part of the
training records of a simulated competition: sets 33 mAP in place of 48), so it is kept for scoring alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from finegym.annotations.subsets import Level, Subset
from finegym.codebook.model import Codebook


@dataclass(frozen=True, eq=False)
class LabelLevels:
    """The classes of every level, coarse to fine.

    Attributes:
        classes: a subset a level.
        parents: int64 (K_l,) a level: the class of the level above; empty for the coarsest.
    """

    classes: tuple[Subset, ...]
    parents: tuple[torch.Tensor, ...]

    @property
    def names(self) -> tuple[Level, ...]:
        return tuple(subset.level for subset in self.classes)

    @property
    def sizes(self) -> list[int]:
        """Classes of every level."""
        return [len(subset) for subset in self.classes]


def make_levels(classes: Sequence[Subset], codebook: Codebook) -> LabelLevels:
    """Levels of labels with the class of every class on the level above.

    Args:
        classes: a subset a level, coarse to fine; every class has its parent in the subset before.
        codebook: that they are from.
    """
    parents = [torch.empty(0, dtype=torch.int64)]
    for upper, lower in itertools.pairwise(classes):
        indices = [
            upper.class_index_by_id[_find_ancestor(c.id, lower.level, upper.level, codebook)] for c in lower.classes
        ]
        parents.append(torch.tensor(indices, dtype=torch.int64))
    return LabelLevels(tuple(classes), tuple(parents))


def _find_ancestor(id_: str, level: Level, upper: Level, codebook: Codebook) -> str:
    if level == "element":
        id_ = codebook.element_by_id[id_].set_id
        if upper == "set":
            return id_
    return codebook.set_by_id[id_].event_id


def compute_log_shares(logits: torch.Tensor, parents: torch.Tensor) -> torch.Tensor:
    """Logarithm of the softmax of every class among those of the same parent.

    Args:
        logits: float (..., K).
        parents: int64 (K,).

    Example:
        >>> compute_log_shares(torch.zeros(3), torch.tensor([0, 1, 1])).exp().tolist()
        [1.0, 0.5, 0.5]
    """
    num_parents = int(parents.max()) + 1
    groups = parents.expand(logits.shape)
    # Each group has a maximum of its own: with one for all, a group far below it would underflow.
    lowest = logits.new_full((*logits.shape[:-1], num_parents), -torch.inf)
    highest = lowest.scatter_reduce(-1, groups, logits.detach(), "amax")
    shifted = logits - highest.gather(-1, groups)
    sums = torch.zeros_like(lowest).scatter_add(-1, groups, shifted.exp())
    return shifted - sums.gather(-1, groups).log()


def compute_scores(logits: torch.Tensor, parents: Sequence[torch.Tensor], level: int) -> torch.Tensor:
    """Scores of the classes of one level.

    Args:
        logits: float (..., K_0 + K_1 + ...), those of the coarsest level first.
        parents: of ``LabelLevels``.
        level: its place, 0 for the coarsest.

    Returns:
        float (..., K_level) in [0, 1].
    """
    lower = [len(above) for above in parents[1:]]
    top, *rest = logits.split([logits.shape[-1] - sum(lower), *lower], dim=-1)
    scores = top.sigmoid()
    for part, above in zip(rest[:level], parents[1:], strict=False):
        above = above.to(logits.device)
        scores = scores[..., above] * compute_log_shares(part, above).exp()
    return scores
