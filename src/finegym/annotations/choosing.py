"""From the names that a person types to a subset or a split of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from finegym.annotations.official import find_official_folders
from finegym.annotations.source import Source
from finegym.annotations.splits import (
    OFFICIAL_VERSIONS,
    Split,
    get_official_list_names,
    read_official_split,
    read_split,
)
from finegym.annotations.subsets import OFFICIAL_LISTS, Subset, find_subset, map_glabels
from finegym.codebook.official import read_official_files
from finegym.errors import AnnotationError


def choose_subset(source: Source, name: str, official_folder: Path | None = None) -> Subset:
    """The subset of a name; class lists of the source's own splits count too.

    Args:
        source: a dataset and its lists.
        name: as for ``find_subset``; also the name of one of the source's splits.
        official_folder: where FineGym's category files are, for ``gym99`` and ``gym288`` of other datasets.

    Raises:
        AnnotationError: no such subset; the message lists what there is.
    """
    class_elements: dict[str, Sequence[str]] = dict(source.class_elements)
    codebook = source.dataset.codebook
    if official_folder is not None:
        class_elements.update(map_glabels(read_official_files(official_folder).class_glabels, codebook))
    return find_subset(name, codebook, class_elements)


def choose_split(source: Source, name: str) -> tuple[Split, Path]:
    """The split of a name, and the folder that its lists are in.

    Args:
        source: a dataset and its lists.
        name: a folder under the dataset's ``splits/``, the path of a split folder, or for official folders ``gym99``,
            ``gym288``, ``gym99-v1.0``, ``gym288-v1.0``.

    Raises:
        AnnotationError: no such split (the message lists what there is), or it is damaged.
    """
    for folder in (source.path / "splits" / name, Path(name)):
        if (folder / "split.json").is_file():
            return read_split(folder), folder
    if source.official is not None:
        folder, _ = find_official_folders(source.path)
        base, _, version = name.partition("-v")
        version = version or OFFICIAL_VERSIONS[0]
        if base in OFFICIAL_LISTS and version in OFFICIAL_VERSIONS:
            return read_official_split(folder, base, source.official.files, version), folder
    known = list_splits(source)
    nearest = get_close_matches(name.casefold(), [*(OFFICIAL_LISTS if source.official else ()), *known], n=1)
    hint = f" (did you mean {nearest[0]}?)" if nearest else ""
    raise AnnotationError(
        f"{source.path} has no split {name!r}{hint}, and that is no split folder (split.json, train.txt, val.txt, "
        f"categories.txt) either; there are: {', '.join(known) or 'none'}. Make one with finegym annotations split."
    )


def list_splits(source: Source) -> list[str]:
    """The names that ``choose_split`` knows for a source."""
    if source.official is None:
        return sorted(path.parent.name for path in source.path.glob("splits/*/split.json"))
    folder, _ = find_official_folders(source.path)
    return [
        f"{name}-v{version}"
        for name in OFFICIAL_LISTS
        for version in OFFICIAL_VERSIONS
        if all((folder / file).is_file() for file in get_official_list_names(name, version).values())
    ]
