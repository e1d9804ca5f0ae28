"""What the site says, as a reason that is short and the same for all; and the manifest that keeps it."""

import pytest

from finegym.errors import VideoError
from finegym.video.download_manifest import DownloadRow, read_manifest, write_manifest
from finegym.video.download_reasons import classify_error, clean_message


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
