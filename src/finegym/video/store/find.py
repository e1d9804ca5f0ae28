"""What lies in a store's folder before a build: finished, half-packed, or waiting."""

from __future__ import annotations

from pathlib import Path

from finegym.errors import ConfigError, VideoError
from finegym.video.store.format import INDEX_FILE, PENDING_FOLDER, STORE_FILE, StoreFacts, StoreSettings, parse_store
from finegym.video.store.index import ClipIndex
from finegym.video.store.pack import list_shards
from finegym.video.store.tar import StoredClip, is_sound_on_disk, scan_tar


def read_current(out: Path, settings: StoreSettings) -> StoreFacts | None:
    """The store as it is; ``None`` where there is none, or none that is finished.

    Raises:
        ConfigError: it was made with other settings.
        VideoError: ``store.json`` is damaged.
    """
    path = out / STORE_FILE
    if not path.is_file():
        return None
    current = parse_store(path.read_bytes(), path)
    if current.settings != settings:
        raise ConfigError(
            f"{out}: holds {current.settings}; asked for {settings}. Choose another --out, or --replace it."
        )
    return current


def find_clips(
    out: Path, current: StoreFacts | None, settings: StoreSettings, *, verify: bool
) -> tuple[dict[str, StoredClip], tuple[str, ...]]:
    """Every clip in the folder that is whole and of these settings, by instance id, and ids of those that are damaged.

    A clip that the index of a finished store names is believed, unless ``verify``: the hash of its shard, which was
    taken when it was written, stays. The bytes of all others are looked at, because nothing else speaks for them.

    Args:
        out: folder of the store.
        current: of ``read_current``.
        settings: clips of others do not count.
        verify: look at the bytes of all clips.
    """
    indexed = None if current is None else _read_index(out, current)
    shards = [] if indexed is not None else list_shards(out)
    pending = out / PENDING_FOLDER
    staged = [path for staging in sorted(pending.glob("shards-*")) for path in list_shards(staging)]
    waiting = [path for path in sorted(pending.glob("*.tar")) if not path.name.startswith(".")]
    scanned = [clip for path in (*shards, *staged, *waiting) for clip in scan_tar(path)]
    there: dict[str, StoredClip] = {}
    damaged: dict[str, None] = {}
    for clips, look in ((indexed or [], verify), (scanned, True)):
        for clip in clips:
            if clip.facts.settings != settings:
                continue
            if look and not is_sound_on_disk(clip):
                damaged[clip.facts.instance_id] = None
            else:
                there[clip.facts.instance_id] = clip
    return there, tuple(instance_id for instance_id in damaged if instance_id not in there)


def _read_index(out: Path, current: StoreFacts) -> list[StoredClip] | None:
    """The clips as the index tells, where index and shards look as they were written."""
    try:
        if any((out / shard.name).stat().st_size != shard.size_bytes for shard in current.shards):
            return None
        index = ClipIndex((out / INDEX_FILE).read_bytes(), current.settings, out / INDEX_FILE)
    except (OSError, VideoError):
        return None
    clips = [index.get(row) for row in range(len(index))]
    return [clip.move(out / clip.path, clip.offset) for clip in clips]
