"""Rows that give no record: all are counted, the first are listed, and each is told with its reason."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from mi_sync import identity
from mi_sync.errors import Problem
from mi_sync.model import Quarantined

MOST_LEFT_OUT = 10_000
"""So many rows that are left out of one file are listed; beyond, they are counted."""


class LeftOut:
    """The rows that are left out of a file: all are counted, the first are kept, and the rest is one more row."""

    def __init__(self) -> None:
        self._limit = MOST_LEFT_OUT
        self._rows: list[Quarantined] = []
        self._sum = 0
        self.count = 0

    def add(self, row: Quarantined) -> None:
        """One more."""
        self.count += 1
        # The sum knows them again in any order.
        self._sum += int.from_bytes(row.digest.encode(), "big")
        if len(self._rows) <= self._limit:
            self._rows.append(row)

    def rows(self) -> list[Quarantined]:
        """What is listed."""
        beyond = self.count - self._limit
        if beyond < 2:
            return self._rows
        *listed, last = self._rows
        why = f"{last.why} {beyond - 1} more rows are left out and not listed; mend these first."
        return [*listed, replace(last, why=why, digest=identity.digest("rows left out", str(self._sum)))]

    def new(self, known: Collection[str]) -> int:
        """How many of them are news; `known` are the digests of those that were reported before."""
        rows = self.rows()
        if self.count > len(rows) and rows[-1].digest in known:
            return 0
        return sum(1 for row in rows if row.digest not in known)


class NoRecords:
    """The rows of one file that are no records, as notes: one for each reason."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: dict[str, tuple[int, int]] = {}

    def add(self, line: int, why: str) -> None:
        """One more row, on this line."""
        first, count = self._found.get(why, (line, 0))
        self._found[why] = first, count + 1

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(count for _, count in self._found.values())

    def notes(self) -> Iterator[Problem]:
        """What to tell."""
        for why, (first, count) in self._found.items():
            rows = "the row is skipped" if count == 1 else f"this row and {count - 1} more are skipped"
            yield Problem(f"{self._file}:{first}", "", f"{rows}: {why}.")


def as_problem(row: Quarantined) -> Problem:
    """As an entry of a result's `problems`."""
    return Problem(f"{row.file}:{row.line}", row.field, row.why)
