"""What stands beside a source in files of its own: rules of exclusion, agreement, the annotators' folders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from finegym.errors import ConfigError, join_problems
from finegym.quality.agreement_files import FORMAT
from finegym.quality.consensus_files import CONSENSUS_FORMAT
from finegym.quality.unit_files import read_units
from finegym.quality.units import Level
from finegym.release.agreement_card import number_names
from finegym.release.exclusions import EXCLUSIONS_FILE, ExclusionsFile
from finegym.release.manifest import hash_file
from finegym.release.source import Decision, MediaFile, ReleaseSource, Stage
from finegym.release.toml_files import read_toml

STAGES: dict[Level, Stage] = {"action": "routines", "sub-action": "sub-actions"}
"""Folders know no stages: a sub-action of an annotator's folder has its element too."""
_CHOICES = {"agreed": "agreed", "one annotator": "agreed", "left out": "none", "decided": "own"}


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
    content = _read_json(path)
    if content.get("format") != FORMAT or content.get("level") not in STAGES:
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


def add_consensus(source: ReleaseSource, path: Path) -> ReleaseSource:
    """The source with what a consensus came to, unit by unit; what nobody has decided yet is ``open``.

    Args:
        source: made of the consensus.
        path: the JSON that ``finegym quality consensus --out`` writes.

    Raises:
        ConfigError: the file cannot be read, or is none.
    """
    content = _read_json(path)
    if content.get("format") != CONSENSUS_FORMAT or content.get("level") not in STAGES:
        raise ConfigError(f"{path}: expected the JSON of `finegym quality consensus --out`, got another.")
    stage = STAGES[content["level"]]
    decisions = [_read_decision(stage, item["group"], unit) for item in content["items"] for unit in item["units"]]
    return replace(source, decisions=(*source.decisions, *decisions))


def _read_decision(stage: Stage, record: str, unit: Mapping[str, Any]) -> Decision:
    ruling = unit.get("ruling") or {"is_there": True, "reason": ""}
    return Decision(
        stage=stage,
        video_id=record,
        start_ms=unit["start_ms"],
        end_ms=unit["end_ms"],
        num_found=sum(vote["found"] for vote in unit["votes"]),
        num_asked=len(unit["votes"]),
        confidence=min(unit["presence"], unit["label_belief"]),
        doubts="; ".join(reason["text"] for reason in unit["reasons"]),
        choice=_CHOICES.get(unit["decision"], "open") if ruling["is_there"] else "none",
        reason=ruling["reason"],
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}. Check the path.") from error
    except ValueError as error:
        raise ConfigError(f"{path}: expected a JSON file: {error}.") from error
    return content if isinstance(content, dict) else {}


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
