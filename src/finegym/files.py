"""Writing files so that nothing is ever left half-written, and telling large ones apart."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from finegym.errors import OutputError

NUM_SAMPLES, SAMPLE_BYTES = 16, 64 * 1024


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block succeeds, delete it when it fails.

    The temporary name keeps the suffix, so that writers that look at it (FFmpeg, matplotlib) still work. Parent folders
    are made.

    Raises:
        OutputError: the file cannot be written; the message names it and the system's reason.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}. Choose another folder.") from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_read_umask())
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno is not None:
            reason = error.strerror or str(error)
            raise OutputError(
                f"{path}: cannot be written: {reason}. Nothing was changed; free space or choose another folder."
            ) from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to ``path`` whole or not at all; line ends are written as they stand.

    What of a file's name is no UTF-8 is written as an escape, so that it can be named in a report.
    """
    with replace_file(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def check_writable(folder: Path) -> None:
    """Make a folder where it does not exist, and see that a file can be written in it: before long work, not after.

    Raises:
        OutputError: not so; the message names the folder and the system's reason.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}. Choose another folder.") from error


def _read_umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def hash_samples(path: Path) -> str:
    """SHA-256 of a file's size and of sixteen samples of 64 KiB spread over it, first and last bytes included.

    For files whose whole sum would take longer than the work that it saves; what changes between samples is not seen.

    Raises:
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    step = max(0, size - SAMPLE_BYTES) / (NUM_SAMPLES - 1)
    with path.open("rb") as file:
        for sample in range(NUM_SAMPLES):
            file.seek(round(sample * step))
            digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()
