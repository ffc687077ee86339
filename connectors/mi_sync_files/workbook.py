"""A sheet of an XLSX workbook becomes a table; rows stream, the workbook's shared texts are held in memory.

Numbers lose the `.0` that a spreadsheet never shows, dates are ISO 8601, and a formula is what it last gave, or its
text if it never gave anything. Of merged cells the first holds the value. Names of parts and elements: ECMA-376, part
1, chapter 18.
"""

from __future__ import annotations

import itertools
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import BinaryIO, NamedTuple

from mi_sync.connector import Row, Table
from mi_sync.errors import Problem, SourceError
from mi_sync_files.cells import MAX_CELL, SAMPLE_ROWS, fitted, is_blank
from mi_sync_files.ending import without_ending
from mi_sync_files.header import find_header, read_header
from mi_sync_files.place import Place
from mi_sync_files.records import MAX_DEPTH
from mi_sync_files.sax import Found, Handler, parse
from mi_sync_files.settings import Settings

MAX_FILE = 1 << 26
"""No workbook has more bytes,"""
MAX_EXPANDED = 1 << 29
"""nor more when it is unpacked,"""
MAX_TEXTS = 1 << 27
"""of which so many are shared texts."""
MAX_COLUMNS = 1 << 14
"""Excel knows no more columns,"""
MAX_ROWS = 1 << 20
"""nor more rows."""
MAX_CELLS = 20_000_000
"""No sheet has more cells, empty ones before the last of a row included."""
_MOST_OTHERS = 20
"""So many more sheets are looked into."""
_ESCAPE = re.compile(r"_x(?!0000|[Dd][89A-Fa-f])([0-9A-Fa-f]{4})_")
"""ECMA-376, part 1, 22.9.2.19."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, NotImplementedError, RuntimeError)


def read_workbook(stream: BinaryIO, place: Place, settings: Settings) -> Table:
    """The table of one sheet: the one that is named, else the first that is not hidden.

    Raises:
        SourceError: it is damaged or too large, or there is no such sheet.
        EmptySource: the sheet is empty.
    """
    book, header_row = _Workbook(stream, place), settings.header_row
    rows = book.rows(book.find(settings.sheet))
    if header_row:
        rows = itertools.dropwhile(lambda row: row.line < header_row, rows)
    sample = list(itertools.islice(rows, SAMPLE_ROWS))
    if not sample:
        raise place.empty("the sheet has no rows, or none from `header_row` on.")
    at = 0 if header_row else find_header([row.cells for row in sample])
    first = sample[at]
    if header_row and first.line != header_row:
        raise place.error("the header row is blank.", "Correct `header_row`.", header_row)
    header = read_header(first, itertools.chain(sample[at + 1 :], rows), settings.header_rows, place)
    width = len(header.names)
    found = without_ending(map(_bounded, header.rows), width, lines=False)
    rows = (fitted(row, width, "give every column a name") for row in found)
    notes = [] if settings.sheet else list(book.unread())
    return Table(header.names, first.line, rows, "xlsx", labels=header.labels, notes=notes)


def _bounded(row: Row) -> Row:
    if any(len(cell) > MAX_CELL for cell in row.cells):
        return Row(row.line, (), f"a cell is longer than {MAX_CELL:,} characters")
    return row


# ---------------------------------------------------------------------------------------------- the book


class _Sheet(NamedTuple):
    """What the workbook says of a sheet."""

    title: str
    relation: str
    is_hidden: bool


class _Relation(NamedTuple):
    """A part that another one refers to: the name that it has there, what it is, and where."""

    id: str
    kind: str
    target: str


class _Workbook:
    """The parts of a workbook that a sheet needs."""

    def __init__(self, stream: BinaryIO, place: Place) -> None:
        self._place = place
        self._archive = self._opened(stream)
        main = next((r.target for r in self._relations("") if r.kind == "officeDocument"), "xl/workbook.xml")
        index = _Index(place)
        self._sheets = list(self._part(main, index))
        self._related = self._relations(main)
        texts = self._of_kind("sharedStrings", _SharedTexts(place), MAX_TEXTS)
        self._values = _Values(texts, self._of_kind("styles", _Styles(place), MAX_EXPANDED), is_1904=index.is_1904)

    def find(self, wanted: str | None) -> str:
        """The part with the sheet."""
        found = self._visible()
        if wanted is not None:
            found = [s for s in self._sheets if s.title.casefold() == wanted.casefold()]
        if not found:
            there = ", ".join(s.title for s in self._sheets[:10]) or "none"
            raise self._place.error(f"there is no such sheet; there are: {there}.", "Correct `sheet`.")
        return self._target(found[0])

    def unread(self) -> Iterator[Problem]:
        """A note, if there is more to see than the first sheet."""
        first, *others = self._visible()
        names = [repr(s.title) for s in others[:_MOST_OTHERS] if self._has_rows(self._target(s))]
        if names:
            why = f"only its sheet {first.title!r} is read, and not {', '.join(names)}"
            yield Problem(self._place.name, "", f'{why}; a source reads another one with sheet = "…".')

    def _visible(self) -> list[_Sheet]:
        return [s for s in self._sheets if not s.is_hidden] or self._sheets

    def _target(self, sheet: _Sheet) -> str:
        return next((r.target for r in self._related if r.id == sheet.relation), "")

    def _has_rows(self, part: str) -> bool:
        try:
            return next(self.rows(part), None) is not None
        except SourceError:
            return True

    def rows(self, part: str) -> Iterator[Row]:
        """Every row that is not blank, by its number, without the empty cells at its end."""
        count = last = 0
        for row in self._part(part, _SheetRows(self._place, self._values)):
            count += len(row.cells)
            if count > MAX_CELLS:
                raise self._place.error("the sheet has too many cells.", "Export it as CSV (UTF-8).", row.line)
            if row.line <= last:
                raise self._place.error("its rows are out of order.", "Save it again as XLSX.", row.line)
            last = row.line
            if not is_blank(row.cells):
                yield row

    def _opened(self, stream: BinaryIO) -> zipfile.ZipFile:
        try:
            size = stream.seek(0, 2)
            archive = zipfile.ZipFile(stream)
        except _DAMAGED:
            raise self._place.error("the workbook is damaged.", "Save it again as XLSX.") from None
        # What the archive says of its sizes can be relied on: no member yields more than it says.
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        if size > MAX_FILE or sum(sizes.values()) > MAX_EXPANDED:
            raise self._too_large()
        return archive

    def _relations(self, part: str) -> list[_Relation]:
        """What a part refers to; that of no part is the package."""
        folder, name = posixpath.split(part)
        found = self._part(posixpath.join(folder, "_rels", f"{name}.rels"), _Relations(self._place))
        return [r._replace(target=posixpath.normpath(posixpath.join("/", folder, r.target))[1:]) for r in found]

    def _of_kind(self, kind: str, handler: Handler[Found], limit: int) -> list[Found]:
        """All of the part of this kind, if there is one."""
        part = next((r.target for r in self._related if r.kind == kind), "")
        if part not in self._archive.namelist():
            return []
        if self._archive.getinfo(part).file_size > limit:
            raise self._too_large()
        return list(self._part(part, handler))

    def _too_large(self) -> SourceError:
        return self._place.error("the workbook is too large, or expands to too much.", "Export it as CSV (UTF-8).")

    def _part(self, name: str, handler: Handler[Found]) -> Iterator[Found]:
        try:
            with self._archive.open(name) as stream:
                yield from parse(stream, handler, self._place)
        except _DAMAGED:
            raise self._place.error("the workbook is damaged.", "Save it again as XLSX.") from None


class _Part(Handler[Found]):
    """A part of a workbook; some writers give every element a prefix."""

    def startElement(self, name: str, attrs: Mapping[str, str]) -> None:  # type: ignore[override]  # noqa: N802  the name of SAX
        """Goes one element deeper."""
        if len(self.path) > MAX_DEPTH:
            super().startElement(name, attrs)  # which refuses it
        self.path.append(name.rpartition(":")[2] if ":" in name else name)
        self.opened(attrs)


class _Index(_Part[_Sheet]):
    """The sheets of the workbook, and which day its dates count from."""

    is_1904 = False

    def opened(self, attrs: Mapping[str, str]) -> None:
        if self.path[-1] == "workbookPr":
            self.is_1904 = attrs.get("date1904", "0") in {"1", "true"}
        if self.path[-1] == "sheet":
            relation = next((value for name, value in attrs.items() if name.endswith(":id")), "")
            self.ready.append(_Sheet(attrs.get("name", ""), relation, attrs.get("state", "visible") != "visible"))


class _Relations(_Part[_Relation]):
    """What a part refers to."""

    def opened(self, attrs: Mapping[str, str]) -> None:
        if self.path[-1] == "Relationship":
            kind = posixpath.basename(attrs.get("Type", ""))
            self.ready.append(_Relation(attrs.get("Id", ""), kind, attrs.get("Target", "")))


class _Styles(_Part[bool]):
    """Whether each style of cells, in its order, shows a number as a date."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._formats: dict[str, str] = {}

    def opened(self, attrs: Mapping[str, str]) -> None:
        from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

        if self.path[-1] == "numFmt":
            self._formats[attrs.get("numFmtId", "")] = attrs.get("formatCode", "")
        if self.path[-2:] == ["cellXfs", "xf"]:
            number = attrs.get("numFmtId", "0")
            code = self._formats.get(number) or BUILTIN_FORMATS.get(int(number), "")
            self.ready.append(bool(is_date_format(code)))


class _Texts(_Part[Found]):
    """Collects the text of `<t>` and `<v>`, without that of phonetic hints."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.text: list[str] = []

    def characters(self, content: str) -> None:
        if self.path[-1] in {"t", "v"} and "rPh" not in self.path:
            self.text.append(content)

    def taken(self) -> str:
        """The text so far, which begins anew."""
        text, self.text = "".join(self.text), []
        return text


class _SharedTexts(_Texts[str]):
    """The texts that cells refer to by number."""

    def closed(self) -> None:
        if self.path[-1] == "si":
            self.rest()
            self.ready.append(_unescaped(self.taken()))


class _SheetRows(_Texts[Row]):
    """Each row, by its number, without the empty cells at its end."""

    def __init__(self, place: Place, values: _Values) -> None:
        super().__init__(place)
        self._values = values
        self._number = 0
        self._cells: dict[int, str] = {}
        self._formula: list[str] = []
        self._column = 0
        self._kind, self._style = "n", 0

    def opened(self, attrs: Mapping[str, str]) -> None:
        name = self.path[-1]
        if name == "row":
            self.rest()
            self._number = int(attrs["r"]) if "r" in attrs else self._number + 1
            if self._number > MAX_ROWS:
                raise ValueError(self._number)
            self._cells, self._column = {}, 0
        elif name == "c":
            self._column = _column(attrs["r"]) if "r" in attrs else self._column + 1
            self._kind, self._style = attrs.get("t", "n"), int(attrs.get("s", "0"))
            self._formula, self.text = [], []
        elif name == "f":
            self._formula.append("=")

    def characters(self, content: str) -> None:
        super().characters(content)
        if self.path[-1] == "f":
            self._formula.append(content)

    def closed(self) -> None:
        name = self.path[-1]
        if name == "c":
            if cell := self._cell():
                self._cells[self._column] = cell
        elif name == "row":
            width = max((column for column, cell in self._cells.items() if cell), default=0)
            self.ready.append(Row(self._number, [self._cells.get(n, "") for n in range(1, width + 1)]))

    def _cell(self) -> str:
        """What is seen; of a formula that nobody has computed yet, the formula, so that it is not taken for nothing."""
        if text := self.taken():
            return self._values.shown(text, self._kind, self._style)
        return "".join(self._formula) if self._kind != "str" else ""


def _unescaped(text: str) -> str:
    """The text with what XML cannot hold, such as `_x000D_` for a carriage return; NUL and halves stay escaped."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _column(reference: str) -> int:
    """The number of a column, from 1, of a reference such as `AB12`."""
    return _column_of(reference.rstrip("0123456789"))


@lru_cache(maxsize=1024)
def _column_of(reference: str) -> int:
    number = 0
    for letter in reference:
        number = number * 26 + int(letter, 36) - 9
        if not 0 < number <= MAX_COLUMNS:
            raise ValueError(reference)
    return number


# ------------------------------------------------------------------------------------------------ values


class _Values:
    """What people see in a cell."""

    def __init__(self, texts: Sequence[str], are_dates: Sequence[bool], *, is_1904: bool) -> None:
        self._texts = texts
        self._are_dates = are_dates
        self._is_1904 = is_1904

    def shown(self, text: str, kind: str, style: int) -> str:
        """The text of a cell of this kind (`t` in the file) and style."""
        if kind == "s":
            number = int(text)
            if not 0 <= number < len(self._texts):
                raise ValueError("no such text")
            return self._texts[number]
        if kind == "b":
            return "TRUE" if text == "1" else "FALSE"
        return _unescaped(text) if kind != "n" else self._number(text, style)

    def _number(self, text: str, style: int) -> str:
        value = float(text)
        if 0 <= style < len(self._are_dates) and self._are_dates[style]:
            return self._date(value)
        # A spreadsheet keeps 15 digits, so a longer number is not what was typed: it is written so that ids refuse it.
        if abs(value) >= 1e15:
            return f"{value:.14E}"
        return f"{value:.15g}"

    def _date(self, serial: float) -> str:
        from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

        # Excel shows no date below zero, and calls day 60 the 29 February 1900, which was none.
        if serial < 0 or (int(serial) == 60 and not self._is_1904):
            return f"{serial:.15g}"
        try:
            found: object = from_excel(serial, CALENDAR_MAC_1904 if self._is_1904 else CALENDAR_WINDOWS_1900)
        except (OverflowError, ValueError):
            return repr(serial)
        if isinstance(found, datetime):
            return (found.date() if found.time() == time() else found).isoformat()
        return found.isoformat() if isinstance(found, date | time) else str(found)
