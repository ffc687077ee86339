"""Delimited text becomes a table: the dialect is found, and every row is returned, has a fault, or ends the reading.

Quoting is read strictly (RFC 4180 with any delimiter and line break). A row whose quotes go wrong but pair up within
its own line has a fault, and the next line begins anew. Any other wrong quote may have swallowed rows, or made text
into rows, so nothing after it is believed.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TextIO

from mi_sync.connector import Row, Table
from mi_sync.errors import SourceError
from mi_sync_files.cells import MAX_CELL, MAX_ROW, SAMPLE_ROWS, fitted, is_blank
from mi_sync_files.content import DAMAGED, Text
from mi_sync_files.ending import without_ending
from mi_sync_files.header import filled, find_header, read_header
from mi_sync_files.place import Place
from mi_sync_files.settings import Settings

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""Those that are found without being told, and what people call them."""
_SAMPLE_SIZE = 1 << 18
"""Header and delimiter are found from so many characters at most."""
_DAMAGED = "it holds a byte that is no UTF-8, as the rest of the file is; correct it and save as CSV (UTF-8)"
_QUOTE = "quote the cells that hold a delimiter"
_SEP = re.compile(r'"?sep=([^"\r\n])"?\s*', re.IGNORECASE)
"""What Excel understands as a first line (PowerShell/PowerShell#7776)."""


def read_table(text: Text, place: Place, settings: Settings) -> Table:
    """The table of a text; its header is read, its rows are not yet.

    Lines above the header are passed over: up to the line `header_row`, or those that can only be titles.

    Raises:
        SourceError: it has no header, or its delimiter is not clear.
    """
    # The csv module has one limit for the whole process.
    csv.field_size_limit(MAX_CELL)
    lines = _Lines(text.open(newline=""), place)
    declared = _SEP.fullmatch("".join(lines.ahead(1)))
    if declared:
        lines.skip(1)
    told = settings.delimiter or (declared[1] if declared else None)
    at = settings.header_row
    lines.skip(at - lines.number if at else _titles(lines.ahead(SAMPLE_ROWS), told))
    chosen: str = told or find_delimiter(lines.ahead(SAMPLE_ROWS), place)
    reader = csv.reader(lines, delimiter=chosen, strict=True)
    first = Row(lines.number, _first_row(reader, lines))
    rows = _rows(reader, lines) if text.errors == "strict" else map(_undamaged, _rows(reader, lines))
    header = read_header(first, rows, settings.header_rows, place)
    width = len(header.names)
    rows = (fitted(row, width, _QUOTE) for row in without_ending(header.rows, width, lines=True))
    kind = "tsv" if chosen == "\t" else "csv"
    return Table(header.names, first.line, rows, kind, delimiter=chosen, labels=header.labels)


# ------------------------------------------------------------------------------------------------ rows


def _first_row(reader: Iterator[list[str]], lines: _Lines) -> list[str]:
    try:
        cells = next(reader, [])
    except csv.Error as error:
        raise lines.error(f"the header row cannot be read: {lines.fault(error)}", "Correct it.") from None
    if any(map(DAMAGED.search, cells)):
        raise lines.error("the header row holds a byte that is no UTF-8.", "Save it as CSV (UTF-8).")
    if is_blank(cells):
        raise lines.error(
            "the header row is blank.",
            "Make the row with the column names the first one, or name its line: header_row = 2.",
        )
    return cells


def _rows(reader: Iterator[list[str]], lines: _Lines) -> Iterator[Row]:
    """The rows below, as wide as they are."""
    while True:
        lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(lines.number, (), lines.fault(error))
            continue
        if not is_blank(cells):
            yield Row(lines.number, cells)


def _undamaged(row: Row) -> Row:
    if any(not cell.isascii() and DAMAGED.search(cell) for cell in row.cells):
        return Row(row.line, (), _DAMAGED)
    return row


class _Lines:
    """The lines of a text, for csv.reader, and which of them make up the row in hand."""

    def __init__(self, text: TextIO, place: Place) -> None:
        self.number = 1
        self._text = text
        self._place = place
        self._ahead: deque[str] = deque()
        self._row: list[str] = []
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else self._text.readline(MAX_ROW + 1)
        if not line:
            raise StopIteration
        self._row.append(line)
        self._size += len(line)
        if self._size > MAX_ROW:
            raise self.error(f"the row that begins here is longer than {MAX_ROW:,} characters.", "Is this a table?")
        return line

    def ahead(self, count: int) -> Sequence[str]:
        """The next lines, which stay next."""
        while len(self._ahead) < count and sum(map(len, self._ahead)) < _SAMPLE_SIZE:
            line = self._text.readline(MAX_ROW + 1)
            if not line:
                break
            self._ahead.append(line)
        return list(self._ahead)[:count]

    def skip(self, count: int) -> None:
        """Passes over lines; those that are not there are none."""
        for _ in range(count):
            next(self, None)
            self.begin_row()

    def begin_row(self) -> None:
        """What was taken so far was another row; `number` is the line on which the next one begins."""
        self.number += len(self._row)
        self._row.clear()
        self._size = 0

    def fault(self, error: csv.Error) -> str:
        """Why the row in hand cannot be read.

        Raises:
            SourceError: it cannot be told where it ends.
        """
        if len(self._row) == 1 and self._row[0].count('"') % 2 == 0:
            if "field larger" in str(error):
                return f"a cell is longer than {MAX_CELL:,} characters"
            return "a quote is not where it belongs; quote whole cells, and double the quotes inside them"
        # A cell that goes on after its closing quote was open before this last line; else its end was never met.
        before = self._row[:-1] if "expected after" in str(error) else []
        self.number += _where_quote_opened(before or self._row)
        raise self.error(
            "a quote that opens here is not closed where its cell ends, so the rows after it cannot be told apart.",
            "Close it, or double it if it belongs to the text.",
        ) from None

    def error(self, why: str, remedy: str) -> SourceError:
        return self._place.error(why, remedy, self.number)


def _where_quote_opened(lines: Sequence[str]) -> int:
    """The index of the line with the opening quote of the cell that is open at the end."""
    is_open, where = False, 0
    for at, line in enumerate(lines):
        quotes = line.replace('""', "").count('"')
        is_open ^= quotes % 2 == 1
        if is_open and quotes:
            where = at
    return where


# -------------------------------------------------------------------------------- titles and delimiter


def _titles(sample: Sequence[str], delimiter: str | None) -> int:
    """How many lines above the header can only be titles; 0 when the first of them can be divided."""
    candidates = [delimiter] if delimiter else list(DELIMITERS)
    if any(filled(_first_filled(sample, each)) > 1 for each in candidates):
        return 0
    found = {_lines_above(sample, each) for each in candidates} - {0}
    return found.pop() if len(found) == 1 else 0


def _first_filled(sample: Sequence[str], delimiter: str) -> list[str]:
    try:
        return next(
            (cells for cells in csv.reader(sample, delimiter=delimiter, strict=True) if not is_blank(cells)), []
        )
    except csv.Error:
        return []


def _lines_above(sample: Sequence[str], delimiter: str) -> int:
    reader = csv.reader(sample, delimiter=delimiter, strict=True)
    rows, starts = [], [0]
    try:
        for cells in reader:
            rows.append(cells)
            starts.append(reader.line_num)
    except csv.Error:
        # A row that only the end of the sample cuts is no matter.
        if reader.line_num < len(sample):
            return 0
    return starts[find_header(rows)]


def find_delimiter(sample: Sequence[str], place: Place) -> str:
    """The delimiter that divides most rows like the header, and into most cells; a comma if there is one column.

    Raises:
        SourceError: two do so equally well, and a guess could move every cell.
    """
    scores = {delimiter: _score(sample, delimiter) for delimiter in DELIMITERS}
    best = max(scores.values())
    found = [delimiter for delimiter, score in scores.items() if score == best]
    if best == (0.0, 0):
        return ","
    if len(found) > 1:
        names = " and ".join(DELIMITERS[d] for d in found)
        raise place.error(f"{names} divide its rows equally well.", 'Say which: delimiter = "," or another.')
    return found[0]


def _score(sample: Sequence[str], delimiter: str) -> tuple[float, int]:
    """The share of rows that are as wide as the header, and that width; nothing for a single column."""
    widths = list(_widths(sample, delimiter))
    if not widths or widths[0] < 2:
        return 0.0, 0
    return widths.count(widths[0]) / len(widths), widths[0]


def _widths(sample: Sequence[str], delimiter: str) -> Iterator[int]:
    reader = csv.reader(sample, delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield 0
        else:
            if not is_blank(cells):
                yield len(cells)
