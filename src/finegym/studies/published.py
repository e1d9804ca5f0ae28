"""The numbers of the paper, as data.

``published.csv`` holds Tables 1 to 5, a number a line, under the rows and columns of our own tables: Gym288 is
``long-tailed``, Gym99 is ``balanced``, an accuracy is ``mean`` (over classes) or ``top1``. Misprints stand as printed,
with a note.

Source: Shao, Zhao, Dai and Lin, "FineGym: A Hierarchical Video Dataset for Fine-grained Action Understanding", CVPR
2020; dataset version 1.0.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

Place = tuple[str, str, str]
"""Table, row and column."""


@dataclass(frozen=True, slots=True)
class Published:
    """A number of the paper.

    Attributes:
        value: as printed, in percent where it is a share.
        note: what is odd about it; empty as a rule.
    """

    value: float
    note: str = ""


@cache
def read_published() -> Mapping[Place, Published]:
    """All numbers by table, row and column.

    Example:
        >>> read_published()["table3a", "TSN Flow", "balanced/top1"].value
        84.7
    """
    text = files("finegym.studies").joinpath("published.csv").read_text(encoding="utf-8")
    return {
        (row["table"], row["row"], row["column"]): Published(float(row["value"]), row["note"])
        for row in csv.DictReader(text.splitlines())
    }


def find_published(table: str, row: str, column: str) -> Published | None:
    """One number; ``None`` where the paper prints none."""
    return read_published().get((table, row, column))
