"""Tables, counts and shares in the terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def format_table(header: Sequence[str], rows: Sequence[Sequence[object]], *, left: Collection[int] = ()) -> str:
    """Columns under a header, the first and those in ``left`` to the left, the others to the right.

    ``None`` is a dash, integers get thousands separators, floats stand as they are: round them first.

    Example:
        >>> print(format_table(["event", "actions"], [["VT", 2042], ["FX", None]]))
        event  actions
        VT       2,042
        FX           -
    """
    table = [list(header), *([format_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    lines = (
        "  ".join(
            cell.ljust(width) if column in {0, *left} else cell.rjust(width)
            for column, (cell, width) in enumerate(cells)
        )
        for cells in (list(zip(row, widths, strict=True)) for row in table)
    )
    return "\n".join(line.rstrip() for line in lines)


def format_cell(cell: object) -> str:
    """A cell of ``format_table``."""
    if cell is None:
        return "-"
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)


def format_count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun, singular where it is one.

    Example:
        >>> format_count(1, "shard"), format_count(2134, "clip"), format_count(0, "category", "categories")
        ('1 shard', '2,134 clips', '0 categories')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def format_share(share: float | None) -> str | None:
    """A share in percent; small ones do not look like none.

    Example:
        >>> format_share(0.4), format_share(0.003), format_share(0.0)
        ('40%', 'under 1%', '0%')
    """
    if share is None:
        return None
    return "under 1%" if 0 < share < 0.01 else f"{share:.0%}"
