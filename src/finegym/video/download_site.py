"""The site: addresses of records, and one media file through yt-dlp; everything that yt-dlp is told stands here."""

from __future__ import annotations

import io
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from finegym.errors import ConfigError
from finegym.video.download_reasons import Failure, classify_error, clean_message

Fetched = Path | Failure
YOUTUBE = "https://www.youtube.com/watch?v={id}"


def check_yt_dlp() -> None:
    """Make sure that the extra is installed.

    Raises:
        ConfigError: it is not.
    """
    try:
        import yt_dlp  # noqa: F401
    except ImportError as error:
        raise ConfigError("downloading needs the package yt-dlp: pip install 'finegym[youtube]'") from error


def check_url_template(url_template: str) -> None:
    """Make sure that an address can be made of a template.

    Raises:
        ConfigError: it cannot.
    """
    if not re.match(r"https?://[^/@]+(/|$)", url_template) or "{id}" not in url_template:
        raise ConfigError(
            f"--url-template: expected an address with {{id}} in it, such as {YOUTUBE}, got {url_template!r}"
        )


def make_url(url_template: str, video_id: str) -> str:
    """The address of a record; odd characters of its id are quoted.

    Example:
        >>> make_url("https://example.org/{id}.mp4", "a b&c")
        'https://example.org/a%20b%26c.mp4'
    """
    return url_template.replace("{id}", quote_id(video_id))


def quote_id(video_id: str) -> str:
    """An id with everything odd in it quoted, as in an address."""
    return quote(video_id, safe="")


def read_cookies(path: Path | None) -> str | None:
    """The text of a Netscape cookie file.

    Raises:
        ConfigError: it is none.
    """
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"--cookies {path}: expected a cookie file, but: {error.strerror}. Check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"--cookies {path}: expected a cookie file, got bytes that are no text") from error
    if not re.match(r"# (Netscape )?HTTP Cookie File", text):
        raise ConfigError(
            f"--cookies {path}: expected '# Netscape HTTP Cookie File' in line 1. Export it in that format."
        )
    return text


def fetch_media(
    url: str,
    folder: Path,
    *,
    max_height: int,
    sleep_s: float,
    max_bytes_per_s: int | None,
    cookies: str | None,
    tell: Callable[[str], None],
) -> Fetched:
    """Fetch the media file of one page; what an earlier, interrupted try has left in ``folder`` goes on.

    Args:
        url: the page, or the media file itself.
        folder: for this record only; made if need be.
        max_height: of the picture in pixels, where the site says it.
        sleep_s: between the requests that yt-dlp makes for one page.
        max_bytes_per_s: speed limit.
        cookies: the text of a Netscape cookie file.
        tell: gets yt-dlp's warnings.

    Returns:
        The whole file, or why there is none.
    """
    from yt_dlp import YoutubeDL

    # yt-dlp's own names would be made of titles; "%" means a field to it.
    name = str(folder.resolve()).replace("%", "%%") + "/media.%(ext)s"
    size = f"[height<=?{max_height}]"
    # Sound needs a program to join it with the picture; without one, the best picture matters more.
    has_ffmpeg = shutil.which("ffmpeg") is not None
    understood = []

    def look_at(info: dict[str, Any], *, incomplete: bool) -> str | None:
        understood.append(info.get("id"))
        return "live, or not begun yet" if info.get("live_status") in {"is_live", "is_upcoming"} else None

    with _show_progress() as hook:
        options: dict[str, Any] = {
            "outtmpl": {"default": name},
            "format": f"bv*{size}+ba/bv*{size}/b{size}" if has_ffmpeg else f"bv*{size}/b{size}",
            "format_sort": ["res", "fps", "vcodec:h264"],  # H.264 is what the exact reader is fastest on
            "merge_output_format": "mp4/mkv",
            "noplaylist": True,
            "extract_flat": "in_playlist",  # a page of several videos is refused below, not fetched
            "match_filter": look_at,
            "continuedl": True,
            "skip_unavailable_fragments": False,  # yt-dlp's default leaves holes in silence
            # Tries are counted and announced by the caller.
            "retries": 0,
            "fragment_retries": 0,
            "extractor_retries": 0,
            "file_access_retries": 0,
            "sleep_interval_requests": sleep_s,
            "ratelimit": max_bytes_per_s,
            "cookiefile": None if cookies is None else io.StringIO(cookies),  # a path would be written back to
            "updatetime": False,
            "quiet": True,
            "noprogress": True,
            "logger": _Logger(tell),
            "progress_hooks": [hook],
        }
        try:
            with YoutubeDL(options) as downloader:
                info = downloader.extract_info(url)
        except Exception as error:  # an extractor that does not understand its site may raise anything
            failure = classify_error(error)
            # What the site has offered and then does not give (a lost piece of a stream) is no record that is gone.
            return replace(failure, status="failed") if understood else failure
    return _find_file(info)


def _find_file(info: dict[str, Any] | None) -> Fetched:
    if info is None:
        return Failure("failed", "yt-dlp gave nothing, without a reason")
    if info.get("_type") == "playlist":
        return Failure("failed", "the page holds several videos, or none")
    paths = [Path(part["filepath"]) for part in info.get("requested_downloads") or () if part.get("filepath")]
    if not paths and info.get("live_status") in {"is_live", "is_upcoming"}:
        return Failure("failed", "live, or not begun yet")
    if len(paths) != 1 or not paths[0].is_file():
        return Failure("failed", "yt-dlp gave no file, without a reason")
    return paths[0]


class _Logger:
    """Where yt-dlp's lines go: warnings to the caller; errors come as exceptions too, the rest is noise."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell

    def debug(self, message: str) -> None:
        pass

    def error(self, message: str) -> None:
        pass

    def warning(self, message: str) -> None:
        self.tell(f"yt-dlp: {clean_message(message)}")


@contextmanager
def _show_progress() -> Iterator[Callable[[dict[str, Any]], None]]:
    """A bar of bytes for the file on its way, on a terminal; gives yt-dlp's hook."""
    if not sys.stderr.isatty():
        yield lambda facts: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def hook(facts: dict[str, Any]) -> None:
            total = facts.get("total_bytes") or facts.get("total_bytes_estimate")
            bar.update(task, completed=facts.get("downloaded_bytes") or 0, total=total)

        yield hook
