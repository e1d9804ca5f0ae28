"""A PostgreSQL of the tests' own: from Debian's packages, in a temporary folder, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def find_binaries() -> Path | None:
    """The folder of ``initdb``, where it is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def run_cluster(binaries: Path, *, is_durable: bool = False) -> Iterator[str]:
    """Start a cluster; yield the URL of its databases, ``{database}`` for the name.

    ``is_durable``: commits reach the disk, as they do in earnest; tests do without.
    """
    owner = _find_owner()
    with tempfile.TemporaryDirectory(prefix="finegym-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}

        def call(program: str, *arguments: str) -> None:
            command = [str(binaries / program), *arguments]
            subprocess.run(
                command, check=True, capture_output=True, cwd=folder, env={"PATH": "", "LC_ALL": "C.UTF-8"}, **user
            )

        call("initdb", "-D", str(folder / "data"), "-U", "finegym", "-A", "trust", "-E", "UTF8", "--no-sync")
        settings = f"-k {folder} -c listen_addresses='' -c max_connections=80 -c shared_buffers=32MB"
        settings += "" if is_durable else " -c fsync=off"
        call("pg_ctl", "-D", str(folder / "data"), "-l", str(folder / "log"), "-w", "-o", settings, "start")
        try:
            yield f"postgresql://finegym@/{{database}}?host={folder}"
        finally:
            call("pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "stop")


def _find_owner() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: somebody else it is, then."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None
