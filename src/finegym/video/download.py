"""Fetching records by their ids, politely, one at a time, and saying of each what became of it.

yt-dlp does the fetching and is an extra: nothing here is fetched unless somebody asks. A media file gets its final name
only when it is whole; what is on its way is under ``.partial/``, where a killed run goes on. The manifest
``download.csv`` is written after every record.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from finegym.errors import ConfigError, OutputError, VideoError
from finegym.files import hold_folder
from finegym.video.download_manifest import MANIFEST_FILE, DownloadRow, write_manifest
from finegym.video.download_plan import Plan, check_ids, compute_sha256, plan_downloads
from finegym.video.download_reasons import Failure
from finegym.video.download_site import (
    YOUTUBE,
    Fetched,
    check_url_template,
    check_yt_dlp,
    fetch_media,
    make_url,
    quote_id,
    read_cookies,
)
from finegym.video.media import get_video_stream, open_media

PARTIAL_FOLDER = ".partial"
LOCK_FILE = ".download.lock"
# So many records in a row that fail for the network, and it is the network.
MAX_NETWORK_FAILURES = 5


@dataclass
class DownloadResult:
    """What became of the records asked for.

    Attributes:
        manifest: the path of ``download.csv``.
        rows: of the records asked for that have one; those of ``left`` may have none.
        tried: ids asked for in this run.
        left: ids not asked for, because of ``--limit`` or because the run stopped.
        num_retries: how often something was tried again.
        stopped: why the run stopped before its end; empty where it did not.
    """

    manifest: Path
    rows: dict[str, DownloadRow] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    num_retries: int = 0
    stopped: str = ""

    def get_ids(self, status: str) -> list[str]:
        """The ids with a status, in the order asked for."""
        return [video_id for video_id, row in self.rows.items() if row.status == status]

    @property
    def has_only_failed(self) -> bool:
        """Whether all that was asked for in this run failed; what the site does not give has not failed."""
        return bool(self.tried) and all(self.rows[video_id].status == "failed" for video_id in self.tried)

    def count_reasons(self) -> dict[str, int]:
        """How many records are not there, by status and reason; most frequent first."""
        reasons = Counter(f"{row.status}: {row.reason}" for row in self.rows.values() if row.status != "there")
        return dict(reasons.most_common())


def download_records(
    ids: Sequence[str],
    out: Path,
    *,
    url_template: str = YOUTUBE,
    max_height: int = 1080,
    sleep_s: float = 5.0,
    max_bytes_per_s: int | None = None,
    retries: int = 3,
    limit: int | None = None,
    cookies: Path | None = None,
    retry_missing: bool = False,
    verify: bool = False,
    tell: Callable[[str], None] = lambda line: None,
    wait: Callable[[float], None] = time.sleep,
) -> DownloadResult:
    """Fetch ``out/<id>.<suffix>`` for every id, one at a time, and keep ``out/download.csv``.

    Resumable: a file that is there with the size that the manifest says is skipped, one on its way goes on where it
    was. What the site does not give is a row of the manifest, not an error.

    Args:
        ids: of records, each once.
        out: the folder; one run at a time.
        url_template: an address with ``{id}`` in it.
        max_height: of the picture in pixels, where the site says it.
        sleep_s: between two records, give or take a half.
        max_bytes_per_s: speed limit; ``None`` for none.
        retries: how often a record is tried again after a failure of the network, with pauses that double.
        limit: how many records are asked for at most.
        cookies: a Netscape cookie file; read, never written.
        retry_missing: ask again for what the site did not give before.
        verify: compare the files with their SHA-256, not only with their size.
        tell: gets a line about everything that happens.
        wait: sleeps.

    Raises:
        ConfigError: yt-dlp is not there, a setting makes no sense, or an id cannot be the name of a file.
        VideoError: the manifest is damaged.
        OutputError: the folder cannot be written, or another run is at work in it.
    """
    check_url_template(url_template)
    check_yt_dlp()
    cookie_text = read_cookies(cookies)
    check_ids(ids)
    out = Path(out)
    if os.path.expandvars(out.resolve()) != str(out.resolve()):
        raise ConfigError(f"--out {out}: yt-dlp would expand the $NAME in it. Choose a folder without one.")
    told: set[str] = set()

    def tell_once(line: str) -> None:
        if line not in told:
            told.add(line)
            tell(line)

    fetch = partial(
        fetch_media,
        max_height=max_height,
        sleep_s=min(sleep_s, 1.0),
        max_bytes_per_s=max_bytes_per_s,
        cookies=cookie_text,
        tell=tell_once,
    )
    with _lock(out):
        plan = plan_downloads(ids, out, retry_missing=retry_missing, verify=verify)
        result = DownloadResult(out / MANIFEST_FILE)
        _keep_found(plan, out, tell)
        write_manifest(plan.rows, result.manifest)
        batch = plan.wanted[:limit]
        if batch and shutil.which("ffmpeg") is None:
            tell("no ffmpeg program to join picture and sound: where a site keeps them apart, only the picture comes")
        in_a_row = 0
        for position, video_id in enumerate(batch, start=1):
            if position > 1:
                wait(sleep_s * random.uniform(0.5, 1.5))
            url = make_url(url_template, video_id)
            fetched, tries = _try_often(
                partial(fetch, url, _get_partial_folder(out, video_id)),
                video_id,
                retries,
                max(sleep_s, 1.0),
                wait,
                tell,
            )
            plan.rows[video_id] = _finish(video_id, url, fetched, out)
            write_manifest(plan.rows, result.manifest)
            result.tried.append(video_id)
            result.num_retries += tries - 1
            tell(f"[{position}/{len(batch)}] {video_id}: {describe_row(plan.rows[video_id])}")
            in_a_row = in_a_row + 1 if isinstance(fetched, Failure) and fetched.may_pass else 0
            result.stopped = _find_reason_to_stop(fetched, in_a_row)
            if result.stopped:
                break
    result.left = [video_id for video_id in plan.wanted if video_id not in set(result.tried)]
    result.rows = {video_id: plan.rows[video_id] for video_id in ids if video_id in plan.rows}
    return result


def describe_row(row: DownloadRow) -> str:
    """A row in a few words."""
    if row.status != "there":
        return f"{row.status}: {row.reason}"
    size = f"{row.size_bytes / 1e6:,.1f} MB" if row.size_bytes else "?"
    return f"there, {row.width}x{row.height}, {size}"


def _try_often(
    fetch: Callable[[], Fetched],
    video_id: str,
    retries: int,
    backoff_s: float,
    wait: Callable[[float], None],
    tell: Callable[[str], None],
) -> tuple[Fetched, int]:
    """Try again after failures that may pass; how often it was tried is the second value."""
    fetched = fetch()
    for retry in range(1, retries + 1):
        if not isinstance(fetched, Failure) or not fetched.may_pass:
            return fetched, retry
        pause = backoff_s * 2 ** (retry - 1)
        tell(f"{video_id}: {fetched.reason}; retry {retry} of {retries} in {pause:g} s")
        wait(pause)
        fetched = fetch()
    return fetched, retries + 1


def _finish(video_id: str, url: str, fetched: Fetched, out: Path) -> DownloadRow:
    """Give a whole file its name; its row, or the row of what failed."""
    when = _now()
    if isinstance(fetched, Failure):
        return DownloadRow(video_id, fetched.status, fetched.reason, source_url=url, when_utc=when)
    target = out / f"{video_id}{fetched.suffix.lower()}"
    partial = _get_partial_folder(out, video_id)
    try:
        if target.exists() and target.stat().st_size:
            # Planning has seen no file of this id: the file system does not tell upper from lower case.
            reason = f"{target.name} is another record's file here, upper and lower case being the same"
            return DownloadRow(video_id, "failed", reason, source_url=url, when_utc=when)
        row = _describe_file(video_id, fetched, url)
        fetched.replace(target)
    except VideoError as error:
        # A page of HTML, for one. Away with it, or the next run would find it whole.
        shutil.rmtree(partial, ignore_errors=True)
        reason = str(error).removeprefix(f"{fetched}: ")
        return DownloadRow(video_id, "failed", f"what came {reason}", source_url=url, when_utc=when)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror}. Free space, then run again.") from error
    shutil.rmtree(partial, ignore_errors=True)
    return replace(row, path=target.name)


def _describe_file(video_id: str, path: Path, url: str) -> DownloadRow:
    """The row of a file that is there.

    Raises:
        VideoError: it is no video.
    """
    with open_media(path) as container:
        stream = get_video_stream(container, path)
        width, height = stream.codec_context.width, stream.codec_context.height
    sha256 = compute_sha256(path)
    return DownloadRow(video_id, "there", "", path.name, path.stat().st_size, sha256, width, height, url, _now())


def _keep_found(plan: Plan, out: Path, tell: Callable[[str], None]) -> None:
    """Rows for files that are there without one (of a run killed at the very end, or of somebody else)."""
    for video_id, path in plan.found.items():
        try:
            plan.rows[video_id] = _describe_file(video_id, path, "")
            tell(f"{video_id}: {path.name} was there already and is in the manifest now")
        except VideoError as error:
            reason = f"a file of that name is there, but {str(error).removeprefix(f'{path}: ')} Move it away."
            plan.rows[video_id] = DownloadRow(video_id, "failed", reason, when_utc=_now())
            tell(f"{video_id}: {reason}")
    for video_id, difference in plan.changed.items():
        reason = f"{difference}; left as it is: move it away to fetch it anew"
        plan.rows[video_id] = replace(plan.rows[video_id], status="failed", reason=reason)
        tell(f"{video_id}: {reason}")


def _find_reason_to_stop(fetched: Fetched, failures_in_a_row: int) -> str:
    if isinstance(fetched, Failure) and fetched.stops:
        return fetched.reason
    if failures_in_a_row >= MAX_NETWORK_FAILURES:
        return f"the network failed {failures_in_a_row} records in a row"
    return ""


def _get_partial_folder(out: Path, video_id: str) -> Path:
    return out / PARTIAL_FOLDER / quote_id(video_id)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def _lock(out: Path) -> Iterator[None]:
    """One run a folder: two would write into the same partial files. The system lets go when a run is killed."""
    with hold_folder(out, "download", LOCK_FILE):
        (out / PARTIAL_FOLDER).mkdir(exist_ok=True)
        for left in out.glob(f".{Path(MANIFEST_FILE).stem}-*.csv"):
            left.unlink()  # a manifest that a killed run was writing
        yield
        if not any((out / PARTIAL_FOLDER).iterdir()):
            (out / PARTIAL_FOLDER).rmdir()
