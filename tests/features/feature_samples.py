"""Records, datasets and makers that the tests of feature stores share."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from safetensors.numpy import load, save

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook, Element, Event, Set
from finegym.errors import FeatureError
from finegym.features.build import build_features
from finegym.features.make import MadeClip
from finegym.features.store import FeatureSettings, FeatureStore

CODEBOOK = Codebook(
    "toy",
    "1",
    "toy",
    (Event("VT", "vault"),),
    (Set("VT-S1", "VT", "vault"),),
    (Element("one", "VT-S1", "one"),),
    (),
    (),
)
SETTINGS = FeatureSettings(kind="pose", parameters={"model": "numbers"})
OTHER_SETTINGS = FeatureSettings(kind="pose", parameters={"model": "words"})


def draw(number: int, width: int = 96, height: int = 64, speed: int = 2) -> np.ndarray:
    """uint8 (H, W, 3): texture that moves ``speed`` px a frame to the right; another texture from number 1000 on."""
    shot = number // 1000
    y, x = np.mgrid[:height, :width]
    x = x - speed * (number % 1000)
    waves = np.sin(x / 5 + y / 9 + shot) + np.sin(x / 11 - y / 4) + np.sin(y / 3 + x / 17)
    grey = (80 + 90 * shot + 20 * waves).clip(0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def write_video(
    path: Path, numbers, *, size=(96, 64), speed=2, codec="libx264", pixel_format="yuv420p", options=None
) -> Path:
    """A film of pictures of ``draw``, 25 a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"crf": "10"} if options is None else options)
        stream.width, stream.height, stream.pix_fmt = *size, pixel_format
        for place, number in enumerate(numbers):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(draw(number, *size, speed)), format="rgb24")
            frame.pts, frame.time_base = place, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def make_video(name: str, times, *, length_ms=1200, path="default") -> Video:
    """A record with one action and sub-actions at times in ms."""
    parts = tuple(SubAction(f"A_{n:04d}_{n:04d}", (segment,), "one", "VT-S1") for n, segment in enumerate(times))
    action = Action("E_000000_000001", "VT", 0, length_ms, parts)
    return Video(name, (action,), path=f"records/{name}.mp4" if path == "default" else path)


def make_dataset(*videos: Video) -> Dataset:
    """Without arguments: three sub-actions of ``a`` (10, 1 and 15 frames), two of ``b``."""
    default = (
        make_video("a", [(400, 800), (80, 120), (0, 600)]),
        make_video("b", [(0, 200), (200, 1000)]),
    )
    return Dataset(CODEBOOK, videos or default)


def write_records(folder: Path) -> None:
    """``a``: one shot of 30 frames; ``b``: two shots of 15 frames, cut at frame 15."""
    write_video(folder / "records/a.mp4", range(30))
    write_video(folder / "records/b.mp4", [*range(15), *range(1000, 1015)])


def get_ids(video: str, count: int) -> list[str]:
    return [f"{video}_E_000000_000001_A_{n:04d}_{n:04d}" for n in range(count)]


IDS = [*get_ids("a", 3), *get_ids("b", 2)]


@dataclass(frozen=True)
class NumberMaker:
    """Stores the numbers of frames; fails for clips that begin at ``bad``, waits ``wait_s`` a clip.

    At a clip that begins at ``deadly`` its process dies.
    """

    bad: int = -1
    deadly: int = -1
    wait_s: float = 0.0
    log: str = ""

    def make(self, reader, action, clips, cuts):
        for clip in clips:
            if clip.frames.start == self.bad:
                raise FeatureError(f"frame {self.bad} is bad")
            if clip.frames.start == self.deadly:
                os._exit(9)
            assert action.start <= clip.frames.start and clip.frames.stop <= action.stop
            time.sleep(self.wait_s)
            if self.log:
                with Path(self.log).open("a") as file:
                    file.write(clip.segment.instance_id + "\n")
            numbers = np.arange(clip.frames.start, clip.frames.stop)
            yield MadeClip(
                instance_id=clip.segment.instance_id,
                height=reader.index.height,
                width=reader.index.width,
                counts={"frames": len(numbers)},
                suffix=".safetensors",
                encode=lambda facts, numbers=numbers: [save({"numbers": numbers}, {"finegym": facts})],
                extra={"cuts": [cut.frame for cut in cuts]},
            )


def build(folder, dataset=None, maker=None, *, settings=SETTINGS, name="numbers", **arguments):
    """A store in ``folder/features/<name>``."""
    out = folder / "features" / name
    return build_features(dataset or make_dataset(), folder, out, settings, maker or NumberMaker(), **arguments)


def open_store(folder, name="numbers"):
    return FeatureStore(folder / "features" / name)


def get_file(folder, instance_id) -> Path:
    """Where the store of ``build`` keeps a clip."""
    return folder / "features/numbers" / open_store(folder).get(instance_id).path


def read_numbers(store, instance_id):
    return load(store.read_bytes(instance_id))["numbers"].tolist()


def read_all(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
