"""Filmstrips: small stills of a chunk in one picture, and a WebVTT file that says which is where and when.

Every tile names the frame that it shows: the one that is shown at the tile's time, or, read from a proxy, its key frame
nearest to it (a quarter of a second away at most, and ten times as fast).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import cv2
import numpy as np

from finegym.errors import VideoError
from finegym.files import replace_file, write_text
from finegym.video.index import FrameIndex
from finegym.video.index_cache import read_index
from finegym.video.ingest.chunks import Chunk, find_chunk_frames
from finegym.video.ingest.proxy import read_proxy_map
from finegym.video.media import get_video_stream, open_media
from finegym.video.reader import VideoReader

COLUMNS = 15
ROWS = 20
_QUALITY = 80


@dataclass(frozen=True)
class Tile:
    """One still of a filmstrip.

    Attributes:
        frame: the record's frame that it shows.
        time_ms: when the record begins to show it.
        start_ms: of the stretch that the tile stands for, on the record's clock.
        end_ms: likewise.
        sheet: name of the picture that it lies in.
        box: x, y, width, height in that picture.
    """

    frame: int
    time_ms: float
    start_ms: float
    end_ms: float
    sheet: str
    box: tuple[int, int, int, int]


def write_filmstrip(
    path: Path, chunk: Chunk, out: Path, *, proxy: Path | None = None, step_ms: int = 2000, tile_width: int = 160
) -> tuple[Tile, ...]:
    """Write the sheets of a chunk and, last, their WebVTT file, each whole or not at all.

    Args:
        path: of the record.
        chunk: of the record.
        out: the first sheet, ``.jpg``; three hundred tiles fit, further sheets are called ``<name>-1.jpg`` and so on,
            the WebVTT file ``<name>.vtt``. Its times begin at zero, as those of the proxy do.
        proxy: of the chunk; then tiles are taken from its key frames. Without it, from exact frames of the record.
        step_ms: time from tile to tile.
        tile_width: in pixels; the height follows.

    Raises:
        VideoError: the record or the proxy cannot be read.
        OutputError: a file cannot be written.
    """
    index = read_index(path)
    span, end_ms = find_chunk_frames(index, chunk)
    zero_ms = float(index.pts_ms[span.start])
    starts = np.arange(zero_ms, end_ms, step_ms)
    width, height = tile_width, max(1, round(tile_width * index.height / index.width))
    if proxy is None:
        frames = [max(span.start, index.find_frame_at(time)) for time in starts]
        with VideoReader(path) as reader:
            pictures = list(reader.read_frames(frames, size=(height, width)))
    else:
        frames, pictures = _read_key_frames(proxy, index, starts, (height, width))
    tiles = []
    for place, (frame, start) in enumerate(zip(frames, starts.tolist(), strict=True)):
        sheet, cell = divmod(place, ROWS * COLUMNS)
        row, column = divmod(cell, COLUMNS)
        name = out.name if sheet == 0 else f"{out.stem}-{sheet}{out.suffix}"
        box = (column * width, row * height, width, height)
        tiles.append(Tile(frame, float(index.pts_ms[frame]), start, min(start + step_ms, end_ms), name, box))
    for name in dict.fromkeys(tile.sheet for tile in tiles):
        chosen = [(tile, picture) for tile, picture in zip(tiles, pictures, strict=True) if tile.sheet == name]
        _write_sheet(out.with_name(name), chosen)
    write_text(out.with_suffix(".vtt"), _format_vtt(tiles, zero_ms))
    return tuple(tiles)


def _read_key_frames(
    proxy: Path, index: FrameIndex, times: np.ndarray, size: tuple[int, int]
) -> tuple[list[int], list[np.ndarray]]:
    """For each time the key frame of the proxy nearest to it: the record's frame number, and the picture."""
    made = read_proxy_map(proxy.with_suffix(".npz"))
    if made is None:
        raise VideoError(f"{proxy.with_suffix('.npz')}: is missing or damaged. Make the proxy again.")
    numbers: list[int] = []
    pictures: list[np.ndarray] = []
    with open_media(proxy) as container:
        stream = get_video_stream(container, proxy)
        stream.codec_context.skip_frame = "NONKEY"
        try:
            for frame in container.decode(stream):
                numbers.append(made.find_record_frame(float(frame.time or 0.0)))
                height, width = size
                pictures.append(
                    frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
                )
        except av.error.FFmpegError as error:
            raise VideoError(f"{proxy}: does not decode ({error.strerror}). Make the proxy again.") from error
    if not numbers:
        raise VideoError(f"{proxy}: holds no key frame. Make the proxy again.")
    nearest = [int(np.abs(index.pts_ms[numbers] - time).argmin()) for time in times]
    return [numbers[place] for place in nearest], [pictures[place] for place in nearest]


def _write_sheet(path: Path, tiles: Sequence[tuple[Tile, np.ndarray]]) -> None:
    right = max(tile.box[0] + tile.box[2] for tile, _ in tiles)
    bottom = max(tile.box[1] + tile.box[3] for tile, _ in tiles)
    sheet = np.zeros((bottom, right, 3), np.uint8)
    for tile, picture in tiles:
        x, y, width, height = tile.box
        sheet[y : y + height, x : x + width] = picture
    encoded = cv2.imencode(".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    with replace_file(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def _format_vtt(tiles: Sequence[Tile], zero_ms: float) -> str:
    """WebVTT with media fragments (``#xywh=``), as players read for thumbnails; the cue's name is the exact frame."""
    lines = ["WEBVTT", "", f"NOTE times count from {zero_ms:g} ms of the record", ""]
    for tile in tiles:
        start, end = _format_time(tile.start_ms - zero_ms), _format_time(tile.end_ms - zero_ms)
        box = ",".join(map(str, tile.box))
        lines += [f"frame {tile.frame} at {tile.time_ms:g} ms", f"{start} --> {end}", f"{tile.sheet}#xywh={box}", ""]
    return "\n".join(lines)


def _format_time(time_ms: float) -> str:
    hours, rest = divmod(round(time_ms), 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
