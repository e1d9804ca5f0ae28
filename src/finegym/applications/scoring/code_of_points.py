"""A code of points as data: letters, what counts, composition requirements, connections; read from YAML, checked once.

The shape is generic: a sport's federation publishes an edition, somebody writes it down as one file, and nothing in
the arithmetic of ``scoring.difficulty`` knows an apparatus. Points are kept in thousandths, because tenths added as
floats are no tenths.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from finegym.codebook.difficulty import LETTERS
from finegym.codebook.model import AttributeValue
from finegym.codebook.problems import suggest
from finegym.errors import ConfigError, join_problems

FORMAT = "finegym-code-of-points/1"
_PACKAGE, _SUFFIX = "finegym.applications.codes_of_points", ".yaml"
Letter = Annotated[str, Field(pattern=f"^[{LETTERS}]$")]
Points = Annotated[float, Field(ge=0, le=20)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AtLeast(_Part):
    """A number that an attribute has to reach."""

    at_least: float


class Alternative(_Part):
    """One way to meet a condition; what is given has to hold all together.

    Attributes:
        sets: ids of sets, one of which the element is of.
        attributes: what the element's attributes are: a value, one of several, or ``{at_least: number}``.
        name: a regular expression (case does not matter) that is found in the element's name.
        letter_from: the difficulty letter that the element reaches.
    """

    sets: tuple[str, ...] = ()
    attributes: Mapping[str, AtLeast | AttributeValue | tuple[AttributeValue, ...]] = {}
    name: str | None = None
    letter_from: Letter | None = None

    @field_validator("name")
    @classmethod
    def _check_expression(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _check_not_empty(self) -> Alternative:
        if not (self.sets or self.attributes or self.name or self.letter_from):
            raise ValueError("an alternative without any condition would fit every element; give one")
        return self


Condition = Annotated[tuple[Alternative, ...], Field(min_length=1)]
"""Alternatives, one of which has to hold."""


class Limit(_Part):
    """How many of a kind of element can count."""

    text: str
    at_most: Annotated[int, Field(ge=0)]
    of: Condition


class Requirement(_Part):
    """A composition requirement: exactly one of ``one``, ``each``, ``series`` and ``dismount_letters``.

    Attributes:
        id: short name.
        text: what is required, as the score sheet says it.
        points: what meeting it gives.
        one: an element that fits.
        each: an element for every one of these conditions.
        series: elements that follow each other within ``max_gap_ms``, in any order, one a condition.
        are_different: elements of a series have to be different ones.
        max_gap_ms: from the end of one element of a series to the beginning of the next.
        dismount_letters: points by the letter that the dismount reaches.
    """

    id: str
    text: str
    points: Points
    one: Condition | None = None
    each: tuple[Condition, ...] = ()
    series: tuple[Condition, ...] = ()
    are_different: bool = True
    max_gap_ms: Annotated[int, Field(ge=0)] = 0
    dismount_letters: Mapping[Letter, Points] = {}

    @model_validator(mode="after")
    def _check_one_kind(self) -> Requirement:
        kinds = [bool(self.one), bool(self.each), bool(self.series), bool(self.dismount_letters)]
        if sum(kinds) != 1:
            raise ValueError(f"requirement {self.id}: give exactly one of one, each, series, dismount_letters")
        return self


class Connection(_Part):
    """A connection value: elements that follow each other directly.

    Attributes:
        text: what is connected, as the score sheet says it.
        points: what it gives.
        series: a condition an element, in order.
        in_any_order: whether the order is free.
        max_gap_ms: from the end of one element to the beginning of the next.
    """

    text: str
    points: Points
    series: Annotated[tuple[Condition, ...], Field(min_length=2)]
    in_any_order: bool = False
    max_gap_ms: Annotated[int, Field(ge=0)]


class Value(_Part):
    """What an edition gives for elements, where that is not what the codebook says.

    Attributes:
        points: for each of them.
        of: difficulty codes, element ids or element names; those of other codebooks are passed over.
    """

    points: Points
    of: Annotated[tuple[str, ...], Field(min_length=1)]


class EventRules(_Part):
    """The rules of one event.

    Attributes:
        counts: ``highest``: the ``num_counted`` highest values; ``own value``: the single element's value is all.
        num_counted: how many.
        dismount: what a dismount is; the last element that fits is the routine's, and counts.
        limits: of kinds of elements among those counted.
        requirements: composition requirements.
        connections: connection values.
    """

    counts: Literal["highest", "own value"] = "highest"
    num_counted: Annotated[int, Field(ge=1)] = 8
    dismount: Condition | None = None
    limits: tuple[Limit, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    connections: tuple[Connection, ...] = ()


class CodeOfPoints(_Part):
    """One edition of a code of points.

    Attributes:
        name: short, unique.
        title: full.
        source: which document it was written from, and what was left out.
        letters: points by difficulty letter.
        values: where the edition differs from the codebook's; in a file also ``{code, id or name: points}``.
        events: rules by event id of the codebook.
    """

    format: Literal["finegym-code-of-points/1"]
    name: str
    title: str
    source: str
    letters: Mapping[Letter, Points]
    values: tuple[Value, ...] = ()
    events: Mapping[str, EventRules]

    @field_validator("values", mode="before")
    @classmethod
    def _read_short_form(cls, value: object) -> object:
        return [{"points": points, "of": [key]} for key, points in value.items()] if isinstance(value, dict) else value

    @field_validator("values")
    @classmethod
    def _check_given_once(cls, values: tuple[Value, ...]) -> tuple[Value, ...]:
        keys = Counter(key for value in values for key in value.of)
        twice = [key for key, count in keys.items() if count > 1]
        if twice:
            raise ValueError(f"give one value only of {', '.join(twice)}")
        return values

    def find_value(self, *keys: str | None) -> float | None:
        """The points of the first of these codes, ids or names that the edition values itself; None for no such."""
        own = {key: value.points for value in self.values for key in value.of}
        return next((own[key] for key in keys if key in own), None)


def list_codes() -> tuple[str, ...]:
    """The names of the codes of points that come with finegym, sorted."""
    names = (item.name for item in files(_PACKAGE).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def read_code(name_or_path: str) -> CodeOfPoints:
    """A code of points by the name of one that comes with finegym, or from a YAML file.

    Raises:
        ConfigError: there is none, or the file is not one; all problems are listed.
    """
    return parse_code(read_code_text(name_or_path), name_or_path)


def read_code_text(name_or_path: str) -> str:
    """The YAML text of a code of points, comments and all: what one copies to write one's own.

    Raises:
        ConfigError: there is none.
    """
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"code of points {path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"code of points {path} is not UTF-8 text: {error}") from error
    if name_or_path not in list_codes():
        raise ConfigError(
            f'no code of points "{name_or_path}", nor such a YAML file{suggest(name_or_path, list_codes())}'
        )
    return files(_PACKAGE).joinpath(f"{name_or_path}{_SUFFIX}").read_text(encoding="utf-8")


def hash_code(code: CodeOfPoints) -> str:
    """SHA-256 of everything that an edition says."""
    return hashlib.sha256(code.model_dump_json().encode()).hexdigest()


def parse_code(text: str, where: str) -> CodeOfPoints:
    """A code of points from YAML text; ``where`` stands in messages.

    Raises:
        ConfigError: it is no YAML, or no code of points; all problems are listed.
    """
    try:
        found: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{where}: expected a code of points (format: {FORMAT}), got {type(found).__name__}")
    found = {key: value for key, value in found.items() if key != "conditions"}  # YAML anchors live there
    try:
        return CodeOfPoints.model_validate(found)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}, got {one['input']!r:.60}"
            for one in error.errors()
        ]
        raise ConfigError(f"{where} is no code of points: {join_problems(problems)}. Correct the file.") from error
