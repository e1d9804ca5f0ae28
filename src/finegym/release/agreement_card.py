"""The card's tables of agreement, from the JSON of ``finegym quality agreement``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def describe_agreement(agreement: Mapping[str, Any]) -> Iterator[str]:
    """Lines of Markdown; numbers that are undefined say why."""
    yield "How far annotators agree is in `agreement/agreement.json`."
    yield ""
