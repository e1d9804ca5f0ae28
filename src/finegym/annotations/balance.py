"""The rule behind settings: which classes have enough instances, and how evenly a split shares them out.

FineGym's two settings come from thresholds on the instances of a class in train and val. The authors do not print them;
these come closest, found by trying all on the published lists of Gym288:

- ``BALANCED`` (Gym99): at least 48 in train and 20 in val, the smallest counts of Gym99 v1.1. On the v1.1 lists it
  yields the 99 classes of Gym99 and one more, Glabel 310 (63 train, 20 val). No pair of thresholds does better, and
  none can: in the v1.0 lists Glabels 98 (not in Gym99) and 174 (in it) have the same counts, 46 and 20.
- ``LONG_TAILED`` (Gym288): at least one on each side and three in all. True for all 288 classes of v1.1 (of v1.0 all
  but Glabel 215, which has none in train). Instances of the other 242 elements were never listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from finegym.annotations.splits import SIDES, Split
from finegym.annotations.subsets import SubsetClass, keep_classes
from finegym.annotations.text import format_table
from finegym.errors import AnnotationError


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How many instances a class needs to take part."""

    min_train: int
    min_val: int
    min_total: int = 0

    def __str__(self) -> str:
        total = f" and {self.min_total} in all" if self.min_total > self.min_train + self.min_val else ""
        return f"at least {self.min_train} in train, {self.min_val} in val{total}"


BALANCED = Thresholds(48, 20)
LONG_TAILED = Thresholds(1, 1, 3)
SETTINGS: Mapping[str, Thresholds] = {"balanced": BALANCED, "long-tailed": LONG_TAILED}


def choose_thresholds(setting: str | None, min_train: int | None, min_val: int | None) -> Thresholds | None:
    """The thresholds of a setting by name, with one or both of its numbers replaced; ``None`` where nothing is wanted.

    Example:
        >>> print(choose_thresholds("balanced", 10, None))
        at least 10 in train, 20 in val
    """
    if setting is None and min_train is None and min_val is None:
        return None
    base = SETTINGS[setting] if setting is not None else Thresholds(0, 0)
    return replace(
        base,
        min_train=base.min_train if min_train is None else min_train,
        min_val=base.min_val if min_val is None else min_val,
    )


def choose_classes(train: Sequence[int], val: Sequence[int], thresholds: Thresholds) -> tuple[int, ...]:
    """The classes with enough instances, by their counts on each side.

    Example:
        >>> choose_classes([60, 60, 2], [30, 1, 1], BALANCED), choose_classes([60, 60, 2], [30, 1, 1], LONG_TAILED)
        ((0,), (0, 1, 2))
    """
    return tuple(
        index
        for index, (in_train, in_val) in enumerate(zip(train, val, strict=True))
        if in_train >= thresholds.min_train
        and in_val >= thresholds.min_val
        and in_train + in_val >= thresholds.min_total
    )


def derive_setting(split: Split, thresholds: Thresholds, name: str) -> Split:
    """Keep the classes of a split that have enough instances, renumbered; every instance stays on its side.

    Args:
        split: of a wide subset (all elements), groups already apart.
        thresholds: ``BALANCED``, ``LONG_TAILED`` or others.
        name: of the setting; also of its subset.

    Returns:
        The split of the setting; instances of the classes that were left out are counted in ``outside``.

    Raises:
        AnnotationError: no class has enough; the message says how many the largest have.
    """
    train, val = split.count_classes("train"), split.count_classes("val")
    kept = choose_classes(train, val, thresholds)
    if not kept:
        largest = max(range(len(train)), key=lambda index: (min(train[index], val[index]), train[index]), default=None)
        counts = "" if largest is None else f" (the best has {train[largest]} and {val[largest]})"
        raise AnnotationError(
            f"setting {name}: none of {len(train)} classes has {thresholds}{counts}. Lower --min-train and --min-val."
        )
    new_index = {old: new for new, old in enumerate(kept)}
    sides = {
        side: {id_: new_index[index] for id_, index in split.get_side(side).items() if index in new_index}
        for side in SIDES
    }
    left_out = len(split.train) + len(split.val) - len(sides["train"]) - len(sides["val"])
    outside = {**split.outside, "of a class with too few instances": left_out}
    return replace(
        split,
        name=name,
        subset=keep_classes(split.subset, set(kept), name),
        train=sides["train"],
        val=sides["val"],
        rule=f"{split.rule}; classes with {thresholds}",
        outside={reason: count for reason, count in outside.items() if count},
    )


@dataclass(frozen=True, slots=True)
class ClassBalance:
    """How a class is shared out."""

    class_: SubsetClass
    num_train: int
    num_val: int

    @property
    def val_share(self) -> float | None:
        """Share of its instances that is for validation; ``None`` where it has none."""
        total = self.num_train + self.num_val
        return self.num_val / total if total else None


@dataclass(frozen=True)
class Balance:
    """How evenly a split shares the classes out.

    Attributes:
        classes: one a class, in the order of the class indices.
        val_share: of all instances.
    """

    classes: tuple[ClassBalance, ...]
    val_share: float

    @property
    def empty(self) -> Mapping[str, tuple[ClassBalance, ...]]:
        """Classes without an instance: ``anywhere``, in ``train`` only, in ``val`` only; kinds that occur."""
        found = {
            "anywhere": tuple(c for c in self.classes if c.num_train + c.num_val == 0),
            "train": tuple(c for c in self.classes if c.num_train == 0 < c.num_val),
            "val": tuple(c for c in self.classes if c.num_val == 0 < c.num_train),
        }
        return {where: classes for where, classes in found.items() if classes}

    @property
    def imbalance(self) -> float | None:
        """Largest class over smallest class that is there, in train; ``None`` without any."""
        counts = [c.num_train for c in self.classes if c.num_train]
        return max(counts) / min(counts) if counts else None

    def compute_deviation(self, val_share: float | None = None) -> float:
        """Mean absolute difference between the classes' val shares and ``val_share`` (by default, of all instances)."""
        target = self.val_share if val_share is None else val_share
        shares = [c.val_share for c in self.classes if c.val_share is not None]
        return sum(abs(share - target) for share in shares) / len(shares) if shares else 0.0


def compute_balance(split: Split) -> Balance:
    """Count the instances of every class on both sides."""
    counts = zip(split.subset.classes, split.count_classes("train"), split.count_classes("val"), strict=True)
    return Balance(tuple(ClassBalance(class_, train, val) for class_, train, val in counts), split.val_share)


def format_balance(balance: Balance, limit: int | None = 10) -> str:
    """The classes whose share of val is furthest from the whole split's, and those that are empty on a side.

    Args:
        balance: of ``compute_balance``.
        limit: classes to show, furthest first; ``None`` for all, in the order of the class indices.
    """
    known = [c for c in balance.classes if c.val_share is not None]
    shown = (
        known if limit is None else sorted(known, key=lambda c: -abs((c.val_share or 0) - balance.val_share))[:limit]
    )
    rows = [
        (c.class_.class_index, c.class_.id, c.num_train, c.num_val, f"{c.val_share:.1%}", c.class_.name) for c in shown
    ]
    lines = [
        f"{balance.val_share:.1%} of the instances are in val; the classes differ from that by "
        f"{100 * balance.compute_deviation():.1f} points on average"
    ]
    if limit is not None and len(known) > limit:
        lines.append(f"the {limit} classes that differ most:")
    lines.append(format_table(("class", "id", "train", "val", "in val", "name"), rows, left=(5,)))
    for where, classes in balance.empty.items():
        names = ", ".join(f"{c.class_.class_index} ({c.class_.id})" for c in classes)
        lines.append(
            f"{len(classes)} classes have no instance {where if where == 'anywhere' else 'in ' + where}: {names}"
        )
    return "\n".join(lines)
