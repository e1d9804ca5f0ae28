"""Pairs of settings of a recipe that cannot both be meant, each in words. All are listed at once, before any work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finegym.training.recipe import Recipe
    from finegym.training.recipe_sections import ScheduleSection

FRAMES = ("rgb", "rgb-diff", "flow")
POSES = ("pose", "heatmap")  # read a pose store
# What each model takes.
MODALITIES: dict[str, tuple[str, ...]] = {
    "tsn": FRAMES,
    "trn": FRAMES,
    "trnms": FRAMES,
    "tsm": FRAMES,
    "gsf": FRAMES,
    "actionvlad": ("rgb",),
    "i3d": ("rgb", "flow"),
    "nl_i3d": ("rgb", "flow"),
    "mvit_v2_s": ("rgb",),
    "swin3d_t": ("rgb",),
    "swin3d_s": ("rgb",),
    "swin3d_b": ("rgb",),
    "videomae_s": ("rgb",),
    "videomae_b": ("rgb",),
    "videomae_l": ("rgb",),
    "stgcn": ("pose",),
    "posec3d": ("heatmap",),
    "pose_mlp": ("pose",),
}
WITH_KINETICS_WEIGHTS = ("mvit_v2_s", "swin3d_t", "swin3d_s", "swin3d_b")  # torchvision's
VIDEOMAE = ("videomae_s", "videomae_b", "videomae_l")
VIDEO_TRANSFORMERS = (*WITH_KINETICS_WEIGHTS, *VIDEOMAE)
NETWORKS_OF_CLIPS = ("i3d", "nl_i3d", *VIDEO_TRANSFORMERS)
WITHOUT_BACKBONE = ("stgcn", "posec3d", "pose_mlp")
WITH_PARTIAL_BATCH_NORM = ("tsn", "trn", "trnms", "tsm", "gsf")
# The number of frames is part of the network, or of how it looks at a clip.
AS_MANY_IN_TESTING = ("trn", "trnms", "pose_mlp")
WITHOUT_SEGMENTS = (*NETWORKS_OF_CLIPS, "stgcn", "posec3d")
# Sections that only some models have. [pose] and [heatmap] go with a modality instead.
SECTIONS = {"clip": NETWORKS_OF_CLIPS, "non_local": ("nl_i3d",), "vlad": ("actionvlad",)}


def find_contradictions(recipe: Recipe) -> list[str]:
    """Every contradiction of a recipe."""
    return [
        *_find_in_modality(recipe),
        *_find_in_sections(recipe),
        *_find_in_pictures(recipe),
        *_find_in_flips(recipe),
        *_find_in_model(recipe),
        *_find_in_video_transformers(recipe),
        *_find_in_long_tail(recipe),
        *find_in_schedule(recipe.schedule),
    ]


def is_pickle(dataset: str) -> bool:
    """Whether ``data.dataset`` names pose pickles (several with a comma between) and no dataset folder."""
    return dataset.endswith((".pkl", ".pickle"))


def _find_in_modality(recipe: Recipe) -> Iterator[str]:
    data = recipe.data
    reads_features = data.modality == "flow" or data.modality in POSES
    if reads_features and not data.features and not is_pickle(data.dataset):
        yield (
            f'data.modality is "{data.modality}", but data.features is empty: give the name of a folder in the '
            f"dataset's features/, made by `finegym features {'flow' if data.modality == 'flow' else 'pose'}`"
        )
    if data.features and not reads_features:
        yield f'data.features is given, but data.modality = "{data.modality}" reads frames'
    if data.source == "records" and reads_features:
        yield f'data.source = "records" is for frames; data.modality = "{data.modality}" reads data.features'
    if not data.split and not is_pickle(data.dataset):
        yield "data.split is empty: give the name of a folder in the dataset's splits/"
    if is_pickle(data.dataset):
        if data.modality not in POSES:
            yield f'data.dataset is a pose pickle, but data.modality is "{data.modality}"'
        if data.features:
            yield "data.features is given, but data.dataset is a pose pickle, which holds the poses itself"


def _find_in_sections(recipe: Recipe) -> Iterator[str]:
    modality, name = recipe.data.modality, recipe.model.name
    for section in POSES:
        is_given = getattr(recipe, section) is not None
        if modality == section and not is_given:
            yield f'data.modality is "{modality}", but the section [{section}] is missing'
        if modality != section and is_given:
            yield f'the section [{section}] is given, but data.modality is "{modality}"'
    for section, models in SECTIONS.items():
        is_given = getattr(recipe, section) is not None
        if name in models and not is_given:
            yield f'model.name is "{name}", but the section [{section}] is missing'
        if name not in models and is_given:
            yield f'the section [{section}] is given, but model.name is "{name}"'


def _find_in_pictures(recipe: Recipe) -> Iterator[str]:
    data = recipe.data
    if data.modality in POSES:
        if data.crops_test != "centre":
            yield f'data.crops_test = "{data.crops_test}" cuts pictures, but data.modality is "{data.modality}"'
        return
    if data.crop_size > data.short_side:
        yield f"data.crop_size ({data.crop_size}) exceeds data.short_side ({data.short_side})"
    if not data.crop_scales:
        yield "data.crop_scales is empty; [1.0] crops without scaling"


def _find_in_flips(recipe: Recipe) -> Iterator[str]:
    data = recipe.data
    if data.flip_swaps and not data.flip:
        yield "data.flip_swaps is given, but data.flip is false"
    if data.crops_test == "ten" and not data.flip:
        yield 'data.crops_test = "ten" mirrors clips, but data.flip is false'
    swapped = [class_id for pair in data.flip_swaps for class_id in set(pair)]
    for class_id in sorted({class_id for class_id in swapped if swapped.count(class_id) > 1}):
        yield f"data.flip_swaps names {class_id!r} more than once"


def _find_in_model(recipe: Recipe) -> Iterator[str]:
    model, data = recipe.model, recipe.data
    taken = MODALITIES[model.name]
    if data.modality not in taken:
        others = [name for name, modalities in MODALITIES.items() if data.modality in modalities]
        yield (
            f'model.name = "{model.name}" takes {" or ".join(taken)}, but data.modality is "{data.modality}"; '
            f"that is for {', '.join(others)}"
        )
    if model.name in WITHOUT_BACKBONE:
        for field, value, default in (
            ("backbone", model.backbone, ""),
            ("weights", model.weights == "imagenet", False),
            ("freeze_backbone", model.freeze_backbone, False),
        ):
            if value != default:
                yield f'model.{field} is given, but model.name = "{model.name}" has no backbone'
    elif not model.backbone and model.name not in VIDEO_TRANSFORMERS:
        yield f'model.name = "{model.name}" needs model.backbone'
    if model.partial_batch_norm and model.name not in WITH_PARTIAL_BATCH_NORM:
        yield (
            f'model.partial_batch_norm is for {", ".join(WITH_PARTIAL_BATCH_NORM)}, but model.name is "{model.name}"; '
            "batch norms that stand in model.freeze keep their statistics"
        )
    elif model.partial_batch_norm and model.weights == "none":
        yield 'model.partial_batch_norm keeps statistics of a weights file, but model.weights is "none"'
    if model.freeze_backbone and model.name in NETWORKS_OF_CLIPS:
        yield f'model.freeze_backbone is given, but model.name is "{model.name}": give model.freeze = ["backbone.*"]'
    if model.hidden_size != 512 and model.name != "pose_mlp":
        yield f'model.hidden_size is of pose_mlp, but model.name is "{model.name}"'
    if recipe.optim.name == "adamw" and recipe.optim.momentum != 0.9:
        yield "optim.momentum is given, but adamw keeps its own (0.9, 0.999)"
    if model.head != "none" and is_pickle(data.dataset):
        yield f'model.head = "{model.head}" is made from a codebook, but data.dataset is a pose pickle, which has none'
    yield from _find_in_segments(recipe)
    yield from _find_in_vlad(recipe)


def _find_in_video_transformers(recipe: Recipe) -> Iterator[str]:
    model, data, clip = recipe.model, recipe.data, recipe.clip
    if model.weights == "kinetics400" and model.name not in WITH_KINETICS_WEIGHTS:
        yield (
            f'model.weights = "kinetics400" is for {", ".join(WITH_KINETICS_WEIGHTS)}, but model.name is '
            f'"{model.name}": give a file'
        )
    if model.name not in VIDEO_TRANSFORMERS:
        return
    if model.backbone:
        yield f'model.backbone is given, but model.name = "{model.name}" says which network it is'
    if model.weights == "imagenet":
        there_are = "a file" if model.name in VIDEOMAE else '"kinetics400" or a file'
        yield f'model.weights = "imagenet", but model.name = "{model.name}" has {there_are}'
    if clip is not None and clip.stem_temporal_stride != 1:
        yield f'clip.stem_temporal_stride is of i3d and nl_i3d, but model.name is "{model.name}"'
    if clip is not None and model.name == "mvit_v2_s" and (clip.clip_len, data.crop_size) != (16, 224):
        yield (
            f'model.name = "mvit_v2_s" takes 16 frames of 224 pixels, but clip.clip_len is {clip.clip_len} and '
            f"data.crop_size is {data.crop_size}"
        )
    if clip is not None and model.name in VIDEOMAE and (clip.clip_len % 2 or data.crop_size % 16):
        yield (
            f'model.name = "{model.name}" takes clips of whole cubes of 2 frames and 16 x 16 pixels, but clip.clip_len '
            f"is {clip.clip_len} and data.crop_size is {data.crop_size}"
        )


def _find_in_segments(recipe: Recipe) -> Iterator[str]:
    model, data, pose = recipe.model, recipe.data, recipe.pose
    if model.name in AS_MANY_IN_TESTING and data.num_segments_test != data.num_segments:
        yield (
            f"data.num_segments_test ({data.num_segments_test}) differs from data.num_segments ({data.num_segments}), "
            f'but model.name = "{model.name}" looks at as many in testing as in training'
        )
    if model.name in WITHOUT_SEGMENTS and (data.num_segments, data.num_segments_test) != (3, 3):
        yield f'data.num_segments or data.num_segments_test is given, but model.name = "{model.name}" sees no segments'
    if model.name == "pose_mlp" and pose is not None and pose.clip_len % data.num_segments:
        yield f"pose.clip_len ({pose.clip_len}) must be a multiple of data.num_segments ({data.num_segments})"


def _find_in_vlad(recipe: Recipe) -> Iterator[str]:
    model, vlad = recipe.model, recipe.vlad
    if model.name != "actionvlad" or vlad is None:
        return
    if model.backbone not in ("", "vgg16"):
        yield f'model.name = "actionvlad" gathers the maps of vgg16, but model.backbone is "{model.backbone}"'
    if vlad.centres == "weights" and model.weights in ("none", "imagenet"):
        yield f'vlad.centres = "weights" wants model.weights to be a run of actionvlad, but it is "{model.weights}"'
    if vlad.centres == "k-means" and vlad.num_features < vlad.num_clusters:
        yield f"vlad.num_clusters ({vlad.num_clusters}) exceeds vlad.num_features ({vlad.num_features})"


def _find_in_long_tail(recipe: Recipe) -> Iterator[str]:
    loss, mix, model = recipe.loss, recipe.mix, recipe.model
    if loss.focal_gamma != 2.0 and loss.name != "focal":
        yield f'loss.focal_gamma is given, but loss.name is "{loss.name}"'
    if loss.tau != 1.0 and loss.name != "logit-adjustment":
        yield f'loss.tau is given, but loss.name is "{loss.name}"'
    if loss.name in {"balanced-softmax", "logit-adjustment"} and recipe.sampling.power == 0:
        yield f'loss.name = "{loss.name}" has nothing to adjust: sampling.power = 0 shows every class equally often'
    if mix.cutmix_alpha and recipe.data.modality in POSES:
        modality = recipe.data.modality
        yield f'mix.cutmix_alpha cuts pictures, but data.modality is "{modality}"; mix.mixup_alpha mixes poses'
    if mix.probability != 1.0 and not mix.mixup_alpha and not mix.cutmix_alpha:
        yield "mix.probability is given, but mix.mixup_alpha and mix.cutmix_alpha are 0"
    if recipe.optim.layer_decay != 1.0 and model.name in WITHOUT_BACKBONE:
        yield f'optim.layer_decay is given, but model.name = "{model.name}" has no backbone'
    if recipe.optim.layer_decay != 1.0 and model.freeze_backbone:
        yield "optim.layer_decay is given, but model.freeze_backbone = true leaves no layer of the backbone to train"


def find_in_schedule(schedule: ScheduleSection) -> Iterator[str]:
    """Contradictions of a schedule, of whatever recipe."""
    if schedule.name == "cosine" and schedule.milestones:
        yield "schedule.milestones is given, but a cosine schedule has none"
    if list(schedule.milestones) != sorted(set(schedule.milestones)):
        yield f"schedule.milestones must increase, got {list(schedule.milestones)}"
    if any(milestone >= schedule.epochs for milestone in schedule.milestones):
        yield f"schedule.milestones {list(schedule.milestones)} must lie before the end ({schedule.epochs} epochs)"
    if schedule.warmup_epochs >= schedule.epochs:
        yield (
            f"schedule.warmup_epochs ({schedule.warmup_epochs:g}) must be less than schedule.epochs "
            f"({schedule.epochs}); --set schedule.warmup_epochs=0 does without"
        )
    if schedule.milestones and schedule.warmup_epochs > schedule.milestones[0]:
        yield "schedule.warmup_epochs reaches past the first of schedule.milestones"
