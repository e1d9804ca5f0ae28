"""Writing files and folders so that nothing is ever left half-written, and telling large ones apart."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from finegym.errors import OutputError

NUM_SAMPLES, SAMPLE_BYTES = 16, 64 * 1024
STALE_S = 2.0
"""A temporary younger than this may have been made by a process that is about to lock it."""
LOCK_FILE = ".lock"
_TEMPORARY = re.compile(r"\..+-[a-z0-9_]{8}(\.[^.]*)?", re.DOTALL)


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block succeeds, delete it when it fails.

    The temporary name keeps the suffix, so that writers that look at it (FFmpeg, matplotlib) still work. Parent folders
    are made. The file is locked while it is written; ``remove_stale`` tells by that what a killed process has left.

    Raises:
        OutputError: the file cannot be written; the message names it and the system's reason.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}. Choose another folder.") from error
    temporary = Path(name)
    is_locked = _lock(handle)
    if not is_locked:
        os.close(handle)  # Windows renames no open file
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
    finally:
        if is_locked:
            os.close(handle)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``folder``, which takes its place when the block succeeds and goes when it fails.

    What a killed process has left of an earlier try is removed first; what a living one fills is locked and stays.

    Args:
        folder: not there, or empty. Parent folders are made.

    Raises:
        OutputError: the folder cannot be made or written; the message names it and the system's reason.
    """
    folder = Path(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale_folders(folder)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}. Choose another folder.") from error
    handle = _open_locked(temporary)
    try:
        yield temporary
        temporary.chmod(0o777 & ~_read_umask())
        temporary.replace(folder)
    except OSError as error:
        if isinstance(error, OutputError) or error.errno is None:
            raise
        raise OutputError(f"{folder}: cannot be written: {error.strerror}. Nothing was changed.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _remove_stale_folders(folder: Path) -> None:
    """Remove temporaries of ``new_folder`` for one folder that nobody fills any more."""
    for path in folder.parent.glob(f".{glob.escape(folder.name)}-????????"):
        if path.is_symlink() or not path.is_dir() or time.time() - path.stat().st_mtime < STALE_S:
            continue
        handle = _open_locked(path)
        if handle is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(handle)


def _open_locked(folder: Path) -> int | None:
    """Open and lock a folder; ``None`` where another process holds it, or nothing can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return None
    if _lock(handle):
        return handle
    os.close(handle)
    return None


def _lock(handle: int) -> bool:
    """Lock an open file until it is closed or its process is gone; False where another holds it, or nothing can."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):  # Windows; a disk without locks
        return False
    return True


@contextmanager
def hold_folder(folder: Path, work: str, name: str = LOCK_FILE) -> Iterator[None]:
    """Hold the lock of a folder, which is made where there is none; what a killed process held is free again.

    The file stays for ever: who removed it while another had it open would let a third lock a new one.

    Args:
        folder: to write into.
        work: what is done there, for the message to who comes second.
        name: of the lock's file.

    Raises:
        OutputError: another process holds it, or the folder cannot be written or locked.
    """
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / name).open("a")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}. Choose another folder.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(f"{folder}: another {work} is at work there. Wait for it to end.") from error
        except OSError as error:
            raise OutputError(
                f"{folder}: cannot be locked: {error.strerror}. Choose a folder on another file system."
            ) from error
        yield


def is_held(folder: Path, name: str = LOCK_FILE) -> bool:
    """Whether another holds the lock of a folder at this moment."""
    try:
        with (folder / name).open("rb") as file:
            return not _lock(file.fileno())
    except OSError:  # no such folder, or nobody ever held it
        return False


def remove_stale(folder: Path, name: str = "") -> int:
    """Remove the temporary files of ``replace_file`` that killed processes have left in a folder.

    What a living process writes is locked and stays, and so does everything on a disk without locks.

    Args:
        folder: to look into, not below; need not exist.
        name: only temporaries of the file of this name; give one where other people's files may lie.

    Returns:
        How many were removed.
    """
    stem, suffix = glob.escape(Path(name).stem), glob.escape(Path(name).suffix)
    pattern = f".{stem}-????????{suffix}" if name else ".*-????????*"
    return sum(_is_stale(path) and _unlink(path) for path in Path(folder).glob(pattern))


def _is_stale(path: Path) -> bool:
    """Whether a file has the name of a temporary, is not new, and nobody holds its lock."""
    try:
        if not _TEMPORARY.fullmatch(path.name) or time.time() - path.stat().st_mtime < STALE_S or not path.is_file():
            return False
        with path.open("rb") as file:
            return _lock(file.fileno())
    except OSError:
        return False


def _unlink(path: Path) -> bool:
    with suppress(OSError):
        path.unlink()
        return True
    return False


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
