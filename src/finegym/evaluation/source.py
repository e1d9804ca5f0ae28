"""From what a person types to a split that fits its dataset."""

from __future__ import annotations

import hashlib

from finegym.annotations.choosing import choose_split
from finegym.annotations.lists import format_list, make_list
from finegym.annotations.source import Source
from finegym.annotations.splits import Split, check_split

TRUTH_FOLDER = "truth"


def find_split(source: Source, name: str) -> Split:
    """The split of a name or a path, checked against the dataset.

    Args:
        source: ``annotations.source.open_source(path)``.
        name: as for ``choose_split``.

    Raises:
        AnnotationError: there is no such split, it is damaged, or it does not fit the dataset.
    """
    split, folder = choose_split(source, name)
    if source.official is None:  # FineGym's own lists hold instances that its annotations lack
        check_split(split, source.dataset, folder)
    return split


def is_simulated(source: Source) -> bool:
    """Whether a dataset is a simulated competition: only those have a ``truth`` folder."""
    return (source.path / TRUTH_FOLDER).is_dir()


def hash_side(split: Split, side: str) -> str:
    """SHA-256 of a side of a split as it stands in a split folder (``val.txt``)."""
    return hashlib.sha256(format_list(make_list(dict(split.get_side(side)))).encode()).hexdigest()
