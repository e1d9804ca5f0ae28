"""Where a thing stands in a file, and what is wrong with it: the two values that readers and checks pass on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


# Where the parts of a codebook stand, under the keys ("event", id), ("set", id), ("tree", set id), ("element", id),
# ("query", id) and ("node", set id, answers), answers as in format_answers.
Places = Mapping[tuple[str, ...], Place]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a codebook.

    Attributes:
        severity: an error makes the codebook unusable; a warning asks a person to look.
        kind: the rule that found it, in kebab case (``"dead-answer"``).
        message: what was expected, what was found, what to do.
        place: file and line, where there is a file.
        element_ids: the elements that it concerns, in the order of the codebook.
        set_id: the set that it concerns, if it is one.
    """

    severity: Severity
    kind: str
    message: str
    place: Place | None = None
    element_ids: tuple[str, ...] = ()
    set_id: str | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


def format_answers(answers: Sequence[bool]) -> str:
    """Answers as FineGym's ``BTcode`` writes them: 1 yes, 0 no, from the root down.

    Example:
        >>> format_answers([True, True, False])
        '110'
    """
    return "".join("1" if answer else "0" for answer in answers)


def suggest(word: str, known: Sequence[str]) -> str:
    """The end of an error message: a likely meaning, or what there is to choose from.

    Example:
        >>> suggest("FX-S9", ["FX-S1", "BB-S1"])
        '; did you mean "FX-S1"?'
        >>> suggest("zzz", ["FX-S1", "BB-S1"])
        '; known: BB-S1, FX-S1'
    """
    folded = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{folded[close[0]]}"?'
    listed = sorted(known)
    more = f" and {len(listed) - 12} more" if len(listed) > 12 else ""
    return f"; known: {', '.join(listed[:12])}{more}" if listed else ""
