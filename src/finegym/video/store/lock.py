"""One build a store at a time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from finegym.files import hold_folder
from finegym.video.store.format import LOCK_FILE


def hold_store(out: Path) -> AbstractContextManager[None]:
    """Hold the lock of a store's folder.

    Raises:
        OutputError: another build holds it, or the folder cannot be written or locked.
    """
    return hold_folder(out, "build", LOCK_FILE)
