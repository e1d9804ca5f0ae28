"""Groups: what must stay on one side of a split, and what is on both sides of one.

The smallest unit is the action (a routine): its sub-actions share the gymnast, the leotard, the light and the minute.
Larger groups join actions: of one video, one competition, one athlete, or the same performance annotated twice. Several
kinds together join whatever is connected by any of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from finegym.annotations.check import CheckRules
from finegym.annotations.model import Action, Dataset, Instance
from finegym.errors import AnnotationError

GROUP_KINDS = ("competition", "video", "athlete", "action", "duplicate")
"""From wide to narrow; ``duplicate`` joins near-duplicate actions only."""


DUPLICATE_TIOU = CheckRules().duplicate_tiou


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Two actions of one event in one video that cover nearly the same time: one performance annotated twice.

    Attributes:
        action_id: the one that starts first.
        other_id: the other.
        tiou: temporal intersection over union of the two.
    """

    action_id: str
    other_id: str
    tiou: float


def find_near_duplicates(dataset: Dataset, min_tiou: float = DUPLICATE_TIOU) -> tuple[NearDuplicate, ...]:
    """Every pair of near-duplicate actions, in the order of the dataset.

    Args:
        dataset: to look through.
        min_tiou: from which overlap on two actions count as one performance; FineGym's 48 pairs have 0.71 to 0.995.
    """
    found = []
    for video in dataset.videos:
        active: list[Action] = []
        for action in sorted(video.actions, key=lambda action: (action.start_ms, action.end_ms)):
            active = [other for other in active if other.end_ms > action.start_ms]
            for other in active:
                shared = min(other.end_ms, action.end_ms) - action.start_ms
                tiou = shared / (max(other.end_ms, action.end_ms) - other.start_ms)
                if other.event_id == action.event_id and tiou >= min_tiou:
                    found.append(NearDuplicate(f"{video.id}_{other.name}", f"{video.id}_{action.name}", tiou))
            active.append(action)
    return tuple(found)


def get_group_key(instance: Instance, kind: str) -> str | None:
    """The competition, video, athlete or action of an instance; ``None`` where it is not known."""
    if kind == "competition":
        return instance.video.competition
    if kind == "video":
        return instance.video.id
    if kind == "athlete":
        return instance.action.athlete
    return instance.action_id


@dataclass(frozen=True)
class Grouping:
    """Instances in groups.

    Attributes:
        group_of: instance id → number of its group, 0, 1, … in the order in which the groups appear.
        num_groups: how many there are.
        unknown: kind → instances whose group of this kind is not known; their action stands alone in this respect.
    """

    group_of: Mapping[str, int]
    num_groups: int
    unknown: Mapping[str, int]

    def count_instances(self) -> list[int]:
        """Instances of every group."""
        counts = Counter(self.group_of.values())
        return [counts[group] for group in range(self.num_groups)]


def group_instances(
    dataset: Dataset, instance_ids: Iterable[str], kinds: Sequence[str], *, allow_unknown: bool = False
) -> Grouping:
    """Put instances into groups that are connected by any of several kinds.

    Only these instances connect: two videos that share an athlete only in routines that take no part stay apart.

    Args:
        dataset: knows videos, competitions and athletes.
        instance_ids: which instances; each is in the dataset.
        kinds: of ``GROUP_KINDS``; actions are whole in any case.
        allow_unknown: let instances of unknown competition or athlete stand for themselves, and count them.

    Raises:
        AnnotationError: a kind is unknown, or groups are unknown and that is not allowed.
    """
    strange = [kind for kind in kinds if kind not in GROUP_KINDS]
    if strange or not kinds:
        nearest = [match for kind in strange for match in get_close_matches(kind.casefold(), GROUP_KINDS, n=1)]
        hint = f" (did you mean {', '.join(nearest)}?)" if nearest else ""
        raise AnnotationError(f"groups by {', '.join(strange) or 'nothing'}{hint}: there are {', '.join(GROUP_KINDS)}")
    instances = [dataset.instances[id_] for id_ in instance_ids]
    keys = [kind for kind in kinds if kind in ("competition", "video", "athlete")]
    unknown = {kind: sum(get_group_key(instance, kind) is None for instance in instances) for kind in keys}
    unknown = {kind: count for kind, count in unknown.items() if count}
    if unknown and not allow_unknown:
        listed = ", ".join(f"the {kind} of {count}" for kind, count in unknown.items())
        raise AnnotationError(
            f"groups by {', '.join(kinds)}: {listed} of {len(instances)} instances is not known. Fill it in "
            "(records.csv: competition; actions.csv: athlete), leave the kind out, or let each such action stand for "
            "itself with --allow-unknown-groups."
        )
    parent: dict[str, str] = {}
    for instance in instances:
        action = f"action {instance.action_id}"
        for kind in keys:
            key = get_group_key(instance, kind)
            if key is not None:
                _join(parent, action, f"{kind} {key}")
    if "duplicate" in kinds:
        taking_part = {instance.action_id for instance in instances}
        for pair in find_near_duplicates(dataset):
            if pair.action_id in taking_part and pair.other_id in taking_part:
                _join(parent, f"action {pair.action_id}", f"action {pair.other_id}")
    numbers: dict[str, int] = {}
    group_of = {}
    for instance in instances:
        root = _find_root(parent, f"action {instance.action_id}")
        group_of[instance.id] = numbers.setdefault(root, len(numbers))
    return Grouping(group_of, len(numbers), unknown)


def _find_root(parent: dict[str, str], node: str) -> str:
    root = node
    while parent.get(root, root) != root:
        root = parent[root]
    while node != root:
        parent[node], node = root, parent.get(node, root)
    return root


def _join(parent: dict[str, str], left: str, right: str) -> None:
    left, right = _find_root(parent, left), _find_root(parent, right)
    if left != right:
        parent[left] = right
