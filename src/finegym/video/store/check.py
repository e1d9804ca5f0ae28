"""Whether a store is what it was when it was written, and making the index again from the shards."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from finegym.errors import FineGymError, VideoError
from finegym.video.store.access import Folder, open_folder
from finegym.video.store.format import INDEX_FILE, SKIPPED_FILE, STORE_FILE, ShardFacts, StoreFacts, parse_store
from finegym.video.store.index import ClipIndex
from finegym.video.store.pack import describe_shard, finish_store, list_shards
from finegym.video.store.read import ClipStore
from finegym.video.store.tar import StoredClip, is_sound, scan_tar

BLOCK_BYTES = 16_000_000


@dataclass(frozen=True)
class StoreCheck:
    """What a check found.

    Attributes:
        store: what ``store.json`` says.
        problems: what is wrong, in words, a line each.
        damaged: ids of clips that cannot be had whole.
    """

    store: StoreFacts
    problems: tuple[str, ...]
    damaged: tuple[str, ...]


def check_store(
    location: str | Path, *, decode: bool = False, say: Callable[[str], None] = lambda line: None
) -> StoreCheck:
    """Compare every file of a store with its hash, and find out which clips are damaged where one differs.

    Args:
        location: a folder, or a URL that fsspec knows.
        decode: decode every frame of every clip too.
        say: told about progress, line by line.

    Raises:
        VideoError: there is no finished store.
    """
    folder = open_folder(location)
    try:
        store = parse_store(folder.read(STORE_FILE), f"{location}/{STORE_FILE}")
    except FileNotFoundError as error:
        raise VideoError(
            f"{location}: there is no finished clip store (no {STORE_FILE}). `finegym clips build` makes one."
        ) from error
    problems: list[str] = []
    damaged: list[str] = []
    index = _check_index(folder, store, problems)
    for number, shard in enumerate(store.shards):
        say(f"{shard.name} ({number + 1} of {len(store.shards)})")
        problem = _compare(folder, shard)
        if problem:
            clips = [] if index is None else [c for c in map(index.get, range(len(index))) if c.path.name == shard.name]
            lost = [clip.facts.instance_id for clip in clips if not _is_whole(folder, clip)]
            damaged += lost
            named = f": {', '.join(lost[:3])}{', …' if len(lost) > 3 else ''}" if lost else ""
            known = (
                "which clips cannot be told without the index"
                if index is None
                else f"{len(lost)} of {len(clips)} clips"
            )
            problems.append(f"{shard.name}: {problem}; damaged: {known}{named}")
    if decode and index is not None:
        for instance_id, problem in _decode_all(ClipStore(location), set(damaged)):
            damaged.append(instance_id)
            problems.append(problem)
    return StoreCheck(store, tuple(problems), tuple(damaged))


def _check_index(folder: Folder, store: StoreFacts, problems: list[str]) -> ClipIndex | None:
    try:
        data = folder.read(INDEX_FILE)
    except FileNotFoundError:
        problems.append(f"{INDEX_FILE}: does not exist; --reindex makes it again from the shards")
        return None
    if hashlib.sha256(data).hexdigest() != store.index_sha256:
        problems.append(f"{INDEX_FILE}: is not what was written; --reindex makes it again from the shards")
        return None
    index = ClipIndex(data, store.settings, INDEX_FILE)
    if len(index) != store.num_clips:
        problems.append(f"{INDEX_FILE}: has {len(index)} rows, {STORE_FILE} promises {store.num_clips} clips")
    return index


def _compare(folder: Folder, shard: ShardFacts) -> str:
    """What is wrong with a shard; empty: nothing."""
    if not folder.exists(shard.name):
        return "does not exist"
    digest = hashlib.sha256()
    size = 0
    try:
        while block := folder.read_parts([(shard.name, size, min(size + BLOCK_BYTES, shard.size_bytes))])[0]:
            digest.update(block)
            size += len(block)
    except FineGymError as error:
        return str(error)
    if size != shard.size_bytes:
        return f"has {size} bytes, {STORE_FILE} promises {shard.size_bytes}"
    return "" if digest.hexdigest() == shard.sha256 else "is not what was written"


def _is_whole(folder: Folder, clip: StoredClip) -> bool:
    try:
        (run,) = folder.read_parts([(clip.path.name, clip.offset, clip.offset + clip.length)])
    except FineGymError:
        return False
    return is_sound(clip, run)


def _decode_all(store: ClipStore, known: set[str]) -> Iterator[tuple[str, str]]:
    for instance_id in store.instance_ids:
        if instance_id not in known:
            try:
                store.read_frames(instance_id)
            except VideoError as error:
                yield instance_id, str(error)


def rebuild_index(folder: Path) -> StoreFacts:
    """Make ``index.parquet`` and ``store.json`` again from what the shards say of themselves.

    Args:
        folder: of the store, local.

    Returns:
        The new ``store.json``.

    Raises:
        VideoError: there are no shards, a shard has damaged clips (they are named), or they are of several settings.
    """
    shards: list[ShardFacts] = []
    rows: list[StoredClip] = []
    for path in list_shards(Path(folder)):
        clips = list(scan_tar(path))
        shards.append(describe_shard(path, clips))
        rows += [clip.move(Path(path.name), clip.offset) for clip in clips]
    if not rows:
        raise VideoError(f"{folder}: there are no shards. `finegym clips build` makes them.")
    settings = {clip.facts.settings for clip in rows}
    if len(settings) != 1:
        raise VideoError(
            f"{folder}: expected shards of clips of one kind, found {len(settings)} kinds. Build it again."
        )
    return finish_store(Path(folder), settings.pop(), shards, rows, num_skipped=_count_skipped(Path(folder)))


def _count_skipped(folder: Path) -> int:
    if not (folder / SKIPPED_FILE).is_file():
        return 0
    with (folder / SKIPPED_FILE).open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.DictReader(file))
