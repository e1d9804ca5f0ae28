"""The section ``[ssn]`` of a recipe. Defaults are the settings of the authors' release for THUMOS14."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from finegym.training.recipe_sections import Multiple, Positive, Section, Share

if TYPE_CHECKING:
    from finegym.localization.recipe import LocalizationRecipe

NotNegative = Annotated[float, Field(ge=0)]
Above = Annotated[float, Field(gt=0)]
Step = Annotated[float, Field(gt=0, lt=1)]


class SsnSection(Section):
    """Proposals, what is learnt of them, the network, and how its answers become detections."""

    # Proposals
    proposals: Literal["tag", "sliding", "uniform"] = "tag"
    threshold_step: Step = 0.05
    fill_step: Step = 0.05
    max_tiou_proposals: Multiple = 0.95
    window_ms_min: Above = 1000.0
    window_ms_max: Above = 64000.0
    window_growth: Annotated[float, Field(gt=1)] = 1.5
    window_stride: Multiple = 0.25
    num_cells: Positive = 32

    # Actionness, of which TAG makes proposals
    actionness_hidden: Positive = 128
    actionness_kernel: Positive = 3
    actionness_dropout: Share = 0.5
    actionness_weight: NotNegative = 1.0
    actionness_window: Positive = 256
    actionness_folds: Annotated[int, Field(ge=2)] = 4
    actionness_epochs: Positive = 20
    actionness_learning_rate: Above = 0.001

    # Which proposals are learnt, and as what
    foreground_tiou: Multiple = 0.7
    incomplete_tiou: Multiple = 0.3
    incomplete_inside: Share = 0.01
    background_tiou: Share = 0.01
    background_length: Share = 0.02
    counts: tuple[Positive, Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] = (1, 6, 1)
    repeats: Positive = 1

    # Network and losses; with a backbone snippets are frames, with a hidden size stored features are encoded first
    hidden_size: Annotated[int, Field(ge=0)] = 0
    hidden_layers: Annotated[int, Field(ge=0)] = 2
    hidden_kernel: Positive = 5
    hidden_dropout: Share = 0.3
    snippet_weight: NotNegative = 1.0
    backbone: str = ""
    weights: str = "none"
    freeze_backbone: bool = False
    partial_batch_norm: bool = False
    short_side: Positive = 256
    crop_size: Positive = 224
    crop_scales: tuple[Multiple, ...] = (1.0, 0.875, 0.75, 0.66)
    num_snippets: tuple[Positive, Positive, Positive] = (2, 5, 2)
    pyramid: tuple[tuple[Positive, ...], tuple[Positive, ...], tuple[Positive, ...]] = ((1,), (1,), (1,))
    dropout: Share = 0.8
    hard_share: Multiple = 0.17
    completeness_weight: NotNegative = 0.1
    regression_weight: NotNegative = 0.1

    # Detections
    score: Literal["activity-and-completeness", "activity"] = "activity-and-completeness"
    background_in_softmax: bool = False
    regression: bool = True
    max_scores: Positive = 2000
    suppression: Literal["nms", "soft-nms"] = "nms"
    max_tiou: Share = 0.2
    sigma: Above = 0.5
    min_score: NotNegative = 0.001
    max_segments: Positive = 200


def find_ssn_contradictions(recipe: LocalizationRecipe) -> Iterator[str]:
    """What cannot go together in a recipe whose model is ``ssn``."""
    section = recipe.ssn
    assert section is not None, "the recipe misses it already"
    if section.actionness_kernel % 2 == 0:
        yield f"ssn.actionness_kernel must be odd, got {section.actionness_kernel}"
    if section.hidden_kernel % 2 == 0:
        yield f"ssn.hidden_kernel must be odd, got {section.hidden_kernel}"
    if section.window_ms_max < section.window_ms_min:
        yield f"ssn.window_ms_max is {section.window_ms_max}, but ssn.window_ms_min is {section.window_ms_min}"
    bounds = (section.background_tiou, section.incomplete_tiou, section.foreground_tiou)
    if list(bounds) != sorted(bounds):
        yield (
            "ssn: background_tiou, incomplete_tiou and foreground_tiou must rise, got "
            f"{bounds[0]}, {bounds[1]}, {bounds[2]}"
        )
    for stage, levels, count in zip(
        ("starting", "course", "ending"), section.pyramid, section.num_snippets, strict=True
    ):
        if not levels or max(levels) > count:
            yield f"ssn.pyramid: the {stage} stage has levels {list(levels)}, but ssn.num_snippets gives it {count}"
    if section.completeness_weight == 0 and section.score == "activity-and-completeness":
        yield 'ssn.completeness_weight is 0, but ssn.score uses completeness: set ssn.score = "activity"'
    if section.regression_weight == 0 and section.regression:
        yield "ssn.regression_weight is 0, but ssn.regression moves the ends: set ssn.regression = false"
    if section.crop_size > section.short_side:
        yield f"ssn.crop_size is {section.crop_size}, larger than ssn.short_side, {section.short_side}"
    if section.backbone and section.hidden_size:
        yield "ssn.hidden_size encodes stored features, but ssn.backbone sees frames: set one of them"
    if not section.backbone and section.weights != "none":
        yield "ssn.weights are of a backbone, but ssn.backbone is empty: features are the stored ones"
