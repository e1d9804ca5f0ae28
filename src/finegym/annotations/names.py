"""Names of actions and sub-actions by the official grammar, each its own."""

from __future__ import annotations

from collections.abc import Iterable


def name_actions(times_ms: Iterable[tuple[int, int]]) -> list[str]:
    """``E_SSSSSS_EEEEEE``: floored seconds on the record's clock.

    Example:
        >>> name_actions([(61_500, 75_020)])
        ['E_000061_000075']
    """
    return _name(times_ms, "E", 6)


def name_sub_actions(times_ms: Iterable[tuple[int, int]], action_start_ms: int) -> list[str]:
    """``A_SSSS_EEEE``: floored seconds from the start of the action.

    Names are names: where two would be the same, the later one counts its end up until it is its own.

    Example:
        >>> name_sub_actions([(61_500, 61_700), (61_800, 62_000)], 60_000)
        ['A_0001_0001', 'A_0001_0002']
    """
    return _name(((start - action_start_ms, end - action_start_ms) for start, end in times_ms), "A", 4)


def _name(times_ms: Iterable[tuple[int, int]], prefix: str, digits: int) -> list[str]:
    names: list[str] = []
    for start_ms, end_ms in times_ms:
        start_s, end_s = max(0, start_ms) // 1000, max(0, end_ms) // 1000
        while (name := f"{prefix}_{start_s:0{digits}d}_{end_s:0{digits}d}") in names:
            end_s += 1
        names.append(name)
    return names
