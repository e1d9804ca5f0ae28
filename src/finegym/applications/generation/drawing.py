"""Motions as pictures: the simulation's renderer draws them, and every frame says what it is."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from finegym.applications.generation.motions import PELVIS, keeps_frame
from finegym.files import replace_file
from finegym.report.images import draw_sheet, encode_jpeg
from finegym.simulation.appearance import sample_appearance, sample_venue
from finegym.simulation.camera import Operator, Tripod, follow
from finegym.simulation.lettering import write_text
from finegym.simulation.render import render_shot, resample_joints
from finegym.simulation.scene import render_panorama
from finegym.simulation.write import encode_frames

FPS = 25
_TRIPODS = {
    "VT": Tripod("main", (2.0, -12.0, 2.4)),
    "FX": Tripod("main", (0.0, -12.0, 2.2)),
    "BB": Tripod("main", (0.0, -11.0, 2.4)),
    "UB": Tripod("main", (-2.0, -11.5, 2.6)),
}
_VIEW_HEIGHT_M = 2.7
_STEADY = Operator(lag_s=0.0, softness_s=0.4, tremor=0.0)


def render_motion(
    joints: np.ndarray,
    duration_s: float,
    event_id: str,
    *,
    kind: str = "",
    note: str = "GENERATED",
    size: tuple[int, int] = (480, 360),
    seed: int = 0,
) -> list[np.ndarray]:
    """Frames of one motion at 25 a second, in a hall with the event's apparatus.

    Args:
        joints: float (T, 26, 3), metres.
        duration_s: from the first frame to the last.
        event_id: ``VT``, ``FX``, ``BB`` or ``UB``.
        kind: of the element; what does not know where it is on floor or beam is put into the middle.
        note: written into every frame, beside "simulated body".
        size: width and height in pixels, both even.
        seed: of hall and looks.

    Returns:
        uint8 (H, W, 3) each, RGB.
    """
    count = max(round(duration_s * FPS), 2)
    placed = np.asarray(joints, np.float64)
    if not keeps_frame(event_id, kind):
        along = placed[:, PELVIS, 0]
        placed = placed - np.array([0.5 * (along.min() + along.max()), 0.0, 0.0])
    moving = resample_joints(placed, np.linspace(0, len(placed) - 1, count))
    rng = np.random.default_rng(seed)
    venue, looks = sample_venue(rng), sample_appearance(rng)
    path = follow(moving, moving[:, PELVIS], _TRIPODS[event_id], _STEADY, _VIEW_HEIGHT_M, float(FPS), size, rng)
    panorama = render_panorama(venue, event_id, [path])
    frames = []
    for frame, _ in render_shot(path, panorama, venue.lighting, moving, looks, float(FPS)):
        write_text(frame, f"{note}, SIMULATED BODY", 8, size[1] - 10, max(7, size[1] // 40), (1.0, 1.0, 1.0))
        frames.append(frame[:, :, :3].copy())
    return frames


def write_film(path: Path, clips: Sequence[Sequence[np.ndarray]]) -> None:
    """Write clips, one after the other, as an MP4; between two a third of a second of grey.

    Raises:
        OutputError: the file cannot be written.
    """
    height, width = clips[0][0].shape[:2]
    pause = [np.full((height, width, 3), 90, np.uint8)] * (FPS // 3)
    frames = (
        np.concatenate([frame, np.full((height, width, 1), 255, np.uint8)], axis=2)
        for number, clip in enumerate(clips)
        for frame in ([*pause, *clip] if number else clip)
    )
    with replace_file(path) as temporary:
        encode_frames(temporary, frames, Fraction(FPS), (width, height))


def make_sheet(clips: Sequence[Sequence[np.ndarray]], names: Sequence[str], columns: int = 8) -> bytes:
    """JPEG of evenly spread frames of clips, a row each."""
    tiles: list[np.ndarray] = []
    labels: list[str] = []
    for clip, name in zip(clips, names, strict=True):
        for number in np.linspace(0, len(clip) - 1, columns).round().astype(int):
            tiles.append(clip[number])
            labels.append(f"{number / FPS:.2f} s" if labels and len(labels) % columns else name)
    return encode_jpeg(draw_sheet(tiles, labels, columns=columns, tile_width=200))
