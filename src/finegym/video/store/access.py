"""Bytes of a store's files, wherever they are: local ones by ``pread``, anything with ``://`` through fsspec."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finegym.errors import ConfigError, VideoError

Part = tuple[str, int, int]  # name, start, stop


class LocalFolder:
    """A folder on this machine. Holds no open file: opening one costs a few microseconds."""

    gap_bytes = 4096  # reading a gap as long as this costs less than another read

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __str__(self) -> str:
        return str(self.folder)

    def exists(self, name: str) -> bool:
        """Whether a file is there."""
        return (self.folder / name).is_file()

    def read(self, name: str) -> bytes:
        """A whole file.

        Raises:
            FileNotFoundError: there is none.
            VideoError: it cannot be read.
        """
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise VideoError(f"{self.folder / name}: cannot be read: {error.strerror}") from error

    def read_parts(self, parts: Sequence[Part]) -> list[bytes]:
        """Parts of files.

        Raises:
            VideoError: a file cannot be read.
        """
        handles: dict[str, int] = {}
        try:
            for name, _, _ in parts:
                if name not in handles:
                    handles[name] = os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC)
            return [os.pread(handles[name], stop - start, start) for name, start, stop in parts]
        except OSError as error:
            raise VideoError(f"{self.folder / name}: cannot be read: {error.strerror}") from error
        finally:
            for handle in handles.values():
                os.close(handle)


class RemoteFolder:
    """A folder behind a URL. Connections belong to one process and are made anew in every other."""

    gap_bytes = 256 * 1024

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._opened: tuple[int, Any, str] | None = None

    def __str__(self) -> str:
        return self.url

    def __getstate__(self) -> dict[str, object]:
        return {"url": self.url, "_opened": None}

    def _open(self) -> tuple[Any, str]:
        if self._opened is None or self._opened[0] != os.getpid():
            import fsspec

            try:
                files, path = fsspec.core.url_to_fs(self.url, skip_instance_cache=True)
            except (ImportError, ValueError) as error:
                raise ConfigError(
                    f"{self.url}: {error}. Install what this protocol needs, or copy the store."
                ) from error
            self._opened = os.getpid(), files, path
        return self._opened[1:]

    def exists(self, name: str) -> bool:
        """Whether a file is there."""
        files, path = self._open()
        return bool(files.exists(f"{path}/{name}"))

    def read(self, name: str) -> bytes:
        """A whole file; raises as ``LocalFolder.read``."""
        files, path = self._open()
        try:
            data: bytes = files.cat_file(f"{path}/{name}")
            return data
        except FileNotFoundError:
            raise
        except OSError as error:
            raise VideoError(f"{self.url}/{name}: cannot be read: {error}") from error

    def read_parts(self, parts: Sequence[Part]) -> list[bytes]:
        """Parts of files, all asked for at once; raises as ``LocalFolder.read_parts``."""
        files, path = self._open()
        names = [f"{path}/{name}" for name, _, _ in parts]
        try:
            data: list[bytes] = files.cat_ranges(
                names, [start for _, start, _ in parts], [stop for _, _, stop in parts], on_error="raise"
            )
            return data
        except OSError as error:
            raise VideoError(f"{self.url}: {parts[0][0]} cannot be read: {error}") from error


Folder = LocalFolder | RemoteFolder


def open_folder(location: str | Path) -> Folder:
    """The folder of a path or a URL."""
    return RemoteFolder(location) if isinstance(location, str) and "://" in location else LocalFolder(Path(location))
