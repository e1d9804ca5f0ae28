"""What the moments of sub-actions are called in labels that name one frame: ``FX_turns_start``, ``VT_2``."""

from __future__ import annotations

import re

from finegym.codebook.model import Codebook


def name_moments(codebook: Codebook) -> dict[str, str]:
    """The name of every set in the labels of its moments, by set id.

    As FineGym's spotting labels have it: sets by their name (``FX_turns``), the only set of an event by the event's id
    (``VT``). In codebooks where that would give two sets one name, or one that is no single word, it is the id.
    """
    name_by_id = {
        set_.id: set_.event_id if len(codebook.get_sets_of_event(set_.event_id)) == 1 else set_.name
        for set_ in codebook.sets
    }
    names = list(name_by_id.values())
    is_usable = len(set(names)) == len(names) and all(re.fullmatch(r"[\w-]+", name) for name in names)
    return name_by_id if is_usable else {set_.id: set_.id for set_ in codebook.sets}
