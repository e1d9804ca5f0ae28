"""The leak gate: no release whose groups straddle a split, unless somebody names the exception and says why.

Guarded are videos, actions and near-duplicates, and whatever kind of group the splits were asked to keep whole. What is
on both sides of the other kinds is counted and stands on the card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finegym.annotations.audit import Audit, Leak, audit_split
from finegym.annotations.model import Dataset
from finegym.codebook.problems import suggest
from finegym.errors import ConfigError, ReleaseError, join_problems
from finegym.release.setting_splits import ReleasedSplit
from finegym.release.settings import LeakException, ReleaseSettings

_LISTED = 50


@dataclass(frozen=True)
class GatedSplit:
    """A split, what leaks in it, and which of that was let through.

    Attributes:
        released: the split.
        audit: of it.
        exceptions: those that were needed, by kind of group.
    """

    released: ReleasedSplit
    audit: Audit
    exceptions: tuple[LeakException, ...]

    def find_exception(self, kind: str) -> LeakException | None:
        """The exception for a kind of group."""
        return next((one for one in self.exceptions if one.kind == kind), None)


def pass_leak_gate(
    splits: Sequence[ReleasedSplit], dataset: Dataset, settings: ReleaseSettings
) -> tuple[GatedSplit, ...]:
    """Audit every split; let through what is clean or excepted.

    Raises:
        ReleaseError: guarded groups are on both sides of a split and nobody excepted them; all are listed.
        ConfigError: an exception names a split that there is not, or a leak that there is not.
    """
    gated, refused = [], []
    for one in splits:
        audit = audit_split(one.split, dataset, allow_unknown=bool(one.not_annotated))
        exceptions = {e.kind: e for e in settings.allow_leaks if e.split == one.split.name}
        leaking = [leak for leak in audit.leaks if leak.shared]
        refused += [
            (one.split.name, leak) for leak in leaking if leak.kind in settings.guarded and leak.kind not in exceptions
        ]
        needed = tuple(exceptions[leak.kind] for leak in leaking if leak.kind in exceptions)
        gated.append(GatedSplit(one, audit, needed))
    _check_exceptions(gated, settings)
    if refused:
        raise ReleaseError(_describe_refusal(refused, gated))
    return tuple(gated)


def _check_exceptions(gated: Sequence[GatedSplit], settings: ReleaseSettings) -> None:
    names = [one.released.split.name for one in gated]
    needed = {(e.split, e.kind) for one in gated for e in one.exceptions}
    problems = []
    for exception in settings.allow_leaks:
        if exception.split not in names:
            problems.append(f"{exception.split}:{exception.kind}: no such split{suggest(exception.split, names)}")
        elif (exception.split, exception.kind) not in needed:
            problems.append(f"{exception.split}:{exception.kind}: nothing of that kind is on both sides")
    if problems:
        raise ConfigError(
            f"exceptions of the leak gate that are not needed: {join_problems(problems)}. Take --allow-leak away."
        )


def _describe_refusal(refused: Sequence[tuple[str, Leak]], gated: Sequence[GatedSplit]) -> str:
    num_val = {one.released.split.name: len(one.released.split.val) for one in gated}
    lists = []
    for name, leak in refused:
        listed = ", ".join(leak.shared[:_LISTED])
        more = f" and {len(leak.shared) - _LISTED} more" if len(leak.shared) > _LISTED else ""
        lists.append(
            f"split {name}: {len(leak.shared)} of {leak.num_groups} {leak.kind} groups are on both sides, with "
            f"{leak.num_val:,} of {num_val[name]:,} validation instances: {listed}{more}"
        )
    flags = " ".join(f"--allow-leak '{name}:{leak.kind}=WHY'" for name, leak in refused)
    return (
        f"groups straddle a split: {'; '.join(lists)}. Leave such splits out (--split), make new ones by group, or "
        f"name the exceptions, which the card then states: {flags}"
    )
