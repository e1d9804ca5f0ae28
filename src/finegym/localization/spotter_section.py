"""The section ``[spotter]`` of a recipe: what a spotter sees, learns and reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from finegym.training.recipe_sections import Positive, Section, Share

if TYPE_CHECKING:
    from finegym.localization.recipe import LocalizationRecipe

NonNegative = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(ge=0)]


class SpotterSection(Section):
    """Settings of a spotter.

    Films: ``source`` (``records``, or ``clips``: a clip store of actions, ``store``), ``pad_ms`` of the record before
    and after a timeline, ``short_side``; ``follow``: side of a square around whoever moves that films are cut to, or 0;
    ``cache``: a folder of the dataset's ``features`` that keeps films decoded, or nothing.
    Windows: ``clip_len`` frames, ``stride`` apart; training crops ``crop`` (height, width), flips, changes colours;
    ``windows_per_epoch``, of which ``share_around_events`` hold an event for sure. Network: see
    ``finegym.models.spotter``; ``weights`` of the backbone, or ``start``: a run of a spotter of the same classes whose
    last weights are the first ones; parameters that match a pattern of ``freeze`` stand still, and with
    ``partial_batch_norm`` mean and variance of every batch norm of the backbone but the first. Labels: ``staged``,
    ``dilation``; ``event_weight`` in the loss, ``inside_weight`` of the second layer (0: there is none). Detection:
    ``step`` between windows, ``windows_fade`` at their ends, ``smooth`` frames on each side that
    scores of events are averaged over, ``min_score`` of events; of segments ``nms_window`` of the
    peaks that they are formed of, ``min_segment_score``, ``max_length_ms``, ``nms_tiou``.
    """

    source: Literal["records", "clips"] = "records"
    store: str = "clips"
    pad_ms: NonNegative = 1000
    short_side: Positive = 224
    follow: NonNegative = 0
    cache: str = ""

    clip_len: Positive = 100
    stride: Positive = 1
    crop: tuple[Positive, Positive] = (224, 224)
    crop_test: Literal["centre", "whole"] = "centre"
    flip: bool = False
    colour_jitter: Share = 0.25
    windows_per_epoch: Positive = 5000
    share_around_events: Annotated[float, Field(ge=0, le=1)] = 0.0
    mixup_alpha: Weight = 0.2

    backbone: str = "resnet50"
    weights: str = "imagenet"
    start: str = ""
    temporal: Literal["gsf", "tsm", "none"] = "gsf"
    freeze: tuple[str, ...] = ()
    partial_batch_norm: bool = False
    hidden_size: NonNegative = 0
    num_layers: Positive = 1
    dropout: Share = 0.5

    staged: tuple[tuple[str, Positive], ...] = ()
    dilation: NonNegative = 0
    event_weight: Annotated[float, Field(gt=0)] = 5.0
    inside_weight: Weight = 0.0

    step: Positive = 50
    windows_fade: bool = False
    smooth: NonNegative = 0
    windows_at_once: Positive = 4
    min_score: Annotated[float, Field(gt=0, lt=1)] = 0.01
    nms_window: NonNegative = 5
    min_segment_score: Annotated[float, Field(gt=0, lt=1)] = 0.001
    max_length_ms: Positive = 10_000
    nms_tiou: Annotated[float, Field(ge=0, le=1)] = 0.5


def find_spotter_contradictions(recipe: LocalizationRecipe) -> Iterator[str]:
    """Settings that cannot both be meant, in words."""
    section = recipe.spotter
    assert section is not None, "the recipe misses it already"
    if section.source == "clips" and recipe.task == "actions":
        yield 'spotter.source is "clips", whose clips are actions, but task is "actions": films of records are needed'
    if section.source == "clips" and section.pad_ms:
        yield f"spotter.pad_ms is {section.pad_ms}, but the clips of a store hold nothing before and after an action"
    if section.follow and not section.cache:
        yield "spotter.follow looks at all frames of a film before it gives one: name a spotter.cache to keep them"
    if section.follow and recipe.task == "actions":
        yield "spotter.follow looks at all frames of a film at once, which is too much for the records of task actions"
    if section.follow > section.short_side:
        yield f"spotter.follow is {section.follow}, but the short side has {section.short_side} pixels"
    if min(section.crop) > section.short_side:
        height, width = section.crop
        yield f"spotter.crop is {height} x {width}, but the short side has {section.short_side} pixels"
    if section.step > section.clip_len:
        yield f"spotter.step is {section.step}, above spotter.clip_len of {section.clip_len}: frames would be left out"
    if recipe.task == "actions" and section.staged:
        yield "spotter.staged is of sub-actions, but task is actions"
