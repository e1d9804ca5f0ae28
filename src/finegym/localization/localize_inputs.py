"""What ``finegym localize`` is given: videos or a dataset, and one localizer or two."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from finegym.annotations.folder import is_dataset_folder
from finegym.errors import ConfigError
from finegym.files import hash_samples
from finegym.localization.localize import Localized, localize_dataset, move_recipe, open_dataset, write_localized
from finegym.localization.methods import METHODS
from finegym.localization.nested import ACTIONS_FILE, NESTED_FILE, SUB_ACTIONS_FILE, localize_nested
from finegym.localization.opening import OpenedRun
from finegym.localization.outputs import check_detections_path, check_nested_path
from finegym.localization.parts import get_parts
from finegym.localization.recordings import make_recordings, open_recordings
from finegym.localization.timelines import Timeline


def localize_inputs(
    opened: OpenedRun,
    inputs: Sequence[Path],
    out: Path,
    *,
    split: str = "",
    side: str = "val",
    features_runs: Sequence[Path] = (),
    device: str = "cpu",
) -> Localized:
    """Look with one localizer through videos, or through a side of a dataset's split, and write one file.

    Args:
        opened: the localizer.
        inputs: video files, or one dataset folder.
        out: the file.
        split: of a dataset; the run's by default.
        side: of a dataset.
        features_runs: as for ``open_recordings``.
        device: where recognisers run.

    Raises:
        ConfigError: the inputs are neither, or do not suit.
        OutputError: ``out`` is there, and no file of detections of ours.
    """
    is_dataset = _is_dataset(inputs, split, features_runs)
    if not is_dataset and out.exists() and any(out.samefile(path) for path in inputs if path.exists()):
        raise ConfigError(f"--out {out} is one of the videos. Give another file.")
    check_detections_path(out)
    if is_dataset:
        return localize_dataset(opened, inputs[0], out, split=split, side=side)
    recordings = make_recordings(inputs, opened.classes)
    source = open_recordings(opened, recordings.timelines, get_parts(out), features_runs=features_runs, device=device)
    return write_localized(opened, recordings, source, out, _describe(inputs))


def localize_nested_inputs(
    actions: OpenedRun,
    sub_actions: OpenedRun,
    inputs: Sequence[Path],
    out: Path,
    *,
    split: str = "",
    side: str = "val",
    min_score: float,
    min_sub_score: float,
    features_runs: Sequence[Path] = (),
    device: str = "cpu",
) -> tuple[Localized, Localized]:
    """Look for actions, and in those for sub-actions; arguments as for ``localize_inputs`` and ``localize_nested``.

    ``features_runs`` are those of both localizers, which then join as many stores. ``out`` is a folder.
    """
    for name in (ACTIONS_FILE, SUB_ACTIONS_FILE):
        check_detections_path(out / name)
    check_nested_path(out / NESTED_FILE)
    if _is_dataset(inputs, split, features_runs):
        records, _ = open_dataset(actions, inputs[0], split=split, side=side)
        read = partial(_open_stored, inputs[0])
        more = {"given_split": split or actions.recipe.data.split, "side": side}
        return localize_nested(
            actions, sub_actions, records, read, out, min_score=min_score, min_sub_score=min_sub_score, more=more
        )
    recordings = make_recordings(inputs, actions.classes)
    make = partial(_open_made, get_parts(out / ACTIONS_FILE), features_runs, device)
    return localize_nested(
        actions,
        sub_actions,
        recordings,
        make,
        out,
        min_score=min_score,
        min_sub_score=min_sub_score,
        more=_describe(inputs),
    )


def _open_stored(folder: Path, opened: OpenedRun, timelines: Sequence[Timeline]) -> Any:
    return METHODS[opened.recipe.model.name].open_source(folder, move_recipe(opened, folder))


def _open_made(
    work: Path, features_runs: Sequence[Path], device: str, opened: OpenedRun, timelines: Sequence[Timeline]
) -> Any:
    return open_recordings(opened, timelines, work, features_runs=features_runs, device=device)


def _is_dataset(inputs: Sequence[Path], split: str, features_runs: Sequence[Path]) -> bool:
    folders = [path for path in inputs if path.is_dir()]
    if not folders:
        if split:
            raise ConfigError("--split is for a dataset folder, and videos are given")
        return False
    if len(inputs) > 1:
        raise ConfigError(f"{folders[0]} is a folder: give one dataset folder, or video files")
    if not is_dataset_folder(folders[0]):
        raise ConfigError(f"{folders[0]} is a folder, but no dataset: it lacks a codebook or annotations")
    if features_runs:
        raise ConfigError(f"--features-run is for videos; of the dataset {folders[0]}, the snippets are there")
    return True


def _describe(inputs: Sequence[Path]) -> dict[str, Any]:
    """Videos by what is in them: parts found in one of before are not gone on with."""
    return {"videos": {str(path): hash_samples(path) for path in inputs}}
