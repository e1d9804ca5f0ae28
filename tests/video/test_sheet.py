"""The page of videos at a glance, and the real example clips on it."""

import numpy as np
import pytest

from finegym.errors import VideoError
from finegym.video.reader import VideoReader
from finegym.video.sheet import write_sheet_page


def test_real_example_clips_decode_and_appear_on_the_page(shared, tmp_path):
    clips = sorted((shared / "finegym" / "examples").glob("*.gif"))
    assert len(clips) == 8
    write_sheet_page(clips, tmp_path / "glance.html", num_frames=4)
    text = (tmp_path / "glance.html").read_text(encoding="utf-8")
    assert text.count("data:image/jpeg") == 8
    for clip in clips:
        with VideoReader(clip) as reader:
            assert f"{reader.index.num_frames} frames" in text and clip.name in text
            first, last = reader.read_frames([0, reader.index.num_frames - 1], short_side=60).astype(float)
            assert np.abs(first - last).mean() > 1, "a clip moves"


def test_every_file_that_cannot_be_read_is_named_and_nothing_is_written(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")
    (tmp_path / "b.mp4").write_text("text")
    with pytest.raises(VideoError, match=r"a\.mp4.*b\.mp4"):
        write_sheet_page([tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "glance.html")
    assert not (tmp_path / "glance.html").exists()
