"""CSV for people with a spreadsheet: no cell of it is taken for a formula.

Spreadsheets compute what begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return, whoever wrote it: a name
that somebody typed could fetch a page or run a program on the machine of whoever opens the file, and the id of a record
that begins with ``-`` would show as an error. An apostrophe before such a cell makes it text. Numbers stay as they are.
The app takes the apostrophe off again where it imports such a file (``unguard_cell``).

Source:
    OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import io
import re

_RISKY = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def guard_csv(text: str) -> str:
    """A CSV text with the cells that a spreadsheet would compute as text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([guard_cell(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline="")))
    return buffer.getvalue()


def guard_cell(cell: str) -> str:
    """A cell that no spreadsheet computes; one that looks guarded already gets another apostrophe, to come back whole.

    Example:
        >>> [guard_cell(cell) for cell in ("=1+1", "-7dFhKWKnfo", "-7.5", "'=x", "leap")]
        ["'=1+1", "'-7dFhKWKnfo", '-7.5', "''=x", 'leap']
    """
    is_risky = _RISKY.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if is_risky else cell


def unguard_cell(cell: str) -> str:
    """What ``guard_cell`` was given.

    Example:
        >>> [unguard_cell(cell) for cell in ("'=1+1", "''=x", "'tis", "-7.5")]
        ['=1+1', "'=x", "'tis", '-7.5']
    """
    return cell[1:] if cell.startswith("'") and _RISKY.match(cell) else cell
