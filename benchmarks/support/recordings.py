"""Recordings to measure on: 1280 x 720, 25 frames a second, x264 at its defaults, every frame with its number drawn in.

The pictures are a simulated competition, or real footage where the folder of real clips lies beside the checkout:
figure skating, breakdance and a somersault, in turns, mirrored every other time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np

REAL_CLIPS = Path(__file__).parents[3] / "shared" / "clips" / "other"
WIDTH, HEIGHT, FPS = 1280, 720, 25
NUM_BITS, STRIP = 16, 48
FOLDER = Path(tempfile.gettempdir()) / "finegym-benchmarks"


def has_real_footage() -> bool:
    """Whether there are real clips to make recordings from."""
    return REAL_CLIPS.is_dir()


def make_recording(gop: int, seconds: int, *, is_real: bool) -> Path:
    """A recording; made once and kept in the system's temporary folder."""
    path = FOLDER / f"{'real' if is_real else 'simulated'}-gop{gop}-{seconds}s.mp4"
    if not path.exists():
        FOLDER.mkdir(exist_ok=True)
        temporary = path.with_suffix(".part.mp4")
        with av.open(str(temporary), "w") as container:
            options = {"preset": "medium", "crf": "23", "x264-params": f"keyint={gop}"}
            stream = container.add_stream("libx264", rate=FPS, options=options)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            sources = sorted(REAL_CLIPS.glob("*.mp4")) if is_real else [make_simulated_record()]
            for number, picture in enumerate(islice(_iterate_pictures(sources), seconds * FPS)):
                draw_number(picture, number)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        temporary.rename(path)
    return path


def _iterate_pictures(paths: list[Path]) -> Iterator[np.ndarray]:
    for turn, path in enumerate(cycle(paths)):
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                picture = cv2.resize(frame.to_ndarray(format="rgb24"), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
                yield picture[:, ::-1].copy() if turn // len(paths) % 2 else picture


def make_simulated_record() -> Path:
    """Two minutes of a simulated competition; made once and kept."""
    from finegym.codebook.builtin import read_builtin
    from finegym.simulation.competition import CompetitionSettings, simulate_competition

    folder = FOLDER / "competition"
    for path in (folder / "records").glob("*.mp4"):
        return path
    settings = CompetitionSettings(num_videos=1, minutes=2, seed=0, size=(WIDTH, HEIGHT))
    simulate_competition(settings, read_builtin("artistic-women"), folder)
    return next((folder / "records").glob("*.mp4"))


def draw_number(picture: np.ndarray, number: int) -> None:
    """Draw a number into the top of a picture: sixteen black or white blocks, most significant first."""
    bits = number >> np.arange(NUM_BITS)[::-1] & 1
    blocks = np.where(bits, 235, 16).astype(np.uint8).repeat(picture.shape[1] // NUM_BITS)
    picture[:STRIP] = blocks[None, :, None]


def read_number(picture: np.ndarray) -> int:
    """The number drawn in a picture of any size, RGB or BGR."""
    height, width = picture.shape[:2]
    row = picture[max(1, height * STRIP // HEIGHT // 2)].mean(axis=1)
    centres = ((np.arange(NUM_BITS) + 0.5) * width / NUM_BITS).astype(int)
    return int(sum(int(row[x] > 125) << (NUM_BITS - 1 - bit) for bit, x in enumerate(centres)))
