"""What stands beside a source in files of its own: rules of exclusion, agreement, the annotators' folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from finegym.errors import ConfigError, join_problems
from finegym.quality.agreement_files import FORMAT
from finegym.quality.unit_files import read_units
from finegym.quality.units import Level
from finegym.release.agreement_card import number_names
from finegym.release.exclusions import EXCLUSIONS_FILE, ExclusionsFile
from finegym.release.manifest import hash_file
from finegym.release.source import MediaFile, ReleaseSource, Stage
from finegym.release.toml_files import read_toml

STAGES: dict[Level, Stage] = {"action": "routines", "sub-action": "sub-actions"}
"""Folders know no stages: a sub-action of an annotator's folder has its element too."""


def add_exclusions(source: ReleaseSource, folder: Path, path: Path | None = None) -> ReleaseSource:
    """The source with the rules of a file; ``exclusions.toml`` of its folder by default, where there is one.

    Raises:
        ConfigError: the file cannot be read.
    """
    file = path or Path(folder) / EXCLUSIONS_FILE
    if path is None and not file.is_file():
        return source
    rules = read_toml(file, ExclusionsFile).rule
    return replace(source, exclusions=tuple(rule.model_dump() for rule in rules))


def add_agreement(source: ReleaseSource, path: Path) -> ReleaseSource:
    """The source with a measurement of agreement, annotators as numbers.

    Raises:
        ConfigError: the file cannot be read, or is none.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: expected the JSON of `finegym quality agreement`, but: {error}.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT or content.get("level") not in get_args(Level):
        raise ConfigError(f"{path}: expected the JSON of `finegym quality agreement`, got another. Check the path.")
    stage = STAGES[content["level"]]
    if stage in source.agreement:
        raise ConfigError(f"{path}: agreement on {stage} is given twice. Give one file a level.")
    return replace(source, agreement={**source.agreement, stage: number_names(content)})


def add_annotators(source: ReleaseSource, paths: Sequence[Path]) -> ReleaseSource:
    """The source with what several annotators found, a dataset folder each: for votes and agreement.

    Raises:
        AnnotationError: a folder cannot be read, or has another codebook.
    """
    return replace(source, units={stage: read_units(paths, level=level) for level, stage in STAGES.items()})


def add_media(source: ReleaseSource, folder: Path) -> ReleaseSource:
    """The source with the SHA-256 of every media file that is there, so that readers can tell theirs.

    Args:
        source: with records whose paths are relative to ``folder``.
        folder: of the source.

    Raises:
        ConfigError: a file is not there, or cannot be read; all of them are named.
    """
    media, missing = dict(source.media), []
    for video in source.dataset.videos:
        if video.path is None:
            missing.append(f"{video.id} (no path)")
            continue
        path = Path(folder) / video.path
        try:
            media[video.id] = MediaFile(hash_file(path), path.stat().st_size)
        except OSError as error:
            missing.append(f"{video.path} ({error.strerror})")
    if missing:
        raise ConfigError(
            f"media files of {len(missing)} records cannot be hashed: {join_problems(missing, 5)}. Put them there, or "
            "leave --hash-media away."
        )
    return replace(source, media=media)
