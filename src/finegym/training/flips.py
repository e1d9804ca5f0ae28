"""Which class a clip is of in the mirror: by the codebook, and by what the recipe says of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from finegym.codebook.mirror import find_mirror_images, names_a_side
from finegym.codebook.yaml_format import read_codebook
from finegym.errors import ConfigError, join_problems
from finegym.training.data import RecognitionData
from finegym.training.recipe_sections import DataSection


def build_flip_class_map(section: DataSection, data: RecognitionData) -> np.ndarray | None:
    """The class that each class is in the mirror; ``None`` where clips are not to be mirrored.

    A pair of ``flip_swaps`` decides. Of other classes that are elements, the codebook does: see
    ``finegym.codebook.mirror``. A class is itself where neither it nor its name knows left from right.

    Args:
        section: says whether to flip, and which classes change places whatever the codebook says.
        data: K classes, and their codebook if there is one.

    Returns:
        int64 (K,), or ``None``.

    Raises:
        ConfigError: a pair names an unknown class, or it is not known what classes are in the mirror; they are counted.
    """
    if not section.flip:
        return None
    index_by_id = {class_id: index for index, class_id in enumerate(data.class_ids)}
    images = {class_id: class_id for class_id in data.class_ids} | _ask_codebook(data)
    for first, second in section.flip_swaps:
        images |= {first: second, second: first}
    given = {class_id for pair in section.flip_swaps for class_id in pair}
    problems = [
        f"data.flip_swaps names class {name!r}, which is not in the subset" for name in sorted(given - set(index_by_id))
    ]
    unknown = []
    for class_id, name in zip(data.class_ids, data.class_names, strict=True):
        reason = _find_reason(class_id, name, images, index_by_id, is_given=class_id in given)
        if reason:
            unknown.append(f"{class_id!r} ({name}) {reason}")
    if unknown:
        problems.append(
            f"of {len(unknown)} of {len(data.class_ids)} classes it is not known what they are in the mirror: "
            f"{join_problems(unknown, limit=3)}"
        )
    if problems:
        raise ConfigError(
            f"{join_problems(problems, limit=5)}. Set data.flip = false, or give pairs of class ids in data.flip_swaps "
            "(an id with itself where the mirror changes nothing)."
        )
    return np.array([index_by_id[str(images[class_id])] for class_id in data.class_ids])


def describe_flips(class_map: np.ndarray | None, class_ids: tuple[str, ...]) -> dict[str, Any] | None:
    """What ``run.json`` keeps of it: the pairs that change places, and how many classes stay what they are."""
    if class_map is None:
        return None
    swapped = [[class_ids[a], class_ids[b]] for a, b in enumerate(class_map.tolist()) if a < b]
    return {"swapped": swapped, "num_same": len(class_ids) - 2 * len(swapped)}


def _ask_codebook(data: RecognitionData) -> dict[str, str | None]:
    """The images of classes that are elements; nothing where there is no codebook."""
    if data.codebook_path is None or data.level != "element":
        return {}
    codebook = read_codebook(data.codebook_path)
    return find_mirror_images(codebook, [id_ for id_ in data.class_ids if id_ in codebook.element_by_id])


def _find_reason(
    class_id: str, name: str, images: dict[str, str | None], index_by_id: dict[str, int], *, is_given: bool
) -> str:
    """Why it is not known what a class is in the mirror, as the end of a sentence; empty where it is."""
    image = images[class_id]
    if image is None:
        return "has a side by its attributes or queries, and the codebook has no element that is its mirror image"
    if image not in index_by_id:
        return "" if is_given else f"would be {image!r}, which is not in the subset"
    if images[image] != class_id:
        return f"would be {image!r}, which is {images[image]!r} in the mirror"
    if image == class_id and names_a_side(name) and not is_given:
        return "names a side, and nothing says what it is in the mirror"
    return ""
