"""Following whoever moves, so that a network sees a gymnast and not a hall: no detector, no weights, little time.

What moves otherwise than the picture as a whole is somebody; what does not move while the picture does is lettering.
Both follow from two differences a frame: with the camera's motion taken out, and without. The smaller of them is bright
where a body moves and nowhere else. The path through the brightest places that does not jump is hers.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

HEIGHT = 80  # of the pictures in which motion is looked for; the numbers below are pixels of them
REACH = 2  # frames before and after that are compared: 160 ms at 25 frames a second
BLUR, SPREAD = 1.0, 6.0  # sigma before the difference, and after it: half a body's breadth
CELL = 8  # of the grid on which the path goes
JUMP_COST = 0.3  # of a squared cell a frame, against the logarithm of brightness
FLOOR = 0.3  # brightness, in grey values, below which a place is as good as another: she stands still
SMOOTH = 9  # frames of the moving average at the end


def find_path(frames: np.ndarray) -> np.ndarray:
    """Where the one who moves is in every frame.

    Args:
        frames: uint8 (T, H, W, 3), all frames of one shot, one after the other. Across a cut the path jumps no farther
            than elsewhere, and needs some frames to find her again.

    Returns:
        float64 (T, 2): row and column of the middle of her motion, in pixels of the frames.
    """
    height, width = frames.shape[1:3]
    size = round(width * HEIGHT / height), HEIGHT
    greys = [_prepare(frame, size) for frame in frames]
    brightness = np.stack([each[CELL // 2 :: CELL, CELL // 2 :: CELL] for each in _iterate_motion(greys)])  # (T, h, w)
    cells = _find_best_path(np.log(brightness + FLOOR))
    path = cells * CELL + CELL / 2
    half = SMOOTH // 2
    padded = np.pad(path, ((half, half), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(column, np.full(SMOOTH, 1 / SMOOTH), "valid") for column in padded.T], axis=1)
    return smooth * height / HEIGHT


def crop_along(frames: np.ndarray, path: np.ndarray, size: int) -> np.ndarray:
    """Squares around a path, moved inside where they would leave the picture.

    Args:
        frames: uint8 (T, H, W, 3).
        path: float (T, 2), row and column.
        size: S, at most the shorter side.

    Returns:
        uint8 (T, S, S, 3).
    """
    height, width = frames.shape[1:3]
    corners = np.rint(path - size / 2).astype(np.int64).clip(0, [height - size, width - size])
    squares = [frame[y : y + size, x : x + size] for frame, (y, x) in zip(frames, corners, strict=True)]
    return np.stack(squares) if squares else np.empty((0, size, size, 3), np.uint8)


def _prepare(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    small = cv2.resize(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small, (0, 0), BLUR).astype(np.float32)


def _iterate_motion(greys: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Brightness of motion, float32 (H, W) a frame."""
    height, width = greys[0].shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    for number in range(len(greys)):
        before, after = greys[max(0, number - REACH)], greys[min(len(greys) - 1, number + REACH)]
        (dx, dy), _ = cv2.phaseCorrelate(before, after, window)
        shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        moved = cv2.warpAffine(before, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        motion = np.minimum(np.abs(moved - after), np.abs(before - after))
        # What came into the picture from outside is nobody.
        margin_x, margin_y = min(width // 4, int(abs(dx)) + 3), min(height // 4, int(abs(dy)) + 1)
        motion[:, :margin_x] = motion[:, width - margin_x :] = 0
        motion[:margin_y] = motion[height - margin_y :] = 0
        yield cv2.GaussianBlur(motion, (0, 0), SPREAD)


def _find_best_path(values: np.ndarray) -> np.ndarray:
    """The cells (T, 2) with the highest sum of values (T, h, w) less the cost of moving (Viterbi)."""
    T, rows, columns = values.shape
    places = np.indices((rows, columns)).reshape(2, -1).T
    cost = JUMP_COST * ((places[:, None] - places[None]) ** 2).sum(axis=-1)  # (cells, cells)
    flat = values.reshape(T, -1)
    best, came_from = flat[0], []
    for number in range(1, T):
        reached = best[None, :] - cost  # (to, from)
        came_from.append(reached.argmax(axis=1))
        best = reached.max(axis=1) + flat[number]
    path = [int(best.argmax())]
    for links in reversed(came_from):
        path.append(int(links[path[-1]]))
    return places[path[::-1]].astype(np.float64)
