"""What happens to pixels between the reader and the model: crop, flip, resize, normalise.

Every function takes all frames of a clip together, so that a clip moves as one, and any randomness comes from a
generator passed in. Frames are uint8 until they are on the model's device: a quarter of the bytes to move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

# Views of ``crop_views``, by name: whether each is mirrored.
VIEWS: dict[str, tuple[bool, ...]] = {
    "centre": (False,),
    "three": (False,) * 3,
    "ten": (False,) * 5 + (True,) * 5,
}


def to_tensor(frames: np.ndarray) -> torch.Tensor:
    """uint8 (T, H, W, C) as read → uint8 (T, C, H, W), the same memory."""
    return torch.from_numpy(frames).permute(0, 3, 1, 2)


def resize(frames: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Resize (T, C, H, W) to ``height`` x ``width``: bilinear, with antialiasing where it shrinks."""
    if frames.shape[-2:] == (height, width):
        return frames
    return F.interpolate(frames, (height, width), mode="bilinear", antialias=True)


def resize_short_side(frames: torch.Tensor, short_side: int) -> torch.Tensor:
    """Resize (T, C, H, W) so that the shorter of height and width is ``short_side``; the other follows, rounded."""
    height, width = frames.shape[-2:]
    scale = short_side / min(height, width)
    return resize(frames, max(short_side, round(height * scale)), max(short_side, round(width * scale)))


def sample_multi_scale_crop(
    height: int, width: int, scales: Sequence[float], rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Draw a corner crop with scale jittering.

    Height and width are drawn from ``scales`` times the short side, at most one step of the list apart; the place is
    one of thirteen: corners, middles of the sides, the quarter points between, the centre.
    Source: Wang et al., ECCV 2016, section 3.2, and the authors' GroupMultiScaleCrop.

    Returns:
        ``(top, left, crop_height, crop_width)`` in pixels, inside the frame.
    """
    sizes = [max(1, int(min(height, width) * scale)) for scale in scales]
    pairs = [(i, j) for i in range(len(sizes)) for j in range(len(sizes)) if abs(i - j) <= 1]
    i, j = pairs[rng.integers(len(pairs))]
    crop_height, crop_width = sizes[i], sizes[j]
    row, column = _PLACES[rng.integers(len(_PLACES))]
    return row * (height - crop_height) // 4, column * (width - crop_width) // 4, crop_height, crop_width


# In quarters of the free height and width: a 3 x 3 grid and the four points between its cells.
_PLACES = (*((row, column) for row in (0, 2, 4) for column in (0, 2, 4)), (1, 1), (1, 3), (3, 1), (3, 3))


def flip(frames: torch.Tensor) -> torch.Tensor:
    """Mirror (T, C, H, W) left to right. Whoever calls it also maps the class: a mirrored left turn is a right turn."""
    return frames.flip(-1)


def flip_flow(flow: torch.Tensor) -> torch.Tensor:
    """Mirror flow (T, C, H, W), channels (dx, dy) in turn: pixels change places and dx changes its sign."""
    mirrored = flow.flip(-1).clone()
    mirrored[..., 0::2, :, :] *= -1
    return mirrored


def flip_flow_codes(codes: torch.Tensor) -> torch.Tensor:
    """Mirror flow that is stored in 8 bits: uint8 (T, C, H, W), channels (dx, dy) in turn.

    Codes are linear over [-bound, bound], so that 255 - code stands for exactly the opposite value, whatever the bound.
    """
    mirrored = codes.flip(-1).clone()
    mirrored[..., 0::2, :, :] = 255 - mirrored[..., 0::2, :, :]
    return mirrored


def crop_views(
    frames: torch.Tensor, size: int, crops: str, mirror: Callable[[torch.Tensor], torch.Tensor] = flip
) -> torch.Tensor:
    """The test-time views of a clip.

    Args:
        frames: (T, C, H, W), short side at least ``size``.
        size: S, side of the square crops.
        crops: ``centre``; ``three`` squares along the long side (start, middle, end), full ``size``; ``ten``: four
            corners and the centre, then the same mirrored.
        mirror: mirrors frames; ``flip_flow_codes`` for flow.

    Returns:
        (V, T, C, S, S), in the order of ``VIEWS[crops]``.
    """
    height, width = frames.shape[-2:]
    assert min(height, width) >= size, f"frames of {height} x {width} hold no square of {size}"
    free_y, free_x = height - size, width - size
    if crops == "three":
        starts = [(free_y // 2, x) if width >= height else (x, free_x // 2) for x in _spread(max(free_y, free_x))]
    elif crops == "ten":
        starts = [(0, 0), (0, free_x), (free_y, 0), (free_y, free_x), (free_y // 2, free_x // 2)]
    else:
        starts = [(free_y // 2, free_x // 2)]
    views = [frames[..., y : y + size, x : x + size] for y, x in starts]
    if crops == "ten":
        views += [mirror(view) for view in views]
    return torch.stack(views)


@dataclass(frozen=True)
class Crops:
    """How squares for a model are cut from the pictures of a clip.

    Attributes:
        short_side: pixels of the shorter side before cropping.
        size: S, pixels of the square that the model sees.
        scales: of training crops, see ``sample_multi_scale_crop``.
        views: of evaluation, see ``crop_views``.
    """

    short_side: int
    size: int
    scales: tuple[float, ...] = (1.0,)
    views: str = "centre"

    def draw(self, frames: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """One random crop of all frames, (T, C, H, W) to (T, C, S, S)."""
        top, left, height, width = sample_multi_scale_crop(frames.shape[-2], frames.shape[-1], self.scales, rng)
        return resize(frames[..., top : top + height, left : left + width], self.size, self.size)


def _spread(free: int) -> tuple[int, int, int]:
    return 0, free // 2, free


def normalise(frames: torch.Tensor, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """uint8 (…, C, H, W) in [0, 255] → float32 ``(value / 255 - mean) / std``, mean and std a channel.

    Example:
        >>> normalise(torch.full((1, 1, 1), 255, dtype=torch.uint8), [0.5], [0.25]).item()
        2.0
    """
    shape = (-1, 1, 1)
    offset = torch.tensor([255 * value for value in mean], dtype=torch.float32, device=frames.device).reshape(shape)
    scale = torch.tensor([1 / (255 * value) for value in std], dtype=torch.float32, device=frames.device).reshape(shape)
    return (frames.to(torch.float32) - offset) * scale
