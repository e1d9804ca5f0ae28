"""Finding the gymnast: camera, residual motion, the best way through a shot, other shots, boxes given by hand."""

import itertools
import json

import cv2
import numpy as np
import pytest
from pose_scenes import (
    HEIGHT,
    WIDTH,
    KnowingModel,
    draw_scene,
    follow,
    make_whereabouts,
    stand_still,
    walk,
    write_lossless,
)

from finegym.errors import ConfigError
from finegym.features.pose import path as path_module
from finegym.features.pose.appearance import compare_colours, measure_colours
from finegym.features.pose.follow import Follower
from finegym.features.pose.gymnast import find_gymnast
from finegym.features.pose.motion import compute_motion_energy, estimate_camera, estimate_cameras
from finegym.features.pose.overrides import GivenBox, read_given_boxes
from finegym.features.pose.path import CELL_PIXELS, REACH_CELLS, STEP_COST, find_best_cells, find_path
from finegym.video.reader import VideoReader


def to_grey(frames):
    return frames.astype(np.float32).mean(axis=-1).astype(np.uint8)


@pytest.mark.parametrize("pan", [0.0, 1.5, -4.0])
def test_camera_is_the_pan(pan):
    grey = to_grey(draw_scene(np.zeros((0, 2, 2)), pan=pan))
    matrix = estimate_camera(grey[0], grey[1])
    assert np.allclose(matrix, [[1, 0, -pan], [0, 1, 0], [0, 0, 1]], atol=0.05)


def test_a_blank_picture_leaves_the_camera_still():
    blank = np.full((2, HEIGHT, WIDTH), 90, np.uint8)
    assert np.array_equal(estimate_camera(blank[0], blank[1]), np.eye(3))


def test_energy_is_where_somebody_moves_and_nowhere_else():
    T = 12
    paths = [walk(60, 150, 70, T), stand_still(200, 80, T)]
    grey = to_grey(draw_scene(paths))
    energy = compute_motion_energy(grey, estimate_cameras(grey))
    for t in range(4, 8):
        rows, columns = np.nonzero(energy[t])
        assert np.abs(columns - paths[0][t, 0]).max() < 14 and len(rows) > 100
    assert not energy[:, :, 185:].any()


def test_still_clips_and_single_frames_have_no_energy():
    grey = to_grey(draw_scene([stand_still(100, 70, 6)]))
    assert not compute_motion_energy(grey, estimate_cameras(grey)).any()
    assert not compute_motion_energy(grey[:1], estimate_cameras(grey[:1])).any()


def test_best_cells_are_those_of_trying_all_ways():
    rng = np.random.default_rng(3)
    grid = rng.random((4, 3, 4)).astype(np.float32)
    cameras = np.tile(np.eye(3), (4, 1, 1))
    best, best_way = -np.inf, None
    cells = list(itertools.product(range(3), range(4)))
    for way in itertools.product(cells, repeat=4):
        worth = sum(grid[t][c] for t, c in enumerate(way))
        for (r0, c0), (r1, c1) in itertools.pairwise(way):
            if max(abs(r0 - r1), abs(c0 - c1)) > REACH_CELLS:
                worth = -np.inf
            worth -= STEP_COST * ((r0 - r1) ** 2 + (c0 - c1) ** 2)
        if worth > best:
            best, best_way = worth, way
    assert find_best_cells(grid, cameras).tolist() == [list(cell) for cell in best_way]


def test_best_cells_go_with_the_camera():
    T = 5
    grid = np.zeros((T, 8, 20), np.float32)
    grid[0, 4, 2] = grid[-1, 4, 14] = 1.0  # 12 cells on: out of reach of one way, unless the camera carries it
    cameras = np.tile(np.eye(3), (T, 1, 1))
    cameras[1:, 0, 2] = 3 * CELL_PIXELS
    columns = find_best_cells(grid, cameras)[:, 1]
    assert columns.tolist() == [2, 5, 8, 11, 14]


@pytest.mark.parametrize("pan", [0.0, 3.0])
def test_the_one_who_moves_is_found_among_those_who_stand(pan):
    T = 24
    camera = -pan * np.arange(T)[:, None] * [1, 0]
    paths = [*(stand_still(x, 70, T) + camera for x in (40, 120, 210)), walk(70, 190, 75, T)]
    grey = to_grey(draw_scene(paths, pan=pan))
    cameras = estimate_cameras(grey)
    found = find_path(compute_motion_energy(grey, cameras), cameras)
    assert np.hypot(*(found.centres - paths[-1]).T)[2:-2].max() < 15
    assert 25 < found.length < 75


def test_who_moves_more_wins_and_the_other_way_is_the_other_one():
    T = 24
    paths = [walk(40, 200, 40, T), walk(150, 165, 105, T)]
    grey = to_grey(draw_scene(paths, length=36))
    cameras = estimate_cameras(grey)
    energy = compute_motion_energy(grey, cameras)
    first = find_path(energy, cameras)
    second = find_path(energy, cameras, avoid=first)
    assert np.hypot(*(first.centres - paths[0]).T)[3:-3].max() < 15
    assert np.hypot(*(second.centres - paths[1]).T)[3:-3].max() < 20


def test_a_way_without_motion_stays_in_the_middle():
    energy = np.zeros((5, HEIGHT, WIDTH), np.uint8)
    found = find_path(energy, np.tile(np.eye(3), (5, 1, 1)))
    assert not found.energy.any()
    assert np.abs(found.centres - [WIDTH / 2, HEIGHT / 2]).max() < 2 * CELL_PIXELS


def test_reach_is_a_running_gymnast():
    # 8 m/s of 1.6 m in a third of the picture's height, at 12.5 samples a second.
    needed = 8 / 1.6 * path_module.START_HEIGHT * HEIGHT / 12.5
    assert needed <= REACH_CELLS * CELL_PIXELS


def test_across_a_cut_she_is_who_looks_as_she_did(tmp_path):
    red, blue = (240, 40, 60), (40, 60, 240)
    first = draw_scene([walk(40, 200, 75, 40)], colours=[red])
    # In the second shot somebody else moves a little more than she does.
    paths = [walk(60, 120, 40, 24), walk(60, 150, 105, 24)]
    second = draw_scene(paths, colours=[red, blue], seed=5, length=40)
    video = write_lossless(tmp_path / "a.mp4", np.concatenate([first, second]))
    with VideoReader(video) as reader:
        where = find_gymnast(reader, range(64), [40])
        alone = find_gymnast(reader, range(40, 64), [])
    assert np.abs(where.centres[44:60, 1] - 40).max() < 15
    assert np.abs(alone.centres[4:20, 1] - 105).max() < 15  # who knows only this shot takes the other one
    assert where.shot.tolist() == [0] * 40 + [1] * 24


def test_a_given_box_outranks_motion(tmp_path):
    T = 40
    paths = [walk(40, 220, 40, T), walk(60, 90, 105, T)]
    video = write_lossless(tmp_path / "a.mp4", draw_scene(paths, length=36))
    box = GivenBox("a", 400.0, (60, 85, 84, 125))
    with VideoReader(video) as reader:
        free = find_gymnast(reader, range(T), [])
        told = find_gymnast(reader, range(T), [], [box])
    assert np.abs(free.centres[12:-3, 1] - 40).max() < 15
    assert np.abs(told.centres[12:, 1] - 105).max() < 15
    assert np.abs(told.centres[2:8, 1] - 40).max() < 15  # before it, nothing changes
    assert list(told.given) == [10]


def test_a_way_begins_in_the_middle_of_a_given_box_however_large_the_picture_is(tmp_path):
    frames = draw_scene([walk(60, 90, 70, 6)])
    large = np.stack([cv2.resize(frame, None, fx=5, fy=5, interpolation=cv2.INTER_NEAREST) for frame in frames])
    box = GivenBox("a", 0.0, (250, 225, 350, 475))
    with VideoReader(write_lossless(tmp_path / "a.mp4", large)) as reader:
        where = find_gymnast(reader, range(6), [], [box])
    assert where.centres[0] == pytest.approx(box.centre, abs=0.01)
    assert where.lengths[0] == 250


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        ([(0.0, (-80, 50, -40, 90))], "-80, 50, -40, 90 at 0 ms has its middle outside the picture of 256x144"),
        ([(0.0, (200, 90, 240, 200))], "outside the picture"),
        ([(80.0, (60, 60, 90, 90)), (90.0, (10, 10, 40, 40))], "at 80 and 90 ms are both of frame 2"),
    ],
)
def test_boxes_that_cannot_be_meant_are_refused(tmp_path, boxes, says):
    path = write_lossless(tmp_path / "a.mp4", draw_scene([walk(60, 90, 70, 6)]))
    given = [GivenBox("a", time_ms, corners) for time_ms, corners in boxes]
    with VideoReader(path) as reader, pytest.raises(ConfigError, match=says):
        find_gymnast(reader, range(6), [], given)


def test_colours_of_the_same_person_are_alike():
    T = 12
    ways = [walk(60, 160, 70, T)]
    histograms = []
    for colour, seed in (((240, 40, 60), 0), ((240, 40, 60), 9), ((40, 60, 240), 4)):
        frames = draw_scene(ways, colours=[colour], seed=seed)
        grey = to_grey(frames)
        cameras = estimate_cameras(grey)
        energy = compute_motion_energy(grey, cameras)
        histograms.append(measure_colours(frames, energy, find_path(energy, cameras)))
    assert compare_colours(histograms[0], histograms[1]) > compare_colours(histograms[0], histograms[2]) + 0.3
    assert compare_colours(histograms[0], histograms[0]) == pytest.approx(1.0)


def test_crossing_people_keep_their_names():
    """The follower stays with the one whose way it is, though another person crosses it."""
    T = 20
    paths = np.array([walk(40, 200, 70, T), walk(200, 40, 80, T)])
    frames = draw_scene(paths, length=40)
    model = KnowingModel(((240, 40, 60), (40, 60, 240)))
    seen = follow(Follower(model, make_whereabouts(paths[0], 40)), frames)
    middles = np.array([s.keypoints[[11, 12]].mean(0) for s in seen if s is not None])
    numbers = [t for t, s in enumerate(seen) if s is not None]
    away = [t for t in range(T) if abs(paths[0][t, 0] - paths[1][t, 0]) > 50]
    assert set(away) <= set(numbers)
    assert all(np.hypot(*(middles[numbers.index(t)] - paths[0][t])) < 8 for t in away)


def test_a_judge_beside_her_does_not_count():
    T = 6
    frames = draw_scene([stand_still(200, 70, T)])
    model = KnowingModel(((240, 40, 60),))
    seen = follow(Follower(model, make_whereabouts(stand_still(80, 70, T))), frames)
    assert seen == [None] * T


def test_backward_fills_what_forward_missed():
    T = 8
    frames = draw_scene([walk(80, 110, 70, T)])
    model = KnowingModel(((240, 40, 60),), can_detect=False, blind={1, 2})
    follower = Follower(model, make_whereabouts(walk(80, 110, 70, T)), search_every=2)
    assert all(sight is not None for sight in follow(follower, frames))


def test_boxes_are_read_from_csv_and_json(tmp_path):
    rows = [
        {"record": "b", "time_ms": 500, "x0": 1, "y0": 2, "x1": 11, "y1": 42},
        {"record": "a", "time_ms": 0, "x0": 0, "y0": 0, "x1": 5, "y1": 5},
    ]
    (tmp_path / "b.json").write_text(json.dumps(rows))
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    (tmp_path / "b.csv").write_text("\n".join(lines))
    boxes = read_given_boxes(tmp_path / "b.csv")
    assert boxes == read_given_boxes(tmp_path / "b.json")
    assert [box.record for box in boxes] == ["a", "b"]
    assert boxes[1].length == 40 and boxes[1].centre.tolist() == [5.5, 21.5]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("record,time_ms,x0,y0,x1,y1\na,0,5,5,1,9\n", "row 1: expected x1 > x0"),
        ("record,time_ms,x0,y0,x1,y1\na,zero,5,5,9,9\n", "row 1: times and corners are numbers"),
        ("record,time_ms,x0,y0,x1,y1\na,0,5,5,9,\n", "row 1: y1 missing"),
    ],
)
def test_wrong_boxes_are_named(tmp_path, text, says):
    (tmp_path / "b.csv").write_text(text)
    with pytest.raises(ConfigError, match=says):
        read_given_boxes(tmp_path / "b.csv")


def test_a_missing_file_of_boxes_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.csv"):
        read_given_boxes(tmp_path / "none.csv")
