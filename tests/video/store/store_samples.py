"""Datasets of numbered records that the tests of the clip store share."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numbered import write_numbered

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook, Element, Event, Set
from finegym.video.store.build import build_store, make_settings

CODEBOOK = Codebook("toy", "1", "toy", (Event("VT", "vault"),), (Set("VT-S1", "VT", "vault"),), (), (), ())
CODEBOOK = replace(CODEBOOK, elements=(Element("one", "VT-S1", "one"),))

FAST = {"fast": True}
# A rate of 20 to 60 ms a frame.
VARIABLE_MS = np.cumsum(np.random.default_rng(1).integers(20, 60, 90)).tolist()
# Frames of each clip, in the order of the dataset.
FRAMES = [range(50, 70), range(10, 25), range(25, 26), range(10, 30), range(60, 75)]


def make_video(name, times, path="default", length_ms=3600):
    sub_actions = tuple(
        SubAction(f"A_{number:04d}_{number:04d}", (segment,), "one", "VT-S1") for number, segment in enumerate(times)
    )
    action = Action("E_000000_000009", "VT", 0, length_ms, sub_actions)
    return Video(name, (action,), path=f"records/{name}.mp4" if path == "default" else path)


def write_records(folder: Path) -> None:
    """Two records of 90 numbered frames; ``b`` has a variable rate."""
    (folder / "records").mkdir()
    write_numbered(folder / "records" / "a.mp4", 90, size=(320, 180), options={"g": "30", "bf": "3"})
    write_numbered(folder / "records" / "b.mp4", 90, times=VARIABLE_MS, time_base=Fraction(1, 1000), b_frames=3)


def make_dataset(b_times=None) -> Dataset:
    """Three sub-actions of ``a``, not in order, and two of ``b``."""
    times = VARIABLE_MS
    b_times = [(times[10], times[30]), (times[60], times[75])] if b_times is None else b_times
    return Dataset(CODEBOOK, (make_video("a", [(2000, 2800), (400, 1000), (1000, 1020)]), make_video("b", b_times)))


def make_long_dataset(numbers) -> Dataset:
    """Clips of 20 frames of ``a``, each a frame after the one before; ``numbers`` chooses among them."""
    return Dataset(CODEBOOK, (make_video("a", [(40 * k, 40 * k + 800) for k in numbers]),))


def build(dataset, folder, out=None, *, settings=None, **arguments):
    """A store in ``folder/clips`` of clips with a short side of 90."""
    settings = make_settings(**({"short_side": 90} | (settings or {})))
    return build_store(dataset, folder, folder / "clips" if out is None else out, settings, **arguments)


def read_all(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_new(dataset, folder, **arguments) -> dict[str, bytes]:
    """Every file of a store that is built from nothing."""
    shutil.rmtree(folder / "new", ignore_errors=True)
    build(dataset, folder, folder / "new", **arguments)
    return read_all(folder / "new")


def read_skipped(folder: Path) -> dict[str, str]:
    """The reasons that ``skipped.csv`` gives, by instance id."""
    with (folder / "clips" / "skipped.csv").open(newline="") as file:
        return {row["instance_id"]: row["reason"] for row in csv.DictReader(file)}


def compute_psnr(left: np.ndarray, right: np.ndarray) -> float:
    """Decibels."""
    error = ((left.astype(float) - right.astype(float)) ** 2).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
