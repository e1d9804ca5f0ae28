"""What lies in a feature store's folder before a build: a finished store, or what one that was stopped has made."""

from __future__ import annotations

import zlib
from pathlib import Path
from urllib.parse import unquote

from finegym.errors import ConfigError, FeatureError
from finegym.features.carried import read_facts
from finegym.features.store import (
    CLIPS_FOLDER,
    STORE_FILE,
    SUFFIXES,
    FeatureFacts,
    FeatureSettings,
    FeatureStore,
    StoredFeatures,
    get_clip_path,
    parse_store,
)


def find_features(
    out: Path, settings: FeatureSettings, *, verify: bool, replace: bool
) -> tuple[dict[str, StoredFeatures], tuple[str, ...]]:
    """The clips that are there, of these settings, by instance id; and the ids of those that are damaged.

    What the index of a finished store names is believed where the file has the size that it should have, unless
    ``verify``. Of a store that is not finished, the files speak for themselves.

    Args:
        out: folder of the store.
        settings: asked for.
        verify: compare every file with its checksum (of a finished store).
        replace: whether features of other settings may be replaced; they do not count as being there.

    Raises:
        ConfigError: the folder holds features of other settings.
        FeatureError: ``store.json`` is not one of a feature store.
    """
    if (out / STORE_FILE).is_file():
        current = parse_store((out / STORE_FILE).read_bytes(), out / STORE_FILE)
        if current.settings == settings:
            try:
                store = FeatureStore(out)
            except FeatureError:
                return _scan(out, settings, replace)
            return _look_at(out, [store.get(name) for name in store.instance_ids], verify)
        if not replace:
            raise _describe_clash(out, current.settings, settings)
    return _scan(out, settings, replace)


def _describe_clash(out: Path, there: FeatureSettings, asked: FeatureSettings) -> ConfigError:
    if (there.kind, there.unit) != (asked.kind, asked.unit):
        differences = [f"holds {there}, asked for {asked}"]
    else:
        is_same = there.parameters == asked.parameters
        old, new = (there.details, asked.details) if is_same else (there.parameters, asked.parameters)
        differences = [
            f"{name} {old.get(name, 'unknown')} (asked for {new.get(name, 'unknown')})"
            for name in {**old, **new}
            if old.get(name) != new.get(name)
        ]
        differences[0] = f"holds {there.kind} made with {differences[0]}"
    return ConfigError(f"{out}: {', '.join(differences)}. Choose another --out, or --replace it.")


def _look_at(out: Path, clips: list[StoredFeatures], verify: bool) -> tuple[dict[str, StoredFeatures], tuple[str, ...]]:
    there: dict[str, StoredFeatures] = {}
    damaged: list[str] = []
    for clip in clips:
        path = out / clip.path
        is_whole = path.is_file() and path.stat().st_size == clip.size_bytes
        if is_whole and verify:
            is_whole = compute_crc32(path) == clip.crc32
        if is_whole:
            there[clip.facts.instance_id] = clip
        else:
            damaged.append(clip.facts.instance_id)
    return there, tuple(damaged)


def _scan(out: Path, settings: FeatureSettings, replace: bool) -> tuple[dict[str, StoredFeatures], tuple[str, ...]]:
    there: dict[str, StoredFeatures] = {}
    damaged: dict[str, None] = {}
    for path in list_files(out):
        name = path.relative_to(out).as_posix()
        try:
            facts = read_facts(path)
        except FeatureError:
            damaged[unquote(path.stem)] = None  # signs that ids have and file names have not are written as %2F
            continue
        if facts.settings != settings:
            if not replace:
                raise _describe_clash(out, facts.settings, settings)
        elif name == get_clip_path(facts.video_id, facts.instance_id, path.suffix):
            there[facts.instance_id] = describe_file(out, path, facts)
    return there, tuple(name for name in damaged if name not in there)


def describe_file(out: Path, path: Path, facts: FeatureFacts) -> StoredFeatures:
    """A clip's file that is there, as the index names it."""
    name = path.relative_to(out).as_posix()
    return StoredFeatures(facts=facts, path=name, size_bytes=path.stat().st_size, crc32=compute_crc32(path))


def list_files(out: Path) -> list[Path]:
    """Files that have the name of a clip's, without those that a killed build did not finish; sorted."""
    files = (out / CLIPS_FOLDER).glob("*/*.*")
    return sorted(path for path in files if path.suffix in SUFFIXES and path.name[0] != "." and path.is_file())


def compute_crc32(path: Path) -> int:
    """Of a file's bytes."""
    total = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total = zlib.crc32(block, total)
    return total
