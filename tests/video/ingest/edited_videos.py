"""Small edited videos whose cuts are known: textured scenes that pan, with flashes, wipes and replays."""

from collections.abc import Iterable
from pathlib import Path

import av
import cv2
import numpy as np

HEIGHT, WIDTH = 144, 256


class Scene:
    """A wide textured picture over which a camera pans, with a figure that jumps about in it."""

    def __init__(self, seed: int, speed: float = 1.5) -> None:
        rng = np.random.default_rng(seed)
        noise = rng.integers(0, 256, (HEIGHT // 18, WIDTH // 5), dtype=np.uint8)
        base = rng.integers(40, 200, 3)
        texture = cv2.resize(noise, (WIDTH * 4, HEIGHT), interpolation=cv2.INTER_CUBIC)
        self.picture = (0.4 * texture[:, :, None] + 0.6 * base).astype(np.uint8)
        self.speed, self.path = speed, rng.normal(0, 1, (2, 6))
        self.colour = tuple(int(value) for value in rng.integers(0, 256, 3))

    def show(self, time: float) -> np.ndarray:
        """uint8 (H, W, 3) at a time in frames; times need not be whole."""
        left = (self.speed * time) % (self.picture.shape[1] - WIDTH)
        move = np.array([[1, 0, -left], [0, 1, 0]])
        frame = cv2.warpAffine(self.picture, move, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
        waves = np.sin(np.outer([0.05, 0.09, 0.13, 0.17, 0.21, 0.29], [time])).ravel()
        x, y = self.path @ waves
        cv2.circle(frame, (int(WIDTH / 2 + 30 * x), int(HEIGHT / 2 + 15 * y)), 16, self.colour, -1)
        return frame

    def show_all(self, count: int, first: float = 0.0, step: float = 1.0) -> list[np.ndarray]:
        return [self.show(first + step * number) for number in range(count)]


def flash(frames: list[np.ndarray], at: int, length: int = 2) -> list[np.ndarray]:
    bright = [np.clip(frame.astype(int) + 110, 0, 255).astype(np.uint8) for frame in frames[at : at + length]]
    return [*frames[:at], *bright, *frames[at + length :]]


def wipe(old: list[np.ndarray], new: list[np.ndarray], length: int = 12) -> list[np.ndarray]:
    """Old and new in a row; a broad striped band crosses the picture for ``length`` frames around the cut."""
    frames = [frame.copy() for frame in [*old, *new]]
    cut, band = len(old), round(0.85 * WIDTH)
    stripes = np.zeros((HEIGHT, band, 3), np.uint8)
    stripes[:, :: 2 * 16] = (240, 210, 30)
    for column in range(0, band, 32):
        stripes[:, column : column + 16] = (240, 210, 30)
    for step in range(1, length):
        left = round(-band + step / length * (WIDTH + band))
        start, stop = max(0, left), min(WIDTH, left + band)
        frames[cut - length // 2 + step][:, start:stop] = stripes[:, start - left : stop - left]
    return frames


def write_frames(path: Path, frames: Iterable[np.ndarray], *, gop: int = 250, preset: str = "medium") -> Path:
    with av.open(str(path), "w") as container:
        options = {"preset": preset, "crf": "20", "x264-params": f"keyint={gop}"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def match_cuts(found: list[int], true: list[int], tolerance: int) -> tuple[int, list[int], list[int]]:
    """Number of true cuts found, those missed, and found ones that are none; each counts once."""
    rest, missed = list(found), []
    for cut in true:
        near = [frame for frame in rest if abs(frame - cut) <= tolerance]
        if near:
            rest.remove(min(near, key=lambda frame: abs(frame - cut)))
        else:
            missed.append(cut)
    return len(true) - len(missed), missed, rest
