"""``codebook.yaml`` as pydantic models, for its JSON Schema: YAML 1.2, where ``yes`` and ``no`` are texts.

The file itself is read by ``codebook.yaml_format``, which says more about what is wrong.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finegym.release.shapes import Shape

AttributeFacts = Annotated[dict[str, str | int | float | bool], Field(default_factory=dict)]
Id = Annotated[str, Field(min_length=1)]


class QueryText(Shape):
    """A question, and the attributes that its answers establish."""

    text: str
    yes: AttributeFacts
    no: AttributeFacts


class TreeNode(Shape):
    """A query; each answer leads to another one, to an element, or to ``none``: no such element."""

    ask: Id
    yes: TreeNode | Id
    no: TreeNode | Id


class DifficultyEntry(Shape):
    """An entry of the code of points, and its value in points."""

    code: str | None = None
    value: float | None = None


class ElementEntry(Shape):
    """What one names at the finest level."""

    id: Id
    name: str
    difficulty: DifficultyEntry = DifficultyEntry()
    glabel: int | None = None
    attributes: AttributeFacts


class SetEntry(Shape):
    """Elements that one tree tells apart."""

    id: Id
    name: str
    number: int | None = None
    attributes: AttributeFacts
    elements: tuple[ElementEntry, ...] = ()
    tree: TreeNode | Id | None = None


class EventEntry(Shape):
    """An event of a competition."""

    id: Id
    name: str
    number: int | None = None
    sets: tuple[SetEntry, ...] = ()


class CodebookFile(Shape):
    """``codebook.yaml``: events, sets, elements and decision trees."""

    format: Literal["finegym-codebook/1"]
    name: str
    version: str
    sport: str
    source: str = ""
    queries: Annotated[dict[Id, QueryText], Field(default_factory=dict)]
    events: tuple[EventEntry, ...]
