"""Why a record did not come, in words that a person can act on, from what yt-dlp raises.

yt-dlp knows some reasons as types (HTTP status, network, region) and passes the rest on in the site's own sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from finegym.video.download_manifest import Status


@dataclass(frozen=True)
class Failure:
    """What an error means.

    Attributes:
        status: ``missing``: the site does not give it, asking again is no use; ``failed``: another try may help.
        reason: in words.
        may_pass: whether it is worth trying again in a moment.
        stops: whether nothing more should be asked for in this run.
    """

    status: Status
    reason: str
    may_pass: bool = False
    stops: bool = False


# The first that is found in the message counts. Sentences are YouTube's unless noted.
_SENTENCES: tuple[tuple[str, Failure], ...] = (
    (
        r"too many requests|rate-limited|not a bot|content isn.t available, try again later",
        Failure("failed", "the site asks to wait", stops=True),
    ),
    (
        r"no space left|disk quota|file too large|permission denied|read-only",
        Failure("failed", "the folder cannot be written: full, or not permitted", stops=True),
    ),
    (
        r"in your (country|region|location)|geo.?restrict|from your location",
        Failure("missing", "region-locked: not given in this country"),
    ),
    (r"confirm your age|age.restricted", Failure("missing", "age-restricted: needs a signed-in account (--cookies)")),
    (r"members.only|join this channel|requires payment|purchase", Failure("missing", "for paying members only")),
    (r"private video|video is private", Failure("missing", "private")),
    (r"copyright", Failure("missing", "removed: copyright claim")),
    (r"account .*terminated", Failure("missing", "removed: the account was closed")),
    (r"removed by the uploader", Failure("missing", "removed by the uploader")),
    (r"has been removed|violat", Failure("missing", "removed by the site")),
    (r"live event|premieres in|will begin in", Failure("failed", "live, or not begun yet")),
    (
        r"video (is )?(unavailable|no longer available)|video does not exist|content isn.t available",
        Failure("missing", "removed: the site only says that it is not available"),
    ),
    (r"truncated|invalid (video )?id", Failure("missing", "not found: the site knows no ids of this form")),
    (r"unsupported url", Failure("failed", "no video on the page")),
    (r"requested format is not available", Failure("failed", "not there in the wanted size (--max-height)")),
    (
        r"log.?in|sign.?in|account.*required|registered users",
        Failure("missing", "needs a signed-in account (--cookies)"),
    ),
)
_NETWORK = (
    (r"bytes read|downloaded .* bytes, expected", "broke off"),
    (r"timed out|timeout", "no answer in time"),
    (r"refused", "connection refused"),
    (r"resolve|name or service|name resolution", "the site's name leads nowhere"),
    (r"connection|unreachable|reset by peer|broken pipe", "no connection"),
)
_HTTP: dict[int, Failure] = {
    401: Failure("missing", "needs a signed-in account (--cookies)"),
    403: Failure("failed", "refused"),
    404: Failure("missing", "not found"),
    410: Failure("missing", "removed"),
    429: Failure("failed", "the site asks to wait", stops=True),
    451: Failure("missing", "withheld for legal reasons"),
}


def classify_error(error: BaseException) -> Failure:
    """What an exception of yt-dlp means.

    Args:
        error: as ``YoutubeDL`` raised it; its causes are looked at too.
    """
    from yt_dlp.networking.exceptions import HTTPError, TransportError
    from yt_dlp.utils import GeoRestrictedError

    causes = list(_iterate_causes(error))
    message = clean_message(str(error))
    for cause in causes:
        if isinstance(cause, GeoRestrictedError):
            return Failure("missing", "region-locked: not given in this country")
        if isinstance(cause, HTTPError):
            return _classify_status(cause.status, cause.response.headers.get("Retry-After"))
    for pattern, failure in _SENTENCES:
        if re.search(pattern, message, re.IGNORECASE):
            return failure
    # A transfer that breaks off comes as a sentence only, its cause is lost on the way.
    status = re.search(r"HTTP Error (\d{3})", message)
    if status:
        return _classify_status(int(status[1]), None)
    for pattern, reason in _NETWORK:
        if re.search(pattern, message, re.IGNORECASE):
            return Failure("failed", f"network: {reason}", may_pass=True)
    if any(isinstance(cause, TransportError) for cause in causes):
        return Failure("failed", f"network: {message}", may_pass=True)
    return Failure("failed", message or type(error).__name__)


def clean_message(message: str) -> str:
    """A message of yt-dlp as one short line, without its prefixes, its colours and its requests for bug reports."""
    message = re.sub(r"\x1b\[[0-9;]*m", "", message)
    message = re.sub(r"^(ERROR|WARNING): *", "", message.strip())
    message = re.sub(r"^\[[\w:+.-]+\] ", "", message)
    message = re.sub(r"^(Got error|\S+): (?=\S)", "", message)  # an id
    message = re.sub(r"[;.]? *please report this issue on .*", "", message, flags=re.DOTALL)
    message = re.sub(r"\(caused by .*", "", message, flags=re.DOTALL)
    return " ".join(message.split())[:200].strip()


def _classify_status(status: int, retry_after: str | None) -> Failure:
    known = _HTTP.get(status, Failure("failed", "the server failed" if status >= 500 else "refused", status >= 500))
    wait = f", again after {retry_after}{' s' if retry_after.isdigit() else ''}" if retry_after else ""
    return Failure(known.status, f"{known.reason} (HTTP {status}{wait})", known.may_pass, known.stops)


def _iterate_causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and everything it came from, each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        info = getattr(current, "exc_info", None)
        # Not __context__: an extractor may have got over another error before.
        waiting += [getattr(current, "cause", None), info[1] if info else None, current.__cause__]
