"""What a dataset knows, fact by fact, so that an export can say what it leaves behind.

An export names the facts that its format carries. Whatever else the dataset knows is listed by ``describe_lost``: a new
kind of fact is lost everywhere until somebody says where it is carried.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal, get_args

from finegym.annotations.model import Dataset

Fact = Literal[
    "paths",
    "competitions",
    "frame rates",
    "frame counts",
    "picture sizes",
    "records without actions",
    "action names",
    "athletes",
    "unlooked",
    "sub-action names",
    "elements",
    "sets",
    "unlabelled",
    "stages",
    "label names",
    "trees",
]
FACTS: tuple[Fact, ...] = get_args(Fact)
EVERYTHING = frozenset(FACTS)

DESCRIPTIONS: dict[Fact, str] = {
    "paths": "paths of media files",
    "competitions": "competitions of records",
    "frame rates": "frame rates of records",
    "frame counts": "numbers of frames of records",
    "picture sizes": "picture sizes of records",
    "records without actions": "records without actions",
    "action names": "names of actions",
    "athletes": "athletes of actions",
    "unlooked": "actions in which nobody has looked for sub-actions (they look like those without any)",
    "sub-action names": "names of sub-actions",
    "elements": "elements of sub-actions",
    "sets": "sets of sub-actions whose element is not known",
    "unlabelled": "sub-actions without a label",
    "stages": "sub-actions of several stages (only the whole remains)",
    "label names": "names of events, sets and elements",
    "trees": "decision trees with their queries",
}

UNUSED = "names of labels that nothing here has"


def find_facts(dataset: Dataset) -> dict[Fact, list[str]]:
    """Of whom every fact is known: ids, in the order of the dataset; none where it is known of nobody."""
    found: dict[Fact, list[str]] = {fact: [] for fact in FACTS}
    for fact, id_ in _iterate_facts(dataset):
        found[fact].append(id_)
    return found


def describe_lost(dataset: Dataset, carried: Collection[Fact]) -> tuple[str, ...]:
    """A line for each fact that the dataset knows and the format does not carry: what, how many, and the first.

    Example:
        >>> from finegym.annotations.model import Dataset, Video
        >>> from finegym.codebook.model import Codebook
        >>> codebook = Codebook("small", "1", "gymnastics", (), (), (), (), ())
        >>> describe_lost(Dataset(codebook, (Video("rec", (), fps=25.0),)), {"records without actions"})
        ('frame rates of records: 1, such as rec',)
    """
    return tuple(
        describe_count(DESCRIPTIONS[fact], ids)
        for fact, ids in find_facts(dataset).items()
        if ids and fact not in carried
    )


def describe_count(what: str, ids: Collection[str]) -> str:
    """``what: how many, such as the first``."""
    return f"{what}: {len(ids):,}, such as {next(iter(ids))}"


def find_unused_labels(dataset: Dataset) -> list[str]:
    """Ids of events, sets and elements that nothing in the dataset is: formats without a list of labels lose them."""
    codebook = dataset.codebook
    events = {action.event_id for video in dataset.videos for action in video.actions}
    subs = [instance.sub_action for instance in dataset.iterate_instances()]
    elements = {sub.element_id for sub in subs}
    sets = {sub.set_id for sub in subs} | {one.set_id for one in codebook.elements if one.id in elements}
    return [
        *(event.id for event in codebook.events if event.id not in events),
        *(set_.id for set_ in codebook.sets if set_.id not in sets),
        *(element.id for element in codebook.elements if element.id not in elements),
    ]


def _iterate_facts(dataset: Dataset) -> Iterator[tuple[Fact, str]]:
    for video in dataset.videos:
        known: dict[Fact, object] = {
            "paths": video.path,
            "competitions": video.competition,
            "frame rates": video.fps,
            "frame counts": video.num_frames,
            "picture sizes": video.width or video.height,
            "records without actions": None if video.actions else video,
        }
        yield from ((fact, video.id) for fact, value in known.items() if value is not None)
        for action in video.actions:
            action_id = f"{video.id}_{action.name}"
            yield "action names", action_id
            if action.athlete is not None:
                yield "athletes", action_id
            if action.sub_actions is None:
                yield "unlooked", action_id
            for sub in action.sub_actions or ():
                yield "sub-action names", f"{action_id}_{sub.name}"
                label: Fact = "elements" if sub.element_id else "sets" if sub.set_id else "unlabelled"
                yield label, f"{action_id}_{sub.name}"
                if len(sub.stages) > 1:
                    yield "stages", f"{action_id}_{sub.name}"
    codebook = dataset.codebook
    yield from (("label names", event.id) for event in codebook.events)
    yield from (("label names", set_.id) for set_ in codebook.sets)
    yield from (("label names", element.id) for element in codebook.elements)
    yield from (("trees", tree.set_id) for tree in codebook.trees)
