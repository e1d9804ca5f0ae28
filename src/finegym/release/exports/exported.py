"""What every export takes and gives, and the names of its files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from finegym.annotations.model import Dataset, SubAction
from finegym.annotations.splits import Split
from finegym.codebook.model import Codebook
from finegym.release.exports.facts import Fact, describe_count, describe_lost

# What a file name may not hold on one of the common systems; "%" so that names can be told apart.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]|^[.\-]|[. ]$')
_MAX_NAME_BYTES = 200


@dataclass(frozen=True)
class ExportSettings:
    """What exports of a dataset may be told.

    Attributes:
        is_simulated: nobody filmed the records; formats with a place for it say so.
        frame_times: of records whose files were looked at, the presentation time of every frame: float64 (F,), ms.
            Frames of other records are counted by their frame rate.
        splits: for formats with a place for them.
        pad_ms: of the spotting layout, how much of the record around every action belongs to its film.
        allow_loss: leave out, and count, records that a format has no place for.
    """

    is_simulated: bool = False
    frame_times: Mapping[str, np.ndarray] = field(default_factory=dict)
    splits: tuple[Split, ...] = ()
    pad_ms: int = 0
    allow_loss: bool = False


@dataclass(frozen=True)
class Exported:
    """What was written, and what was not.

    Attributes:
        written: the files.
        counts: how much of what they hold.
        cannot_carry: what the format has no place for, a line each: what, how many, and the first of them.
    """

    written: tuple[Path, ...]
    counts: Mapping[str, int]
    cannot_carry: tuple[str, ...]


SIMULATED = "records that are simulated, which the format does not say"


def list_simulated(dataset: Dataset, settings: ExportSettings) -> dict[str, list[str]]:
    """What to say of the records where a format has no place for their being simulated."""
    return {SIMULATED: [video.id for video in dataset.videos] if settings.is_simulated else []}


def make_exported(
    dataset: Dataset, written: Iterable[Path], carried: Collection[Fact], left_out: Mapping[str, Collection[str]]
) -> Exported:
    """Count what a dataset holds, and say what of it the format does not carry.

    Args:
        dataset: what was written, without what was left out.
        written: the files.
        carried: facts that are in them.
        left_out: what besides facts is not, and of whom.
    """
    losses = [describe_count(what, ids) for what, ids in left_out.items() if ids]
    counts = count_contents(dataset)
    if "stages" not in carried:
        del counts["stages"]
    return Exported(tuple(written), counts, (*losses, *describe_lost(dataset, carried)))


def count_contents(dataset: Dataset) -> dict[str, int]:
    """How many records, actions, sub-actions and stages (of sub-actions that have several)."""
    subs = [instance.sub_action for instance in dataset.iterate_instances()]
    return {
        "records": len(dataset.videos),
        "actions": sum(len(video.actions) for video in dataset.videos),
        "sub-actions": len(subs),
        "stages": sum(len(sub.stages) for sub in subs if len(sub.stages) > 1),
    }


def get_set_id(sub: SubAction, codebook: Codebook) -> str | None:
    """The set of a sub-action: its element's, or the one that is known without an element."""
    element = codebook.element_by_id.get(sub.element_id or "")
    return element.set_id if element else sub.set_id


def name_files(ids: Iterable[str], suffix: str) -> dict[str, str]:
    """A file name for every id, safe on every common system; the id itself stands in the file.

    Signs that file names may not hold become ``%`` and their code; ids that differ only in case get a number.

    Example:
        >>> name_files(["-x/y", "跳 é", "a", "A"], ".eaf")
        {'-x/y': '%2Dx%2Fy.eaf', '跳 é': '跳 é.eaf', 'a': 'a.eaf', 'A': 'A~2.eaf'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for id_ in ids:
        safe = _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), id_)
        stem = safe.encode()[:_MAX_NAME_BYTES].decode(errors="ignore") or "record"
        name, number = stem, 1
        while _fold(name) in taken:
            number += 1
            name = f"{stem}~{number}"
        taken.add(_fold(name))
        names[id_] = name + suffix
    return names


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
