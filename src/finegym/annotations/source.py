"""From the path that a person types to a dataset: a dataset folder, a folder of official files or a folder of clips."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finegym.annotations.clip_folder import ClipFolder, Probe, is_clip_folder, read_clip_folder
from finegym.annotations.folder import is_dataset_folder, read_dataset
from finegym.annotations.lists import InstanceList, read_instance_list
from finegym.annotations.model import Dataset
from finegym.annotations.official import OfficialDataset, is_official_folder, read_official_dataset
from finegym.annotations.subsets import read_categories
from finegym.errors import AnnotationError


@dataclass(frozen=True)
class Source:
    """A dataset, its lists, and where they came from.

    Attributes:
        path: the folder.
        kind: ``"folder"``, ``"official"`` or ``"clips"``, as people read it.
        dataset: what it holds.
        lists: splits by setting and part (``lists["gym99"]["train"]``), as they stand in the files.
        class_elements: per setting of the element level, the element id of every class index.
        official: everything about an official folder, where it is one.
        clips: everything about a folder of clips, where it is one.
    """

    path: Path
    kind: str
    dataset: Dataset
    lists: Mapping[str, Mapping[str, InstanceList]] = field(default_factory=dict)
    class_elements: Mapping[str, Sequence[str]] = field(default_factory=dict)
    official: OfficialDataset | None = None
    clips: ClipFolder | None = None


def open_source(
    path: Path,
    *,
    probe: Probe | None = None,
    group_pattern: str | None = None,
    exclude: Sequence[str] = (),
    skip_damaged: bool = False,
    workers: int = 1,
) -> Source:
    """Read the dataset that a path names.

    Args:
        path: a dataset folder (``codebook.yaml``, ``annotations.json``), a folder of official FineGym files, or a
            folder of trimmed clips.
        probe: reads the facts of a clip; a folder of clips needs it.
        group_pattern: for a folder of clips, as for ``read_clip_folder``; so are the following.
        exclude: clips to leave out.
        skip_damaged: leave out clips that do not decode.
        workers: processes that probe clips.

    Raises:
        AnnotationError: it is none of these, or cannot be read.
        CodebookError: the official category files cannot be read.
    """
    path = Path(path)
    if is_dataset_folder(path):
        lists, class_elements = _read_splits(path)
        return Source(path, "folder", read_dataset(path), lists, class_elements)
    if is_official_folder(path):
        official = read_official_dataset(path)
        element_by_glabel = {element.glabel: element.id for element in official.dataset.codebook.elements}
        class_elements = {
            setting: [element_by_glabel[glabel] for glabel in glabels]
            for setting, glabels in official.files.class_glabels.items()
        }
        return Source(path, "official", official.dataset, official.lists, class_elements, official=official)
    if probe is not None and is_clip_folder(path):
        clips = read_clip_folder(
            path,
            probe,
            group_pattern=group_pattern,
            exclude=exclude,
            skip_damaged=skip_damaged,
            workers=workers,
        )
        return Source(path, "clips", clips.dataset, clips=clips)
    if not path.exists():
        raise AnnotationError(f"{path}: there is no such folder. Check the path.")
    wanted = ["a dataset folder (codebook.yaml, annotations.json)", "official FineGym files (set_categories.txt)"]
    wanted += ["a folder of clips (a subfolder a class)"] if probe is not None else []
    raise AnnotationError(f"{path}: expected {', or '.join(wanted)}; found none of their files. Check the path.")


def _read_splits(folder: Path) -> tuple[dict[str, dict[str, InstanceList]], dict[str, Sequence[str]]]:
    """The lists under ``splits/`` as they stand, contradictions included: ``check`` is to find those.

    ``splits.read_split`` is the strict reader, for those who train and evaluate.
    """
    lists: dict[str, dict[str, InstanceList]] = {}
    class_elements: dict[str, Sequence[str]] = {}
    for split in sorted(path.parent for path in folder.glob("splits/*/split.json")):
        lists[split.name] = {side: read_instance_list(split / f"{side}.txt") for side in ("train", "val")}
        try:
            level = json.loads((split / "split.json").read_bytes())["subset"]["level"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AnnotationError(
                f"{split / 'split.json'}: does not say subset.level ({error}). Write it again."
            ) from error
        if level == "element":
            subset = read_categories(split / "categories.txt", split.name, "element")
            class_elements[split.name] = [class_.id for class_ in subset.classes]
    return lists, class_elements
