"""From what a person types to a split: the name of one in a dataset folder, a split folder, or one of FineGym's."""

from __future__ import annotations

from pathlib import Path

from finegym.annotations.source import Source
from finegym.annotations.splits import Split, check_split, read_official_split, read_split
from finegym.annotations.subsets import OFFICIAL_LISTS
from finegym.errors import AnnotationError

SPLITS_FOLDER, SPLIT_FILE, TRUTH_FOLDER = "splits", "split.json", "truth"


def find_split(source: Source, name: str) -> Split:
    """The split of a name or a path, checked against the dataset.

    Args:
        source: ``annotations.source.open_source(path)``.
        name: a split of the dataset folder (``splits/<name>``), the path of a split folder, or, in a folder of official
            files, ``gym99`` or ``gym288``.

    Raises:
        AnnotationError: there is no such split, it is damaged, or it does not fit the dataset.
    """
    folders = [source.path / SPLITS_FOLDER / name, Path(name)]
    folder = next((folder for folder in folders if (folder / SPLIT_FILE).is_file()), None)
    if folder is not None:
        split = read_split(folder)
        check_split(split, source.dataset, folder)
        return split
    if source.official is not None and name in OFFICIAL_LISTS:
        folder = source.official.paths[f"{name}/val"].parent
        return read_official_split(folder, name, source.official.files, source.official.version)
    known = sorted(path.parent.name for path in (source.path / SPLITS_FOLDER).glob(f"*/{SPLIT_FILE}"))
    known += [list_ for list_ in OFFICIAL_LISTS if source.official is not None]
    raise AnnotationError(
        f"{source.path} has no split {name!r}, and it is no split folder; there are: {', '.join(known) or 'none'}. "
        "`finegym annotations split` makes one."
    )


def is_simulated(source: Source) -> bool:
    """Whether a dataset is a simulated competition: only those have a ``truth`` folder."""
    return (source.path / TRUTH_FOLDER).is_dir()
