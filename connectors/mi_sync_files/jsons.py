"""JSON becomes records: a list of objects, an object around one such list, one object, or one object on each line.

It is read piece by piece, so that memory holds one record. Numbers stay as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

from mi_sync.connector import Table
from mi_sync.errors import SourceError
from mi_sync_files.cells import MAX_ROW
from mi_sync_files.content import Text
from mi_sync_files.pages import postings_in
from mi_sync_files.place import Place
from mi_sync_files.records import DECODER, MAX_DEPTH, Record, record_of, table_of

_SPACE = re.compile(r"[ \t\r\n]*")
_PIECE = 1 << 16
"""Characters that are read at a time."""
_OWN = {"id", "@id", "@type", "basics"}
"""An object that has one of these is a record itself, whatever lists it holds (`basics`: JSON Resume)."""


def read_json(text: Text, place: Place, wanted: str | None) -> Table:
    """The table of a JSON file; `wanted` names the list whose objects are the rows, such as `jobs`.

    Raises:
        SourceError: it is no JSON, is cut short, or does not say what its rows are.
        EmptySource: it has no records.
    """

    def cursor() -> _Cursor:
        return _Cursor(text.open(), place)

    shape = _survey(cursor())
    if shape.names & {"@context", "@graph"} and wanted is None:
        return table_of(lambda: (record_of(1, each) for each in postings_in(cursor().value())), place, "json")
    if shape.is_record and wanted is None:
        return table_of(lambda: (record_of(line, value) for line, value in [cursor().whole()]), place, "json")
    path = _the_list(shape, place, wanted)

    def records() -> Iterator[Record]:
        return (record_of(line, value) for at, line, value in _items(cursor()) if at == path)

    return table_of(records, place, "json")


def read_lines(text: Text, place: Place) -> Table:
    """The table of a file with one JSON object on each line.

    Raises:
        SourceError: it is cut short, or none of its lines can be read.
        EmptySource: it has no records.
    """

    def records() -> Iterator[Record]:
        lines = text.open(newline="\n")
        for number, line in enumerate(iter(lambda: lines.readline(MAX_ROW + 1), ""), 1):
            if len(line) > MAX_ROW:
                raise place.error(f"the line is longer than {MAX_ROW:,} characters.", "Is this a table?", number)
            if line.strip():
                yield _record_on(number, line, place)

    return table_of(records, place, "jsonl")


def _record_on(number: int, line: str, place: Place) -> Record:
    try:
        return record_of(number, DECODER.decode(line))
    except RecursionError:
        return Record(number, {}, f"it is nested deeper than {MAX_DEPTH} levels")
    except ValueError:
        if not line.endswith("\n"):
            raise place.error("it ends in the middle of a record.", "Export it again.", number) from None
        return Record(number, {}, "the line is no JSON")


# ------------------------------------------------------------------------------------------- what it is


@dataclass(slots=True)
class _Shape:
    """What a pass over a JSON file tells."""

    is_list: bool
    names: set[str] = field(default_factory=set)
    lists: dict[str, int] = field(default_factory=dict)

    @property
    def is_record(self) -> bool:
        return not self.is_list and bool(self.names) and (bool(self.names & _OWN) or not self.lists)


def _survey(cursor: _Cursor) -> _Shape:
    shape = _Shape(cursor.peek() == "[")
    for path, line, value in _items(cursor, shape):
        del line
        shape.lists[path] += isinstance(value, dict)
    return shape


def _the_list(shape: _Shape, place: Place, wanted: str | None) -> str:
    if shape.is_list and wanted is None:
        return ""
    lists = [path for path, objects in shape.lists.items() if objects] or list(shape.lists)
    if wanted is not None:
        lists = [path for path in shape.lists if wanted.casefold() in {path.casefold(), path.casefold().split(".")[-1]}]
    if len(lists) == 1:
        return lists[0]
    if not shape.names:
        raise place.empty("there are no records.")
    there = ", ".join(list(shape.lists)[:10]) or "none"
    raise place.error(f"which of its lists holds the rows is not clear; there are: {there}.", 'Say it: sheet = "…".')


def _items(cursor: _Cursor, shape: _Shape | None = None) -> Iterator[tuple[str, int, object]]:
    """Path, line and value of every item of every list that is reached through objects alone, to the end.

    A pass that is given a shape tells it the names of the outermost object and the lists, also the empty ones.
    """
    yield from _walk(cursor, [], shape)
    cursor.end()


def _walk(cursor: _Cursor, path: list[str], shape: _Shape | None) -> Iterator[tuple[str, int, object]]:
    opening = cursor.peek()
    if opening == "{" and len(path) <= MAX_DEPTH:
        for name in cursor.names():
            if shape is not None and not path:
                shape.names.add(name)
            yield from _walk(cursor, [*path, name], shape)
    elif opening == "[":
        where = ".".join(path)
        if shape is not None:
            shape.lists.setdefault(where, 0)
        for line, value in cursor.items():
            yield where, line, value
    else:
        cursor.value()


# ------------------------------------------------------------------------------------------- the reader


class _Cursor:
    """A place in a JSON text, of which a part is in hand."""

    def __init__(self, text: TextIO, place: Place) -> None:
        self._text = text
        self._place = place
        self._hand = ""
        self._at = 0
        self._line = 1

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            self._skip(_SPACE.match(self._hand, self._at).end())  # type: ignore[union-attr]  # it matches anything
            if self._at < len(self._hand) or not self._more(_PIECE):
                return self._hand[self._at : self._at + 1]

    def names(self) -> Iterator[str]:
        """Goes through an object: the cursor stands at the value of each name."""
        self._take("{")
        while self.peek() != "}":
            name = self.value()
            if not isinstance(name, str):
                raise self._broken()
            self._take(":")
            yield name
            self._comma("}")
        self._take("}")

    def items(self) -> Iterator[tuple[int, object]]:
        """Goes through a list: line and value of each item."""
        self._take("[")
        while self.peek() != "]":
            yield self.whole()
            self._comma("]")
        self._take("]")

    def whole(self) -> tuple[int, Any]:
        """The line and the value that begins here."""
        self.peek()
        return self._line, self.value()

    def value(self) -> Any:  # noqa: ANN401  any JSON value
        """The value that begins here."""
        self.peek()
        size = _PIECE
        while True:
            try:
                value, end = DECODER.raw_decode(self._hand, self._at)
            except RecursionError:
                raise self._place.error(
                    f"it is nested deeper than {MAX_DEPTH} levels.", "Is this an export?", self._line
                ) from None
            except ValueError:
                end = len(self._hand)
            else:
                # A number that ends with what is in hand may go on.
                if end < len(self._hand) or not self._more(_PIECE):
                    self._skip(end)
                    return value
            if end == len(self._hand) and not self._more(size):
                raise self._broken()
            size *= 2

    def end(self) -> None:
        """Nothing may follow."""
        if self.peek():
            raise self._broken()

    def _comma(self, closing: str) -> None:
        if self.peek() == ",":
            self._take(",")
            if self.peek() == closing:
                raise self._broken()
        elif self.peek() != closing:
            raise self._broken()

    def _take(self, expected: str) -> None:
        if self.peek() != expected:
            raise self._broken()
        self._skip(self._at + 1)

    def _skip(self, to: int) -> None:
        self._line += self._hand.count("\n", self._at, to)
        self._at = to

    def _more(self, size: int) -> bool:
        """Takes more of the text in hand; False at its end."""
        if len(self._hand) - self._at > MAX_ROW:
            raise self._place.error(
                f"the record that begins here is longer than {MAX_ROW:,} characters.", "Is this a table?", self._line
            )
        piece = self._text.read(size)
        self._hand, self._at = self._hand[self._at :] + piece, 0
        return bool(piece)

    def _broken(self) -> SourceError:
        return self._place.error("from here on it is no JSON, or it is cut short.", "Export it again.", self._line)
