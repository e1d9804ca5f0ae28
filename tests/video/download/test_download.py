"""Downloads from a video site on this machine: what comes, what does not and why."""

import hashlib
import re
import sys
import time

import pytest

from finegym.errors import ConfigError, OutputError
from finegym.video import download as module
from finegym.video.download_manifest import read_manifest
from finegym.video.download_plan import check_ids
from finegym.video.download_site import YOUTUBE, make_url

# yt-dlp leaves the sockets of failed requests to the garbage collector, which warns.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ODD_IDS = ("-HvXd_vqJ5A", "_E21jlKax8M", "rrrgsW--AE8", "a b%c$HOME~", "ü&?=#", "%(title)s", "video.mp4", "AbC", "aBc")


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


def test_pauses_lie_between_records_and_vary(site, fetch):
    fetch(*"abcdef", sleep_s=4)
    assert len(fetch.waits) == 5
    assert all(2 <= pause <= 6 for pause in fetch.waits)
    assert len(set(fetch.waits)) == 5


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
