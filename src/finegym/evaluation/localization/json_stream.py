"""Reading one member of a large JSON object piece by piece: millions of predictions need the memory of one video.

``json.load`` makes a dict of every prediction before the first is looked at, half a kilobyte each. Here the text passes
by in blocks, and the standard library's decoder is handed one video's list at a time.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from finegym.errors import FineGymError

BLOCK = 1 << 20
"""Characters read at once."""
_BLANKS = re.compile(r"[ \t\r\n]*")


def iterate_members(path: Path, key: str, error: type[FineGymError]) -> Iterator[tuple[str, Any]]:
    """Yield name and value of every member of the object at ``key`` of a JSON file, in the order of the file.

    The members around ``key`` are decoded too, and dropped. A name that occurs twice is yielded twice.

    Args:
        path: JSON in UTF-8; ``.gz`` is unpacked.
        key: of the outermost object.
        error: what to raise.

    Raises:
        FineGymError: ``error``: the file cannot be read, is no JSON object, or has no object at ``key``; the message
            names file and character.
    """
    try:
        with open_text(path) as file:
            yield from _Decoder(path, file, error).iterate_object_at(key)
    except FineGymError:
        raise
    except (OSError, ValueError, EOFError, RecursionError) as cause:  # no UTF-8, a number of 5000 digits, …
        raise error(f"{path}: cannot be read: {cause}. Give a JSON file in ActivityNet's layout.") from cause


def open_text(path: Path) -> IO[str]:
    """A file as UTF-8 text; ``.gz`` is unpacked."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


class _Decoder:
    """A text, of which only the part that is being decoded is held."""

    def __init__(self, path: Path, file: IO[str], error: type[FineGymError]) -> None:
        self.path, self.file, self.error = path, file, error
        self.text, self.place, self.passed = "", 0, 0
        self.decode = json.JSONDecoder().raw_decode

    def iterate_object_at(self, key: str) -> Iterator[tuple[str, Any]]:
        found = False
        for name in self._iterate_names():
            if name != key:
                self._take_value()
                continue
            found = True
            for member in self._iterate_names():
                yield member, self._take_value()
        if not found:
            raise self.error(f"{self.path}: has no {key!r}. Give a JSON file in ActivityNet's layout.")
        if self._peek():
            raise self._complain("the end of the file")

    def _iterate_names(self) -> Iterator[str]:
        """The names of an object; the caller takes each one's value before it asks for the next."""
        self._take("{")
        if self._peek() == "}":
            self.place += 1
            return
        while True:
            if self._peek() != '"':
                raise self._complain("a name in double quotes")
            name = self._take_value()
            self._take(":")
            yield name
            if self._take(",", "}") == "}":
                return

    def _take(self, *wanted: str) -> str:
        found = self._peek()
        if found not in wanted:
            raise self._complain(" or ".join(map(repr, wanted)))
        self.place += 1
        return found

    def _peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            self.place = _BLANKS.match(self.text, self.place).end()  # type: ignore[union-attr]  # matches always
            if self.place < len(self.text):
                return self.text[self.place]
            if not self._read_more(BLOCK):
                return ""

    def _take_value(self) -> Any:
        self._peek()
        wanted = BLOCK
        while True:
            try:
                value, place = self.decode(self.text, self.place)
            except json.JSONDecodeError as cause:
                if not self._read_more(wanted):
                    raise self._complain("a value", cause.pos, cause.msg) from cause
                wanted *= 2  # a value of many blocks is decoded anew a few times, not once a block
                continue
            # A number at the end of what is held may go on in the next block.
            if place < len(self.text) or not self._read_more(wanted):
                self.place = place
                return value

    def _read_more(self, num_characters: int) -> bool:
        block = self.file.read(num_characters)
        if block:
            self.text = self.text[self.place :] + block
            self.passed += self.place
            self.place = 0
        return bool(block)

    def _complain(self, expected: str, place: int | None = None, reason: str = "") -> FineGymError:
        position = self.passed + (self.place if place is None else place)
        found = repr(self.text[self.place : self.place + 20]) if self.place < len(self.text) else "the end of the file"
        detail = f" ({reason})" if reason else ""
        return self.error(
            f"{self.path}: no JSON object as expected: {expected} should stand at character {position:,}, got "
            f"{found}{detail}. Write the file again."
        )
