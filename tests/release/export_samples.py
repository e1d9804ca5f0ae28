"""Datasets that are hard on formats, and what is left of one when a format cannot carry everything."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import strategies as st

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Node, Query, Set

HARD = 'salto, <tucked> & "piqué" — it\'s 跳 ; | \\ %20 --> ]]> é'
"""What XML, CSV, JSON, WebVTT and URLs each find hard, in the name of an element."""


def make_codebook() -> Codebook:
    """Two events, three sets; names that repeat, and names that are hard."""
    return Codebook(
        name="hard & <small>",
        version="1.0",
        sport="gymnastics",
        events=(Event("VT", "vault & <table>", 1), Event("BB", "beam, balance", 3)),
        sets=(
            Set("VT-S1", "VT", "vault", 1),
            Set("BB-S1", "BB", "BB_turns, é", 32),
            Set("BB-S2", "BB", "BB_leaps 跳", 31),
        ),
        elements=(
            Element("0", "VT-S1", HARD, "5.20", 5.2),
            Element("1", "VT-S1", "handspring"),
            Element("2", "BB-S1", "one turn, held", "2.101", 0.1),
            Element("3", "BB-S1", "é" * 90),
            Element("4", "BB-S2", "one turn, held"),
            Element("5", "BB-S2", " trailing blanks  "),
        ),
        queries=(Query("q", "Is it < 2 & > 1?"),),
        trees=(DecisionTree("BB-S1", Node("q", Leaf("2"), Leaf("3"))),),
    )


def make_hard_dataset() -> Dataset:
    """Vaults of three stages, two of them overlapping; routines without sub-actions, or in which nobody has looked.

    Sub-actions 40 ms long, of which only the set is known or nothing, past the end of their action, out of order.
    """
    vault = SubAction("A_0000_0006", ((10_110, 13_300), (13_300, 14_480), (14_480, 16_790)), "0", "VT-S1")
    again = SubAction("A_0000_0005", ((10_240, 13_360), (13_360, 14_440), (14_440, 16_800)), "0", "VT-S1")
    beam = (
        SubAction("A_0008_0010", ((108_120, 110_040),), "3", "BB-S1"),
        SubAction("A_0005_0005", ((105_000, 105_040),), "5", "BB-S2"),
        SubAction("A_0005_0006", ((105_040, 106_000),), None, "BB-S2"),
        SubAction("A_0089_0091", ((189_000, 191_040),), "2", "BB-S1"),
    )
    first = (
        Action("E_000010_000017", "VT", 10_080, 17_000, (vault,), 'Zoë <O\'Neil> & "Co", 王'),
        Action("E_000010_000016", "VT", 10_200, 16_960, (again,)),
        Action("E_000100_000190", "BB", 100_000, 190_040, beam, "Ann, B."),
        Action("E_000200_000260", "BB", 200_000, 260_000, ()),
        Action("E_000300_000301", "BB", 300_000, 301_000, None),
    )
    unlabelled = SubAction("A_0001_0002", ((4_333, 5_667),))
    second = (
        Action("E_000003_000030", "BB", 3_003, 30_521, (unlabelled, SubAction("A_0003_0004", ((6_006, 7_007),), "2"))),
    )
    return Dataset(
        make_codebook(),
        (
            Video("-x<y&z", first, "records/a b/é&跳#1.mp4", "Cup, 2019 <final>", 25.0, 10_000, 1280, 720),
            Video("跳馬/é \"A\" 'b'", second, None, None, 30000 / 1001, 1_200, 320, 240),
            Video("a", (), "a.mp4", fps=25.0, num_frames=250, width=64, height=48),
            Video("A", (Action("E_000000_000001", "VT", 0, 1_000, ()),), fps=50.0, num_frames=50, width=2, height=1),
            Video("unmeasured", (Action("E_000000_000009", "BB", 0, 9_990, ()),)),
        ),
    )


# Anything a person may type on one line, or paste there.
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp")), min_size=1, max_size=9)


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """Any names and labels, intervals of any length that overlap as they like, facts that are known or not."""
    set_ids = draw(st.lists(TEXTS, unique=True, min_size=1, max_size=3))
    element_ids = draw(st.lists(TEXTS.filter(lambda id_: id_ not in set_ids), unique=True, max_size=4))
    events = tuple(Event(id_, draw(TEXTS)) for id_ in draw(st.lists(TEXTS, unique=True, min_size=1, max_size=2)))
    sets = tuple(Set(id_, draw(st.sampled_from(events)).id, draw(TEXTS)) for id_ in set_ids)
    elements = tuple(Element(id_, draw(st.sampled_from(set_ids)), draw(TEXTS)) for id_ in element_ids)
    codebook = Codebook(draw(TEXTS), "1", "any", events, sets, elements, (), ())
    videos = [_draw_video(draw, id_, codebook) for id_ in draw(st.lists(TEXTS, unique=True, max_size=3))]
    return Dataset(codebook, tuple(videos))


def _draw_video(draw: st.DrawFn, id_: str, codebook: Codebook) -> Video:
    optional, size = st.none() | TEXTS, st.integers(1, 10**6)
    spans = draw(st.lists(st.tuples(*[st.integers(0, 999_999)] * 2), unique=True, max_size=3))
    actions = tuple(_draw_action(draw, f"E_{first:06d}_{last:06d}", codebook) for first, last in spans)
    fps = draw(st.sampled_from([25.0, 30000 / 1001]) | st.floats(1, 240))
    return Video(id_, actions, draw(optional), draw(optional), fps, draw(size), draw(size), draw(size))


def _draw_action(draw: st.DrawFn, name: str, codebook: Codebook) -> Action:
    start_ms, event = draw(st.integers(0, 10**8)), draw(st.sampled_from(codebook.events))
    subs = None
    if draw(st.booleans()):
        spans = draw(st.lists(st.tuples(*[st.integers(0, 9999)] * 2), unique=True, max_size=3))
        subs = tuple(_draw_sub_action(draw, f"A_{a:04d}_{b:04d}", start_ms, codebook) for a, b in spans)
    end_ms = start_ms + draw(st.integers(1, 10**6))
    return Action(name, event.id, start_ms, end_ms, subs, draw(st.none() | TEXTS))


def _draw_sub_action(draw: st.DrawFn, name: str, origin_ms: int, codebook: Codebook) -> SubAction:
    edges = sorted(draw(st.lists(st.integers(0, 10**6), min_size=2, max_size=4, unique=True)))
    stages = tuple((origin_ms + a, origin_ms + b) for a, b in pairwise(edges))
    element = draw(st.none() | st.sampled_from(codebook.elements)) if codebook.elements else None
    set_id = element.set_id if element else draw(st.none() | st.sampled_from([one.id for one in codebook.sets]))
    return SubAction(name, stages, element.id if element else None, set_id)


def drop_facts(dataset: Dataset, lost: set[str]) -> Dataset:
    """A dataset without some of the facts of ``release.exports.facts``, and in order of names and times."""
    videos = [_drop_from_video(video, lost) for video in dataset.videos]
    if "records without actions" in lost:
        videos = [video for video in videos if video.actions]
    return replace(dataset, videos=tuple(sorted(videos, key=lambda video: video.id)))


def _drop_from_video(video: Video, lost: set[str]) -> Video:
    fields = {
        "paths": {"path": None},
        "competitions": {"competition": None},
        "frame rates": {"fps": None},
        "frame counts": {"num_frames": None},
        "picture sizes": {"width": None, "height": None},
    }
    for fact, changes in fields.items():
        if fact in lost:
            video = replace(video, **changes)
    actions = [_drop_from_action(action, lost) for action in video.actions]
    return replace(video, actions=tuple(sorted(actions, key=lambda one: (one.start_ms, one.end_ms, one.name))))


def _drop_from_action(action: Action, lost: set[str]) -> Action:
    if "athletes" in lost:
        action = replace(action, athlete=None)
    if action.sub_actions is None:
        return replace(action, sub_actions=()) if "unlooked" in lost else action
    subs = [_drop_from_sub_action(sub, lost) for sub in action.sub_actions]
    if "unlabelled" in lost:
        subs = [sub for sub in subs if sub.set_id is not None]
    return replace(action, sub_actions=tuple(sorted(subs, key=lambda one: (one.start_ms, one.end_ms, one.name))))


def _drop_from_sub_action(sub: SubAction, lost: set[str]) -> SubAction:
    set_of = {element.id: element.set_id for element in make_codebook().elements}
    if sub.element_id is not None and sub.set_id is None:  # it follows from the element
        sub = replace(sub, set_id=set_of[sub.element_id])
    return replace(sub, stages=((sub.start_ms, sub.end_ms),)) if "stages" in lost else sub
