"""A folder of official FineGym files as one dataset: annotations, categories and the Gym99 and Gym288 lists together.

The annotation JSON holds times and events; which element a sub-action shows stands only in the lists. A label is a
class index of one setting (Gym99, Gym288 …), which its category file maps to a Glabel, and that to an element of the
codebook.

All files may lie in one folder, or the category files and lists in ``official/`` and the JSON in ``annotations/``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finegym.annotations.annotation_json import pause_garbage_collection, read_annotation_json, write_annotation_json
from finegym.annotations.lists import InstanceList, read_instance_list
from finegym.annotations.model import Dataset
from finegym.codebook.official import SETS_FILE, OfficialFiles, read_official_codebook, read_official_files
from finegym.errors import AnnotationError, join_problems

__all__ = [
    "LabelConflict",
    "OfficialDataset",
    "find_official_folders",
    "is_official_folder",
    "read_annotation_json",
    "read_official_codebook",
    "read_official_dataset",
    "write_annotation_json",
]

_LIST_FILE = re.compile(r"(?P<setting>gym[0-9]+)_(?P<part>train|val)_element(?:_v(?P<version>[0-9.]+))?\.txt")
_JSON_FILE = re.compile(r"finegym_annotation_info(?:_v(?P<version>[0-9]+\.[0-9]+))?(?:\.[a-z]+)?\.json(?:\.gz)?")
_SUBFOLDERS = ("", "official", "annotations")


@dataclass(frozen=True, slots=True)
class LabelConflict:
    """An instance that two lists call two elements; the dataset leaves it without an element.

    Attributes:
        instance_id: the sub-action.
        element_ids: what each list (``"gym99/train"``) says.
    """

    instance_id: str
    element_ids: Mapping[str, str]


@dataclass(frozen=True)
class OfficialDataset:
    """What a folder of official files holds.

    Attributes:
        dataset: records with elements where a list names one.
        files: categories and trees, with the Glabel of every class index (``files.class_glabels["gym99"]``).
        lists: the official splits: ``lists["gym99"]["train"]``, ``lists["gym99"]["val"]`` …
        version: of the lists and the annotations, ``"1.1"``.
        not_annotated: instances of a list (``"gym288/train"``) that the JSON does not hold: they have a label but no
            times, and are not in ``dataset``.
        conflicts: instances that two lists label differently.
        paths: where annotations (``"annotations"``) and lists (``"gym99/train"``) were read from.
    """

    dataset: Dataset
    files: OfficialFiles
    lists: Mapping[str, Mapping[str, InstanceList]]
    version: str
    not_annotated: Mapping[str, tuple[str, ...]]
    conflicts: tuple[LabelConflict, ...]
    paths: Mapping[str, Path]


def is_official_folder(folder: Path) -> bool:
    """Whether a folder looks like one of official files: it holds category files."""
    return any((Path(folder) / subfolder / SETS_FILE).is_file() for subfolder in _SUBFOLDERS)


def find_official_folders(folder: Path) -> tuple[Path, Path]:
    """The folder of the category files and lists, and the path of the annotation JSON of the newest version.

    Raises:
        AnnotationError: one of them is missing, or two files claim the same version.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise AnnotationError(
            f"{folder}: expected a folder of official FineGym files, but there is none. Check the path."
        )
    categories = [folder / name for name in _SUBFOLDERS if (folder / name / SETS_FILE).is_file()]
    if not categories:
        raise AnnotationError(
            f"{folder}: no {SETS_FILE} here or in official/. Put the official category files and lists there."
        )
    found: dict[tuple[int, ...], Path] = {}
    for path in sorted(path for name in _SUBFOLDERS for path in (folder / name).glob("finegym_annotation_info*")):
        match = _JSON_FILE.fullmatch(path.name)
        version = _parse_version(match["version"]) if match else None
        if version in found:
            raise AnnotationError(f"{path} and {found[version]} are the same version. Keep one of them.")
        if version is not None:
            found[version] = path
    if not found:
        raise AnnotationError(
            f"{folder}: no finegym_annotation_info_v1.1.json(.gz) here or in annotations/. Put the file there."
        )
    return categories[0], found[max(found)]


def read_official_dataset(folder: Path, version: str | None = None) -> OfficialDataset:
    """Read a folder of official FineGym files.

    Args:
        folder: holds all files, or ``official/`` and ``annotations/`` with them.
        version: of the train lists, ``"1.0"`` or ``"1.1"``; the newest there is by default. Validation lists have no
            version. The annotation JSON is always the newest: v1.1 only adds to v1.0.

    Raises:
        AnnotationError: a file is missing or damaged, or a class index is outside its category file.
        CodebookError: the category files or trees are damaged.
    """
    with pause_garbage_collection():
        return _read_official_dataset(*find_official_folders(folder), version)


def _read_official_dataset(categories: Path, json_path: Path, version: str | None) -> OfficialDataset:
    files = read_official_files(categories)
    list_paths, list_version = _find_lists(categories, version)
    lists: dict[str, dict[str, InstanceList]] = {}
    for (setting, part), path in sorted(list_paths.items()):
        lists.setdefault(setting, {})[part] = read_instance_list(path)
    element_ids, conflicts = _merge_labels(lists, files, list_paths)
    dataset = Dataset(files.codebook, read_annotation_json(json_path, files.codebook, element_ids=element_ids))
    annotated = {instance.id for instance in dataset.iterate_instances()}
    return OfficialDataset(
        dataset=dataset,
        files=files,
        lists=lists,
        version=list_version,
        not_annotated={
            f"{setting}/{part}": tuple(id_ for id_ in listed.label_by_id if id_ not in annotated)
            for setting, parts in lists.items()
            for part, listed in parts.items()
        },
        conflicts=conflicts,
        paths={
            "annotations": json_path,
            **{f"{setting}/{part}": path for (setting, part), path in list_paths.items()},
        },
    )


def _parse_version(text: str | None) -> tuple[int, ...]:
    return tuple(int(number) for number in (text or "0").split(".") if number)


def _find_lists(folder: Path, version: str | None) -> tuple[dict[tuple[str, str], Path], str]:
    """The list of every setting and part: of the wanted version, the newest, or the only one."""
    found: dict[tuple[str, str], dict[str | None, Path]] = {}
    for path in sorted(folder.glob("gym*_element*.txt")):
        match = _LIST_FILE.fullmatch(path.name)
        if match:
            found.setdefault((match["setting"], match["part"]), {})[match["version"]] = path
    versions = {version for paths in found.values() for version in paths if version is not None}
    if version is not None and version not in versions:
        known = ", ".join(sorted(versions)) or "unversioned ones only"
        raise AnnotationError(f"{folder}: no lists of version {version}; there are {known}.")
    wanted = version or max(versions, key=_parse_version, default="")
    missing = [f"{setting}_{part}" for (setting, part), paths in found.items() if not paths.keys() & {wanted, None}]
    if missing:
        raise AnnotationError(
            f"{folder}: no list of version {wanted} for {', '.join(missing)}. Add it, or choose another version."
        )
    return {key: paths[wanted] if wanted in paths else paths[None] for key, paths in found.items()}, wanted


def _merge_labels(
    lists: Mapping[str, Mapping[str, InstanceList]], files: OfficialFiles, paths: Mapping[tuple[str, str], Path]
) -> tuple[dict[str, str], tuple[LabelConflict, ...]]:
    """The element of every listed instance, and where lists disagree."""
    element_by_glabel = {element.glabel: element.id for element in files.codebook.elements}
    problems: list[str] = []
    merged: dict[str, str] = {}
    disagreeing: set[str] = set()
    said: dict[str, dict[str, str]] = {}
    for setting, parts in lists.items():
        glabels = files.class_glabels.get(setting)
        if glabels is None:
            glabels = tuple(range(len(files.codebook.elements))) if setting == "gym530" else ()
        elements = [element_by_glabel[glabel] for glabel in glabels]
        for part, listed in parts.items():
            labels = listed.label_by_id
            outside = {id_: index for id_, index in labels.items() if index >= len(elements)}
            problems += [
                f"{paths[setting, part]}: {id_} has class index {index}, but {setting}_categories.txt has "
                f"{len(elements)} classes"
                for id_, index in outside.items()
            ]
            named = {id_: elements[index] for id_, index in labels.items() if id_ not in outside}
            disagreeing.update(id_ for id_, element_id in named.items() if merged.get(id_, element_id) != element_id)
            merged.update(named)
            said[f"{setting}/{part}"] = named
    if problems:
        raise AnnotationError(f"{join_problems(problems)}. Correct the lists, or add the category file.")
    conflicts = tuple(
        LabelConflict(id_, {name: named[id_] for name, named in said.items() if id_ in named})
        for id_ in sorted(disagreeing)
    )
    return {id_: element_id for id_, element_id in merged.items() if id_ not in disagreeing}, conflicts
