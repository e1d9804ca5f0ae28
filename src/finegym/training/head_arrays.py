"""What the heads need of a codebook, as plain arrays: kept in ``run.json``, so that a run needs no codebook later.

Only what the classes of a subset need is kept: their sets, events and queries, in the codebook's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from finegym.codebook.model import Codebook
from finegym.codebook.tree import TreePath, get_paths
from finegym.codebook.yaml_format import read_codebook
from finegym.errors import ConfigError, join_problems
from finegym.models.heads import HierarchyHead, TreeHead
from finegym.training.data import RecognitionData


@dataclass(frozen=True)
class HierarchyArrays:
    """Of ``HierarchyHead``.

    Attributes:
        event_ids: E ids.
        set_ids: S ids.
        set_events: (S,), the event of each set.
        element_sets: (K,), the set of each class.
    """

    event_ids: tuple[str, ...]
    set_ids: tuple[str, ...]
    set_events: tuple[int, ...]
    element_sets: tuple[int, ...]

    def build(self) -> HierarchyHead:
        """The head."""
        return HierarchyHead(self.set_events, self.element_sets)


@dataclass(frozen=True)
class TreeArrays:
    """Of ``TreeHead``.

    Attributes:
        set_ids: S ids.
        query_ids: Q ids.
        query_indices: (K, L), the queries along the path of each class, −1 where it has ended.
        answers: (K, L), true for yes.
        set_indices: (K,), the set of each class.
    """

    set_ids: tuple[str, ...]
    query_ids: tuple[str, ...]
    query_indices: tuple[tuple[int, ...], ...]
    answers: tuple[tuple[bool, ...], ...]
    set_indices: tuple[int, ...]

    def build(self) -> TreeHead:
        """The head; it scores sets where there are several."""
        sets = self.set_indices if len(self.set_ids) > 1 else None
        return TreeHead(self.query_indices, self.answers, len(self.query_ids), set_indices=sets)


HeadArrays = HierarchyArrays | TreeArrays


def find_head_arrays(kind: Literal["none", "hierarchy", "tree"], data: RecognitionData) -> HeadArrays | None:
    """The arrays of a recipe's head for the classes of its data; ``None`` for no head.

    Raises:
        ConfigError: the data has no codebook, its classes are sets or events, or an element has no path in a tree.
    """
    if kind == "none":
        return None
    if data.codebook_path is None:
        raise ConfigError(
            f'model.head = "{kind}" is made from a codebook, and {data.split} comes without one. Set model.head = '
            '"none", or give a dataset folder.'
        )
    if data.level != "element":
        raise ConfigError(
            f'model.head = "{kind}" is for classes that are elements, and those of {data.subset} are {data.level}s. '
            'Set model.head = "none".'
        )
    codebook = read_codebook(data.codebook_path)
    missing = [class_id for class_id in data.class_ids if class_id not in codebook.element_by_id]
    if missing:
        raise ConfigError(
            f"{data.codebook_path} lacks {len(missing)} of {len(data.class_ids)} elements of {data.subset}: "
            f"{join_problems(missing, limit=3)}. Make the split anew with this codebook."
        )
    if kind == "tree":
        return compute_tree_arrays(data.class_ids, codebook)
    return compute_hierarchy_arrays(data.class_ids, codebook)


def compute_hierarchy_arrays(class_ids: Sequence[str], codebook: Codebook) -> HierarchyArrays:
    """Sets and events of elements, which the codebook must have."""
    sets = [codebook.element_by_id[class_id].set_id for class_id in class_ids]
    set_ids = tuple(set_.id for set_ in codebook.sets if set_.id in sets)
    events = [codebook.set_by_id[set_id].event_id for set_id in set_ids]
    event_ids = tuple(event.id for event in codebook.events if event.id in events)
    return HierarchyArrays(
        event_ids=event_ids,
        set_ids=set_ids,
        set_events=tuple(event_ids.index(event_id) for event_id in events),
        element_sets=tuple(set_ids.index(set_id) for set_id in sets),
    )


def compute_tree_arrays(class_ids: Sequence[str], codebook: Codebook) -> TreeArrays:
    """Paths of elements, which the codebook must have, through the trees of their sets.

    Raises:
        ConfigError: an element's set has no tree, or its tree does not lead to it.
    """
    paths: dict[str, TreePath] = {id_: path for tree in codebook.trees for id_, path in get_paths(tree).items()}
    lost = [class_id for class_id in class_ids if class_id not in paths]
    if lost:
        raise ConfigError(
            f'model.head = "tree": no decision tree of codebook {codebook.name} leads to {len(lost)} of '
            f"{len(class_ids)} classes: {join_problems(lost, limit=3)}. `finegym codebook check` says more; or set "
            'model.head = "hierarchy".'
        )
    sets = [codebook.element_by_id[class_id].set_id for class_id in class_ids]
    set_ids = tuple(set_.id for set_ in codebook.sets if set_.id in sets)
    asked = {step.query_id for class_id in class_ids for step in paths[class_id]}
    place = {query.id: i for i, query in enumerate(query for query in codebook.queries if query.id in asked)}
    longest = max(len(paths[class_id]) for class_id in class_ids)
    padding = [longest - len(paths[class_id]) for class_id in class_ids]
    return TreeArrays(
        set_ids=set_ids,
        query_ids=tuple(place),
        query_indices=tuple(
            (*(place[step.query_id] for step in paths[class_id]), *(-1,) * rest)
            for class_id, rest in zip(class_ids, padding, strict=True)
        ),
        answers=tuple(
            (*(step.answer for step in paths[class_id]), *(False,) * rest)
            for class_id, rest in zip(class_ids, padding, strict=True)
        ),
        set_indices=tuple(set_ids.index(set_id) for set_id in sets),
    )


def format_head_facts(arrays: HeadArrays | None) -> dict[str, Any] | None:
    """What ``run.json`` keeps."""
    if arrays is None:
        return None
    return {"kind": "hierarchy" if isinstance(arrays, HierarchyArrays) else "tree", **asdict(arrays)}


def parse_head_facts(facts: dict[str, Any] | None) -> HeadArrays | None:
    """The arrays that a run keeps; ``None`` for a run without a head."""
    if facts is None:
        return None
    values = {key: _to_tuple(value) for key, value in facts.items() if key != "kind"}
    return HierarchyArrays(**values) if facts["kind"] == "hierarchy" else TreeArrays(**values)


def _to_tuple(value: Any) -> Any:
    return tuple(_to_tuple(item) for item in value) if isinstance(value, (list, tuple)) else value
