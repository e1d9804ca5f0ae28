"""Clips inside tar files.

A clip is a run of members, ``<key>.json`` first. The same bytes wait in a file of their own until their shard is
packed, lie in the shard, and are copied from an old shard into a new one; a shard is such runs, one after another, and
the end mark. Nothing in a header depends on when or by whom it was written.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from finegym.video.store.format import ClipFacts, make_key

BLOCK = 512
END = bytes(2 * BLOCK)


@dataclass(frozen=True)
class StoredClip:
    """A clip and where it lies.

    Attributes:
        facts: what it is.
        path: the tar file; relative to the store where it comes from the index.
        offset: of its run of members in the file.
        length: of the run, in bytes.
        packet_offsets: of every packet in the file.
    """

    facts: ClipFacts
    path: Path
    offset: int
    length: int
    packet_offsets: tuple[int, ...]

    def move(self, path: Path, offset: int) -> StoredClip:
        """The same run of members in another place."""
        shift = offset - self.offset
        places = tuple(place + shift for place in self.packet_offsets)
        return replace(self, path=path, offset=offset, packet_offsets=places)


def format_run(facts: ClipFacts, files: Sequence[bytes]) -> bytes:
    """A clip as a run of members.

    Args:
        facts: become ``<key>.json``.
        files: the mp4, or JPEGs in the order of frames.
    """
    key = make_key(facts.instance_id)
    is_mp4 = facts.settings.encoding == "mp4"
    names = [f"{key}.mp4"] if is_mp4 else [f"{key}.{number:04d}.jpg" for number in range(len(files))]
    members = [(f"{key}.json", facts.model_dump_json().encode()), *zip(names, files, strict=True)]
    return b"".join(_format_member(name, data) for name, data in members)


def _format_member(name: str, data: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    padding = bytes(-len(data) % BLOCK)
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape") + data + padding


def scan_tar(path: Path) -> Iterator[StoredClip]:
    """Every whole clip of a tar file, read from its headers and ``.json`` members; what is damaged is left out."""
    facts, start, places = None, 0, [0]
    try:
        with tarfile.open(path, "r:", ignore_zeros=False) as archive:
            for member in archive:
                if member.name.endswith(".json"):
                    if facts is not None:
                        yield from _place(facts, path, start, member.offset, places)
                    file = archive.extractfile(member)
                    facts, start, places = _parse_facts(b"" if file is None else file.read()), member.offset, []
                else:
                    places.append(member.offset_data)
                    end = member.offset_data + -(-member.size // BLOCK) * BLOCK
    except (tarfile.TarError, OSError, EOFError):
        return
    if facts is not None and end <= path.stat().st_size:
        yield from _place(facts, path, start, end, places)


def _place(facts: ClipFacts, path: Path, start: int, end: int, places: list[int]) -> Iterator[StoredClip]:
    if facts.settings.encoding == "mp4" and len(places) == 1:
        offsets = []
        place = places[0] + facts.packet_start
        for size in facts.packet_sizes:
            offsets.append(place)
            place += size
    else:
        offsets = places
    if len(offsets) == len(facts.packet_sizes):
        yield StoredClip(facts, path, start, end - start, tuple(offsets))


def _parse_facts(text: bytes) -> ClipFacts | None:
    try:
        return ClipFacts.model_validate_json(text)
    except ValidationError:
        return None


def is_sound(clip: StoredClip, run: bytes) -> bool:
    """Whether a clip's run of members, as read from ``[offset, offset + length)``, holds the media that was written."""
    return len(run) == clip.length and zlib.crc32(b"".join(get_files(clip, run))) == clip.facts.media_crc32


def is_sound_on_disk(clip: StoredClip) -> bool:
    """Whether a clip's run of members lies byte by byte where it should: media, ``.json`` and headers."""
    try:
        with clip.path.open("rb") as file:
            file.seek(clip.offset)
            run = file.read(clip.length)
    except OSError:
        return False
    return is_sound(clip, run) and run == format_run(clip.facts, get_files(clip, run))


def get_files(clip: StoredClip, run: bytes) -> list[bytes]:
    """The mp4, or the JPEGs, of a clip's run of members."""
    starts = [offset - clip.offset for offset in clip.packet_offsets]
    if clip.facts.settings.encoding == "mp4":
        start = starts[0] - clip.facts.packet_start
        return [run[start : start + clip.facts.media_bytes]]
    return [run[start : start + size] for start, size in zip(starts, clip.facts.packet_sizes, strict=True)]
