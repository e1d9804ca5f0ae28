"""What time it is, for everything that is stored. Tests put another clock in its place.

The order of changes is their version, never their time: a clock that jumps moves no change before another.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Now = Callable[[], int]
"""Milliseconds since 1970, UTC."""


def read_clock_ms() -> int:
    """The system's clock."""
    return time.time_ns() // 1_000_000


def format_time(time_ms: int | None) -> str | None:
    """ISO 8601 in UTC, as the API writes times.

    Example:
        >>> format_time(1_764_338_400_250)
        '2025-11-28T14:00:00.250Z'
    """
    if time_ms is None:
        return None
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
