"""From a method and a split to planned predictions, one a seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from finegym.studies.sizes import Choice, Size
from finegym.studies.study import PlannedPrediction, PlannedRun


def plan_runs(size: Size, method: str, role: str, overrides: Sequence[str] = ()) -> tuple[PlannedRun, ...]:
    """The runs of a method on the split of a role, one a seed; none where the size does not run the method.

    Args:
        size: says by which recipe, and how often.
        method: a row of the tables: ``"TSN RGB"``.
        role: of ``sizes.ROLES``.
        overrides: of the recipe, beyond the size's.
    """
    choice = size.choices.get(method)
    if choice is None or (choice.roles and role not in choice.roles):
        return ()
    seeds = (choice.seeds or size.get_seeds(role))[: choice.max_seeds]
    return tuple(_plan_run(size, choice, role, seed, overrides) for seed in seeds)


def plan_predictions(
    size: Size,
    method: str,
    role: str,
    overrides: Sequence[str] = (),
    *,
    look: Sequence[str] = (),
    is_shuffled: bool = False,
) -> tuple[PlannedPrediction, ...]:
    """Predictions of a method on the val side of a role's split, one a seed.

    Args:
        size: says by which recipe, and how often.
        method: a row of the tables: ``"TSN RGB"``.
        role: of ``sizes.ROLES``.
        overrides: of the recipe, beyond the size's: another training.
        look: overrides of how the trained model looks at clips: the same training.
        is_shuffled: whether frames come in a random order.
    """
    runs = plan_runs(size, method, role, overrides)
    return tuple(PlannedPrediction(run, tuple(look), is_shuffled) for run in runs)


def plan_all(size: Size, methods: Iterable[str], roles: Iterable[str]) -> tuple[PlannedPrediction, ...]:
    """Predictions of every method on every role's split."""
    roles = tuple(roles)
    return tuple(planned for method in methods for role in roles for planned in plan_predictions(size, method, role))


def _plan_run(size: Size, choice: Choice, role: str, seed: int, overrides: Sequence[str]) -> PlannedRun:
    of_role = size.role_overrides.get(role, ())
    own = (*choice.overrides, f'data.split="{role}"', f"seed={seed}", *of_role, *overrides)
    first = None
    if choice.first:
        before = size.choices[choice.first]
        first = _plan_run(size, before, role, seed, ())
    return PlannedRun(choice.recipe, own, first)
