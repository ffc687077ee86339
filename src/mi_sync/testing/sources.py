"""The contract of `Source` as checks, and the lab that they need."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from mi_sync.connector import Row, Source
from mi_sync.errors import (
    EmptySource,
    SourceError,
)
from mi_sync.testing.suite import expect, failures, named, raises, report, same


class SourceLab(Protocol):
    """A source connector, aimed at something that the lab can write."""

    def open(self) -> Source:
        """A new source on what the lab holds."""
        ...

    def write(self, rows: Sequence[Sequence[str]]) -> None:
        """Makes one file of these rows, the first of which is the header, in place of what was there."""
        ...

    def blank(self) -> None:
        """Makes it a file without content."""
        ...

    def remove(self) -> None:
        """Takes the file away."""
        ...

    def content(self) -> object:
        """What is there and when it was last changed, to be compared."""
        ...


_TABLE = (("name", "note", "count"), ("Ada", "one", "1"), ("Bo", "two", "2"), ("Cy", "three", "3"))
_VERBATIM = ("  spaces  ", 'say "hi"', "a,b;c\td|e", "two\nlines", "007", "=1+1", "NULL", "Zoë 🎓", "<b>&amp;</b>", "-")

SourceCheck = Callable[[SourceLab], None]


def _rows(source: Source) -> list[Row]:
    found: list[Row] = []
    for file in source.files():
        with file.open() as table:
            found += table.rows
    return found


def _cells(source: Source) -> list[tuple[str, ...]]:
    return [tuple(row.cells) for row in _rows(source)]


def same_content_same_rows(lab: SourceLab) -> None:
    """The same content gives the same files and the same rows in the same order, each time."""
    lab.write(_TABLE)
    first, again = lab.open(), lab.open()
    same([f.name for f in again.files()], [f.name for f in first.files()], "the files")
    same(_rows(first), _rows(again), "the rows, read again")
    same(_rows(first), _rows(again), "the rows, read twice through one source")
    same(_cells(again), [*_TABLE[1:]], "the rows, in the order of the file")


def header_is_told(lab: SourceLab) -> None:
    """The header is the first row as it stands, with the line that it is on."""
    lab.write(_TABLE)
    with lab.open().files()[0].open() as table:
        same((tuple(table.header), table.header_line), (_TABLE[0], 1), "header and its line")


def columns_are_told_apart(lab: SourceLab) -> None:
    """No two columns have the same name, so that a mapping can name each of them."""
    lab.write([("name", "note", "name"), ("Ada", "one", "Bo")])
    with lab.open().files()[0].open() as table:
        names = [name for name in table.header if name]
    same(len(set(names)), len(names), "columns with names of their own")


def lines_are_of_the_file(lab: SourceLab) -> None:
    """A row's line is where it begins in the file: lines rise, and begin after the header."""
    lab.write(_TABLE)
    lines = [row.line for row in _rows(lab.open())]
    same(lines, [2, 3, 4], "lines")


def cells_are_verbatim(lab: SourceLab) -> None:
    """Cells are text as it stands in the file, unquoted and decoded, and nothing else is done to them."""
    lab.write([("first", *map(str, range(len(_VERBATIM)))), ("x", *_VERBATIM)])
    same(_cells(lab.open()), [("x", *_VERBATIM)], "cells")


def rows_stream(lab: SourceLab) -> None:
    """Rows stream: reading a large file keeps no more than a small part of it in memory."""
    lab.write(_TABLE)
    _rows(lab.open())  # what is imported late is imported now
    rows, width = 20_000, 200
    lab.write([("id", "text"), *((str(number), "x" * width) for number in range(rows))])
    file = lab.open().files()[0]
    tracemalloc.start()
    try:
        with file.open() as table:
            count = sum(1 for _ in table.rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    same(count, rows, "rows")
    expect(peak < rows * width / 4, f"{peak} bytes were held at once to read {rows * width} bytes")


def digest_follows_content(lab: SourceLab) -> None:
    """The digest changes if and only if the content does; reading does not change it."""
    lab.write(_TABLE)
    first = lab.open().files()[0].digest()
    _rows(lab.open())
    same(lab.open().files()[0].digest(), first, "the digest of the same content")
    lab.write([*_TABLE[:-1], ("Cy", "three", "4")])
    expect(lab.open().files()[0].digest() != first, "one changed cell leaves the digest as it was")
    lab.write(_TABLE)
    same(lab.open().files()[0].digest(), first, "the digest of the first content again")


def faults_are_rows(lab: SourceLab) -> None:
    """A row with content beyond the header has a fault and no cells; the rows around it are read."""
    lab.write([*_TABLE[:2], ("too", "many", "cells", "here"), *_TABLE[2:]])
    rows = _rows(lab.open())
    same([bool(row.fault) for row in rows], [False, True, False, False], "which rows have a fault")
    expect(not rows[1].cells, "a row with a fault has no cells, because nobody knows which one moved")


def short_rows_are_filled(lab: SourceLab) -> None:
    """A row shorter than the header is filled up with empty cells; empty cells beyond the header are cut."""
    lab.write([*_TABLE[:2], ("short",), ("long", "", "", "", "")])
    same(_cells(lab.open())[1:], [("short", "", ""), ("long", "", "")], "cells")


def blank_rows_are_no_rows(lab: SourceLab) -> None:
    """Blank rows are no rows."""
    lab.write([*_TABLE[:2], ("", "", ""), *_TABLE[2:], ("", " ", "")])
    same(_cells(lab.open()), [*_TABLE[1:]], "rows")


def empty_is_told(lab: SourceLab) -> None:
    """A file without content raises `EmptySource`; nothing is concluded from it."""
    lab.write(_TABLE)
    lab.blank()
    raises(EmptySource, lambda: _rows(lab.open()), "an empty file")


def missing_is_told(lab: SourceLab) -> None:
    """Where there is no file, `files` raises `SourceError`; a missing file is no empty one."""
    lab.write(_TABLE)
    lab.remove()
    raises(SourceError, lambda: _rows(lab.open()), "a missing file")


def reading_changes_nothing(lab: SourceLab) -> None:
    """Reading never changes the source."""
    lab.write(_TABLE)
    before = lab.content()
    _rows(lab.open())
    lab.open().files()[0].digest()
    same(lab.content(), before, "the source after reading")


SOURCE_CHECKS: Mapping[str, SourceCheck] = named(
    same_content_same_rows,
    header_is_told,
    columns_are_told_apart,
    lines_are_of_the_file,
    cells_are_verbatim,
    rows_stream,
    digest_follows_content,
    faults_are_rows,
    short_rows_are_filled,
    blank_rows_are_no_rows,
    empty_is_told,
    missing_is_told,
    reading_changes_nothing,
)
"""The contract of `Source`, clause by clause."""


def check_source(lab: Callable[[], SourceLab]) -> None:
    """Holds a source connector against the contract, as `check_board`."""
    report(failures(SOURCE_CHECKS, lab))
