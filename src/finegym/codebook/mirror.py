"""What an element is in a mirror, as far as the codebook says: for training on mirrored clips.

A mirrored turn to the left is a turn to the right. Where no attribute and no query of an element knows left from right,
direction does not matter and the mirror image is the element itself; forward and backward stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from finegym.codebook.model import Attributes, AttributeValue, Codebook, Node, Query
from finegym.codebook.tree import get_paths

_OTHER_SIDE = {"left": "right", "right": "left", "clockwise": "counterclockwise", "counterclockwise": "clockwise"}
# A right angle is no side.
_SIDE = re.compile(r"(?<![a-z])(left|right(?![ -]angle)|(?:counter-?|anti-?)?clockwise)(?![a-z])", re.IGNORECASE)


def names_a_side(text: str) -> bool:
    """Whether a text speaks of left or right, or of a sense of rotation as seen by somebody.

    Example:
        >>> [names_a_side(text) for text in ("turn to the left", "turns-right", "at a right angle", "leftover")]
        [True, True, False, False]
    """
    return _SIDE.search(text) is not None


def find_mirror_images(codebook: Codebook, element_ids: Iterable[str]) -> dict[str, str | None]:
    """The element that each element is in a mirror.

    Attributes decide where one of them names a side: the image has the other side and all else alike. Otherwise the
    tree does, where a query on the path asks for a side: the image lies where those answers are the opposite.

    Args:
        codebook: of the elements.
        element_ids: of elements of the codebook.

    Returns:
        Element to image: itself where nothing names a side; ``None`` where something does, and no one element of its
        set is the image, or has it for its own image in turn.
    """
    images: dict[str, str | None] = {}
    for element_id in element_ids:
        image = _find_image(codebook, element_id)
        images[element_id] = image if image is not None and _find_image(codebook, image) == element_id else None
    return images


def _find_image(codebook: Codebook, element_id: str) -> str | None:
    attributes = codebook.attributes_by_element_id[element_id]
    set_id = codebook.element_by_id[element_id].set_id
    if any(names_a_side(key) for key in attributes):
        return None  # left_leg = true says a side, but not what the other is called
    own, mirrored = _spell(attributes), _spell(attributes, mirror=True)
    if mirrored != own:
        others = [element.id for element in codebook.get_elements_of_set(set_id)]
        found = [id_ for id_ in others if _spell(codebook.attributes_by_element_id[id_]) == mirrored]
        return found[0] if len(found) == 1 else None
    return _find_in_tree(codebook, set_id, element_id)


def _spell(attributes: Attributes, *, mirror: bool = False) -> dict[str, AttributeValue]:
    """Attributes with sides in one spelling; with the other side where they are mirrored."""

    def replace(found: re.Match[str]) -> str:
        side = found[0].lower().replace("-", "").replace("anti", "counter")
        return _OTHER_SIDE[side] if mirror else side

    return {key: _SIDE.sub(replace, value) if isinstance(value, str) else value for key, value in attributes.items()}


def _find_in_tree(codebook: Codebook, set_id: str, element_id: str) -> str | None:
    tree = codebook.tree_by_set_id.get(set_id)
    path = get_paths(tree).get(element_id) if tree is not None else None
    if tree is None or path is None:
        return element_id
    answers = {step.query_id: step.answer != _asks_for_a_side(codebook.query_by_id[step.query_id]) for step in path}
    node = tree.root
    while isinstance(node, Node):
        if node.query_id not in answers:
            return None
        node = node.yes if answers[node.query_id] else node.no
    return node.element_id


def _asks_for_a_side(query: Query) -> bool:
    established = (*query.yes.items(), *query.no.items())
    texts = [query.text, *(str(word) for key, value in established for word in (key, value))]
    return any(names_a_side(text) for text in texts)
