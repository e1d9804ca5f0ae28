"""A small dataset to release: two events, three sets with trees, seven elements, long-tailed; and annotators of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Node, Query, Set
from finegym.release.build import BuiltRelease, build_release
from finegym.release.settings import ReleaseSettings
from finegym.release.source import ReleaseSource

ELEMENTS = {"leap": "FX-S1", "ring-leap": "FX-S1", "turn": "FX-S2", "turn-2": "FX-S2", "giant": "UB-S1", "kip": "UB-S1"}


def make_codebook() -> Codebook:
    """Element ``lost`` hangs on no tree."""
    return Codebook(
        name="samples",
        version="2",
        sport="gymnastics",
        events=(Event("FX", "floor, exercise", 2), Event("UB", "uneven bars", 4)),
        sets=(Set("FX-S1", "FX", "leaps"), Set("FX-S2", "FX", "turns"), Set("UB-S1", "UB", "circles é")),
        elements=(
            Element("leap", "FX-S1", "split leap"),
            Element("ring-leap", "FX-S1", "ring leap", "1.205", 0.2),
            Element("turn", "FX-S2", "turn"),
            Element("turn-2", "FX-S2", 'turn, "double"'),
            Element("giant", "UB-S1", "giant"),
            Element("kip", "UB-S1", "kip"),
            Element("lost", "UB-S1", "on no tree"),
        ),
        queries=(Query("ring", "Is it a ring?"), Query("twice", "Two turns?"), Query("round", "All the way round?")),
        trees=(
            DecisionTree("FX-S1", Node("ring", Leaf("ring-leap"), Leaf("leap"))),
            DecisionTree("FX-S2", Node("twice", Leaf("turn-2"), Leaf("turn"))),
            DecisionTree("UB-S1", Node("round", Leaf("giant"), Node("ring", Leaf(None), Leaf("kip")))),
        ),
    )


CODEBOOK = make_codebook()


def make_action(start_s: int, elements: list[str], athlete: str | None = None) -> Action:
    """An action with a sub-action every three seconds; two stages where it is a giant."""
    subs = []
    for place, element_id in enumerate(elements):
        start_ms = 1000 * (start_s + 3 * place) + 40
        end_ms = start_ms + 1960
        stages = (
            ((start_ms, start_ms + 960), (start_ms + 960, end_ms)) if element_id == "giant" else ((start_ms, end_ms),)
        )
        subs.append(SubAction(f"A_{3 * place:04d}_{3 * place + 2:04d}", stages, element_id, ELEMENTS[element_id]))
    event_id = ELEMENTS[elements[0]][:2]
    end_s = start_s + 3 * len(elements)
    return Action(f"E_{start_s:06d}_{end_s:06d}", event_id, 1000 * start_s, 1000 * end_s, tuple(subs), athlete)


def make_dataset(seed: int = 0, num_videos: int = 12) -> Dataset:
    """Twelve records of four competitions; nobody has looked for sub-actions in the last action of the first one."""
    rng = np.random.default_rng(seed)
    videos = []
    for number in range(num_videos):
        actions = []
        for place in range(3):
            event = "UB" if place == 2 else "FX"
            known = [element for element, set_id in ELEMENTS.items() if set_id.startswith(event)]
            weights = 0.5 ** np.arange(len(known))
            chosen = rng.choice(known, 5, p=weights / weights.sum()).tolist()
            actions.append(make_action(100 * place + 5, chosen, f"Zoë {rng.integers(9)}"))
        if number == 0:
            actions[-1] = replace(actions[-1], sub_actions=None)
        videos.append(
            Video(
                f"record{number:05d}", tuple(actions), f"records/{number}.mp4", f"Cup {number % 4}", 25.0, 9000, 64, 48
            )
        )
    return Dataset(CODEBOOK, tuple(videos))


SETTINGS = ReleaseSettings(version="1.0", min_train=8, min_val=3, with_figures=False, exports=("parquet",))


def make_folder(folder: Path, dataset: Dataset | None = None) -> Path:
    """The dataset as a folder."""
    write_dataset(dataset or make_dataset(), folder)
    return folder


def build(
    tmp_path: Path, name: str = "release", settings: ReleaseSettings = SETTINGS, **changes: object
) -> BuiltRelease:
    """Build a release of the sample; ``changes`` are of its source."""
    source = replace(ReleaseSource("sample", make_dataset()), **changes)
    return build_release(source, tmp_path / name, settings)


def read_everything(folder: Path) -> dict[str, bytes]:
    """Every file's bytes by its path."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
