"""Pairs of frames whose optical flow is known exactly: textures moved by formulas, to measure flow methods on.

A background moves by a smooth field (pan, zoom, turn and slow waves); before it a jointed figure of ten capsules moves,
each part rigidly about its joint, covering and uncovering what is behind. The second frame is a little brighter or
darker, and both are noisy. Textures are frames of a simulated competition and sums of blurred noise.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

HEIGHT, WIDTH = 256, 340
MARGIN = 60  # of a texture around the frame, pixels
AMPLITUDES = (2.0, 5.0, 10.0)  # pixels: half of it bounds the background, the fastest part of the figure has all
NOISE, GAIN = 2.0, 0.005  # grey values; share

# Parent, where on the parent (0..1), length and radius in pixels, angle at rest in degrees (0 is right, 90 is down).
FIGURE = (
    (-1, 0.0, 62, 13, 90),  # trunk, from the shoulders
    (0, 0.0, 12, 10, -90),  # head
    (0, 0.05, 36, 5, 150),  # left arm
    (2, 1.0, 34, 4, 120),
    (0, 0.05, 36, 5, 20),  # right arm
    (4, 1.0, 34, 4, 60),
    (0, 1.0, 44, 8, 110),  # left leg
    (6, 1.0, 42, 6, 95),
    (0, 1.0, 44, 8, 70),  # right leg
    (8, 1.0, 42, 6, 95),
)


@dataclass(frozen=True)
class FlowPair:
    """``first`` and ``second``: uint8 (H, W); ``truth``: float32 (H, W, 2) at ``first``; ``figure``: bool (H, W)."""

    first: np.ndarray
    second: np.ndarray
    truth: np.ndarray
    figure: np.ndarray
    amplitude: float


def make_pairs(num_pairs: int, seed: int = 0) -> list[FlowPair]:
    """Pairs with simulated and generated backgrounds in turn, and the three amplitudes in turn."""
    rng = np.random.default_rng(seed)
    scenes = read_scenes()
    pairs = []
    for number in range(num_pairs):
        scene = scenes[int(rng.integers(len(scenes)))] if number % 2 == 0 else make_texture(rng)
        y = int(rng.integers(scene.shape[0] - HEIGHT - 2 * MARGIN + 1))
        x = int(rng.integers(scene.shape[1] - WIDTH - 2 * MARGIN + 1))
        scene = scene[y : y + HEIGHT + 2 * MARGIN, x : x + WIDTH + 2 * MARGIN]
        pairs.append(make_pair(scene, make_texture(rng), AMPLITUDES[number // 2 % 3], rng))
    return pairs


def make_pair(scene: np.ndarray, skin: np.ndarray, amplitude: float, rng: np.random.Generator) -> FlowPair:
    """One pair: ``scene`` float32 (H, W) with margins is the background, ``skin`` covers the figure."""
    truth = _make_field(amplitude / 2, rng)
    images = [_sample(scene, np.zeros_like(truth)), _sample(scene, -_invert(truth))]
    poses = _pose_figure(amplitude, rng)
    figure = np.zeros((HEIGHT, WIDTH), bool)
    for part, (_, _, length, radius, _) in enumerate(FIGURE):
        for image, pose in zip(images, poses, strict=True):
            covers, along, across = _cover(pose[part], length, radius)
            paint = cv2.remap(skin, along + 60 + 20 * part, across + 60 + 25 * part, cv2.INTER_CUBIC)
            image += covers * (paint - image)
        covers, along, across = _cover(poses[0][part], length, radius)
        inside = covers > 0.5
        figure |= inside
        truth[inside] = (_place(poses[1][part], along, across) - _place(poses[0][part], along, across))[inside]
    gain = 1 + rng.uniform(-GAIN, GAIN)
    first, second = (
        np.clip(np.rint(image * scale + rng.normal(0, NOISE, image.shape)), 0, 255).astype(np.uint8)
        for image, scale in zip(images, (1, gain), strict=True)
    )
    return FlowPair(first, second, truth, figure, amplitude)


def make_texture(rng: np.random.Generator) -> np.ndarray:
    """Float32 picture with detail of all sizes, 20..235."""
    shape = (HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN)
    picture = np.zeros(shape, np.float32)
    for sigma in (1, 2, 4, 8, 16, 32):
        layer = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), sigma)
        picture += sigma**0.8 * layer / layer.std()
    return 20 + 215 * (picture - picture.min()) / (picture.max() - picture.min())


def read_scenes() -> list[np.ndarray]:
    """Grey frames of a simulated competition, one a second; made once and kept in the system's temporary folder."""
    from finegym.codebook.builtin import read_builtin
    from finegym.simulation.competition import CompetitionSettings, simulate_competition
    from finegym.video.reader import VideoReader

    folder = Path(tempfile.gettempdir()) / "finegym-benchmarks" / "flow-scenes"
    if not list((folder / "records").glob("*.mp4")):
        settings = CompetitionSettings(num_videos=1, minutes=0.5, seed=0, size=(640, 480))
        simulate_competition(settings, read_builtin("artistic-women"), folder)
    with VideoReader(next((folder / "records").glob("*.mp4"))) as reader:
        frames = reader.read_frames(range(12, 700, 25))
    return [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) for frame in frames]


def _make_field(largest: float, rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    zoom, turn = rng.normal(0, 0.5, 2)
    pan = rng.normal(0, 1, 2)
    field = np.stack([pan[0] + zoom * columns - turn * rows, pan[1] + zoom * rows + turn * columns], 2)
    waves = cv2.resize(rng.normal(0, 0.35, (5, 6, 2)), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    field += waves
    return (field * largest / np.linalg.norm(field, axis=2).max()).astype(np.float32)


def _invert(field: np.ndarray) -> np.ndarray:
    """How far what arrives at a pixel has come: the field where it started."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    come = field.copy()
    for _ in range(30):
        come = cv2.remap(
            field, columns - come[..., 0], rows - come[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return come


def _sample(scene: np.ndarray, offset: np.ndarray) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32) + MARGIN
    return cv2.remap(scene, columns + offset[..., 0], rows + offset[..., 1], cv2.INTER_CUBIC)


def _pose_figure(amplitude: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(x, y, angle) of every part in both frames; the fastest end of a part moves by ``amplitude``."""
    rest = np.radians([part[4] for part in FIGURE]) + rng.normal(0, 0.35, len(FIGURE)) + rng.uniform(-0.6, 0.6)
    place = np.array([WIDTH, HEIGHT]) * rng.uniform((0.3, 0.3), (0.7, 0.45))
    turns, move = rng.normal(0, 1, len(FIGURE)) + rng.normal(0, 1), rng.normal(0, 12, 2)
    scale = 0.2
    for _ in range(20):  # nearly linear: a few corrections of the scale suffice
        poses = _build_pose(rest, place), _build_pose(rest + scale * turns, place + scale * move)
        ends = [np.array([_place(pose[part], FIGURE[part][2], 0.0) for part in range(len(FIGURE))]) for pose in poses]
        scale *= amplitude / np.linalg.norm(ends[1] - ends[0], axis=1).max()
    return poses


def _build_pose(angles: np.ndarray, place: np.ndarray) -> np.ndarray:
    pose = np.zeros((len(FIGURE), 3))
    for part, (parent, fraction, _, _, _) in enumerate(FIGURE):
        joint = place if parent < 0 else _place(pose[parent], fraction * FIGURE[parent][2], 0.0)
        pose[part] = (*joint, angles[part])
    return pose


def _place(pose: np.ndarray, along: np.ndarray | float, across: np.ndarray | float) -> np.ndarray:
    x, y, angle = pose
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([x + c * along - s * across, y + s * along + c * across], -1).astype(np.float32)


def _cover(pose: np.ndarray, length: float, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coverage (H, W) in 0..1 of a part, and each pixel's place along and across it."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    x, y, angle = pose
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    dx, dy = columns - np.float32(x), rows - np.float32(y)
    along, across = c * dx + s * dy, c * dy - s * dx
    distance = np.hypot(along - np.clip(along, 0, np.float32(length)), across)
    return np.clip(radius - distance + 0.5, 0, 1), along, across
