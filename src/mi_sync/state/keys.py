"""A set of keys of any size: what is too much for the memory lies in a temporary file that has no name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

_AT_ONCE = 500


class Keys:
    """A set of keys, to be read in their order, some at a time. `most` of them are kept in memory."""

    def __init__(self, keys: Iterable[str] = (), *, most: int = 50_000) -> None:
        self._most = most
        self._few: set[str] = set()
        self._rest: sqlite3.Connection | None = None
        self.update(keys)

    def add(self, key: str) -> None:
        """One more."""
        self._few.add(key)
        if len(self._few) > self._most:
            self._put_away()

    def update(self, keys: Iterable[str]) -> None:
        """Some more."""
        for key in keys:
            self.add(key)

    def in_order(self) -> Iterator[list[str]]:
        """All of them, some at a time."""
        if self._rest is None:
            ordered = sorted(self._few)
            yield from (ordered[at : at + _AT_ONCE] for at in range(0, len(ordered), _AT_ONCE))
            return
        self._put_away()
        found = self._rest.execute("SELECT key FROM keys ORDER BY key")
        while some := found.fetchmany(_AT_ONCE):
            yield [key for (key,) in some]

    def close(self) -> None:
        """Lets the temporary file go."""
        if self._rest is not None:
            self._rest.close()

    def _put_away(self) -> None:
        if self._rest is None:
            self._rest = sqlite3.connect("", isolation_level=None)
            self._rest.execute("CREATE TABLE keys (key TEXT PRIMARY KEY) WITHOUT ROWID")
            self._rest.execute("BEGIN")
        self._rest.executemany("INSERT OR IGNORE INTO keys VALUES (?)", ((key,) for key in sorted(self._few)))
        self._few.clear()
