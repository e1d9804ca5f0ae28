"""Heads that know the codebook: scores of events, sets and queries become scores of elements.

A head has no parameters. Any model of ours wears one: built with ``num_classes=head.num_scores``, its scores go through
the head (``WithHead``), and what comes out are log-probabilities of the elements, which serve as logits everywhere.
Cross entropy on them trains all levels at once, since a product of probabilities is a sum of their logarithms.

Source: conditional probabilities along a hierarchy as in Redmon and Farhadi, "YOLO9000", CVPR 2017, section 4 (a
softmax among siblings); the trees of queries: Shao et al., "FineGym", CVPR 2020, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from finegym.errors import ConfigError


class WithHead(nn.Module):
    """A model that wears a head.

    Args:
        model: maps its input to scores (B, R), R = ``head.num_scores``.
        head: maps them to logits (B, K).
    """

    prefix = "model."  # of the model's keys

    def __init__(self, model: nn.Module, head: HierarchyHead | TreeHead) -> None:
        super().__init__()
        self.model = model
        self.head = head

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        # In float32 under mixed precision too: a long path sums many small logarithms.
        logits: torch.Tensor = self.head(self.model(inputs).float())
        return logits

    @property
    def normalisation(self) -> Any:
        """What the model wants its pixels to be."""
        return self.model.normalisation

    @normalisation.setter
    def normalisation(self, value: Any) -> None:
        self.model.normalisation = value


class HierarchyHead(nn.Module):
    """Event, set and element: p(element) = p(event) p(set | event) p(element | set), each a softmax among siblings.

    Args:
        *parents: for each level below the first, the place above of each of its members: with E events, S sets and
            K elements, ``set_events`` (S,) and ``element_sets`` (K,). One level more or less is as well.

    The scores it wants are those of the events, then of the sets, then of the elements. The probabilities of a set's
    elements sum to the set's.

    Raises:
        ConfigError: a member has a parent that is not there, or a parent has no members.

    Example:
        >>> head = HierarchyHead([0, 0, 1])  # two events; the first has two sets
        >>> head(torch.zeros(1, head.num_scores)).exp()
        tensor([[0.2500, 0.2500, 0.5000]])
    """

    def __init__(self, *parents: Sequence[int]) -> None:
        super().__init__()
        if not parents or not all(len(level) for level in parents):
            raise ConfigError("a hierarchy needs at least two levels, and members in each")
        self.sizes = (max(parents[0]) + 1, *(len(level) for level in parents))
        self.num_scores = sum(self.sizes)
        for depth, level in enumerate(parents):
            expected = set(range(self.sizes[depth]))
            if set(level) != expected:
                raise ConfigError(
                    f"level {depth + 1} of the hierarchy: parents must be 0 to {self.sizes[depth] - 1}, each with "
                    f"members; wrong are {sorted(set(level) ^ expected)}"
                )
            self.register_buffer(f"parents_{depth}", torch.tensor(level), persistent=False)

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        """Log-probabilities (B, K) of the last level; ``scores`` is (B, R)."""
        return self.compute_levels(scores)[-1]

    def compute_levels(self, scores: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Log-probabilities of every level, (B, E), (B, S), (B, K): each sums to 1."""
        first, *rest = scores.split(self.sizes, dim=1)
        levels = [first.log_softmax(dim=1)]
        for depth, own in enumerate(rest):
            parents = self.get_buffer(f"parents_{depth}")
            levels.append(levels[-1][:, parents] + _log_softmax_among_siblings(own, parents, self.sizes[depth]))
        return tuple(levels)


class TreeHead(nn.Module):
    """Queries answered yes or no: p(element) is the product of the probabilities of the answers along its path.

    Args:
        query_indices: int (K, L); the queries that each element's path asks, −1 where it has ended.
        answers: (K, L), true for yes; of no meaning where the path has ended.
        num_queries: Q. Elements whose paths share a query share its score.
        set_indices: int (K,), the set of each element where there are several, each with a tree of its own: the
            probability is then that of the set times that of the path. ``None``: one tree.

    The scores it wants are those of the queries, then (with ``set_indices``) those of the sets. Probabilities of the
    elements sum to at most 1: the rest belongs to answers that lead to none of them. Cross entropy takes it as known
    that there is one.

    Raises:
        ConfigError: the arrays do not fit each other, or a query does not exist.

    Example:
        >>> head = TreeHead([[0, 1], [0, 1], [0, -1]], [[1, 1], [1, 0], [0, 0]], num_queries=2)
        >>> head(torch.zeros(1, head.num_scores)).exp()
        tensor([[0.2500, 0.2500, 0.5000]])
    """

    def __init__(
        self,
        query_indices: Sequence[Sequence[int]] | torch.Tensor,
        answers: Sequence[Sequence[int]] | torch.Tensor,
        num_queries: int,
        *,
        set_indices: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        queries, yes = torch.as_tensor(query_indices), torch.as_tensor(answers).bool()
        if queries.ndim != 2 or queries.shape != yes.shape:
            raise ConfigError(
                f"query_indices and answers must both be (K, L), got {tuple(queries.shape)} and {tuple(yes.shape)}"
            )
        if not bool(((queries >= -1) & (queries < num_queries)).all()):
            raise ConfigError(f"query_indices must be -1 to {num_queries - 1}, got up to {int(queries.max())}")
        if set_indices is not None and len(set_indices) != len(queries):
            raise ConfigError(
                f"set_indices must name a set for each of {len(queries)} elements, got {len(set_indices)}"
            )
        # Places in (yes to each query, no to each query, 0): the answers along each element's path.
        places = torch.where(yes, queries, queries + num_queries).where(queries >= 0, 2 * num_queries)
        self.register_buffer("places", places, persistent=False)
        self.num_queries = num_queries
        self.num_sets = 0 if set_indices is None else max(set_indices) + 1
        self.register_buffer("set_indices", torch.tensor(list(set_indices or [])), persistent=False)
        self.num_scores = num_queries + self.num_sets

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        """Log-probabilities (B, K) of the elements; ``scores`` is (B, R)."""
        answers = self.compute_answers(scores)  # (B, Q)
        nothing = torch.zeros_like(scores[:, :1])
        # Softplus and not logsigmoid, which ONNX computes as the logarithm of a sigmoid: −∞ below −88.
        parts = torch.cat([-F.softplus(-answers), -F.softplus(answers), nothing], dim=1)  # (B, 2Q + 1)
        logits = parts[:, self.get_buffer("places")].sum(dim=2)  # (B, K)
        if self.num_sets:
            logits = logits + scores[:, self.num_queries :].log_softmax(dim=1)[:, self.get_buffer("set_indices")]
        return logits

    def compute_answers(self, scores: torch.Tensor) -> torch.Tensor:
        """Logits (B, Q) of yes to each query, whatever the path: what the model says about an attribute."""
        return scores[:, : self.num_queries]


def _log_softmax_among_siblings(scores: torch.Tensor, parents: torch.Tensor, num_parents: int) -> torch.Tensor:
    """Scores (B, K) less the logarithm of the sum of the exponentials over members of the same parent."""
    is_member = parents[None, :] == torch.arange(num_parents, device=parents.device)[:, None]  # (P, K)
    totals = scores[:, None, :].masked_fill(~is_member, -torch.inf).logsumexp(dim=2)  # (B, P)
    return scores - totals[:, parents]
