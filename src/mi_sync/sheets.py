"""The CSV that we write: no cell of it is ever taken for a formula, and each is read back as what it was."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet compute a cell instead of showing it (OWASP, CSV Injection), also in full width."""


def defused(cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would take for a formula; spaces do not hide one."""
    return f"'{cell}" if cell.startswith(_STARTS) or cell.lstrip(" ").startswith(_STARTS) else cell


def undefused(cell: str) -> str:
    """The cell without the apostrophe of `defused`, whoever put it there; any other stays, as that of `O'Brien`."""
    return cell[1:] if cell.startswith("'") and defused(cell[1:]) != cell[1:] else cell


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The text of a CSV file, with a byte order mark, because Excel takes UTF-8 for something else without one.

    Numbers stay numbers; every text is defused; None is an empty cell.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([defused(name) for name in header])
    for row in rows:
        writer.writerow([defused(cell) if isinstance(cell, str) else cell for cell in row])
    return f"\ufeff{out.getvalue()}"
