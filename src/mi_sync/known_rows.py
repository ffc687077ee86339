"""Rows of a file that say what they said when it was last read: known again by their cells, before any is mapped.

A row's digest is of the cells that the mapping reads (of no other anything is kept), and keyed by everything else that
decides what they say: the mapping, the settings of the source, the header, who was erased, this version and the
libraries. So none is known again once any of that changes. What can depend on other rows is not: a row is known again
only if all its records stand as it said them, and no other row of this read has spoken of them; and the order of day
and month that its file's columns have is compared. All other rows are mapped again, also those that are left out, so
that they are reported again.
"""

from __future__ import annotations

import hashlib
import sys
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

import pydantic

from mi_sync import __version__, identity
from mi_sync.connector import Row
from mi_sync.mapping import Mapper, OrderOf
from mi_sync.state import Store
from mi_sync.values import DateOrder

LIBRARIES = f"{sys.version_info[:3]} {unicodedata.unidata_version} {pydantic.VERSION}"
"""What a value may depend on, besides mi-sync."""

_SIZE = 12


class Orders:
    """The order of day and month in the columns of a file, and which of them were asked for (an `OrderOf`)."""

    def __init__(self, order_of: OrderOf) -> None:
        self._order_of = order_of
        self.found: dict[str, DateOrder | None] = {}

    def __call__(self, position: int) -> DateOrder | None:
        """The order in the column at this position."""
        name = str(position)
        if name not in self.found:
            self.found[name] = self._order_of(position)
        return self.found[name]

    def are(self, before: Mapping[str, DateOrder | None]) -> bool:
        """Whether the columns have the orders that they had."""
        return all(self(int(position)) == order for position, order in before.items())


class KnownRows:
    """The rows of one file, compared with what the store knows of them.

    Args:
        store: what rows said.
        source: its name.
        file: what the file is called,
        former: and what it was called when it was last read.
        read_no: of this read.
        mapper: tells which cells are read.
        parts: all but the cells that decides what a row says.
    """

    def __init__(
        self,
        store: Store,
        source: str,
        file: str,
        former: str,
        read_no: int,
        mapper: Mapper,
        parts: Iterable[str],
    ) -> None:
        self._store, self._source, self._file, self._former = store, source, file, former
        self._read_no = read_no
        self._columns, self._width = mapper.columns, mapper.width
        self._key = identity.digest(*parts, __version__, LIBRARIES, size=32).encode()
        self.is_used = True

    def digest(self, row: Row) -> str:
        """Of a row; empty for one that is always mapped."""
        cells = row.cells
        if len(cells) != self._width or not row.is_record or not self.is_used:
            return ""
        said = "\0".join([cells[position] for position in self._columns])
        if said.count("\0") >= len(self._columns):
            return ""  # a cell with a NUL character might be two
        hashed = hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=_SIZE, key=self._key)
        return hashed.hexdigest()

    def take(self, rows: Sequence[Row], digests: Sequence[str]) -> Collection[int]:
        """Notes of those that say what they said that they still do, and returns their indexes.

        Of rows that are the same only the first is: what becomes of the others is for all of them to tell.
        """
        first: dict[str, int] = {}
        for index, digest in enumerate(digests):
            if digest:
                first.setdefault(digest, index)
        if not first:
            return ()
        known = self._store.standing_rows(self._source, self._former, list(first), self._read_no)
        found = [(digest, index) for digest, index in first.items() if digest in known]
        touched = [(digest, rows[index].line) for digest, index in found]
        self._store.touch_rows(self._source, self._file, self._read_no, touched)
        return {index for _, index in found}
