"""Packing clips into shards.

What a shard holds follows from the order and the sizes of the clips alone. New shards are made under ``.pending`` and
take their places at the very end; until then every clip exists somewhere whole, whenever the machine stops.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from finegym import __version__
from finegym.errors import OutputError, VideoError
from finegym.files import replace_file, write_text
from finegym.video.store.format import (
    INDEX_FILE,
    PENDING_FOLDER,
    SKIPPED_FILE,
    STORE_FILE,
    ShardFacts,
    StoreFacts,
    StoreSettings,
    get_shard_name,
)
from finegym.video.store.index import format_index
from finegym.video.store.tar import END, StoredClip, is_sound, is_sound_on_disk

SHARD_NAME = re.compile(r"shard-\d{6,}\.tar")


def pack_shards(
    out: Path,
    clips: Sequence[StoredClip],
    *,
    settings: StoreSettings,
    skipped: str,
    num_skipped: int,
    shard_bytes: int,
    known: Mapping[str, ShardFacts],
) -> StoreFacts:
    """Put clips into shards and make the store complete.

    Args:
        out: folder of the store.
        clips: all of them, in the order in which they shall lie, wherever they lie now.
        settings: of the store.
        skipped: text of ``skipped.csv``; empty: no such file.
        num_skipped: rows of it.
        shard_bytes: a shard is closed when it has reached this size.
        known: shards of the store as it is, by name: those that stay as they are need not be hashed again.

    Raises:
        OutputError: no space, no permission.
        VideoError: a clip's bytes are not what they were.
    """
    staging = _make_staging(out / PENDING_FOLDER)
    rows: list[StoredClip] = []
    shards: list[ShardFacts] = []
    for number, part in enumerate(_deal(clips, shard_bytes)):
        name = get_shard_name(number)
        if _is_in_place(out / name, part):
            facts = known.get(name)
            if facts is None or facts.size_bytes != (out / name).stat().st_size:
                facts = describe_shard(out / name, part)
        else:
            facts = _write_shard(staging / name, part)
        shards.append(facts)
        rows += _lay_out(Path(name), part)
    if skipped:
        write_text(out / SKIPPED_FILE, skipped)
    else:
        (out / SKIPPED_FILE).unlink(missing_ok=True)
    new = [shard.name for shard in shards if (staging / shard.name).exists()]
    if new:
        (out / STORE_FILE).unlink(missing_ok=True)  # without it a store is not finished
    for name in new:
        (staging / name).replace(out / name)
    store = finish_store(out, settings, shards, rows, num_skipped=num_skipped)
    shutil.rmtree(out / PENDING_FOLDER)
    return store


def finish_store(
    out: Path, settings: StoreSettings, shards: Sequence[ShardFacts], rows: Sequence[StoredClip], *, num_skipped: int
) -> StoreFacts:
    """Write index and ``store.json`` for shards that are in their places; other shards are removed.

    Args:
        out: folder of the store.
        settings: of the store.
        shards: all of them, in order.
        rows: all clips, in order.
        num_skipped: clips that could not be cut.
    """
    index = format_index(rows)
    store = StoreFacts(
        finegym=__version__,
        settings=settings,
        num_clips=len(rows),
        num_skipped=num_skipped,
        num_frames=sum(clip.facts.num_frames for clip in rows),
        shards=tuple(shards),
        index_sha256=hashlib.sha256(index).hexdigest(),
    )
    for path in list_shards(out)[len(shards) :]:
        path.unlink()
    _write_if_changed(out / INDEX_FILE, index)
    _write_if_changed(out / STORE_FILE, (store.model_dump_json(indent=2) + "\n").encode())
    return store


def _write_if_changed(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        with replace_file(path) as temporary:
            temporary.write_bytes(data)


def list_shards(folder: Path) -> list[Path]:
    """The shards of a folder, in order; whatever else is there does not count."""
    return sorted(path for path in folder.glob("shard-*.tar") if SHARD_NAME.fullmatch(path.name))


def describe_shard(path: Path, clips: Sequence[StoredClip]) -> ShardFacts:
    """Size and hash of a shard whose hash is not known any more.

    Args:
        path: of the shard.
        clips: found in it; their paths lead to it.

    Raises:
        VideoError: a clip is damaged, or there is something else than whole clips: a hash would make it good.
    """
    damaged = [clip.facts.instance_id for clip in clips if not is_sound_on_disk(clip)]
    if damaged:
        raise VideoError(
            f"{path}: {len(damaged)} of {len(clips)} clips are damaged: {', '.join(damaged)}. "
            "`finegym clips build DATASET --verify` cuts them again."
        )
    if not _is_in_place(path, clips):
        after = [
            clip.facts.instance_id for clip, place in zip(clips, _lay_out(path, clips), strict=True) if clip != place
        ]
        where = (
            f"before clip {after[0]}"
            if after
            else f"after clip {clips[-1].facts.instance_id}"
            if clips
            else "all of it"
        )
        raise VideoError(
            f"{path}: holds bytes that are no whole clip: {where}. `finegym clips build DATASET --verify` repairs it."
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ShardFacts(name=path.name, size_bytes=path.stat().st_size, sha256=digest, num_clips=len(clips))


def _make_staging(pending: Path) -> Path:
    """A new folder: clips may still lie in shards that an earlier, killed run had staged."""
    number = 0
    while (pending / f"shards-{number}").exists():
        number += 1
    try:
        (pending / f"shards-{number}").mkdir(parents=True)
    except OSError as error:
        raise OutputError(f"{pending}: cannot be written: {error.strerror}. Choose another folder.") from error
    return pending / f"shards-{number}"


def _deal(clips: Sequence[StoredClip], shard_bytes: int) -> Iterator[list[StoredClip]]:
    part: list[StoredClip] = []
    size = 0
    for clip in clips:
        part.append(clip)
        size += clip.length
        if size >= shard_bytes:
            yield part
            part, size = [], 0
    if part:
        yield part


def _lay_out(path: Path, part: Sequence[StoredClip]) -> Iterator[StoredClip]:
    """The clips one after the other in a shard."""
    offset = 0
    for clip in part:
        yield clip.move(path, offset)
        offset += clip.length


def _is_in_place(path: Path, part: Sequence[StoredClip]) -> bool:
    size = sum(clip.length for clip in part) + len(END)
    return path.is_file() and path.stat().st_size == size and list(_lay_out(path, part)) == list(part)


def _write_shard(path: Path, part: Sequence[StoredClip]) -> ShardFacts:
    digest = hashlib.sha256()
    size = 0
    with replace_file(path) as temporary, temporary.open("wb") as file:
        for clip in part:
            data = _read_run(clip)
            digest.update(data)
            file.write(data)
            size += len(data)
        digest.update(END)
        file.write(END)
    for clip in part:
        if clip.path.parent.name == PENDING_FOLDER:
            clip.path.unlink()
    return ShardFacts(name=path.name, size_bytes=size + len(END), sha256=digest.hexdigest(), num_clips=len(part))


def _read_run(clip: StoredClip) -> bytes:
    with clip.path.open("rb") as file:
        file.seek(clip.offset)
        data = file.read(clip.length)
    if not is_sound(clip, data):
        raise VideoError(
            f"{clip.path}: the bytes of clip {clip.facts.instance_id} are not what was written. "
            "Build again with --verify to cut it anew."
        )
    return data
