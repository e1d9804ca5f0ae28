"""Downloads from a video site on this machine: what comes, what does not and why, and what a second run repeats."""

import gc
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest
from numbered import write_numbered
from video_site import serve_site

from finegym.errors import ConfigError, OutputError, VideoError
from finegym.video import download as module
from finegym.video import download_plan as planning
from finegym.video.download import download_records
from finegym.video.download_manifest import DownloadRow, read_manifest, write_manifest
from finegym.video.download_plan import check_ids, plan_downloads
from finegym.video.download_reasons import classify_error, clean_message
from finegym.video.download_site import YOUTUBE, make_url

# yt-dlp leaves the sockets of failed requests to the garbage collector, which warns.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

HEIGHTS = (48, 96, 144)
ODD_IDS = ("-HvXd_vqJ5A", "_E21jlKax8M", "rrrgsW--AE8", "a b%c$HOME~", "ü&?=#", "%(title)s", "video.mp4", "AbC", "aBc")


@pytest.fixture(scope="module")
def mp4(tmp_path_factory):
    return write_numbered(tmp_path_factory.mktemp("source") / "a.mp4", 120).read_bytes()


@pytest.fixture
def site():
    with serve_site() as running:
        yield running
    gc.collect()  # warnings about yt-dlp's sockets belong here, not into another test


@pytest.fixture
def fetch(site, tmp_path):
    """Download from the site into a folder, without waiting; what was told and waited for is kept."""

    def run(*ids, **options):
        run.lines, run.waits = [], []
        options = {"sleep_s": 0, "retries": 1, "url_template": site.url_template} | options
        return download_records(ids, tmp_path / "out", tell=run.lines.append, wait=run.waits.append, **options)

    run.out = tmp_path / "out"
    return run


def test_files_come_whole_and_the_manifest_says_what_they_are(site, fetch, mp4):
    site.media["ok"] = mp4
    result = fetch("ok")
    row = read_manifest(fetch.out / "download.csv")["ok"]
    assert (fetch.out / "ok.mp4").read_bytes() == mp4
    assert row.sha256 == hashlib.sha256(mp4).hexdigest()
    assert (row.status, row.reason, row.path, row.size_bytes) == ("there", "", "ok.mp4", len(mp4))
    assert (row.width, row.height) == (160, 120)
    assert row.source_url == site.url_template.replace("{id}", "ok")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row.when_utc)
    assert (result.tried, result.left, result.num_retries, result.stopped) == (["ok"], [], 0, "")
    assert sorted(path.name for path in fetch.out.iterdir()) == [".download.lock", "download.csv", "ok.mp4"]


def test_odd_ids_are_names_of_files_and_nothing_else(site, fetch, mp4, tmp_path):
    site.media = dict.fromkeys(ODD_IDS, mp4)
    fetch(*ODD_IDS)
    assert {path.stem for path in fetch.out.glob("*.mp4")} == set(ODD_IDS)
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    assert [id_ for id_, _ in site.requests[::2]] == list(ODD_IDS)


@pytest.mark.parametrize(
    "bad", ["../x", "a/b", "a\\b", "..", ".hidden", "", "a\nb", "a\0b", "x" * 201, "\ud800", "https://a/b"]
)
def test_ids_that_leave_the_folder_are_refused_before_anything_is_asked(site, fetch, bad):
    with pytest.raises(ConfigError, match="1 of 2 ids cannot be the name of a file"):
        fetch("ok", bad)
    assert (site.requests, fetch.out.exists()) == ([], False)
    check_ids(ODD_IDS)


def test_what_does_not_come_has_its_reason_and_the_rest_goes_on(site, fetch, mp4):
    site.status = {"forbidden": 403, "gone": 410, "legal": 451, "signin": 401, "broken": 503}
    site.media = {"page": b"<html>nothing</html>", "text": b"this is no video" * 100, "ok": mp4}
    site.content_type["page"] = "text/html"
    fetch("forbidden", "gone", "legal", "signin", "broken", "absent", "page", "text", "ok")
    rows = read_manifest(fetch.out / "download.csv")
    assert {id_: (row.status, row.reason) for id_, row in rows.items() if id_ != "text"} == {
        "forbidden": ("failed", "refused (HTTP 403)"),
        "gone": ("missing", "removed (HTTP 410)"),
        "legal": ("missing", "withheld for legal reasons (HTTP 451)"),
        "signin": ("missing", "needs a signed-in account (--cookies) (HTTP 401)"),
        "broken": ("failed", "the server failed (HTTP 503)"),
        "absent": ("missing", "not found (HTTP 404)"),
        "page": ("failed", "no video on the page"),
        "ok": ("there", ""),
    }
    assert rows["text"].status == "failed"
    assert "is not a video" in rows["text"].reason
    assert not (fetch.out / "text.mp4").exists()
    assert not (fetch.out / ".partial").exists()


def test_a_broken_transfer_goes_on_where_it_was_and_the_retry_is_counted(site, fetch, mp4):
    site.media["x"] = mp4
    site.break_after["x"] = [len(mp4) // 2]
    result = fetch("x")
    assert (result.num_retries, (fetch.out / "x.mp4").read_bytes() == mp4) == (1, True)
    assert any("x: network: broke off; retry 1 of 1" in line for line in fetch.lines)
    assert 0 < max(start for _, start in site.requests) <= len(mp4) // 2


def test_pauses_double_and_later_failures_of_the_server_count_too(site, fetch, mp4):
    site.media["x"] = mp4
    site.later_status["x"] = 502
    result = fetch("x", retries=3, sleep_s=2)
    assert (fetch.waits, result.num_retries) == ([2, 4, 8], 3)
    assert result.rows["x"].reason == "the server failed (HTTP 502)"
    assert result.has_only_failed


def test_a_partial_file_of_an_earlier_run_goes_on(site, fetch, mp4):
    site.media["x"] = mp4
    site.break_after["x"] = [len(mp4) // 2]
    fetch("x", retries=0)
    assert read_manifest(fetch.out / "download.csv")["x"].reason == "network: broke off"
    assert (fetch.out / ".partial/x/media.mp4.part").stat().st_size > 0
    site.requests.clear()
    fetch("x")
    assert (fetch.out / "x.mp4").read_bytes() == mp4
    assert max(start for _, start in site.requests) > 0


@pytest.mark.parametrize("late", [False, True])
def test_a_site_that_asks_to_wait_is_asked_nothing_more(site, fetch, mp4, late):
    site.media = {"ok": mp4, "slow": mp4, "later": mp4}
    (site.later_status if late else site.status)["slow"] = 429
    site.headers["slow"] = {"Retry-After": "120"}
    result = fetch("ok", "slow", "later")
    assert result.stopped.startswith("the site asks to wait (HTTP 429")
    assert late or "again after 120 s" in result.stopped
    assert (result.tried, result.left, site.count("later")) == (["ok", "slow"], ["later"], 0)
    assert fetch("ok", limit=0).rows["ok"].status == "there"


def test_a_dead_network_is_noticed(fetch):
    ids = [f"v{k}" for k in range(9)]
    result = fetch(*ids, url_template="http://127.0.0.1:9/{id}", retries=0)
    assert len(result.tried) == module.MAX_NETWORK_FAILURES
    assert result.stopped == "the network failed 5 records in a row"
    assert result.count_reasons() == {"failed: network: connection refused": 5}
    assert result.left == ids[5:]


def test_a_second_run_repeats_nothing(site, fetch, mp4):
    site.media["ok"] = mp4
    site.status["bad"] = 403
    fetch("ok", "absent", "bad")
    first = read_manifest(fetch.out / "download.csv")
    site.requests.clear()
    result = fetch("ok", "absent", "bad")
    assert site.requests == [("bad", 0)]
    assert result.tried == ["bad"]
    second = read_manifest(fetch.out / "download.csv")
    assert (second["ok"], second["absent"]) == (first["ok"], first["absent"])
    fetch("absent", retry_missing=True)
    assert site.requests[1:] == [("absent", 0)]
    # Rows of other lists stay.
    assert set(read_manifest(fetch.out / "download.csv")) == {"ok", "absent", "bad"}


def test_a_limit_counts_only_what_is_asked_for(site, fetch, mp4):
    site.media = dict.fromkeys("abcd", mp4)
    assert fetch(*"abcd", limit=2).left == ["c", "d"]
    assert fetch(*"abcd", limit=1).tried == ["c"]
    assert fetch(*"abcd").tried == ["d"]
    assert len(site.requests) == 8


def test_pauses_lie_between_records_and_vary(site, fetch):
    fetch(*"abcdef", sleep_s=4)
    assert len(fetch.waits) == 5
    assert all(2 <= pause <= 6 for pause in fetch.waits)
    assert len(set(fetch.waits)) == 5


def test_ids_that_share_a_file_on_this_disk_do_not_overwrite_each_other(site, fetch, mp4, monkeypatch):
    site.media["aBc"] = mp4
    fetch.out.mkdir()
    (fetch.out / "aBc.mp4").write_bytes(b"the file of AbC, where upper and lower case are the same")
    monkeypatch.setattr(planning, "find_media", lambda folder: {})
    row = fetch("aBc").rows["aBc"]
    assert (row.status, "another record's file" in row.reason) == ("failed", True)
    assert (fetch.out / "aBc.mp4").read_bytes().startswith(b"the file of AbC")


def test_files_that_somebody_put_there_are_kept_and_listed(site, fetch, mp4):
    fetch.out.mkdir()
    (fetch.out / "mine.mp4").write_bytes(mp4)
    (fetch.out / "bad.mkv").write_bytes(b"no video")
    result = fetch("mine", "bad")
    assert site.requests == []
    assert (result.rows["mine"].status, result.rows["mine"].source_url) == ("there", "")
    assert result.rows["bad"].status == "failed"
    assert "Move it away" in result.rows["bad"].reason
    assert (fetch.out / "bad.mkv").read_bytes() == b"no video"


def test_a_file_that_is_not_the_manifest_s_is_left_alone_and_said_every_time(site, fetch, mp4):
    site.media["x"] = mp4
    fetch("x")
    (fetch.out / "x.mp4").write_bytes(mp4[:1000])
    for _ in range(2):
        result = fetch("x")
        assert "x.mp4 has 1,000 bytes, the manifest says" in result.rows["x"].reason
        assert len((fetch.out / "x.mp4").read_bytes()) == 1000
    # The same size is not looked into, unless that is asked for.
    (fetch.out / "x.mp4").write_bytes(bytes(len(mp4)))
    assert plan_downloads(["x"], fetch.out).there == ["x"]
    assert "SHA-256" in plan_downloads(["x"], fetch.out, verify=True).changed["x"]
    (fetch.out / "x.mp4").write_bytes(mp4)
    assert fetch("x", verify=True).rows["x"].status == "there"
    # Moved away, it comes anew.
    (fetch.out / "x.mp4").unlink()
    assert fetch("x").tried == ["x"]


def test_cookies_are_passed_on_and_their_file_is_not_touched(site, fetch, mp4, tmp_path):
    site.media["x"] = mp4
    jar = tmp_path / "cookies.txt"
    text = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t2147483647\tsession\tsecret\n"
    jar.write_text(text)
    fetch("x", cookies=jar)
    assert set(site.cookies) == {"session=secret"}
    assert jar.read_text() == text
    (tmp_path / "other.txt").write_text("session=secret\n")
    for name in ("nope.txt", "other.txt"):
        with pytest.raises(ConfigError, match="--cookies"):
            fetch("x", cookies=tmp_path / name)


def test_speed_is_limited(site, fetch, mp4):
    site.media["x"] = mp4
    start = time.monotonic()
    fetch("x", max_bytes_per_s=len(mp4))
    assert time.monotonic() - start > 0.5


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    """Two pieces of a stream in three heights."""
    folder = tmp_path_factory.mktemp("pieces")
    return {
        (height, part): write_numbered(
            folder / f"{height}-{part}.ts",
            10,
            size=(height * 2, height),
            times=range(10 * part, 10 * part + 10),
            time_base=Fraction(1, 25),
        ).read_bytes()
        for height in HEIGHTS
        for part in (0, 1)
    }


@pytest.fixture
def stream(site, pieces):
    """A record that the site streams in three heights (HLS)."""
    lines = ["#EXTM3U"]
    for height in HEIGHTS:
        lines += [f"#EXT-X-STREAM-INF:BANDWIDTH={height * 1000},RESOLUTION={height * 2}x{height}", f"list-{height}"]
        parts = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXT-X-VERSION:3"]
        for part in (0, 1):
            name = f"piece-{height}-{part}.ts"
            site.media[name], site.content_type[name] = pieces[height, part], "video/mp2t"
            parts += ["#EXTINF:1.0,", name]  # less than a second in all counts as live
        site.media[f"list-{height}"] = "\n".join([*parts, "#EXT-X-ENDLIST", ""]).encode()
    site.media["record"] = "\n".join([*lines, ""]).encode()
    for name in ("record", *(f"list-{height}" for height in HEIGHTS)):
        site.content_type[name] = "application/vnd.apple.mpegurl"


@pytest.mark.parametrize(("max_height", "expected"), [(1080, 144), (144, 144), (143, 96), (50, 48)])
def test_the_tallest_picture_within_the_limit_comes(stream, site, fetch, max_height, expected):
    row = fetch("record", max_height=max_height).rows["record"]
    assert (row.status, row.height) == ("there", expected)
    assert not [id_ for id_, _ in site.requests if id_.startswith("piece") and f"-{expected}-" not in id_]


def test_no_picture_within_the_limit_is_said(stream, fetch):
    assert fetch("record", max_height=47).rows["record"].reason == "not there in the wanted size (--max-height)"


def test_a_stream_with_a_lost_piece_is_no_record(stream, site, fetch):
    site.status["piece-144-1.ts"] = 404
    row = fetch("record").rows["record"]
    assert (row.status, "404" in row.reason) == ("failed", True)
    assert not list(fetch.out.glob("record*"))
    # It comes back, and only what is missing is asked for.
    del site.status["piece-144-1.ts"]
    site.requests.clear()
    assert fetch("record").rows["record"].height == 144
    assert site.count("piece-144-0.ts") == 0


SCRIPT = """
import sys
from pathlib import Path
from finegym.video.download import download_records
print(download_records(["a", "b", "c"], Path(sys.argv[1]), url_template=sys.argv[2], sleep_s=0).tried)
"""


def test_a_killed_run_goes_on_and_repeats_nothing(site, fetch, mp4, tmp_path):
    long = write_numbered(tmp_path / "long.mp4", 900).read_bytes()
    site.media = {"a": mp4, "b": long, "c": mp4}
    site.pause_s = 0.1
    command = [sys.executable, "-c", SCRIPT, str(fetch.out), site.url_template]
    partial = fetch.out / ".partial/b/media.mp4.part"
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (partial.exists() and partial.stat().st_size > 20_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    # While it works, nobody else may.
    with pytest.raises(ConfigError, match="another run is downloading"):
        fetch("c")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    size = partial.stat().st_size
    assert 0 < size < len(long)
    assert set(read_manifest(fetch.out / "download.csv")) == {"a"}
    site.pause_s = 0
    site.requests.clear()
    assert fetch("a", "b", "c").tried == ["b", "c"]
    assert site.count("a") == 0
    assert max(start for _, start in site.requests) >= size
    assert (fetch.out / "b.mp4").read_bytes() == long
    assert not list(fetch.out.glob(".download-*"))


def test_a_run_killed_before_its_row_was_written_fetches_nothing_again(site, fetch, mp4):
    site.media["x"] = mp4
    fetch("x")
    (fetch.out / "download.csv").unlink()
    site.requests.clear()
    assert fetch("x").rows["x"].sha256 == hashlib.sha256(mp4).hexdigest()
    assert site.requests == []


def test_without_the_extra_it_is_named(fetch, monkeypatch):
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    with pytest.raises(ConfigError, match=r"pip install 'finegym\[youtube\]'"):
        fetch("x")
    assert not fetch.out.exists()


@pytest.mark.parametrize(
    "template", ["file:///etc/{id}", "https://example.org/", "{id}", "", "ftp://a/{id}", "https://me:pw@a/{id}"]
)
def test_addresses_are_of_the_web(fetch, template):
    with pytest.raises(ConfigError, match="--url-template"):
        fetch("x", url_template=template)
    assert make_url(YOUTUBE, "-HvXd_vqJ5A") == "https://www.youtube.com/watch?v=-HvXd_vqJ5A"


def test_a_folder_that_cannot_be_written_is_one_error(site, fetch, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        fetch("x")


# Sentences of the site, as yt-dlp 2025 and 2026 pass them on.
@pytest.mark.parametrize(
    ("sentence", "status", "reason"),
    [
        ("Private video. Sign in if you've been granted access to this video", "missing", "private"),
        ("Video unavailable. This video is private", "missing", "private"),
        ("Video unavailable. This video has been removed by the uploader", "missing", "removed by the uploader"),
        (
            "Video unavailable. This video is no longer available because the YouTube account associated with this "
            "video has been terminated.",
            "missing",
            "removed: the account was closed",
        ),
        ("This video has been removed for violating YouTube's Terms of Service", "missing", "removed by the site"),
        (
            "Video unavailable. This video is no longer available due to a copyright claim by FIG",
            "missing",
            "removed: copyright claim",
        ),
        (
            "Video unavailable. The uploader has not made this video available in your country",
            "missing",
            "region-locked: not given in this country",
        ),
        (
            "This video contains content from FIG, who has blocked it in your country on copyright grounds",
            "missing",
            "region-locked: not given in this country",
        ),
        ("Video unavailable", "missing", "removed: the site only says that it is not available"),
        (
            "Sign in to confirm your age. This video may be inappropriate for some users.",
            "missing",
            "age-restricted: needs a signed-in account (--cookies)",
        ),
        ("Join this channel to get access to members-only content", "missing", "for paying members only"),
        ("Premieres in 3 hours", "failed", "live, or not begun yet"),
        ("Incomplete YouTube ID abc. URL looks truncated.", "missing", "not found: the site knows no ids of this form"),
        ("Requested format is not available", "failed", "not there in the wanted size (--max-height)"),
        ("Sign in to confirm you’re not a bot. Use --cookies", "failed", "the site asks to wait"),
        (
            "Video unavailable. This content isn’t available, try again later. The current session has been "
            "rate-limited by YouTube for up to an hour.",
            "failed",
            "the site asks to wait",
        ),
        ("something nobody has seen", "failed", "something nobody has seen"),
    ],
)
def test_the_site_s_sentences_have_their_meaning(sentence, status, reason):
    from yt_dlp.utils import DownloadError

    failure = classify_error(DownloadError(f"\x1b[0;31mERROR:\x1b[0m [youtube] -HvXd_vqJ5A: {sentence}"))
    assert (failure.status, failure.reason) == (status, reason)
    assert failure.stops == ("asks to wait" in reason)


def test_a_full_disk_stops():
    failure = classify_error(OSError("unable to write data: [Errno 28] No space left on device"))
    assert (failure.status, failure.stops) == ("failed", True)


def test_messages_are_one_short_line():
    message = "ERROR: [x] abc: Boom\n  bang; please report this issue on  https://example.org , filling out\nmore"
    assert clean_message(message) == "Boom bang"
    assert len(clean_message("word " * 100)) <= 200


def test_the_manifest_is_read_as_it_was_written_and_damage_is_named(tmp_path):
    rows = {
        '-a,"b"': DownloadRow('-a,"b"', "there", "", "x.mp4", 3, "0" * 64, 1, 2, "http://x", "2026-01-31T12:00:00Z"),
        "b": DownloadRow("b", "missing", "removed, é"),
    }
    path = tmp_path / "download.csv"
    write_manifest(rows, path)
    assert read_manifest(path) == rows
    good = path.read_text()
    for text, fact in (
        (good + "c,maybe,,,,,,,,\n", "line 4: not a whole row"),
        (good + "b,missing,,,,,,,,\n", "line 4: an id again"),
        (good + "c,there,,,,,,,,\n", "line 4"),
        (good[:-20], "line 3"),
        ("video_id,year\na,1\n", "expected a manifest"),
        ("", "expected a manifest"),
    ):
        path.write_text(text)
        with pytest.raises(VideoError, match=fact):
            read_manifest(path)
    with pytest.raises(VideoError, match="No such file"):
        read_manifest(tmp_path / "nope.csv")


def test_plans_write_nothing(tmp_path):
    plan = plan_downloads(["a", "b"], Path(tmp_path / "out"))
    assert (plan.wanted, list(tmp_path.iterdir())) == (["a", "b"], [])
