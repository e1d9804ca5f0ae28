"""A record looked at in parts: the same cuts and candidates as of the whole, and never more than a part in memory."""

from __future__ import annotations

from itertools import pairwise

import pytest
from edited_videos import Scene, wipe, write_frames

from finegym.errors import VideoError
from finegym.video.ingest.shots import find_shots
from finegym.video.ingest.shots_in_parts import find_cuts_in_parts, find_shots_in_parts, iterate_parts
from finegym.video.ingest.signals import compute_signals


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """44 s: six shots, the second shown again in the fourth at half the speed, the fifth between two wipes."""
    live = Scene(51, speed=2.5)
    frames = [*Scene(50).show_all(150), *live.show_all(150), *Scene(52).show_all(200)]
    frames += live.show_all(100, first=50, step=0.5)
    frames = wipe(frames, Scene(53).show_all(100))
    frames = wipe(frames, Scene(54).show_all(150))
    frames += Scene(55).show_all(250)
    return write_frames(tmp_path_factory.mktemp("parts") / "a.mp4", frames)


def test_parts_find_what_the_whole_finds(record):
    whole = find_shots(record, compute_signals(record))
    assert len(whole.cuts) == 6 and len(whole.replays) == 2 and whole.slow_motion  # there is something to find
    # Parts of five seconds; the original lies 14 s before its replay.
    parts = find_shots_in_parts(record, part_ms=5000.0, before_ms=20_000.0, after_ms=12_000.0)
    assert parts == whole
    assert find_cuts_in_parts(record, part_ms=5000.0, before_ms=2000.0, after_ms=2000.0) == whole.cuts
    assert find_shots_in_parts(record) == whole


def test_what_lies_too_far_back_is_not_found_again(record):
    """The control: the margins are what makes parts equal to the whole."""
    near = find_shots_in_parts(record, part_ms=5000.0, before_ms=6000.0, after_ms=12_000.0)
    whole = find_shots(record, compute_signals(record))
    assert "shown-before" in {reason for one in whole.replays for reason in one.reasons}
    assert "shown-before" not in {reason for one in near.replays for reason in one.reasons}


def test_a_part_holds_no_more_than_it_must(record):
    parts = list(iterate_parts(record, part_ms=5000.0, before_ms=2000.0, after_ms=2000.0))
    assert len(parts) == 9
    assert max(len(part.signals.frames) for part in parts) <= 9 * 25 + 1
    seen = {int(frame) for part in parts for frame in part.signals.frames}
    assert seen == {int(frame) for frame in compute_signals(record).frames}
    assert parts[0].start_ms == float("-inf") and parts[-1].end_ms == float("inf")
    assert all(first.end_ms == second.start_ms for first, second in pairwise(parts))


def test_what_is_no_video_is_said(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(VideoError):
        find_shots_in_parts(tmp_path / "a.mp4")
