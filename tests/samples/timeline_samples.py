"""A small dataset of two events whose records are films of moving textures, for the tests of timelines and runs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import assign_classes, make_subset
from finegym.codebook.model import Codebook, Element, Event, Set

CODEBOOK = Codebook(
    "toy",
    "1",
    "toy",
    (Event("VT", "vault"), Event("FX", "floor")),
    (Set("VT-S1", "VT", "vault"), Set("FX-S1", "FX", "leaps"), Set("FX-S2", "FX", "turns")),
    (
        Element("one", "VT-S1", "one"),
        Element("two", "FX-S1", "two"),
        Element("three", "FX-S2", "three"),
        Element("four", "FX-S2", "four"),
    ),
    (),
    (),
)
SET_OF = {element.id: element.set_id for element in CODEBOOK.elements}


def make_action(start_ms: int, end_ms: int, event_id: str, *parts: tuple[int, int, str | None]) -> Action:
    """An action with sub-actions ``(start, end, element)``, on the record's clock."""
    subs = tuple(
        SubAction(f"A_{n:04d}_{n:04d}", ((start, end),), element, SET_OF.get(element or ""))
        for n, (start, end, element) in enumerate(parts)
    )
    return Action(f"E_{start_ms // 1000:06d}_{end_ms // 1000:06d}", event_id, start_ms, end_ms, subs)


def make_record(name: str) -> Video:
    """Four seconds: a vault with one sub-action, a floor exercise with two, one of which nobody has named."""
    vault = make_action(400, 1400, "VT", (600, 1000, "one"))
    floor = make_action(2000, 3600, "FX", (2200, 2600, "two"), (2800, 3000, None), (3000, 3400, "three"))
    return Video(name, (vault, floor), f"records/{name}.mp4", fps=25.0, num_frames=100, width=64, height=48)


def make_dataset(num_records: int = 4) -> Dataset:
    return Dataset(CODEBOOK, tuple(make_record(f"rec{number}") for number in range(num_records)))


def make_split(dataset: Dataset, ids, name: str = "toy", level: str = "element", num_val: int = 1) -> Split:
    """The last ``num_val`` records for validation."""
    subset = make_subset(name, level, ids, dataset.codebook)
    assigned = assign_classes(dataset, subset).class_index_by_id
    last = {video.id for video in dataset.videos[-num_val:]}
    sides = {True: {}, False: {}}
    for id_, index in assigned.items():
        sides[dataset.instances[id_].video.id in last][id_] = index
    return Split(name, subset, sides[False], sides[True], groups=("video",))


def draw(time_ms: float, dataset_record: Video) -> np.ndarray:
    """uint8 (48, 64, 3): noise, in a colour that says what happens at a time."""
    rng = np.random.default_rng([int(time_ms), int(dataset_record.id[-1])])
    picture = rng.integers(0, 60, (48, 64, 3), dtype=np.uint8)
    for action in dataset_record.actions:
        if action.start_ms <= time_ms < action.end_ms:
            picture[..., 0 if action.event_id == "VT" else 1] += 90
        for sub in action.sub_actions or ():
            if sub.start_ms <= time_ms < sub.end_ms:
                picture[: {"one": 12, "two": 24, "three": 36}.get(sub.element_id or "", 6), :, 2] += 150
    return picture


def write_record(folder: Path, record: Video) -> None:
    """The film of a record, 25 frames a second."""
    path = folder / str(record.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for place in range(100):
            frame = av.VideoFrame.from_ndarray(draw(40 * place, record), format="rgb24")
            frame.pts, frame.time_base = place, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_folder(folder: Path, num_records: int = 4) -> Dataset:
    """A dataset folder with films and the split ``toy`` of three elements; ``four`` is in none."""
    dataset = make_dataset(num_records)
    write_dataset(dataset, folder)
    write_split(make_split(dataset, ["one", "two", "three"]), folder / "splits" / "toy")
    for record in dataset.videos:
        write_record(folder, record)
    return dataset
