"""What one picture cannot explain of the next, against loops; motion is explained, another scene is not."""

import cv2
import numpy as np
from edited_videos import Scene

from finegym.video.ingest.changes import compute_difference, measure_blocks, measure_change
from finegym.video.ingest.signals import Signals


def make_signals(pictures):
    luma, chroma = [], []
    for picture in pictures:
        planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
        height, width = picture.shape[:2]
        luma.append(cv2.resize(planes[:height], (64, 36), interpolation=cv2.INTER_AREA))
        colours = planes[height:].reshape(2, height // 2, width // 2)
        chroma.append([cv2.resize(plane, (16, 9), interpolation=cv2.INTER_AREA) for plane in colours])
    frames = np.arange(len(pictures))
    return Signals(frames, frames * 40.0, np.array(luma), np.array(chroma), np.empty(0, np.int64))


def search_slowly(old, new):
    """Every block at every place within reach, one after the other."""
    left = np.full((4, 8), np.inf)
    for row in range(4):
        for column in range(8):
            block = old[row * 9 : row * 9 + 9, column * 8 : column * 8 + 8].astype(int)
            for dy in range(-6, 7):
                for dx in range(-12, 13):
                    top, side = row * 9 + dy, column * 8 + dx
                    if 0 <= top <= 36 - 9 and 0 <= side <= 64 - 8:
                        there = new[top : top + 9, side : side + 8].astype(int)
                        left[row, column] = min(left[row, column], np.abs(block - there).mean())
    return left


def test_blocks_are_searched_as_loops_do():
    signals = make_signals([Scene(1).show(0), Scene(2).show(7)])
    assert np.allclose(measure_blocks(signals, 0, 1), search_slowly(signals.luma[0], signals.luma[1]))


def test_motion_is_explained_and_another_scene_is_not():
    scene = Scene(3)
    signals = make_signals([scene.show(0), scene.show(3), scene.show(12), Scene(4).show(0)])
    assert measure_change(signals, 0, 0) == 0
    assert measure_change(signals, 0, 1) < 7
    assert measure_change(signals, 0, 2) < 9
    assert measure_change(signals, 0, 3) > 15


def test_difference_is_never_below_the_change():
    signals = make_signals([Scene(5).show(time) for time in range(0, 40, 4)] + [Scene(6).show(0)])
    difference = compute_difference(signals)
    changes = [measure_change(signals, place, place + 1) for place in range(len(difference))]
    assert len(difference) == len(signals.frames) - 1
    assert np.all(difference >= np.array(changes) - 1e-9)
