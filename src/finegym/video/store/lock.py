"""One build a store at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finegym.errors import OutputError
from finegym.video.store.format import LOCK_FILE


@contextmanager
def hold_store(out: Path) -> Iterator[None]:
    """Hold the lock of a store's folder, which is made where there is none; a killed build's lock is gone with it.

    The file stays for ever: who removed it while another had it open would let a third lock a new one.

    Raises:
        OutputError: another build holds it, or the folder cannot be written or locked.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = (out / LOCK_FILE).open("a")
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror}. Choose another folder.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(f"{out}: another build is at work there. Wait for it to end.") from error
        except OSError as error:
            raise OutputError(f"{out}: cannot be locked: {error.strerror}. Build on another file system.") from error
        yield
