"""What is left out, and why: rules as data (``exclusions.toml``), applied in the open and counted one by one.

FineGym leaves out elements that cannot be told apart in a picture and moves that no rule book knows; a publisher may
also have to withdraw a record. A rule names what (elements, sets, events, records, actions, instances), why, and how
far: out of the ``settings`` (annotated, but no class and in no split), out of the ``labels`` (times stay, the element
goes; for a set the set too), or out of the ``release`` altogether.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from finegym.annotations.model import Action, Dataset, Instance, SubAction, Video
from finegym.codebook.model import Codebook
from finegym.codebook.problems import suggest
from finegym.errors import ConfigError, join_problems
from finegym.release.toml_files import Strict

EXCLUSIONS_FILE = "exclusions.toml"
KINDS = ("elements", "sets", "events", "records", "actions", "instances")

Why = Literal["imperceptible difference", "unregulated move", "incomplete", "damaged record", "withdrawn", "other"]
WITHDRAWN: Why = "withdrawn"
"""What is withdrawn is counted and never named: neither in the rule nor anywhere else."""
From = Literal["settings", "labels", "release"]


class ExclusionRule(Strict):
    """One rule. ``note`` is for readers of the card; at least one list names something."""

    name: Annotated[str, Field(min_length=1)]
    why: Why
    leave_out_of: From = "settings"
    note: str = ""
    elements: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()

    def covers(self, instance: Instance) -> bool:
        """Whether the rule is about an instance."""
        sub = instance.sub_action
        return (
            instance.id in self.instances
            or instance.action_id in self.actions
            or instance.video.id in self.records
            or instance.action.event_id in self.events
            or sub.set_id in self.sets
            or sub.element_id in self.elements
        )


class ExclusionsFile(Strict):
    """``exclusions.toml``."""

    format: Literal["finegym-exclusions/1"] = "finegym-exclusions/1"
    rule: tuple[ExclusionRule, ...] = ()


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """A rule, and what it came to.

    Attributes:
        rule: it.
        num_records: records that went altogether.
        num_actions: actions that went altogether.
        instance_ids: sub-actions that it is about.
    """

    rule: ExclusionRule
    num_records: int
    num_actions: int
    instance_ids: tuple[str, ...]


@dataclass(frozen=True)
class Exclusions:
    """A dataset after its rules.

    Attributes:
        dataset: without what left the release and the labels.
        rules: each with its counts; what two rules are about counts for both.
        not_in_settings: instances that take no part in splits → the first rule that says so.
        no_classes: elements that are no class of any split → that rule.
    """

    dataset: Dataset
    rules: tuple[AppliedRule, ...]
    not_in_settings: Mapping[str, str]
    no_classes: Mapping[str, str]


def parse_rules(values: Sequence[Mapping[str, Any]]) -> tuple[ExclusionRule, ...]:
    """Rules from plain values."""
    return tuple(ExclusionRule.model_validate(dict(value)) for value in values)


def apply_exclusions(dataset: Dataset, rules: Sequence[ExclusionRule]) -> Exclusions:
    """Leave out what the rules say.

    Raises:
        ConfigError: a rule names nothing, or something that is not there, or two rules have one name.
    """
    _check_rules(dataset, rules)
    instances = tuple(dataset.iterate_instances())
    covered = {rule.name: tuple(one.id for one in instances if rule.covers(one)) for rule in rules}
    not_in_settings: dict[str, str] = {}
    no_classes: dict[str, str] = {}
    for rule in rules:
        for id_ in covered[rule.name]:
            not_in_settings.setdefault(id_, rule.name)
        for element_id in _find_elements(rule, dataset.codebook):
            no_classes.setdefault(element_id, rule.name)
    gone = {id_ for rule in rules if rule.leave_out_of == "release" for id_ in covered[rule.name]}
    unlabelled = {id_ for rule in rules if rule.leave_out_of == "labels" for id_ in covered[rule.name]}
    without_set = {s for rule in rules if rule.leave_out_of == "labels" for s in rule.sets}
    whole = [rule for rule in rules if rule.leave_out_of == "release"]
    kept = (_keep_video(video, whole, gone, unlabelled, without_set) for video in dataset.videos)
    return Exclusions(
        Dataset(dataset.codebook, tuple(video for video in kept if video is not None)),
        tuple(_count(rule, dataset, covered[rule.name]) for rule in rules),
        not_in_settings,
        no_classes,
    )


def _keep_video(
    video: Video, rules: Sequence[ExclusionRule], gone: set[str], unlabelled: set[str], without_set: set[str]
) -> Video | None:
    if any(video.id in rule.records for rule in rules):
        return None
    actions = tuple(
        _keep_sub_actions(action, f"{video.id}_{action.name}", gone, unlabelled, without_set)
        for action in video.actions
        if not any(_takes_action(rule, video, action) for rule in rules)
    )
    return replace(video, actions=actions)


def _keep_sub_actions(
    action: Action, action_id: str, gone: set[str], unlabelled: set[str], without_set: set[str]
) -> Action:
    if action.sub_actions is None:
        return action
    subs = tuple(
        _withdraw_label(sub, without_set) if f"{action_id}_{sub.name}" in unlabelled else sub
        for sub in action.sub_actions
        if f"{action_id}_{sub.name}" not in gone
    )
    return replace(action, sub_actions=subs)


def _withdraw_label(sub: SubAction, without_set: set[str]) -> SubAction:
    return replace(sub, element_id=None, set_id=None if sub.set_id in without_set else sub.set_id)


def _takes_action(rule: ExclusionRule, video: Video, action: Action) -> bool:
    return f"{video.id}_{action.name}" in rule.actions or action.event_id in rule.events


def _count(rule: ExclusionRule, dataset: Dataset, instance_ids: tuple[str, ...]) -> AppliedRule:
    if rule.leave_out_of != "release":
        return AppliedRule(rule, 0, 0, instance_ids)
    records = [video for video in dataset.videos if video.id in rule.records]
    actions = sum(
        video.id in rule.records or _takes_action(rule, video, action)
        for video in dataset.videos
        for action in video.actions
    )
    return AppliedRule(rule, len(records), actions, instance_ids)


def _find_elements(rule: ExclusionRule, codebook: Codebook) -> list[str]:
    """The elements that a rule is about as such: by name, by set or by event."""
    return [
        element.id
        for element in codebook.elements
        if element.id in rule.elements
        or element.set_id in rule.sets
        or codebook.set_by_id[element.set_id].event_id in rule.events
    ]


def _check_rules(dataset: Dataset, rules: Sequence[ExclusionRule]) -> None:
    codebook = dataset.codebook
    known: dict[str, Mapping[str, Any]] = {
        "elements": codebook.element_by_id,
        "sets": codebook.set_by_id,
        "events": codebook.event_by_id,
        "records": {video.id: video for video in dataset.videos},
        "actions": {f"{video.id}_{action.name}": action for video in dataset.videos for action in video.actions},
        "instances": dataset.instances,
    }
    problems = [f"rule {rule.name} names nothing" for rule in rules if not any(getattr(rule, kind) for kind in KINDS)]
    for rule in rules:
        for kind in KINDS:
            problems += [
                f"rule {rule.name}: {kind[:-1]} {id_!r} is not in the dataset{suggest(id_, list(known[kind]))}"
                for id_ in getattr(rule, kind)
                if id_ not in known[kind]
            ]
    names = [rule.name for rule in rules]
    problems += [f"two rules are called {name}" for name in sorted({name for name in names if names.count(name) > 1})]
    if problems:
        raise ConfigError(f"exclusions: {join_problems(problems, 5)}. Correct {EXCLUSIONS_FILE}.")
