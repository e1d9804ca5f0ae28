"""Records that the site streams in several sizes, piece by piece (HLS)."""

from fractions import Fraction

import pytest
from numbered import write_numbered

# yt-dlp leaves the sockets of failed requests to the garbage collector, which warns.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

HEIGHTS = (48, 96, 144)


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
