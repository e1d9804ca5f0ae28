"""Make a split that keeps groups whole and shares every class out.

Which groups go to val is a choice among 2^groups. The cost of a choice is the sum over classes of ``(share of the class
in val - share asked)²``, plus one for every class that is absent from a side though it occurs in two groups, plus the
same squared difference for the whole, as heavy as all classes together. Up to twelve groups every choice is tried.
Otherwise seeded random choices are improved, a group or a pair of groups at a time, until nothing helps; the best of
all restarts stays. Same dataset, settings and seed: same split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from finegym.annotations.balance import Balance, ClassBalance, Thresholds, compute_balance, derive_setting
from finegym.annotations.groups import Grouping, group_instances
from finegym.annotations.model import Dataset
from finegym.annotations.splits import Split
from finegym.annotations.subsets import Subset, assign_classes
from finegym.annotations.text import format_count
from finegym.errors import AnnotationError, join_problems

_EXHAUSTIVE_GROUPS = 12
# Pairs are tried while they are this few numbers (pairs x classes); beyond, single groups are small enough to balance.
_MAX_PAIR_WORK = 5_000_000
# Many small groups balance well from anywhere: restarts x groups x classes stay below this.
_MAX_RESTART_WORK = 2_000_000


@dataclass(frozen=True)
class GeneratedSplit:
    """A split, and how it came out.

    Attributes:
        split: to write or use.
        balance: instances of every class on both sides.
        num_groups: how many groups there were to share out, and how many went to val.
        largest_group: share of all instances that the largest group holds; the floor of what can be balanced.
        unknown_groups: kind → instances that stand for themselves because their group is not known.
        restarts: how many random choices were improved; 0 where all were tried.
    """

    split: Split
    balance: Balance
    num_groups: tuple[int, int]
    largest_group: float
    unknown_groups: dict[str, int]
    restarts: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, counts instead of instances."""
        split = self.split
        return {
            "split": split.name,
            "subset": split.subset.name,
            "rule": split.rule,
            "train": len(split.train),
            "val": len(split.val),
            "val_share": split.val_share,
            "groups": {"kinds": split.groups, "all": self.num_groups[0], "val": self.num_groups[1]},
            "largest_group_share": self.largest_group,
            "unknown_groups": self.unknown_groups,
            "restarts": self.restarts,
            "outside": dict(split.outside),
            "mean_deviation": self.balance.compute_deviation(),
            "classes": [
                {"class_index": c.class_.class_index, "id": c.class_.id, "train": c.num_train, "val": c.num_val}
                for c in self.balance.classes
            ],
            "empty": {where: [c.class_.id for c in classes] for where, classes in self.balance.empty.items()},
        }


def keep_setting(generated: GeneratedSplit, thresholds: Thresholds) -> GeneratedSplit:
    """The same split with only the classes that have enough instances; see ``balance.derive_setting``."""
    split = derive_setting(generated.split, thresholds, generated.split.name)
    return replace(generated, split=split, balance=compute_balance(split))


def make_split(
    dataset: Dataset,
    subset: Subset,
    name: str,
    *,
    by: Sequence[str] = ("video",),
    val_share: float = 0.25,
    seed: int = 0,
    restarts: int = 16,
    allow_empty_classes: bool = False,
    allow_unknown_groups: bool = False,
    kept_sides: Mapping[str, str] | None = None,
) -> GeneratedSplit:
    """Share the instances of a subset out to train and val, groups whole.

    Args:
        dataset: to split.
        subset: which classes.
        name: of the split.
        by: kinds of groups (``annotations.groups.GROUP_KINDS``); what any of them connects stays together.
        val_share: wanted share of val, of all instances and of every class; between 0 and 1.
        seed: of the random choices to start from.
        restarts: how many to start from.
        allow_empty_classes: accept classes without an instance in train or in val.
        allow_unknown_groups: let actions of unknown competition or athlete stand for themselves.
        kept_sides: instance id → side where its whole group stays, as in an earlier split; only the others are shared
            out. Ids that take no part do not matter.

    Raises:
        AnnotationError: nothing to split, fewer than two groups, groups that are not known, a group that was on both
            sides, or a class that is empty on a side; the message names every such class, with its counts and groups.
    """
    if not 0 < val_share < 1:
        raise AnnotationError(f"expected a share of val between 0 and 1, got {val_share:g}")
    if restarts < 1:
        raise AnnotationError(f"expected at least one restart, got {restarts}")
    assignment = assign_classes(dataset, subset)
    class_of = assignment.class_index_by_id
    if not class_of:
        raise AnnotationError(f"split {name}: the dataset has no instance of subset {subset.name} ({assignment})")
    grouping = group_instances(dataset, class_of, by, allow_unknown=allow_unknown_groups)
    if grouping.num_groups < 2:
        raise AnnotationError(
            f"split {name}: by {', '.join(by)} all {len(class_of)} instances are one group, which cannot be split. "
            "Use fewer or narrower kinds of groups."
        )
    counts = _count_matrix(grouping, class_of, len(subset))
    pinned = _pin_groups(grouping, kept_sides or {}, name)
    in_val, restarts_used = _choose_groups(counts, val_share, seed, restarts, pinned)
    sides: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for instance_id, class_index in class_of.items():
        sides[in_val[grouping.group_of[instance_id]]][instance_id] = class_index
    rule = f"whole groups by {', '.join(by)}, {val_share:g} of every class in val, seed {seed}"
    if kept_sides:
        rule += f", {format_count(int((pinned >= 0).sum()), 'group')} where they were before"
    split = Split(name, subset, sides[0], sides[1], rule, tuple(by), seed, dict(assignment.outside))
    balance = compute_balance(split)
    if balance.empty and not allow_empty_classes:
        raise AnnotationError(_describe_empty(name, balance, counts, by))
    num_groups = (grouping.num_groups, int(in_val.sum()))
    largest = max(grouping.count_instances()) / len(class_of)
    return GeneratedSplit(split, balance, num_groups, largest, dict(grouping.unknown), restarts_used)


def _pin_groups(grouping: Grouping, kept_sides: Mapping[str, str], name: str) -> np.ndarray:
    """The side where every group has to stay, int64 (G,): 0 train, 1 val, -1 either.

    Raises:
        AnnotationError: instances of one group were on both sides.
    """
    pinned = np.full(grouping.num_groups, -1, np.int64)
    torn = []
    for instance_id, group in grouping.group_of.items():
        if instance_id in kept_sides:
            side = int(kept_sides[instance_id] == "val")
            torn += [instance_id] if pinned[group] == 1 - side else []
            pinned[group] = side if pinned[group] == -1 else pinned[group]
    if torn:
        raise AnnotationError(
            f"split {name}: {format_count(len(torn), 'instance')} cannot stay where they were before: their groups are "
            f"now connected with others on the other side, such as that of {torn[0]}. Share all groups out anew "
            "(releases: --new-sides)."
        )
    return pinned


def _describe_empty(name: str, balance: Balance, counts: np.ndarray, by: Sequence[str]) -> str:
    groups_of_class = (counts > 0).sum(axis=0)
    problems = []
    for where, classes in balance.empty.items():
        problems += [_describe_empty_class(where, balance_, groups_of_class) for balance_ in classes]
    return (
        f"split {name} by {', '.join(by)}: {len(problems)} of {len(balance.classes)} classes are empty on a side: "
        f"{join_problems(problems, 10)}. Leave rare classes out (--min-instances N, or --setting long-tailed), use "
        "narrower groups, or keep them with --allow-empty-classes."
    )


def _describe_empty_class(where: str, balance: ClassBalance, groups_of_class: np.ndarray) -> str:
    class_ = balance.class_
    who = f"class {class_.class_index} ({class_.id}, {class_.name})"
    if where == "anywhere":
        return f"{who} has no instance"
    total, num_groups = balance.num_train + balance.num_val, groups_of_class[class_.class_index]
    return f"{who} is not in {where}: {format_count(total, 'instance')} in {format_count(num_groups, 'group')}"


def _count_matrix(grouping: Grouping, class_of: Mapping[str, int], num_classes: int) -> np.ndarray:
    """Instances of every group and class, float64 (G, K)."""
    counts = np.zeros((grouping.num_groups, num_classes))
    groups = [grouping.group_of[instance_id] for instance_id in class_of]
    np.add.at(counts, (groups, list(class_of.values())), 1)
    return counts


@dataclass(frozen=True)
class _Goal:
    """What a choice of groups for val costs.

    Attributes:
        total: float64 (K,), instances of every class; all positive.
        can_be_shared: bool (K,), whether a class occurs in two groups or more.
        val_share: wanted.
    """

    total: np.ndarray
    can_be_shared: np.ndarray
    val_share: float

    def compute_cost(self, in_val: np.ndarray) -> np.ndarray:
        """Cost of every row of ``in_val``, float64 (N, K): instances of every class in val.

        Rounded, so that choices that are equally good are equal, whatever the order of summation.
        """
        off = in_val / self.total - self.val_share
        absent = ((in_val == 0) | (in_val == self.total)) & self.can_be_shared
        off_whole = in_val.sum(axis=1) / self.total.sum() - self.val_share
        cost: np.ndarray = (off * off).sum(axis=1) + absent.sum(axis=1) + len(self.total) * off_whole**2
        return cost.round(9)


def _choose_groups(
    counts: np.ndarray, val_share: float, seed: int, restarts: int, pinned: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    """Which groups go to val, int64 (G,) of 0 and 1, and how many restarts that took."""
    pinned = np.full(len(counts), -1) if pinned is None else pinned
    counts = counts[:, counts.sum(axis=0) > 0]
    goal = _Goal(counts.sum(axis=0), (counts > 0).sum(axis=0) > 1, val_share)
    num_groups = len(counts)
    if num_groups <= _EXHAUSTIVE_GROUPS:
        # Without the two choices that leave a side empty.
        numbers = np.arange(1, 2**num_groups - 1)
        choices = numbers[:, None] >> np.arange(num_groups) & 1
        choices = choices[((choices == pinned) | (pinned == -1)).all(axis=1)]
        if not len(choices):  # all were on one side
            return np.maximum(pinned, 0), 0
        return choices[goal.compute_cost(choices @ counts).argmin()], 0
    restarts = max(1, min(restarts, _MAX_RESTART_WORK // counts.size))
    found = [_improve(counts, goal, np.random.default_rng([seed, restart]), pinned) for restart in range(restarts)]
    costs = goal.compute_cost(np.stack([choice @ counts for choice in found]))
    return found[int(costs.argmin())], restarts


def _improve(counts: np.ndarray, goal: _Goal, rng: np.random.Generator, pinned: np.ndarray) -> np.ndarray:
    """A random choice, improved until neither moving a group nor exchanging two helps."""
    num_groups, num_classes = counts.shape
    order = rng.permutation(num_groups)
    filled = counts.sum(axis=1)[order].cumsum()
    choice = np.zeros(num_groups, np.int64)
    choice[order[: max(1, np.searchsorted(filled, goal.val_share * filled[-1]))]] = 1
    free = pinned == -1
    choice[~free] = pinned[~free]
    exchange = (choice.sum() * (num_groups - choice.sum())) * num_classes <= _MAX_PAIR_WORK
    while _move_groups(counts, goal, choice, rng, free) or (
        exchange and _exchange_groups(counts, goal, choice, rng, free)
    ):
        pass
    return choice


def _move_groups(
    counts: np.ndarray, goal: _Goal, choice: np.ndarray, rng: np.random.Generator, free: np.ndarray
) -> bool:
    """Go through all free groups once; move each to the other side if that helps. Changes ``choice``; says whether."""
    in_val = choice @ counts
    cost = goal.compute_cost(in_val[None])[0]
    moved = False
    for group in rng.permutation(np.flatnonzero(free)).tolist():
        candidate = in_val + (1 - 2 * choice[group]) * counts[group]
        candidate_cost = goal.compute_cost(candidate[None])[0]
        if candidate_cost < cost and 0 < choice.sum() - 2 * choice[group] + 1 < len(choice):
            choice[group] = 1 - choice[group]
            in_val, cost, moved = candidate, candidate_cost, True
    return moved


def _exchange_groups(
    counts: np.ndarray, goal: _Goal, choice: np.ndarray, rng: np.random.Generator, free: np.ndarray
) -> bool:
    """Go through the free groups of val once; exchange each with the group of train that helps most."""
    in_val = choice @ counts
    cost = goal.compute_cost(in_val[None])[0]
    exchanged = False
    for group in rng.permutation(np.flatnonzero(choice & free)).tolist():
        others = np.flatnonzero((choice == 0) & free)
        if not len(others):
            break
        candidates = in_val - counts[group] + counts[others]
        costs = goal.compute_cost(candidates)
        best = int(costs.argmin())
        if costs[best] < cost:
            choice[group], choice[others[best]] = 0, 1
            in_val, cost, exchanged = candidates[best], costs[best], True
    return exchanged
