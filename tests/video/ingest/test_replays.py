"""Replay and slow-motion candidates on edits that are known, and ``shots.json``."""

import json
from itertools import pairwise

import numpy as np
import pytest
from edited_videos import Scene, wipe, write_frames

from finegym.codebook.builtin import read_builtin
from finegym.errors import VideoError
from finegym.simulation.competition import CompetitionSettings, plan_competition
from finegym.simulation.write import get_media_path, get_truth_path, write_record
from finegym.video.ingest.shots import find_shots, read_shots, write_shots
from finegym.video.ingest.signals import compute_signals


def find(path):
    return find_shots(path, compute_signals(path))


def blend(frames):
    """At half the speed; every second frame is the mean of its neighbours."""
    between = [((a.astype(int) + b) // 2).astype(np.uint8) for a, b in pairwise(frames)]
    return [frame for pair in zip(frames[:-1], between, strict=True) for frame in pair]


def edit(again, *, first=50, length=50, speed=2.5):
    """Live, something else, and a part of the live shot again."""
    live = Scene(51, speed)
    return [*live.show_all(150), *Scene(52).show_all(60), *again(live.show_all(length, first)), *Scene(53).show_all(40)]


def test_what_is_shown_again_at_half_the_speed_is_found_with_its_original(tmp_path):
    live = Scene(51, speed=2.5)
    again = live.show_all(100, first=50, step=0.5)  # as from a faster camera: every frame is new
    shots = find(write_frames(tmp_path / "a.mp4", edit(lambda _: again)))
    (replay,) = shots.replays
    assert (replay.start_frame, replay.end_frame) == (210, 310)
    assert replay.reasons == ("shown-before",)
    assert replay.speed == pytest.approx(0.5, abs=0.11)
    assert abs(replay.original_start_ms - 2000) < 400
    (slow,) = shots.slow_motion
    assert slow.reasons == ("slower-than-before",) and slow.speed == replay.speed
    assert (slow.start_ms, slow.end_ms) == (8400, 12400)


@pytest.mark.parametrize("times", [2, 3])
def test_repeated_frames_are_slow_motion(tmp_path, times):
    frames = edit(lambda part: [frame for frame in part for _ in range(times)])
    shots = find(write_frames(tmp_path / "a.mp4", frames))
    (slow,) = shots.slow_motion
    assert (slow.start_frame, slow.end_frame) == (210, 210 + 50 * times)
    assert "repeated-frames" in slow.reasons
    assert slow.speed == pytest.approx(1 / times, abs=0.01)


def test_blended_frames_are_slow_motion(tmp_path):
    shots = find(write_frames(tmp_path / "a.mp4", edit(blend, speed=5)))
    (slow,) = shots.slow_motion
    assert "blended-frames" in slow.reasons and slow.start_frame == 210


def test_a_stretch_between_two_wipes_that_look_alike_is_a_replay_candidate(tmp_path):
    frames = wipe(Scene(61).show_all(80), Scene(62).show_all(80))
    frames = wipe(frames, Scene(63).show_all(80))
    shots = find(write_frames(tmp_path / "a.mp4", [*frames, *Scene(64).show_all(60)]))
    (replay,) = shots.replays
    assert replay.reasons == ("framed",)
    assert abs(replay.start_frame - 80) <= 2 and abs(replay.end_frame - 160) <= 2
    assert [cut.is_gradual for cut in shots.cuts] == [True, True, False]


def test_plain_cuts_are_no_candidates(tmp_path):
    frames = [frame for seed in range(71, 76) for frame in Scene(seed).show_all(50)]
    shots = find(write_frames(tmp_path / "a.mp4", frames))
    assert len(shots.cuts) == 4
    assert shots.replays == shots.slow_motion == ()


def test_replays_of_a_simulated_broadcast(tmp_path):
    codebook = read_builtin("artistic-women")
    settings = CompetitionSettings(1, 1.2, 981, size=(320, 180), events=("VT", "UB"))
    (plan,) = plan_competition(settings, codebook)
    write_record(plan, codebook, tmp_path)
    with np.load(tmp_path / get_truth_path(plan.video_id)) as truth:
        is_replay = truth["shot_kind"] == "replay"
        true = list(zip(truth["shot_start"][is_replay], truth["shot_end"][is_replay], strict=True))
    assert true, "the seed is chosen so that there is one"
    framed = [r for r in find(tmp_path / get_media_path(plan.video_id)).replays if "framed" in r.reasons]
    assert len(framed) == len(true)
    for replay, (start, end) in zip(framed, true, strict=True):
        assert abs(replay.start_frame - start) <= 6 and abs(replay.end_frame - end) <= 6


def test_shots_are_read_as_they_were_written(tmp_path):
    frames = wipe(Scene(61).show_all(60), Scene(62).show_all(60))
    shots = find(write_frames(tmp_path / "a.mp4", frames))
    write_shots(tmp_path / "shots.json", shots)
    assert read_shots(tmp_path / "shots.json") == shots
    facts = json.loads((tmp_path / "shots.json").read_text())
    assert facts["format"] == "finegym-shots/1"
    assert (facts["num_frames"], facts["start_ms"], facts["end_ms"]) == (120, 0, 4800)
    assert set(facts["cuts"][0]) == {"frame", "time_ms", "begin_frame", "end_frame", "is_gradual", "score"}


def test_a_damaged_shots_file_is_named(tmp_path):
    path = tmp_path / "shots.json"
    with pytest.raises(VideoError, match="cannot be read"):
        read_shots(path)
    path.write_text('{"format": "finegym-shots/0"}')
    with pytest.raises(VideoError, match="format"):
        read_shots(path)
