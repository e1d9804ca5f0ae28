"""Flow in the files of other tools: folders of JPEGs, Middlebury's ``.flo``, NumPy arrays.

==========  ===========================================================================================================
``jpg``     a folder a clip, ``flow_x_00001.jpg`` and ``flow_y_00001.jpg`` a pair, ±20 px over 0 to 255 (TSN's tools,
            denseflow, MMAction). Read too: ``x_00001.jpg``, ``x/00001.jpg``, ``flow_x/00001.jpg``, ``u/00001.jpg``
            (with ``y``, ``flow_y``, ``v``), ``.png``; other files (``img_00001.jpg``) are left alone
``flo``     a folder a clip, ``flow_00001.flo`` a pair: exact, float32
``npy``     a file a clip, ``<clip id>.npy``: (P, H, W, 2); read too: (P, 2, H, W)
==========  ===========================================================================================================

Numbers may begin at 0 or 1; a hole in them, or one that two files have, is an error of that clip.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from finegym.errors import FeatureError
from finegym.files import replace_file

Layout = Literal["jpg", "flo", "npy"]
LAYOUTS: tuple[Layout, ...] = ("jpg", "flo", "npy")
JPEG_QUALITY = 95
_MAGIC = b"PIEH"  # 202021.25 as float32, little-endian
_MOST_PIXELS = 100_000_000
_UNKNOWN = 65_504.0  # what float16 holds; Middlebury marks unknown flow by 1e9 and more
_AXES = {"flow_x": 0, "x": 0, "u": 0, "flow_y": 1, "y": 1, "v": 1}
_NUMBERED = re.compile(r"^(?:(?P<axis>flow_x|flow_y|x|y|u|v)_)?(?P<number>\d+)\.(?:jpe?g|png)$", re.IGNORECASE)
_FLO = re.compile(r"^(?:.*?)(?P<number>\d+)\.flo$", re.IGNORECASE)


def write_flo(path: Path, field: np.ndarray) -> None:
    """Write one field as Middlebury's ``.flo``, whole or not at all.

    Args:
        path: of the file.
        field: float (H, W, 2).

    Raises:
        OutputError: it cannot be written.
    """
    height, width = field.shape[:2]
    with replace_file(path) as temporary:
        temporary.write_bytes(_MAGIC + np.array([width, height], "<i4").tobytes() + field.astype("<f4").tobytes())


def read_flo(path: Path) -> np.ndarray:
    """Read one ``.flo``.

    Returns:
        float32 (H, W, 2).

    Raises:
        FeatureError: it cannot be read, or is no such file.

    Source:
        Baker et al., the Middlebury benchmark's file format: ``PIEH``, width, height (int32), then dx and dy of every
        pixel (float32), row by row, all little-endian.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FeatureError(f"{path}: cannot be read: {error.strerror}") from error
    if data[:4] != _MAGIC or len(data) < 12:
        raise FeatureError(f"{path}: expected a .flo file, which begins with PIEH, got {data[:4]!r}")
    width, height = np.frombuffer(data[4:12], "<i4").tolist()
    if min(width, height) <= 0 or width * height > _MOST_PIXELS:
        raise FeatureError(f"{path}: says that it is {width}x{height} pixels: damaged. Get it anew.")
    if len(data) != 12 + width * height * 8:
        raise FeatureError(
            f"{path}: {width}x{height} pixels take {12 + width * height * 8} bytes, got {len(data)}. Get it anew."
        )
    return np.frombuffer(data[12:], "<f4").reshape(height, width, 2).astype(np.float32)


@dataclass(frozen=True)
class PublishedClip:
    """The flow of one clip in files of another tool.

    Attributes:
        instance_id: name of its folder, or of its file.
        layout: what kind of files.
        pairs: of each pair, in order: the two pictures, or the one ``.flo``; of ``npy``, the file, once.
    """

    instance_id: str
    layout: Layout
    pairs: tuple[tuple[Path, ...], ...]


def find_published(folder: Path) -> tuple[list[PublishedClip], dict[str, str]]:
    """The clips in a folder: its sub-folders with flow in them, and its ``.npy`` files; sorted.

    Returns:
        The clips; and, by id, why others cannot be taken: holes in the numbers, or two files of one number.

    Raises:
        FeatureError: there is no such folder, it holds no flow, or a clip is there in two ways.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FeatureError(f"{folder}: expected a folder with the flow of a clip in each folder inside, got none there")
    clips = [PublishedClip(path.stem, "npy", ((path,),)) for path in sorted(folder.glob("*.npy"))]
    bad: dict[str, str] = {}
    for each in sorted(path for path in folder.iterdir() if path.is_dir()):
        try:
            found = _find_flo(each) or _find_pictures(each)
        except FeatureError as error:
            bad[each.name] = str(error)
        else:
            clips += [found] if found else []
    counts = Counter([*(clip.instance_id for clip in clips), *bad])
    twice = sorted(name for name, number in counts.items() if number > 1)
    if twice:
        raise FeatureError(f"{folder}: clip {twice[0]} is there as a folder and as a .npy file. Remove one.")
    if not clips and not bad:
        raise FeatureError(
            f"{folder}: no flow there: expected CLIP/flow_x_00001.jpg and CLIP/flow_y_00001.jpg, CLIP/flow_00001.flo, "
            "or CLIP.npy. Give the folder that holds the clips' folders."
        )
    return clips, bad


def _find_flo(folder: Path) -> PublishedClip | None:
    files: dict[int, Path] = {}
    for path in folder.iterdir():
        if found := _FLO.match(path.name):
            _put(files, int(found["number"]), path)
    if not files:
        return None
    return PublishedClip(folder.name, "flo", tuple((files[number],) for number in _check_numbers(files, folder)))


def _find_pictures(folder: Path) -> PublishedClip | None:
    files: tuple[dict[int, Path], dict[int, Path]] = ({}, {})
    for path in folder.iterdir():
        found = _NUMBERED.match(path.name)
        if found and found["axis"]:
            _put(files[_AXES[found["axis"].lower()]], int(found["number"]), path)
        elif path.is_dir() and path.name in _AXES:
            for inner in path.iterdir():
                if (found := _NUMBERED.match(inner.name)) and not found["axis"]:
                    _put(files[_AXES[path.name]], int(found["number"]), inner)
    if not files[0] and not files[1]:
        return None
    if files[0].keys() != files[1].keys():
        lonely = min(files[0].keys() ^ files[1].keys())
        raise FeatureError(
            f"{folder}: {len(files[0])} pictures of x and {len(files[1])} of y; number {lonely} has only one of them"
        )
    numbers = _check_numbers(files[0], folder)
    return PublishedClip(folder.name, "jpg", tuple((files[0][number], files[1][number]) for number in numbers))


def _put(files: dict[int, Path], number: int, path: Path) -> None:
    if number in files:
        names = " and ".join(sorted((files[number].name, path.name)))
        raise FeatureError(f"{path.parent}: {names} both have number {number}. Leave the files of one kind there.")
    files[number] = path


def _check_numbers(files: dict[int, Path], folder: Path) -> list[int]:
    numbers = sorted(files)
    missing = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    if numbers[0] > 1 or missing:
        first = missing[0] if missing else 1
        raise FeatureError(f"{folder}: expected files numbered from 0 or 1 without holes, number {first} is missing")
    return numbers


def read_published(clip: PublishedClip, *, portion: int = 32) -> Iterator[np.ndarray]:
    """The flow of a clip, some pairs at a time.

    Args:
        clip: of ``find_published``.
        portion: pairs at a time.

    Yields:
        uint8 codes (``jpg``) or float32 fields (P, H, W, 2).

    Raises:
        FeatureError: a file is damaged, or of another size than the first; or flow is unknown somewhere.
    """
    if clip.layout == "npy":
        path = clip.pairs[0][0]
        fields = read_npy(path)
        for first in range(0, len(fields), portion):
            part = np.asarray(fields[first : first + portion], np.float32)
            _check_known(part, path)
            yield part
        return
    size: tuple[int, ...] | None = None
    for first in range(0, len(clip.pairs), portion):
        some = [_read_pair(paths) for paths in clip.pairs[first : first + portion]]
        for paths, field in zip(clip.pairs[first : first + portion], some, strict=True):
            size = size or field.shape
            if field.shape != size:
                raise FeatureError(
                    f"{paths[0]}: expected {size[1]}x{size[0]} pixels as in {clip.pairs[0][0].name}, got "
                    f"{field.shape[1]}x{field.shape[0]}"
                )
        yield np.stack(some)


def _check_known(fields: np.ndarray, path: Path) -> None:
    """A store holds numbers: Middlebury marks unknown flow by 1e9 and more, others by NaN."""
    num_unknown = np.count_nonzero(~(np.abs(fields) < _UNKNOWN).all(-1))
    if num_unknown:
        raise FeatureError(
            f"{path}: flow of {num_unknown} pixels is unknown (NaN, or {_UNKNOWN:g} and more). Fill it first."
        )


def _read_pair(paths: Sequence[Path]) -> np.ndarray:
    if len(paths) == 1:
        field = read_flo(paths[0])
        _check_known(field, paths[0])
        return field
    planes = [_read_grey(path) for path in paths]
    if planes[0].shape != planes[1].shape:
        raise FeatureError(f"{paths[1]}: is {planes[1].shape[::-1]} pixels, {paths[0].name} is {planes[0].shape[::-1]}")
    return np.stack(planes, -1)


def _read_grey(path: Path) -> np.ndarray:
    picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE) if path.stat().st_size else None
    if picture is None:
        raise FeatureError(f"{path}: is no picture that can be read. Get it anew.")
    return picture


def read_npy(path: Path) -> np.ndarray:
    """Flow of a clip from a NumPy file, mapped rather than read.

    Returns:
        float (P, H, W, 2).

    Raises:
        FeatureError: it is no array of (P, H, W, 2) or (P, 2, H, W) floats.
    """
    try:
        fields = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise FeatureError(f"{path}: is no NumPy array that can be read: {error}") from error
    if fields.ndim == 4 and np.issubdtype(fields.dtype, np.floating):
        if fields.shape[3] == 2:
            return fields
        if fields.shape[1] == 2:
            return np.moveaxis(fields, 1, 3)
    raise FeatureError(
        f"{path}: expected floats, pixels per frame, of shape (P, H, W, 2) or (P, 2, H, W); got {fields.dtype} "
        f"{fields.shape}"
    )


def write_published(
    folder: Path, instance_id: str, layout: Layout, parts: Iterable[np.ndarray], shape: tuple[int, int, int, int]
) -> int:
    """Write the flow of a clip into files that other tools read; numbers begin at 1.

    Args:
        folder: for all clips.
        instance_id: names the clip's folder or file.
        layout: what kind of files.
        parts: of the clip, in order: uint8 codes (P, H, W, 2) for ``jpg``, else float32 fields.
        shape: of all parts together.

    Returns:
        How many files were written.

    Raises:
        FeatureError: the id is no name of a file.
        OutputError: a file cannot be written.
    """
    if Path(instance_id).name != instance_id or instance_id in (".", ".."):
        raise FeatureError(f"clip {instance_id!r}: expected an id that can name a file. Leave it out with --only.")
    if layout == "npy":
        with replace_file(folder / f"{instance_id}.npy") as temporary:
            mapped = np.lib.format.open_memmap(temporary, "w+", np.float32, shape)
            place = 0
            for part in parts:
                mapped[place : place + len(part)] = part
                place += len(part)
            mapped.flush()
        return 1
    number = 0
    for part in parts:
        for field in part:
            number += 1
            if layout == "flo":
                write_flo(folder / instance_id / f"flow_{number:05d}.flo", field)
            else:
                _write_pictures(folder / instance_id, number, field)
    return number * (2 if layout == "jpg" else 1)


def _write_pictures(folder: Path, number: int, codes: np.ndarray) -> None:
    for axis, plane in zip("xy", np.moveaxis(codes, -1, 0), strict=True):
        encoded = cv2.imencode(".jpg", plane, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
        with replace_file(folder / f"flow_{axis}_{number:05d}.jpg") as temporary:
            temporary.write_bytes(encoded.tobytes())
