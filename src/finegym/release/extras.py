"""What stands beside a source in files of its own: rules of exclusion, agreement, the annotators' folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from finegym.errors import ConfigError
from finegym.release.exclusions import EXCLUSIONS_FILE, ExclusionsFile
from finegym.release.source import ReleaseSource
from finegym.release.toml_files import read_toml
from finegym.release.votes import collect_votes


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
    """The source with a measurement of agreement.

    Raises:
        ConfigError: the file cannot be read, or is none.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: expected the JSON of `finegym quality agreement`, but: {error}.") from error
    if not isinstance(content, dict) or not str(content.get("format", "")).startswith("finegym-agreement/"):
        raise ConfigError(f"{path}: expected the JSON of `finegym quality agreement`, got another. Check the path.")
    return replace(source, agreement=content)


def add_votes(source: ReleaseSource, paths: Sequence[Path]) -> ReleaseSource:
    """The source with the votes of several annotators, a dataset folder each; their numbers are their order.

    Raises:
        AnnotationError: a folder cannot be read, or has another codebook.
    """
    from finegym.quality.unit_files import read_units

    names = [f"annotator-{number}" for number in range(1, len(paths) + 1)]
    return replace(source, votes=collect_votes(read_units(paths, names, "sub-action"), source.dataset))
