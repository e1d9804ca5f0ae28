"""From the recipe's data section to instances, classes and frames."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finegym.annotations.folder import ANNOTATIONS_FILE, CODEBOOK_FILE, is_dataset_folder, read_dataset
from finegym.annotations.splits import SIDES, Split, read_split
from finegym.datasets.clip_views import FlowClipView, RgbClipView, Stretch
from finegym.datasets.clips import RecordClips, StoreClips
from finegym.datasets.flow_clips import StoreFlow
from finegym.datasets.heatmap_view import HeatmapView
from finegym.datasets.recognition import Selection, Source, select_instances
from finegym.datasets.transforms import Crops
from finegym.datasets.views import FlowView, PoseView, RgbDifferenceView, RgbView, View
from finegym.errors import AnnotationError, FeatureError, join_problems
from finegym.features.flow.store import FlowStore
from finegym.features.pose.pickle_data import open_pose_pickle
from finegym.features.pose.store import PoseStore
from finegym.features.store import STORE_FILE, FeatureStore
from finegym.models.backbones import Normalisation
from finegym.training.contradictions import POSES, is_pickle
from finegym.training.recipe import Recipe
from finegym.training.recipe_sections import DataSection

SPLITS_FOLDER, CLIPS_FOLDER, FEATURES_FOLDER = "splits", "clips", "features"
REMEDIES = {
    "rgb": "Cut them with `finegym clips build`",
    "rgb-diff": "Cut them with `finegym clips build`",
    "flow": "Make it with `finegym features flow`",
    "pose": "Find them with `finegym features pose`",
    "heatmap": "Find them with `finegym features pose`",
}


@dataclass(frozen=True)
class RecognitionData:
    """What a run learns from and is looked at on.

    Attributes:
        split: name of the split.
        subset: name of its subset.
        class_ids: K ids (elements, sets or events), by class index.
        class_names: K names.
        labels: ``train`` and ``val``: class index of every instance.
        source: where frames, flow or poses come from.
        facts: hashes that identify codebook, split and features.
        level: ``element``, ``set`` or ``event``: what a class is; empty where nothing says.
        codebook_path: the codebook that the classes are from; ``None`` where there is none.
    """

    split: str
    subset: str
    class_ids: tuple[str, ...]
    class_names: tuple[str, ...]
    labels: Mapping[str, Mapping[str, int]]
    source: Source
    facts: Mapping[str, Any] = field(default_factory=dict)
    level: str = ""
    codebook_path: Path | None = None

    def select(self, side: str, section: DataSection) -> Selection:
        """The instances of ``train`` or ``val`` whose clips are there.

        Raises:
            AnnotationError: there are none, clips are missing, or (in ``train``) a class has no instance.
        """
        where = f"split {self.split}, {side}"
        selection = select_instances(
            self.labels[side],
            self.source,
            where=where,
            missing=section.missing,
            remedy=REMEDIES[section.modality],
        )
        counts = np.bincount(selection.class_indices, minlength=len(self.class_ids))
        empty = [f"{self.class_ids[i]} ({self.class_names[i]})" for i in np.flatnonzero(counts == 0)]
        if side == "train" and empty and not section.allow_empty_classes:
            raise AnnotationError(
                f"{where}: {len(empty)} of {len(counts)} classes have no instance: {join_problems(empty, limit=3)}. "
                "Make a split in which every class has some, or set data.allow_empty_classes = true."
            )
        return selection


def open_data(section: DataSection) -> RecognitionData:
    """Open the dataset folder (or the pose pickle), the split and the clips or features that a recipe names.

    Raises:
        AnnotationError: the folder or the split is missing or damaged.
        VideoError: there is no clip store.
        FeatureError: there is no store of these features, or it holds others; or the pickle is not usable.
    """
    if is_pickle(section.dataset):
        return _open_pickle(section)
    folder = Path(section.dataset)
    split_folder = folder / SPLITS_FOLDER / section.split
    if not is_dataset_folder(folder):
        raise AnnotationError(
            f"data.dataset: {folder.absolute()} is no dataset folder: it lacks {CODEBOOK_FILE} or {ANNOTATIONS_FILE}. "
            "Give its path with --set data.dataset=DIR."
        )
    if not split_folder.is_dir():
        splits = folder / SPLITS_FOLDER
        there = sorted(path.name for path in splits.iterdir() if path.is_dir()) if splits.is_dir() else []
        raise AnnotationError(
            f"data.split: {folder} has no split {section.split!r}; there are: {', '.join(there) or 'none'}. "
            "`finegym annotations split` makes one."
        )
    split = read_split(split_folder)
    source, facts = open_clips(section, folder)
    return RecognitionData(
        split=split.name,
        subset=split.subset.name,
        class_ids=tuple(class_.id for class_ in split.subset.classes),
        class_names=split.subset.class_names,
        labels={side: split.get_side(side) for side in SIDES},
        source=source,
        facts={
            "codebook": {"sha256": hash_file(folder / CODEBOOK_FILE)},
            "split": describe_split(split_folder, split),
            **facts,
        },
        level=split.subset.level,
        codebook_path=folder / CODEBOOK_FILE,
    )


def open_clips(section: DataSection, folder: Path) -> tuple[Source, dict[str, Any]]:
    """Where the clips of a recipe's modality come from in a dataset folder, and what identifies the features.

    Raises:
        VideoError: there is no clip store.
        FeatureError: there is no store of these features.
        AnnotationError: the dataset cannot be read.
    """
    if section.modality == "flow":
        flow = FlowStore(_find_features(section, folder))
        return StoreFlow(flow), {"features": _describe_features(section, flow)}
    if section.modality in POSES:
        poses = PoseStore(_find_features(section, folder))
        return poses, {"features": _describe_features(section, poses)}
    if section.source == "clips":
        return StoreClips(folder / CLIPS_FOLDER), {}
    return RecordClips(read_dataset(folder), folder), {}


def _find_features(section: DataSection, folder: Path) -> Path:
    path = folder / FEATURES_FOLDER / section.features
    if not (path / STORE_FILE).is_file():
        stores = sorted(file.parent.name for file in (folder / FEATURES_FOLDER).glob(f"*/{STORE_FILE}"))
        raise FeatureError(
            f"data.features: {folder} has no finished store {section.features!r} in {FEATURES_FOLDER}/; there are: "
            f"{', '.join(stores) or 'none'}. `finegym features {'flow' if section.modality == 'flow' else 'pose'}` "
            "makes one."
        )
    return path


def _describe_features(section: DataSection, store: FeatureStore) -> dict[str, Any]:
    settings = store.settings
    return {
        "name": section.features,
        "index_sha256": store.facts.index_sha256,
        "settings": {"kind": settings.kind, "unit": settings.unit, **settings.parameters, **settings.details},
    }


def _open_pickle(section: DataSection) -> RecognitionData:
    content = open_pose_pickle(section.dataset, split=section.split or None, missing=section.missing)
    return RecognitionData(
        split=content.name,
        subset=content.name,
        class_ids=content.class_ids,
        class_names=content.class_names,
        labels=content.labels,
        source=content.poses,
        facts={"features": {"name": section.dataset, "sha256": content.sha256, "oddities": dict(content.oddities)}},
    )


def describe_split(folder: Path, split: Split) -> dict[str, Any]:
    """What identifies a split: for a run's facts."""
    return {
        "name": split.name,
        "subset": split.subset.name,
        "subset_sha256": split.subset.sha256,
        **{f"{side}_sha256": hash_file(folder / f"{side}.txt") for side in SIDES},
    }


def hash_file(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_view(recipe: Recipe, source: Any, normalisation: Normalisation | None, crops_test: str = "centre") -> View:
    """What the recipe's model sees of an instance.

    Args:
        recipe: says the modality and everything about it.
        source: of that modality; ``open_data(recipe.data).source``.
        normalisation: what the model wants of its pixels; ``None`` for one that sees none.
        crops_test: views of evaluation; apart from the recipe's, because validation while training looks at the centre
            only.
    """
    data = recipe.data
    if data.modality == "pose":
        assert recipe.pose is not None, "the recipe was checked"
        return PoseView(source, **recipe.pose.model_dump())
    if data.modality == "heatmap":
        assert recipe.heatmap is not None, "the recipe was checked"
        return HeatmapView(source, **recipe.heatmap.model_dump())
    crops = Crops(data.short_side, data.crop_size, data.crop_scales, crops_test)
    if recipe.clip is not None:
        stretch = Stretch(recipe.clip.clip_len, recipe.clip.frame_interval, recipe.clip.num_clips_test)
        if data.modality == "flow":
            return FlowClipView(source, stretch, crops)
        assert normalisation is not None, "a network of clips sees pixels"
        return RgbClipView(source, stretch, crops, normalisation.mean, normalisation.std)
    segments = (data.num_segments, data.num_segments_test)
    if data.modality == "flow":
        return FlowView(source, *segments, crops, data.flow_frames)
    assert normalisation is not None, f"a model that sees no pixels cannot take {data.modality}"
    if data.modality == "rgb-diff":
        return RgbDifferenceView(source, *segments, crops, normalisation.mean, normalisation.std, data.flow_frames)
    return RgbView(source, *segments, crops, normalisation.mean, normalisation.std)
