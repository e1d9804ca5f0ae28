"""A site to download from."""

import gc

import pytest
from numbered import write_numbered
from video_site import serve_site

from finegym.video.download import download_records


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
