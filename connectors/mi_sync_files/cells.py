"""What rows of every format have in common: blank ones, the width of the header, and where the header is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mi_sync.connector import Row

MAX_CELL = 1 << 20
"""No cell is longer, in characters."""
MAX_ROW = 1 << 24
"""No row or record is longer, in characters of the file."""
SAMPLE_ROWS = 200
"""Header and delimiter are found from so many rows."""
_MAX_TITLES = 10
"""A header is looked for below so many rows at most."""


def is_blank(cells: Iterable[str]) -> bool:
    """Whether there is nothing but white space."""
    return not any(map(str.strip, cells))


def fitted(line: int, cells: list[str], width: int, remedy: str) -> Row:
    """The row with as many cells as the header."""
    if len(cells) < width:
        cells.extend([""] * (width - len(cells)))
    elif len(cells) > width:
        if not is_blank(cells[width:]):
            return Row(line, (), f"it has {len(cells)} cells, but the header has {width}; {remedy}")
        del cells[width:]
    return Row(line, cells)


def find_header(rows: Sequence[Sequence[str]]) -> int:
    """The index of the header: 0, unless nothing but titles and blank rows can be above a later one.

    Titles have one cell. The first row with more is the header if its cells look like names and every row below it
    fits under it. Anything less clear is left to `header_row`.
    """
    at = next((i for i, row in enumerate(rows[: _MAX_TITLES + 1]) if _filled(row) > 1), 0)
    below = [row for row in rows[at + 1 :] if not is_blank(row)]
    is_clear = (
        bool(below)
        and _are_names(rows[at])
        and all(is_blank(row) or len(row) == 1 for row in rows[:at])
        and all(1 < len(row) <= len(rows[at]) for row in below)
    )
    return at if is_clear else 0


def _filled(row: Sequence[str]) -> int:
    return sum(1 for cell in row if cell.strip())


def _are_names(row: Sequence[str]) -> bool:
    """No values: every cell is a distinct word or phrase, none is an address or a number."""
    names = [cell.strip() for cell in row]
    return len(set(names)) == len(names) and all(n and n[0].isalpha() and not {"@", "/"} & set(n) for n in names)
