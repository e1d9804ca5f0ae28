"""What an entry in a code of points looks like, and which value it stands for.

Codes are kept as text, because ``float`` loses zeros (``"4.60"``). Three notations are read:

- points: ``"4.60"``, as for FineGym's vaults; the code is the value;
- group and box: ``"3.205"`` is group 3, difficulty letter 2 (B), box 05, as for FineGym's other elements. The letter's
  value is a tenth of a point a step (A 0.1, B 0.2 …), as in the code of points of women's artistic gymnastics;
- a letter alone (``"B"``), and a dive's number (``"5253B"``), whose value is looked up elsewhere.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LETTERS = "ABCDEFGHIJ"
_POINTS = re.compile(r"\d{1,2}\.\d{1,2}")
_GROUP_AND_BOX = re.compile(r"(?P<group>[1-9])\.(?P<letter>[1-9])(?P<box>(?!00)\d\d)")
_DIVE = re.compile(r"[1-6]\d{2,3}[A-D]")


class Difficulty(NamedTuple):
    """A parsed code: the value where the code gives one, and group, letter and box where it names them."""

    value: float | None
    group: int | None = None
    letter: str | None = None
    box: int | None = None


def parse_difficulty_code(code: str) -> Difficulty | None:
    """Read a difficulty code; ``None`` for one that follows no known notation (nothing is guessed from those).

    Example:
        >>> parse_difficulty_code("3.205")
        Difficulty(value=0.2, group=3, letter='B', box=5)
        >>> parse_difficulty_code("4.60").value
        4.6
        >>> [parse_difficulty_code(code) for code in ("0.000", "02.300", "2.200")]
        [None, None, None]
    """
    if _POINTS.fullmatch(code):
        return Difficulty(float(code))
    if match := _GROUP_AND_BOX.fullmatch(code):
        step = int(match["letter"])
        return Difficulty(step / 10, int(match["group"]), LETTERS[step - 1], int(match["box"]))
    if len(code) == 1 and code in LETTERS:
        return Difficulty((LETTERS.index(code) + 1) / 10, letter=code)
    if _DIVE.fullmatch(code):
        return Difficulty(None)
    return None
