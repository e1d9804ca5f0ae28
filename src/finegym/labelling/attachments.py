"""Stills and clips that leads attach to guidelines: looked at before they are taken, named by their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av
import cv2
import numpy as np
from av.error import FFmpegError

from finegym.files import replace_file
from finegym.labelling.refusals import Refusal

MAX_BYTES = 64 * 2**20
_IMAGES = {b"\x89PNG\r\n\x1a\n": ("image/png", ".png"), b"\xff\xd8\xff": ("image/jpeg", ".jpg")}


def store_attachment(folder: Path, content: bytes) -> tuple[str, str]:
    """Look at a file and store it.

    What it is, is decided by what is in it, never by a name or a header: PNG, JPEG, WebP, or an MP4 that browsers play.

    Args:
        folder: of attachments.
        content: of the file.

    Returns:
        Its name in the folder, and its media type.

    Raises:
        Refusal: 415 it is none of these, or does not decode.
        OutputError: it cannot be written.
    """
    media_type, suffix = _recognise(content)
    name = hashlib.sha256(content).hexdigest() + suffix
    path = folder / name
    if not path.is_file():
        with replace_file(path) as temporary:
            temporary.write_bytes(content)
            if suffix == ".mp4":
                _check_video(temporary)
    return name, media_type


def _recognise(content: bytes) -> tuple[str, str]:
    for start, kind in _IMAGES.items():
        if content.startswith(start):
            return _check_image(content, kind)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _check_image(content, ("image/webp", ".webp"))
    if content[4:8] == b"ftyp":
        return "video/mp4", ".mp4"
    raise Refusal(415, "unsupported_media", "Expected a PNG, JPEG or WebP picture or an MP4 video; this is none.")


def _check_image(content: bytes, kind: tuple[str, str]) -> tuple[str, str]:
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:  # it claims a size that nobody has the memory for
        raise Refusal(415, "unsupported_media", f"This says it is {kind[0]}, of a size that is not decoded.") from error
    if picture is None:
        raise Refusal(415, "unsupported_media", f"This says it is {kind[0]}, but does not decode.")
    return kind


def _check_video(path: Path) -> None:
    try:
        with av.open(str(path)) as media:
            if not media.streams.video or next(media.decode(video=0), None) is None:
                raise Refusal(415, "unsupported_media", "This MP4 has no picture that decodes.")
            codec = media.streams.video[0].codec_context.name
    except FFmpegError as error:
        raise Refusal(415, "unsupported_media", f"This MP4 does not decode: {error.strerror}.") from error
    if codec not in ("h264", "av1", "vp9"):
        raise Refusal(415, "unsupported_media", f"Browsers play H.264, VP9 and AV1; this MP4 is {codec}.")
