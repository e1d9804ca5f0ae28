"""Where the page of a parse finds the recording, and the script that plays it.

A page lies beside its recording, and has one clip. The annotation app serves the same file with the clips that it has
of the record instead: proxies, a chunk each. Only the end of the file differs, so the page is written once.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files

from finegym.errors import ConfigError

_MEDIA = '<script type="application/json" id="media">'


@dataclass(frozen=True)
class PageClip:
    """A part of a recording in a file of its own.

    Attributes:
        src: address, as the page sees it.
        start_ms: on the record's clock, where the file's own stands at 0: a proxy's first frame, or the record's zero.
        end_ms: when its last one stops being shown.
    """

    src: str
    start_ms: float
    end_ms: float


def format_ending(clips: Sequence[PageClip]) -> str:
    """The end of a page: its clips in order of time, at least one, and the script."""
    data = json.dumps([asdict(one) for one in clips]).replace("<", "\\u003c")  # nothing ends the element early
    return f"{_MEDIA}{data}</script>\n<script>{read_script()}</script>\n</body>\n</html>\n"


def replace_ending(page: str, clips: Sequence[PageClip]) -> str:
    """The same page for other clips, with the script of this version.

    Raises:
        ConfigError: it is no page of a parse, or one of an earlier version.
    """
    start = page.rfind(_MEDIA)
    if start < 0:
        raise ConfigError(
            "expected a page of `finegym parse`, got one that names no media: an earlier version wrote it. Remove the "
            "folder and parse the recording again."
        )
    return page[:start] + format_ending(clips)


@cache
def read_script() -> str:
    """What the page does."""
    return (files("finegym.report") / "templates" / "parse.js").read_text(encoding="utf-8")


def hash_script() -> str:
    """The script as a source in a content security policy: nothing else in a page may run."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(read_script().encode()).digest()).decode() + "'"
