"""An order of elements that a gymnast would choose."""

from __future__ import annotations

from collections.abc import Sequence

from finegym.codebook.model import Attributes, Codebook


def arrange_elements(codebook: Codebook, event_id: str, element_ids: Sequence[str]) -> tuple[str, ...]:
    """The same elements in an order a gymnast would choose: few changes of the bar, the dismount last.

    On bars a transition is done when what is left needs the other bar; elsewhere only the dismount moves.
    """
    attributes = codebook.attributes_by_element_id
    endings = [id_ for id_ in element_ids if attributes[id_].get("kind") == "dismount"]
    left = [id_ for id_ in element_ids if id_ not in endings]
    if event_id != "UB":
        return (*left, *endings)
    ordered: list[str] = []
    bar = "low"
    while left:
        here = [id_ for id_ in left if _needs_bar(attributes[id_]) in {bar, "any"}]
        stays = [id_ for id_ in here if attributes[id_].get("kind") != "transition"]
        chosen = (stays or here or left)[0]
        ordered.append(chosen)
        left.remove(chosen)
        needed = _needs_bar(attributes[chosen])
        bar = str(attributes[chosen].get("to_bar", bar if needed == "any" else needed))
    return (*ordered, *endings)


def _needs_bar(attributes: Attributes) -> str:
    """The bar an element starts on: ``high``, ``low`` or ``any``."""
    if attributes.get("kind") == "transition":
        return "low" if attributes.get("to_bar") == "high" else "high"
    if attributes.get("kind") == "circle" and attributes.get("circle") != "giant":
        return "any"
    return "high"
