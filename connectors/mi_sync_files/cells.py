"""What rows of every format have in common: their bounds, blank ones, and the width of the header."""

from __future__ import annotations

from collections.abc import Iterable

from mi_sync.connector import Row

MAX_CELL = 1 << 20
"""No cell is longer, in characters."""
MAX_ROW = 1 << 24
"""No row or record is longer, in characters of the file."""
SAMPLE_ROWS = 200
"""Header and delimiter are found from so many rows."""


def is_blank(cells: Iterable[str]) -> bool:
    """Whether there is nothing but white space."""
    return not any(map(str.strip, cells))


def fitted(row: Row, width: int, remedy: str) -> Row:
    """The row with as many cells as the header."""
    if len(row.cells) == width or not row.is_record:
        return row
    if is_blank(row.cells[width:]):
        return Row(row.line, [*row.cells[:width], *[""] * (width - len(row.cells))])
    return Row(row.line, (), f"it has {len(row.cells)} cells, but the header has {width}; {remedy}")
