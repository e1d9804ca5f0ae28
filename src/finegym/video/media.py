"""Opening media files, so that what cannot be opened is one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error

from finegym.errors import VideoError


@contextmanager
def open_media(path: Path) -> Iterator[av.container.InputContainer]:
    """Open a media file for reading; what cannot be opened is a ``VideoError`` that says why."""
    path = Path(path)
    if not path.is_file():
        raise VideoError(f"{path}: {'is a folder, not a video' if path.is_dir() else 'there is no such file'}")
    if path.stat().st_size == 0:
        raise VideoError(f"{path}: is empty (0 bytes). Fetch it again.")
    try:
        # "file:" keeps FFmpeg from reading a name such as "a:b.mp4" as a protocol.
        container = av.open(f"file:{path}", metadata_errors="replace")  # titles in any encoding
    except av.error.PermissionError as error:
        raise VideoError(f"{path}: may not be read: permission denied") from error
    except av.error.FFmpegError as error:
        raise VideoError(
            f"{path}: is not a video that FFmpeg can read ({error.strerror}). If the name is right, the file is "
            "damaged or was cut off before its index was written: fetch it again."
        ) from error
    with container:
        yield container


def get_video_stream(container: av.container.InputContainer, path: Path) -> av.video.stream.VideoStream:
    """The video stream of a container; cover pictures of sound files do not count.

    Raises:
        VideoError: there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
    raise VideoError(f"{path}: holds no video (it holds: {kinds})")


def identify_file(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file; ``None`` where there is none. Another file under the same name has others."""
    try:
        facts = Path(path).stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
