"""A small codebook, hand-made annotations, official files of both, and random datasets."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from hypothesis import strategies as st

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Node, Query, Set
from finegym.codebook.official import MEN, WOMEN, OfficialFiles, write_official_files

VT_1 = "aaaaaaaaaaa_E_000010_000017_A_0000_0006"
FX_1 = "aaaaaaaaaaa_E_000100_000190_A_0005_0005"
FX_2 = "aaaaaaaaaaa_E_000100_000190_A_0008_0010"
UB_1 = "_E_-A_bbbbb_E_000003_000030_A_0001_0002"

ANNOTATIONS = {
    "aaaaaaaaaaa": {
        "E_000010_000017": {
            "event": 1,
            "segments": {"A_0000_0006": {"stages": 3, "timestamps": [[0.03, 3.22], [3.22, 4.4], [4.4, 6.71]]}},
            "timestamps": [[10.08, 17.0]],
        },
        "E_000100_000190": {
            "event": 2,
            "segments": {
                "A_0008_0010": {"stages": 1, "timestamps": [[8.1, 10.004]]},
                "A_0005_0005": {"stages": 1, "timestamps": [[5.0, 5.9]]},
            },
            "timestamps": [[100.0, 190.04]],
        },
    },
    "_E_-A_bbbbb": {
        "E_000003_000030": {
            "event": 4,
            "segments": {"A_0001_0002": {"stages": 1, "timestamps": [[1.5, 2.25]]}},
            "timestamps": [[3.36, 30.52]],
        },
        "E_000040_000060": {"event": 4, "segments": None, "timestamps": [[40.0, 60.0]]},
        "E_042204_042230": {"event": 2, "segments": {}, "timestamps": [[42204.12, 42230.0]]},
    },
}
LABELS = {VT_1: "1", FX_1: "2", FX_2: "3", UB_1: "5"}


def make_codebook() -> Codebook:
    """Three sets of two elements; ids, numbers and Glabels as in the official files."""
    rows = ((1, "VT", "VT-S1", "vault"), (21, "FX", "FX-S1", "FX_leap_jump_hop"), (43, "UB", "UB-S3", "UB_transition"))
    elements = [
        Element(str(2 * k + j), set_id, f"element {2 * k + j}, é", "2.101", 0.1, glabel=2 * k + j)
        for k, (_, _, set_id, _) in enumerate(rows)
        for j in range(2)
    ]
    return Codebook(
        name="small",
        version="1.1",
        sport="artistic gymnastics",
        events=(*WOMEN, *MEN),
        sets=tuple(Set(set_id, event_id, name, number) for number, event_id, set_id, name in rows),
        elements=tuple(elements),
        queries=(Query("q", "Is it the first?"),),
        trees=tuple(
            DecisionTree(set_id, Node("q", Leaf(str(2 * k)), Leaf(str(2 * k + 1))))
            for k, (_, _, set_id, _) in enumerate(rows)
        ),
        source="tests",
    )


def make_dataset() -> Dataset:
    """What ANNOTATIONS and LABELS say, written down by hand."""

    def sub(name: str, *stages: tuple[int, int], element: str, set_id: str) -> SubAction:
        return SubAction(name, stages, element, set_id)

    vault = sub("A_0000_0006", (10110, 13300), (13300, 14480), (14480, 16790), element="1", set_id="VT-S1")
    leaps = (
        sub("A_0008_0010", (108100, 110004), element="3", set_id="FX-S1"),
        sub("A_0005_0005", (105000, 105900), element="2", set_id="FX-S1"),
    )
    bars = sub("A_0001_0002", (4860, 5610), element="5", set_id="UB-S3")
    first = (
        Action("E_000010_000017", "VT", 10080, 17000, (vault,)),
        Action("E_000100_000190", "FX", 100000, 190040, leaps),
    )
    second = (
        Action("E_000003_000030", "UB", 3360, 30520, (bars,)),
        Action("E_000040_000060", "UB", 40000, 60000, None),
        Action("E_042204_042230", "FX", 42204120, 42230000, ()),
    )
    return Dataset(make_codebook(), (Video("aaaaaaaaaaa", first), Video("_E_-A_bbbbb", second)))


def write_official_folder(folder: Path) -> Path:
    """All official files in one folder, laid out as published: LF, CRLF without a final newline, and so on."""
    write_official_files(OfficialFiles(make_codebook(), {"gym99": (1, 3, 5), "gym288": (1, 2, 3, 5)}, {}), folder)
    (folder / "finegym_annotation_info_v1.1.json").write_text(json.dumps(ANNOTATIONS), encoding="utf-8")
    lists = {
        "gym99_train_element_v1.0.txt": f"{VT_1} 0\n",
        "gym99_train_element_v1.1.txt": f"{VT_1} 0\n{UB_1} 2\n",
        "gym99_val_element.txt": f"{FX_2} 1",
        "gym288_train_element_v1.0.txt": f"{VT_1} 0\n",
        "gym288_train_element_v1.1.txt": f"{VT_1} 0\n{UB_1} 3\n",
        "gym288_val_element.txt": f"{FX_2} 2\r\n{FX_1} 1",
    }
    for name, text in lists.items():
        (folder / name).write_bytes(text.encode())
    return folder


# Anything a person may type, but no line ends and no blanks at the ends, which lists cannot hold.
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
_NUMBERS = st.integers(0, 999_999)


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """Records of any number, with or without facts; intervals of any length, in any order."""
    codebook = make_codebook()
    videos = []
    for video_id in draw(st.lists(TEXTS, unique=True, max_size=4)):
        spans = draw(st.lists(st.tuples(_NUMBERS, _NUMBERS), unique=True, max_size=3))
        actions = tuple(_draw_action(draw, codebook, *span) for span in spans)
        size = st.none() | st.integers(1, 5000)
        fps = draw(st.none() | st.sampled_from([25.0, 30000 / 1001]) | st.floats(0.1, 1000))
        optional = st.none() | TEXTS
        videos.append(Video(video_id, actions, draw(optional), draw(optional), fps, draw(size), draw(size), draw(size)))
    return Dataset(codebook, tuple(videos))


def _draw_action(draw: st.DrawFn, codebook: Codebook, first: int, last: int) -> Action:
    start_ms, length = draw(st.integers(0, 10**8)), draw(st.integers(1, 10**6))
    sub_actions: tuple[SubAction, ...] | None = None
    if draw(st.booleans()):
        names = draw(st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 9999)), unique=True, max_size=4))
        sub_actions = tuple(_draw_sub_action(draw, codebook, f"A_{a:04d}_{b:04d}", start_ms) for a, b in names)
    event_id = draw(st.sampled_from([event.id for event in WOMEN]))
    athlete = draw(st.none() | TEXTS)
    return Action(f"E_{first:06d}_{last:06d}", event_id, start_ms, start_ms + length, sub_actions, athlete)


def _draw_sub_action(draw: st.DrawFn, codebook: Codebook, name: str, origin_ms: int) -> SubAction:
    edges = sorted(draw(st.lists(st.integers(0, 10**6), min_size=2, max_size=4, unique=True)))
    stages = tuple((origin_ms + a, origin_ms + b) for a, b in pairwise(edges))
    element = draw(st.none() | st.sampled_from(codebook.elements))
    set_id = element.set_id if element else draw(st.none() | st.sampled_from([s.id for s in codebook.sets]))
    return SubAction(name, stages, element.id if element else None, set_id)


def make_event_codebook(*numbers: int | None) -> Codebook:
    """Nothing but events."""
    events = tuple(Event(f"E{k}", f"event {k}", number) for k, number in enumerate(numbers))
    return Codebook("events", "1", "any", events, (), (), (), ())
