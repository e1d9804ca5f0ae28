"""A second download: nothing is fetched twice, and nothing that is there is overwritten."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from numbered import write_numbered

from finegym.errors import OutputError
from finegym.video import download_plan as planning
from finegym.video.download_manifest import read_manifest
from finegym.video.download_plan import plan_downloads

# yt-dlp leaves the sockets of failed requests to the garbage collector, which warns.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


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


def test_a_limit_counts_only_what_is_asked_for(site, fetch, mp4):
    site.media = dict.fromkeys("abcd", mp4)
    assert fetch(*"abcd", limit=2).left == ["c", "d"]
    assert fetch(*"abcd", limit=1).tried == ["c"]
    assert fetch(*"abcd").tried == ["d"]
    assert len(site.requests) == 8


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
    with pytest.raises(OutputError, match="another download is at work there"):
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


def test_plans_write_nothing(tmp_path):
    plan = plan_downloads(["a", "b"], Path(tmp_path / "out"))
    assert (plan.wanted, list(tmp_path.iterdir())) == (["a", "b"], [])
