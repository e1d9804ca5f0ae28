"""Pairs of frames whose flow is known, for tests: one texture, moved by a formula."""

import cv2
import numpy as np


def make_texture(height, width, seed=0):
    """float32 (H, W) in 30..225, with detail of several sizes."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width), np.float32)
    for sigma in (1.5, 3, 6, 12):
        layer = cv2.GaussianBlur(rng.normal(size=picture.shape).astype(np.float32), (0, 0), sigma)
        picture += sigma * layer / layer.std()
    return 30 + 195 * (picture - picture.min()) / (picture.max() - picture.min())


def move(matrix, height=96, width=120, seed=0):
    """A pair and its true flow: what is at p in the first frame is at ``matrix`` (2, 3) times (p, 1) in the second."""
    margin = 40
    texture = make_texture(height + 2 * margin, width + 2 * margin, seed)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    points = np.stack([columns, rows, np.ones_like(rows)], 2)
    back = cv2.invertAffineTransform(np.asarray(matrix, np.float64)).astype(np.float32)
    come_from = points @ back.T
    first = texture[margin:-margin, margin:-margin]
    second = cv2.remap(texture, come_from[..., 0] + margin, come_from[..., 1] + margin, cv2.INTER_CUBIC)
    truth = points @ np.asarray(matrix, np.float32).T - points[..., :2]
    return np.rint(first).astype(np.uint8), np.clip(np.rint(second), 0, 255).astype(np.uint8), truth


def turn_about_centre(degrees, zoom, height=96, width=120):
    return cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, zoom)


MOTIONS = {
    "translation": [[1, 0, 3.5], [0, 1, -2.25]],
    "rotation": turn_about_centre(3, 1),
    "zoom": turn_about_centre(0, 1.06),
}


def compute_epe(flow, truth, border=8):
    """Mean distance from the truth, pixels; the border shows what came from outside and is left out."""
    inside = slice(border, -border), slice(border, -border)
    return float(np.linalg.norm(flow - truth, axis=2)[inside].mean())
