"""A CSV file as people read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its text; `url` where that is an address of the web, `short` where it is a number or a date."""

    text: str

    @property
    def url(self) -> bool:
        """Whether it leads somewhere."""
        return self.text.startswith(("https://", "http://"))

    @property
    def short(self) -> bool:
        """Whether it is not to be broken over lines."""
        return len(self.text) <= 16


@dataclass(frozen=True, slots=True)
class Table:
    """A table; columns in which nothing stands are left out, and counted."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: int


def read(content: bytes) -> Table:
    """The rows of a CSV file as mi-sync writes it, with words for its field names."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline="")))
    header, body = (rows[0], rows[1:]) if rows else ([], [])
    filled = [n for n in range(len(header)) if any(len(row) > n and row[n] for row in body)] if body else []
    shown = filled or list(range(len(header)))
    return Table(
        [header[n].replace("_", " ").capitalize() for n in shown],
        [[Cell(row[n] if len(row) > n else "") for n in shown] for row in body],
        len(header) - len(shown),
    )
