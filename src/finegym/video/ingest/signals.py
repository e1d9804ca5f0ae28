"""The quick pass: one look at a record, from which cuts, black and frozen stretches and fingerprints are computed.

Decoding is what costs. The decoder is told to leave out every frame that no other refers to (in broadcast H.264 about
half of them), and to leave out the smoothing of block edges, which is a sixth of the work and hardly changes averages:
thumbnails are off by a grey level or two, fifteen at the worst, and pictures that stand still stand still. They are
averaged straight from the coded planes, without converting the picture. Frames are told apart by their PTS, never
counted, so that a signal belongs to a frame of the record's index.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import cv2
import numpy as np

from finegym.files import replace_file
from finegym.video.index import FrameIndex
from finegym.video.index_cache import read_index
from finegym.video.media import get_video_stream, open_media
from finegym.video.reader import VideoReader

FORMAT = "finegym-signals/1"
LUMA_SIZE = (36, 64)
CHROMA_SIZE = (9, 16)
_ARRAYS = ("frames", "times_ms", "luma", "chroma", "damaged")


@dataclass(frozen=True, eq=False)
class Signals:
    """What the quick pass saw of one record.

    Attributes:
        frames: int64 (N,), increasing: the numbers of the frames looked at, which are those that others refer to (all
            of them where the codec does not say, and in files without PTS).
        times_ms: float64 (N,): when each of them is shown, on the record's clock.
        luma: uint8 (N, 36, 64): the upright picture, area-averaged, in the range in which it is coded (16 to 235, or
            all of it); pictures of other proportions are stretched.
        chroma: uint8 (N, 2, 9, 16): U and V likewise; 128 is no colour.
        damaged: int64 (M,), increasing: frames that the decoder gave up on, marked as damaged, or never gave although
            others refer to them (H.264); they are not among ``frames``. Damage of a frame that no other refers to is
            not seen here.
    """

    frames: np.ndarray
    times_ms: np.ndarray
    luma: np.ndarray
    chroma: np.ndarray
    damaged: np.ndarray


def compute_signals(path: Path) -> Signals:
    """Look at a record once, from its first frame to its last.

    Args:
        path: any video that the reader reads.

    Raises:
        VideoError: the file is missing, empty, no video, or not one frame of it decodes.
    """
    path = Path(path)
    index = read_index(path)
    damaged: set[int] = set()
    # Room for every frame: pages that are never written cost nothing.
    luma = np.empty((index.num_frames, *LUMA_SIZE), np.uint8)
    chroma = np.empty((index.num_frames, 2, *CHROMA_SIZE), np.uint8)
    frames: list[int] = []
    for number, grey, colours in iterate_looks(path, index, damaged):
        place = len(frames)
        luma[place], chroma[place] = grey, colours
        frames.append(number)
    # Decoders give frames in display order; a damaged stream may break that, and may give a frame twice.
    numbers, order = np.unique(np.array(frames, np.int64), return_index=True)
    is_in_order = len(order) == len(frames) and bool(np.all(order[1:] > order[:-1]))
    places = slice(len(frames)) if is_in_order else order
    return Signals(
        frames=numbers,
        times_ms=index.pts_ms[numbers],
        luma=luma[places],
        chroma=chroma[places],
        damaged=np.setdiff1d(np.union1d([*damaged], _find_expected(index)).astype(np.int64), numbers),
    )


def iterate_looks(
    path: Path, index: FrameIndex, damaged: set[int]
) -> Iterator[tuple[int, np.ndarray, list[np.ndarray]]]:
    """Number, thumbnail and colours of every frame that is looked at, as in ``Signals``; one frame in memory.

    Args:
        path: of the record.
        index: of the same record.
        damaged: the numbers of frames that the decoder marks as damaged are added to it.
    """
    looks = _look_in_order(path) if index.is_counted else _look_at_references(path, index, damaged)
    for number, planes in looks:
        colours = [_shrink(plane, CHROMA_SIZE, index) for plane in planes[1:]]
        yield number, _shrink(planes[0], LUMA_SIZE, index), colours


def write_signals(path: Path, signals: Signals, key: str) -> None:
    """Keep signals in an ``.npz`` file, whole or not at all.

    Args:
        path: the file to write.
        signals: what to keep.
        key: names the content of the record (its SHA-256); ``read_signals`` must be given the same.
    """
    with replace_file(path) as temporary:
        arrays = {name: getattr(signals, name) for name in _ARRAYS}
        np.savez(temporary, format=np.array(FORMAT), key=np.array(key), **arrays)


def read_signals(path: Path, key: str) -> Signals | None:
    """Kept signals; ``None`` where there are none, or they are damaged or of another record: compute them again."""
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if str(stored["format"]) != FORMAT or str(stored["key"]) != key:
                return None
            return Signals(**{name: stored[name] for name in _ARRAYS})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _find_expected(index: FrameIndex) -> np.ndarray:
    """Frames that must come out of the pass; a field that is stored apart never does.

    Only H.264 says of each picture whether it is left out; H.265 depends on layers that the index does not keep.
    """
    return np.flatnonzero(~index.is_disposable) if index.codec == "h264" and not index.is_counted else np.empty(0, int)


def _look_at_references(path: Path, index: FrameIndex, damaged: set[int]) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Number and planes of every frame that others refer to, in display order; notes what is damaged."""
    with open_media(path) as container:
        stream = get_video_stream(container, path)
        decoder = stream.codec_context
        decoder.thread_count = 1
        decoder.skip_frame = "NONREF"
        decoder.options = {"skip_loop_filter": "all"}
        for packet in container.demux(stream):
            if packet.is_corrupt:
                _note(damaged, index, packet.pts)
                continue
            try:
                decoded = packet.decode()
            except av.error.FFmpegError:
                # The decoder goes on with the next packet; what it cannot give whole, it marks.
                _note(damaged, index, packet.pts)
                continue
            for frame in decoded:
                number = _find_number(index, frame.pts)
                if number is None:
                    continue  # stored, but not to be shown (before the start of an edit list)
                if frame.is_corrupt:
                    damaged.add(number)
                    continue
                yield number, _get_planes(frame)


def _look_in_order(path: Path) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Number and planes of every frame of a file without PTS, up to the first that does not decode."""
    with VideoReader(path) as reader:
        height, width = reader.index.height // 2 * 2 or 2, reader.index.width // 2 * 2 or 2
        for number, packed in enumerate(reader.iterate_frames(size=(height, width), colours="yuv420")):
            colours = packed[height:].reshape(2, height // 2, width // 2)
            yield number, [packed[:height], colours[0], colours[1]]


def _note(damaged: set[int], index: FrameIndex, pts: int | None) -> None:
    number = _find_number(index, pts)
    if number is not None:
        damaged.add(number)


def _find_number(index: FrameIndex, pts: int | None) -> int | None:
    if pts is None:
        return None
    number = int(np.searchsorted(index.pts, pts))
    return number if number < index.num_frames and index.pts[number] == pts else None


def _get_planes(frame: av.VideoFrame) -> list[np.ndarray]:
    """Views of Y, U and V as they are coded, 8 or 16 bits; pictures of other kinds are converted."""
    kind = frame.format
    is_planar = kind.name.startswith("yuv") and len(kind.components) == 3 and kind.name[-2:] != "be"
    if not is_planar or len(frame.planes) != 3:
        frame = frame.reformat(format="yuv420p", threads=1)
        kind = frame.format
    bits = kind.components[0].bits
    planes = []
    for plane in frame.planes:
        wide: np.ndarray = np.frombuffer(memoryview(plane), np.uint8 if bits == 8 else np.uint16)
        rows: np.ndarray = wide.reshape(-1, plane.line_size // wide.itemsize)[: plane.height, : plane.width]
        planes.append(rows if bits == 8 else (rows >> (bits - 8)).astype(np.uint8))
    return planes


def _shrink(plane: np.ndarray, size: tuple[int, int], index: FrameIndex) -> np.ndarray:
    """Area average of the upright picture; planes that were read in order are upright already."""
    height, width = size
    is_coded = not index.is_counted
    if is_coded and index.rotation in (90, 270):
        height, width = width, height
    # OpenCV halves three times as fast as it averages over larger areas; each step rounds once.
    while plane.shape[0] >= 8 * height and plane.shape[1] >= 8 * width and not (plane.shape[0] | plane.shape[1]) & 1:
        plane = cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)
    small = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
    if is_coded and index.is_mirrored:
        small = small[:, ::-1]
    return np.rot90(small, -index.rotation // 90) if is_coded and index.rotation else small
