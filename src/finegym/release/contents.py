"""What a release holds, as one value that every writer of a part reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from finegym.annotations.model import Action, Dataset, Video
from finegym.release.diff import ReleaseDiff
from finegym.release.exclusions import Exclusions
from finegym.release.leak_gate import GatedSplit
from finegym.release.settings import Athletes, ReleaseSettings
from finegym.release.source import ReleaseSource

RECORDS_FOLDER = "records"
_DIGITS = 6


@dataclass(frozen=True)
class Contents:
    """A release before it is written.

    Attributes:
        name: of the dataset.
        settings: what was asked for.
        source: what it is made of; its ``dataset`` is the one before rules of exclusion.
        exclusions: rules, with the dataset after them.
        splits: that passed the leak gate.
        changes: since the last release, where one was named.
        num_moved_paths: media files that lie outside of the source's folder, whose paths were replaced.
    """

    name: str
    settings: ReleaseSettings
    source: ReleaseSource
    exclusions: Exclusions
    splits: tuple[GatedSplit, ...]
    changes: ReleaseDiff | None = None
    num_moved_paths: int = 0

    @property
    def dataset(self) -> Dataset:
        """What is released."""
        return self.exclusions.dataset

    @property
    def title(self) -> str:
        """What people call it."""
        return self.settings.about.title or self.name


def format_json(value: Any) -> str:
    """JSON as releases hold it: indented, floats rounded to six decimals, a line end at its end.

    Example:
        >>> print(format_json({"share": 0.30000000000000004}), end="")
        {
         "share": 0.3
        }
    """
    return json.dumps(_round(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _round(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, Mapping):
        return {str(key): _round(item) for key, item in value.items()}
    return [_round(item) for item in value] if isinstance(value, list | tuple) else value


def prepare_dataset(dataset: Dataset, athletes: Athletes) -> Dataset:
    """The dataset without what belongs to this machine, athletes as asked, sets wherever an element says them.

    A media file outside of the dataset's folder becomes ``records/<id>.<suffix>``: where a reader is to put it.
    """
    numbers: dict[str, str] = {}
    for video in dataset.videos:
        for action in video.actions:
            if action.athlete is not None:
                numbers.setdefault(action.athlete, f"athlete-{len(numbers) + 1}")
    if athletes == "named":
        numbers = {name: name for name in numbers}
    renamed: Mapping[str, str] = {} if athletes == "left-out" else numbers
    set_of = {element.id: element.set_id for element in dataset.codebook.elements}
    videos = []
    for video in dataset.videos:
        actions = tuple(_prepare_action(action, renamed, set_of) for action in video.actions)
        videos.append(replace(video, path=make_public_path(video), actions=actions))
    return Dataset(dataset.codebook, tuple(videos))


def _prepare_action(action: Action, renamed: Mapping[str, str], set_of: Mapping[str, str]) -> Action:
    subs = action.sub_actions
    if subs is not None:
        subs = tuple(replace(sub, set_id=set_of.get(sub.element_id or "", sub.set_id)) for sub in subs)
    return replace(action, sub_actions=subs, athlete=renamed.get(action.athlete or ""))


def make_public_path(video: Video) -> str | None:
    """The path of a media file as a release writes it.

    Example:
        >>> make_public_path(Video("final", (), path="/data/2012/final.mkv"))
        'records/final.mkv'
    """
    if video.path is None:
        return None
    is_inside = not (
        PurePosixPath(video.path).is_absolute()
        or PureWindowsPath(video.path).is_absolute()
        or ".." in PurePosixPath(video.path).parts
    )
    return video.path if is_inside else f"{RECORDS_FOLDER}/{video.id}{PurePosixPath(video.path).suffix}"
