"""The end of every build: files that nobody names go, then index, list of failures, and ``store.json`` last."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from finegym import __version__
from finegym.errors import OutputError
from finegym.features.index import format_index
from finegym.features.store import (
    CLIPS_FOLDER,
    DAMAGED_SUFFIX,
    INDEX_FILE,
    SKIPPED_FILE,
    STORE_FILE,
    SUFFIXES,
    FeatureSettings,
    StoredFeatures,
    StoreFacts,
    get_clip_path,
    sum_counts,
)
from finegym.files import replace_file, write_text
from finegym.video.store.skipped import format_skipped
from finegym.video.store.units import Segment


def unfinish_store(out: Path) -> None:
    """Say that the store is being changed: no reader opens it until it is finished again.

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        (out / STORE_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror}. Choose another folder.") from error


def set_aside(out: Path, segments: Iterable[Segment]) -> None:
    """Give damaged files of clips a name under which nobody takes them for clips.

    Raises:
        OutputError: the folder cannot be written.
    """
    for segment in segments:
        for suffix in SUFFIXES:
            path = out / get_clip_path(segment.video_id, segment.instance_id, suffix)
            if path.is_file():
                try:
                    path.replace(path.with_name(path.name + DAMAGED_SUFFIX))
                except OSError as error:
                    raise OutputError(f"{path}: is damaged and cannot be renamed: {error.strerror}.") from error


def finish_store(
    out: Path,
    settings: FeatureSettings,
    clips: Sequence[StoredFeatures],
    failed: Mapping[str, str],
    order: Iterable[str],
) -> StoreFacts:
    """Write everything but the clips, and remove clips' files that belong to none of them.

    Args:
        out: folder of the store.
        settings: of every clip.
        clips: in order.
        failed: ids of clips that could not be made, each with the reason.
        order: ids in the order in which failures are listed.

    Returns:
        ``store.json``.

    Raises:
        OutputError: a file cannot be written.
    """
    index = format_index(clips)
    _remove_strays(out, {clip.path for clip in clips}, failed)
    with replace_file(out / INDEX_FILE) as temporary:
        temporary.write_bytes(index)
    if failed:
        write_text(out / SKIPPED_FILE, format_skipped(failed, list(order)))
    else:
        (out / SKIPPED_FILE).unlink(missing_ok=True)
    store = StoreFacts(
        finegym=__version__,
        settings=settings,
        num_clips=len(clips),
        num_skipped=len(failed),
        num_frames=sum(clip.facts.num_frames for clip in clips),
        size_bytes=sum(clip.size_bytes for clip in clips),
        counts=sum_counts([clip.facts.counts for clip in clips]),
        index_sha256=hashlib.sha256(index).hexdigest(),
    )
    write_text(out / STORE_FILE, store.model_dump_json(indent=1) + "\n")
    return store


def _remove_strays(out: Path, names: set[str], failed: Collection[str]) -> None:
    """What no clip of the store is: clips no longer annotated, of other settings, or half written by a killed build.

    Only what has the name of a clip's file goes: people's and their computers' own files (``.DS_Store``) stay. Damaged
    files that were set aside go when their clip is there again, or is no longer annotated.
    """
    for path in (out / CLIPS_FOLDER).glob("*/*"):
        if path.suffix == DAMAGED_SUFFIX:
            is_stray = unquote(path.name.partition(".")[0]) not in failed
        else:
            is_stray = path.suffix in SUFFIXES and path.relative_to(out).as_posix() not in names
        if is_stray and path.is_file():
            path.unlink()
    for folder in (out / CLIPS_FOLDER).glob("*"):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
