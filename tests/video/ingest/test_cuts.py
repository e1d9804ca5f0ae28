"""Cuts to the frame: generated edits, the simulation's true shot list, real footage."""

import cv2
import numpy as np
import pytest
from edited_videos import Scene, flash, match_cuts, wipe, write_frames

from finegym.codebook.builtin import read_builtin
from finegym.simulation.competition import FRAME_RATES, CompetitionSettings, plan_competition
from finegym.simulation.write import get_media_path, get_truth_path, write_record
from finegym.video.ingest.cuts import find_cuts
from finegym.video.ingest.signals import compute_signals
from finegym.video.reader import VideoReader


def find(path):
    with VideoReader(path) as reader:
        return find_cuts(reader, compute_signals(path))


@pytest.mark.parametrize("gop", [12, 250])
def test_hard_cuts_are_found_to_the_frame(tmp_path, gop):
    lengths = [31, 40, 17, 52, 26, 33]
    frames = [frame for seed, length in enumerate(lengths) for frame in Scene(seed).show_all(length)]
    cuts = find(write_frames(tmp_path / "a.mp4", frames, gop=gop))
    assert [cut.frame for cut in cuts] == np.cumsum(lengths)[:-1].tolist()
    assert all(cut.begin_frame == cut.end_frame == cut.frame and not cut.is_gradual for cut in cuts)
    assert [cut.time_ms for cut in cuts] == [40.0 * cut.frame for cut in cuts]
    assert all(cut.score > 0.5 for cut in cuts)


def test_fast_pans_zooms_and_flashes_are_no_cuts(tmp_path):
    pan = Scene(11, speed=9).show_all(50)  # the picture's width in 28 frames
    zoom = []  # to half the picture's height in two seconds
    for step, frame in enumerate(Scene(12).show_all(50)):
        edge = 36 * step // 50
        zoom.append(cv2.resize(frame[edge : 144 - edge, edge * 16 // 9 : 256 - edge * 16 // 9], (256, 144)))
    lit = flash(flash(Scene(13).show_all(60), 20), 40, length=1)
    cuts = find(write_frames(tmp_path / "a.mp4", [*pan, *zoom, *lit]))
    assert [cut.frame for cut in cuts] == [50, 100]


def test_a_flash_beside_a_cut_does_not_hide_it(tmp_path):
    before = flash(Scene(21).show_all(40), 36)
    after = flash(Scene(22).show_all(40), 3)
    cuts = find(write_frames(tmp_path / "a.mp4", [*before, *after]))
    assert [cut.frame for cut in cuts] == [40]


def test_a_wipe_is_one_gradual_cut_at_its_middle(tmp_path):
    frames = wipe(Scene(31).show_all(50), Scene(32).show_all(50), length=12)
    (cut,) = find(write_frames(tmp_path / "a.mp4", frames))
    assert cut.is_gradual
    assert abs(cut.frame - 50) <= 2
    assert 42 <= cut.begin_frame < cut.frame < cut.end_frame <= 58


def test_nothing_is_found_where_nothing_is_cut(tmp_path):
    assert find(write_frames(tmp_path / "a.mp4", Scene(41).show_all(120))) == ()
    assert find(write_frames(tmp_path / "one.mp4", Scene(41).show_all(1))) == ()


@pytest.mark.parametrize("seed, fps", [(971, "25"), (972, "29.97")])
def test_cuts_of_simulated_broadcasts(tmp_path, seed, fps):
    settings = CompetitionSettings(1, 1.0, seed, FRAME_RATES[fps], (320, 180))
    codebook = read_builtin("artistic-women")
    (plan,) = plan_competition(settings, codebook)
    write_record(plan, codebook, tmp_path)
    cuts = find(tmp_path / get_media_path(plan.video_id))
    with np.load(tmp_path / get_truth_path(plan.video_id)) as truth:
        starts, kinds = truth["shot_start"].tolist(), truth["shot_kind"].tolist()
    # A replay is wiped in and out; the wipe counts as one cut at its middle, to be found within half its length.
    wipes = [start for place, start in enumerate(starts) if place and "replay" in kinds[place - 1 : place + 1]]
    hard = [start for start in starts[1:] if start not in wipes]
    hits, missed, rest = match_cuts([cut.frame for cut in cuts], hard, tolerance=1)
    wipe_hits, wipes_missed, extra = match_cuts(rest, wipes, tolerance=round(0.24 * float(plan.fps)))
    correct, wrong = hits + wipe_hits, len(missed) + len(wipes_missed) + len(extra)
    assert correct >= 4
    assert 2 * correct / (2 * correct + wrong) >= 0.95, (missed, wipes_missed, extra)


def test_cuts_of_edited_real_footage(shared, tmp_path):
    rng = np.random.default_rng(5)
    clips = sorted((shared / "clips" / "ucf101").glob("*/*g0[1-4]_c01.avi"))
    frames, true = [], []
    for place in rng.permutation(len(clips))[:16]:
        with VideoReader(clips[place]) as reader:
            length = min(int(rng.integers(25, 60)), reader.index.num_frames)
            frames += list(reader.read_frames(range(length), size=(144, 256)))
        true.append(len(frames))
    cuts = find(write_frames(tmp_path / "a.mp4", frames))
    hits, missed, extra = match_cuts([cut.frame for cut in cuts], true[:-1], tolerance=1)
    assert 2 * hits / (2 * hits + len(missed) + len(extra)) >= 0.95, (missed, extra)


@pytest.mark.parametrize("name", ["poseformerv2_sample_video.mp4", "scorehmr_breakdancing.mp4", "sports2d_demo.mp4"])
def test_real_shots_with_fast_motion_are_not_cut(shared, name):
    assert find(shared / "clips" / "other" / name) == ()
