"""Which elements the generator never sees: only such whose every attribute it knows from other elements."""

from __future__ import annotations

from collections import Counter

import numpy as np

from finegym.codebook.model import Codebook


def choose_held_out(codebook: Codebook, share: float, seed: int) -> tuple[str, ...]:
    """Elements to hold out of training, in the order of the codebook.

    An element can be held out if each of its attribute values is left with at least two other elements of its set: the
    combination is new, what it is made of is not. Elements are taken in a random order until the share is reached.

    Args:
        codebook: whose elements.
        share: of all elements, in [0, 1).
        seed: of the order.

    Returns:
        Ids; fewer than the share where no more can be held out.
    """
    parts = {
        element.id: [
            (element.set_id, name, str(value)) for name, value in codebook.attributes_by_element_id[element.id].items()
        ]
        for element in codebook.elements
    }
    left = Counter(part for of_element in parts.values() for part in of_element)
    wanted = round(share * len(codebook.elements))
    chosen: set[str] = set()
    for index in np.random.default_rng(seed).permutation(len(codebook.elements)):
        element_id = codebook.elements[index].id
        if len(chosen) < wanted and all(left[part] > 2 for part in parts[element_id]):
            chosen.add(element_id)
            left.subtract(parts[element_id])
    return tuple(element.id for element in codebook.elements if element.id in chosen)
