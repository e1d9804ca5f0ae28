"""Sheets of frames."""

import cv2
import numpy as np

from finegym.report.images import draw_sheet, encode_jpeg


def test_jpeg_keeps_the_colour_order():
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 250
    decoded = cv2.imdecode(np.frombuffer(encode_jpeg(red, quality=95), np.uint8), cv2.IMREAD_COLOR)
    blue, green, red_channel = decoded.mean(axis=(0, 1))
    assert red_channel > 230 and green < 20 and blue < 20


def test_sheet_places_frames_in_reading_order():
    frames = [np.full((10, 20, 3), value, np.uint8) for value in (10, 100, 200)]
    sheet = draw_sheet(frames, ["a", "b", "c"], columns=2, tile_width=40)
    tile_height = 20 + 22
    assert sheet.shape == (2 * tile_height + 4, 2 * 40 + 4, 3)
    assert sheet[5, 5, 0] == 10 and sheet[5, 49, 0] == 100 and sheet[tile_height + 9, 5, 0] == 200
    assert (sheet[tile_height + 9, 49] == 255).all(), "no fourth tile: white"


def test_long_labels_are_shortened_into_their_tile():
    frame = np.zeros((10, 10, 3), np.uint8)
    sheet = draw_sheet([frame, frame], ["x" * 400, ""], columns=2, tile_width=100)
    assert (sheet[105:, 106:] == np.array([45, 50, 56])).all(axis=-1)[-20:-2].any()
