"""The sections of a recipe: every setting of a run with its type, its range and its default.

Some sections are there for some models only, because nothing else has what they say: ``[pose]``, ``[clip]``,
``[heatmap]``, ``[non_local]``, ``[vlad]``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Multiple = Annotated[float, Field(gt=0, le=1)]


class Section(BaseModel):
    """Frozen, strict, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DataSection(Section):
    """Which clips, and how they become tensors."""

    dataset: str
    split: str
    modality: Literal["rgb", "rgb-diff", "flow", "pose", "heatmap"] = "rgb"
    features: str = ""
    source: Literal["clips", "records"] = "clips"
    missing: Literal["error", "leave-out"] = "error"
    allow_empty_classes: bool = False
    num_segments: Positive = 3
    num_segments_test: Positive = 3
    flow_frames: Positive = 5
    short_side: Positive = 256
    crop_size: Positive = 224
    crop_scales: tuple[Multiple, ...] = (1.0, 0.875, 0.75, 0.66)
    crops_test: Literal["centre", "three", "ten"] = "centre"
    flip: bool = False
    flip_swaps: tuple[tuple[str, str], ...] = ()
    workers: Annotated[int, Field(ge=0)] = 2


class PoseSection(Section):
    """How poses become tensors."""

    clip_len: Positive = 48
    num_clips_test: Positive = 1
    num_persons: Positive = 1
    stream: Literal["joint", "bone", "joint-motion", "bone-motion"] = "joint"
    centre: Literal["frame", "torso"] = "frame"
    short: Literal["loop", "repeat", "zero"] = "loop"
    max_scale: Share = 0.0
    max_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0


class ClipSection(Section):
    """Frames of a 3-D network: ``clip_len`` of them, ``frame_interval`` apart."""

    clip_len: Positive = 8
    frame_interval: Positive = 2
    num_clips_test: Positive = 1
    stem_temporal_stride: Literal[1, 2] = 1


class HeatmapSection(Section):
    """How poses become heatmaps."""

    clip_len: Positive = 48
    num_clips_test: Positive = 1
    num_persons: Positive = 1
    short: Literal["loop", "repeat"] = "loop"
    size: Positive = 56
    sigma: Annotated[float, Field(gt=0)] = 0.6
    padding: Annotated[float, Field(ge=0)] = 0.25
    limbs: bool = False
    use_score: bool = True
    random_crop: bool = True


class NonLocalSection(Section):
    """The form of non-local blocks."""

    kind: Literal["embedded_gaussian", "gaussian", "dot_product"] = "embedded_gaussian"
    is_scaled: bool = False
    pools_first: bool = False
    output_bias: bool = False


class VladSection(Section):
    """The action words of ActionVLAD."""

    num_clusters: Positive = 64
    alpha: Annotated[float, Field(gt=0)] = 1000.0
    centres: Literal["k-means", "weights", "random"] = "k-means"
    num_features: Positive = 100_000
    freeze_centres: bool = False


class ModelSection(Section):
    """Which network, and where its weights come from."""

    name: Literal[
        "tsn",
        "trn",
        "trnms",
        "tsm",
        "gsf",
        "actionvlad",
        "i3d",
        "nl_i3d",
        "mvit_v2_s",
        "swin3d_t",
        "swin3d_s",
        "swin3d_b",
        "videomae_s",
        "videomae_b",
        "videomae_l",
        "stgcn",
        "posec3d",
        "pose_mlp",
    ] = "tsn"
    head: Literal["none", "hierarchy", "tree"] = "none"
    backbone: str = ""
    hidden_size: Positive = 512
    weights: str = "none"
    dropout: Share = 0.8
    partial_batch_norm: bool = False
    freeze_backbone: bool = False
    freeze: tuple[str, ...] = ()


class LossSection(Section):
    """What a wrong answer costs."""

    name: Literal["cross-entropy", "focal", "balanced-softmax", "logit-adjustment"] = "cross-entropy"
    label_smoothing: Share = 0.0
    focal_gamma: Annotated[float, Field(ge=0)] = 2.0
    tau: Annotated[float, Field(gt=0)] = 1.0


class SamplingSection(Section):
    """How often an epoch shows each class."""

    power: Annotated[float, Field(ge=0, le=1)] = 1.0


class MixSection(Section):
    """Training clips that are mixtures of two."""

    mixup_alpha: Annotated[float, Field(ge=0)] = 0.0
    cutmix_alpha: Annotated[float, Field(ge=0)] = 0.0
    probability: Multiple = 1.0


class OptimSection(Section):
    """How weights move."""

    name: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Annotated[float, Field(gt=0)]
    momentum: Share = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    decay_biases_and_norms: bool = True
    layer_decay: Multiple = 1.0
    max_gradient_norm: Annotated[float, Field(ge=0)] = 40.0


class ScheduleSection(Section):
    """How long, and how the learning rate falls."""

    name: Literal["step", "cosine"] = "step"
    epochs: Positive
    milestones: tuple[Positive, ...] = ()
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0


class TrainSection(Section):
    """How the loop runs."""

    batch_size: Positive
    accumulate: Positive = 1
    batch_size_test: Positive = 16
    ema_decay: Share = 0.0
    compile: bool = False
    mixed_precision: Literal["no", "bf16", "fp16"] = "no"
    evaluate_every: Annotated[int, Field(ge=0)] = 1
    checkpoint_every: Positive = 1
    keep_checkpoints: Positive = 2
