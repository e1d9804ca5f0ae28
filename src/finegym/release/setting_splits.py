"""The splits of a release: those that its source brings along, and the balanced and the long-tailed setting made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from finegym.annotations.balance import SETTINGS, Thresholds, choose_thresholds, derive_setting
from finegym.annotations.model import Dataset
from finegym.annotations.split_generator import make_split
from finegym.annotations.splits import SIDES, Split, check_split
from finegym.annotations.subsets import make_subset
from finegym.codebook.problems import suggest
from finegym.errors import AnnotationError, ConfigError, ReleaseError, join_problems
from finegym.release.exclusions import Exclusions
from finegym.release.settings import ReleaseSettings


@dataclass(frozen=True)
class ReleasedSplit:
    """A split of a release.

    Attributes:
        split: it.
        is_made: by the release; else the source brought it along.
        not_annotated: instances that it lists and the annotations lack, with their side; only where that is allowed.
    """

    split: Split
    is_made: bool
    not_annotated: Mapping[str, str]


def choose_splits(
    brought: tuple[Split, ...], exclusions: Exclusions, settings: ReleaseSettings, last: Sequence[Split] = ()
) -> tuple[ReleasedSplit, ...]:
    """Take over the splits that are brought along and make those that are asked for.

    A split that is brought along under the name of a setting is taken over, not made again.

    Args:
        brought: what the source brings along.
        exclusions: rules, and the dataset after them.
        settings: what is asked for.
        last: splits of the last release, whose sides are kept where that is asked for.

    Raises:
        ConfigError: a name is neither.
        AnnotationError: a setting cannot be made (no class has enough instances, groups are unknown …).
        ReleaseError: a split that is brought along does not fit the annotations, or a rule of exclusion.
    """
    by_name = {split.name: split for split in brought}
    known = [*by_name, *(name for name in SETTINGS if name not in by_name)]
    names = known if settings.splits is None else list(dict.fromkeys(settings.splits))
    unknown = [f"{name!r}{suggest(name, known)}" for name in names if name not in known]
    if unknown:
        raise ConfigError(f"splits: {join_problems(unknown)}. Name splits of the source, balanced or long-tailed.")
    made = make_settings([name for name in names if name not in by_name], exclusions, settings, last)
    return tuple(
        take_over_split(by_name[name], exclusions, settings) if name in by_name else ReleasedSplit(made[name], True, {})
        for name in names
    )


def make_settings(
    names: Sequence[str], exclusions: Exclusions, settings: ReleaseSettings, last: Sequence[Split] = ()
) -> dict[str, Split]:
    """The balanced and the long-tailed setting of what the rules leave in.

    Groups are shared out once for all settings, so that nothing that one trains on is in another's val. Groups that the
    last release's settings had stay on their side where that is asked for.
    """
    if not names:
        return {}
    codebook = exclusions.dataset.codebook
    classes = [element.id for element in codebook.elements if element.id not in exclusions.no_classes]
    kept = [split for split in last if split.name in SETTINGS] if settings.keep_sides else []
    shared_out = make_split(
        leave_out(exclusions.dataset, exclusions.not_in_settings),
        make_subset("element", "element", classes, codebook),
        " and ".join(names),
        by=settings.by,
        val_share=settings.val_share,
        seed=settings.seed,
        allow_empty_classes=True,
        allow_unknown_groups=settings.allow_unknown_groups,
        kept_sides={id_: side for split in kept for side in SIDES for id_ in split.get_side(side)} or None,
    ).split
    rules = Counter(rule for id_, rule in exclusions.not_in_settings.items() if id_ in exclusions.dataset.instances)
    outside = {**shared_out.outside, **{f"left out by rule {rule}": count for rule, count in rules.items()}}
    whole = replace(shared_out, outside=outside)
    return {name: _derive(whole, name, settings) for name in names}


def _derive(whole: Split, name: str, settings: ReleaseSettings) -> Split:
    try:
        return derive_setting(whole, _find_thresholds(name, settings), name)
    except AnnotationError as error:
        fact = str(error).removesuffix(" Lower --min-train and --min-val.")
        remedy = "Lower --min-train and --min-val, or leave" if name == "balanced" else "Leave"
        raise AnnotationError(
            f"{fact} {remedy} the setting out: name the splits that you want with --split."
        ) from error


def _find_thresholds(name: str, settings: ReleaseSettings) -> Thresholds:
    asked = (settings.min_train, settings.min_val) if name == "balanced" else (None, None)
    thresholds = choose_thresholds(name, *asked)
    assert thresholds is not None  # a setting by name always has some
    return thresholds


def take_over_split(split: Split, exclusions: Exclusions, settings: ReleaseSettings) -> ReleasedSplit:
    """A split that the source brings along, without the instances that rules leave out; classes never change."""
    excluded = [class_.id for class_ in split.subset.classes if class_.id in exclusions.no_classes]
    if excluded and split.subset.level == "element":
        raise ReleaseError(
            f"split {split.name}: rule {exclusions.no_classes[excluded[0]]} leaves out {len(excluded)} of its classes "
            f"({join_problems(excluded, 5)}), and a split that is brought along keeps its class indices. Leave the "
            "split out with --split, or change the rule."
        )
    dataset, gone = exclusions.dataset, exclusions.not_in_settings
    sides = {side: {id_: index for id_, index in split.get_side(side).items() if id_ not in gone} for side in SIDES}
    dropped = Counter(gone[id_] for side in SIDES for id_ in split.get_side(side) if id_ in gone)
    kept = replace(split, train=sides["train"], val=sides["val"])
    missing = {id_: side for side in SIDES for id_ in sides[side] if id_ not in dataset.instances}
    if missing and not settings.allow_not_annotated:
        raise ReleaseError(
            f"split {split.name}: {len(missing):,} of {len(kept.train) + len(kept.val):,} instances are not annotated, "
            f"such as {next(iter(missing))}. Leave the split out with --split, or keep them in its lists, counted, "
            "with --allow-not-annotated."
        )
    check_split(kept, dataset, allow_unknown=True)
    if dropped:
        kept = replace(kept, outside={**kept.outside, **{f"left out by rule {rule}": n for rule, n in dropped.items()}})
    return ReleasedSplit(kept, False, missing)


def leave_out(dataset: Dataset, instance_ids: Collection[str]) -> Dataset:
    """The dataset without some sub-actions."""
    videos = []
    for video in dataset.videos:
        actions = []
        for action in video.actions:
            prefix = f"{video.id}_{action.name}_"
            subs = action.sub_actions
            if subs is not None:
                subs = tuple(sub for sub in subs if prefix + sub.name not in instance_ids)
            actions.append(replace(action, sub_actions=subs))
        videos.append(replace(video, actions=tuple(actions)))
    return Dataset(dataset.codebook, tuple(videos))


def keep_annotated(split: Split, dataset: Dataset) -> Split:
    """The split without instances that the annotations lack: what exports can hold."""
    train, val = (
        {id_: index for id_, index in split.get_side(side).items() if id_ in dataset.instances} for side in SIDES
    )
    return replace(split, train=train, val=val)
