"""One run at a time in a workspace: two would write, and take for left-over, each other's files."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from finegym.errors import OutputError
from finegym.files import check_writable
from finegym.workspace import Workspace


@contextmanager
def hold_workspace(workspace: Workspace) -> Iterator[None]:
    """Hold a workspace's lock; the system lets it go when the process ends, however it ends.

    The lock file stays: were it removed, two later runs could each hold one of that name. Disks without locks (some
    network file systems) are used without.

    Raises:
        OutputError: another run holds it, or the workspace cannot be written.
    """
    place = workspace.lock_file
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise OutputError(f"{place}: cannot be written: {error.strerror}. Choose another workspace.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise OutputError(
                    f"{workspace.folder}: another ingest is at work in this workspace. Wait for it, then run again."
                ) from error
        check_writable(place.parent)  # the lock file of an earlier run may be there in a folder that is now read-only
        yield
    finally:
        os.close(handle)
