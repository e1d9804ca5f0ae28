"""Keeping frame indexes, so that a file is scanned once.

The index of ``folder/name.mp4`` lies in ``folder/.finegym/name.mp4.index.npz``; where that folder may not be written,
in the user's cache folder (``$XDG_CACHE_HOME/finegym/indexes``, usually ``~/.cache``). ``FINEGYM_INDEX_FOLDER`` names
one folder for all instead.

A kept index is used only while it fits the file: same size, same modification time and same SHA-256 of sixteen samples
of 64 KiB spread over it, made by the same version of this module and of FFmpeg. Anything else, unreadable caches
included, is scanned again. A full SHA-256 would take longer than the scan that it saves.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from finegym.errors import OutputError, VideoError
from finegym.files import hash_samples, replace_file
from finegym.video.index import FrameIndex
from finegym.video.media import identify_file
from finegym.video.scan import scan_file

FORMAT = "finegym-index/3"
ARRAYS = (
    "pts",
    "is_key",
    "seek_frames",
    "seek_stamps",
    "stamps",
    "is_disposable",
    "position",
    "packet_bytes",
    "hidden_pts",
)
FACTS = (
    "end_pts",
    "width",
    "height",
    "rotation",
    "is_mirrored",
    "codec",
    "container",
    "pixel_format",
    "colour_matrix",
    "is_full_range",
    "num_frames_header",
    "has_audio",
    "size_bytes",
    "damage",
)


def read_index(path: Path, *, use_cache: bool = True) -> FrameIndex:
    """The frame index of a video file: the kept one where it fits the file, else a new one, which is kept.

    Args:
        path: the video.
        use_cache: False scans the file in any case and keeps nothing.

    Raises:
        VideoError: the file is missing, empty, no video, or not one frame of it decodes.
    """
    path = Path(path)
    file_id = identify_file(path)
    return replace(_read_or_scan(path, use_cache), file_id=file_id)


def _read_or_scan(path: Path, use_cache: bool) -> FrameIndex:
    if not use_cache or not path.is_file():
        return scan_file(path)
    key = _compute_key(path)
    places = get_cache_paths(path)
    for place in places:
        index = _read_cached(place, path, key)
        if index is not None:
            return index
    index = scan_file(path)
    if _compute_key(path) == key:  # else it is being written: right now, but not to be kept
        for place in places:
            # A cache that cannot be kept costs time, not truth.
            with suppress(OutputError):
                _write_cached(place, index, key)
                break
    return index


def get_cache_paths(path: Path) -> tuple[Path, ...]:
    """Where the index of a file is looked for and kept, first choice first."""
    whole = Path(path).absolute()
    unique = f"{hashlib.sha256(os.fsencode(whole)).hexdigest()[:16]}-{whole.name[-100:]}.index.npz"
    folder = os.environ.get("FINEGYM_INDEX_FOLDER")
    if folder:
        return (Path(folder) / unique,)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return whole.parent / ".finegym" / f"{whole.name}.index.npz", home / "finegym" / "indexes" / unique


def _compute_key(path: Path) -> str:
    """What a kept index must agree with, as one line of text."""
    try:
        facts, samples = path.stat(), hash_samples(path)
    except OSError as error:
        raise VideoError(f"{path}: cannot be read: {error.strerror}") from error
    version = ".".join(map(str, av.library_versions["libavformat"] + av.library_versions["libavcodec"]))
    return f"{FORMAT} {version} {facts.st_size} {facts.st_mtime_ns} {samples}"


def _read_cached(place: Path, path: Path, key: str) -> FrameIndex | None:
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts = json.loads(bytes(stored["facts"]).decode())
            if facts.pop("key") != key:
                return None
            time_base = Fraction(facts.pop("time_base"))
            return FrameIndex(path=path, time_base=time_base, **facts, **{name: stored[name] for name in ARRAYS})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None  # missing, cut short, or by another hand: scan again


def _write_cached(place: Path, index: FrameIndex, key: str) -> None:
    facts = {"key": key, "time_base": str(index.time_base), **{name: getattr(index, name) for name in FACTS}}
    arrays = {name: getattr(index, name) for name in ARRAYS}
    with replace_file(place) as temporary:
        np.savez(temporary, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)
