"""Which elements and instances take part: the official settings, a level, an event, a set.

A class index belongs to a subset, an element id to the codebook; they are never the same thing, also where the digits
agree (Gym530). Names of classes are for people: they may repeat inside an event, ids may not.

Every name can be narrowed by an event or a set: ``gym99/FX`` and ``gym99/FX-S1`` are the "within event" and "within
set" settings of the paper's Table 3 (35 and 11 classes), while ``FX`` and ``FX-S1`` hold every element of the codebook.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from finegym.annotations.model import Dataset
from finegym.annotations.text import format_count
from finegym.codebook.model import Codebook, Element, Event, Set
from finegym.errors import AnnotationError, join_problems
from finegym.files import write_text

Level = Literal["element", "set", "event"]
LEVELS: tuple[str, ...] = get_args(Level)

# Lists that only FineGym's category files hold; gym530 is every element that has a Glabel.
OFFICIAL_LISTS = ("gym99", "gym288")


@dataclass(frozen=True, slots=True)
class SubsetClass:
    """A class of a subset.

    Attributes:
        class_index: 0, 1, … in the order of the subset.
        id: the element, set or event it stands for, by the subset's level.
        name: what people call it; may repeat.
    """

    class_index: int
    id: str
    name: str


@dataclass(frozen=True)
class Subset:
    """A list of classes on one level. Class indices are 0, 1, … and ids are unique.

    Attributes:
        name: ``gym99``, ``FX-S1``, ``set`` …
        level: what a class stands for.
        classes: in the order of their class index.

    Raises:
        AnnotationError: class indices are not 0, 1, …, or an id occurs twice.
    """

    name: str
    level: Level
    classes: tuple[SubsetClass, ...]

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise AnnotationError(f"subset {self.name}: expected level {', '.join(LEVELS)}, got {self.level!r}")
        indices = [class_.class_index for class_ in self.classes]
        if indices != list(range(len(indices))):
            raise AnnotationError(f"subset {self.name}: class indices must be 0, 1, 2, … in order, got {indices[:20]}")
        repeated = [id_ for id_, count in Counter(class_.id for class_ in self.classes).items() if count > 1]
        if repeated:
            raise AnnotationError(f"subset {self.name}: ids occur twice: {', '.join(repeated[:10])}")

    def __len__(self) -> int:
        return len(self.classes)

    @cached_property
    def class_index_by_id(self) -> Mapping[str, int]:
        """The class index of every element, set or event of the subset."""
        return {class_.id: class_.class_index for class_ in self.classes}

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names in the order of the class indices."""
        return tuple(class_.name for class_ in self.classes)

    @cached_property
    def sha256(self) -> str:
        """Of level, class indices and ids: what predictions and runs remember. Names do not count."""
        text = "".join(f"{class_.class_index}\t{class_.id}\n" for class_ in self.classes)
        return hashlib.sha256(f"{self.level}\n{text}".encode()).hexdigest()


@dataclass(frozen=True)
class Assignment:
    """The instances of a dataset that are in a subset, and how many are not and why.

    Attributes:
        class_index_by_id: the class index of every instance of the subset, in the order of the dataset.
        outside: reason → number of instances.
    """

    class_index_by_id: Mapping[str, int]
    outside: Mapping[str, int]

    def count_classes(self, num_classes: int) -> list[int]:
        """Instances of every class."""
        counts = Counter(self.class_index_by_id.values())
        return [counts[index] for index in range(num_classes)]

    def __str__(self) -> str:
        outside = ", ".join(f"{count} {reason}" for reason, count in self.outside.items())
        return f"{format_count(len(self.class_index_by_id), 'instance')} in the subset; outside: {outside or '0'}"


def make_subset(name: str, level: Level, ids: Iterable[str], codebook: Codebook) -> Subset:
    """A subset of elements, sets or events of a codebook, class indices in the order of ``ids``.

    Raises:
        AnnotationError: an id that the codebook does not know, or twice the same.
    """
    parts: Mapping[Level, Sequence[Element | Set | Event]]
    parts = {"element": codebook.elements, "set": codebook.sets, "event": codebook.events}
    # FineGym publishes some names with trailing blanks; a class name is only for people.
    name_by_id = {part.id: part.name.strip() for part in parts[level]}
    ids = list(ids)
    unknown = [id_ for id_ in ids if id_ not in name_by_id]
    if unknown:
        listed = join_problems(unknown, 10)
        raise AnnotationError(f"subset {name}: codebook {codebook.name} lacks {len(unknown)} of its {level}s: {listed}")
    return Subset(name, level, tuple(SubsetClass(i, id_, name_by_id[id_]) for i, id_ in enumerate(ids)))


def find_subset(name: str, codebook: Codebook, class_elements: Mapping[str, Sequence[str]] | None = None) -> Subset:
    """The subset of a name.

    Args:
        name: ``element``, ``set``, ``event`` (all of the codebook; events and sets without elements are left out, such
            as FineGym's men's events); ``gym530``, ``gym99``, ``gym288``; an event id
            (``VT``) or a set id (``FX-S1``, also written ``FX-G1``): every element of it; or ``A/B``, where ``B`` is an
            event or a set that narrows ``A`` (``gym99/UB-S1``, ``set/FX``).
        codebook: of the dataset.
        class_elements: lists of classes that the codebook does not hold: element ids by class index, by name.
            ``gym99`` and ``gym288`` need one (``map_glabels``); the splits of a dataset folder give others.

    Raises:
        AnnotationError: no such subset (with what there is), or an official list is needed and was not given.
    """
    base, _, scope = name.partition("/")
    if not scope and base not in (*LEVELS, *OFFICIAL_LISTS, "gym530", *(class_elements or ())):
        base, scope = "element", base
    level: Level = "set" if base == "set" else "event" if base == "event" else "element"
    ids = _find_ids(base, codebook, class_elements or {}, name)
    if scope:
        inside = _find_scope(scope, codebook, level, name)
        ids = [id_ for id_ in ids if id_ in inside]
    return make_subset(name, level, ids, codebook)


def map_glabels(class_glabels: Mapping[str, Sequence[int]], codebook: Codebook) -> dict[str, tuple[str, ...]]:
    """The element of every class index of FineGym's lists, for ``find_subset``.

    Args:
        class_glabels: the Glabel of every class index (``codebook.official.OfficialFiles.class_glabels``).
        codebook: FineGym's, or another whose elements know their Glabel.

    Raises:
        AnnotationError: the codebook lacks elements of a list.
    """
    element_by_glabel = {e.glabel: e.id for e in codebook.elements if e.glabel is not None}
    problems = []
    for name, glabels in class_glabels.items():
        missing = [glabel for glabel in glabels if glabel not in element_by_glabel]
        if missing:
            listed = ", ".join(map(str, missing[:5]))
            problems.append(f"{len(missing)} of the {len(glabels)} elements of {name} (Glabels {listed}, …)")
    if problems:
        raise AnnotationError(f"codebook {codebook.name} lacks {join_problems(problems)}. Use FineGym's own codebook.")
    return {name: tuple(element_by_glabel[glabel] for glabel in glabels) for name, glabels in class_glabels.items()}


def list_subset_names(codebook: Codebook) -> list[str]:
    """Every plain name that ``find_subset`` knows for a codebook, official lists included if it has Glabels."""
    names = ["event", "set", "element"]
    if any(element.glabel is not None for element in codebook.elements):
        names += ["gym99", "gym288", "gym530"]
    return names + _find_upper_ids("event", codebook) + _find_upper_ids("set", codebook)


def keep_classes(subset: Subset, class_indices: Collection[int], name: str) -> Subset:
    """The subset with only these classes, renumbered 0, 1, … in the old order."""
    kept = [class_ for class_ in subset.classes if class_.class_index in class_indices]
    return Subset(name, subset.level, tuple(SubsetClass(i, c.id, c.name) for i, c in enumerate(kept)))


def keep_frequent_classes(subset: Subset, dataset: Dataset, min_instances: int) -> Subset:
    """The subset with only the classes that have ``min_instances`` or more instances in a dataset.

    The name tells: ``FX-S1`` becomes ``FX-S1>=20``. What left shows as "not in the subset" in ``assign_classes``.
    """
    counts = assign_classes(dataset, subset).count_classes(len(subset))
    kept = {index for index, count in enumerate(counts) if count >= min_instances}
    return keep_classes(subset, kept, f"{subset.name}>={min_instances}")


def assign_classes(dataset: Dataset, subset: Subset) -> Assignment:
    """Map the instances of a dataset to class indices.

    At the element level an instance needs an element, at the set level a set (its own or its element's), at the event
    level nothing: its action knows.
    """
    codebook, class_index_by_id = dataset.codebook, subset.class_index_by_id
    set_of_element = {element.id: element.set_id for element in codebook.elements}
    assigned: dict[str, int] = {}
    without_label = elsewhere = 0
    for instance_id, instance in dataset.instances.items():
        label: str | None
        if subset.level == "element":
            label = instance.sub_action.element_id
        elif subset.level == "set":
            label = instance.sub_action.set_id or set_of_element.get(instance.sub_action.element_id or "")
        else:
            label = instance.action.event_id
        if label is None:
            without_label += 1
        elif label in class_index_by_id:
            assigned[instance_id] = class_index_by_id[label]
        else:
            elsewhere += 1
    reasons = {f"without a label of the {subset.level} level": without_label, f"of another {subset.level}": elsewhere}
    return Assignment(assigned, {reason: count for reason, count in reasons.items() if count})


def format_categories(subset: Subset) -> str:
    r"""The text of ``categories.txt``: ``class_index``, ``id`` and ``name``, separated by tabs, a class a line.

    Example:
        >>> format_categories(Subset("mine", "element", (SubsetClass(0, "67", "split leap"),)))
        '0\t67\tsplit leap\n'
    """
    bad = [c.id for c in subset.classes if re.search(r"[\t\r\n]", c.id + c.name)]
    if bad:
        raise AnnotationError(
            f"subset {subset.name}: ids and names hold no tab or line end, but those of {bad[:10]} do"
        )
    return "".join(f"{c.class_index}\t{c.id}\t{c.name}\n" for c in subset.classes)


def write_categories(subset: Subset, path: Path) -> None:
    """Write ``format_categories`` to a file."""
    write_text(path, format_categories(subset))


def read_categories(path: Path, name: str, level: Level) -> Subset:
    """Read a ``categories.txt``.

    Raises:
        AnnotationError: the file is missing, or a line is not ``class_index<TAB>id<TAB>name`` with indices 0, 1, ….
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise AnnotationError(f"{path}: expected a list of classes, but: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: expected UTF-8 text, got byte {error.object[error.start]:#04x}") from error
    classes: list[SubsetClass] = []
    problems: list[str] = []
    for number, line in enumerate(lines[:-1] if lines[-1] == "" else lines, start=1):
        parts = line.rstrip("\r").split("\t")
        if len(parts) == 3 and parts[0] == str(number - 1) and parts[1]:
            classes.append(SubsetClass(number - 1, parts[1], parts[2]))
        else:
            problems.append(f"line {number}: expected '{number - 1}<TAB>id<TAB>name', got {line[:60]!r}")
    if problems:
        raise AnnotationError(f"{path}: {join_problems(problems)}. Correct these lines ({len(problems)}).")
    return Subset(name, level, tuple(classes))


def _find_ids(base: str, codebook: Codebook, class_elements: Mapping[str, Sequence[str]], name: str) -> list[str]:
    if base in ("event", "set"):
        return _find_upper_ids(base, codebook)
    if base == "element":
        return [element.id for element in codebook.elements]
    if base == "gym530":
        glabels = {element.glabel: element.id for element in codebook.elements if element.glabel is not None}
        return [glabels[glabel] for glabel in sorted(glabels)]
    if base in class_elements:
        return list(class_elements[base])
    if base in OFFICIAL_LISTS:
        raise AnnotationError(
            f"subset {name}: FineGym's list of the classes of {base} is not here. Give the official folder that holds "
            f"{base}_categories.txt (--official DIR)."
        )
    known = [*class_elements, *list_subset_names(codebook)]
    raise AnnotationError(
        f"subset {name}: {base!r} is unknown{_suggest(base, known)}; there are {', '.join(known)}, and A/B to narrow "
        "one of them by an event or a set (gym99/FX)"
    )


def _suggest(word: str, known: Sequence[str]) -> str:
    """What a name may have meant, for a message; empty where nothing is near."""
    by_folded = {name.casefold(): name for name in known}
    nearest = get_close_matches(word.casefold(), by_folded, n=1)
    return f" (did you mean {by_folded[nearest[0]]}?)" if nearest else ""


def _find_upper_ids(level: str, codebook: Codebook) -> list[str]:
    """Sets with elements, or events with such sets."""
    sets = [set_ for set_ in codebook.sets if codebook.get_elements_of_set(set_.id)]
    if level == "set":
        return [set_.id for set_ in sets]
    return [event.id for event in codebook.events if any(set_.event_id == event.id for set_ in sets)]


def _find_scope(scope: str, codebook: Codebook, level: Level, name: str) -> set[str]:
    """Ids of ``level`` inside an event or a set."""
    # FineGym's paper writes both FX-S1 and FX-G1 for the same set.
    set_id = scope if scope in codebook.set_by_id else re.sub(r"-G(\d+)$", r"-S\1", scope)
    if set_id in codebook.set_by_id and level != "event":
        sets = {set_id}
    elif scope in codebook.event_by_id:
        if level == "event":
            return {scope}
        sets = {set_.id for set_ in codebook.get_sets_of_event(scope)}
    else:
        known = list_subset_names(codebook)
        raise AnnotationError(
            f"subset {name}: {scope!r} is no event or set of codebook {codebook.name}{_suggest(scope, known)}; there "
            f"are {', '.join(known)}"
        )
    if level == "set":
        return sets
    return {element.id for element in codebook.elements if element.set_id in sets}
